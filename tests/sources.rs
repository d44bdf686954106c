//! Rules of the sources that the compiler does not hold: which functions C can call, and how; where
//! unsafe code is.

use std::fs;
use std::path::{Path, PathBuf};

/// What has no status to report, or no message: their bodies cannot panic.
const UNGUARDED: [&str; 12] = [
    // A constant, a static string, the thread's own string.
    "tenas_abi_version",
    "tenas_version",
    "tenas_status_name",
    "tenas_last_error_message",
    // An atomic flag, for signal handlers.
    "tenas_context_cancel",
    // `handle::free` catches what a destructor may throw.
    "tenas_benchmark_free",
    "tenas_config_free",
    "tenas_context_free",
    "tenas_dataset_free",
    "tenas_network_free",
    "tenas_search_space_free",
    // A lock and a few numbers; in no library that is shipped.
    "tenas_test_hook",
];

/// Folders and files that may have unsafe code: what C calls, what calls C, registers, and vector
/// kernels.
const UNSAFE: [&str; 6] = [
    "src/ffi/",
    "src/float_state.rs",
    "src/compute/native/simd/",
    "src/compute/native/ops/correlate.rs",
    "src/compute/native/ops/weight_gradient.rs",
    "src/compute/torch/cuda.rs",
];

/// All sources below a folder: path from the root of the repository, text without comments.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let code = code.map(|line| line.to_owned() + "\n").collect();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, code));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}: no sources");
    found
}

/// A function's body, and what comes after it: blocks of one level close without indentation.
fn body(definition: &str) -> String {
    let (_, rest) = definition.split_once("{\n").expect("a body");
    let body = rest.split("\n}\n").next().expect("its end");
    body.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a body is one call of `function` on `first`, and nothing else.
fn is_call(body: &str, function: &str, first: &str) -> bool {
    let body = match body.strip_prefix("unsafe { ") {
        Some(inner) => inner.strip_suffix(" }").unwrap_or(inner),
        None => body,
    };
    let mut depth = 0;
    let end = body.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ')' && depth == 0
    });
    let call = body.replacen("( ", "(", 1);
    call.starts_with(&format!("{function}({first},")) && end == Some(body.len() - 1)
}

#[test]
fn every_exported_function_is_guarded() {
    let mut count = 0;
    let sources = sources("src");
    for (file, code) in &sources {
        for definition in code.split("#[unsafe(no_mangle)]").skip(1) {
            assert!(file.starts_with("src/ffi/"), "{file} exports a function");
            let (_, name) = definition.split_once("extern \"C\" fn ").expect("a C function");
            let name = name.split('(').next().unwrap();
            count += 1;
            let (body, first) = (body(definition), format!("\"{name}\""));
            assert!(
                ["guard", "set", "get"].iter().any(|f| is_call(&body, f, &first))
                    || UNGUARDED.contains(&name),
                "{file}: {name}: found {body}, expected guard({first}, ...) and nothing else"
            );
        }
    }
    let symbols = include_str!("abi/symbols.txt").lines().count();
    // The hook is in no library that is shipped.
    assert_eq!(count, symbols + 1, "functions in src, in tests/abi/symbols.txt");

    // `set` and `get`, for values of a configuration or a space, are the guard by another name.
    for (file, helper) in [
        ("src/ffi/config.rs", "unsafe fn set("),
        ("src/ffi/config.rs", "unsafe fn get<T>("),
        ("src/ffi/search_space.rs", "unsafe fn get<'a, T>("),
    ] {
        let code = &sources.iter().find(|(name, _)| name == file).unwrap().1;
        let (_, definition) = code.split_once(helper).expect(helper);
        assert!(is_call(&body(definition), "guard", "function"), "{helper}");
    }
}

#[test]
fn a_body_that_does_more_than_one_call_is_noticed() {
    assert!(is_call("guard(\"f\", || { g(1)?; Ok(()) })", "guard", "\"f\""));
    assert!(is_call("unsafe { set(\"f\", c, |c| h(c)) }", "set", "\"f\""));
    for wrong in [
        "g(); guard(\"f\", || Ok(()))",
        "guard(\"f\", || Ok(())) + g()",
        "guard(\"g\", || Ok(()))",
        "unsafe { set(\"f\", c) } + g()",
    ] {
        assert!(!is_call(wrong, "guard", "\"f\"") && !is_call(wrong, "set", "\"f\""), "{wrong}");
    }
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    for (file, code) in sources("src") {
        if UNSAFE.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        let words = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let found = words.filter(|word| ["unsafe", "unsafe_code"].contains(word)).count();
        assert_eq!(found, 0, "{file} has unsafe code");
    }
}

// ---- The order of modules --------------------------------------------------------------------

