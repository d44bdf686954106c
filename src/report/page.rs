//! The page: what was found, how, and what reproduces it.

use super::cell::{draw, final_edges, open_cells};
use super::svg::{count, duration, escape, millions, number};
use super::{prune, rank};
use crate::benchmark::Benchmark;
use crate::error::Result;
use crate::network::{Cost, Training};
use crate::search::{Context, Strategy};
use crate::space::{Genotype, GenotypeFormat};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing is loaded from anywhere.
const POLICY: &str = include_str!("policy.txt");

/// A figure: what it shows, and the drawing, which may be wider than the page.
pub(super) fn figure(class: &str, finding: &str, explanation: &str, drawing: &str) -> String {
    let (finding, explanation) = (escape(finding), escape(explanation));
    format!(
        "<figure><figcaption><b>{finding}</b>{explanation}</figcaption>\
         <div class=\"wide {class}\" role=\"group\" tabindex=\"0\" aria-label=\"{finding}\">{drawing}</div></figure>\n"
    )
}

/// One entry of a list of facts.
fn fact(name: &str, value: &str) -> String {
    format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value))
}

/// What the network that is trained costs; `None` where it has no network for these images.
pub(super) fn cost(context: &Context, genotype: &Genotype) -> Option<Cost> {
    let training = Training {
        dataset: context.config().dataset().name(),
        input: context.dataset().shape(),
        classes: context.dataset().classes(),
    };
    let supernet = context.config().supernet();
    Some(supernet.training_network(genotype.mask(), &training).ok()?.cost())
}

/// Accuracies of an architecture by a table, each with its data set.
pub(super) fn accuracies(
    table: &Benchmark,
    genotype: &Genotype,
) -> Result<Vec<(&'static str, f64)>> {
    let text = genotype.to_text(GenotypeFormat::Native);
    let Some(index) = found(table.find(&text))? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for dataset in table.datasets() {
        if let Some(accuracy) = found(table.accuracy(index, dataset))? {
            all.push((dataset.name(), accuracy));
        }
    }
    Ok(all)
}

/// What is not there is no error.
fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(crate::Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn page(context: &Context, table: Option<&Benchmark>) -> Result<String> {
    let config = context.config();
    let space = &config.supernet().space;
    let progress = context.control().progress();
    let architectures = match space.size() {
        Some(size) if size < 1_000_000_000 => format!(" of {}", count(size as usize)),
        Some(size) => format!(" of about {}", number(size as f64)),
        None => String::new(),
    };
    let took = duration(context.seconds());
    let headline = match context.is_finished() {
        true => format!("One architecture{architectures}, found in {took} without training"),
        false => format!(
            "A search after {} of {} rounds and {took}: not finished",
            progress.round, progress.rounds
        ),
    };
    let strategy = match context.strategy() {
        Strategy::Prune => "prune: a supernet loses operations round by round",
        Strategy::Rank => "rank: architectures are scored one by one",
    };
    let images = context.dataset();
    let kicker = format!(
        "libtenas {} · space {} · data set {} · strategy {strategy}",
        crate::VERSION,
        space.name,
        config.dataset().name()
    );
    let mut main = String::from("<section id=\"found\">");
    main += &result(context, table)?;
    main += "</section>\n<section id=\"how\">";
    let (how, data) = match context.strategy() {
        Strategy::Prune => (prune::section(context)?, String::new()),
        Strategy::Rank => rank::section(context, table)?,
    };
    main += &how;
    main += "</section>\n<section id=\"reproduce\"><h2>What reproduces it</h2>\n<dl>";
    let [colours, height, width] = images.shape();
    for (name, value) in [
        ("Library", format!("libtenas {}", crate::VERSION)),
        ("Seed", config.seed().to_string()),
        ("Images", format!("{} of {colours} x {height} x {width}", count(images.count()))),
        ("From", images.origin().to_owned()),
        ("Digest of the images", format!("{:016x}", images.digest()?)),
        ("Digest of the space", format!("{:016x}", space.digest())),
    ] {
        main += &fact(name, &value);
    }
    let json = serde_json::to_string_pretty(&config.to_json()).unwrap_or_default();
    main += "</dl>\n<p>The same configuration, images and library give the same result, on any number \
             of threads. This is the configuration; tenas_config_from_json reads it.</p>\n";
    main += &format!(
        "<details><summary>Configuration as JSON</summary><pre>{}</pre></details></section>",
        json.lines().map(escape).collect::<Vec<_>>().join("\n")
    );
    let script = if data.is_empty() {
        String::new()
    } else {
        format!(
            "<script type=\"application/json\" id=\"points\">{data}</script>\n<script>{SCRIPT}</script>\n"
        )
    };
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><p class=\"kicker\">{kicker}</p>\n<h1>{headline}</h1></header>\n\
         <main>{main}</main>\n\
         <footer><p>Written by libtenas {version}: neural architecture search without training.</p></footer>\n\
         {script}</body>\n</html>\n",
        title = escape(&format!("{}: {headline}", space.name)),
        kicker = escape(&kicker),
        headline = escape(&headline),
        version = crate::VERSION,
    ))
}

/// The architecture, or how far the search is.
fn result(context: &Context, table: Option<&Benchmark>) -> Result<String> {
    let config = context.config();
    let space = &config.supernet().space;
    let mut text = String::new();
    let mut facts = String::new();
    if context.is_finished() {
        let genotype = context.genotype()?;
        let native = genotype.to_text(GenotypeFormat::Native);
        text += &format!("<pre id=\"genotype\">{}</pre>\n", escape(&native));
        if let Some(cost) = cost(context, &genotype) {
            facts += &fact("FLOPs (multiply-adds)", &millions(cost.multiply_adds));
            facts += &fact("Parameters", &millions(cost.parameters));
        }
        if let Some(table) = table {
            let all = accuracies(table, &genotype)?;
            if all.is_empty() {
                facts += &fact("Accuracy", "not in the table");
            }
            for (dataset, accuracy) in all {
                let name = format!("Test accuracy on {dataset}");
                facts += &fact(&name, &format!("{} %", number((accuracy * 100.0).round() / 100.0)));
            }
        }
        let cells = open_cells(space);
        let names: Vec<&str> = cells.iter().map(|c| space.cells[*c].name.as_str()).collect();
        let drawing =
            draw(space, &cells, &native, &|cell| final_edges(space, genotype.mask(), cell));
        let finding = match names[..] {
            [one] => format!("What was found: the {one} cell"),
            _ => format!("What was found: {}", names.join(" and ")),
        };
        let explanation = "Boxes are operations; what a state gets from several of them is added up. An edge \
             without a box adds nothing.";
        text += &format!("<dl>{facts}{}</dl>\n", measured(context));
        text += &figure("cell", &finding, explanation, &drawing);
    } else {
        text += &format!("<dl>{}</dl>\n", measured(context));
    }
    Ok(text)
}

/// What was measured, and how long that took.
fn measured(context: &Context) -> String {
    let (name, candidates) = match context.strategy() {
        Strategy::Prune => ("Removals measured", context.records().len()),
        Strategy::Rank => ("Architectures looked at", context.ranking().len()),
    };
    fact(name, &count(candidates))
        + &fact("Time", &duration(context.seconds()))
        + &fact("Seed", &context.config().seed().to_string())
}
