//! Charts: axes and lines by plotters, whose colours become those of the style sheet around them.

use std::collections::HashSet;
use std::fmt::Write as _;

use plotters::prelude::*;

use super::svg::{coordinate, escape, number};
use crate::error::{Error, Result};

/// Colours that stand for variables of the style sheet.
const INK: RGBColor = RGBColor(1, 2, 3);
const GRID: RGBColor = RGBColor(4, 5, 6);
/// Series number n is this colour with n for blue.
const SERIES: (u8, u8) = (16, 32);
/// As many colours as the style sheet has for series; further ones are grey.
pub(super) const COLOURS: usize = 6;
const WIDTH: u32 = 640;
const HEIGHT: u32 = 380;

/// The variables on their own, for a chart that is a file: black on white, and the other way round.
const STANDALONE: &str = "svg{--paper:#ffffff;--ink:#1b1b1b;--grid:#dddddd;--muted:#8a8a8a;--s0:#0072b2;--s1:#d55e00;\
--s2:#009e73;--s3:#a8518a;--s4:#9a6a00;--s5:#2a8fc4;background:#ffffff}\
@media(prefers-color-scheme:dark){svg{--paper:#15171b;--ink:#ececec;--grid:#3b3f46;--muted:#9a9a9a;--s0:#56b4e9;\
--s1:#ff8a3c;--s2:#2fc49a;--s3:#e092bd;--s4:#e6b23c;--s5:#8fd0f5;background:#15171b}}";

/// An axis.
#[derive(Debug, Clone, Default)]
pub(super) struct Axis {
    pub(super) title: String,
    /// Powers of ten lie equally far apart.
    pub(super) logarithmic: bool,
    /// Ticks at whole numbers alone, with these texts for 0, 1 and so on where there are some.
    pub(super) whole: Option<Vec<String>>,
    /// The smallest value is at the top.
    pub(super) downwards: bool,
}

impl Axis {
    /// An axis of values; a logarithmic one where they are positive and span two powers of ten.
    pub(super) fn of(title: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let logarithmic = least > 0.0 && most / least > 100.0;
        Axis { title: title.into(), logarithmic, ..Default::default() }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { libm::log10(value) } else { value };
        if self.downwards { -value } else { value }
    }

    fn label(&self, place: f64) -> String {
        let place = if self.downwards { -place } else { place };
        if let Some(names) = &self.whole {
            // Ticks lie on tenths, but for rounding.
            if (place - place.round()).abs() > 1e-6 {
                return String::new();
            }
            let at = place.round().max(0.0) as usize;
            return names.get(at).cloned().unwrap_or_else(|| {
                if names.is_empty() { number(place.round()) } else { String::new() }
            });
        }
        // Ticks that are next to zero are zero, but for rounding.
        let value = if place.abs() < 1e-12 { 0.0 } else { place };
        number(if self.logarithmic { libm::pow(10.0, value) } else { value })
    }
}

/// A line through points, with a name.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) points: Vec<(f64, f64)>,
    /// Of the style sheet; [`COLOURS`] and above are grey.
    pub(super) colour: usize,
    /// A text at the last point.
    pub(super) name: String,
    /// Whether the value stands at each point.
    pub(super) values: bool,
}

/// A point with a name.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) at: (f64, f64),
    pub(super) name: String,
    /// What browsers show where the pointer is.
    pub(super) title: String,
}

/// What a chart shows.
#[derive(Debug, Default)]
pub(super) struct Chart {
    /// What it is read out as.
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) named: Vec<Named>,
    /// Points nearer than this are one, to save room.
    pub(super) grid: i32,
}

/// What is drawn over the axes that plotters drew.
struct Over<'a> {
    text: String,
    /// Where labels are: left, top, right, bottom.
    taken: Vec<[f64; 4]>,
    plot: [f64; 4],
    pixel: &'a dyn Fn((f64, f64)) -> (f64, f64),
}

impl Chart {
    fn ranges(&self) -> [std::ops::Range<f64>; 2] {
        let lines = self.series.iter().flat_map(|s| &s.points);
        let named = self.named.iter().map(|n| &n.at);
        let all: Vec<(f64, f64)> = self
            .points
            .iter()
            .chain(lines)
            .chain(named)
            .map(|(x, y)| (self.x.place(*x), self.y.place(*y)))
            .collect();
        let range = |of: fn(&(f64, f64)) -> f64, axis: &Axis| {
            let least = all.iter().map(of).fold(f64::INFINITY, f64::min);
            let most = all.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
            let around = if axis.whole.is_some() { 0.35 } else { 0.06 * (most - least) };
            let around = if around > 0.0 { around } else { f64::max(0.5, least.abs() / 10.0) };
            if least <= most { least - around..most + around } else { 0.0..1.0 }
        };
        [range(|p| p.0, &self.x), range(|p| p.1, &self.y)]
    }

