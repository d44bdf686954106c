//! How a supernet was pruned: its indicators, and each round.

use super::cell::{draw, open_cells, round_edges};
use super::charts::{Axis, Chart, Series};
use super::page::figure;
use super::svg::{escape, number, shorten};
use crate::error::Result;
use crate::search::{Context, Record, RoundSummary};
use crate::space::{Mask, Space};

/// Viridis at equal distances, dark to light: an order that everybody sees, also without colours.
const VIRIDIS: [[f64; 3]; 5] = [
    [68.0, 1.0, 84.0],
    [59.0, 82.0, 139.0],
    [33.0, 145.0, 140.0],
    [94.0, 201.0, 98.0],
    [253.0, 231.0, 37.0],
];

/// Removed operations that are listed; the drawing has all.
const LISTED: usize = 12;

pub(super) fn section(context: &Context) -> Result<String> {
    let space = &context.config().supernet().space;
    let rounds = context.rounds();
    let mut text = String::from("<h2>How it was found</h2>\n");
    text += &format!(
        "<p>The search begins with a supernet that has all operations on every edge. A round measures \
         each operation by its absence: what that does to the condition number of the neural tangent \
         kernel (NTK: lower is easier to train) and to the number of linear regions (higher is more \
         expressive). It ranks the operations by both, adds up the ranks, and removes those with the \
         smallest sums: {} of an edge. Later rounds, where a space has them, remove edges.</p>\n",
        context.config().prune_per_edge()
    );
    if rounds.is_empty() {
        text += "<p>No round is finished yet.</p>\n";
        return Ok(text);
    }
    text += &indicators(&rounds)?;
    let host = context.pruned_by_host();
    if !host.is_empty() {
        let names: Vec<String> = host
            .iter()
            .map(|h| {
                let cell = &space.cells[h.choice.cell];
                format!(
                    "{} {} {} before round {}",
                    cell.name,
                    cell.edge_names[h.choice.edge],
                    space.operations[h.choice.operation],
                    h.round + 1
                )
            })
            .collect();
        text += &format!("<p>Removed by the host program: {}.</p>\n", escape(&names.join("; ")));
    }
    let masks = context.masks();
    for round in &rounds {
        let records = &context.records()[round.first_record..][..round.candidates];
        // Mask 0 is the whole supernet, mask r + 1 what round r left.
        let number = round.round as usize;
        if let [before, after] = &masks[number..=number + 1] {
            text += &of_round(space, round, records, before, after);
        }
    }
    Ok(text)
}

/// Both indicators over the rounds.
fn indicators(rounds: &[RoundSummary]) -> Result<String> {
    let one = |title: &str, better: &str, of: fn(&RoundSummary) -> f64, colour| -> Result<String> {
        let values: Vec<f64> = rounds.iter().map(of).collect();
        let [first, last] = [values[0], values[values.len() - 1]];
        let finding = match rounds.len() {
            1 => format!("{title}: {} in the first supernet", number(first)),
            n => format!(
                "{title}: {} in the first supernet, {} before round {n}",
                number(first),
                number(last)
            ),
        };
        let names: Vec<String> = (0..=rounds.len()).map(|round| round.to_string()).collect();
        let chart = Chart {
            title: finding.clone(),
            x: Axis {
                title: "supernet before round".into(),
                whole: Some(names),
                ..Default::default()
            },
            y: Axis::of(
                &format!("{} (mean of draws)", title.to_lowercase().replace("ntk", "NTK")),
                values.iter().copied(),
            ),
            series: vec![Series {
                points: values.iter().enumerate().map(|(i, v)| ((i + 1) as f64, *v)).collect(),
                colour,
                name: String::new(),
                values: true,
            }],
            ..Default::default()
        };
        Ok(figure("chart", &finding, better, &chart.svg()?))
    };
    let ntk = one(
        "NTK condition number",
        "Lower is easier to train. A ratio, without a unit.",
        |r| r.ntk,
        0,
    )?;
    let regions = one(
        "Linear regions",
        "Higher is more expressive. A count, of at most 3,000 inputs.",
        |r| r.regions,
        1,
    )?;
    Ok(format!("<div class=\"charts\">{ntk}{regions}</div>\n"))
}

