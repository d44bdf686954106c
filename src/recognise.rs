//! What a file is, by its first bytes: for readers to choose by, and for messages that name what was
//! found in place of what was expected.

/// As many of a file's first bytes as [`recognise`] looks at: a tar archive's first header.
pub(crate) const FIRST: usize = 512;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Npy,
    Zip,
    Gzip,
    Bzip2,
    Xz,
    Tar,
    Pickle,
    PyTorch,
    Hdf5,
    Matlab,
    Parquet,
    Arrow,
    Idx,
    Zstandard,
    SevenZip,
    Rar,
    Jpeg,
    Png,
    Sqlite,
    Pdf,
    Html,
    LfsPointer,
    Utf16,
    Text,
}
use Content::*;

/// Files that say what they are.
const MAGIC: [(&[u8], Content); 25] = [
    (b"\x93NUMPY", Npy),
    // Also an empty archive.
    (b"PK\x03\x04", Zip),
    (b"PK\x05\x06", Zip),
    (b"\x1f\x8b", Gzip),
    (b"BZh", Bzip2),
    (b"\xfd7zXZ\0", Xz),
    // PyTorch's files from before its zip archives begin with this number, as a pickle.
    (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", PyTorch),
    (b"\x89HDF\r\n\x1a\n", Hdf5),
    // Also from version 7.3 on, which is HDF5 behind this header.
    (b"MATLAB ", Matlab),
    (b"PAR1", Parquet),
    (b"ARROW1", Arrow),
    (b"\x28\xb5\x2f\xfd", Zstandard),
    (b"7z\xbc\xaf\x27\x1c", SevenZip),
    (b"Rar!\x1a\x07", Rar),
    (b"\xff\xd8\xff", Jpeg),
    (b"\x89PNG\r\n\x1a\n", Png),
    (b"SQLite format 3\0", Sqlite),
    (b"%PDF-", Pdf),
    // By its byte order mark.
    (b"\xff\xfe", Utf16),
    (b"\xfe\xff", Utf16),
    (b"version https://git-lfs", LfsPointer),
    // Dictionaries and lists of protocols 0 and 1.
    (b"(dp", Pickle),
    (b"(lp", Pickle),
    (b"}q\0", Pickle),
    (b"]q\0", Pickle),
];

/// What a file of `size` bytes is, by its first [`FIRST`] bytes (all of a shorter one); `None` if it
/// is nothing that is known here.
///
/// CIFAR's records are none of these: they begin with a label below 20, which of all these only IDX
/// files do, whose header says how long they are.
pub(crate) fn recognise(first: &[u8], size: u64) -> Option<Content> {
    if let Some((_, content)) = MAGIC.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Some(*content);
    }
    match first {
        [0x80, 2..=5, ..] => Some(Pickle),
        _ if is_tar(first) => Some(Tar),
        _ if is_idx(first, size) => Some(Idx),
        _ => text(first),
    }
}

/// Whether these bytes begin with a header of a tar archive, going by its checksum.
pub(crate) fn is_tar(first: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let Some(header) = first.get(..512) else { return false };
    let text = header[CHECKSUM].trim_ascii_start();
    let digits = text.iter().take_while(|b| (b'0'..=b'7').contains(b));
    let claimed = digits.fold(0u32, |sum, b| sum * 8 + u32::from(b - b'0'));
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    let own: u32 = header[CHECKSUM].iter().map(|b| u32::from(*b)).sum();
    claimed > 0 && claimed == sum - own + 8 * u32::from(b' ')
}

