//! How architectures were ranked: the first of them, how that settled, and scores by pairs.

use serde_json::{Value, json};

use super::charts::{Axis, COLOURS, Chart, Named, Series};
use super::page::{accuracies, cost, figure};
use super::spearman;
use super::svg::{count, escape, millions, number, shorten};
use crate::benchmark::Benchmark;
use crate::error::Result;
use crate::proxy::{Direction, Need};
use crate::search::{Context, Ranked, aggregate};
use crate::space::GenotypeFormat;

/// Rows of the table, and points that charts name.
const ROWS: usize = 20;
const NAMED: usize = 5;
/// Finalists whose places are drawn.
const SETTLING: usize = 16;
/// Pairs of scores whose points lie on every pixel; where there are more, on every second.
const FINE_PAIRS: usize = 15;

/// The section, and the data that its script reads.
pub(super) fn section(context: &Context, table: Option<&Benchmark>) -> Result<(String, String)> {
    let config = context.config();
    let ranking = context.ranking();
    let mut text = String::from("<h2>How it was found</h2>\n");
    let names: Vec<String> = config.proxies().iter().map(|p| p.name().to_owned()).collect();
    text += &format!(
        "<p>Each architecture is scored by {} on randomly initialised networks, and ranked by what the \
         ranks add up to ({}). The better part is measured again on more draws of weights and images.</p>\n",
        escape(&names.join(", ")),
        escape(config.to_json()["aggregation"].as_str().unwrap_or("ranks"))
    );
    if ranking.is_empty() {
        text += "<p>No round is finished yet.</p>\n";
        return Ok((text, String::new()));
    }
    text += &finalists(context, table)?;
    text += &settling(context)?;
    let connected: Vec<&Ranked> = ranking.iter().filter(|r| r.connected).collect();
    let (pairs, data) = scatters(context, &connected)?;
    text += &pairs;
    Ok((text, data))
}

/// The first of the ranking, with all that is known of them.
fn finalists(context: &Context, table: Option<&Benchmark>) -> Result<String> {
    let config = context.config();
    let space = &config.supernet().space;
    let ranking = context.ranking();
    let mut rows = String::from(
        "<table class=\"ranking\"><thead><tr><th scope=\"col\">place</th><th scope=\"col\">draws</th>\
         <th scope=\"col\">total</th>",
    );
    for proxy in config.proxies() {
        let better = match proxy.direction() {
            Direction::Higher => "higher",
            Direction::Lower => "lower",
        };
        rows += &format!(
            "<th scope=\"col\" title=\"{}; {better} is better\">{} (rank)</th>",
            escape(proxy.title()),
            escape(proxy.name())
        );
    }
    rows += "<th scope=\"col\">FLOPs</th><th scope=\"col\">parameters</th>";
    let datasets = table.map_or_else(Vec::new, |table| table.datasets());
    for dataset in &datasets {
        rows += &format!("<th scope=\"col\">accuracy, {}</th>", escape(dataset.name()));
    }
    rows += "<th scope=\"col\" class=\"text\">architecture</th></tr></thead><tbody>\n";
    for (i, one) in ranking.iter().take(ROWS).enumerate() {
        let genotype = one.genotype(space)?;
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
            i + 1,
            one.draws,
            number(one.total)
        );
        for (value, rank) in one.values.iter().zip(&one.ranks) {
            rows += &format!("<td>{} ({})</td>", number(*value), number(*rank));
        }
        let cost = cost(context, &genotype);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".into());
        rows += &format!(
            "<td>{}</td><td>{}</td>",
            or_none(cost.map(|c| millions(c.multiply_adds))),
            or_none(cost.map(|c| millions(c.parameters)))
        );
        let known = match table {
            Some(table) => accuracies(table, &genotype)?,
            None => Vec::new(),
        };
        for dataset in &datasets {
            let found = known.iter().find(|(name, _)| *name == dataset.name());
            rows += &format!("<td>{}</td>", or_none(found.map(|(_, a)| format!("{a:.2} %"))));
        }
        let native = genotype.to_text(GenotypeFormat::Native);
        rows += &format!("<td class=\"text\"><code>{}</code></td></tr>\n", escape(&native));
    }
    rows += "</tbody></table>";
    let finding = format!(
        "The first {} of {} architectures",
        count(ranking.len().min(ROWS)),
        count(ranking.len())
    );
    let explanation = "Those that were measured on more draws come first. Behind each score is its \
                       rank among all.";
    Ok(figure("", &finding, explanation, &rows))
}

