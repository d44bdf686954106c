//! What an NTK costs against its size: batch, image size, channels, threads; native engine, full
//! supernets, one size varied at a time from the published preset.
//!
//! `cargo bench --bench sizes`; `-- --quick` for some minutes instead of half an hour. Prints a
//! table and writes it with a plot, `ntk-cost.md` and `ntk-cost.svg`, to the folder that
//! `TENAS_BENCH_OUT` names, else to `target`.

mod support;

use std::error::Error;
use std::fmt::Write as _;
use std::num::NonZero;
use std::path::PathBuf;
use std::slice;

use criterion::Criterion;
use plotters::prelude::*;
use support::{evaluate, median, preset_batch, task, timed};
use tenas::compute::{self, Task, Wanted};
use tenas::random::{Key, Purpose};
use tenas::{Dataset, SpaceKind, Supernet};

const BATCHES: [usize; 6] = [16, 32, 48, 72, 96, 144];
const SIZES: [usize; 3] = [16, 32, 64];
const CHANNELS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
const CLASSES: usize = 10;

/// One network and batch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    batch: usize,
    size: usize,
    channels: usize,
    threads: usize,
}

impl Point {
    fn preset(kind: SpaceKind) -> Self {
        let channels = Supernet::of(kind).ntk_channels;
        Point { batch: preset_batch(kind), size: 32, channels, threads: cores() }
    }

    fn name(&self, kind: SpaceKind) -> String {
        let Point { batch, size, channels, threads } = self;
        format!("{}/b{batch}-s{size}-c{channels}-t{threads}", kind.space().name)
    }

    /// Noise in the place of images: only the shape matters here.
    fn task(&self, kind: SpaceKind, engine: &dyn compute::Engine) -> Task {
        let supernet = Supernet { ntk_channels: self.channels, ..Supernet::of(kind) };
        let shape = [3, self.size, self.size];
        let key = Key { seed: 0, purpose: Purpose::NtkImages, round: 0, candidate: 0, repeat: 0 };
        let mut stream = key.stream(0);
        let bytes = self.batch * shape.iter().product::<usize>();
        let bytes: Vec<u8> = (0..bytes).map(|_| stream.below(256) as u8).collect();
        let images = Dataset::from_images(&bytes, self.batch, shape, None, CLASSES);
        task(engine, &supernet, &images.expect("images"), self.batch, &Wanted::kernel())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// What is varied: its name, and the points in order.
fn series(kind: SpaceKind) -> Vec<(&'static str, Vec<(usize, Point)>)> {
    let preset = Point::preset(kind);
    let mut batches: Vec<usize> = BATCHES.to_vec();
    batches.push(preset.batch);
    batches.sort_unstable();
    batches.dedup();
    let mut threads: Vec<usize> = (0..).map(|i| 1 << i).take_while(|t| *t < cores()).collect();
    threads.push(cores());
    let points = |values: Vec<usize>, f: &dyn Fn(usize) -> Point| {
        values.into_iter().map(|v| (v, f(v))).collect()
    };
    vec![
        ("batch", points(batches, &|batch| Point { batch, ..preset })),
        ("image size", points(SIZES.to_vec(), &|size| Point { size, ..preset })),
        ("channels", points(CHANNELS.to_vec(), &|channels| Point { channels, ..preset })),
        ("threads", points(threads, &|threads| Point { threads, ..preset })),
    ]
}

const SPACES: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];

fn measure(c: &mut Criterion) {
    let mut group = c.benchmark_group("sizes");
    group.sample_size(10);
    for kind in SPACES {
        let mut points: Vec<Point> =
            series(kind).into_iter().flat_map(|(_, p)| p).map(|(_, p)| p).collect();
        points.dedup();
        for (i, point) in points.iter().enumerate() {
            if points[..i].contains(point) {
                continue;
            }
            let engine = compute::native(point.threads).expect("an engine");
            let task = point.task(kind, engine.as_ref());
            let name = point.name(kind);
            group.bench_function(&name, |b| {
                timed(b, &name, || {
                    evaluate(engine.as_ref(), slice::from_ref(&task));
                });
            });
        }
    }
    group.finish();
}

/// (varied, value, milliseconds) of what this run timed.
type Rows = Vec<(&'static str, Vec<(usize, f64)>)>;

fn rows(kind: SpaceKind) -> Rows {
    let time = |(value, point): (usize, Point)| Some((value, median(&point.name(kind))? * 1e3));
    let row = |(name, points): (&'static str, Vec<_>)| {
        (name, points.into_iter().filter_map(time).collect())
    };
    series(kind).into_iter().map(row).collect()
}

fn table() -> String {
    let mut text = String::from("| space | varied | value | ms |\n| --- | --- | --- | --- |\n");
    for kind in SPACES {
        let space = kind.space().name.clone();
        for (name, points) in rows(kind) {
            for (value, ms) in points {
                writeln!(text, "| {space} | {name} | {value} | {ms:.1} |").expect("a string");
            }
        }
    }
    text
}

/// A panel a series, times on a logarithmic axis; a line a space.
fn plot(path: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let all: Vec<(SpaceKind, Rows)> = SPACES.iter().map(|kind| (*kind, rows(*kind))).collect();
    let root = SVGBackend::new(path, (960, 720)).into_drawing_area();
    root.fill(&WHITE)?;
    for (panel, area) in root.split_evenly((2, 2)).iter().enumerate() {
        let lines: Vec<_> = all.iter().map(|(kind, rows)| (kind, &rows[panel])).collect();
        let points = || lines.iter().flat_map(|(_, (_, points))| points.iter());
        let (values, times) = (points().map(|p| p.0 as f64), points().map(|p| p.1));
        let range = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::MAX, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
            low * 0.8..high * 1.1
        };
        let (x, y) = (range(&mut values.into_iter()), range(&mut times.into_iter()));
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(x, y.log_scale())?;
        let (name, _) = lines[0].1;
        let mesh = &mut chart.configure_mesh();
        mesh.x_desc(*name).y_desc("ms").x_label_formatter(&|v| format!("{v:.0}")).draw()?;
        for (i, (kind, (_, points))) in lines.iter().enumerate() {
            let colour = [BLUE, RED][i % 2];
            let line = points.iter().map(|(value, ms)| (*value as f64, *ms));
            chart
                .draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)).point_size(3))?
                .label(kind.space().name.clone())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .border_style(BLACK)
            .background_style(WHITE)
            .draw()?;
    }
    root.present()?;
    Ok(())
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
    let table = table();
    if rows(SPACES[0]).iter().any(|(_, points)| points.len() < 2) {
        // A filter left points out, or this is a test run: nothing to plot.
        return;
    }
    println!("{table}");
    let folder = std::env::var_os("TENAS_BENCH_OUT").map_or_else(|| "target".into(), PathBuf::from);
    std::fs::write(folder.join("ntk-cost.md"), table).expect("the table is written");
    plot(&folder.join("ntk-cost.svg")).expect("the plot is written");
    println!("written: {0}/ntk-cost.md, {0}/ntk-cost.svg", folder.display());
}
