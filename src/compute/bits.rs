//! On/off bits of ReLUs, packed into words.

use std::ops::Range;

/// The bits of one ReLU input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitGroup {
    /// Its bits in each row.
    pub bits: Range<usize>,
    /// How many ReLUs read this input: each has the same bits.
    pub copies: usize,
}

/// One row of bits an image. A bit is on where x > 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivationBits {
    rows: usize,
    words: usize,
    data: Vec<u64>,
    groups: Vec<BitGroup>,
}

impl ActivationBits {
    /// All off: `rows` rows, laid out for inputs of (elements, copies).
    pub fn new(rows: usize, inputs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut end = 0;
        let groups: Vec<BitGroup> = inputs
            .map(|(elements, copies)| {
                let bits = end..end + elements;
                end = bits.end;
                BitGroup { bits, copies }
            })
            .collect();
        let words = end.div_ceil(64);
        ActivationBits { rows, words, data: vec![0; rows * words], groups }
    }

    /// The rows of all parts, in order; they are laid out alike.
    pub fn stack(mut parts: impl Iterator<Item = ActivationBits>) -> Self {
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            debug_assert_eq!(part.groups, all.groups);
            all.rows += part.rows;
            all.data.extend_from_slice(&part.data);
        }
        all
    }

    /// Switches a bit on.
    pub fn set(&mut self, row: usize, bit: usize) {
        self.data[row * self.words + bit / 64] |= 1 << (bit % 64);
    }

    /// Switches on, in a row's bits 64 `word` to 64 `word` + 63, those that are on in `bits`.
    pub fn set_word(&mut self, row: usize, word: usize, bits: u64) {
        self.data[row * self.words + word] |= bits;
    }

    /// Switches on, from bit `start` of a row on, those that are on in `bytes`, lowest bit first.
    pub fn set_bytes(&mut self, row: usize, start: usize, bytes: &[u8]) {
        for (b, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
            let (at, bits) = (start + 8 * b, u64::from(*byte));
            self.set_word(row, at / 64, bits << (at % 64));
            // What is left of a byte that crosses into the next word.
            let over = bits.checked_shr(64 - at as u32 % 64).unwrap_or(0);
            if over != 0 {
                self.set_word(row, at / 64 + 1, over);
            }
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// A row's words.
    pub fn row(&self, row: usize) -> &[u64] {
        &self.data[row * self.words..(row + 1) * self.words]
    }

    /// The ReLU inputs, in order.
    pub fn groups(&self) -> &[BitGroup] {
        &self.groups
    }

    /// ReLU units: bits, each as often as a ReLU reads it.
    pub fn units(&self) -> usize {
        self.groups.iter().map(|g| g.bits.len() * g.copies).sum()
    }
}
