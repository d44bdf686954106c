//! Data sets: what is read, what is refused, and every number of the batches drawn from them.

#[path = "common/messages.rs"]
mod messages;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use messages::assert_safe;
use tenas::data::Source;
use tenas::random::{Key, Purpose, Stream};
use tenas::{Dataset, DatasetKind, Error, Result};

const PUBLISHED: [DatasetKind; 4] =
    [DatasetKind::Cifar10, DatasetKind::Cifar100, DatasetKind::ImageNet16, DatasetKind::ImageNet];

fn key(purpose: Purpose, seed: u64) -> Key {
    Key { seed, purpose, round: 2, candidate: 7, repeat: 1 }
}

/// Bytes without any pattern.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut stream = key(Purpose::SyntheticImages, seed).stream(99);
    (0..len).map(|_| stream.below(256) as u8).collect()
}

fn image(dataset: &Dataset, index: usize) -> Vec<u8> {
    let mut bytes = vec![0; dataset.shape().iter().product()];
    dataset.read(index, &mut bytes).unwrap();
    bytes
}

/// The message of an `InvalidArgument`.
#[track_caller]
fn invalid<T>(result: Result<T>) -> String {
    match result.err() {
        Some(Error::InvalidArgument(text)) => {
            assert_safe(&text);
            text
        }
        other => panic!("expected InvalidArgument, found {other:?}"),
    }
}

