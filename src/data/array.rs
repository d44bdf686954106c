//! Arrays that files hold, whatever the format: where in them which image is, and which labels fit.

use super::DatasetKind;
use super::files::{Checked, reserved};
use super::kind::Published;
use crate::numpy::{Array, Dtype, dimensions};

/// The names that files have for the array of images, and for that of its labels. The first of them
/// that a file has counts: ours, those of CIFAR's and ImageNet's own files, those of Keras.
pub(super) const NAMES: [(&str, &str); 3] =
    [("images", "labels"), ("data", "labels"), ("x_train", "y_train")];

/// Where an array has which byte of an image.
#[derive(Debug)]
pub(super) struct Layout {
    /// Number of images.
    pub(super) count: usize,
    /// How far apart two images, channels, rows and columns are.
    strides: [usize; 4],
    shape: [usize; 3],
}

impl Layout {
    /// How an array of bytes holds images of `facts`; what is wrong otherwise. Its shape must be
    /// that of one order of the axes alone:
    ///
    /// - N x C x H x W, N x H x W x C, or N x (C H W);
    /// - in Fortran's order also W x H x C x N or (C H W) x N, which is how Julia has them.
    pub(super) fn of(
        facts: &Published,
        dtype: Dtype,
        shape: &[usize],
        fortran: bool,
    ) -> Checked<Self> {
        let [c, h, w] = facts.shape;
        let expected =
            format!("N x {c} x {h} x {w} bytes (u1), N x {h} x {w} x {c} or N x {}", c * h * w);
        if !dtype.is_byte() {
            return Err(format!(
                "found values of type {dtype}, expected {expected}; convert them to whole numbers \
                 of 0 to 255 (in NumPy: astype('uint8'), fractions of 1 times 255 first)"
            ));
        }
        if shape.contains(&0) {
            return Err(format!("found no images, expected {expected}"));
        }
        // The strides of an array's axes.
        let mut steps = vec![1; shape.len()];
        for i in 1..shape.len() {
            let (to, from) =
                if fortran { (i, i - 1) } else { (shape.len() - 1 - i, shape.len() - i) };
            steps[to] = steps[from] * shape[from];
        }
        let mut found = Vec::new();
        match (shape, &steps[..]) {
            (&[n, a, b, d], &[sn, sa, sb, sd]) => {
                if [a, b, d] == [c, h, w] {
                    found.push((n, [sn, sa, sb, sd]));
                }
                if [a, b, d] == [h, w, c] && [c, h, w] != [h, w, c] {
                    found.push((n, [sn, sd, sa, sb]));
                }
                if fortran && [n, a, b] == [w, h, c] {
                    found.push((d, [sd, sb, sa, sn]));
                }
            }
            (&[n, len], &[outer, inner]) => {
                let planes = |step: usize| [step * h * w, step * w, step];
                if len == c * h * w {
                    let [sc, sh, sw] = planes(inner);
                    found.push((n, [outer, sc, sh, sw]));
                }
                if fortran && n == c * h * w {
                    let [sc, sh, sw] = planes(outer);
                    found.push((len, [inner, sc, sh, sw]));
                }
            }
            _ => {}
        }
        match found[..] {
            [(count, strides)] => Ok(Layout { count, strides, shape: facts.shape }),
            [] if !fortran && shape.len() == 4 && shape[2] == c && shape[0] == h => Err(format!(
                "found {}, expected {expected}; where images are along the last axis, put it first \
                 (in NumPy: transpose(3, 2, 0, 1) of height x width x channels x images)",
                dimensions(shape)
            )),
            [] => Err(format!("found {}, expected {expected}", dimensions(shape))),
            _ => Err(format!(
                "found {}, which can be read in {} ways, expected {expected} in C's order",
                dimensions(shape),
                found.len()
            )),
        }
    }

    fn image_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether images follow each other as a data set has them.
    fn is_plain(&self) -> bool {
        let [_, h, w] = self.shape;
        self.strides == [self.image_len(), h * w, w, 1]
    }

