//! A search as pictures: a page that explains it, and drawings of cells (docs/REPORT.md).
//!
//! What is drawn depends on the search alone: the same search gives the same bytes, but for the
//! seconds that it took.

mod cell;
mod charts;
mod layout;
mod page;
mod prune;
mod rank;
mod svg;

use std::path::Path;

pub use cell::genotype_svg;

use crate::benchmark::Benchmark;
use crate::error::{Error, Result};
use crate::proxy::Direction;
use crate::search::{Context, average_ranks, replace};
use charts::{Axis, Chart};

/// Writes a report of a search as one HTML file, which needs nothing else. What was there before is
/// replaced once all is written. `table` has accuracies that it shows.
///
/// Errors: [`Error::Io`]; those of [`html`].
pub fn write(context: &Context, table: Option<&Benchmark>, path: &Path) -> Result<()> {
    replace(path, html(context, table)?.as_bytes())
}

/// The report as a text.
///
/// Errors: [`Error::InvalidArgument`] for a table of another space; those of the table's files, and
/// of reading all images for their digest.
pub fn html(context: &Context, table: Option<&Benchmark>) -> Result<String> {
    let space = &context.config().supernet().space;
    if let Some(table) = table.filter(|table| table.space() != space) {
        return Err(Error::InvalidArgument(format!(
            "table: found one of {}, expected one of {}, which the search is of",
            table.space().name,
            space.name
        )));
    }
    page::page(context, table)
}

/// A picture of two values of the same things against each other, with their rank correlation, as a
/// file of SVG: scores and accuracies for example. Where both orders agree, the correlation is 1.
///
/// Errors: [`Error::InvalidArgument`] for lists of different lengths, fewer than two values, or one
/// that is not finite.
pub fn scatter_svg(x_title: &str, y_title: &str, x: &[f64], y: &[f64]) -> Result<String> {
    if x.len() != y.len() {
        return Err(Error::InvalidArgument(format!(
            "y: found {} values, expected {}, as many as of x",
            y.len(),
            x.len()
        )));
    }
    if x.len() < 2 {
        return Err(Error::InvalidArgument(format!(
            "x: found {} values, expected at least 2",
            x.len()
        )));
    }
    for (name, values) in [("x", x), ("y", y)] {
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::InvalidArgument(format!(
                "{name}[{i}]: found {}, expected a finite number",
                values[i]
            )));
        }
    }
    let correlation = match spearman(x, y) {
        Some(correlation) => {
            format!("Spearman's ρ = {}", svg::number((correlation * 1e3).round() / 1e3))
        }
        None => "no rank correlation: all values of one are equal".into(),
    };
    let short = |title: &str| svg::shorten(title, 60);
    let chart = Chart {
        title: format!(
            "{} and {}: {correlation}",
            svg::shorten(y_title, 24),
            svg::shorten(x_title, 24)
        ),
        x: Axis::of(&short(x_title), x.iter().copied()),
        y: Axis::of(&short(y_title), y.iter().copied()),
        points: x.iter().copied().zip(y.iter().copied()).collect(),
        ..Default::default()
    };
    chart.file()
}

/// Spearman's rank correlation; `None` where all values of one are equal.
fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let ranks = |values| average_ranks(values, Direction::Lower);
    let (a, b) = (ranks(x), ranks(y));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(&b).map(|(a, b)| f(a - mean, b - mean)).sum()
    };
    let (aa, bb) = (sum(&|a, _| a * a), sum(&|_, b| b * b));
    (aa > 0.0 && bb > 0.0).then(|| sum(&|a, b| a * b) / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1000.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[5.0, 4.0, 3.0]), Some(-1.0));
        assert_eq!(spearman(&[1.0, 1.0], &[5.0, 4.0]), None);
        // By hand: ranks 1 2 3 4 and 2 1 4 3.
        assert!(
            (spearman(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]).unwrap() - 0.6).abs() < 1e-15
        );
    }
}