/// The message of a `Format`.
#[track_caller]
fn format<T>(result: Result<T>) -> String {
    match result.err() {
        Some(Error::Format(text)) => {
            assert_safe(&text);
            text
        }
        other => panic!("expected Format, found {other:?}"),
    }
}

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} does not contain {part:?}");
    }
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("data-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// CIFAR-10 records with these labels.
fn records(labels: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = noise(3073 * labels.len(), seed);
    for (i, &label) in labels.iter().enumerate() {
        bytes[3073 * i] = label;
    }
    bytes
}

// ---- Published facts -------------------------------------------------------------------------

#[test]
fn published_facts_are_those_of_the_papers() {
    let classes = PUBLISHED.map(|kind| kind.published().unwrap().classes);
    assert_eq!(classes, [10, 100, 120, 1000]);
    let sides = PUBLISHED.map(|kind| kind.published().unwrap().shape);
    assert_eq!(sides, [[3, 32, 32], [3, 32, 32], [3, 16, 16], [3, 32, 32]]);
    for kind in PUBLISHED {
        assert_eq!(kind.published().unwrap().kind, kind);
    }
    let imagenet = DatasetKind::ImageNet.published().unwrap();
    let fractions = [0.485, 0.456, 0.406, 0.229, 0.224, 0.225];
    for (found, fraction) in imagenet.mean.iter().chain(&imagenet.stddev).zip(fractions) {
        assert_eq!(*found, (fraction * 255.0) as f32);
    }
    assert_eq!(DatasetKind::Custom.published(), None);
    assert_eq!(DatasetKind::Custom.name(), "custom");
}

// ---- CIFAR-10 on disk ------------------------------------------------------------------------

#[test]
fn cifar10_folder_is_read_in_the_order_of_names() {
    let folder = folder("order");
    let files = [("data_batch_1.bin", 1), ("data_batch_10.bin", 2), ("data_batch_2.bin", 1)];
    let mut expected = Vec::new();
    for (seed, (name, count)) in files.into_iter().enumerate() {
        let bytes = records(&[9, 0][..count], seed as u64);
        expected.extend(bytes.chunks(3073).map(|record| record[1..].to_vec()));
        fs::write(folder.join(name), bytes).unwrap();
    }
    // None of these is a training file.
    for name in ["test_batch.bin", "data_batch_3", "data_batch_3.bin.part", "batches.meta.txt"] {
        fs::write(folder.join(name), b"not a record").unwrap();
    }
    let dataset = Dataset::open(DatasetKind::Cifar10, &folder).unwrap();
    assert_eq!(dataset.count(), 4);
    assert_eq!(dataset.shape(), [3, 32, 32]);
    assert_eq!(dataset.classes(), 10);
    assert_eq!(dataset.kind(), DatasetKind::Cifar10);
    assert_eq!(dataset.mean(), [125.3, 123.0, 113.9]);
    assert_eq!(dataset.stddev(), [63.0, 62.1, 66.7]);
    for (i, expected) in expected.iter().enumerate() {
        assert_eq!(&image(&dataset, i), expected, "image {i}");
    }
}

#[test]
fn cifar10_file_of_any_name_is_read() {
    let path = folder("file").join("test_batch.bin");
    let bytes = records(&[3, 1, 4], 5);
    fs::write(&path, &bytes).unwrap();
    let dataset = Dataset::open(DatasetKind::Cifar10, &path).unwrap();
    assert_eq!(dataset.count(), 3);
    assert_eq!(image(&dataset, 2), &bytes[2 * 3073 + 1..]);
}

#[test]
fn missing_path_is_an_io_error_with_its_name() {
    let path = folder("missing").join("absent");
    match Dataset::open(DatasetKind::Cifar10, &path) {
        Err(Error::Io { path: named, source }) => {
            assert_eq!(named, path);
            assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
        }
        other => panic!("expected Io, found {other:?}"),
    }
}

#[test]
fn broken_cifar10_files_are_refused_with_the_place() {
    let folder = folder("broken");
    let open = |path: &Path| Dataset::open(DatasetKind::Cifar10, path);

    fs::write(folder.join("test_batch.bin"), records(&[0], 1)).unwrap();
    assert_contains(&format(open(&folder)), &[folder.to_str().unwrap(), "data_batch_*.bin"]);

    let path = folder.join("data_batch_1.bin");
    let name = path.to_str().unwrap();
    fs::write(&path, b"").unwrap();
    assert_contains(&format(open(&path)), &[name, "empty file", "3073"]);
    // Through the folder as well.
    assert_contains(&format(open(&folder)), &[name, "empty file"]);

    let mut bytes = records(&[0, 1, 2], 1);
    fs::write(&path, &bytes[..2 * 3073 + 5]).unwrap();
    let text = format(open(&path));
    assert_contains(&text, &[name, "found 6151 bytes", "3073", "offset 6146 has 5 bytes"]);

    bytes[2 * 3073] = 10;
    fs::write(&path, &bytes).unwrap();
    let text = format(open(&path));
    assert_contains(&text, &[name, "label 10", "record 2", "offset 6146", "0 to 9"]);

    let inner = folder.join("data_batch_0.bin");
    fs::create_dir(&inner).unwrap();
    assert_contains(&format(open(&folder)), &[inner.to_str().unwrap(), "regular file"]);
}

#[test]
fn custom_images_have_no_file() {
    let folder = folder("kinds");
    assert_contains(&invalid(Dataset::open(DatasetKind::Custom, &folder)), &["from_images"]);
}

// ---- A host's own images ---------------------------------------------------------------------

#[test]
fn arguments_of_from_images_are_checked() {
    let bytes = noise(2 * 3 * 4 * 5, 1);
    let ok: (&[f32], &[f32]) = (&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]);
    let make = |count, shape, normalisation, classes| {
        Dataset::from_images(&bytes, count, shape, normalisation, classes)
    };
    let dataset = make(2, [3, 4, 5], Some(ok), 7).unwrap();
    assert_eq!((dataset.count(), dataset.shape(), dataset.classes()), (2, [3, 4, 5], 7));
    assert_eq!((dataset.mean(), dataset.stddev()), ok);
    assert_eq!(dataset.kind(), DatasetKind::Custom);
    assert_eq!(image(&dataset, 1), &bytes[60..]);

    let shapes: [(usize, [usize; 3], &[&str]); 8] = [
        (0, [3, 4, 5], &["count: found 0", "at least 1"]),
        (2, [0, 4, 5], &["channels: found 0", "1 to 16"]),
        (2, [17, 4, 5], &["channels: found 17"]),
        (2, [3, 2, 5], &["height: found 2", "3 to 1024"]),
        (2, [3, 1025, 5], &["height: found 1025"]),
        (2, [3, 4, 2], &["width: found 2", "3 to 1024"]),
        (2, [3, 4, 1025], &["width: found 1025"]),
        (3, [3, 4, 5], &["images: found 120 bytes", "3 x 3 x 4 x 5 = 180"]),
    ];
    for (count, shape, parts) in shapes {
        assert_contains(&invalid(make(count, shape, Some(ok), 7)), parts);
    }
    // Multiplied without a check, this count wraps to the two images that are there.
    let wrapping = (1 << (usize::BITS - 4)) + 2;
    let text = invalid(Dataset::from_images(&bytes[..32], wrapping, [1, 4, 4], None, 7));
    assert_contains(&text, &["images: found 32 bytes"]);
    for classes in [0, 100_001] {
        let text = invalid(make(2, [3, 4, 5], None, classes));
        assert_contains(&text, &["classes", &classes.to_string(), "1 to 100000"]);
    }
    let fine = [1.0f32; 3];
    let normalisations: [(&[f32], &[f32], &[&str]); 7] = [
        (&fine[..2], &fine, &["mean: found 2 channels, expected 3"]),
        (&fine, &[1.0; 4], &["stddev: found 4 channels, expected 3"]),
        (&[0.0, f32::NAN, 0.0], &fine, &["mean of channel 1", "NaN", "finite"]),
        (&fine, &[1.0, 1.0, f32::INFINITY], &["stddev of channel 2", "inf"]),
        (&fine, &[0.0, 1.0, 1.0], &["stddev of channel 0: found 0", "above 0"]),
        (&fine, &[1.0, -1.0, 1.0], &["stddev of channel 1: found -1"]),
        (&fine, &[1.0, 1.0, 1e-38], &["stddev of channel 2", "finite"]),
    ];
    for (mean, stddev, parts) in normalisations {
        assert_contains(&invalid(make(2, [3, 4, 5], Some((mean, stddev)), 7)), parts);
    }
    let mut buffer = vec![0; 60];
    assert_contains(&invalid(dataset.read(2, &mut buffer)), &["index: found 2", "0 to 1"]);
    assert_contains(
        &invalid(dataset.read(0, &mut buffer[1..])),
        &["image: found 59 bytes, expected 60"],
    );
}

