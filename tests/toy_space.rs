//! A third space, made of public API alone: search, indicators and engines know no space.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Value, json};
use tenas::compute::{self, Engine};
use tenas::network::{Builder, Convolution, Graph, NetworkConfig, Training, Window};
use tenas::space::{Cell, Choice, Cursor, Edge, GenotypeText, Preset, RankPreset, Stage};
use tenas::{
    Config, Context, Dataset, DatasetKind, Error, Genotype, GenotypeFormat, Mask, Result, Space,
    Supernet,
};

/// Two nodes after the input: 1 reads 0; 2 reads 0 and 1, and keeps one of the two in the end.
/// There is no operation `none`, and no built-in space has these operations.
fn toy() -> Supernet {
    let edge = |from, to| Edge { from, to };
    let edges = vec![edge(0, 1), edge(0, 2), edge(1, 2)];
    let space = Space {
        name: "toy",
        operations: vec!["identity", "blur", "squeeze", "grow"],
        none: None,
        cells: vec![Cell { name: "only", edges }],
        stages: vec![Stage::Operations, Stage::EdgeGroup { cell: 0, edges: 1..3, keep: 1 }],
        preset: Preset { batch_size: 6, prune_per_edge: 2 },
        presets: vec![],
        rank: RankPreset::default(),
        text: &Arrows,
    };
    Supernet { space, lowering: lower, training, ntk_channels: 2, thin_channels: 1 }
}

/// `0 -blur-> 1, 1 -grow-> 2`.
#[derive(Debug)]
struct Arrows;

impl Arrows {
    fn edges(space: &Space, mask: &Mask) -> Vec<(usize, &'static str, usize)> {
        let edges = space.cells[0].edges.iter().enumerate();
        let used = edges.filter_map(|(e, Edge { from, to })| {
            let operation = mask.operations_on(0, e).next()?;
            Some((*from, space.operations[operation], *to))
        });
        used.collect()
    }
}

impl GenotypeText for Arrows {
    fn native(&self, space: &Space, mask: &Mask) -> String {
        let edges = Self::edges(space, mask);
        let arrows = edges.iter().map(|(from, o, to)| format!("{from} -{o}-> {to}"));
        arrows.collect::<Vec<_>>().join(", ")
    }

    fn json(&self, space: &Space, mask: &Mask) -> Value {
        json!({ "space": space.name, "edges": Self::edges(space, mask) })
    }

    fn parse(&self, space: &Space, text: &str) -> Result<Vec<Choice>> {
        let mut c = Cursor::new(text);
        let edges = &space.cells[0].edges;
        let mut choices = Vec::new();
        for i in 0.. {
            if i > 0 && !c.take(", ") {
                break;
            }
            let here = c.clone();
            let from = c.number()?;
            c.expect(" -")?;
            let operation = c.operation(space)?;
            c.expect("-> ")?;
            let edge = Edge { from, to: c.number()? };
            let e = edges.iter().position(|e| *e == edge).ok_or_else(|| here.fault("an edge"))?;
            choices.push(Choice { cell: 0, edge: e, operation });
        }
        c.end()?;
        Ok(choices)
    }
}

/// What is trained in the end: four channels, two blocks.
fn training(space: &Space, mask: &Mask, training: &Training<'_>) -> Result<Graph> {
    let &Training { input, classes, .. } = training;
    let config = NetworkConfig { input, classes, channels: 4, cells: 2, thin: false };
    lower(space, mask, &config)
}

