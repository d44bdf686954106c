//! Multiply-adds and parameters against an independent count and published figures.

use tenas::network::{Cost, Training};
use tenas::random::{Key, Purpose};
use tenas::{Genotype, SpaceKind, Supernet};

const CIFAR10: Training<'static> = Training { dataset: "cifar10", input: [3, 32, 32], classes: 10 };

fn cost(kind: SpaceKind, text: &str, training: &Training<'_>) -> Cost {
    let supernet = Supernet::of(kind);
    let genotype = Genotype::parse(&supernet.space, text).unwrap();
    supernet.training_network(genotype.mask(), training).unwrap().cost()
}

/// NAS-Bench-201's network, C = 16 and N = 5, counted operation by operation from its text.
fn by_hand(text: &str, side: u64, classes: u64) -> Cost {
    let conv = |inputs: u64, outputs: u64, kernel: u64, side: u64| Cost {
        multiply_adds: inputs * outputs * kernel * kernel * side * side,
        // Weights, then scale and shift of the batch normalisation behind.
        parameters: inputs * outputs * kernel * kernel + 2 * outputs,
    };
    let mut total = conv(3, 16, 3, side);
    let mut add = |cost: Cost, times: u64| {
        total.multiply_adds += times * cost.multiply_adds;
        total.parameters += times * cost.parameters;
    };
    for (c, side) in [(16, side), (32, side / 2), (64, side / 4)] {
        add(conv(c, c, 3, side), 5 * text.matches("nor_conv_3x3").count() as u64);
        add(conv(c, c, 1, side), 5 * text.matches("nor_conv_1x1").count() as u64);
        if c > 16 {
            add(conv(c / 2, c, 3, side), 1);
            add(conv(c, c, 3, side), 1);
            let shortcut = conv(c / 2, c, 1, side);
            add(Cost { parameters: shortcut.parameters - 2 * c, ..shortcut }, 1);
        }
    }
    total.parameters += 2 * 64 + 65 * classes;
    total.multiply_adds += 65 * classes;
    total
}

#[test]
fn the_whole_of_nas_bench_201() {
    let supernet = Supernet::of(SpaceKind::NasBench201);
    for index in 0..supernet.space.size().unwrap() {
        let genotype = Genotype::at(&supernet.space, index).unwrap();
        let text = genotype.to_text(tenas::GenotypeFormat::Native);
        let found = supernet.training_network(genotype.mask(), &CIFAR10).unwrap().cost();
        assert_eq!(found, by_hand(&text, 32, 10), "{text}");
    }
}

#[test]
fn other_data_sets() {
    let text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|";
    for (dataset, side, classes) in [("cifar100", 32, 100), ("ImageNet16-120", 16, 120)] {
        let training = Training { dataset, input: [3, side, side], classes };
        let found = cost(SpaceKind::NasBench201, text, &training);
        assert_eq!(found, by_hand(text, side as u64, classes as u64));
    }
}

/// What the benchmark's files give for the first one is quoted in NASLib's tests of this space.
#[test]
fn as_nas_bench_201_publishes() {
    let first = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+\
                 |nor_conv_1x1~0|skip_connect~1|skip_connect~2|";
    let found = cost(SpaceKind::NasBench201, first, &CIFAR10);
    assert_eq!(found, Cost { multiply_adds: 15_647_370, parameters: 129_306 });
    for (text, parameters) in [
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+\
             |skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
            1_073_466,
        ),
        (
            "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+\
             |nor_conv_1x1~0|nor_conv_1x1~1|none~2|",
            615_386,
        ),
    ] {
        assert_eq!(cost(SpaceKind::NasBench201, text, &CIFAR10).parameters, parameters);
    }
}

const DARTS_V2: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), \
    ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), \
    ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], \
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), \
    ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], \
    reduce_concat=[2, 3, 4, 5])";

/// ImageNet, at whatever size the images at hand have.
const IMAGENET: Training<'static> =
    Training { dataset: "imagenet-1k", input: [3, 32, 32], classes: 1000 };