/// The format of MNIST: two zeros, the type of the values, the number of axes, the axes.
fn is_idx(first: &[u8], size: u64) -> bool {
    let Some(&[0, 0, kind, axes @ 1..=4]) = first.first_chunk::<4>() else { return false };
    let width = match kind {
        0x08 | 0x09 => 1u64,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        _ => return false,
    };
    let Some(shape) = first.get(4..4 + 4 * usize::from(axes)) else { return false };
    let len = shape.chunks_exact(4).try_fold(width, |len, n| {
        len.checked_mul(n.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    });
    len.and_then(|len| len.checked_add(4 + 4 * u64::from(axes))) == Some(size)
}

/// Text of any kind, in ASCII or UTF-8.
fn text(first: &[u8]) -> Option<Content> {
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    // A label of CIFAR's may be a tab or a line's end.
    if *first.first()? < b' ' {
        return None;
    }
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        // A character that the end of what is looked at cuts.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&first[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !['\t', '\n', '\r'].contains(&c)) {
        return None;
    }
    let start = text.trim_start().to_ascii_lowercase();
    let html = ["<!doctype", "<html", "<head", "<?xml", "<body"];
    Some(if html.iter().any(|tag| start.starts_with(tag)) { Html } else { Text })
}

impl Content {
    /// Its name, with an article.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Npy => "a NumPy array (.npy)",
            Zip => "a zip archive",
            Gzip => "a gzip file",
            Bzip2 => "a bzip2 file",
            Xz => "an xz file",
            Tar => "a tar archive",
            Pickle => "a Python pickle",
            PyTorch => "a PyTorch file",
            Hdf5 => "an HDF5 file",
            Matlab => "a MATLAB file",
            Parquet => "a Parquet file",
            Arrow => "an Arrow file",
            Idx => "an IDX file, as MNIST's",
            Zstandard => "a Zstandard file",
            SevenZip => "a 7z archive",
            Rar => "a RAR archive",
            Jpeg => "a JPEG image",
            Png => "a PNG image",
            Sqlite => "an SQLite database",
            Pdf => "a PDF file",
            Html => "an HTML or XML page",
            LfsPointer => "a Git LFS pointer",
            Utf16 => "UTF-16 text",
            Text => "text",
        }
    }

    /// What to do about it, if that depends on nothing but what it is.
    pub(crate) fn remedy(self) -> Option<&'static str> {
        match self {
            Html => Some("the download failed or needs a login: fetch the file again"),
            LfsPointer => Some("the file itself was not fetched: run git lfs pull"),
            Zstandard | SevenZip | Rar => Some("unpack it first"),
            Utf16 => Some("save it as UTF-8"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_files_are_recognised() {
        for (first, content) in [
            (&b"\x80\x04\x95"[..], Some(Pickle)),
            (b"(dp1\nS'data'", Some(Pickle)),
            (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", Some(PyTorch)),
            (b"\xef\xbb\xbf \n<!DOCTYPE html>", Some(Html)),
            (b"arch\tcifar10\n", Some(Text)),
            (b"\xff\xfea\0", Some(Utf16)),
            ("\u{fc}\u{fc}".as_bytes(), Some(Text)),
            // Cut inside of a character, and no UTF-8.
            (b"ab\xc3", Some(Text)),
            (b"ab\xc3b", None),
            (b"ab\x1b[0m", None),
            (b"", None),
            (b"\x80\x09", None),
            // Records of CIFAR-10 that look like text from their second byte on.
            (b"\x09aaaa", None),
        ] {
            assert_eq!(recognise(first, first.len() as u64), content, "{first:?}");
        }
    }

    #[test]
    fn idx_files_have_the_length_that_they_say() {
        let mut file = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3];
        file.extend([7; 12]);
        assert_eq!(recognise(&file, 28), Some(Idx));
        assert_eq!(recognise(&file, 29), None);
        file[4..16].fill(255);
        assert_eq!(recognise(&file, 28), None);
    }

    #[test]
    fn tar_archives_have_a_checksum() {
        let mut header = tar::Header::new_ustar();
        header.set_path("a").unwrap();
        header.set_size(3);
        header.set_cksum();
        assert_eq!(recognise(header.as_bytes(), 1024), Some(Tar));
        let mut bytes = header.as_bytes().to_vec();
        bytes[0] ^= 1;
        assert_eq!(recognise(&bytes, 1024), None);
        assert!(!is_tar(&[0; 512]));
    }
}
