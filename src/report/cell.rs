//! Cells as graphs: states are round, the operations between them are boxes.
//!
//! A drawing has light boxes with dark text and lines of a middle grey, so that it can be read on any
//! background, in a notebook or a paper, and needs no style sheet.

use super::layout::layout;
use super::svg::{Svg, coordinate, shorten};
use crate::space::{CellKind, Genotype, GenotypeFormat, Mask, Output, Space};

/// The palette of Okabe and Ito, which people tell apart whatever colours they see; yellow and black
/// come last.
pub(super) const PALETTE: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#555555"];
const LINE: &str = "#8a8a8a";
const MARGIN: f64 = 10.0;
/// A letter of the fixed-width font, a line, and what a box has around its text.
const LETTER: f64 = 6.7;
const LINE_HEIGHT: f64 = 16.0;
const PADDING: f64 = 9.0;
const BAR: f64 = 5.0;
/// Names that are longer are shortened; the whole name is in the title.
const LONGEST: usize = 24;
/// Choices of a group side by side.
const COLUMNS: usize = 4;
const HEADING: f64 = 22.0;
const MONOSPACE: &str =
    "font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"11\"";
const SANS: &str = "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\"";

/// How an operation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Active,
    /// Went in the round at hand.
    Going,
    /// Went before.
    Gone,
}

/// The operations of one edge that are shown.
pub(super) type Edge = Vec<(usize, Shown)>;

/// A finished architecture as a picture.
pub fn genotype_svg(genotype: &Genotype) -> String {
    let space = genotype.space();
    let title = format!("{}: {}", space.name, genotype.to_text(GenotypeFormat::Native));
    draw(space, &open_cells(space), &title, &|cell| final_edges(space, genotype.mask(), cell))
}

/// The kinds of cell that have something to decide.
pub(super) fn open_cells(space: &Space) -> Vec<usize> {
    let open = |c: &usize| space.cells[*c].options.iter().any(|options| options.len() > 1);
    (0..space.cells.len()).filter(open).collect()
}

/// What a finished architecture has on each edge; nothing where it adds nothing.
pub(super) fn final_edges(space: &Space, mask: &Mask, cell: usize) -> Vec<Edge> {
    let on_edge = |edge| {
        let active = mask.operations_on(cell, edge).filter(|o| Some(*o) != space.none);
        active.map(|o| (o, Shown::Active)).collect()
    };
    (0..space.cells[cell].edges.len()).map(on_edge).collect()
}

/// What a round has left of a supernet, and what it and earlier rounds removed.
pub(super) fn round_edges(space: &Space, before: &Mask, after: &Mask, cell: usize) -> Vec<Edge> {
    let of = &space.cells[cell];
    let shown = |edge: usize, operation: usize| {
        let active = |mask: &Mask| mask.nested()[cell][edge][operation];
        match (active(before), active(after)) {
            (_, true) => Shown::Active,
            (true, false) => Shown::Going,
            (false, false) => Shown::Gone,
        }
    };
    let on_edge = |(edge, options): (usize, &Vec<usize>)| {
        let all = options.iter().filter(|o| Some(**o) != space.none);
        all.map(|o| (*o, shown(edge, *o))).collect()
    };
    of.options.iter().enumerate().map(on_edge).collect()
}

/// Cells of a space below each other.
pub(super) fn draw(
    space: &Space,
    cells: &[usize],
    title: &str,
    edges: &dyn Fn(usize) -> Vec<Edge>,
) -> String {
    let mut svg = Svg::default();
    let (mut width, mut top) = (0.0, MARGIN);
    for &cell in cells {
        let edges = edges(cell);
        let of = &space.cells[cell];
        let mut heading = 0.0;
        if cells.len() > 1 {
            let style = format!("{SANS} font-weight=\"bold\" fill=\"{LINE}\"");
            svg.text((MARGIN, top + 14.0), &style, &shorten(&of.name, 60));
            heading = HEADING;
        }
        svg.group(
            &format!("transform=\"translate({} {})\"", MARGIN, coordinate(top + heading)),
            "",
        );
        let (w, h) = match of.kind {
            CellKind::Graph { inputs, first_node, output, .. } => {
                graph(&mut svg, space, cell, &edges, (inputs, first_node, output))
            }
            CellKind::Choices { .. } => choices(&mut svg, space, cell, &edges),
        };
        svg.end();
        width = f64::max(width, w);
        top += heading + h + MARGIN;
    }
    svg.finish((width + 2.0 * MARGIN, top), title)
}

