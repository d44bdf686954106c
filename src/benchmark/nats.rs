//! NATS-Bench's topology files in their simple form: a folder of pickles compressed by bzip2.
//!
//! Layout and keys are those that the public reader asks for (`nats_bench/api_topology.py` and
//! `api_utils.py` of <https://github.com/D-X-Y/NATS-Bench>): `meta.pickle.pbz2` lists the
//! architectures under `meta_archs`; `000123.pickle.pbz2` (or `123.pickle.pbz2`) holds what
//! training number 123 gave, by number of epochs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;

use crate::data::DatasetKind;
use crate::error::{Error, Result};
use crate::message::{clip, of_path, whole};
use crate::pickle::{Fault, Id, Pickle};

const META: &str = "meta.pickle.pbz2";
/// The published accuracies: after 200 epochs.
const EPOCHS: &str = "200";
/// The data sets, with the name and the set of images whose accuracy is the test accuracy.
pub(super) const DATASETS: [(DatasetKind, &str, &str); 3] = [
    (DatasetKind::Cifar10, "cifar10", "ori-test"),
    (DatasetKind::Cifar100, "cifar100", "x-test"),
    (DatasetKind::ImageNet16, "ImageNet16-120", "x-test"),
];
/// More than any of these files holds, uncompressed: the list of architectures takes some 2 MB.
const LARGEST: u64 = 32 << 20;

/// A folder of such files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Test accuracy on each of [`DATASETS`].
pub(super) type Accuracies = [Option<f64>; 3];

fn decompress(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut bytes = Vec::new();
    let mut reader = MultiBzDecoder::new(file).take(LARGEST + 1);
    reader.read_to_end(&mut bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::OutOfMemory => Error::OutOfMemory(of_path(path)),
        // What the decoder finds wrong, and a file that ends too soon.
        std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::InvalidData
        | std::io::ErrorKind::Other
        | std::io::ErrorKind::UnexpectedEof => {
            Error::Format(format!("{}: found no whole bzip2 stream: {}", of_path(path), whole(e)))
        }
        _ => Error::io(path, e),
    })?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::Format(format!(
            "{}: found more than {LARGEST} bytes behind the compression",
            of_path(path)
        )));
    }
    Ok(bytes)
}

/// Reads a file and what `take` finds in it.
fn read<T>(path: &Path, take: impl FnOnce(&Pickle<'_>) -> Found<T>) -> Result<T> {
    let bytes = decompress(path)?;
    let named = |what: String| Error::Format(format!("{}: {what}", of_path(path)));
    let pickle = Pickle::parse(&bytes).map_err(|fault| match fault {
        Fault::Broken { offset, problem } => named(format!("pickle: byte {offset}: {problem}")),
        Fault::Memory => Error::OutOfMemory(format!("{}: its pickle", of_path(path))),
    })?;
    take(&pickle).map_err(named)
}

/// What a pickle has, or what is wrong with it.
type Found<T> = std::result::Result<T, String>;

/// What must be there.
fn need<T>(found: Option<T>, what: &str) -> Found<T> {
    found.ok_or_else(|| format!("found no {what}"))
}

impl Folder {
    /// Opens a folder; its architectures, in their order, as the files write them.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<String>)> {
        let architectures = read(&path.join(META), |p| {
            let archs = need(p.entry(p.root(), "meta_archs"), "dictionary with \"meta_archs\"")?;
            let archs = need(p.items(archs), "list under \"meta_archs\"")?;
            let text = |id: &Id| need(p.text(*id), "text in \"meta_archs\"").map(str::to_owned);
            archs.iter().map(text).collect()
        })?;
        Ok((Folder { path: path.to_owned() }, architectures))
    }

    /// The accuracies of one architecture; `None` if the folder has no file of it.
    pub(super) fn accuracies(&self, index: usize, text: &str) -> Result<Option<Accuracies>> {
        let names = [format!("{index:06}.pickle.pbz2"), format!("{index}.pickle.pbz2")];
        let path = names.iter().map(|name| self.path.join(name)).find(|path| path.is_file());
        let Some(path) = path else { return Ok(None) };
        read(&path, |p| {
            let result = need(p.entry(p.root(), EPOCHS), "results of 200 epochs (key \"200\")")?;
            let name = need(p.entry(result, "arch_str").and_then(|id| p.text(id)), "\"arch_str\"")?;
            if name != text {
                return Err(format!("found {}, expected {}", clip(name), clip(text)));
            }
            let mut accuracies = [None; 3];
            for (place, (_, dataset, set)) in accuracies.iter_mut().zip(DATASETS) {
                *place = accuracy(p, result, dataset, set)?;
            }
            Ok(Some(accuracies))
        })
    }
}

/// The mean over all trainings (seeds) after the last epoch; `None` if there was none.
fn accuracy(p: &Pickle<'_>, result: Id, dataset: &str, set: &str) -> Found<Option<f64>> {
    let seeds = need(p.entry(result, "dataset_seed"), "\"dataset_seed\"")?;
    let trained = need(p.entry(result, "all_results"), "\"all_results\"")?;
    let Some(seeds) = p.entry(seeds, dataset) else { return Ok(None) };
    let seeds = need(p.items(seeds), &format!("list of seeds of {dataset}"))?;
    let mut sum = 0.0;
    for seed in seeds {
        let seed = need(p.int(*seed), &format!("whole number as seed of {dataset}"))?;
        let is_key = |key: Id| match p.items(key) {
            Some(&[name, number]) => p.text(name) == Some(dataset) && p.int(number) == Some(seed),
            _ => false,
        };
        let what = |key: &str| format!("{key} of {dataset}, seed {seed}");
        let one = need(p.find(trained, is_key), &what("result"))?;
        let epochs = need(p.entry(one, "epochs").and_then(|id| p.int(id)), &what("\"epochs\""))?;
        let values = need(p.entry(one, "eval_acc1es"), &what("\"eval_acc1es\""))?;
        let key = format!("{set}@{}", epochs.saturating_sub(1));
        let value = p.entry(values, &key).and_then(|id| p.number(id));
        let value = value.filter(|v| (0.0..=100.0).contains(v));
        sum += need(value, &what(&format!("accuracy of 0 to 100 under \"{key}\"")))?;
    }
    Ok((!seeds.is_empty()).then(|| sum / seeds.len() as f64))
}