/// The places of the finalists among each other, by the draws up to each rung.
fn settling(context: &Context) -> Result<String> {
    let config = context.config();
    let connected: Vec<&Ranked> = context.ranking().iter().filter(|r| r.connected).collect();
    let top = connected.first().map_or(0, |r| r.rung);
    let all: Vec<&&Ranked> = connected.iter().filter(|r| r.rung == top).take(SETTLING).collect();
    if top == 0 || all.len() < 2 {
        return Ok(String::new());
    }
    let proxies = config.proxies();
    let directions: Vec<Direction> = proxies.iter().map(|p| p.direction()).collect();
    let growth = config.draw_growth() as usize;
    let draws: Vec<usize> = (0..=top).map(|rung| growth.pow(rung)).collect();
    // [rung][architecture].
    let mut places = Vec::new();
    for &draws in &draws {
        // As if nothing had been measured on more draws.
        let settled = |one: &&Ranked| -> Vec<f64> {
            if one.draws as usize <= draws {
                return one.values.clone();
            }
            let values = context.draws_of(one.number);
            let of_proxy = |(p, proxy): (usize, &std::sync::Arc<dyn crate::proxy::Proxy>)| {
                let of_draws: Vec<f64> =
                    values.iter().skip(p).step_by(proxies.len()).take(draws).copied().collect();
                if proxy.need() == Need::Cost { values[p] } else { proxy.settle(&of_draws) }
            };
            proxies.iter().enumerate().map(of_proxy).collect()
        };
        let rows: Vec<Vec<f64>> = connected.iter().map(settled).collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let (totals, _) = aggregate(&rows, &directions, config.aggregation())?;
        // The finalists are the first of the ranking, and so of the totals.
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by(|a, b| match config.aggregation().direction() {
            Direction::Higher => totals[*b].total_cmp(&totals[*a]),
            Direction::Lower => totals[*a].total_cmp(&totals[*b]),
        });
        let mut place = vec![0.0; all.len()];
        order.iter().enumerate().for_each(|(i, one)| place[*one] = (i + 1) as f64);
        places.push(place);
    }
    let line = |one: usize| Series {
        points: places.iter().enumerate().map(|(rung, p)| (rung as f64, p[one])).collect(),
        colour: if one < NAMED { one } else { COLOURS },
        name: if one < NAMED { format!("#{}", one + 1) } else { String::new() },
        values: false,
    };
    let [first, last] = [&places[0], &places[places.len() - 1]];
    let stayed = (0..all.len()).filter(|one| first[*one] == last[*one]).count();
    let finding = format!(
        "The first after {} draws was number {} of the finalists after one; {stayed} of {} kept their place",
        draws[draws.len() - 1],
        first[0],
        all.len()
    );
    let names = |texts: Vec<String>| Axis { whole: Some(texts), ..Default::default() };
    let chart = Chart {
        title: finding.clone(),
        x: Axis {
            title: "draws of weights and images".into(),
            ..names(draws.iter().map(usize::to_string).collect())
        },
        y: Axis {
            title: "place among the finalists".into(),
            downwards: true,
            ..names((0..=all.len()).map(|place| place.to_string()).collect())
        },
        // The named ones last, over the others.
        series: (0..all.len()).rev().map(line).collect(),
        ..Default::default()
    };
    let explanation = "Each line is a finalist, ranked among them by the draws so far. The coloured \
                       ones are the first of the ranking, by their places in it.";
    Ok(figure("chart", &finding, explanation, &chart.svg()?))
}