/// A box's size: a line for each operation.
fn box_size(space: &Space, edge: &Edge) -> (f64, f64) {
    let letters = |(o, _): &(usize, Shown)| space.operations[*o].chars().count().min(LONGEST);
    let letters = edge.iter().map(letters).max().unwrap_or(1).max(3);
    // Room for the sign of what goes.
    let sign = if edge.iter().any(|(_, shown)| *shown == Shown::Going) { 2 } else { 0 };
    (
        (letters + sign) as f64 * LETTER + 2.0 * PADDING + BAR,
        edge.len().max(1) as f64 * LINE_HEIGHT + 8.0,
    )
}

/// A box of operations around a point.
fn draw_box(svg: &mut Svg, space: &Space, name: &str, edge: &Edge, (x, y): (f64, f64)) {
    let (w, h) = box_size(space, edge);
    let (left, top) = (x - w / 2.0, y - h / 2.0);
    let names: Vec<&str> = edge.iter().map(|(o, _)| space.operations[*o].as_str()).collect();
    svg.group("", &format!("{name}: {}", names.join(", ")));
    let (l, t) = (coordinate(left), coordinate(top));
    svg.empty(
        "rect",
        &format!(
            "x=\"{l}\" y=\"{t}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"#ffffff\" stroke=\"{LINE}\"",
            coordinate(w),
            coordinate(h)
        ),
    );
    for (line, &(operation, shown)) in edge.iter().enumerate() {
        let middle = top + 4.0 + (line as f64 + 0.5) * LINE_HEIGHT;
        let name = shorten(&space.operations[operation], LONGEST);
        let (text, style) = match shown {
            Shown::Active => (name, "fill=\"#1a1a1a\""),
            Shown::Going => (
                format!("− {name}"),
                "fill=\"#a03a00\" font-weight=\"bold\" text-decoration=\"line-through\"",
            ),
            Shown::Gone => (name, "fill=\"#8f8f8f\" text-decoration=\"line-through\""),
        };
        if shown == Shown::Active {
            svg.empty(
                "rect",
                &format!(
                    "x=\"{}\" y=\"{}\" width=\"{BAR}\" height=\"12\" fill=\"{}\"",
                    coordinate(left + 4.0),
                    coordinate(middle - 6.0),
                    PALETTE[operation % PALETTE.len()]
                ),
            );
        }
        svg.text((left + PADDING + BAR, middle + 4.0), &format!("{MONOSPACE} {style}"), &text);
    }
    svg.end();
}

