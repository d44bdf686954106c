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
use crate::error::{Error, Result, try_reserve};
use crate::proxy::Direction;
use crate::replace::replace;
use crate::search::{Context, average_ranks};
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
/// of reading all images for their digest; [`Error::OutOfMemory`].
pub fn html(context: &Context, table: Option<&Benchmark>) -> Result<String> {
    let space = &context.config().supernet().space;
    if let Some(table) = table.filter(|table| table.space() != space) {
        return Err(Error::InvalidArgument(format!(
            "table: found one of {}, expected one of {}, which the search is of",
            table.space().name,
            space.name
        )));
    }
    // A pair of scores has a point for each architecture, and each has its values; records have a place
    // in a drawing and in a heat map.
    let scores = context.config().proxies().len();
    let pairs = scores * scores.saturating_sub(1) / 2;
    let architectures = context.ranking().len() * (8 * pairs + 16 * scores + 64);
    check_memory(architectures + 2048 * context.records().len())?;
    page::page(context, table)
}

/// That there is memory for a text of so many bytes, and for what it is made from.
fn check_memory(bytes: usize) -> Result<()> {
    // Lists of numbers and ranks, the text and copies of its parts.
    const TIMES: usize = 8;
    let mut room: Vec<u8> = Vec::new();
    try_reserve(&mut room, bytes.saturating_mul(TIMES))
        .map_err(|()| Error::OutOfMemory(format!("a picture of some {bytes} bytes")))
}

/// A picture of two values of the same things against each other, with their rank correlation, as a
/// file of SVG: scores and accuracies for example. Where both orders agree, the correlation is 1.
///
/// Errors: [`Error::InvalidArgument`] for lists of different lengths, fewer than two values, or one
/// that is not finite; [`Error::OutOfMemory`].
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
    check_memory(x.len().saturating_mul(16))?;
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

    /// A space file cannot have such names; the report does not rely on that.
    #[test]
    fn names_are_text_wherever_they_come_from() {
        use crate::network::Supernet;
        use crate::space::{Genotype, SpaceData, SpaceKind};
        use crate::{Config, Context, Dataset, DatasetKind, Strategy, proxy};
        use std::ops::ControlFlow;
        use std::sync::Arc;

        const NAME: &str = "<script>alert('\"&\"')</script>";
        let built_in = SpaceKind::NasBench201.space();
        let mut file = built_in.file().clone();
        file.name = NAME.into();
        file.text = Default::default();
        file.operations[3].name = NAME.into();
        let mut cells = built_in.cells.clone();
        cells[0].edge_names[5] = NAME.into();
        let space = SpaceData::of_file(file, cells, built_in.stages.clone(), false).unwrap();
        let svg = genotype_svg(&Genotype::at(&space, 15624 - 3906).unwrap());
        let escaped = svg::escape(NAME);
        assert!(svg.contains(&svg::escape(&svg::shorten(NAME, 24))) && svg.contains(&escaped));
        assert!(!svg.contains("<script"), "{svg}");

        let supernet = Supernet { space, ..Supernet::of(SpaceKind::NasBench201) };
        for strategy in [Strategy::Prune, Strategy::Rank] {
            let mut config = Config::for_supernet(Arc::new(supernet.clone()), DatasetKind::Custom);
            config.set_strategy(strategy);
            config.set_batch_size(2).unwrap();
            config.set_repeats(1).unwrap();
            config.set_budget(40).unwrap();
            let of_cost = ["flops", "parameters"].map(|name| proxy::named(name).unwrap());
            config.set_proxies(&of_cost).unwrap();
            let bytes: Vec<u8> = (0..8 * 3 * 8 * 8u32).map(|i| (i * i / 7 % 256) as u8).collect();
            let images = Dataset::from_images(&bytes, 8, [3, 8, 8], None, 4).unwrap();
            let mut search = Context::new(&config, &images.with_origin(NAME)).unwrap();
            search.run(&mut |_| ControlFlow::Continue(())).unwrap();
            let page = html(&search, None).unwrap();
            assert!(!page.contains("<script>alert") && page.contains(&escaped));
            // Those of the page itself.
            let scripts = if strategy == Strategy::Rank { 2 } else { 0 };
            assert_eq!(page.matches("</script>").count(), scripts);
        }
    }

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
