//! A cursor over genotype text: what the parsers of all spaces share.

use serde_json::Value;

use super::{Choice, Mask, Space};
use crate::error::{Error, Result, room_for_json};
use crate::message::{clip, whole};

/// A position in a text, for parsers whose errors say where the fault is.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// White space, or a byte order mark, which some editors put before a text.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

const QUOTES: [char; 2] = ['\'', '"'];

/// Whether a text begins with a quote, or with the letter that Python 2 and 3 put before some.
fn is_quoted(text: &str) -> bool {
    text.strip_prefix(['u', 'b']).unwrap_or(text).starts_with(QUOTES)
}

impl<'a> Cursor<'a> {
    /// The start of `text`.
    pub fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips white space, a byte order mark, and Python's comments: `#` and the rest of its line.
    pub fn space(&mut self) {
        loop {
            let rest = self.rest().trim_start_matches(is_blank);
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// Whether `token` comes next.
    pub fn sees(&self, token: &str) -> bool {
        self.rest().starts_with(token)
    }

    /// Skips `NAME =`, and what a log prints before that on its line.
    pub(super) fn label(&mut self) {
        self.space();
        let line = self.rest().lines().next().unwrap_or_default();
        let Some((head, _)) = line.split_once('=') else { return };
        let named = head.trim_end().ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if named && !head.contains(['|', '(', '{', '\'', '"']) {
            self.at += head.len() + 1;
            self.space();
        }
    }

    /// Skips the quotes around the whole text, and brackets around these: `'...'`, `b"..."`,
    /// `['...']`. Gives what must [close](Self::close) them.
    pub(super) fn open(&mut self) -> Vec<&'static str> {
        let mut closing = Vec::new();
        loop {
            self.space();
            let rest = self.rest();
            let mut next = rest.chars();
            let first = next.next();
            let quoted = is_quoted(next.as_str().trim_start_matches(is_blank));
            let close = match first {
                Some('\'') => "'",
                Some('"') => "\"",
                Some(_) if is_quoted(rest) => {
                    // Only its prefix: the quote comes next.
                    self.at += 1;
                    continue;
                }
                Some('[') if quoted => "]",
                Some('(') if quoted => ")",
                _ => return closing,
            };
            closing.push(close);
            self.at += 1;
        }
    }

    /// Takes what [`open`](Self::open) asks for; then the text must end.
    pub(super) fn close(&mut self, closing: &[&str]) -> Result<()> {
        for close in closing.iter().rev() {
            self.space();
            self.expect(close)?;
        }
        self.space();
        self.end()
    }

    /// Takes a list or a tuple of `item`s.
    pub(super) fn sequence<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.space();
        let close = if self.take("[") {
            "]"
        } else if self.take("(") {
            ")"
        } else {
            return Err(self.fault("\"[\" or \"(\""));
        };
        let mut items = Vec::new();
        loop {
            self.space();
            if self.take(close) {
                return Ok(items);
            }
            if !items.is_empty() {
                self.expect(",")?;
                self.space();
                if self.take(close) {
                    return Ok(items);
                }
            }
            items.push(item(self)?);
        }
    }

    /// Whether a text in quotes comes next.
    pub(super) fn sees_text(&self) -> bool {
        is_quoted(self.rest()) || self.sees("np.str_(") || self.sees("numpy.str_(")
    }

    /// Takes `('operation', state)`, or the same as a list. A number behind the state, which some
    /// code writes there as a weight, is skipped.
    pub(super) fn operation_and_state(&mut self, space: &Space) -> Result<(usize, usize)> {
        self.space();
        let close = if self.take("[") {
            "]"
        } else {
            self.expect("(")?;
            ")"
        };
        self.space();
        let operation = self.quoted_operation(space)?;
        self.space();
        self.expect(",")?;
        self.space();
        let state = self.number()?;
        self.space();
        if self.take(",") {
            self.space();
            let weight = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
            self.at = self.text.len() - self.rest().trim_start_matches(weight).len();
            self.space();
        }
        self.expect(close)?;
        Ok((operation, state))
    }

    /// Takes an operation's name in quotes, as Python 2, 3 and NumPy write it, and gives its index.
    pub(super) fn quoted_operation(&mut self, space: &Space) -> Result<usize> {
        let numpy = self.take("np.str_(") || self.take("numpy.str_(");
        if is_quoted(self.rest()) && !self.rest().starts_with(QUOTES) {
            self.at += 1;
        }
        let quote = if self.take("\"") {
            "\""
        } else if self.take("'") {
            "'"
        } else {
            return Err(self.fault("\"'\", for an operation's name in quotes"));
        };
        let operation = self.operation(space)?;
        self.expect(quote)?;
        if numpy {
            self.expect(")")?;
        }
        Ok(operation)
    }

