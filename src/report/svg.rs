//! Pieces of SVG and HTML.

use std::fmt::Write as _;

/// Text as it stands between tags and in attributes. Characters that XML does not have are replaced.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            // What turns the direction of writing around would change how the text beside it reads.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The beginning of a name where there is room for `most` characters.
pub(super) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// A coordinate: a tenth of a pixel is enough.
pub(super) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".into(),
        Some(whole) => whole.into(),
        None => text,
    }
}

/// A number for people: some figures, thousands apart, and from a million on with a letter.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    for (unit, letter) in [(1e12, "T"), (1e9, "G"), (1e6, "M")] {
        if size >= unit && size < 1e3 * unit {
            return number(value / unit) + letter;
        }
    }
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = match size {
        _ if value.fract() == 0.0 => 0,
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    // Zeros behind the point say nothing.
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    apart(text)
}

/// A count with its thousands apart.
pub(super) fn count(value: usize) -> String {
    apart(&value.to_string())
}

fn apart(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("−", rest));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = sign.to_owned();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text + rest
}

/// What counts millions: FLOPs and parameters.
pub(super) fn millions(value: u64) -> String {
    match value {
        0..1_000_000 => count(value as usize),
        _ => format!("{} million", number(value as f64 / 1e6)),
    }
}

/// A duration.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// A drawing that is being made.
#[derive(Debug, Default)]
pub(super) struct Svg(String);

impl Svg {
    /// Adds an element without content; its attributes are names and numbers of ours.
    pub(super) fn empty(&mut self, name: &str, attributes: &str) {
        let _ = write!(self.0, "<{name} {attributes}/>");
    }

    /// Adds text at a place.
    pub(super) fn text(&mut self, (x, y): (f64, f64), attributes: &str, text: &str) {
        let (x, y, text) = (coordinate(x), coordinate(y), escape(text));
        let _ = write!(self.0, "<text x=\"{x}\" y=\"{y}\" {attributes}>{text}</text>");
    }

    /// Begins a group; with a title, which browsers show where the pointer is.
    pub(super) fn group(&mut self, attributes: &str, title: &str) {
        let _ = write!(self.0, "<g {attributes}>");
        if !title.is_empty() {
            let _ = write!(self.0, "<title>{}</title>", escape(title));
        }
    }

    pub(super) fn end(&mut self) {
        self.0.push_str("</g>");
    }

    /// The whole drawing. `title` is what it is read out as.
    pub(super) fn finish(self, (width, height): (f64, f64), title: &str) -> String {
        let (w, h, title) = (coordinate(width.ceil()), coordinate(height.ceil()), escape(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{title}\">{}</svg>",
            self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_markup() {
        let found = escape("<script>alert('\"&\"')</script>\u{1b}[31m\u{202e}\u{ffff}\n");
        assert_eq!(
            found,
            "&lt;script&gt;alert(&#39;&quot;&amp;&quot;&#39;)&lt;/script&gt;\u{fffd}[31m\u{fffd}\u{fffd} "
        );
    }

    #[test]
    fn numbers_for_people() {
        for (value, expected) in [
            (0.0, "0"),
            (234567.0, "234,567"),
            (1234567.0, "1.23M"),
            (121_800_000.0, "121.8M"),
            (6.5, "6.5"),
            (9.999_999, "10"),
            (-1234.5, "−1,234"),
            (0.12345, "0.1235"),
            (12.345, "12.35"),
            (123.45, "123.5"),
            (1.5e9, "1.5G"),
            (2e18, "2.00e18"),
            (2e-7, "2.00e-7"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!(millions(999_999), "999,999");
        assert_eq!(millions(153_273_344), "153.3 million");
        assert_eq!(count(6466), "6,466");
        for (seconds, expected) in [
            (0.44, "0.4 s"),
            (9.7, "9.7 s"),
            (59.4, "59 s"),
            (61.0, "1 min 1 s"),
            (7260.0, "2 h 1 min"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(
            (coordinate(1.04), coordinate(-0.01), coordinate(2.25)),
            ("1".into(), "0".into(), "2.2".into())
        );
        assert_eq!((shorten("abcdef", 4), shorten("abcd", 4)), ("abc…".into(), "abcd".into()));
    }
}
