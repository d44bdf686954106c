//! Images with natural statistics, for when there is no data set.
//!
//! Natural images are, to second order, noise whose amplitude falls as 1/f (Field, "Relations
//! between the statistics of natural images and the response properties of cortical cells", 1987),
//! with most of their variance in luminance. So an image here is three such fields, one of luminance
//! and two of colour, each drawn as a spectrum and brought to pixels by an inverse FFT of our own.
//! It uses only additions, multiplications and `libm`, which give the same bits on every machine.

use std::f64::consts::TAU;

use super::{DatasetKind, Published};
use crate::error::{Error, Result, try_vec};
use crate::random::{Key, Purpose, Stream};

/// Images of a data set.
const COUNT: usize = 10_000;

/// What luminance, red against blue, and green against both add to red, green and blue. The
/// channels' variances stay near 1, their correlations near CIFAR-10's (0.84 to 0.9).
const COLOUR: [[f64; 3]; 3] = [[0.95, 0.27, -0.12], [0.95, 0.0, 0.24], [0.95, -0.27, -0.12]];

/// Deviation between images of a field's mean, in units of the data set's deviation.
const OFFSET: f64 = 0.54;
/// Least contrast of an image and the width of its uniform range. With [`OFFSET`] the variance is
/// 1.15; what lies beyond 0 and 255 and is cut off takes it back to about 1.
const CONTRAST: (f64, f64) = (0.4, 0.95);

/// Bytes of [`COUNT`] images in the shape of `kind`, one after the other.
pub(super) fn images(kind: DatasetKind, seed: u64) -> Result<Vec<u8>> {
    let Some(facts) = kind.published() else {
        return Err(Error::InvalidArgument(
            "dataset: found custom, expected a published data set, whose shape synthetic images \
             take"
                .to_owned(),
        ));
    };
    let len = facts.shape.iter().product::<usize>();
    let mut images = try_vec(0u8, COUNT * len, "synthetic images")?;
    let mut painter = Painter::new(facts);
    // Each data set has a key, and each image a stream of it.
    let key = Key {
        seed,
        purpose: Purpose::SyntheticImages,
        round: 0,
        candidate: kind as u64,
        repeat: 0,
    };
    for (i, image) in images.chunks_exact_mut(len).enumerate() {
        painter.paint(key.stream(i as u64), image);
    }
    Ok(images)
}

/// Tables and scratch for images of one data set.
struct Painter {
    facts: &'static Published,
    fft: Fft,
    /// Amplitude of each frequency; a field has variance 1 and mean 0.
    amplitude: Vec<f64>,
    /// Points of the unit circle: a phase is one random byte.
    phases: Vec<(f64, f64)>,
    /// Two complex fields, so four real ones.
    fields: [Vec<f64>; 4],
}

impl Painter {
    fn new(facts: &'static Published) -> Self {
        let [_, n, width] = facts.shape;
        debug_assert!(n == width && n.is_power_of_two() && n >= 4);
        let distance = |i: usize| i.min(n - i) as f64;
        let mut amplitude: Vec<f64> = (0..n * n)
            .map(|i| match (distance(i / n), distance(i % n)) {
                (0.0, 0.0) => 0.0,
                (y, x) => 1.0 / libm::sqrt(y * y + x * x),
            })
            .collect();
        // Real and imaginary part share the power of the complex field.
        let scale = libm::sqrt(2.0 / amplitude.iter().map(|a| a * a).sum::<f64>());
        amplitude.iter_mut().for_each(|a| *a *= scale);
        Painter {
            facts,
            fft: Fft::new(n),
            amplitude,
            phases: circle(256, 256),
            fields: std::array::from_fn(|_| vec![0.0; n * n]),
        }
    }

