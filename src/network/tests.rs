//! The lowerer gives the very graphs that were written by hand.

use super::{Graph, NetworkConfig, Supernet, Training, darts, nas_bench_201};
use crate::random::{Key, Purpose};
use crate::space::{Mask, Space, SpaceKind};

fn masks(space: &Space) -> Vec<Mask> {
    let key = Key { seed: 3, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
    let mut stream = key.stream(0);
    let mut masks = vec![Mask::full(space)];
    for i in 0..60 {
        let flat: Vec<u8> = (0..space.slots()).map(|_| u8::from(stream.below(60) >= i)).collect();
        masks.push(Mask::from_flat(space, &flat).unwrap());
        masks.push(crate::Genotype::sample(space, &mut stream).unwrap().mask().clone());
    }
    masks
}

#[test]
fn graphs_are_those_that_were_written_by_hand() {
    for kind in SpaceKind::ALL {
        let supernet = Supernet::of(kind);
        let space = &supernet.space;
        let same = |old: Graph, new: Graph| {
            for (a, b) in old.nodes.iter().zip(&new.nodes) {
                assert_eq!(a, b);
            }
            for (a, b) in old.parameters.iter().zip(new.parameters.iter()) {
                assert_eq!(a, b);
            }
            assert!(old == new);
        };
        for mask in masks(space) {
            let lower = match kind {
                SpaceKind::NasBench201 => nas_bench_201::lower,
                SpaceKind::Darts => darts::lower,
            };
            for (channels, cells, side) in [(1, 1, 32), (3, 1, 8), (4, 3, 12), (16, 5, 4)] {
                let input = [3, side, side];
                let config = NetworkConfig { input, classes: 7, channels, cells, thin: false };
                same(
                    lower(space, &mask, &config).unwrap(),
                    supernet.lower(&mask, &config).unwrap(),
                );
            }
            let config =
                NetworkConfig { input: [1, 3, 3], classes: 7, channels: 1, cells: 1, thin: true };
            same(lower(space, &mask, &config).unwrap(), supernet.lower(&mask, &config).unwrap());
            for (dataset, side) in [("cifar10", 32), ("imagenet-1k", 32), ("custom", 12)] {
                let training = Training { dataset, input: [3, side, side], classes: 9 };
                let old = match kind {
                    SpaceKind::NasBench201 => nas_bench_201::training(space, &mask, &training),
                    SpaceKind::Darts => darts::training(space, &mask, &training),
                };
                same(old.unwrap(), supernet.training_network(&mask, &training).unwrap());
            }
        }
    }
}
