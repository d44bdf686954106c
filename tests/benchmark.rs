//! Accuracy tables: text, and NATS-Bench's files as Python writes them.

#[path = "common/messages.rs"]
mod messages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use messages::assert_safe;
use tenas::{Benchmark, DatasetKind, Error};

const A: &str = "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|";
const B: &str = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|";
const C: &str = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("benchmark-{name}"));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn table(name: &str, text: impl AsRef<[u8]>) -> tenas::Result<Benchmark> {
    let path = folder(name).join("table.tsv");
    fs::write(&path, text).unwrap();
    Benchmark::open(&path)
}

#[track_caller]
fn not_found<T: std::fmt::Debug>(result: tenas::Result<T>, words: &str) {
    match result {
        Err(Error::NotFound(message)) => {
            assert_safe(&message);
            assert!(message.contains(words), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn format_error<T: std::fmt::Debug>(result: tenas::Result<T>, words: &[&str]) {
    match result {
        Err(Error::Format(message)) => {
            assert_safe(&message);
            assert!(words.iter().all(|w| message.contains(w)), "{message}: {words:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_of_text() {
    let header = "arch_string\tcifar10_test\tImageNet16-120\timagenet1k";
    let text = format!("{header}\r\n{A}\t86.5\t28\t\r\n{B}\t90.25\t28\t\n\n{C}\t10\t\t\n");
    let table = table("text", text).unwrap();
    assert_eq!(table.count(), 3);
    let kinds = [DatasetKind::Cifar10, DatasetKind::ImageNet16, DatasetKind::ImageNet];
    assert_eq!(table.datasets(), kinds);
    assert_eq!(table.genotype(1).unwrap(), B);
    not_found(table.genotype(3), "index: found 3, expected below 3");
    assert_eq!(table.find(&format!(" {B} ")).unwrap(), 1);
    not_found(table.find(&A.replace("skip_connect", "none")), "does not have");
    format_error(table.find("|"), &["byte 1"]);

    assert_eq!(table.accuracy(0, DatasetKind::Cifar10).unwrap(), 86.5);
    not_found(table.accuracy(2, DatasetKind::ImageNet16), "no accuracy");
    not_found(table.accuracy(0, DatasetKind::Cifar100), "cifar10, ImageNet16-120, imagenet-1k");
    not_found(table.accuracy(9, DatasetKind::Cifar10), "index: found 9");
    let ranks = |kind| (0..2).map(|i| table.rank(i, kind).unwrap()).collect::<Vec<_>>();
    assert_eq!(ranks(DatasetKind::Cifar10), [2, 1]);
    assert_eq!(ranks(DatasetKind::ImageNet16), [1, 1]);
    assert_eq!(table.rank(2, DatasetKind::Cifar10).unwrap(), 3);
    not_found(table.rank(2, DatasetKind::ImageNet16), "no accuracy");
    assert_eq!(table.best(DatasetKind::Cifar10).unwrap(), 1);
    assert_eq!(table.best(DatasetKind::ImageNet16).unwrap(), 0);
    not_found(table.best(DatasetKind::ImageNet), "has no accuracy on imagenet-1k");
    not_found(table.best(DatasetKind::Custom), "found custom");
}

#[test]
fn a_table_of_darts() {
    let space = tenas::SpaceKind::Darts.space();
    let native = |i| {
        let genotype = tenas::Genotype::at(&space, i).unwrap();
        genotype.to_text(tenas::GenotypeFormat::Native)
    };
    let text = format!("arch_string\tcifar10\n{}\t97.1\n{}\t97.2\n", native(5), native(6));
    let table = table("darts", text).unwrap();
    assert_eq!(table.kind(), tenas::SpaceKind::Darts);
    assert_eq!(table.best(DatasetKind::Cifar10).unwrap(), table.find(&native(6)).unwrap());
}

#[test]
fn bad_tables_are_refused() {
    let good = format!("arch_string\tcifar10\n{A}\t50\n");
    assert!(table("bad-none", &good).is_ok());
    for (i, (text, words)) in [
        (String::new(), vec!["line 1: found \"\", expected a header"]),
        ("network\tcifar10\n".into(), vec!["line 1: found \"network", "a column arch_string"]),
        ("arch_string\n".into(), vec!["line 1", "no column"]),
        ("arch_string\tmnist\n".into(), vec!["line 1: column \"mnist\"", "ImageNet16-120"]),
        ("arch_string\tcifar10_valid\n".into(), vec!["column \"cifar10_valid\""]),
        ("arch_string\tcifar10\tcifar10_test\n".into(), vec!["a second one of cifar10"]),
        (good.replace("\t50", ""), vec!["line 2: found 0 accuracies, expected 1"]),
        (good.replace("\t50", "\t50\t51"), vec!["line 2: found 2 accuracies"]),
        (good.replace("50", "fifty"), vec!["line 2: cifar10: found \"fifty\""]),
        (good.replace("50", "101"), vec!["found \"101\", expected 0 to 100"]),
        (good.replace("50", "NaN"), vec!["found \"NaN\""]),
        (good.replace("50", "-1"), vec!["found \"-1\""]),
        (good.replace("avg_pool", "max_pool"), vec!["line 2: genotype: byte 1"]),
        (format!("{good}{A}\t51\n"), vec!["lines 2 and 3 are both"]),
    ]
    .into_iter()
    .enumerate()
    {
        format_error(table(&format!("bad-{i}"), text), &words);
    }
    for (name, content, found) in [
        ("pickle", &b"\x80\x04}."[..], "a Python pickle"),
        ("archive", b"BZh91AY&SY", "a bzip2 file"),
        ("page", b"<html>404</html>", "an HTML or XML page"),
    ] {
        let words =
            [found, "expected a table as text in UTF-8", "the folder of NATS-Bench's files"];
        format_error(table(&format!("bad-{name}"), content), &words);
    }
    format_error(table("bad-utf8", b"arch_string\tcifar10\n\xff\t1\n"), &["byte 20"]);
    let missing = Benchmark::open(Path::new("/no/such/table.tsv"));
    assert!(matches!(missing, Err(Error::Io { .. })));
}

/// What tables that users have give: the architectures, the best accuracy on each data set and the
/// ignored columns; or the words of the message.
#[test]
fn tables_that_users_have_are_read_or_refused() {
    type Expected = Result<(usize, &'static [f64], &'static [&'static str]), &'static str>;
    const ALL: &[f64] = &[93.85, 71.2, 45.1];
    const ONE: &[f64] = &[93.85];
    const CASES: [(&str, Expected); 52] = [
        ("Arch_String_caps.tsv", Ok((1, ONE, &[]))),
        ("ImageNet_col.tsv", Ok((1, &[45.1], &[]))),
        ("NA.tsv", Err("line 2: cifar100: found \"NA\", expected 0 to 100 percent")),
        ("acc_column.tsv", Ok((1, ONE, &[]))),
        ("arch_header.tsv", Ok((1, ONE, &[]))),
        ("arch_last.tsv", Ok((3, ONE, &[]))),
        ("arch_str_header.tsv", Ok((1, ONE, &[]))),
        ("blank_lines.tsv", Ok((3, ALL, &[]))),
        ("bom.tsv", Ok((3, ALL, &[]))),
        ("bom_crlf_quoted.tsv", Ok((3, ONE, &[]))),
        ("comma.csv", Ok((3, ALL, &[]))),
        ("comment_rows.tsv", Ok((3, ALL, &[]))),
        ("comments.tsv", Ok((3, ALL, &[]))),
        ("cr_only.tsv", Ok((3, ALL, &[]))),
        ("crlf.tsv", Ok((3, ALL, &[]))),
        ("darts.tsv", Ok((2, &[97.24], &[]))),
        ("darts_json.tsv", Ok((1, &[97.24], &[]))),
        ("darts_two_spellings_dup.tsv", Err("lines 2 and 3 are both Genotype(")),
        (
            "decimal_comma.tsv",
            Err("line 2: cifar10: found \"93,85\", expected 0 to 100 percent with a decimal point"),
        ),
        ("dup_rows.tsv", Err("lines 2 and 5 are both |nor_conv_3x3~0|")),
        ("dup_rows_other_value.tsv", Err("lines 2 and 3 are both |nor_conv_3x3~0|")),
        ("empty.tsv", Err("line 1: found \"\", expected a header")),
        ("empty_cell.tsv", Ok((2, &[93.85, 40.25, 45.1], &[]))),
        ("error_rate_neg.tsv", Err("line 2: cifar10: found \"-1\"")),
        ("exponent.tsv", Ok((2, ONE, &[]))),
        ("extra_columns.tsv", Ok((1, ONE, &["params", "flops"]))),
        (
            "fractions.tsv",
            Err(
                "line 2: cifar10: found \"0.9385\", expected percent, not a fraction: 93.85 percent",
            ),
        ),
        ("header_only.tsv", Ok((0, &[], &[]))),
        ("hundred_point_something.tsv", Err("line 2: cifar10: found \"100.00000000000001\"")),
        ("imagenet16_name.tsv", Ok((1, &[45.1], &[]))),
        ("imagenet_name.tsv", Err("column \"imagenet\": expected ImageNet16-120 or imagenet-1k")),
        ("index_first.tsv", Ok((3, ONE, &["index"]))),
        ("index_rows.tsv", Err("line 2: genotype: byte 0: found \"0\"")),
        ("latin1.tsv", Err("byte 127: found no UTF-8")),
        ("mean_std.tsv", Err("line 2: cifar10: found \"93.85 \u{b1} 0.2\"")),
        ("mixed_fraction_percent.tsv", Err("line 2: cifar10: found \"0.9385\"")),
        ("mixed_spaces.tsv", Err("line 3: genotype: byte 0: found \"Genotype(")),
        ("nan.tsv", Err("line 2: cifar100: found \"nan\"")),
        ("no_final_newline.tsv", Ok((3, ALL, &[]))),
        ("no_header.tsv", Err("line 1: found \"|nor_conv_3x3~0|")),
        ("none_dash.tsv", Err("line 2: cifar100: found \"-\"")),
        ("pandas_index.tsv", Ok((3, ONE, &[""]))),
        ("percent_sign.tsv", Ok((3, ONE, &[]))),
        ("plain.tsv", Ok((3, ALL, &[]))),
        ("semicolon.csv", Ok((3, ALL, &[]))),
        ("short_row.tsv", Err("line 2: found 1 accuracies, expected 3")),
        ("table.pickle", Err("found a Python pickle, expected a table as text in UTF-8")),
        ("test_acc_column.tsv", Err("column \"test_accuracy\": expected the name of a data set")),
        ("test_only_columns.tsv", Ok((1, ALL, &[]))),
        ("unique_forms.tsv", Ok((2, &[93.0], &[]))),
        ("utf16_excel.tsv", Err("found UTF-16 text, expected a table as text in UTF-8")),
        (
            "val_test_columns.tsv",
            Err("column \"imagenet-test\": expected ImageNet16-120 or imagenet-1k"),
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), CASES.len());
    for (name, expected) in CASES {
        match (Benchmark::open(&folder.join(name)), expected) {
            (Ok(table), Ok((count, best, ignored))) => {
                assert_eq!(
                    (table.count(), table.ignored_columns()),
                    (count, &ignored.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>()[..]),
                    "{name}"
                );
                let found = table.datasets().into_iter().filter_map(|kind| {
                    let index = table.best(kind).ok()?;
                    table.accuracy(index, kind).ok()
                });
                assert_eq!(found.collect::<Vec<_>>(), best, "{name}");
            }
            (Err(Error::Format(message)), Err(words)) => {
                assert!(message.contains(words) && message.contains(name), "{message}: {words}");
                assert!(!message.contains(char::is_control), "{message:?}");
            }
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}

/// A fraction is told from a percentage that guessing gives.
#[test]
fn few_percent_are_those_of_guessing() {
    let values = |column: &str, value: &str| {
        table("guessing", format!("arch,{column}\n{A},{value}\n{B},45\n"))
    };
    for (column, value) in [
        ("cifar100", "1"),
        ("ImageNet16-120", "0.8333"),
        ("imagenet-1k", "0.1"),
        ("cifar10", "0"),
        ("cifar10", "0.5%"),
        ("cifar10", "1.5"),
    ] {
        assert_eq!(
            values(column, value)
                .unwrap()
                .best(values(column, value).unwrap().datasets()[0])
                .unwrap(),
            1
        );
    }
    for (column, value, percent) in [
        ("cifar10", "1", "100 percent"),
        ("cifar10", "0.9385", "93.85 percent"),
        ("cifar100", "0.71", "71 percent"),
        ("ImageNet16-120", "0.45", "45 percent"),
        ("imagenet-1k", "0.76", "76 percent"),
        ("imagenet-1k", "1e-3", "0.1 percent"),
    ] {
        format_error(values(column, value), &["line 2", column, "not a fraction", percent]);
    }
}

/// Quotes, lines in quotes and comments do not move the numbers of lines.
#[test]
fn lines_are_numbered_as_an_editor_does() {
    let darts = "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1),\n\
        ('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', 1),\n\
        ('skip_connect', 0), ('skip_connect', 1)], reduce=[('skip_connect', 0), ('none', 0),\n\
        ('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', 1),\n\
        ('skip_connect', 0), ('skip_connect', 1)])";
    for end in ["\n", "\r\n"] {
        let good = format!("# mine\n\ngenotype,cifar10\n\"{darts}\",90\n# more\n");
        let table_of = |text: String| table("lines", text.replace('\n', end));
        assert_eq!(table_of(good.clone()).unwrap().count(), 1);
        let again = darts.replace('\n', " ");
        format_error(table_of(format!("{good}\n\"{again}\",91\n")), &["lines 4 and 11 are both"]);
        format_error(
            table_of(format!("{good}\"{again}\",x\n")),
            &["line 10: cifar10: found \"x\""],
        );
    }
    // What is in a cell cannot reach a terminal.
    let hostile = "arch,cifar10\n|\u{1b}[31m~0|,1\n";
    format_error(table("hostile", hostile), &["line 2: genotype: byte 1: found \"\\u{1b}[31m"]);
    format_error(table("hostile", format!("arch,cifar10\n{A},\u{7}\n")), &["found \"\\u{7}\""]);
}

/// Python writes the files with its own pickle and bz2, under the keys that the public reader
/// asks for.
fn python(folder: &Path, arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/write_nats.py");
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/python");
    let output = Command::new("python3")
        .arg(&script)
        .arg(folder)
        .args(arguments)
        .env("PYTHONPATH", packages)
        .output();
    let output = output.unwrap_or_else(|e| panic!("this test needs python3 (3.6 or later): {e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nats_bench_as_python_writes_it() {
    let protocols = ["0", "1", "2", "3", "4"].map(|protocol| ["--protocol", protocol]);
    // NumPy's numbers, whole numbers as keys, tuples for lists, files that nothing compresses.
    let variants =
        ["float32", "float64", "array", "seeds", "numbers", "tuples", "unpacked", "not-packed"]
            .map(|variant| ["--variant", variant]);
    for arguments in protocols.iter().chain(&variants) {
        let folder = folder(&format!("nats-{}", arguments[1]));
        python(&folder, arguments);
        let table = Benchmark::open(&folder).unwrap();
        assert_eq!(table.count(), 4);
        let kinds = [DatasetKind::Cifar10, DatasetKind::Cifar100, DatasetKind::ImageNet16];
        assert_eq!(table.datasets(), kinds);
        // Two trainings on CIFAR-10, one on the others; see the script.
        let near = |found: tenas::Result<f64>, expected: f64| {
            let found = found.unwrap();
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        };
        for (i, genotype) in [(0, A), (1, B), (2, C)] {
            assert_eq!(table.find(genotype).unwrap(), i);
            near(table.accuracy(i, DatasetKind::Cifar10), 90.5 + i as f64);
            near(table.accuracy(i, DatasetKind::Cifar100), 60.25 - i as f64);
        }
        near(table.accuracy(0, DatasetKind::ImageNet16), 40.125);
        not_found(table.accuracy(1, DatasetKind::ImageNet16), "no accuracy");
        // In the list, but without a file.
        not_found(table.accuracy(3, DatasetKind::Cifar10), "no accuracy");
        not_found(table.accuracy(3, DatasetKind::Cifar10), "no file 000003.pickle.pbz2");
        assert_eq!(table.rank(0, DatasetKind::Cifar10).unwrap(), 3);
        assert_eq!(table.rank(0, DatasetKind::Cifar100).unwrap(), 1);
        assert_eq!(table.best(DatasetKind::Cifar10).unwrap(), 2);
        assert_eq!(table.best(DatasetKind::ImageNet16).unwrap(), 0);
        not_found(table.rank(3, DatasetKind::Cifar10), "no accuracy");
    }
}

#[test]
fn bad_nats_files_are_refused() {
    for (fault, words) in [
        ("no-meta-archs", vec!["meta.pickle.pbz2", "\"meta_archs\""]),
        ("meta-is-a-list", vec!["meta.pickle.pbz2", "\"meta_archs\""]),
        ("meta-number", vec!["no text in \"meta_archs\""]),
        ("meta-unknown", vec!["architecture 1: genotype: byte 1"]),
        ("meta-twice", vec!["architectures 0 and 1"]),
        ("meta-size", vec!["found 8:8:8:8:8", "size search space", "topology search space"]),
        ("meta-renamed", vec!["found meta.pickle.pbz2.pbz2, expected meta.pickle.pbz2", "rename"]),
        ("meta-not-bz2", vec!["meta.pickle.pbz2", "bzip2"]),
        ("meta-cut", vec!["meta.pickle.pbz2", "bzip2"]),
        ("meta-no-pickle", vec!["pickle: byte"]),
    ] {
        let folder = folder(fault);
        python(&folder, &["--fault", fault]);
        format_error(Benchmark::open(&folder), &words);
    }
    for (fault, words) in [
        ("no-200", vec!["000000.pickle.pbz2", "key \"200\"", "but of 12"]),
        ("accuracy-large", vec!["found 100.5, expected accuracy of 0 to 100", "seed 777"]),
        ("other-arch", vec!["expected |avg_pool_3x3~0|"]),
        ("no-seeds", vec!["no \"dataset_seed\""]),
        ("seed-text", vec!["whole number as seed of cifar10"]),
        ("no-result", vec!["result of cifar10, seed 888"]),
        ("no-epochs", vec!["\"epochs\" of cifar10, seed 777"]),
        ("no-accuracy", vec!["\"ori-test@199\" of cifar10, seed 777"]),
        ("accuracy-text", vec!["\"ori-test@199\""]),
        ("accuracy-nan", vec!["accuracy of 0 to 100"]),
        ("entry-not-bz2", vec!["000000.pickle.pbz2", "bzip2"]),
        ("entry-cut", vec!["000000.pickle.pbz2", "bzip2"]),
        ("entry-no-pickle", vec!["000000.pickle.pbz2", "pickle: byte"]),
    ] {
        let folder = folder(fault);
        python(&folder, &["--fault", fault]);
        let table = Benchmark::open(&folder).unwrap();
        format_error(table.accuracy(0, DatasetKind::Cifar10), &words);
        format_error(table.best(DatasetKind::Cifar10), &words);
        assert_eq!(table.accuracy(1, DatasetKind::Cifar10).unwrap(), 91.5);
    }
    let missing = Benchmark::open(&folder("empty"));
    assert!(matches!(missing, Err(Error::Io { .. })));
}

#[test]
fn rounding_may_exceed_100_percent() {
    let folder = folder("accuracy-rounded");
    python(&folder, &["--fault", "accuracy-rounded"]);
    let table = Benchmark::open(&folder).unwrap();
    // The mean of 100 and 91.
    assert_eq!(table.accuracy(0, DatasetKind::Cifar10).unwrap(), 95.5);
}

/// A pickle that would run a command in Python is data here.
#[test]
fn nothing_in_a_pickle_runs() {
    let folder = folder("hostile");
    python(&folder, &["--fault", "runs-a-command"]);
    let table = Benchmark::open(&folder).unwrap();
    assert_eq!(table.accuracy(0, DatasetKind::Cifar10).unwrap(), 90.5);
    assert!(!folder.join("ran").exists());
}
