//! Files that are replaced at once: whoever reads one finds the old content or the new.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Writes beside, syncs and renames; then syncs the folder, so that a crash of the machine leaves
/// the old or the new file. What an earlier crash left beside is in nobody's way.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    replaced(path, content).map_err(|error| Error::io(path, error))
}

fn replaced(path: &Path, content: &[u8]) -> io::Result<()> {
    // Through a link, to what it names.
    let path = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    // A device or a folder is not to be renamed over.
    if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "found something else, expected a regular file or none",
        ));
    }
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(ErrorKind::InvalidInput, "found no file name, expected one")
    })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    // As any file of the host: the umask decides, not this library.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(content)?;
    beside.as_file().sync_all()?;
    beside.persist(&path).map_err(|error| error.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