fn lower(space: &Space, mask: &Mask, config: &NetworkConfig) -> Result<Graph> {
    let mut b = Builder::new(config.input, space.slots());
    let mut x = if config.thin { 0 } else { b.stem("stem.conv", "stem.norm", 0, config.channels)? };
    for block in 0..config.cells {
        let mut nodes = vec![x];
        let shape = b.shape(x);
        for node in 1..3 {
            let mut terms = Vec::new();
            for (e, edge) in space.cells[0].edges.iter().enumerate().filter(|e| e.1.to == node) {
                for operation in mask.operations_on(0, e) {
                    let slot = Some(space.slot(Choice { cell: 0, edge: e, operation }));
                    let name = format!("blocks.{block}.{edge}.{operation}");
                    b.enter(slot);
                    let (x, channels) = (nodes[edge.from], shape[0]);
                    let y = match space.operations[operation] {
                        "identity" => x,
                        "blur" => b.avg_pool(x, Window { kernel: 3, stride: 1, padding: 1 }),
                        // Two branches side by side, brought back to the block's channels.
                        "squeeze" => {
                            let a = b.relu_conv_bn(&format!("{name}.a"), x, 1, 1, 1)?;
                            let pooled = b.max_pool(x, Window { kernel: 3, stride: 1, padding: 1 });
                            let both = b.concat(&[a, pooled]);
                            b.relu_conv_bn(&format!("{name}.b"), both, channels, 3, 1)?
                        }
                        "grow" => {
                            let x = b.relu(x);
                            let wide =
                                Convolution { dilation: 2, padding: 2, ..Convolution::same(3) };
                            let y = b.conv(&format!("{name}.wide"), x, 2 * channels, wide)?;
                            let y = b.batch_norm(&format!("{name}.norm"), y);
                            b.relu_conv_bn(&format!("{name}.narrow"), y, channels, 1, 1)?
                        }
                        other => return Err(Error::Internal(format!("no operation {other}"))),
                    };
                    b.enter(None);
                    terms.push((y, slot));
                }
            }
            nodes.push(b.mix(&terms, shape));
        }
        x = nodes[2];
    }
    b.head("last", "classifier", x, config.classes);
    Ok(b.finish())
}

fn search(engine: Box<dyn Engine>) -> Context {
    let mut config = Config::for_supernet(Arc::new(toy()), DatasetKind::Custom);
    assert_eq!([config.batch_size(), config.prune_per_edge()], [6, 2]);
    config.set_seed(11);
    let bytes: Vec<u8> = (0..9 * 2 * 35u32).map(|i| (i * i * 7919 % 65_521 % 256) as u8).collect();
    let dataset = Dataset::from_images(&bytes, 9, [2, 5, 7], None, 3).unwrap();
    let mut context = Context::with_engine(&config, &dataset, engine).unwrap();
    let mut seen = Vec::new();
    context
        .run(&mut |p| {
            seen.push((p.round, p.rounds, p.candidate, p.candidates));
            ControlFlow::Continue(())
        })
        .unwrap();
    // Two rounds of operations, 4 on 3 edges and then 2; one of edges.
    let round =
        |round: u32, candidates: u32| (1..=candidates).map(move |c| (round, 3, c, candidates));
    assert!(seen.into_iter().eq(round(0, 12).chain(round(1, 6)).chain(round(2, 2))));
    context
}

#[test]
fn a_toy_space_is_searched_to_its_end() {
    let context = search(compute::native(2).unwrap());
    let space = &toy().space;
    // One operation on the first edge, and on one of the two others.
    let active: Vec<usize> = (0..3).map(|e| context.mask().active_on(0, e)).collect();
    assert!(active == [1, 1, 0] || active == [1, 0, 1], "{active:?}");
    let pruned = context.records().iter().filter(|r| r.pruned);
    assert_eq!(pruned.count(), 3 * 2 + 3 + 1);

    let genotype = context.genotype().unwrap();
    let text = genotype.to_text(GenotypeFormat::Native);
    assert_eq!(Genotype::parse(space, &text).unwrap().mask(), context.mask(), "{text}");
    let value: Value = serde_json::from_str(&genotype.to_text(GenotypeFormat::Json)).unwrap();
    assert_eq!(value["edges"].as_array().unwrap().len(), 2);
    match Genotype::parse(space, "0 -blur-> 1, 0 -sharpen-> 2") {
        Err(Error::Format(message)) => {
            for part in ["byte 16", "sharpen", "an operation of toy (identity, blur"] {
                assert!(message.contains(part), "{message:?} does not contain {part:?}");
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn engines_agree_on_a_toy_space() {
    let native = search(compute::native(1).unwrap());
    let again = search(compute::native(3).unwrap());
    assert_eq!(native.records(), again.records());
    let reference = search(compute::reference(2).unwrap());
    // The first round is the same supernet, whatever rounding makes of the next.
    let mut scores = Vec::new();
    for (n, r) in native.records()[..12].iter().zip(&reference.records()[..12]) {
        assert_eq!(n.score.choice, r.score.choice);
        for (n, r) in [
            (n.score.ntk_now, r.score.ntk_now),
            (n.score.ntk_without, r.score.ntk_without),
            (n.score.regions_now, r.score.regions_now),
            (n.score.regions_without, r.score.regions_without),
        ] {
            assert!((n - r).abs() <= 2e-3 * r, "{n} {r}");
        }
        scores.push(n.score.ntk_without);
    }
    // Each candidate is a network of its own.
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    assert_eq!(scores.len(), 12);
}