/// Each pair of scores, and the data of all points.
fn scatters(context: &Context, ranking: &[&Ranked]) -> Result<(String, String)> {
    let config = context.config();
    let space = &config.supernet().space;
    let proxies = config.proxies();
    let pairs: Vec<(usize, usize)> =
        (0..proxies.len()).flat_map(|y| (0..y).map(move |x| (x, y))).collect();
    if ranking.is_empty() || pairs.is_empty() {
        return Ok(Default::default());
    }
    let column = |p: usize| ranking.iter().map(move |r| r.values[p]);
    let title = |p: usize| {
        let better = match proxies[p].direction() {
            Direction::Higher => "higher is better",
            Direction::Lower => "lower is better",
        };
        format!("{} ({better})", shorten(proxies[p].name(), 40))
    };
    let mut text = String::from("<h3>Scores against each other</h3>\n");
    text += &format!(
        "<p>Every point is one of {} architectures. Numbers mark the first {} of the ranking.</p>\n",
        count(ranking.len()),
        NAMED.min(ranking.len())
    );
    for (i, &(x, y)) in pairs.iter().enumerate() {
        let (xs, ys): (Vec<f64>, Vec<f64>) = (column(x).collect(), column(y).collect());
        // Turned around where less is better, so that 1 is full agreement.
        let turned = |values: &[f64], p: usize| -> Vec<f64> {
            let sign = if proxies[p].direction() == Direction::Lower { -1.0 } else { 1.0 };
            values.iter().map(|v| sign * v).collect()
        };
        let agreement = spearman(&turned(&xs, x), &turned(&ys, y));
        let (a, b) = (proxies[x].name(), proxies[y].name());
        let finding = match agreement {
            None => format!("{a} and {b}: all values of one are equal"),
            Some(rho) => {
                let what = match rho {
                    r if r >= 0.7 => "agree",
                    r if r >= 0.3 => "agree in part",
                    r if r > -0.3 => "say different things",
                    _ => "contradict each other",
                };
                format!("{a} and {b} {what}: rank correlation {rho:.2}")
            }
        };
        let named = ranking.iter().take(NAMED).enumerate().map(|(i, one)| {
            let genotype = one.genotype(space)?.to_text(GenotypeFormat::Native);
            Ok(Named {
                at: (one.values[x], one.values[y]),
                name: format!("#{}", i + 1),
                title: format!("#{}: {genotype}", i + 1),
            })
        });
        let chart = Chart {
            title: finding.clone(),
            x: Axis::of(&title(x), xs.iter().copied()),
            y: Axis::of(&title(y), ys.iter().copied()),
            points: xs.iter().copied().zip(ys.iter().copied()).collect(),
            named: named.collect::<Result<_>>()?,
            grid: if pairs.len() > FINE_PAIRS { 2 } else { 1 },
            ..Default::default()
        };
        let figure = figure("chart", &finding, "", &chart.svg()?);
        let open = if i == 0 { " open" } else { "" };
        text += &format!(
            "<details{open} data-pair=\"{x} {y}\"><summary>{} against {}</summary>{figure}</details>\n",
            escape(b),
            escape(a)
        );
    }
    Ok((text, data(context, ranking)?))
}

/// What the script knows of each architecture: a letter for the operation of each edge, and its values.
fn data(context: &Context, ranking: &[&Ranked]) -> Result<String> {
    let config = context.config();
    let space = &config.supernet().space;
    let several = space.cells.len() > 1;
    let edge_names: Vec<String> = space
        .edges()
        .map(|(c, e)| {
            let cell = &space.cells[c];
            let name = &cell.edge_names[e];
            if several { format!("{} {name}", cell.name) } else { name.clone() }
        })
        .collect();
    let mut architectures = Vec::new();
    for one in ranking {
        let genotype = one.genotype(space)?;
        let letter = |(cell, edge)| {
            let operation = genotype.mask().operations_on(cell, edge).next();
            operation.and_then(|o| char::from_digit(o as u32, 36)).unwrap_or('-')
        };
        let code: String = space.edges().map(letter).collect();
        let values: Vec<Value> = one.values.iter().map(|v| json!(shortened(*v))).collect();
        architectures.push(json!([code, values]));
    }
    let scores: Vec<&str> = config.proxies().iter().map(|p| p.name()).collect();
    let data = json!({
        "scores": scores,
        "edges": edge_names,
        "operations": space.operations,
        "architectures": architectures,
    });
    // Nothing in it can end the element that it stands in.
    Ok(data.to_string().replace('<', "\\u003c"))
}

/// Five significant figures are more than a pointer finds.
fn shortened(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
