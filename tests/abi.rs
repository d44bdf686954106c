//! What programs that are compiled already rely on: names, numbers and layouts, as they are on record
//! in `tests/abi`. `TENAS_WRITE_ABI=1` (`make abi`) writes the record instead.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::mem::{align_of, offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use tenas::ffi::*;

/// A declaration of tenas.h.
#[derive(Debug, PartialEq)]
enum Declaration {
    /// `#define`: name, value.
    Macro(String, String),
    /// Name, constants.
    Enum(String, Vec<String>),
    /// Name, fields as (type, name); the type of an array has its length, as in `double[16]`.
    Struct(String, Vec<(String, String)>),
    /// Seen as a pointer only.
    Opaque(String),
    /// Another name of a number.
    Alias(String),
    /// Type of a callback.
    Callback(String),
    Function(String),
}
use Declaration::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> Vec<Declaration> {
    parse(&fs::read_to_string(root().join("include/tenas.h")).expect("include/tenas.h can be read"))
}

/// All that a header declares; panics on what is no declaration known here, so that nothing is left
/// out of the record.
fn parse(header: &str) -> Vec<Declaration> {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    code += rest;

    let mut found = Vec::new();
    let mut text = String::new();
    for line in code.lines().map(str::trim) {
        if let Some(define) = line.strip_prefix("#define ") {
            // The include guard has no value.
            if let Some((name, value)) = define.split_once(' ') {
                found.push(Macro(name.into(), value.trim().into()));
            }
        } else if !line.starts_with('#') && line != "extern \"C\" {" {
            text += line;
            text.push(' ');
        }
    }
    let mut rest = text.trim();
    // What closes extern "C".
    while !rest.is_empty() && rest != "}" {
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ';' && depth == 0
        });
        let (one, after) = rest.split_at(end.unwrap_or_else(|| panic!("no end: {rest}")));
        found.push(declaration(one));
        rest = after[1..].trim_start();
    }
    found
}

fn declaration(text: &str) -> Declaration {
    let words: Vec<&str> = text.split([' ', '{']).filter(|w| !w.is_empty()).collect();
    let last_word = |text: &str| -> String {
        let start = text.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        text[start.map_or(0, |s| s + 1)..].to_owned()
    };
    let body = text.split_once('{').and_then(|(_, body)| body.rsplit_once('}'));
    match (&words[..], body) {
        (["typedef", "enum", name, ..], Some((body, _))) => {
            let constants = body.split(',').map(str::trim).filter(|c| !c.is_empty());
            Enum((*name).into(), constants.map(|c| words_of(c)[0].into()).collect())
        }
        (["typedef", "struct", name, ..], Some((body, _))) => {
            let fields = body.split(';').map(str::trim).filter(|f| !f.is_empty());
            let split = |field: &str| {
                let (field, length) = field.split_at(field.find('[').unwrap_or(field.len()));
                let name = last_word(field);
                assert!(!name.is_empty(), "{text}: {field}: expected a type and a name");
                (field[..field.len() - name.len()].trim().to_owned() + length, name)
            };
            Struct((*name).into(), fields.map(split).collect())
        }
        (["typedef", "struct", name, again], None) if name == again => Opaque((*name).into()),
        (["typedef", ..], None) if text.contains("(*") => {
            Callback(text.split("(*").nth(1).unwrap().split(')').next().unwrap().into())
        }
        (["typedef", _, name], None) => Alias((*name).into()),
        (_, None) if text.ends_with(')') => Function(last_word(text.split_once('(').unwrap().0)),
        _ => panic!("tenas.h: found {text:?}, expected a declaration"),
    }
}