/// The modules of the table that a document begins its row `| module |` with, row by row.
fn stated_order(document: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let table = text.lines().skip_while(|line| !line.starts_with("| module |")).skip(2);
    let rows: Vec<Vec<String>> = table
        .take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cell = row.split('|').nth(1).unwrap();
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        })
        .collect();
    assert!(rows.len() > 5 && rows.iter().all(|row| !row.is_empty()), "{document}: {rows:?}");
    rows
}

/// The code without the modules that are compiled for tests alone.
fn without_tests(code: &str) -> &str {
    let mut end = code.len();
    for (at, marker) in code.match_indices("#[cfg(test)]\nmod ") {
        let rest = &code[at + marker.len()..];
        // `mod name;` is another file.
        if rest.find('{').unwrap_or(usize::MAX) < rest.find(';').unwrap_or(usize::MAX) {
            end = end.min(at);
        }
    }
    &code[..end]
}

/// Files that are modules for tests alone.
fn is_for_tests(file: &str, all: &[(String, String)]) -> bool {
    let path = Path::new(file);
    let name = path.file_stem().unwrap().to_str().unwrap();
    let parent = path.with_file_name("mod.rs");
    let parent = all.iter().find(|(file, _)| Path::new(file) == parent);
    parent.is_some_and(|(_, code)| code.contains(&format!("#[cfg(test)]\nmod {name};")))
}

/// What follows each `crate::`: a module, or a name of `lib.rs`.
fn imported(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        // The items of the outer list.
        let (mut depth, mut item) = (0, String::new());
        for c in list.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => found.push(word(&std::mem::take(&mut item))),
                _ => {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    item.push(c);
                }
            }
        }
        found.push(word(&item));
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The module that each name of `lib.rs` is from, by its `pub use`.
fn reexported(lib: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for statement in lib.split("pub use ").skip(1) {
        let (module, names) = statement.split(';').next().unwrap().split_once("::").unwrap();
        let names = names.trim_matches(['{', '}', '\n', ' ']).split(',');
        found.extend(names.map(|name| (name.trim().to_owned(), module.to_owned())));
    }
    assert!(found.contains(&("Error".to_owned(), "error".to_owned())), "{found:?}");
    found
}

#[test]
fn modules_import_only_from_those_above_them() {
    let rows = stated_order("CONTRIBUTING.md");
    assert_eq!(rows, stated_order("docs/DESIGN.md"), "the tables of CONTRIBUTING.md and DESIGN.md");
    let row = |module: &str| rows.iter().position(|row| row.iter().any(|name| name == module));
    let sources = sources("src");
    let lib = &sources.iter().find(|(file, _)| file == "src/lib.rs").unwrap().1;
    let from = reexported(lib);
    // In the order of the tables.
    let declared = lib.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    let declared: Vec<usize> =
        declared.map(|name| row(name).unwrap_or_else(|| panic!("{name}: in no table"))).collect();
    assert!(declared.is_sorted(), "lib.rs declares its modules in another order");
    assert_eq!(declared.len(), rows.iter().flatten().count(), "modules that are not there");
    let public = |name: &str| lib.contains(&format!("pub mod {name};"));

    let mut seen = 0;
    for (file, code) in sources.iter().filter(|(file, _)| file != "src/lib.rs") {
        if is_for_tests(file, &sources) {
            continue;
        }
        let module = file.strip_prefix("src/").unwrap().trim_end_matches(".rs");
        let module = module.split('/').next().unwrap();
        let own = row(module).unwrap_or_else(|| panic!("{file}: {module} is in no table"));
        for name in imported(without_tests(code)) {
            let of = from.iter().find(|(item, _)| *item == name).map(|(_, module)| module.clone());
            let reexport = of.is_some();
            let target = of.unwrap_or(name.clone());
            // A constant of the root, which depends on nothing.
            if target == module || name == "VERSION" {
                continue;
            }
            let above =
                row(&target).unwrap_or_else(|| panic!("{file}: crate::{name}: what is it?"));
            // Those of the first row know each other.
            assert!(
                above < own || above == 0,
                "{file} imports {name}, of {target}, which is below"
            );
            let allowed = reexport || above == 0 || public(&target);
            assert!(module != "ffi" || allowed, "{file} imports {name}, which is not public");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} imports");
}

#[test]
fn imports_are_found() {
    let code = "use crate::data::{self, Source};\nuse crate::{Error, space::Mask, search::{a, b}};\n\
                fn f() -> crate::Result<()> { $crate::ffi::f() }\n";
    assert_eq!(imported(code), ["data", "Error", "space", "search", "Result", "ffi"]);
    let tests =
        "use crate::a;\n#[cfg(test)]\nmod tests;\nuse crate::b;\n#[cfg(test)]\nmod t {\n}\n";
    assert_eq!(imported(without_tests(tests)), ["a", "b"]);
}
