//! AZ-NAS's expressivity, progressivity and trainability (section 3.8).
//!
//! Lee, Ham, "AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search", CVPR 2024. All
//! three look at the features after the stem and after each cell and reduction, on a batch of
//! standard normal numbers, and come from one evaluation. Its fourth, complexity, is `flops`.

use nalgebra::DMatrix;

use super::{Direction, InputKind, Need, Proxy, Setup};
use crate::compute::{Evidence, Features, Pullback, Pulled, Wanted};
use crate::network::Graph;
use crate::random::Key;

/// Keeps logarithms and inverses finite, as published.
const LOG_EPSILON: f64 = 1e-8;
const INVERSE_EPSILON: f64 = 1e-6;

const SOURCE: &str = "Lee, Ham, AZ-NAS, CVPR 2024";
const NEED: Need = Need::Evaluation(Setup { inputs: InputKind::Noise, ..Setup::IMAGES });

fn features_of_blocks(graph: &Graph) -> Wanted {
    Wanted { features: graph.blocks.clone(), ..Default::default() }
}

/// The entropy of the shares that the principal components of a block's features have.
fn block_expressivity(features: &Features) -> f64 {
    let [channels, height, width] = features.shape;
    let plane = height * width;
    let count = (features.values.len() / channels).max(1) as f64;
    let images = || features.values.chunks_exact(channels * plane);
    let mean =
        |c: usize| images().flat_map(|x| &x[c * plane..(c + 1) * plane]).sum::<f64>() / count;
    let means: Vec<f64> = (0..channels).map(mean).collect();
    let mut covariance = DMatrix::zeros(channels, channels);
    for i in 0..channels {
        for j in 0..=i {
            let of_image = |x: &[f64]| -> f64 {
                let (a, b) = (&x[i * plane..(i + 1) * plane], &x[j * plane..(j + 1) * plane]);
                a.iter().zip(b).map(|(a, b)| (a - means[i]) * (b - means[j])).sum()
            };
            let value = images().map(of_image).sum::<f64>() / count;
            (covariance[(i, j)], covariance[(j, i)]) = (value, value);
        }
    }
    let eigenvalues = covariance.symmetric_eigenvalues();
    let sum: f64 = eigenvalues.iter().map(|v| v.max(0.0)).sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let term = |v: &f64| {
        let share = v.max(0.0) / sum;
        -share * libm::log(share + LOG_EPSILON)
    };
    eigenvalues.iter().map(term).sum()
}

fn expressivities(evidence: &Evidence<'_>) -> Vec<f64> {
    let blocks = evidence.graph.blocks.iter().filter_map(|node| evidence.features_of(*node));
    blocks.map(block_expressivity).collect()
}

/// The sum over blocks of the entropy of their principal components' shares (equation 2).
#[derive(Debug)]
pub(super) struct Expressivity;

impl Proxy for Expressivity {
    fn name(&self) -> &str {
        "expressivity"
    }
    fn title(&self) -> &str {
        "how evenly features use their dimensions"
    }
    fn source(&self) -> &str {
        SOURCE
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        NEED
    }
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn wanted(&self, graph: &Graph, _: &Key) -> Wanted {
        features_of_blocks(graph)
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        expressivities(evidence).iter().sum()
    }
}

/// The least growth of the expressivity from one block to the next (equation 3).
#[derive(Debug)]
pub(super) struct Progressivity;

impl Proxy for Progressivity {
    fn name(&self) -> &str {
        "progressivity"
    }
    fn title(&self) -> &str {
        "how steadily expressivity grows with depth"
    }
    fn source(&self) -> &str {
        SOURCE
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        NEED
    }
    /// An expressivity is at most the logarithm of the channels.
    fn worst(&self, _: usize) -> f64 {
        -libm::log(f64::from(u16::MAX))
    }
    fn wanted(&self, graph: &Graph, _: &Key) -> Wanted {
        features_of_blocks(graph)
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let steps = expressivities(evidence);
        let growth = steps.windows(2).map(|pair| pair[1] - pair[0]);
        growth.reduce(f64::min).unwrap_or(0.0)
    }
}

/// The mean over blocks of 2 - s - 1 / s, s the spectral norm of a block's Jacobian, estimated from
/// how random signs at its end arrive at its beginning (equations 5 to 7). Best, 0, where s is 1.
#[derive(Debug)]
pub(super) struct Trainability;

