//! Bilinear resizing with antialiasing, the same bytes as the `resize(size, BILINEAR)` of Pillow up to
//! version 12, which is what torchvision's `Resize` calls on a decoded image. (Pillow 13 takes the
//! columns of tall images first, which makes a difference of 1 here and there.)
//!
//! A triangle of half-width max(1, scale) input pixels about each output pixel's centre, its weights
//! normalised in f64, then rounded to 22 binary places. Rows first, rounded to bytes, then columns.

/// Binary places of the weights.
const BITS: u32 = 22;

/// What one output pixel reads.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    let tap = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        // The casts cut off towards 0 and saturate there.
        let first = (centre - support + 0.5) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weight = |x: usize| (1.0 - ((x as f64 - centre + 0.5) / support).abs()).max(0.0);
        let sum: f64 = (first..end).map(weight).sum();
        let fixed = |x: usize| (weight(x) / sum * f64::from(1u32 << BITS) + 0.5) as i32;
        Taps { first, weights: (first..end).map(fixed).collect() }
    };
    (0..to).map(tap).collect()
}

/// The weighted sum of bytes, rounded.
fn sum(weights: &[i32], bytes: impl Iterator<Item = u8>) -> u8 {
    let start = 1i32 << (BITS - 1);
    let sum = weights.iter().zip(bytes).fold(start, |sum, (w, byte)| sum + w * i32::from(byte));
    (sum >> BITS).clamp(0, 255) as u8
}

/// Resizes an interleaved RGB image of `height` x `width` into `out`, 3 x `side` x `side` planes.
pub(super) fn resize(rgb: &[u8], height: usize, width: usize, side: usize, out: &mut [u8]) {
    let columns = taps(width, side);
    let mut rows = Vec::with_capacity(height * 3 * side);
    for row in rgb.chunks_exact(3 * width) {
        for channel in 0..3 {
            rows.extend(columns.iter().map(|taps| {
                let pixels = row[3 * taps.first + channel..].iter().step_by(3);
                sum(&taps.weights, pixels.copied())
            }));
        }
    }
    // `rows` is height x 3 x side.
    for (y, taps) in taps(height, side).iter().enumerate() {
        for channel in 0..3 {
            for x in 0..side {
                let at = |row: usize| (row * 3 + channel) * side + x;
                let pixels = (taps.first..taps.first + taps.weights.len()).map(|row| rows[at(row)]);
                out[(channel * side + y) * side + x] = sum(&taps.weights, pixels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/python/data_sets.py resized` writes noise of many sizes and what Pillow makes of it.
    #[test]
    fn bytes_are_those_of_pillow() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::temp_dir().join(format!("tenas-resized-{}", std::process::id()));
        let status = std::process::Command::new("python3")
            .arg(root.join("tests/python/data_sets.py"))
            .args([folder.as_os_str(), "resized".as_ref()])
            .env("PYTHONPATH", root.join(".cache/python"))
            .status()
            .unwrap();
        assert!(status.success(), "this test needs Pillow: run scripts/setup-python.sh");
        let file = std::fs::read(folder.join("resized.bin")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let mut left = file.as_slice();
        let mut take = |len: usize| {
            let (taken, rest) = left.split_at(len);
            left = rest;
            taken
        };
        for _ in 0..8 {
            let mut side = || u32::from_le_bytes(take(4).try_into().unwrap()) as usize;
            let (height, width) = (side(), side());
            let source = take(3 * height * width);
            let mut found = vec![0; 3 * 32 * 32];
            resize(source, height, width, 32, &mut found);
            assert!(found == take(3 * 32 * 32), "{height} x {width}");
        }
        assert!(left.is_empty());
    }
}
