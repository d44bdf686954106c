//! A cursor over genotype text: what the parsers of all spaces share.

use serde_json::Value;

use super::{Choice, Mask, Space};
use crate::error::{Error, Result, room_for_json};

/// A position in a text, for parsers whose errors say where the fault is.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The start of `text`.
    pub fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips white space.
    pub fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
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

    /// Takes a number without sign.
    pub fn number(&mut self) -> Result<usize> {
        let before = self.clone();
        self.word("a number")?.parse().map_err(|_| before.fault("a number"))
    }

    /// Fails unless the text ends here.
    pub fn end(&self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.fault("the end")) }
    }

    /// The error of this position.
    pub fn fault(&self, expected: &str) -> Error {
        let rest = self.rest();
        let found = match rest.char_indices().nth(24) {
            _ if rest.is_empty() => "the end".to_owned(),
            Some((end, _)) => format!("\"{}...\"", &rest[..end]),
            None => format!("\"{rest}\""),
        };
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

/// Reads JSON; the error says at which byte the fault is.
pub(super) fn json(text: &str) -> Result<Value> {
    room_for_json(text.len(), || format!("JSON of {} bytes", text.len()))?;
    serde_json::from_str(text).map_err(|e| {
        let lines = text.split_inclusive('\n').take(e.line().saturating_sub(1));
        let mut at = lines.map(str::len).sum::<usize>() + e.column().saturating_sub(1);
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        Cursor { text, at }.fault(&format!("JSON ({e})"))
    })
}

/// The error of a key of a JSON genotype.
pub(super) fn fault(key: &str, found: Option<&Value>, expected: &str) -> Error {
    let found = found.map_or("nothing".to_owned(), |v| {
        let text = v.to_string();
        match text.char_indices().nth(60) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    });
    Error::Format(format!("genotype: \"{key}\": found {found}, expected {expected}"))
}

/// A JSON genotype that names its space must name this one.
pub(super) fn check_space(space: &Space, json: &Value) -> Result<()> {
    match json.get("space") {
        Some(name) if name.as_str() != Some(&space.name) => {
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
