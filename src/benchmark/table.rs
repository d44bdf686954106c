//! Tables as text: a header, then one architecture a line, with tabs, commas or semicolons between.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::data::DatasetKind;
use crate::error::{Error, Result};
use crate::message::{clip, of_path};
use crate::recognise::{Content, FIRST, recognise};
use crate::space::{Genotype, GenotypeFormat, Space, SpaceKind};

/// Names of the column of architectures, as `plain` leaves them. The first is the one to write.
const ARCHITECTURES: [&str; 5] = ["archstring", "archstr", "arch", "architecture", "genotype"];
/// What a column's name may have before or behind that of its data set.
const TEST: [&str; 8] =
    ["", "test", "acc", "accuracy", "testacc", "testaccuracy", "top1", "testtop1"];
/// A name that could mean two data sets.
const AMBIGUOUS: &str = "imagenet";
/// What separates the cells of a line; the header decides which.
const SEPARATORS: [u8; 3] = *b"\t,;";
/// Lines that begin with it are comments.
const COMMENT: u8 = b'#';
/// How far an accuracy may lie from that of guessing, in parts of that, to be taken for it.
const NEAR_GUESSING: f64 = 0.2;

/// A table in memory.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: SpaceKind,
    /// Native texts, in the order of the file.
    pub(super) genotypes: Vec<String>,
    /// The line that each is in, from 1.
    pub(super) lines: Vec<usize>,
    pub(super) columns: Vec<(DatasetKind, Vec<Option<f64>>)>,
    /// Names of columns that are of no data set.
    pub(super) ignored: Vec<String>,
}

/// What a column of the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Architecture,
    /// The place among the table's columns.
    Accuracy(usize),
    Ignored,
}

/// Lower case letters and digits alone: `ImageNet16-120` and `imagenet16_120` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a column is named so, with or without a word for test accuracy before or behind.
fn is_named(column: &str, name: &str) -> bool {
    TEST.iter().any(|word| {
        column.strip_suffix(word).is_some_and(|rest| rest == name)
            || column.strip_prefix(word).is_some_and(|rest| rest == name)
    })
}

/// The data set that a column is named after.
fn dataset_of(column: &str) -> Option<DatasetKind> {
    DatasetKind::ALL.into_iter().find(|kind| {
        let short = (*kind == DatasetKind::ImageNet16).then_some("imagenet16");
        is_named(column, &plain(kind.name())) || short.is_some_and(|name| is_named(column, name))
    })
}

/// A text of the file as messages show it.
fn shown(text: &str) -> String {
    format!("\"{}\"", clip(text))
}

/// The file's text, without a byte order mark.
fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String> {
    let fault = |what: String| Error::Format(format!("{}: {what}", of_path(path)));
    let first = &bytes[..bytes.len().min(FIRST)];
    let content = recognise(first, bytes.len() as u64);
    if let Some(content) = content.filter(|content| *content != Content::Text) {
        return Err(fault(format!(
            "found {}, expected a table as text in UTF-8, as pandas' to_csv writes it, or the \
             folder of NATS-Bench's files{}",
            content.name(),
            content.remedy().map_or(String::new(), |remedy| format!("; {remedy}"))
        )));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        fault(format!("byte {at}: found no UTF-8, expected a table as text in UTF-8"))
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// The lines of a table as cells, each with its number. Lines end in LF, CR LF or CR.
struct Rows<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    record: StringRecord,
    /// A place between lines, and the number of the line there.
    at: usize,
    line: usize,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(separator).comment(Some(COMMENT));
        let (reader, record) = (builder.from_reader(text.as_bytes()), StringRecord::new());
        Rows { text, reader, record, at: 0, line: 1 }
    }

    /// The length of the line at the start of `text`, with what ends it.
    fn line_length(text: &str) -> usize {
        let end = text.find(['\r', '\n']).unwrap_or(text.len());
        end + text[end..].bytes().take(if text[end..].starts_with("\r\n") { 2 } else { 1 }).count()
    }

    /// The number of the line that the record at byte `at` or behind it begins in.
    fn number(&mut self, at: usize) -> usize {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let skipped = rest.starts_with(['\r', '\n']) || rest.as_bytes()[0] == COMMENT;
            if self.at >= at && !skipped {
                break;
            }
            self.at += Self::line_length(rest);
            self.line += 1;
        }
        self.line
    }

    /// The next line that is neither blank nor a comment.
    fn next(&mut self) -> Option<(usize, &StringRecord)> {
        loop {
            let at = self.reader.position().byte() as usize;
            // Text in memory, which is UTF-8, gives no error.
            if !self.reader.read_record(&mut self.record).unwrap_or(false) {
                return None;
            }
            if self.record.iter().any(|cell| !cell.trim().is_empty()) {
                let number = self.number(at);
                return Some((number, &self.record));
            }
        }
    }
}

