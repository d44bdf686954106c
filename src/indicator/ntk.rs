//! The condition number of the neural tangent kernel (section 3.2).

use nalgebra::DMatrix;

use crate::compute::Rows;

/// Extreme eigenvalues of K.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// The largest.
    pub max: f64,
    /// The smallest.
    pub min: f64,
}

/// Partial sums of a dot product, added in order at its end: the order of summation is part of the
/// result.
const PARTS: usize = 8;

/// K = J J^T, `[images, images]` row by row, accumulated in f64.
pub fn gram(rows: Rows<'_>, images: usize, columns: usize) -> Vec<f64> {
    match rows {
        // A product of two f32 is exact in f64, so the sum is the same with or without FMA.
        Rows::F32(values) => {
            symmetric(images, |i, j| dot(row(values, i, columns), row(values, j, columns)))
        }
        Rows::F64(values) => {
            symmetric(images, |i, j| dot(row(values, i, columns), row(values, j, columns)))
        }
    }
}

fn row<T>(values: &[T], i: usize, columns: usize) -> &[T] {
    &values[i * columns..(i + 1) * columns]
}

fn symmetric(n: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut k = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let value = entry(i, j);
            k[i * n + j] = value;
            k[j * n + i] = value;
        }
    }
    k
}

fn dot<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    let mut parts = [0.0; PARTS];
    let (a, b) = (a.chunks_exact(PARTS), b.chunks_exact(PARTS));
    let rest: f64 =
        a.remainder().iter().zip(b.remainder()).map(|(x, y)| (*x).into() * (*y).into()).sum();
    for (x, y) in a.zip(b) {
        for ((part, x), y) in parts.iter_mut().zip(x).zip(y) {
            *part += (*x).into() * (*y).into();
        }
    }
    parts.iter().sum::<f64>() + rest
}

/// Extreme eigenvalues of a symmetric matrix; `None` where it is not finite.
pub fn spectrum(k: &[f64], images: usize) -> Option<Spectrum> {
    if !k.iter().all(|v| v.is_finite()) {
        return None;
    }
    let eigenvalues = DMatrix::from_row_slice(images, images, k).symmetric_eigenvalues();
    Some(Spectrum { max: eigenvalues.max(), min: eigenvalues.min() })
}

/// The largest condition number of a batch: 2^24 / images.
pub fn worst_condition_number(images: usize) -> f64 {
    f64::from(1 << 24) / images as f64
}

/// lambda_max / lambda_min of K, at most 2^24 / images: the resolution of f32 gradients. That value
/// also stands for a K that is not finite, zero, or singular to that resolution.
pub fn condition_number(rows: Rows<'_>, images: usize, columns: usize) -> f64 {
    let worst = worst_condition_number(images);
    match spectrum(&gram(rows, images, columns), images) {
        Some(Spectrum { max, min }) if max > 0.0 && min > 0.0 && max / min < worst => max / min,
        _ => worst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_kernels_give_the_clamp() {
        let worst = f64::from(1 << 24) / 2.0;
        for rows in [
            [0.0, 0.0, 0.0, 0.0],
            [1.0, 2.0, 1.0, 2.0],
            [f32::NAN, 0.0, 0.0, 1.0],
            [f32::INFINITY, 0.0, 0.0, 1.0],
            [1e30, 0.0, 0.0, 1e-30],
        ] {
            assert_eq!(condition_number(Rows::F32(&rows), 2, 2), worst, "{rows:?}");
        }
    }

    #[test]
    fn diagonal_and_rotated_kernels() {
        assert_eq!(condition_number(Rows::F64(&[3.0, 0.0, 0.0, 1.0]), 2, 2), 9.0);
        // K = [[5, 4], [4, 5]]: eigenvalues 9 and 1.
        let found = condition_number(Rows::F64(&[2.0, 1.0, 1.0, 2.0]), 2, 2);
        assert!((found - 9.0).abs() < 1e-12, "{found}");
        assert_eq!(condition_number(Rows::F64(&[7.0]), 1, 1), 1.0);
    }

    #[test]
    fn dot_products_take_every_column() {
        for columns in 1..40 {
            let a: Vec<f32> = (0..columns).map(|v| v as f32 + 1.0).collect();
            let expected: f64 = a.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
            assert_eq!(gram(Rows::F32(&a), 1, columns), [expected]);
        }
    }
}