    /// Copies image `index` of an array's bytes.
    pub(super) fn copy(&self, bytes: &[u8], index: usize, image: &mut [u8]) {
        let [sn, sc, sh, sw] = self.strides;
        let [_, h, w] = self.shape;
        if self.is_plain() {
            image.copy_from_slice(&bytes[index * sn..][..image.len()]);
            return;
        }
        for (row, out) in image.chunks_exact_mut(w).enumerate() {
            let from = &bytes[index * sn + row / h * sc + row % h * sh..];
            for (out, byte) in out.iter_mut().zip(from.iter().step_by(sw)) {
                *out = *byte;
            }
        }
    }

    /// All images, one after the other, in the memory of the array where they are so already;
    /// `None` without memory for another.
    pub(super) fn arrange(&self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        if self.is_plain() {
            return Some(bytes);
        }
        let mut images = reserved(bytes.len())?;
        images.resize(bytes.len(), 0);
        for (index, image) in images.chunks_exact_mut(self.image_len()).enumerate() {
            self.copy(&bytes, index, image);
        }
        Some(images)
    }
}

/// The number of labels that images of a data set's files may have.
const fn labels_of(kind: DatasetKind) -> i64 {
    match kind {
        DatasetKind::Cifar10 => 10,
        DatasetKind::Cifar100 => 100,
        // Files of ImageNet16 have all of ImageNet's classes.
        DatasetKind::ImageNet16 | DatasetKind::ImageNet => 1000,
        DatasetKind::Custom => 0,
    }
}

/// Checks that the labels of a file are those of the data set; what is wrong otherwise.
///
/// ImageNet's count from 0 or from 1: both are in use, and all of its images are taken. Those of
/// ImageNet16 count from 1, since they choose the images.
pub(super) fn check_labels(kind: DatasetKind, labels: &[i64]) -> Checked<()> {
    let count = labels_of(kind);
    let first = match kind {
        DatasetKind::ImageNet16 => 1,
        // Whichever leaves the largest label in its range.
        DatasetKind::ImageNet => i64::from(labels.contains(&count)),
        _ => 0,
    };
    let last = first + count - 1;
    let outside = labels.iter().enumerate().find(|(_, label)| !(first..=last).contains(*label));
    let Some((index, label)) = outside else { return Ok(()) };
    let remedy = match kind {
        DatasetKind::ImageNet16 if *label == 0 => {
            "; labels of ImageNet16 count from 1, as they choose its first 120 classes: add 1 to all"
        }
        DatasetKind::ImageNet if *label == 0 => ", as another image has label 1000",
        _ => "",
    };
    Err(format!("found label {label} of image {index}, expected {first} to {last}{remedy}"))
}

/// Whether an image with this label is part of the data set.
pub(super) fn keeps(kind: DatasetKind, label: i64) -> bool {
    match kind {
        // Labels count from 1.
        DatasetKind::ImageNet16 => {
            kind.published().is_some_and(|facts| label <= facts.classes as i64)
        }
        _ => true,
    }
}

