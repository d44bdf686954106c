//! NATS-Bench's topology files in their simple form: a folder of pickles compressed by bzip2.
//!
//! Layout and keys are those that the public reader asks for (`nats_bench/api_topology.py` and
//! `api_utils.py` of <https://github.com/D-X-Y/NATS-Bench>): `meta.pickle.pbz2` lists the
//! architectures under `meta_archs`; `000123.pickle.pbz2` (or `123.pickle.pbz2`) holds what
//! architecture number 123 reached, by number of epochs. Like that reader, this one also takes files
//! that are unpacked already (`.pickle`).

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;

use crate::data::DatasetKind;
use crate::error::{Error, Result};
use crate::message::{clip, list, of_path, whole};
use crate::pickle::{Fault, Id, Pickle};
use crate::recognise::{Content, recognise};

const META: &str = "meta.pickle.pbz2";
/// The published accuracies: after 200 epochs.
const EPOCHS: &str = "200";
/// The data sets, with the name and the set of images whose accuracy is the test accuracy.
pub(super) const DATASETS: [(DatasetKind, &str, &str); 3] = [
    (DatasetKind::Cifar10, "cifar10", "ori-test"),
    (DatasetKind::Cifar100, "cifar100", "x-test"),
    (DatasetKind::ImageNet16, "ImageNet16-120", "x-test"),
];
/// What rounding may add to an accuracy of 100 percent, in 32 bits too.
const ROUNDING: f64 = 1e-4;
/// More than any of these files holds, uncompressed: the list of architectures takes some 2 MB.
const LARGEST: u64 = 32 << 20;

/// A folder of such files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Test accuracy on each of [`DATASETS`].
pub(super) type Accuracies = [Option<f64>; 3];

/// The pickle in a file: compressed by bzip2, or as it is.
fn content(path: &Path) -> Result<Vec<u8>> {
    let io = |e: io::Error| match e.kind() {
        io::ErrorKind::OutOfMemory => Error::OutOfMemory(of_path(path)),
        // What the decoder finds wrong, and a file that ends too soon.
        io::ErrorKind::InvalidInput
        | io::ErrorKind::InvalidData
        | io::ErrorKind::Other
        | io::ErrorKind::UnexpectedEof => {
            Error::Format(format!("{}: found no whole bzip2 stream: {}", of_path(path), whole(e)))
        }
        _ => Error::io(path, e),
    };
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let is_pickle = recognise(file.fill_buf().map_err(io)?, 0) == Some(Content::Pickle);
    let reader: &mut dyn Read = if is_pickle { &mut file } else { &mut MultiBzDecoder::new(file) };
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
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
    let bytes = content(path)?;
    let named = |what: String| Error::Format(format!("{}: {what}", of_path(path)));
    let pickle = Pickle::parse(&bytes).map_err(|fault| match fault {
        Fault::Broken { offset, problem } => named(format!("pickle: byte {offset}: {problem}")),
        Fault::Memory => Error::OutOfMemory(format!("{}: its pickle", of_path(path))),
    })?;
    take(&pickle).map_err(named)
}

/// The first of these files that a folder has.
fn first_of(folder: &Path, names: &[String]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The names that a pickle's file may have: as published, and unpacked.
fn names_of(stem: &str) -> [String; 2] {
    [format!("{stem}.pickle.pbz2"), format!("{stem}.pickle")]
}

/// The error of a folder without the list of architectures.
fn no_list(folder: &Path) -> Error {
    let missing = || Error::io(&folder.join(META), io::ErrorKind::NotFound.into());
    let Ok(entries) = fs::read_dir(folder) else { return missing() };
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.contains("meta") || name.contains("NATS"))
        .collect();
    if found.is_empty() {
        return missing();
    }
    found.sort_unstable();
    Error::Format(format!(
        "{}: found {}, expected {META} with the list of architectures; unpack or rename that file, \
         or give the folder that it is in",
        of_path(folder),
        list(found.iter().map(String::as_str))
    ))
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
        let [packed, unpacked] = names_of("meta");
        let meta = first_of(path, &[packed, unpacked]).ok_or_else(|| no_list(path))?;
        let architectures = read(&meta, |p| {
            let archs = need(p.entry(p.root(), "meta_archs"), "dictionary with \"meta_archs\"")?;
            let archs = need(p.items(archs), "list under \"meta_archs\"")?;
            let text = |id: &Id| need(p.text(*id), "text in \"meta_archs\"").map(str::to_owned);
            let archs = archs.iter().map(text).collect::<Found<Vec<String>>>()?;
            match archs.first() {
                Some(first) if is_size(first) => Err(format!(
                    "found {}, an architecture of NATS-Bench's size search space (sss), expected \
                     those of its topology search space (tss)",
                    clip(first)
                )),
                _ => Ok(archs),
            }
        })?;
        Ok((Folder { path: path.to_owned() }, architectures))
    }

    /// The file of one architecture, if the folder has it.
    fn file(&self, index: usize) -> Option<PathBuf> {
        let stems = [format!("{index:06}"), index.to_string()];
        first_of(&self.path, &stems.map(|stem| names_of(&stem)).concat())
    }

    /// Whether the folder has a file of that architecture.
    pub(super) fn has(&self, index: usize) -> bool {
        self.file(index).is_some()
    }

    /// The accuracies of one architecture; `None` if the folder has no file of it.
    pub(super) fn accuracies(&self, index: usize, text: &str) -> Result<Option<Accuracies>> {
        let Some(path) = self.file(index) else { return Ok(None) };
        read(&path, |p| {
            // Keys are texts as published; they may be numbers in files of other writers.
            let is_key =
                |key: Id| p.text(key) == Some(EPOCHS) || p.int(key).is_some_and(|n| n == 200);
            let result = p.find(p.root(), is_key).ok_or_else(|| {
                let keys = p.entries(p.root()).unwrap_or_default().iter();
                let keys: Vec<String> = keys.filter_map(|(key, _)| number_text(p, *key)).collect();
                let has = match &keys[..] {
                    [] => String::new(),
                    keys => format!(", but of {}", list(keys.iter().map(String::as_str))),
                };
                format!(
                    "found no results of 200 epochs (key \"{EPOCHS}\"){has}: expected the files \
                     of the full training"
                )
            })?;
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

/// A key that is a text or a whole number.
fn number_text(p: &Pickle<'_>, key: Id) -> Option<String> {
    p.text(key).map(str::to_owned).or_else(|| Some(p.int(key)?.to_string()))
}

/// Whether a text is an architecture of the size search space, as `64:32:64:16:8`.
fn is_size(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|b| b == b':' || b.is_ascii_digit())
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
        let expected = what(&format!("accuracy of 0 to 100 under \"{key}\""));
        match value {
            // A mean in floating point may be a little above 100.
            Some(value) if (0.0..=100.0 + ROUNDING).contains(&value) => sum += value.min(100.0),
            Some(value) => return Err(format!("found {value}, expected {expected}")),
            None => return Err(format!("found no {expected}")),
        }
    }
    Ok((!seeds.is_empty()).then(|| sum / seeds.len() as f64))
}
