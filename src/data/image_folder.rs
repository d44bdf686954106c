//! A folder of JPEG files, a folder a class, read as images are asked for.
//!
//! Names are listed once, sorted by their bytes; those that begin with a dot or are not UTF-8 are
//! passed over. An image is decoded and resized when a batch needs it, on as many threads as there
//! are cores. Resized images stay in a cache of at most [`CACHE_BYTES`]. What is read depends neither
//! on the cache nor on the number of threads.
//!
//! A file that is no JPEG that can be decoded is broken: it is counted, and a batch has another image
//! in its place (see [`Dataset`](super::Dataset)). A file that the system refuses to read is an
//! error.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::files::broken;
use super::jpeg;
use super::resize::resize;
use super::{Published, Source};
use crate::digest::Digest;
use crate::error::{Error, Result, room_for, try_vec};
use crate::fork::{Mutex, PerProcess};
use crate::message::of_path;

/// Memory of the resized images that are kept.
const CACHE_BYTES: usize = 256 << 20;
/// A file above this is broken. ImageNet's largest has 16 MB.
const MOST_FILE_BYTES: u64 = 64 << 20;
/// Each thread has a decoded image in memory.
const MOST_THREADS: usize = 16;

pub(super) struct ImageFolder {
    classes: Vec<Class>,
    /// All file names in one text.
    names: String,
    /// Where each name ends in `names`.
    ends: Vec<usize>,
    shape: [usize; 3],
    state: PerProcess<Mutex<State>>,
    /// Held while a large image is decoded.
    large: PerProcess<Mutex<()>>,
}

struct Class {
    folder: PathBuf,
    /// Number of its first image.
    first: usize,
}

#[derive(Default)]
struct State {
    /// Resized images, the oldest replaced first.
    images: Vec<u8>,
    /// The image in each place of `images`, and the place of each image.
    owners: Vec<usize>,
    places: HashMap<usize, usize>,
    next: usize,
    broken: HashSet<usize>,
}

/// A resized image, or what is wrong with its file.
type Decoded = Result<std::result::Result<Vec<u8>, String>>;

impl ImageFolder {
    /// Lists the images of `folder`/train, or else of `folder`: `<class>/*.JPEG`.
    pub(super) fn open(facts: &Published, folder: &Path) -> Result<Self> {
        let train = folder.join("train");
        let root = if train.is_dir() { train } else { folder.to_owned() };
        let mut folders = Vec::new();
        for_each_name(&root, |name, entry| {
            // Links to folders are followed.
            let is_folder =
                || entry.file_type().is_ok_and(|t| !t.is_file()) && root.join(name).is_dir();
            if !name.starts_with('.') && is_folder() {
                folders.push(name.to_owned());
            }
            Ok(())
        })?;
        folders.sort_unstable();
        if folders.len() > facts.classes {
            return Err(broken(
                &root,
                format_args!(
                    "found {} folders, expected at most {}, one a class",
                    folders.len(),
                    facts.classes
                ),
            ));
        }
        let mut list = ImageFolder {
            classes: Vec::with_capacity(folders.len()),
            names: String::new(),
            ends: Vec::new(),
            shape: facts.shape,
            state: PerProcess::default(),
            large: PerProcess::default(),
        };
        for name in folders {
            list.add_class(root.join(name))?;
        }
        if list.ends.is_empty() {
            return Err(broken(
                &root,
                "found no images, expected a folder a class with .JPEG files in it \
                 (train/<class>/*.JPEG)",
            ));
        }
        Ok(list)
    }