/// What each column holds, by the header; and the table without lines.
fn header(cells: &StringRecord) -> std::result::Result<(Vec<Column>, Table), String> {
    let kind = SpaceKind::NasBench201;
    let mut table =
        Table { kind, genotypes: vec![], lines: vec![], columns: vec![], ignored: vec![] };
    let mut columns = Vec::with_capacity(cells.len());
    for name in cells.iter().map(str::trim) {
        let short = plain(name);
        columns.push(if ARCHITECTURES.contains(&short.as_str()) {
            if columns.contains(&Column::Architecture) {
                return Err(format!("column {}: a second one of architectures", shown(name)));
            }
            Column::Architecture
        } else if let Some(kind) = dataset_of(&short) {
            if table.columns.iter().any(|(k, _)| *k == kind) {
                return Err(format!("column {}: a second one of {}", shown(name), kind.name()));
            }
            table.columns.push((kind, Vec::new()));
            Column::Accuracy(table.columns.len() - 1)
        } else if is_named(&short, AMBIGUOUS) {
            return Err(format!(
                "column {}: expected {} or {}",
                shown(name),
                DatasetKind::ImageNet16.name(),
                DatasetKind::ImageNet.name()
            ));
        } else {
            table.ignored.push(name.to_owned());
            Column::Ignored
        });
    }
    if table.columns.is_empty() {
        return Err(match table.ignored.iter().find(|name| !name.is_empty()) {
            Some(name) => format!(
                "column {}: expected the name of a data set ({})",
                shown(name),
                DatasetKind::ALL.map(DatasetKind::name).join(", ")
            ),
            None => "found no column of accuracies beside the architectures".to_owned(),
        });
    }
    Ok((columns, table))
}

/// The space that a table's first architecture is of: the one whose texts it is among, or looks
/// most like.
fn kind_of(genotype: &str) -> SpaceKind {
    let read = |kind: &SpaceKind| Genotype::parse(&kind.space(), genotype).is_ok();
    SpaceKind::ALL.into_iter().find(read).unwrap_or(if genotype.contains("normal") {
        SpaceKind::Darts
    } else {
        SpaceKind::NasBench201
    })
}

/// An accuracy in percent; nothing for an empty cell.
///
/// A fraction of 1 looks like a percentage of 1 or less, which no trained network has: so few right
/// answers come from guessing alone, and are then as many as guessing gives.
fn accuracy(cell: &str, kind: DatasetKind) -> std::result::Result<Option<f64>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    let percent = cell.strip_suffix('%').map(str::trim);
    let value: Option<f64> = percent.unwrap_or(cell).parse().ok();
    let value = value.filter(|v| (0.0..=100.0).contains(v)).ok_or_else(|| {
        format!(
            "found {}, expected 0 to 100 percent with a decimal point, or nothing where there is \
             none",
            shown(cell)
        )
    })?;
    let guessing = kind.published().map_or(100.0, |p| 100.0 / p.classes as f64);
    let guessed = (value - guessing).abs() <= NEAR_GUESSING * guessing;
    if percent.is_none() && value > 0.0 && value <= 1.0 && !guessed {
        return Err(format!(
            "found {}, expected percent, not a fraction: {} percent, or {cell}% if it is that few",
            shown(cell),
            (value * 100.0 * 1e9).round() / 1e9
        ));
    }
    Ok(Some(value))
}

/// Reads a table. `path` is for messages.
pub(super) fn read(path: &Path, bytes: Vec<u8>) -> Result<Table> {
    let fault = |line: usize, what: String| {
        Error::Format(format!("{}: line {line}: {what}", of_path(path)))
    };
    let text = text_of(path, bytes)?;
    let has_architectures =
        |cells: &StringRecord| cells.iter().any(|c| ARCHITECTURES.contains(&plain(c).as_str()));
    let separator = SEPARATORS.into_iter().find(|separator| {
        Rows::new(&text, *separator).next().is_some_and(|(_, cells)| has_architectures(cells))
    });
    let Some(separator) = separator else {
        let mut rows = Rows::new(&text, b'\n');
        let (line, found) = rows.next().map_or((1, ""), |(line, cells)| (line, &cells[0]));
        return Err(fault(
            line,
            format!(
                "found {}, expected a header with a column arch_string, and columns named after \
                 data sets, with tabs or commas between",
                shown(found)
            ),
        ));
    };
    let mut rows = Rows::new(&text, separator);
    let Some((line, cells)) = rows.next() else {
        return Err(Error::Internal("a table whose header is gone".into()));
    };
    let (columns, mut table) = header(cells).map_err(|what| fault(line, what))?;
    let mut space: Option<Space> = None;
    while let Some((number, cells)) = rows.next() {
        if cells.len() != columns.len() {
            let what = if table.ignored.is_empty() { "accuracies" } else { "other cells" };
            let (found, expected) = (cells.len() - 1, columns.len() - 1);
            return Err(fault(number, format!("found {found} {what}, expected {expected}")));
        }
        for (cell, column) in cells.iter().map(str::trim).zip(&columns) {
            match column {
                Column::Ignored => {}
                Column::Architecture => {
                    let space = space.get_or_insert_with(|| {
                        table.kind = kind_of(cell);
                        table.kind.space()
                    });
                    let genotype =
                        Genotype::parse(space, cell).map_err(|e| fault(number, e.to_string()))?;
                    table.genotypes.push(genotype.to_text(GenotypeFormat::Native));
                    table.lines.push(number);
                }
                Column::Accuracy(place) => {
                    let (kind, values) = &mut table.columns[*place];
                    let value = accuracy(cell, *kind)
                        .map_err(|what| fault(number, format!("{}: {what}", kind.name())))?;
                    values.push(value);
                }
            }
        }
    }
    Ok(table)
}