/// The paper gives 3.3 M parameters on CIFAR-10 and 4.7 M on ImageNet; to the last one, what the
/// authors' `train.py` prints for CIFAR-10.
#[test]
fn as_darts_publishes() {
    assert_eq!(cost(SpaceKind::Darts, DARTS_V2, &CIFAR10).parameters, 3_349_342);
    let imagenet = cost(SpaceKind::Darts, DARTS_V2, &IMAGENET).parameters;
    assert_eq!((imagenet as f64 / 1e5).round(), 47.0);
}

/// The network that DARTS trains, counted cell by cell.
fn darts_by_hand(genotype: &Genotype, imagenet: bool, classes: u64) -> Cost {
    let mut total = Cost::default();
    // Convolution with the batch normalisation behind it, `side` that of its output.
    let mut conv = |inputs: u64, outputs: u64, kernel: u64, side: u64, norm: bool| {
        total.multiply_adds += inputs * outputs * kernel * kernel * side * side;
        total.parameters += inputs * outputs * kernel * kernel + if norm { 2 * outputs } else { 0 };
    };
    let (cells, mut c) = if imagenet { (14, 48) } else { (20, 36) };
    let (mut side, mut before, mut last);
    if imagenet {
        conv(3, 24, 3, 112, true);
        conv(24, 48, 3, 56, true);
        conv(48, 48, 3, 28, true);
        (side, before, last) = (28, 48, 48);
    } else {
        conv(3, 108, 3, 32, true);
        (side, before, last) = (32, 108, 108);
    }
    let mut halved = imagenet;
    for index in 0..cells {
        let reduces = index == cells / 3 || index == 2 * cells / 3;
        c *= if reduces { 2 } else { 1 };
        // The first input, brought to the second one's size if it is larger, and the second.
        if halved {
            conv(before, c / 2, 1, side, false);
            conv(before, c / 2, 1, side, false);
            conv(0, c, 1, side, true);
        } else {
            conv(before, c, 1, side, true);
        }
        conv(last, c, 1, side, true);
        let inner = if reduces { side / 2 } else { side };
        let space = genotype.space();
        let cell = usize::from(reduces);
        for (e, edge) in space.cells[cell].edges.iter().enumerate() {
            for operation in genotype.mask().operations_on(cell, e) {
                let mut separable = |kernel| {
                    conv(1, c, kernel, inner, false);
                    conv(c, c, 1, inner, true);
                };
                match space.operations[operation].as_str() {
                    "sep_conv_3x3" => (0..2).for_each(|_| separable(3)),
                    "sep_conv_5x5" => (0..2).for_each(|_| separable(5)),
                    "dil_conv_3x3" => separable(3),
                    "dil_conv_5x5" => separable(5),
                    "skip_connect" if reduces && edge.from < 2 => {
                        conv(c, c / 2, 1, inner, false);
                        conv(c, c / 2, 1, inner, false);
                        conv(0, c, 1, inner, true);
                    }
                    _ => {}
                }
            }
        }
        (before, last, side, halved) = (last, 4 * c, inner, reduces);
    }
    total.parameters += (last + 1) * classes;
    total.multiply_adds += (last + 1) * classes;
    total
}

#[test]
fn darts_counted_by_hand() {
    let supernet = Supernet::of(SpaceKind::Darts);
    let key = Key { seed: 1, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
    let mut stream = key.stream(0);
    let mut genotypes = vec![Genotype::parse(&supernet.space, DARTS_V2).unwrap()];
    genotypes.extend((0..60).map(|_| Genotype::sample(&supernet.space, &mut stream).unwrap()));
    for genotype in &genotypes {
        for (training, imagenet) in [(CIFAR10, false), (IMAGENET, true)] {
            let found = supernet.training_network(genotype.mask(), &training).unwrap().cost();
            assert_eq!(found, darts_by_hand(genotype, imagenet, training.classes as u64));
        }
    }
}

#[test]
fn connected_or_not() {
    let supernet = Supernet::of(SpaceKind::NasBench201);
    for (text, connected) in [
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", false),
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|none~2|", false),
        ("|none~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|", false),
        ("|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|", true),
        ("|skip_connect~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|", true),
    ] {
        let genotype = Genotype::parse(&supernet.space, text).unwrap();
        let network = supernet.ntk_network(genotype.mask(), [3, 32, 32], 10).unwrap();
        assert_eq!(network.is_connected(), connected, "{text}");
    }
}
