//! K = J J^T of the engines whose rows of J are in memory.

use rayon::prelude::*;

use super::Rows;
use crate::error::{Result, try_vec};

/// Numbers of J that a task may hold at once (128 MiB in f32); beyond that, K is summed layer by layer.
pub(super) const WHOLE_JACOBIAN: usize = 1 << 25;

/// Partial sums of a dot product, added in order at its end: the order of summation is part of the
/// result.
const PARTS: usize = 8;

/// K = J J^T, `[images, images]` row by row, accumulated in f64.
pub(super) fn gram(rows: Rows<'_>, images: usize, columns: usize) -> Result<Vec<f64>> {
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

/// K += J J^T of some columns, whose rows these are, in f64 on the threads of the pool at hand. K is
/// `[rows, rows]`; only its lower triangle is written.
pub(super) fn add_lower<T>(k: &mut [f64], rows: &[Vec<T>])
where
    T: Copy + Into<f64> + Sync,
{
    k.par_chunks_exact_mut(rows.len()).enumerate().for_each(|(i, k)| {
        for (k, other) in k[..=i].iter_mut().zip(rows) {
            *k += dot(&rows[i], other);
        }
    });
}

/// Copies the lower triangle of a matrix to the upper one.
pub(super) fn mirror(k: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..i {
            k[j * n + i] = k[i * n + j];
        }
    }
}

fn row<T>(values: &[T], i: usize, columns: usize) -> &[T] {
    &values[i * columns..(i + 1) * columns]
}

fn symmetric(n: usize, entry: impl Fn(usize, usize) -> f64) -> Result<Vec<f64>> {
    let mut k = try_vec(0.0, n * n, "K")?;
    for i in 0..n {
        for j in 0..=i {
            let value = entry(i, j);
            k[i * n + j] = value;
            k[j * n + i] = value;
        }
    }
    Ok(k)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_products_take_every_column() {
        for columns in 1..40 {
            let a: Vec<f32> = (0..columns).map(|v| v as f32 + 1.0).collect();
            let expected: f64 = a.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
            assert_eq!(gram(Rows::F32(&a), 1, columns).expect("K"), [expected]);
        }
    }

    #[test]
    fn columns_add_up() {
        let (mut k, n) = (vec![0.0; 4], 2);
        add_lower(&mut k, &[vec![1.0f32], vec![3.0]]);
        add_lower(&mut k, &[vec![2.0f32], vec![4.0]]);
        mirror(&mut k, n);
        assert_eq!(k, [5.0, 11.0, 11.0, 25.0]);
    }

    #[test]
    fn every_pair_of_rows() {
        let k = gram(Rows::F64(&[1.0, 2.0, 3.0, 4.0]), 2, 2).expect("K");
        assert_eq!(k, [5.0, 11.0, 11.0, 25.0]);
    }
}