/// Checks that each image has a label that the data set knows, and drops the images of classes that
/// are not part of it.
pub(super) fn keep_labelled(
    kind: DatasetKind,
    facts: &Published,
    labels: &Array<'_>,
    images: &mut Vec<u8>,
) -> Checked<()> {
    let len = facts.shape.iter().product::<usize>();
    let count = images.len() / len;
    // Keras has a column of them.
    let fits = labels.shape == [count] || labels.shape == [count, 1];
    let integers = labels.integers().filter(|_| fits).ok_or_else(|| {
        format!(
            "found {} values of type {}, expected {count} integers, as there are images",
            dimensions(&labels.shape),
            labels.dtype
        )
    })?;
    check_labels(kind, &integers)?;
    let mut kept = 0;
    for (i, &label) in integers.iter().enumerate() {
        if keeps(kind, label) {
            images.copy_within(i * len..(i + 1) * len, kept * len);
            kept += 1;
        }
    }
    images.truncate(kept * len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by their place in an array of that shape, in C's or Fortran's order.
    fn array(shape: &[usize], fortran: bool, value: impl Fn(&[usize]) -> u8) -> Vec<u8> {
        let len = shape.iter().product();
        let mut bytes = vec![0; len];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let mut index = vec![0; shape.len()];
            let mut rest = place;
            for step in 0..shape.len() {
                let axis = if fortran { step } else { shape.len() - 1 - step };
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }
            *byte = value(&index);
        }
        bytes
    }

    #[test]
    fn every_order_of_axes_gives_the_same_images() {
        let facts = DatasetKind::ImageNet16.published().unwrap();
        let pixel = |n: usize, c: usize, y: usize, x: usize| {
            (n * 131 + c * 71 + y * 17 + x * 3 + y * x) as u8
        };
        let byte = Dtype::parse("u1").unwrap();
        let expected = array(&[5, 3, 16, 16], false, |i| pixel(i[0], i[1], i[2], i[3]));
        let flat = |n: usize, p: usize| pixel(n, p / 256, p / 16 % 16, p % 16);
        for (shape, fortran, found) in [
            (
                vec![5, 3, 16, 16],
                true,
                array(&[5, 3, 16, 16], true, |i| pixel(i[0], i[1], i[2], i[3])),
            ),
            (
                vec![5, 16, 16, 3],
                false,
                array(&[5, 16, 16, 3], false, |i| pixel(i[0], i[3], i[1], i[2])),
            ),
            (
                vec![5, 16, 16, 3],
                true,
                array(&[5, 16, 16, 3], true, |i| pixel(i[0], i[3], i[1], i[2])),
            ),
            (
                vec![16, 16, 3, 5],
                true,
                array(&[16, 16, 3, 5], true, |i| pixel(i[3], i[2], i[1], i[0])),
            ),
            (vec![5, 768], false, array(&[5, 768], false, |i| flat(i[0], i[1]))),
            (vec![5, 768], true, array(&[5, 768], true, |i| flat(i[0], i[1]))),
            (vec![768, 5], true, array(&[768, 5], true, |i| flat(i[1], i[0]))),
        ] {
            let layout = Layout::of(facts, byte, &shape, fortran).unwrap();
            assert_eq!(layout.count, 5);
            assert!(layout.arrange(found).unwrap() == expected, "{shape:?} {fortran}");
        }
    }

    #[test]
    fn shapes_of_no_or_of_two_orders_are_refused() {
        let facts = DatasetKind::ImageNet16.published().unwrap();
        let byte = Dtype::parse("u1").unwrap();
        for (shape, fortran, words) in [
            (vec![16, 16, 3, 5], false, "transpose(3, 2, 0, 1)"),
            (vec![768, 5], false, "found 768 x 5"),
            (vec![768, 768], true, "2 ways"),
            (vec![5, 16, 3, 16], false, "found 5 x 16 x 3 x 16"),
            (vec![], false, "a single value"),
            (vec![3, 16, 16], false, "found 3 x 16 x 16"),
            (vec![0, 3, 16, 16], false, "no images"),
        ] {
            let problem = Layout::of(facts, byte, &shape, fortran).unwrap_err();
            assert!(problem.contains(words), "{problem}");
        }
        let problem = Layout::of(facts, Dtype::parse("<f4").unwrap(), &[5, 768], false);
        assert!(problem.unwrap_err().contains("times 255"));
    }

    #[test]
    fn labels_count_from_where_their_files_do() {
        use DatasetKind::*;
        for (kind, labels, fault) in [
            (Cifar10, &[0, 9][..], None),
            (Cifar10, &[1, 10], Some("label 10 of image 1, expected 0 to 9")),
            (ImageNet, &[0, 999], None),
            (ImageNet, &[1, 1000], None),
            (ImageNet, &[0, 1000], Some("label 0 of image 0, expected 1 to 1000, as another")),
            (ImageNet, &[1001], Some("expected 0 to 999")),
            (ImageNet16, &[1, 1000], None),
            (ImageNet16, &[1, 0], Some("add 1 to all")),
        ] {
            match (check_labels(kind, labels), fault) {
                (Ok(()), None) => {}
                (Err(problem), Some(words)) => assert!(problem.contains(words), "{problem}"),
                (result, _) => panic!("{labels:?}: {result:?}"),
            }
        }
        assert!(keeps(ImageNet16, 120) && !keeps(ImageNet16, 121) && keeps(ImageNet, 1000));
    }
}