    /// Draws it. Its colours are variables of the style sheet of the page.
    pub(super) fn svg(&self) -> Result<String> {
        let fault = |e: &dyn std::fmt::Display| Error::Internal(format!("a chart: {e}"));
        let [x, y] = self.ranges();
        let ends = [x.start, x.end, y.start, y.end].map(|v| format!("{v:.6}")).join(" ");
        let mut svg = String::new();
        let (over, plot) = {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
            let mut chart = ChartBuilder::on(&root)
                .margin(12)
                .x_label_area_size(46)
                .y_label_area_size(76)
                .build_cartesian_2d(x, y)
                .map_err(|e| fault(&e))?;
            let label = ("sans-serif", 15).into_font().color(&INK);
            chart
                .configure_mesh()
                .axis_style(INK)
                .bold_line_style(GRID)
                .light_line_style(TRANSPARENT)
                .label_style(label.clone())
                .axis_desc_style(label)
                .x_desc(&self.x.title)
                .y_desc(&self.y.title)
                .x_labels(8)
                .y_labels(8)
                .x_label_formatter(&|v| self.x.label(*v))
                .y_label_formatter(&|v| self.y.label(*v))
                .draw()
                .map_err(|e| fault(&e))?;
            for series in &self.series {
                let points =
                    series.points.iter().map(|(x, y)| (self.x.place(*x), self.y.place(*y)));
                let colour = series.colour.min(COLOURS) as u8;
                let style = RGBColor(SERIES.0, SERIES.1, colour).stroke_width(2);
                chart.draw_series(LineSeries::new(points, style)).map_err(|e| fault(&e))?;
            }
            let ((left, right), (top, bottom)) = {
                let (x, y) = chart.plotting_area().get_pixel_range();
                ((x.start, x.end), (y.start, y.end))
            };
            let plot = [left, top, right, bottom].map(f64::from);
            let pixel = |(x, y): (f64, f64)| {
                let (x, y) = chart.backend_coord(&(self.x.place(x), self.y.place(y)));
                (f64::from(x), f64::from(y))
            };
            let over = self.over(plot, &pixel);
            root.present().map_err(|e| fault(&e))?;
            (over, plot)
        };
        let mut svg = svg
            .replace("\"#010203\"", "\"var(--ink)\"")
            .replace("\"#040506\"", "\"var(--grid)\"")
            .replace(&format!("\"#1020{COLOURS:02X}\""), "\"var(--muted)\"");
        for colour in 0..COLOURS {
            let drawn = format!("\"#1020{colour:02X}\"");
            svg = svg.replace(&drawn, &format!("\"var(--s{colour})\""));
        }
        let svg = svg.trim_end().strip_suffix("</svg>").unwrap_or(&svg);
        let svg = svg.replacen(
            "<svg ",
            // The script of a page finds the point below the pointer by these.
            &format!(
                "<svg role=\"img\" aria-label=\"{}\" data-plot=\"{}\" data-ends=\"{ends}\" \
                 data-log=\"{} {}\" ",
                escape(&self.title),
                plot.map(|v| v.to_string()).join(" "),
                u8::from(self.x.logarithmic),
                u8::from(self.y.logarithmic)
            ),
            1,
        );
        Ok(format!("{svg}{over}</svg>"))
    }

    /// The same as a file of its own, with its title above.
    pub(super) fn file(&self) -> Result<String> {
        const TITLE: u32 = 34;
        let svg = self.svg()?;
        let (_, content) = svg
            .split_once('>')
            .ok_or_else(|| Error::Internal("a chart that is no drawing".into()))?;
        let content = content.trim_end().trim_end_matches("</svg>");
        let height = HEIGHT + TITLE;
        let title = escape(&self.title);
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\
             <style>{STANDALONE}</style>\
             <text x=\"{}\" y=\"24\" text-anchor=\"middle\" font-family=\"sans-serif\" \
             font-size=\"15\" font-weight=\"bold\" fill=\"var(--ink)\">{title}</text>\
             <g transform=\"translate(0 {TITLE})\">{content}</g></svg>\n",
            WIDTH / 2
        ))
    }

    /// Points, their names, and those of lines.
    fn over(&self, plot: [f64; 4], pixel: &dyn Fn((f64, f64)) -> (f64, f64)) -> String {
        let mut over = Over { text: String::new(), taken: Vec::new(), plot, pixel };
        over.points(&self.points, self.grid.max(1));
        for series in &self.series {
            over.series(series);
        }
        for named in &self.named {
            over.named(named);
        }
        over.text
    }
}

