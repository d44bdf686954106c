//! What a task draws: images and weights, each by a key of its own (section 3.5).

use std::collections::HashMap;
use std::sync::Arc;

use super::Config;
use crate::compute::{Inputs, Parameters};
use crate::data::{Dataset, Images};
use crate::error::{Result, try_vec};
use crate::network::{Fan, Graph, Init, Initialiser};
use crate::proxy::{InputKind, ProxyNetwork, Shape, Weights};
use crate::random::{Key, Purpose};

/// Batches of the thin network, and inputs of each (section 3.3).
const REGION_BATCHES: usize = 3;
const REGION_BATCH: usize = 1000;

/// The second batch of a pair is x + MIXUP e.
const MIXUP: f64 = 0.01;

/// Images that are kept to be used again; what does not fit is drawn again, to the same bits.
const KEPT_BYTES: usize = 256 << 20;

/// Names the draws of one task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub(super) round: u32,
    /// 0 for what all candidates share.
    pub(super) candidate: u64,
    pub(super) repeat: usize,
}

/// The inputs that a group of proxies asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    pub(super) source: InputKind,
    /// Images of a batch.
    pub(super) batch: usize,
    /// Height of an image; the width shrinks by the same factor.
    pub(super) height: usize,
}

impl Draw {
    pub(super) fn key(&self, seed: u64, purpose: Purpose) -> Key {
        let Draw { round, candidate, repeat } = *self;
        Key { seed, purpose, round, candidate, repeat: repeat as u64 }
    }

    /// The parameters of a network.
    pub(super) fn parameters(
        &self,
        config: &Config,
        shape: Shape,
        weights: Weights,
        graph: &Graph,
    ) -> Result<Parameters> {
        let (purpose, fan) = match shape {
            Shape::Thin => (Purpose::RegionParameters, Fan::In),
            Shape::Proxy => (Purpose::NtkParameters, Fan::Out),
        };
        let init = match weights {
            Weights::Configured | Weights::Magnitudes => config.init(),
            Weights::StandardNormal => Init::StandardNormal,
        };
        let initialiser = Initialiser { init, fan, key: self.key(config.seed(), purpose) };
        if weights != Weights::Magnitudes {
            return Ok(Parameters::Drawn(initialiser));
        }
        let values = initialiser.draw(&graph.parameters)?;
        Ok(Parameters::Given(values.into_iter().map(f32::abs).collect()))
    }

    /// The images or numbers that a network is evaluated on.
    pub(super) fn inputs(&self, wish: Wish, config: &Config, dataset: &Dataset) -> Result<Inputs> {
        let key = |purpose| self.key(config.seed(), purpose);
        let [channels, height, width] = dataset.shape();
        let shape = [channels, wish.height, width * wish.height / height];
        let batch = wish.batch;
        let image: usize = shape.iter().product();
        let (values, batches) = match wish.source {
            InputKind::Crops => {
                let key = key(Purpose::RegionInputs);
                let images = dataset.region_batches(REGION_BATCHES, REGION_BATCH, &key)?;
                let Images { values, batches, batch, .. } = images;
                return Ok(Inputs { values: Arc::new(values), batches, batch });
            }
            InputKind::Images { batches } => {
                let mut all = Vec::new();
                for b in 0..batches {
                    let mut key = key(Purpose::NtkImages);
                    // No round has that many candidates.
                    key.candidate += (b as u64) << 32;
                    let images = dataset.ntk_batch(batch, &key)?;
                    let values = shrunk(images, height / wish.height)?;
                    if batches == 1 {
                        all = values;
                    } else {
                        all.extend(values);
                    }
                }
                (all, batches)
            }
            InputKind::Noise | InputKind::NoisePair => {
                let key = key(Purpose::Noise);
                let mut values = normal(&key, 0, batch * image)?;
                if wish.source == InputKind::Noise {
                    (values, 1)
                } else {
                    let mixed = normal(&key, 1, batch * image)?;
                    let pair = |(x, e): (&f32, f32)| (f64::from(*x) + MIXUP * f64::from(e)) as f32;
                    let second: Vec<f32> = values.iter().zip(mixed).map(pair).collect();
                    values.extend(second);
                    (values, 2)
                }
            }
            InputKind::Ones => (try_vec(1.0, batch * image, "an image of ones")?, 1),
        };
        Ok(Inputs { values: Arc::new(values), batches, batch })
    }
}

/// `count` standard normal numbers of a stream.
fn normal(key: &Key, stream: u64, count: usize) -> Result<Vec<f32>> {
    let mut values = try_vec(0.0, count, "a batch of random numbers")?;
    let mut stream = key.stream(stream);
    values.fill_with(|| stream.normal() as f32);
    Ok(values)
}

/// Images whose sides are `factor` times smaller: the mean of `factor` x `factor` pixels.
fn shrunk(images: Images, factor: usize) -> Result<Vec<f32>> {
    if factor == 1 {
        return Ok(images.values);
    }
    let [_, height, width] = images.shape;
    let (rows, columns) = (height / factor, width / factor);
    let planes = images.values.len() / (height * width);
    let mut small = try_vec(0.0, planes * rows * columns, "a batch of smaller images")?;
    for (at, out) in small.iter_mut().enumerate() {
        let (plane, y, x) = (at / (rows * columns), at / columns % rows, at % columns);
        let pixels = &images.values[plane * height * width..][..height * width];
        let row = |dy| &pixels[(y * factor + dy) * width + x * factor..][..factor];
        let sum: f64 = (0..factor).flat_map(row).map(|v| f64::from(*v)).sum();
        *out = (sum / (factor * factor) as f64) as f32;
    }
    Ok(small)
}

