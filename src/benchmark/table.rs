//! Tables as text: tab-separated, a header, one architecture a line.

use std::path::Path;

use crate::data::DatasetKind;
use crate::error::{Error, Result};
use crate::message::{clip, of_path};
use crate::space::{Genotype, GenotypeFormat, SpaceKind};

/// The first column's name.
const FIRST: &str = "arch_string";
/// What a column's name may have behind that of its data set.
const TEST: &str = "test";

/// A table in memory.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: SpaceKind,
    /// Native texts, in the order of the file.
    pub(super) genotypes: Vec<String>,
    pub(super) columns: Vec<(DatasetKind, Vec<Option<f64>>)>,
}

/// Lower case letters and digits alone: `ImageNet16-120` and `imagenet16_120` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The data set that a column is named after, with or without `test` behind.
fn dataset_of(column: &str) -> Option<DatasetKind> {
    let column = plain(column);
    DatasetKind::ALL.into_iter().find(|kind| {
        let name = plain(kind.name());
        column.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest == TEST)
    })
}

/// Reads a table. `path` is for messages.
pub(super) fn read(path: &Path, text: &str) -> Result<Table> {
    let fault = |line: usize, what: String| {
        Error::Format(format!("{}: line {line}: {what}", of_path(path)))
    };
    let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line));
    let header = lines.next().map_or("", |(_, line)| line.trim_start_matches('\u{feff}'));
    let mut names = header.split('\t').map(str::trim);
    if names.next() != Some(FIRST) {
        let found = clip(header);
        let what =
            format!("found \"{found}\", expected a header that begins with {FIRST} and a tab");
        return Err(fault(1, what));
    }
    let mut columns: Vec<(DatasetKind, Vec<Option<f64>>)> = Vec::new();
    for name in names {
        let known = || DatasetKind::ALL.map(DatasetKind::name).join(", ");
        let kind = dataset_of(name).ok_or_else(|| {
            fault(
                1,
                format!("column \"{}\": expected the name of a data set ({})", clip(name), known()),
            )
        })?;
        if columns.iter().any(|(k, _)| *k == kind) {
            return Err(fault(
                1,
                format!("column \"{}\": a second one of {}", clip(name), kind.name()),
            ));
        }
        columns.push((kind, Vec::new()));
    }
    if columns.is_empty() {
        return Err(fault(1, "found no column of accuracies behind the architectures".to_owned()));
    }
    let mut table = Table { kind: SpaceKind::NasBench201, genotypes: vec![], columns };
    let mut space = table.kind.space();
    for (number, line) in lines {
        if line.trim().is_empty() {
            continue;
        }
        let mut cells = line.split('\t').map(str::trim);
        let genotype = cells.next().unwrap_or_default();
        if table.genotypes.is_empty() && genotype.starts_with("Genotype") {
            table.kind = SpaceKind::Darts;
            space = table.kind.space();
        }
        let genotype = Genotype::parse(&space, genotype)
            .map_err(|e| fault(number, e.to_string()))?
            .to_text(GenotypeFormat::Native);
        let cells: Vec<&str> = cells.collect();
        if cells.len() != table.columns.len() {
            let (found, expected) = (cells.len(), table.columns.len());
            return Err(fault(number, format!("found {found} accuracies, expected {expected}")));
        }
        for (cell, (kind, column)) in cells.into_iter().zip(&mut table.columns) {
            let value = match cell {
                "" => None,
                cell => Some(cell.parse().ok().filter(|v| (0.0..=100.0).contains(v)).ok_or_else(
                    || {
                        let name = kind.name();
                        fault(
                            number,
                            format!("{name}: found \"{}\", expected 0 to 100 percent", clip(cell)),
                        )
                    },
                )?),
            };
            column.push(value);
        }
        table.genotypes.push(genotype);
    }
    Ok(table)
}
