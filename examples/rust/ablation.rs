//! The scores of the architectures of an accuracy table, as a table: one line an architecture, one
//! column a proxy and draw. What docs/results says of depth and draws is made of these.
//!
//!     cargo run --release --example ablation -- TABLE DATA SPACE PROXIES CELLS CHANNELS SIZE BATCH DRAWS
//!
//! for example `nb201.tsv cifar-10-batches-bin nas-bench-201 ntk,naswot 5 3 32 8 4`; 0 stands for what
//! the space has. DATA is CIFAR-10. The accuracies follow the scores as they stand in the table.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use tenas::proxy::{ProxyNetwork, named};
use tenas::{Config, Dataset, DatasetKind, Genotype, SpaceKind, scores};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, data, space, proxies, cells, channels, size, batch, draws] = &arguments[..] else {
        return Err("expected TABLE DATA SPACE PROXIES CELLS CHANNELS SIZE BATCH DRAWS".into());
    };
    let kinds = SpaceKind::ALL.into_iter();
    let kind = kinds.into_iter().find(|k| k.space().name == *space).ok_or("no such space")?;
    let mut config = Config::new(kind, DatasetKind::Cifar10);
    config.set_repeats(1)?;
    let size = ProxyNetwork {
        cells: cells.parse()?,
        channels: channels.parse()?,
        image_size: size.parse()?,
        batch_size: batch.parse()?,
    };
    config.set_proxy_network(None, size)?;
    let dataset = Dataset::open(DatasetKind::Cifar10, Path::new(data))?;
    let text = std::fs::read_to_string(table)?;
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let (genotype, rest) = line.split_once('\t').ok_or("a line without a tab")?;
        rows.push((Genotype::parse(&config.supernet().space, genotype)?, line, rest));
    }
    let genotypes: Vec<Genotype> = rows.iter().map(|r| r.0.clone()).collect();
    let proxies = proxies.split(',').map(named).collect::<Result<Vec<_>, _>>()?;
    let mut columns = Vec::new();
    let mut heads = Vec::new();
    for draw in 0..draws.parse::<u64>()? {
        config.set_seed(draw);
        for proxy in &proxies {
            let start = Instant::now();
            let one = std::slice::from_ref(proxy);
            let found =
                scores(&config, &dataset, &genotypes, one, &mut |_| ControlFlow::Continue(()))?;
            let each = 1e3 * start.elapsed().as_secs_f64() / genotypes.len() as f64;
            eprintln!("{} draw {draw}: {each:.2} ms an architecture", proxy.name());
            heads.push(format!("{}:{draw}", proxy.name()));
            columns.push(found);
        }
    }
    let head = text.lines().next().and_then(|line| line.split_once('\t'));
    println!("genotype\t{}\t{}", heads.join("\t"), head.map_or("", |(_, names)| names));
    for (i, (_, line, rest)) in rows.iter().enumerate() {
        let values: Vec<String> = columns.iter().map(|c| c[i].values[0].mean.to_string()).collect();
        let genotype = line.split('\t').next().unwrap_or_default();
        println!("{genotype}\t{}\t{rest}", values.join("\t"));
    }
    Ok(())
}