fn of_round(
    space: &Space,
    round: &RoundSummary,
    records: &[Record],
    before: &Mask,
    after: &Mask,
) -> String {
    let at = round.round + 1;
    let mut text = format!(
        "<h3 id=\"round-{at}\">Round {at} removed {} of {} candidates</h3>\n",
        round.pruned, round.candidates
    );
    for cell in open_cells(space) {
        let of_cell: Vec<&Record> =
            records.iter().filter(|r| r.score.choice.cell == cell).collect();
        if of_cell.is_empty() {
            continue;
        }
        let name = &space.cells[cell].name;
        let gone: Vec<String> = of_cell
            .iter()
            .filter(|r| r.pruned)
            .map(|r| {
                let c = r.score.choice;
                format!(
                    "{} on {}",
                    space.operations[c.operation], space.cells[cell].edge_names[c.edge]
                )
            })
            .collect();
        let explanation = match &gone[..] {
            [] => "It removed nothing here.".to_owned(),
            [first @ .., _] if gone.len() > LISTED => format!(
                "Removed: {}, and {} more.",
                first[..LISTED].join(", "),
                gone.len() - LISTED
            ),
            all => format!("Removed: {}.", all.join(", ")),
        };
        let drawing = draw(space, &[cell], &format!("{name} after round {at}"), &|cell| {
            round_edges(space, before, after, cell)
        });
        text += &figure("cell", &format!("{name} after round {at}"), &explanation, &drawing);
        text += &heat_map(space, cell, at, &of_cell);
    }
    text
}

/// The sums of ranks: edges below each other, operations side by side.
fn heat_map(space: &Space, cell: usize, round: u32, records: &[&Record]) -> String {
    let of = &space.cells[cell];
    let sum = |r: &Record| r.ranks.ntk + r.ranks.regions;
    let (mut least, mut most) = (u32::MAX, 0);
    for record in records {
        least = least.min(sum(record));
        most = most.max(sum(record));
    }
    let mut edges: Vec<usize> = records.iter().map(|r| r.score.choice.edge).collect();
    edges.dedup();
    let mut operations: Vec<usize> = records.iter().map(|r| r.score.choice.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    let mut table = String::from("<table class=\"heat\"><thead><tr><th scope=\"col\">edge</th>");
    for o in &operations {
        table += &format!("<th scope=\"col\">{}</th>", escape(&shorten(&space.operations[*o], 40)));
    }
    table += "</tr></thead><tbody>\n";
    for edge in edges {
        table +=
            &format!("<tr><th scope=\"row\">{}</th>", escape(&shorten(&of.edge_names[edge], 40)));
        for operation in &operations {
            let here = |r: &&&Record| {
                (r.score.choice.edge, r.score.choice.operation) == (edge, *operation)
            };
            let Some(record) = records.iter().find(here) else {
                table += "<td class=\"none\">–</td>";
                continue;
            };
            let part = match most - least {
                0 => 0.5,
                range => f64::from(sum(record) - least) / f64::from(range),
            };
            // What goes first is light.
            let [r, g, b] = viridis(1.0 - part);
            // Black and white contrast equally with this luminance (WCAG 2).
            let ink = if luminance([r, g, b]) > 0.179 { "#000000" } else { "#ffffff" };
            let s = &record.score;
            let title = format!(
                "without it: NTK {} to {} ({:+.3}, rank {}), regions {} to {} ({:+.3}, rank {})",
                number(s.ntk_now),
                number(s.ntk_without),
                -s.ntk_delta,
                record.ranks.ntk,
                number(s.regions_now),
                number(s.regions_without),
                -s.regions_delta,
                record.ranks.regions
            );
            table += &format!(
                "<td{} style=\"background:rgb({r:.0},{g:.0},{b:.0});color:{ink}\" title=\"{title}\">{}{}</td>",
                if record.pruned { " class=\"gone\"" } else { "" },
                if record.pruned { "✕ " } else { "" },
                sum(record)
            );
        }
        table += "</tr>\n";
    }
    table += "</tbody></table>";
    figure(
        "",
        &format!("Ranks in round {round}: {}", of.name),
        "The sum of an operation's ranks by both indicators. The light ones go first; ✕ and a frame \
         mark what went.",
        &table,
    )
}

/// Relative luminance, as WCAG 2 defines it.
fn luminance(rgb: [f64; 3]) -> f64 {
    let [r, g, b] = rgb.map(|v| {
        let v = v / 255.0;
        if v <= 0.03928 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Viridis from 0, dark, to 1, light.
fn viridis(at: f64) -> [f64; 3] {
    let place = at.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let low = (place as usize).min(VIRIDIS.len() - 2);
    let part = place - low as f64;
    std::array::from_fn(|i| VIRIDIS[low][i] + part * (VIRIDIS[low + 1][i] - VIRIDIS[low][i]))
}