    /// Whether `token` comes next; if so, it is taken.
    pub fn take(&mut self, token: &str) -> bool {
        let here = self.rest().starts_with(token);
        if here {
            self.at += token.len();
        }
        here
    }

    /// Takes `token`, or fails.
    pub fn expect(&mut self, token: &str) -> Result<()> {
        if self.take(token) { Ok(()) } else { Err(self.fault(&format!("\"{token}\""))) }
    }

    /// Takes the longest run of letters, digits and underscores; fails on none.
    pub fn word(&mut self, what: &str) -> Result<&'a str> {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.fault(what));
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// Takes an operation's name and gives its index.
    pub fn operation(&mut self, space: &Space) -> Result<usize> {
        let before = self.clone();
        let word = self.word("an operation")?;
        space.operations.iter().position(|o| *o == word).ok_or_else(|| {
            before.fault(&format!(
                "an operation of {} ({})",
                space.name,
                space.operations.join(", ")
            ))
        })
    }

    /// Takes a number without sign, as Python 2 (`1L`), 3 and NumPy (`np.int64(1)`) write it.
    pub fn number(&mut self) -> Result<usize> {
        let before = self.clone();
        let wrong = || before.fault("a number");
        let word = self.word("a number")?;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = word.strip_suffix('L').unwrap_or(word);
            return digits.parse().map_err(|_| wrong());
        }
        let typed = match word {
            "np" | "numpy" => self.take(".") && self.word("a type")?.contains("int"),
            "tensor" => true,
            _ => false,
        };
        if !(typed && self.take("(")) {
            return Err(wrong());
        }
        let number = self.word("a number")?.parse().map_err(|_| wrong())?;
        self.expect(")")?;
        Ok(number)
    }

    /// Fails unless the text ends here.
    pub fn end(&self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.fault("the end")) }
    }

    /// The error of this position.
    pub fn fault(&self, expected: &str) -> Error {
        let rest = self.rest();
        let found =
            if rest.is_empty() { "the end".to_owned() } else { format!("\"{}\"", clip(rest)) };
        Error::Format(format!("genotype: byte {}: found {found}, expected {expected}", self.at))
    }
}

/// A mask with the given operations active and nothing else. The choices must be the space's own.
pub fn mask_of(space: &Space, choices: &[Choice]) -> Mask {
    let mut active: Vec<Vec<Vec<bool>>> = space
        .cells
        .iter()
        .map(|c| vec![vec![false; space.operations.len()]; c.edges.len()])
        .collect();
    for c in choices {
        active[c.cell][c.edge][c.operation] = true;
    }
    Mask::from_nested(space, active).expect("built to the space's own lengths")
}

/// Reads JSON, if the text is a JSON object: `None` for all else, a Python dictionary too. The error
/// says at which byte the fault is.
pub(super) fn json(text: &str) -> Result<Option<Value>> {
    let object = text.trim_start_matches(is_blank);
    let python = || object[1..].trim_start().starts_with('\'');
    if !object.starts_with('{') || python() {
        return Ok(None);
    }
    room_for_json(object.len(), || format!("JSON of {} bytes", object.len()))?;
    serde_json::from_str(object).map(Some).map_err(|e| {
        let lines = object.split_inclusive('\n').take(e.line().saturating_sub(1));
        let column = e.column().saturating_sub(1);
        let mut at = text.len() - object.len() + lines.map(str::len).sum::<usize>() + column;
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        Cursor { text, at }.fault(&format!("JSON ({})", whole(&e)))
    })
}

/// The error of a key of a JSON genotype.
pub(super) fn fault(key: &str, found: Option<&Value>, expected: &str) -> Error {
    let found = found.map_or("nothing".to_owned(), |v| clip(&v.to_string()));
    Error::Format(format!("genotype: \"{key}\": found {found}, expected {expected}"))
}

/// A JSON genotype that names its space must name this one.
pub(super) fn check_space(space: &Space, json: &Value) -> Result<()> {
    match json.get("space") {
        Some(name) if name.as_str() != Some(space.name) => {
            Err(fault("space", Some(name), &format!("\"{}\"", space.name)))
        }
        _ => Ok(()),
    }
}

/// The operation of that name.
pub(super) fn operation_of(space: &Space, name: &str) -> Result<usize> {
    space.operations.iter().position(|o| *o == name).ok_or_else(|| {
        let expected = format!("an operation of {} ({})", space.name, space.operations.join(", "));
        fault("operation", Some(&Value::from(name)), &expected)
    })
}
