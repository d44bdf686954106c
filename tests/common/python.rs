//! Python packages that scripts of the project install into `.cache`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// PYTHONPATH with these folders of `.cache`. A test that needs one that is not there fails, and says which
/// script installs it: a test that passes without having run would look like a check.
pub(crate) fn path_of(folders: &[&str], script: &str) -> OsString {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache");
    let folders: Vec<PathBuf> = folders.iter().map(|name| cache.join(name)).collect();
    for folder in &folders {
        let found = folder.join("installed").exists();
        assert!(found, "this test needs {}: run {script} first", folder.display());
    }
    std::env::join_paths(folders).expect("a path without the separator of PYTHONPATH")
}