/// The score of one block, whose ends have these shapes.
fn block_trainability(pulled: &Pulled, from: [usize; 3], to: [usize; 3]) -> f64 {
    let [outputs, height, width] = from;
    let [inputs, rows, columns] = to;
    if from == to && pulled.signs == pulled.cotangent {
        // The block is the identity: published code gives minus infinity.
        return 2.0 - 1.0 / INVERSE_EPSILON;
    }
    // Where the block halves the size, its inputs are taken apart into as many channels.
    let (down, right) = (rows / height, columns / width);
    let rows_of_matrix = inputs * down * right;
    let images = pulled.signs.len() / (outputs * height * width);
    let mut matrix = DMatrix::<f64>::zeros(rows_of_matrix, outputs);
    for n in 0..images {
        let signs = &pulled.signs[n * outputs * height * width..];
        let arrived = &pulled.cotangent[n * inputs * rows * columns..];
        for (i, c) in (0..rows_of_matrix).map(|i| (i, i / (down * right))) {
            let (dy, dx) = (i % (down * right) / right, i % right);
            for o in 0..outputs {
                let mut sum = 0.0;
                for y in 0..height {
                    let row = &arrived[(c * rows + y * down + dy) * columns..][..columns];
                    let signs = &signs[(o * height + y) * width..][..width];
                    let pixels = row.iter().skip(dx).step_by(right);
                    sum += pixels.zip(signs).map(|(a, b)| a * b).sum::<f64>();
                }
                matrix[(i, o)] += sum;
            }
        }
    }
    matrix /= (images * height * width) as f64;
    let square = if rows_of_matrix < outputs {
        &matrix * matrix.transpose()
    } else {
        matrix.transpose() * &matrix
    };
    let norm = libm::sqrt(square.symmetric_eigenvalues().max().max(0.0));
    2.0 - norm - 1.0 / (norm + INVERSE_EPSILON)
}

impl Proxy for Trainability {
    fn name(&self) -> &str {
        "trainability"
    }
    fn title(&self) -> &str {
        "how near to 1 the spectral norms of the blocks' Jacobians are"
    }
    fn source(&self) -> &str {
        SOURCE
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        NEED
    }
    /// All norms are 0.
    fn worst(&self, _: usize) -> f64 {
        2.0 - 1.0 / INVERSE_EPSILON
    }
    fn wanted(&self, graph: &Graph, key: &Key) -> Wanted {
        // The stream counts blocks, so that signs do not depend on how the graph is numbered.
        let pairs = graph.blocks.windows(2).zip(1..);
        let pull = |(pair, stream): (&[usize], u64)| Pullback {
            from: pair[1],
            to: pair[0],
            key: *key,
            stream,
        };
        Wanted { pullbacks: pairs.map(pull).collect(), ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let shape = |node: usize| evidence.graph.nodes[node].shape;
        let score = |p: &Pulled| block_trainability(p, shape(p.from), shape(p.to));
        let blocks = evidence.pullbacks.len().max(1) as f64;
        evidence.pullbacks.iter().map(score).sum::<f64>() / blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_equal_and_of_one_direction() {
        let of =
            |values: Vec<f64>| block_expressivity(&Features { node: 0, shape: [2, 1, 2], values });
        // Uncorrelated channels of variance 1.
        let even = of(vec![1.0, -1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]);
        assert!((even - 2f64.ln()).abs() < 1e-7, "{even}");
        // One channel is twice the other.
        let one = of(vec![1.0, -1.0, 2.0, -2.0]);
        assert!(one.abs() < 1e-6, "{one}");
        assert_eq!(of(vec![3.0; 4]), 0.0);
    }

    #[test]
    fn a_block_that_doubles_and_one_that_halves_the_size() {
        let signs = vec![1.0, -1.0, -1.0, 1.0];
        let doubled = Pulled {
            from: 1,
            to: 0,
            cotangent: signs.iter().map(|s| 2.0 * s).collect(),
            signs: signs.clone(),
        };
        let found = block_trainability(&doubled, [1, 2, 2], [1, 2, 2]);
        assert!((found - (2.0 - 2.0 - 0.5)).abs() < 1e-6, "{found}");
        let same = Pulled { cotangent: signs.clone(), ..doubled.clone() };
        assert_eq!(block_trainability(&same, [1, 2, 2], [1, 2, 2]), Trainability.worst(1));
        // Average pooling of 2 x 2: each of four inputs gets a quarter, so the norm is 1/2.
        let mut cotangent = vec![0.0; 16];
        for (at, value) in cotangent.iter_mut().enumerate() {
            *value = signs[at / 8 * 2 + at % 4 / 2] / 4.0;
        }
        let pooled = Pulled { cotangent, ..doubled };
        let found = block_trainability(&pooled, [1, 2, 2], [1, 4, 4]);
        assert!((found - (2.0 - 0.5 - 2.0)).abs() < 1e-5, "{found}");
    }
}