    /// Order of draws: the contrast, the means of the three fields, the phases of one complex
    /// spectrum and of another, eight phases from 64 bits.
    fn paint(&mut self, mut stream: Stream, image: &mut [u8]) {
        let contrast = CONTRAST.0 + CONTRAST.1 * stream.unit();
        let offsets: [f64; 3] = std::array::from_fn(|_| OFFSET * stream.normal());
        // A spectrum without Hermitian symmetry: real and imaginary part are two independent
        // fields. The fourth is not used.
        let [luminance, red_blue, green, unused] = &mut self.fields;
        for (re, im) in [(&mut *luminance, &mut *red_blue), (&mut *green, unused)] {
            let spectrum = re.chunks_exact_mut(8).zip(im.chunks_exact_mut(8));
            for ((re, im), amplitude) in spectrum.zip(self.amplitude.chunks_exact(8)) {
                for (i, byte) in stream.bits().to_le_bytes().into_iter().enumerate() {
                    let (cos, sin) = self.phases[usize::from(byte)];
                    re[i] = amplitude[i] * cos;
                    im[i] = amplitude[i] * sin;
                }
            }
            self.fft.inverse(re, im);
        }
        let Published { mean, stddev, .. } = self.facts;
        for (c, plane) in image.chunks_exact_mut(luminance.len()).enumerate() {
            let (mean, stddev) = (f64::from(mean[c]), f64::from(stddev[c]));
            let mixed = |fields: [f64; 3]| {
                COLOUR[c][0] * fields[0] + COLOUR[c][1] * fields[1] + COLOUR[c][2] * fields[2]
            };
            let base = mean + stddev * mixed(offsets);
            let fields = luminance.iter().zip(&*red_blue).zip(&*green);
            for (byte, ((&l, &r), &g)) in plane.iter_mut().zip(fields) {
                // The cast cuts off towards 0 and saturates at 0 and 255.
                *byte = (base + stddev * contrast * mixed([l, r, g]) + 0.5) as u8;
            }
        }
    }
}

/// Cosine and sine of the first `count` of `n` equal parts of a turn.
fn circle(n: usize, count: usize) -> Vec<(f64, f64)> {
    let angle = |i: usize| TAU * i as f64 / n as f64;
    (0..count).map(|i| (libm::cos(angle(i)), libm::sin(angle(i)))).collect()
}

/// A radix-2 Fourier transform of n x n points, n a power of two.
struct Fft {
    n: usize,
    /// The first half of the n-th roots of 1.
    roots: Vec<(f64, f64)>,
}

impl Fft {
    fn new(n: usize) -> Self {
        Fft { n, roots: circle(n, n / 2) }
    }

    /// Inverse transform without the factor 1 / n^2. The result is transposed, which noise that
    /// is the same in all directions does not show.
    fn inverse(&self, re: &mut [f64], im: &mut [f64]) {
        self.columns(re, im);
        for part in [&mut *re, &mut *im] {
            for y in 0..self.n {
                for x in 0..y {
                    part.swap(y * self.n + x, x * self.n + y);
                }
            }
        }
        self.columns(re, im);
    }

    /// Transforms all columns at once, so that the innermost loops run along rows.
    fn columns(&self, re: &mut [f64], im: &mut [f64]) {
        let n = self.n;
        let bits = n.trailing_zeros();
        for y in 0..n {
            let reversed = y.reverse_bits() >> (usize::BITS - bits);
            if y < reversed {
                for part in [&mut *re, &mut *im] {
                    let (top, bottom) = part.split_at_mut(reversed * n);
                    top[y * n..][..n].swap_with_slice(&mut bottom[..n]);
                }
            }
        }
        let mut half = 1;
        while half < n {
            for y in (0..n).filter(|y| y & half == 0) {
                let (cos, sin) = self.roots[(y & (half - 1)) * (n / (2 * half))];
                let (re_a, re_b) = re[y * n..].split_at_mut(half * n);
                let (im_a, im_b) = im[y * n..].split_at_mut(half * n);
                let a = re_a[..n].iter_mut().zip(&mut im_a[..n]);
                let b = re_b[..n].iter_mut().zip(&mut im_b[..n]);
                for ((re_a, im_a), (re_b, im_b)) in a.zip(b) {
                    let (re_t, im_t) = (*re_b * cos - *im_b * sin, *re_b * sin + *im_b * cos);
                    (*re_b, *im_b) = (*re_a - re_t, *im_a - im_t);
                    (*re_a, *im_a) = (*re_a + re_t, *im_a + im_t);
                }
            }
            half *= 2;
        }
    }
}
