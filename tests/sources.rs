//! Rules of the sources that the compiler does not hold: which functions C can call, and how; where
//! unsafe code is.

use std::fs;
use std::path::{Path, PathBuf};

/// What has no status to report, or no message: their bodies cannot panic.
const UNGUARDED: [&str; 11] = [
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
    "tenas_search_space_free",
    // A lock and a few numbers; in no library that is shipped.
    "tenas_test_hook",
];

/// Folders and files that may have unsafe code: what C calls, what calls C, and vector kernels.
const UNSAFE: [&str; 6] = [
    "src/ffi/",
    "src/compute/native/simd/",
    "src/compute/native/ops/correlate.rs",
    "src/compute/native/ops/weight_gradient.rs",
    "src/compute/torch/autocast.rs",
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