impl Over<'_> {
    /// All points as one path, those on the same pixel once: an element each would take megabytes.
    fn points(&mut self, points: &[(f64, f64)], grid: i32) {
        if points.is_empty() {
            return;
        }
        let mut seen = HashSet::new();
        let mut path = String::new();
        let mut before = (0, 0);
        for &point in points {
            let (x, y) = (self.pixel)(point);
            let at = (x as i32 / grid * grid, y as i32 / grid * grid);
            if seen.insert(at) {
                let _ = write!(path, "m{} {}h0", at.0 - before.0, at.1 - before.1);
                before = at;
            }
        }
        let _ = write!(
            self.text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"var(--s0)\" stroke-width=\"5\" \
             stroke-linecap=\"round\" stroke-opacity=\"0.6\"/>"
        );
    }

    fn series(&mut self, series: &Series) {
        let colour = match series.colour {
            c if c < COLOURS => format!("var(--s{c})"),
            _ => "var(--muted)".into(),
        };
        for &point in &series.points {
            let (x, y) = (self.pixel)(point);
            let _ = write!(
                self.text,
                "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/>",
                coordinate(x),
                coordinate(y)
            );
        }
        // Values above or below their points, a name behind the last one.
        for &point in series.points.iter().filter(|_| series.values) {
            self.label((self.pixel)(point), &number(point.1), &[0, 3, 1, 2]);
        }
        if let (Some(&last), false) = (series.points.last(), series.name.is_empty()) {
            self.label((self.pixel)(last), &series.name, &[1]);
        }
    }

    fn named(&mut self, named: &Named) {
        let (x, y) = (self.pixel)(named.at);
        let _ = write!(
            self.text,
            "<g><title>{}</title><circle cx=\"{}\" cy=\"{}\" r=\"5.5\" fill=\"var(--s1)\" \
             stroke=\"var(--ink)\"/>",
            escape(&named.title),
            coordinate(x),
            coordinate(y)
        );
        self.label((x, y), &named.name, &[0, 1, 2, 3, 4, 5, 6, 7]);
        self.text.push_str("</g>");
    }

    /// A text near a point, where no other is, in one of these directions; with a line to the point
    /// where that is not next to it.
    fn label(&mut self, (x, y): (f64, f64), text: &str, directions: &[usize]) {
        const HEIGHT: f64 = 14.0;
        let width = 7.2 * text.chars().count() as f64;
        let [left, top, right, bottom] = self.plot;
        let boxed = |distance: f64, (dx, dy): (f64, f64)| {
            let (cx, cy) = (x + dx * (distance + width / 2.0), y + dy * (distance + HEIGHT / 2.0));
            [cx - width / 2.0, cy - HEIGHT / 2.0, cx + width / 2.0, cy + HEIGHT / 2.0]
        };
        const AROUND: [(f64, f64); 8] = [
            (0.0, -1.0),
            (1.0, 0.0),
            (-1.0, 0.0),
            (0.0, 1.0),
            (0.8, -0.8),
            (-0.8, -0.8),
            (0.8, 0.8),
            (-0.8, 0.8),
        ];
        let free = |b: &[f64; 4]| {
            let inside = b[0] >= left && b[1] >= top && b[2] <= right && b[3] <= bottom;
            let apart = |t: &[f64; 4]| b[2] <= t[0] || t[2] <= b[0] || b[3] <= t[1] || t[3] <= b[1];
            inside && self.taken.iter().all(apart)
        };
        let distances = [7.0, 16.0, 28.0, 42.0, 60.0, 80.0];
        let places = distances
            .into_iter()
            .flat_map(|d| directions.iter().map(move |around| (d, boxed(d, AROUND[*around]))));
        let (distance, found) = places
            .clone()
            .find(|(_, b)| free(b))
            .unwrap_or((7.0, boxed(7.0, AROUND[directions[0]])));
        let (cx, cy) = ((found[0] + found[2]) / 2.0, (found[1] + found[3]) / 2.0);
        if distance > 10.0 {
            let _ = write!(
                self.text,
                "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"var(--ink)\" stroke-width=\"0.7\"/>",
                coordinate(x),
                coordinate(y),
                coordinate(x.clamp(found[0], found[2])),
                coordinate(y.clamp(found[1], found[3]))
            );
        }
        let _ = write!(
            self.text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"var(--ink)\" stroke=\"var(--paper)\" stroke-width=\"3\" \
             paint-order=\"stroke\">{}</text>",
            coordinate(cx),
            coordinate(cy + 4.5),
            escape(text)
        );
        self.taken.push(found);
        self.taken.push([x - 5.0, y - 5.0, x + 5.0, y + 5.0]);
    }
}
