//! Text of others in our messages: a file's content, names and paths, what other libraries say.
//!
//! Whoever reads a message may be a terminal, where control characters are commands. Nothing that
//! this library did not write itself goes into a message but through a function of this module.

use std::fmt;
use std::path::Path;

/// Characters of a value that a message shows.
const SHOWN: usize = 80;
/// Characters of a path, and of a text that is not to be cut.
const LONGEST: usize = 1000;

/// A name or a value as a message shows it: its beginning, escaped.
pub(crate) fn clip(text: &str) -> String {
    clipped(text, SHOWN)
}

/// The same for bytes that may be no UTF-8: what is none is shown as `\xff`.
pub(crate) fn clip_bytes(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(4 * SHOWN + 4)];
    clip(&escape_invalid(bytes))
}

/// A text that means something up to its end, as another library's error or where images are from:
/// all of it up to a bound, escaped.
pub(crate) fn whole(text: impl fmt::Display) -> String {
    clipped(&text.to_string(), LONGEST)
}

/// Names, the first ten of them.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const NAMED: usize = 10;
    let mut names = names.into_iter();
    let named: Vec<String> = names.by_ref().take(NAMED).map(clip).collect();
    match names.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A path, escaped.
pub(crate) fn of_path(path: &Path) -> String {
    clipped(&escape_invalid(path.as_os_str().as_encoded_bytes()), LONGEST)
}

/// Any text of ours, with the control characters that should have been escaped when it was made:
/// the second line of defence, where messages leave the library.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| write_escaped(f, c))
    }
}

fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", Escaped(&text[..end])),
        None => Escaped(text).to_string(),
    }
}

fn write_escaped(f: &mut impl fmt::Write, c: char) -> fmt::Result {
    match c {
        _ if c.is_control() => write!(f, "{}", c.escape_debug()),
        // What is not seen and changes what is: line and paragraph ends, zero width, the direction
        // of writing, byte order marks.
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => {
            write!(f, "{}", c.escape_unicode())
        }
        _ => f.write_char(c),
    }
}

fn escape_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, expected) in [
            (
                "plain 'text', \"quoted\", C:\\folder, Zürich",
                "plain 'text', \"quoted\", C:\\folder, Zürich",
            ),
            ("\x1b[31mred\x1b[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("a\0b\r\n\tc\x7f\u{9b}2J", "a\\0b\\r\\n\\tc\\u{7f}\\u{9b}2J"),
            ("\u{202e}gnp.exe\u{feff}", "\\u{202e}gnp.exe\\u{feff}"),
        ] {
            assert_eq!(clip(text), expected);
            assert_eq!(whole(text), expected);
            assert_eq!(of_path(Path::new(text)), expected);
            assert_eq!(Escaped(text).to_string(), expected);
        }
        assert_eq!(clip_bytes(b"ab\xff\x1b\xe2\x82"), "ab\\xff\\u{1b}\\xe2\\x82");
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let long = "ü".repeat(5000);
        assert_eq!(clip(&long), "ü".repeat(SHOWN) + "...");
        assert_eq!(clip_bytes(long.as_bytes()), clip(&long));
        assert_eq!(clip(&"ü".repeat(SHOWN)), "ü".repeat(SHOWN));
        assert_eq!(of_path(Path::new(&long)), "ü".repeat(LONGEST) + "...");
        assert!(clip(&"\0".repeat(5000)).len() < 4 * SHOWN);
    }
}