/// Images of a batch of such inputs, which the data set must have where they are its own.
pub(super) fn batch_of(inputs: InputKind, size: ProxyNetwork, dataset: &Dataset) -> Result<usize> {
    let batch = match inputs {
        InputKind::Ones => 1,
        _ => size.batch_size as usize,
    };
    if let InputKind::Images { .. } = inputs {
        dataset.check_batch(batch)?;
    }
    Ok(batch)
}

/// The heights, from the smallest, that images of a shape can be shrunk to by a whole factor and that
/// are at least `least`; their own comes last. That alone if `least` is 0.
pub(super) fn heights(shape: [usize; 3], least: usize) -> impl Iterator<Item = usize> {
    let [_, height, width] = shape;
    let most = height.checked_div(least).unwrap_or(1).max(1);
    let fits =
        move |factor: &usize| height.is_multiple_of(*factor) && width.is_multiple_of(*factor);
    (1..=most).rev().filter(fits).map(move |factor| height / factor)
}

/// The images of one round that many tasks share.
#[derive(Debug, Default)]
pub(super) struct SharedImages {
    kept: HashMap<(Wish, u32, usize), Inputs>,
    bytes: usize,
}

impl SharedImages {
    /// The inputs of a draw that all candidates of its round share.
    pub(super) fn get(
        &mut self,
        draw: &Draw,
        wish: Wish,
        config: &Config,
        dataset: &Dataset,
    ) -> Result<Inputs> {
        let place = (wish, draw.round, draw.repeat);
        if let Some(inputs) = self.kept.get(&place) {
            return Ok(inputs.clone());
        }
        let inputs = draw.inputs(wish, config, dataset)?;
        let bytes = inputs.values.len() * size_of::<f32>();
        if self.bytes + bytes <= KEPT_BYTES && self.kept.try_reserve(1).is_ok() {
            self.bytes += bytes;
            self.kept.insert(place, inputs.clone());
        }
        Ok(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetKind;
    use crate::space::SpaceKind;

    #[test]
    fn images_are_kept_within_the_bound_and_are_the_same_beyond_it() {
        let dataset = Dataset::synthetic(DatasetKind::Cifar10, 1).unwrap();
        let config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
        let wish = Wish { source: InputKind::Images { batches: 1 }, batch: 1024, height: 32 };
        let mut shared = SharedImages::default();
        // 12 MiB each.
        for repeat in 0..24 {
            let draw = Draw { round: 0, candidate: 0, repeat };
            let first = shared.get(&draw, wish, &config, &dataset).unwrap();
            let again = shared.get(&draw, wish, &config, &dataset).unwrap();
            assert!(first.values == again.values);
            assert_eq!(Arc::ptr_eq(&first.values, &again.values), repeat < 21);
            assert!(shared.bytes <= KEPT_BYTES);
        }
        assert_eq!(shared.kept.len(), 21);
    }

    #[test]
    fn images_shrink_by_whole_factors() {
        let found = |shape, least| heights(shape, least).collect::<Vec<_>>();
        assert_eq!(found([3, 32, 32], 8), [8, 16, 32]);
        assert_eq!(found([3, 32, 32], 7), [8, 16, 32]);
        assert_eq!(found([1, 28, 28], 8), [14, 28]);
        assert_eq!(found([3, 32, 48], 4), [4, 8, 16, 32]);
        assert_eq!(found([3, 32, 45], 4), [32]);
        assert_eq!(found([3, 8, 8], 16), [8]);
        assert_eq!(found([3, 32, 32], 0), [32]);
    }

    #[test]
    fn shrunk_images_are_means_of_their_pixels() {
        let values: Vec<f32> = (0..2 * 4 * 6).map(|v| v as f32).collect();
        let images = Images { values, batches: 1, batch: 2, shape: [1, 4, 6] };
        let small = shrunk(images.clone(), 2).unwrap();
        assert_eq!(small, [3.5, 5.5, 7.5, 15.5, 17.5, 19.5, 27.5, 29.5, 31.5, 39.5, 41.5, 43.5]);
        assert_eq!(shrunk(images.clone(), 1).unwrap(), images.values);
    }

    #[test]
    fn a_pair_of_noise_is_close_and_batches_of_images_differ() {
        let dataset = Dataset::synthetic(DatasetKind::Cifar10, 1).unwrap();
        let config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
        let draw = Draw { round: 0, candidate: 0, repeat: 0 };
        let get =
            |source| draw.inputs(Wish { source, batch: 3, height: 8 }, &config, &dataset).unwrap();
        let pair = get(InputKind::NoisePair);
        let (x, y) = pair.values.split_at(3 * 3 * 64);
        assert_eq!(pair.batches, 2);
        assert_eq!(x, &get(InputKind::Noise).values[..]);
        let distance = x.iter().zip(y).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(distance > 0.001 && distance < 0.06, "{distance}");
        let two = get(InputKind::Images { batches: 2 });
        let (first, second) = two.values.split_at(3 * 3 * 64);
        assert_eq!(first, &get(InputKind::Images { batches: 1 }).values[..]);
        assert!(first != second);
    }
}