    fn add_class(&mut self, folder: PathBuf) -> Result<()> {
        let mut names = Vec::new();
        for_each_name(&folder, |name, entry| {
            let extension = Path::new(name).extension().and_then(|e| e.to_str());
            let is_jpeg = extension
                .is_some_and(|e| ["jpeg", "jpg"].iter().any(|j| e.eq_ignore_ascii_case(j)));
            let is_file = || match entry.file_type() {
                Ok(t) if t.is_file() => true,
                // Links to files are followed.
                Ok(t) if t.is_dir() => false,
                _ => folder.join(name).is_file(),
            };
            if is_jpeg && !name.starts_with('.') && is_file() {
                // A name's own memory cannot be refused: see now and then that there is some left.
                if names.len() % 4096 == 0 {
                    room_for(0, || format!("{}: its files' names", of_path(&folder)))?;
                }
                names.push(name.to_owned());
            }
            Ok(())
        })?;
        names.sort_unstable();
        let bytes = names.iter().map(String::len).sum();
        let room = self.names.try_reserve(bytes).and_then(|()| self.ends.try_reserve(names.len()));
        room.map_err(|_| Error::OutOfMemory(format!("{}: its files' names", of_path(&folder))))?;
        self.classes.push(Class { folder, first: self.ends.len() });
        for name in names {
            self.names.push_str(&name);
            self.ends.push(self.names.len());
        }
        Ok(())
    }

    fn name(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start..self.ends[index]]
    }

    fn path(&self, index: usize) -> PathBuf {
        // Empty classes begin at the same index as the class after them, which has the image.
        let class = self.classes.partition_point(|class| class.first <= index) - 1;
        self.classes[class].folder.join(self.name(index))
    }

    fn decode(&self, index: usize) -> Decoded {
        let path = self.path(index);
        let size = fs::metadata(&path).map_err(|error| Error::io(&path, error))?.len();
        if size > MOST_FILE_BYTES {
            return Ok(Err(format!("found {size} bytes, expected at most {MOST_FILE_BYTES}")));
        }
        let file = fs::read(&path).map_err(|error| Error::io(&path, error))?;
        let decoded = jpeg::decode(&file, &self.large)?;
        drop(file);
        let len = self.shape.iter().product::<usize>();
        Ok(match decoded {
            Ok(rgb) => {
                let mut image = try_vec(0, len, "a resized image")?;
                resize(&rgb.bytes, rgb.height, rgb.width, self.shape[1], &mut image);
                Ok(image)
            }
            Err(problem) => Err(problem),
        })
    }

    /// Decodes images on as many threads as are worth it; the results in order.
    fn decode_all(&self, indices: &[usize]) -> Vec<Decoded> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(MOST_THREADS).min(indices.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(&index) = indices.get(i) else { return done };
                done.push((i, self.decode(index)));
            }
        };
        let mut done = thread::scope(|scope| {
            // Where a thread cannot be had, the others do its work.
            let spawn = |i| {
                thread::Builder::new().name(format!("tenas-jpeg-{i}")).spawn_scoped(scope, work)
            };
            let helpers: Vec<_> = (1..threads).map_while(|i| spawn(i).ok()).collect();
            let mut done = work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => done.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            done
        });
        done.sort_unstable_by_key(|(i, _)| *i);
        done.into_iter().map(|(_, decoded)| decoded).collect()
    }
}

/// Calls `f` for everything in a folder whose name is UTF-8.
fn for_each_name(
    folder: &Path,
    mut f: impl FnMut(&str, &fs::DirEntry) -> Result<()>,
) -> Result<()> {
    let io = |error| Error::io(folder, error);
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if let Some(name) = entry.file_name().to_str() {
            f(name, &entry)?;
        }
    }
    Ok(())
}

impl State {
    fn get(&self, index: usize, len: usize) -> Option<&[u8]> {
        let place = *self.places.get(&index)?;
        Some(&self.images[place * len..][..len])
    }

    /// Keeps an image, if there is memory for it.
    fn keep(&mut self, index: usize, image: &[u8]) {
        let most = (CACHE_BYTES / image.len()).max(1);
        if self.places.contains_key(&index) {
            return;
        }
        if self.owners.len() < most {
            // Not in one piece: few images are read of a small folder.
            if self.images.try_reserve(image.len()).is_err() {
                return;
            }
            self.images.extend_from_slice(image);
            self.places.insert(index, self.owners.len());
            self.owners.push(index);
        } else {
            let place = self.next;
            self.next = (place + 1) % most;
            self.images[place * image.len()..][..image.len()].copy_from_slice(image);
            let before = std::mem::replace(&mut self.owners[place], index);
            self.places.remove(&before);
            self.places.insert(index, place);
        }
    }
}

