//! Random numbers that depend on what they are for and on nothing else (ChaCha, counter based).
//!
//! A [`Key`] fills ChaCha's 256-bit key: (seed, purpose, round, candidate, repeat). Under one key
//! there are 2^64 independent streams, for the parts of one draw (parameters, batches). So a number
//! never depends on thread count, order of evaluation or machine. Everything that turns bits into
//! numbers is written out here, on `libm`, so that no other crate's choice can change a result.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Purpose {
    /// Parameters of the NTK network.
    NtkParameters = 1,
    /// Images of the NTK batch.
    NtkImages = 2,
    /// Parameters of the thin network that counts linear regions.
    RegionParameters = 3,
    /// Inputs of the thin network.
    RegionInputs = 4,
    /// Synthetic data sets.
    SyntheticImages = 5,
    /// Sampled architectures.
    Genotypes = 6,
    /// Inputs of random numbers.
    Noise = 7,
    /// Numbers of a proxy's own: labels, signs.
    Proxies = 8,
}

/// Names one draw. Equal keys give equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The user's seed.
    pub seed: u64,
    /// What the numbers are for.
    pub purpose: Purpose,
    /// Round of the search, from 0.
    pub round: u32,
    /// Candidate of the round; 0 for what all candidates share. The data set's number for
    /// synthetic images.
    pub candidate: u64,
    /// Repeat of the candidate, from 0.
    pub repeat: u64,
}

impl Key {
    /// Stream number `stream` under this key.
    pub fn stream(&self, stream: u64) -> Stream {
        let mut key = [0u8; 32];
        key[0..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..12].copy_from_slice(&(self.purpose as u32).to_le_bytes());
        key[12..16].copy_from_slice(&self.round.to_le_bytes());
        key[16..24].copy_from_slice(&self.candidate.to_le_bytes());
        key[24..32].copy_from_slice(&self.repeat.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Stream { rng, spare: None }
    }
}

/// A sequence of random numbers.
#[derive(Debug, Clone)]
pub struct Stream {
    rng: ChaCha8Rng,
    spare: Option<f64>,
}

impl Stream {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in [0, 1): the upper 53 bits of [`bits`](Self::bits) times 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform integer in 0..`n` (Lemire's multiply and reject, without bias). `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0);
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal (Box-Muller; numbers come in pairs, the second is kept for the next call).
    ///
    /// Not `rand_distr`: its `exp` and `ln` are the system's or `libm`'s by a feature that any
    /// crate of a build can switch.
    pub fn normal(&mut self) -> f64 {
        if let Some(z) = self.spare.take() {
            return z;
        }
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let angle = std::f64::consts::TAU * self.unit();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// `k` distinct integers of 0..`n` in random order (a partial Fisher-Yates shuffle that stores
    /// only the places it moved). `k` must not exceed `n`.
    pub fn distinct(&mut self, k: usize, n: usize) -> Vec<usize> {
        debug_assert!(k <= n);
        let mut moved = std::collections::HashMap::with_capacity(2 * k);
        (0..k)
            .map(|i| {
                let j = i + self.below((n - i) as u64) as usize;
                let picked = moved.get(&j).copied().unwrap_or(j);
                let here = moved.get(&i).copied().unwrap_or(i);
                moved.insert(j, here);
                picked
            })
            .collect()
    }
}