/// A cell whose edges are those of a graph. Returns its size.
fn graph(
    svg: &mut Svg,
    space: &Space,
    cell: usize,
    edges: &[Edge],
    (inputs, first_node, output): (usize, usize, Output),
) -> (f64, f64) {
    enum Node {
        State(String),
        Edge(usize),
    }
    let of = &space.cells[cell];
    let last = of.edges.iter().map(|e| e.to).max().unwrap_or(first_node);
    let mut nodes = Vec::new();
    let mut lines = Vec::new();
    // The node of each state.
    let mut states = Vec::new();
    for input in 0..inputs {
        states.push(nodes.len());
        nodes.push(Node::State(match inputs {
            1 => "input".into(),
            _ => format!("input {input}"),
        }));
    }
    for number in first_node..=last {
        let into = |e: &usize| of.edges[*e].to == number && !edges[*e].is_empty();
        let into: Vec<usize> = (0..of.edges.len()).filter(into).collect();
        let first = nodes.len();
        for &edge in &into {
            lines.push((states[of.edges[edge].from], nodes.len()));
            nodes.push(Node::Edge(edge));
        }
        lines.extend((first..nodes.len()).map(|node| (node, first + into.len())));
        states.push(nodes.len());
        nodes.push(Node::State(match output {
            Output::Last if number == last => "output".into(),
            _ => number.to_string(),
        }));
    }
    let joined = match output {
        Output::Last => None,
        Output::Concat => Some("output (concat)"),
        Output::Sum => Some("output (sum)"),
    };
    if let Some(name) = joined {
        lines.extend(states[inputs..].iter().map(|state| (*state, nodes.len())));
        nodes.push(Node::State(name.into()));
    }
    let size = |node: &Node| match node {
        Node::State(name) => (f64::max(28.0, name.chars().count() as f64 * 7.0 + 16.0), 28.0),
        Node::Edge(edge) => box_size(space, &edges[*edge]),
    };
    let sizes: Vec<(f64, f64)> = nodes.iter().map(size).collect();
    let late: Vec<bool> = nodes.iter().map(|node| matches!(node, Node::Edge(_))).collect();
    let found = layout(&sizes, &late, &lines);
    for ((_, to), points) in lines.iter().zip(&found.edges) {
        line(svg, points, matches!(nodes[*to], Node::State(_)));
    }
    for ((node, &(x, y)), &(w, h)) in nodes.iter().zip(&found.nodes).zip(&sizes) {
        match node {
            Node::State(name) => {
                svg.empty(
                    "rect",
                    &format!(
                        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"14\" fill=\"#444444\" stroke=\"{LINE}\"",
                        coordinate(x - w / 2.0),
                        coordinate(y - h / 2.0),
                        coordinate(w),
                        coordinate(h)
                    ),
                );
                svg.text(
                    (x, y + 4.0),
                    &format!("{SANS} text-anchor=\"middle\" fill=\"#ffffff\""),
                    name,
                );
            }
            Node::Edge(edge) => {
                draw_box(svg, space, &of.edge_names[*edge], &edges[*edge], (x, y));
            }
        }
    }
    (found.width, found.height)
}

/// A line of a graph, with an arrow's head where it reaches a state.
fn line(svg: &mut Svg, points: &[(f64, f64)], arrow: bool) {
    let at = |(x, y): (f64, f64)| format!("{} {}", coordinate(x), coordinate(y));
    // From the side of the first node to that of the last.
    let points = &points[1..points.len() - 1];
    let Some(&last) = points.last() else { return };
    let mut path = format!("M{}", at(points[0]));
    for pair in points.windows(2) {
        let [(xa, ya), (xb, yb)] = [pair[0], pair[1]];
        if ya == yb {
            path += &format!("L{}", at((xb, yb)));
        } else {
            let middle = (xa + xb) / 2.0;
            path += &format!("C{} {} {}", at((middle, ya)), at((middle, yb)), at((xb, yb)));
        }
    }
    svg.empty(
        "path",
        &format!("d=\"{path}\" fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.5\""),
    );
    if arrow {
        let (x, y) = last;
        let head =
            format!("M{}L{}L{}Z", at((x, y)), at((x - 7.0, y - 3.5)), at((x - 7.0, y + 3.5)));
        svg.empty("path", &format!("d=\"{head}\" fill=\"{LINE}\""));
    }
}

/// A group of choices, each a box below its name. Returns its size.
fn choices(svg: &mut Svg, space: &Space, cell: usize, edges: &[Edge]) -> (f64, f64) {
    let of = &space.cells[cell];
    let names: Vec<String> = of.edge_names.iter().map(|name| shorten(name, LONGEST)).collect();
    let width =
        |i: usize| f64::max(box_size(space, &edges[i]).0, names[i].chars().count() as f64 * LETTER);
    let column = (0..edges.len()).map(width).fold(0.0, f64::max) + 16.0;
    let mut top = 0.0;
    for first in (0..edges.len()).step_by(COLUMNS) {
        let row = first..edges.len().min(first + COLUMNS);
        let height = row.clone().map(|i| box_size(space, &edges[i]).1).fold(0.0, f64::max);
        for i in row {
            let left = (i - first) as f64 * column;
            svg.text((left, top + 12.0), &format!("{MONOSPACE} fill=\"{LINE}\""), &names[i]);
            let (w, h) = box_size(space, &edges[i]);
            let middle = (left + w / 2.0, top + 18.0 + h / 2.0);
            draw_box(svg, space, &of.edge_names[i], &edges[i], middle);
        }
        top += 18.0 + height + 14.0;
    }
    (column * edges.len().min(COLUMNS) as f64, top)
}
