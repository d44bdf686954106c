//! Files and texts that would command a terminal, in every reader: what is said of them does not.

#[path = "common/messages.rs"]
mod messages;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use messages::assert_safe;
use serde_json::{Value, json};
use tenas::search::parameters::Parameter;
use tenas::{
    Benchmark, Config, Context, Dataset, DatasetKind, DeviceKind, Error, Genotype, SpaceKind,
};

/// Red, the title of a window, a line of one's own, a deleted line, text from right to left.
const HOSTILE: &str = "\x1b[31m\x1b]0;title\x07\nerror: none\r\x7f\u{9b}2K\u{202e}txt";

/// The text that an error was made of, before it is escaped once more to be shown.
#[track_caller]
fn check<T>(what: &str, result: Result<T, Error>) -> String {
    let error = result.err().unwrap_or_else(|| panic!("{what}: read"));
    assert_safe(&error.to_string());
    match error {
        Error::Format(text)
        | Error::InvalidArgument(text)
        | Error::NotFound(text)
        | Error::OutOfMemory(text)
        | Error::InvalidState(text) => {
            assert_safe(&text);
            text
        }
        Error::Io { .. } => error.to_string(),
        other => panic!("{what}: {other:?}"),
    }
}

/// One member of a tar archive.
fn member(name: &[u8], kind: tar::EntryType, link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_old();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn gzipped(mut tar: Vec<u8>) -> Vec<u8> {
    tar.extend([0; 1024]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar).unwrap();
    encoder.finish().unwrap()
}

/// A pickled dictionary of protocol 2, of these keys and the opcodes of their values.
fn pickled(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"\x80\x02}(".to_vec();
    for (key, value) in entries {
        bytes.extend(text(key));
        bytes.extend(*value);
    }
    bytes.extend(b"u.");
    bytes
}

/// The opcode of a text.
fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn npy(header: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

fn zip(name: &str) -> Vec<u8> {
    let mut zip = rawzip::ZipArchiveWriter::new(Vec::new());
    let (entry, config) = zip.new_file(name).start().unwrap();
    let mut entry = entry;
    let mut writer = config.wrap(&mut entry);
    writer.write_all(b"x").unwrap();
    let output = writer.finish().unwrap().1;
    entry.finish(output).unwrap();
    zip.finish().unwrap()
}

fn tensors(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

#[test]
fn data_sets() {
    let folder = tempfile::tempdir().unwrap();
    let file = tar::EntryType::Regular;
    let name = format!("{HOSTILE}/data_batch_1.bin");
    let mut no_number = member(name.as_bytes(), file, b"", b"abc");
    no_number[124..136].copy_from_slice(b"\x1b[31mabc\x07\x08\0\0");
    let sum: u32 = no_number[..512]
        .iter()
        .enumerate()
        .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
        .sum();
    no_number[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bad_sum = member(b"data_batch_1.bin", file, b"", &[1; 3073]);
    bad_sum.extend(member(name.as_bytes(), file, b"", b"abc"));
    let second = bad_sum.len() - 1024;
    bad_sum[second + 148..second + 156].copy_from_slice(b"\x1b[31m\x07\x08\0");
    let hard_link = member(b"data_batch_1.bin", tar::EntryType::Link, HOSTILE.as_bytes(), b"");
    let sparse = member(name.as_bytes(), tar::EntryType::new(0x1b), b"", b"");
    let twice = member(name.as_bytes(), file, b"", &[1; 3073]).repeat(2);
    let called = [b"c", HOSTILE.replace('\n', "").as_bytes(), b"\nname\n)R"].concat();
    let cases: [(&str, Vec<u8>, &str); 19] = [
        ("size", gzipped(member(name.as_bytes(), file, b"", b"abc")), "found 3 bytes"),
        ("no number", gzipped(no_number), "numeric field"),
        ("checksum", gzipped(bad_sum), "broken or cut archive"),
        ("link", gzipped(hard_link), "a hard link to \\u{1b}[31m"),
        ("sparse", gzipped(sparse), "an entry of type '\\u{1b}'"),
        ("twice", gzipped(twice), "twice"),
        ("gzip", [b"\x1f\x8b\x08", HOSTILE.as_bytes()].concat(), "broken or cut archive"),
        ("bzip2", [b"BZh9", HOSTILE.as_bytes()].concat(), "broken or cut archive"),
        ("xz", [b"\xfd7zXZ\0", HOSTILE.as_bytes()].concat(), "broken or cut archive"),
        ("keys", pickled(&[(HOSTILE, b"N")]), "without the key 'data' (it has \\u{1b}[31m"),
        ("called", pickled(&[("data", &called)]), "found what \\u{1b}[31m"),
        ("descr", npy(&format!("{{'descr': '{HOSTILE}',}}")), "found values of type \"\\u{1b}"),
        ("header", npy(&format!("{{'descr': {HOSTILE}}}")), "an unreadable 'descr'"),
        ("names", zip(&format!("{HOSTILE}.npy")), "found the arrays  none\\r\\u{7f}"),
        ("zip", [b"PK\x03\x04", HOSTILE.as_bytes()].concat(), "broken or cut zip archive"),
        (
            "tensors",
            tensors(
                &json!({HOSTILE: {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}})
                    .to_string(),
            ),
            "found the tensors \\u{1b}[31m",
        ),
        ("safetensors", tensors(&format!("{{\"{HOSTILE}\": 7}}")), "broken safetensors"),
        ("text", HOSTILE.repeat(1000).into_bytes(), "expected a multiple of 3073"),
        ("html", format!("<html>{HOSTILE}").into_bytes(), "expected"),
    ];
    for (name, content, words) in cases {
        // A path of the same kind.
        let path = folder.path().join(format!("{}{name}", HOSTILE.replace('/', "")));
        fs::write(&path, content).unwrap();
        let message = check(name, Dataset::open(DatasetKind::Cifar10, &path));
        assert!(message.contains(words), "{name}: {message}");
        assert!(message.contains("\\u{1b}]0;title\\u{7}\\nerror: none\\r"), "{name}: {message}");
        check(name, Dataset::open(DatasetKind::ImageNet, &path));
    }
    check("missing", Dataset::open(DatasetKind::Cifar10, &folder.path().join(HOSTILE)));
    let classes = folder.path().join(format!("classes{HOSTILE}"));
    fs::create_dir_all(classes.join(HOSTILE)).unwrap();
    fs::write(classes.join(HOSTILE).join(format!("{HOSTILE}.jpg")), HOSTILE).unwrap();
    let images = Dataset::open(DatasetKind::ImageNet, &classes).unwrap();
    check("no JPEG", images.read(0, &mut [0; 3072]));
    check(
        "only broken ones",
        images.ntk_batch(
            1,
            &tenas::random::Key {
                seed: 0,
                purpose: tenas::random::Purpose::NtkImages,
                round: 0,
                candidate: 0,
                repeat: 0,
            },
        ),
    );
}

#[test]
fn accuracy_tables() {
    const NONE: &str = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    let folder = tempfile::tempdir().unwrap();
    let line = HOSTILE.replace(['\n', '\r'], "");
    for (i, content) in [
        HOSTILE.to_owned(),
        format!("arch_string\t{line}\n"),
        format!("arch_string\tcifar10\n{line}\t1\n"),
        format!("arch_string\tcifar10\n{NONE}\t{line}\n"),
        format!("arch_string\tcifar10\n{NONE}\t1\n{NONE}{line}\t1\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("table{i}{line}"));
        fs::write(&path, content).unwrap();
        check("table", Benchmark::open(&path));
    }
    let nats = folder.path().join(format!("nats{HOSTILE}"));
    fs::create_dir(&nats).unwrap();
    fs::write(nats.join(format!("meta{HOSTILE}")), "").unwrap();
    assert!(check("no list", Benchmark::open(&nats)).contains("meta\\u{1b}[31m"));
    let list = |archs: &[&str]| {
        let items: Vec<u8> = archs.iter().flat_map(|arch| text(arch)).collect();
        let value = [b"](".as_slice(), &items, b"e"].concat();
        fs::write(nats.join("meta.pickle"), pickled(&[("meta_archs", &value)])).unwrap();
    };
    list(&[HOSTILE]);
    check("architecture", Benchmark::open(&nats));
    list(&[NONE]);
    let table = Benchmark::open(&nats).unwrap();
    for (what, content) in [
        ("epochs", pickled(&[(HOSTILE, b"N")])),
        ("name", {
            let mut arch = b"}".to_vec();
            arch.extend([text("arch_str"), text(HOSTILE), b"s".to_vec()].concat());
            pickled(&[("200", &arch)])
        }),
        ("bzip2", HOSTILE.as_bytes().to_vec()),
    ] {
        fs::write(nats.join("000000.pickle.pbz2"), content).unwrap();
        check(what, table.accuracy(0, DatasetKind::Cifar10));
    }
    check("find", table.find(HOSTILE));
}

#[test]
fn genotypes_and_configurations() {
    for kind in SpaceKind::ALL {
        let space = kind.space();
        for text in [
            HOSTILE.to_owned(),
            format!("|{HOSTILE}"),
            format!("Genotype(normal=[('{HOSTILE}', 0)"),
            format!("{{{HOSTILE}"),
            json!({ "space": HOSTILE }).to_string(),
            json!({ "edges": [HOSTILE], "cells": HOSTILE, "normal": [HOSTILE] }).to_string(),
        ] {
            check(&text, Genotype::parse(&space, &text));
        }
    }
    for json in [
        json!(HOSTILE),
        json!({ "space": HOSTILE }),
        json!({"space": "darts", "dataset": HOSTILE}),
        json!({"space": "darts", "dataset": "cifar10", "init": HOSTILE}),
        json!({"space": "darts", "dataset": "cifar10", HOSTILE: 1}),
    ] {
        check("configuration", Config::from_json(&json));
    }
    check("parameter", Parameter::named(HOSTILE));
}

#[test]
fn checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..4 * 48).map(|i| (i * 37 % 251) as u8).collect();
    let images = Dataset::from_images(&bytes, 4, [3, 4, 4], None, 2).unwrap();
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Custom);
    config.set_device(DeviceKind::Cpu, 0).unwrap();
    config.set_batch_size(2).unwrap();
    let search = Context::new(&config, &images).unwrap();
    let whole = folder.path().join("whole");
    search.save(&whole).unwrap();
    let json: Value = serde_json::from_slice(&fs::read(&whole).unwrap()).unwrap();
    let path = folder.path().join(HOSTILE);
    let load =
        |what: &str, path: &Path| check(what, Context::load(path, &images, None).map(|_| ()));
    load("missing", &path);
    fs::write(&path, HOSTILE).unwrap();
    load("no JSON", &path);
    for (place, value) in [
        ("/format", json!(HOSTILE)),
        ("/library", json!([HOSTILE])),
        ("/config/space", json!(HOSTILE)),
        ("/config/init", json!(HOSTILE)),
        ("/config", json!({ HOSTILE: 1 })),
        ("/dataset", json!({ HOSTILE: 1 })),
        ("/records", json!([{ HOSTILE: HOSTILE }])),
        ("/records", json!(HOSTILE)),
        ("/mask", json!([[[HOSTILE]]])),
        (
            "/pruned_by_host",
            json!([{"round": 0, "place": {"cell": HOSTILE, "edge": "", "operation": ""}}]),
        ),
    ] {
        let mut json = json.clone();
        *json.pointer_mut(place).unwrap() = value;
        fs::write(&path, json.to_string()).unwrap();
        load(place, &path);
    }
    // Of other images, from a place of that name.
    let mut json = json;
    json["dataset"]["origin"] = json!(HOSTILE);
    json["dataset"]["digest"] = json!(1);
    fs::write(&path, json.to_string()).unwrap();
    let message = load("digest", &path);
    if let Some((_, right)) = message.split_once("expected ") {
        let right: String = right.chars().take_while(char::is_ascii_digit).collect();
        if let Ok(right) = right.parse::<u64>() {
            json["checksum"] = json!(right);
            fs::write(&path, json.to_string()).unwrap();
            let message = load("digest", &path);
            assert!(message.contains("dataset: found"), "{message}");
        }
    }
}
