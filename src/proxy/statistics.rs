//! Statistics that several proxies take of rows of numbers.

/// The correlation matrix of `rows` rows of equal length, `[rows, rows]`. A row that is the same
/// everywhere correlates with nothing, itself included.
pub(super) fn correlation(values: &[f64], rows: usize) -> Vec<f64> {
    let len = (values.len() / rows.max(1)).max(1);
    let mut centred = values.to_vec();
    for row in centred.chunks_exact_mut(len) {
        let mean = row.iter().sum::<f64>() / len as f64;
        row.iter_mut().for_each(|v| *v -= mean);
        let norm = libm::sqrt(row.iter().map(|v| v * v).sum());
        row.iter_mut().for_each(|v| *v = if norm > 0.0 { *v / norm } else { 0.0 });
    }
    let row = |i: usize| &centred[i * len..(i + 1) * len];
    let mut matrix = vec![0.0; rows * rows];
    for i in 0..rows {
        for j in 0..=i {
            let dot = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
            (matrix[i * rows + j], matrix[j * rows + i]) = (dot, dot);
        }
    }
    matrix
}

/// Entropy of what is at least 0, taken as shares of its sum; 0 if there is nothing to share.
pub(super) fn entropy(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let term = |v: &f64| if *v > 0.0 { -(v / sum) * libm::log(v / sum) } else { 0.0 };
    values.iter().map(term).sum()
}
