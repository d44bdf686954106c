//! The same as same_search.c, by the Rust API.

use std::ops::ControlFlow;

use tenas::{Config, Context, Dataset, DatasetKind, GenotypeFormat, Result, SpaceKind};

fn search(dataset: &Dataset, space: SpaceKind, batch_size: u32, prune_per_edge: u32) -> Result<()> {
    let mut config = Config::new(space, DatasetKind::Custom);
    config.set_seed(5);
    config.set_repeats(2)?;
    config.set_batch_size(batch_size)?;
    config.set_prune_per_edge(prune_per_edge)?;
    let mut context = Context::new(&config, dataset)?;
    context.run(&mut |_| ControlFlow::Continue(()))?;
    println!("{}", context.genotype()?.to_text(GenotypeFormat::Native));
    for r in context.records() {
        let (s, c) = (&r.score, r.score.choice);
        let counts =
            [r.round as usize, c.cell, c.edge, c.operation].map(|n| n.to_string()).join(" ");
        let scores = [
            s.ntk_delta,
            s.regions_delta,
            s.ntk_now,
            s.ntk_without,
            s.regions_now,
            s.regions_without,
        ]
        .map(|x| format!("{:016x}", x.to_bits()))
        .join(" ");
        println!("{counts} {} {} {} {scores}", r.ranks.ntk, r.ranks.regions, u8::from(r.pruned));
    }
    Ok(())
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: same_search IMAGES");
    let images = std::fs::read(path).expect("the images can be read");
    let dataset = Dataset::from_images(&images, 16, [3, 8, 8], None, 4).expect("images");
    search(&dataset, SpaceKind::NasBench201, 4, 1).expect("NAS-Bench-201");
    search(&dataset, SpaceKind::Darts, 2, 7).expect("DARTS");
}
