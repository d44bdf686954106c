//! JSON documents of this library: which they are, of which version, and where in them a fault is.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::message::whole;

/// What is enough of a document to tell what it is.
#[derive(Deserialize)]
struct Header {
    format: Option<Value>,
    version: Option<Value>,
}

/// Reads a document whose keys `format` and `version` have these values.
///
/// The error has the place in the JSON, what was found and what was expected.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    format: &str,
    version: u32,
) -> Result<T, String> {
    let header: Header = serde_json::from_str(text).map_err(|e| fault("", &said(&e)))?;
    let shown = |value: Option<Value>| {
        value.map_or("nothing".to_owned(), |v| v.to_string().chars().take(80).collect())
    };
    if header.format.as_ref().and_then(Value::as_str) != Some(format) {
        let found = shown(header.format);
        return Err(fault("format", &format!("found {found}, expected \"{format}\"")));
    }
    match header.version.as_ref().and_then(Value::as_u64) {
        Some(found) if found == u64::from(version) => {}
        Some(found) if found > u64::from(version) => {
            let of = "the file is for a newer library";
            let text = format!("found {found}, expected at most {version}: {of}");
            return Err(fault("version", &text));
        }
        _ => {
            let found = shown(header.version);
            return Err(fault("version", &format!("found {found}, expected {version}")));
        }
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let document = serde_path_to_error::deserialize(&mut json)
        .map_err(|e| fault(&e.path().to_string(), &said(e.inner())))?;
    json.end().map_err(|e| fault("", &said(&e)))?;
    Ok(document)
}

/// A problem at a place of a document, as a message shows it.
pub(crate) fn fault(place: &str, problem: &str) -> String {
    match place {
        "" | "." => whole(problem),
        place => format!("{}: {}", whole(place), whole(problem)),
    }
}

/// What serde says, in the words of this library.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if !error.is_data() {
        return format!("found no whole JSON: {text}");
    }
    let words = [
        ("invalid type: ", "found "),
        ("invalid value: ", "found "),
        ("unknown field ", "found the key "),
        ("unknown variant ", "found "),
        ("missing field ", "found no key "),
        ("duplicate field ", "found twice the key "),
    ];
    let begins = words.iter().find_map(|(serde, ours)| Some((ours, text.strip_prefix(serde)?)));
    begins.map_or(text.clone(), |(ours, rest)| format!("{ours}{rest}"))
}