fn words_of(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// A C program that prints the layout of all that is declared.
fn program(declarations: &[Declaration]) -> String {
    let mut c = "#include <stdio.h>\n#include \"tenas.h\"\n\nint main(void)\n{\n".to_owned();
    for declaration in declarations {
        let lines = match declaration {
            Macro(name, value) if value.starts_with('"') => {
                format!("printf(\"{name} = \\\"%s\\\"\\n\", {name});")
            }
            Macro(name, _) => format!("printf(\"{name} = %lld\\n\", (long long){name});"),
            Enum(name, constants) => {
                let mut lines =
                    format!("printf(\"\\nenum {name}: %zu bytes\\n\", sizeof({name}));\n");
                for constant in constants {
                    lines += &format!(
                        "    printf(\"    {constant} = %lld\\n\", (long long){constant});\n"
                    );
                }
                lines
            }
            Struct(name, fields) => {
                let mut lines = format!(
                    "printf(\"\\nstruct {name}: %zu bytes, aligned to %zu\\n\", sizeof({name}), \
                     _Alignof({name}));\n"
                );
                for (kind, field) in fields {
                    lines += &format!(
                        "    printf(\"    at %zu, %zu bytes: {kind} {field}\\n\", offsetof({name}, \
                         {field}), sizeof((({name} *)0)->{field}));\n"
                    );
                }
                lines
            }
            Alias(name) => format!(
                "printf(\"\\n{name}: %zu bytes, %s\\n\", sizeof({name}), ({name})-1 < 0 ? \
                 \"signed\" : \"unsigned\");"
            ),
            Callback(name) => format!("printf(\"\\n{name}: %zu bytes\\n\", sizeof({name}));"),
            Opaque(_) | Function(_) => continue,
        };
        writeln!(c, "    {}", lines.trim_end()).unwrap();
    }
    c + "    return 0;\n}\n"
}

/// What the program prints.
static LAYOUT_IN_C: LazyLock<String> = LazyLock::new(|| layout_in_c(&header()));

fn layout_in_c(declarations: &[Declaration]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("layout.c"), folder.join("layout"));
    fs::write(&source, program(declarations)).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let compiled = Command::new(&compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg("-I")
        .arg(root().join("include"))
        .args([source.as_os_str(), "-o".as_ref(), binary.as_os_str()])
        .output()
        .unwrap_or_else(|error| panic!("this test needs a C compiler, {compiler}: {error}"));
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    String::from_utf8(Command::new(&binary).output().unwrap().stdout).unwrap()
}

/// Compares with a file of the record, or writes it.
fn check_record(name: &str, found: &str) {
    let path = root().join("tests/abi").join(name);
    if env::var_os("TENAS_WRITE_ABI").is_some() {
        fs::write(&path, found).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap();
    let only = |a: &str, b: &str| -> Vec<String> {
        let b: BTreeSet<&str> = b.lines().collect();
        a.lines().filter(|line| !b.contains(line)).map(str::to_owned).collect()
    };
    assert!(
        recorded == found,
        "tests/abi/{name} has {:#?}, where tenas.h has {:#?}. If old programs still run, and what is \
         published stays as it was, run `make abi` and commit; else TENAS_ABI_VERSION must grow too",
        only(&recorded, found),
        only(found, &recorded)
    );
}

/// The names of the functions, one a line, sorted.
fn functions() -> String {
    let names: BTreeSet<String> = header()
        .into_iter()
        .filter_map(|d| if let Function(name) = d { Some(name + "\n") } else { None })
        .collect();
    names.into_iter().collect()
}

#[test]
fn functions_are_as_recorded() {
    check_record("symbols.txt", &functions());
}

#[test]
#[cfg(target_pointer_width = "64")]
fn layout_is_as_recorded() {
    check_record("layout.txt", &LAYOUT_IN_C);
}

/// The shared library beside this test has these symbols, and no others.
#[test]
#[cfg(all(target_os = "linux", not(feature = "test-hooks")))]
fn library_exports_what_the_header_declares() {
    let library: PathBuf = env::current_exe().unwrap().with_file_name("libtenas.so");
    let nm = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output();
    let nm = nm.unwrap_or_else(|error| panic!("this test needs nm, of binutils: {error}"));
    assert!(nm.status.success(), "{}", String::from_utf8_lossy(&nm.stderr));
    let symbols: BTreeSet<String> = String::from_utf8(nm.stdout)
        .unwrap()
        .lines()
        .map(|line| words_of(line).last().unwrap().to_string() + "\n")
        .collect();
    assert_eq!(symbols.into_iter().collect::<String>(), functions());
}

/// Structs as Rust lays them out: lines of the record.
macro_rules! structs {
    ($($name:ident { $($field:ident),+ $(,)? })+) => {
        vec![$((
            stringify!($name),
            format!("{} bytes, aligned to {}", size_of::<$name>(), align_of::<$name>()),
            vec![$((stringify!($field).trim_start_matches("r#"), offset_of!($name, $field))),+],
        )),+]
    };
}

#[test]
fn rust_and_c_agree_on_structs() {
    let in_rust = structs! {
        tenas_parameter { struct_size, name, r#type, decides, preset, minimum, maximum, choices }
        tenas_dataset_facts { struct_size, count, channels, height, width, classes, skipped, kind }
        tenas_network_settings {
            struct_size, dataset, channels, cells, classes, image_channels, image_height, image_width,
            init, seed,
        }
        tenas_network_facts {
            struct_size, channels, height, width, classes, named_parameters, parameters, multiply_adds,
        }
        tenas_progress { struct_size, round, rounds, candidate, candidates, seconds }
        tenas_record {
            struct_size, round, cell, edge, operation, ntk_rank, regions_rank, pruned, ntk_delta,
            regions_delta, ntk_now, ntk_without, regions_now, regions_without,
        }
        tenas_round {
            struct_size, round, candidates, pruned, reserved, first_record, ntk, regions,
        }
        tenas_score {
            digest, round, cell, edge, operation, ntk_delta, regions_delta, ntk_now, ntk_without,
            regions_now, regions_without,
        }
        tenas_ranked { struct_size, number, rung, draws, connected, reserved, total }
        tenas_measurement { digest, round, candidate, draw, count, values }
        tenas_proxy { struct_size, name, title, source, direction, cost }
        tenas_indicators {
            struct_size, ntk, ntk_spread, regions, regions_spread, naswot, naswot_spread, swap,
            swap_spread, multiply_adds, parameters, connected, repeats, seconds,
        }
    };
    let declarations = header();
    let mut left: Vec<_> = declarations
        .iter()
        .filter_map(|d| if let Struct(name, fields) = d { Some((name, fields)) } else { None })
        .collect();
    for (name, size, fields) in in_rust {
        let place = left.iter().position(|(n, _)| *n == name);
        let (_, declared) =
            left.remove(place.unwrap_or_else(|| panic!("{name}: twice, or unknown")));
        let (_, lines) =
            LAYOUT_IN_C.split_once(&format!("struct {name}: {size}\n")).unwrap_or_else(|| {
                panic!("{name}: in Rust {size}; in C\n{}", *LAYOUT_IN_C);
            });
        assert_eq!(declared.len(), fields.len(), "{name}");
        for ((line, (kind, in_c)), (in_rust, offset)) in lines.lines().zip(declared).zip(&fields) {
            assert_eq!(in_c, in_rust, "{name}");
            let expected = format!("    at {offset}, ");
            assert!(line.starts_with(&expected), "{name}: {line}, in Rust {expected}");
            assert!(line.ends_with(&format!("{kind} {in_c}")), "{name}: {line}");
        }
    }
    assert!(left.is_empty(), "add to this test: {left:?}");
}

#[test]
fn a_header_is_read_to_its_last_declaration() {
    let header = "\
/* struct a { int b; }; */
#ifndef X_H
#define X_H
#include <stdint.h>
extern \"C\" {
#define X_VERSION \"1\"
typedef enum x_kind {
    /** One; the first. */
    X_ONE = 1,
    X_TWO = 2,
} x_kind;
typedef int32_t x_status;
typedef struct x_pair {
    const char *a;
    uint64_t b;
} x_pair;
typedef struct x_hidden x_hidden;
typedef int32_t (*x_fn)(const x_pair *pair,
                        void *user);
const char *x_name(int32_t kind,
                   x_fn fn);
}
#endif
";
    let owned = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(
        parse(header),
        [
            Macro("X_VERSION".into(), "\"1\"".into()),
            Enum("x_kind".into(), owned(&["X_ONE", "X_TWO"])),
            Alias("x_status".into()),
            Struct(
                "x_pair".into(),
                vec![("const char *".into(), "a".into()), ("uint64_t".into(), "b".into())]
            ),
            Opaque("x_hidden".into()),
            Callback("x_fn".into()),
            Function("x_name".into()),
        ]
    );
}
