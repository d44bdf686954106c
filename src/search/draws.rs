//! What a task draws: images and weights, each by a key of its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::Config;
use crate::compute::Inputs;
use crate::data::{Dataset, Images};
use crate::error::Result;
use crate::network::{Fan, Initialiser};
use crate::random::{Key, Purpose};

/// Batches of the thin network, and inputs of each (section 3.3).
const REGION_BATCHES: usize = 3;
const REGION_BATCH: usize = 1000;

/// Images that are kept to be used again; what does not fit is drawn again, to the same bits.
const KEPT_BYTES: usize = 256 << 20;

/// The two networks of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Network {
    /// The thin network that counts linear regions.
    Thin,
    /// The network whose NTK is measured.
    Ntk,
}

/// Names the draws of one task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub(super) network: Network,
    pub(super) round: u32,
    /// 0 for what all candidates share.
    pub(super) candidate: u64,
    pub(super) repeat: usize,
}

impl Draw {
    fn key(&self, seed: u64, purpose: Purpose) -> Key {
        let Draw { round, candidate, repeat, .. } = *self;
        Key { seed, purpose, round, candidate, repeat: repeat as u64 }
    }

    pub(super) fn weights(&self, config: &Config) -> Initialiser {
        let (purpose, fan) = match self.network {
            Network::Thin => (Purpose::RegionParameters, Fan::In),
            Network::Ntk => (Purpose::NtkParameters, Fan::Out),
        };
        Initialiser { init: config.init(), fan, key: self.key(config.seed(), purpose) }
    }

    pub(super) fn images(&self, config: &Config, dataset: &Dataset) -> Result<Inputs> {
        let key = |purpose| self.key(config.seed(), purpose);
        let Images { values, batches, batch, .. } = match self.network {
            Network::Thin => {
                dataset.region_batches(REGION_BATCHES, REGION_BATCH, &key(Purpose::RegionInputs))?
            }
            Network::Ntk => {
                dataset.ntk_batch(config.batch_size() as usize, &key(Purpose::NtkImages))?
            }
        };
        Ok(Inputs { values: Arc::new(values), batches, batch })
    }
}

/// The images of one round that many tasks share.
#[derive(Debug, Default)]
pub(super) struct SharedImages {
    kept: HashMap<(Network, usize), Inputs>,
    bytes: usize,
}

impl SharedImages {
    /// The images of a draw that differs from others of this round in network and repeat only.
    pub(super) fn get(
        &mut self,
        draw: &Draw,
        config: &Config,
        dataset: &Dataset,
    ) -> Result<Inputs> {
        let place = (draw.network, draw.repeat);
        if let Some(inputs) = self.kept.get(&place) {
            return Ok(inputs.clone());
        }
        let inputs = draw.images(config, dataset)?;
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
        let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
        config.set_batch_size(1024).unwrap();
        let mut shared = SharedImages::default();
        // 12 MiB each.
        for repeat in 0..24 {
            let draw = Draw { network: Network::Ntk, round: 0, candidate: 0, repeat };
            let first = shared.get(&draw, &config, &dataset).unwrap();
            let again = shared.get(&draw, &config, &dataset).unwrap();
            assert!(first.values == again.values);
            assert_eq!(Arc::ptr_eq(&first.values, &again.values), repeat < 21);
            assert!(shared.bytes <= KEPT_BYTES);
        }
        assert_eq!(shared.kept.len(), 21);
    }
}