impl Source for ImageFolder {
    fn count(&self) -> usize {
        self.ends.len()
    }

    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn read(&self, index: usize, image: &mut [u8]) -> Result<()> {
        if self.read_many(&[index], image)?.is_empty() {
            return Ok(());
        }
        let problem = self.decode(index)?.err();
        Err(broken(&self.path(index), problem.unwrap_or_else(|| "found a broken JPEG".to_owned())))
    }

    fn read_many(&self, indices: &[usize], images: &mut [u8]) -> Result<Vec<usize>> {
        let len = self.shape.iter().product::<usize>();
        let mut broken = Vec::new();
        // Places in `indices`, and images, that must be decoded.
        let (mut places, mut missing) = (Vec::new(), Vec::new());
        let state = self.state.lock();
        for (place, (&index, image)) in indices.iter().zip(images.chunks_exact_mut(len)).enumerate()
        {
            if let Some(kept) = state.get(index, len) {
                image.copy_from_slice(kept);
            } else if state.broken.contains(&index) {
                broken.push(place);
            } else {
                places.push(place);
                missing.push(index);
            }
        }
        drop(state);
        let decoded = self.decode_all(&missing);
        let mut state = self.state.lock();
        for ((place, index), decoded) in places.into_iter().zip(missing).zip(decoded) {
            match decoded? {
                Ok(image) => {
                    images[place * len..][..len].copy_from_slice(&image);
                    state.keep(index, &image);
                }
                Err(_) => {
                    state.broken.insert(index);
                    broken.push(place);
                }
            }
        }
        broken.sort_unstable();
        Ok(broken)
    }

    fn broken(&self) -> usize {
        self.state.lock().broken.len()
    }

    fn digest(&self) -> Result<u64> {
        let mut digest = Digest::new();
        for index in 0..self.count() {
            let path = self.path(index);
            let class = path.parent().and_then(Path::file_name).unwrap_or_default();
            digest.bytes(class.as_encoded_bytes());
            digest.bytes(b"/");
            digest.bytes(self.name(index).as_bytes());
            digest.bytes(b"\0");
            digest.number(fs::metadata(&path).map_err(|error| Error::io(&path, error))?.len());
        }
        Ok(digest.value())
    }
}

impl fmt::Debug for ImageFolder {
    /// Without the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFolder")
            .field("classes", &self.classes.len())
            .field("count", &self.ends.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_replaces_its_oldest_image() {
        // Images of a third of the cache.
        let len = CACHE_BYTES / 3;
        let mut state = State::default();
        for index in 0..4 {
            state.keep(index, &vec![index as u8; len]);
        }
        assert!(state.get(0, len).is_none());
        for index in 1..4 {
            assert_eq!(state.get(index, len).unwrap()[len - 1], index as u8);
        }
        assert_eq!(state.images.len(), 3 * len);
    }

    #[test]
    fn hidden_folders_are_no_classes() {
        let root = std::env::temp_dir().join(format!("tenas-hidden-{}", std::process::id()));
        let name = |class: &str| root.join("train").join(class).join("1.JPEG");
        for class in ["b", ".checkpoints", "a"] {
            fs::create_dir_all(name(class).parent().unwrap()).unwrap();
            fs::write(name(class), b"").unwrap();
        }
        let facts = crate::data::DatasetKind::ImageNet.published().unwrap();
        let list = ImageFolder::open(facts, &root);
        fs::remove_dir_all(&root).unwrap();
        let list = list.unwrap();
        let paths: Vec<PathBuf> = (0..list.count()).map(|i| list.path(i)).collect();
        assert_eq!(paths, [name("a"), name("b")]);
    }
}
