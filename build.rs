//! Generates `tenas.h` into OUT_DIR and sets the link flags of the shared library.
//!
//! cbindgen writes all types before all functions. A reader wants them object by object, so it runs
//! once for each file of `src/ffi`, and the parts are joined under the files' own titles.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The sections of the header, in the order in which a reader needs them.
const SECTIONS: [&str; 21] = [
    "version",
    "status",
    "error",
    "build_info",
    "space",
    "search_space",
    "config",
    "parameters",
    "dataset",
    "context",
    "records",
    "checkpoint",
    "round",
    "ranking",
    "log",
    "genotype",
    "network",
    "indicators",
    "proxies",
    "benchmark",
    "report",
];

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed=src/ffi");

    // Thread locals of Rust make unloading unsafe: their destructors would be gone.
    if env::var("CARGO_CFG_TARGET_OS")? == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // What other crates export by name stays inside.
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }

    // The libtorch that torch-sys found, for programs that run where they were built.
    if let Some(folder) = env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", Path::new(&folder).display());
    }

    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("tenas.h"), header(&root)?)?;
    Ok(())
}

/// The whole header.
fn header(root: &Path) -> Result<String, AnyError> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let introduction = config.header.take().ok_or("cbindgen.toml has no `header`")?;
    let mut text = format!("{}\n\n", introduction.trim());
    text += "#ifndef TENAS_H\n#define TENAS_H\n\n";
    text += "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n";
    text += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    for name in SECTIONS {
        let path = root.join("src/ffi").join(name).with_extension("rs");
        text += &banner(&fs::read_to_string(&path)?);
        if name == "version" {
            text += &version_macros()?;
        }
        let mut body = Vec::new();
        cbindgen::Builder::new()
            .with_config(config.clone())
            .with_src(&path)
            .generate()?
            .write(&mut body);
        text += &tidy(&String::from_utf8(body)?);
    }
    text += "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* TENAS_H */\n";
    Ok(text)
}

/// cbindgen's text with short comments on one line, and types by their names alone.
fn tidy(body: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in body.trim().lines() {
        let indent = line.len() - line.trim_start().len();
        match lines.as_slice() {
            [.., open, only] if line.trim() == "*/" && open.trim() == "/**" => {
                let comment = only.trim().trim_start_matches("* ");
                let comment = format!("{:1$}/** {comment} */", "", indent - 1);
                lines.truncate(lines.len() - 2);
                lines.push(comment);
            }
            _ if line.starts_with("typedef struct") => lines.push(line.to_owned()),
            _ => lines.push(line.replace("struct tenas_", "tenas_")),
        }
    }
    lines.join("\n") + "\n"
}

/// A section's title and what to know of it: the comment that its source file begins with.
fn banner(source: &str) -> String {
    let rule = "*".repeat(76);
    let lines: String = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| format!(" *{line}\n"))
        .collect();
    format!("\n/{rule}\n{lines} {rule}/\n\n")
}

fn version_macros() -> Result<String, AnyError> {
    let mut text = "/** Version of the library that this header is of. */\n".to_owned();
    text += &format!("#define TENAS_VERSION \"{}\"\n", env::var("CARGO_PKG_VERSION")?);
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let value = env::var(format!("CARGO_PKG_VERSION_{part}"))?;
        text += &format!("#define TENAS_VERSION_{part} {value}\n");
    }
    Ok(text + "\n")
}