#[test]
fn normalisation_is_measured_where_none_is_given() {
    // Two images, two channels of 3x3: the first differs, the second is 200 everywhere.
    let mut bytes = vec![200u8; 2 * 2 * 9];
    for (i, byte) in (0..9).chain(18..27).enumerate() {
        bytes[byte] = 10 * i as u8;
    }
    let dataset = Dataset::from_images(&bytes, 2, [2, 3, 3], None, 3).unwrap();
    // 0, 10, .. 170: mean 85, variance 100 (18^2 - 1) / 12.
    assert_eq!(dataset.mean(), [85.0, 200.0]);
    assert_eq!(dataset.stddev(), [(100.0 * 323.0 / 12.0f64).sqrt() as f32, 1.0]);
    let batch = dataset.region_batches(1, 50, &key(Purpose::RegionInputs, 0)).unwrap();
    assert!(batch.values.iter().all(|value| value.is_finite()));
}

// ---- Batches ---------------------------------------------------------------------------------

/// Custom images of a shape, with a normalisation that no rounding leaves alone.
fn custom(count: usize, shape: [usize; 3]) -> (Dataset, Vec<u8>, Vec<f32>, Vec<f32>) {
    let bytes = noise(count * shape.iter().product::<usize>(), 4);
    let mean: Vec<f32> = (0..shape[0]).map(|c| 120.3 + 3.7 * c as f32).collect();
    let stddev: Vec<f32> = (0..shape[0]).map(|c| 61.7 - 2.3 * c as f32).collect();
    let dataset = Dataset::from_images(&bytes, count, shape, Some((&mean, &stddev)), 10).unwrap();
    (dataset, bytes, mean, stddev)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn ntk_batch_is_what_its_description_says() {
    // 32x32 pads 4, 16x16 pads 2, 7x24 pads 0 and 3.
    for shape @ [c, h, w] in [[3, 32, 32], [3, 16, 16], [2, 7, 24]] {
        let (dataset, bytes, mean, stddev) = custom(40, shape);
        let (pad_y, pad_x) = (h / 8, w / 8);
        let (mut flips, mut crops) = (0, std::collections::HashSet::new());
        for seed in 0..4 {
            let key = key(Purpose::NtkImages, seed);
            let found = dataset.ntk_batch(24, &key).unwrap();
            assert_eq!((found.batches, found.batch, found.shape), (1, 24, shape));

            let mut expected = Vec::new();
            let mut stream = key.stream(0);
            for n in stream.distinct(24, 40) {
                let flip = stream.below(2);
                let dy = stream.below(2 * pad_y as u64 + 1) as usize;
                let dx = stream.below(2 * pad_x as u64 + 1) as usize;
                flips += flip;
                crops.insert((dy, dx));
                for ch in 0..c {
                    // The whole padded plane, flipped, then a window of it.
                    let (ph, pw) = (h + 2 * pad_y, w + 2 * pad_x);
                    let mut padded = vec![0u8; ph * pw];
                    for y in 0..h {
                        for x in 0..w {
                            let to = if flip == 1 { w - 1 - x } else { x };
                            padded[(y + pad_y) * pw + to + pad_x] =
                                bytes[((n * c + ch) * h + y) * w + x];
                        }
                    }
                    for y in 0..h {
                        for x in 0..w {
                            let byte = padded[(y + dy) * pw + x + dx];
                            expected.push((byte as f32 - mean[ch]) / stddev[ch]);
                        }
                    }
                }
            }
            assert_eq!(bits(&found.values), bits(&expected), "{shape:?}, seed {seed}");
        }
        // The draws above exercise what they claim to.
        assert!((24..=72).contains(&flips), "{flips} flips of 96");
        assert!(crops.len() > (2 * pad_y + 1) * (2 * pad_x + 1) / 2, "{} crops", crops.len());
    }
}

#[test]
fn images_of_an_ntk_batch_are_distinct() {
    // Image n is the byte n everywhere; the padding never reaches the centre.
    let bytes: Vec<u8> = (0..100u8).flat_map(|n| [n; 64]).collect();
    let dataset = Dataset::from_images(&bytes, 100, [1, 8, 8], Some((&[0.0], &[1.0])), 10).unwrap();
    let batch = dataset.ntk_batch(100, &key(Purpose::NtkImages, 3)).unwrap();
    let order: Vec<usize> =
        batch.values.chunks(64).map(|image| image[4 * 8 + 4] as usize).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    assert_ne!(sorted, order);
}

#[test]
fn ntk_batch_larger_than_the_data_set_is_refused() {
    let (dataset, ..) = custom(10, [3, 16, 16]);
    let key = key(Purpose::NtkImages, 0);
    assert!(dataset.ntk_batch(10, &key).is_ok());
    let text = invalid(dataset.ntk_batch(11, &key));
    assert_contains(&text, &["batch_size: found 11", "at most the data set's 10 images"]);
    assert_contains(&invalid(dataset.ntk_batch(0, &key)), &["batch_size: found 0"]);
}

#[test]
fn region_batches_are_what_their_description_says() {
    // (images, batch): more than enough, exactly enough, two and a half times too few.
    for (count, batch) in [(60, 25), (25, 25), (10, 25)] {
        for shape @ [c, h, w] in [[3, 32, 32], [3, 16, 16], [2, 3, 5]] {
            let (dataset, bytes, mean, stddev) = custom(count, shape);
            let key = key(Purpose::RegionInputs, 6);
            let found = dataset.region_batches(3, batch, &key).unwrap();
            assert_eq!((found.batches, found.batch, found.shape), (3, batch, [1, 3, 3]));

            let mut expected = Vec::new();
            for b in 0..3 {
                let mut stream = key.stream(b);
                let mut left = batch;
                while left > 0 {
                    let pass = left.min(count);
                    left -= pass;
                    for n in stream.distinct(pass, count) {
                        let ch = stream.below(c as u64) as usize;
                        let top = stream.below(h as u64 - 2) as usize;
                        let start = stream.below(w as u64 - 2) as usize;
                        for i in 0..9 {
                            let (y, x) = (top + i / 3, start + i % 3);
                            let byte = bytes[n * c * h * w + ch * h * w + y * w + x];
                            expected.push((byte as f32 - mean[ch]) / stddev[ch]);
                        }
                    }
                }
            }
            assert_eq!(bits(&found.values), bits(&expected), "{count} images of {shape:?}");
        }
    }
}

#[test]
fn region_batches_repeat_images_only_if_there_are_fewer() {
    let dataset = |count: u8| {
        let bytes: Vec<u8> = (0..count).flat_map(|n| [n; 3 * 16]).collect();
        let normalisation: (&[f32], &[f32]) = (&[0.0; 3], &[1.0; 3]);
        Dataset::from_images(&bytes, count.into(), [3, 4, 4], Some(normalisation), 10).unwrap()
    };
    let uses = |count: u8, batch: usize| {
        let found =
            dataset(count).region_batches(1, batch, &key(Purpose::RegionInputs, 1)).unwrap();
        let mut uses = vec![0; count.into()];
        found.values.chunks(9).for_each(|crop| uses[crop[0] as usize] += 1);
        uses
    };
    assert!(uses(200, 150).iter().all(|&n| n <= 1));
    let few = uses(40, 150);
    assert!(few.iter().all(|&n| n == 3 || n == 4), "{few:?}");
    let text = invalid(dataset(4).region_batches(0, 5, &key(Purpose::RegionInputs, 1)));
    assert_contains(&text, &["batches: found 0"]);
    let text = invalid(dataset(4).region_batches(5, 0, &key(Purpose::RegionInputs, 1)));
    assert_contains(&text, &["batch: found 0"]);
    let huge = dataset(4).region_batches(usize::MAX, 2, &key(Purpose::RegionInputs, 1));
    assert!(matches!(huge, Err(Error::OutOfMemory(_))), "{huge:?}");
    let large = dataset(4).region_batches(usize::MAX / 9000, 1000, &key(Purpose::RegionInputs, 1));
    assert!(matches!(large, Err(Error::OutOfMemory(_))), "{large:?}");
}

/// Ten images, of which the last cannot be read.
#[derive(Debug)]
struct Faulty;

impl Source for Faulty {
    fn count(&self) -> usize {
        10
    }
    fn shape(&self) -> [usize; 3] {
        [1, 4, 4]
    }
    fn read(&self, index: usize, image: &mut [u8]) -> Result<()> {
        image.fill(index as u8);
        if index == 9 {
            return Err(Error::Format("image 9: found a hole".to_owned()));
        }
        Ok(())
    }
}

#[test]
fn errors_of_a_source_come_through() {
    let dataset = Dataset::from_source(Arc::new(Faulty), Some((&[0.0], &[1.0])), 10).unwrap();
    let key = key(Purpose::NtkImages, 0);
    assert_contains(&format(dataset.ntk_batch(10, &key)), &["found a hole"]);
    assert_contains(&format(dataset.region_batches(1, 10, &key)), &["found a hole"]);
    assert_contains(&format(dataset.read(9, &mut [0; 16])), &["found a hole"]);
    // Measuring reads every image.
    assert_contains(&format(Dataset::from_source(Arc::new(Faulty), None, 10)), &["found a hole"]);
    // A draw without image 9 is none the worse for it.
    let other = (0..100).map(|seed| Key { seed, ..key }).find(|key| {
        let mut stream: Stream = key.stream(0);
        !stream.distinct(5, 10).contains(&9)
    });
    assert!(dataset.ntk_batch(5, &other.unwrap()).is_ok());
}

// ---- Synthetic images ------------------------------------------------------------------------

/// Slope of log amplitude against log frequency: the amplitude of `images`' luminance, averaged
/// over images and over rings one frequency wide.
fn spectral_slope(images: &[Vec<u8>], n: usize) -> f64 {
    let angle = |i: usize| std::f64::consts::TAU * (i % n) as f64 / n as f64;
    let half = n / 2;
    let (mut sum, mut count) = (vec![0.0; half], vec![0; half]);
    for image in images {
        let pixel = |i: usize| (0..3).map(|c| f64::from(image[c * n * n + i])).sum::<f64>();
        // Rows, then columns, by the definition.
        let mut rows = vec![(0.0, 0.0); n * n];
        for y in 0..n {
            for u in 0..n {
                for x in 0..n {
                    rows[y * n + u].0 += pixel(y * n + x) * angle(u * x).cos();
                    rows[y * n + u].1 -= pixel(y * n + x) * angle(u * x).sin();
                }
            }
        }
        for v in 0..n {
            for u in 0..n {
                let (mut re, mut im) = (0.0, 0.0);
                for y in 0..n {
                    let ((a, b), (cos, sin)) = (rows[y * n + u], angle(v * y).sin_cos());
                    re += a * cos + b * sin;
                    im += b * cos - a * sin;
                }
                let ring = (v.min(n - v) as f64).hypot(u.min(n - u) as f64).round() as usize;
                if (1..half).contains(&ring) {
                    sum[ring] += f64::hypot(re, im);
                    count[ring] += 1;
                }
            }
        }
    }
    let points: Vec<(f64, f64)> =
        (1..half).map(|r| ((r as f64).ln(), (sum[r] / count[r] as f64).ln())).collect();
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
    covariance / points.iter().map(|(x, _)| (x - mx) * (x - mx)).sum::<f64>()
}

#[test]
fn synthetic_images_have_natural_statistics() {
    for kind in PUBLISHED {
        let facts = kind.published().unwrap();
        let dataset = Dataset::synthetic(kind, 1).unwrap();
        assert_eq!((dataset.count(), dataset.shape()), (10_000, facts.shape));
        assert_eq!((dataset.classes(), dataset.kind()), (facts.classes, kind));
        assert_eq!((dataset.mean(), dataset.stddev()), (&facts.mean[..], &facts.stddev[..]));

        let images: Vec<Vec<u8>> = (0..10_000).map(|i| image(&dataset, i)).collect();
        let n = facts.shape[1];
        let slope = spectral_slope(&images[..40], n);
        assert!((-1.3..=-0.7).contains(&slope), "{kind:?}: slope {slope}");
        // The measurement tells noise from images.
        let white: Vec<Vec<u8>> = (0..20).map(|i| noise(3 * n * n, i)).collect();
        assert!(spectral_slope(&white, n).abs() < 0.1);

        let bytes: Vec<u8> = images.concat();
        let measured = Dataset::from_images(&bytes, 10_000, facts.shape, None, 10).unwrap();
        for c in 0..3 {
            let (mean, stddev) = (measured.mean()[c], measured.stddev()[c]);
            assert!((mean - facts.mean[c]).abs() < 5.0, "{kind:?}: mean {c} is {mean}");
            let ratio = stddev / facts.stddev[c];
            assert!((0.9..1.1).contains(&ratio), "{kind:?}: deviation {c} is {stddev}");
        }
        let distinct: std::collections::HashSet<&Vec<u8>> = images.iter().collect();
        assert_eq!(distinct.len(), images.len());
    }
}

#[test]
fn synthetic_images_depend_on_seed_kind_and_index_only() {
    let first = |kind, seed| image(&Dataset::synthetic(kind, seed).unwrap(), 0);
    let cifar10 = first(DatasetKind::Cifar10, 1);
    assert_eq!(cifar10, first(DatasetKind::Cifar10, 1));
    assert_ne!(cifar10, first(DatasetKind::Cifar10, 2));
    // The normalisations of these two are much alike: compare what is left without them.
    let cifar100 = first(DatasetKind::Cifar100, 1);
    let far = cifar10.iter().zip(&cifar100).filter(|(a, b)| a.abs_diff(**b) > 20).count();
    assert!(far > 1000, "only {far} of 3072 bytes differ");
    let text = invalid(Dataset::synthetic(DatasetKind::Custom, 1));
    assert_contains(&text, &["custom", "expected a published data set"]);
}

/// A change of these bytes changes what every user's seed gives, on some machine or on all.
#[test]
fn synthetic_images_never_change() {
    let digest = |kind, index| {
        let bytes = image(&Dataset::synthetic(kind, 1).unwrap(), index);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    assert_eq!(digest(DatasetKind::Cifar10, 0), 9639910204736003538);
    assert_eq!(digest(DatasetKind::ImageNet16, 9999), 16862110137100657163);
}
