//! Tables of what finished architectures reach after training.

mod nats;
mod table;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use once_cell::race::OnceBox;

use crate::data::DatasetKind;
use crate::error::{Error, Result};
use crate::fork::{Mutex, PerProcess};
use crate::message::{clip, of_path};

use crate::space::{Genotype, GenotypeFormat, Space, SpaceKind};

/// Test accuracies of architectures of one space.
#[derive(Debug)]
pub struct Benchmark {
    path: PathBuf,
    kind: SpaceKind,
    space: Space,
    /// Native texts, in the order of the table.
    genotypes: Vec<String>,
    /// The index of each in `genotypes`.
    places: HashMap<String, usize>,
    storage: Storage,
}

/// Where the accuracies are.
#[derive(Debug)]
enum Storage {
    Table(table::Table),
    Nats {
        folder: nats::Folder,
        /// All accuracies, once a rank or the best has been asked for.
        all: OnceBox<Vec<nats::Accuracies>>,
        /// Held while these are read.
        reading: PerProcess<Mutex<()>>,
    },
}

impl Benchmark {
    /// Opens a table.
    ///
    /// A file is a table as text in UTF-8: CSV with tabs, commas or semicolons between the cells,
    /// which may be in double quotes. Blank lines and lines that begin with `#` do not count. The
    /// first line names the columns: `arch_string` (or `arch_str`, `arch`, `architecture`,
    /// `genotype`) that of the architectures, names of data sets (`cifar10`, `cifar100`,
    /// `ImageNet16-120`, `imagenet-1k`) those of the accuracies. Capitals and punctuation do not
    /// matter; `test`, `acc`, `accuracy` or `top1` may stand before or behind. Other columns are
    /// [ignored](Self::ignored_columns). Each other line has a genotype, in any form that
    /// [`Genotype::parse`] reads, and its accuracies in percent, an empty one where there is none.
    /// A fraction is refused: a value above 0 and up to 1 without a percent sign, unless guessing
    /// reaches that.
    ///
    /// A folder is NATS-Bench's topology files in their simple form. Only the list of architectures
    /// is kept; an accuracy reads the one file that has it. It is that of the test images (`ori-test`
    /// of CIFAR-10, `x-test` of the others) after 200 epochs, the mean of all trainings.
    ///
    /// Errors: [`Error::Io`]; [`Error::Format`] naming file and line or key;
    /// [`Error::OutOfMemory`].
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        let (kind, genotypes, storage) = if metadata.is_dir() {
            let (folder, genotypes) = nats::Folder::open(path)?;
            let (all, reading) = (OnceBox::new(), PerProcess::default());
            (SpaceKind::NasBench201, genotypes, Storage::Nats { folder, all, reading })
        } else {
            let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
            let mut table = table::read(path, bytes)?;
            (table.kind, std::mem::take(&mut table.genotypes), Storage::Table(table))
        };
        let space = kind.space();
        let mut places = HashMap::new();
        places
            .try_reserve(genotypes.len())
            .map_err(|_| Error::OutOfMemory(format!("{} architectures", genotypes.len())))?;
        for (i, text) in genotypes.iter().enumerate() {
            let fault = |what: String| Error::Format(format!("{}: {what}", of_path(path)));
            let native = Genotype::parse(&space, text)
                .map_err(|e| fault(format!("architecture {i}: {e}")))?
                .to_text(GenotypeFormat::Native);
            if let Some(before) = places.insert(native, i) {
                let both = match &storage {
                    Storage::Table(table) => {
                        format!("lines {} and {}", table.lines[before], table.lines[i])
                    }
                    Storage::Nats { .. } => format!("architectures {before} and {i}"),
                };
                return Err(fault(format!("{both} are both {}, expected each once", clip(text))));
            }
        }
        Ok(Benchmark { path: path.to_owned(), kind, space, genotypes, places, storage })
    }

    /// The space of its architectures.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Which space that is.
    pub fn kind(&self) -> SpaceKind {
        self.kind
    }

    /// Number of architectures.
    pub fn count(&self) -> usize {
        self.genotypes.len()
    }

    /// The data sets that it has accuracies for.
    pub fn datasets(&self) -> Vec<DatasetKind> {
        match &self.storage {
            Storage::Table(table) => table.columns.iter().map(|(kind, _)| *kind).collect(),
            Storage::Nats { .. } => nats::DATASETS.iter().map(|(kind, ..)| *kind).collect(),
        }
    }

    /// Names of the columns that were not read, since they are of no data set that is known.
    pub fn ignored_columns(&self) -> &[String] {
        match &self.storage {
            Storage::Table(table) => &table.ignored,
            Storage::Nats { .. } => &[],
        }
    }

    /// Architecture `index`, as native text.
    ///
    /// Errors: [`Error::NotFound`] if there is no such index.
    pub fn genotype(&self, index: usize) -> Result<&str> {
        self.genotypes.get(index).map(String::as_str).ok_or_else(|| {
            Error::NotFound(format!("index: found {index}, expected below {}", self.count()))
        })
    }

    /// The index of an architecture: of that one, not of an isomorphic one, which was trained by
    /// itself.
    ///
    /// Errors: [`Error::Format`] for a text that is no genotype of the space;
    /// [`Error::NotFound`] if the table does not have it.
    pub fn find(&self, genotype: &str) -> Result<usize> {
        let text = Genotype::parse(&self.space, genotype)?.to_text(GenotypeFormat::Native);
        self.places.get(&text).copied().ok_or_else(|| {
            Error::NotFound(format!("genotype: {} does not have {text}", of_path(&self.path)))
        })
    }

    /// Test accuracy of architecture `index` on a data set, in percent.
    ///
    /// Errors: [`Error::NotFound`] if there is no such index, or no accuracy on that data set;
    /// [`Error::Io`] and [`Error::Format`] of the file that has it.
    pub fn accuracy(&self, index: usize, dataset: DatasetKind) -> Result<f64> {
        let text = self.genotype(index)?;
        let column = self.column(dataset)?;
        let found = match &self.storage {
            Storage::Table(table) => table.columns[column].1[index],
            Storage::Nats { folder, .. } => {
                folder.accuracies(index, text)?.and_then(|found| found[column])
            }
        };
        found.ok_or_else(|| self.missing(index, dataset))
    }

    /// Place of architecture `index` among those with an accuracy on the data set: 1 is the best,
    /// equals share a place. With a NATS-Bench folder the first rank or best reads all its files.
    ///
    /// Errors: those of [`accuracy`](Self::accuracy).
    pub fn rank(&self, index: usize, dataset: DatasetKind) -> Result<usize> {
        let own = self.accuracy(index, dataset)?;
        let better = |v: &Option<f64>| v.is_some_and(|v| v > own);
        Ok(1 + self.all(dataset)?.iter().filter(|v| better(v)).count())
    }

    /// Index of the best architecture on a data set; the first of equals.
    ///
    /// Errors: [`Error::NotFound`] if it has no accuracy on that data set; otherwise those of
    /// [`accuracy`](Self::accuracy).
    pub fn best(&self, dataset: DatasetKind) -> Result<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (i, value) in self.all(dataset)?.into_iter().enumerate() {
            if let Some(value) = value
                && best.is_none_or(|(_, most)| value > most)
            {
                best = Some((i, value));
            }
        }
        best.map(|(i, _)| i).ok_or_else(|| {
            Error::NotFound(format!(
                "dataset: {} has no accuracy on {}",
                of_path(&self.path),
                dataset.name()
            ))
        })
    }

    fn missing(&self, index: usize, dataset: DatasetKind) -> Error {
        let why = match &self.storage {
            Storage::Nats { folder, .. } if !folder.has(index) => {
                format!(" (there is no file {index:06}.pickle.pbz2)")
            }
            _ => String::new(),
        };
        Error::NotFound(format!(
            "genotype: {} has no accuracy of {} on {}{why}",
            of_path(&self.path),
            self.genotypes[index],
            dataset.name()
        ))
    }

    /// The column of a data set.
    fn column(&self, dataset: DatasetKind) -> Result<usize> {
        let all = self.datasets();
        all.iter().position(|kind| *kind == dataset).ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|kind| kind.name()).collect();
            Error::NotFound(format!(
                "dataset: found {}, but {} has {}",
                dataset.name(),
                of_path(&self.path),
                names.join(", ")
            ))
        })
    }

    /// All accuracies on a data set.
    fn all(&self, dataset: DatasetKind) -> Result<Vec<Option<f64>>> {
        let column = self.column(dataset)?;
        match &self.storage {
            Storage::Table(table) => Ok(table.columns[column].1.clone()),
            Storage::Nats { folder, all, reading } => {
                let _one_reads = reading.lock();
                let values = all.get_or_try_init(|| {
                    let each = self.genotypes.iter().enumerate();
                    let read =
                        each.map(|(i, text)| Ok(folder.accuracies(i, text)?.unwrap_or_default()));
                    read.collect::<Result<Vec<_>>>().map(Box::new)
                })?;
                Ok(values.iter().map(|found| found[column]).collect())
            }
        }
    }
}
