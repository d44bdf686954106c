//! What each fuzz target does with its input, and tests/corpus.rs with every committed one: reads it
//! as a user's file or text, and checks what must hold of anything that is accepted. True if it was.

#![allow(dead_code, reason = "each target uses one of them")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use rawzip::{CompressionMethod, ZipArchiveWriter};
use serde_json::Value;
use tempfile::TempDir;
use tenas::onnx::Import;
use tenas::random::{Key, Purpose};
use tenas::{
    Benchmark, Config, Context, Dataset, DatasetKind, DeviceKind, Error, Genotype, GenotypeFormat,
    Network, Space, SpaceKind, Supernet,
};

const PUBLISHED: [DatasetKind; 4] =
    [DatasetKind::Cifar10, DatasetKind::Cifar100, DatasetKind::ImageNet16, DatasetKind::ImageNet];

/// What a refusal must be: a message for the user, never a bug's.
fn refused(error: &Error) -> bool {
    let text = error.to_string();
    assert!(!text.is_empty() && !matches!(error, Error::Internal(_)), "{error:?}");
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.len() < 4096, "a message of {} bytes: {text:.200}", text.len());
    false
}

fn choose<'a, T>(from: &'a [T], data: &'a [u8]) -> Option<(&'a T, &'a [u8])> {
    let (first, rest) = data.split_first()?;
    Some((&from[usize::from(*first) % from.len()], rest))
}

/// A folder of this process.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| TempDir::new().expect("a temporary folder")).path()
}

/// Nothing removes it at the end of a process.
pub(crate) fn remove_folder() {
    let _ = fs::remove_dir_all(folder());
}

/// Scores as they travel, as JSON of either strategy.
pub(crate) fn scores(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    match (tenas::scores_from_json(text), tenas::measurements_from_json(text)) {
        (Err(error), Err(other)) => refused(&error) || refused(&other),
        (scores, measurements) => {
            if let Ok(scores) = scores {
                let text = tenas::scores_to_json(&scores).expect("what was read is written");
                assert_eq!(tenas::scores_from_json(&text).expect("and read again"), scores);
            }
            if let Ok(found) = measurements {
                let text = tenas::measurements_to_json(&found).expect("what was read is written");
                assert_eq!(tenas::measurements_from_json(&text).expect("and read again"), found);
            }
            true
        }
    }
}

/// A genotype's text: the first byte chooses the space.
pub(crate) fn genotype(data: &[u8]) -> bool {
    let Some((kind, text)) = choose(&SpaceKind::ALL, data) else { return false };
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let space = kind.space();
    let found = match Genotype::parse(&space, text) {
        Ok(found) => found,
        Err(error) => return refused(&error),
    };
    for format in [GenotypeFormat::Native, GenotypeFormat::Json] {
        let text = found.to_text(format);
        let again = Genotype::parse(&space, &text).expect("what was written is read");
        assert_eq!(again.mask(), found.mask(), "{text}");
    }
    let operations: Option<Vec<usize>> =
        found.operations().and_then(|all| all.into_iter().collect());
    if let Some(Ok(again)) = operations.map(|all| Genotype::from_operations(&space, &all)) {
        assert!(again.is_isomorphic(&found));
    }
    if let Some(index) = found.index() {
        let again = Genotype::at(&space, index).expect("a number of the space");
        assert_eq!(again.mask(), found.mask());
    }
    true
}

/// Networks as ONNX files: what is accepted is written and read back, and has logits.
pub(crate) fn onnx(data: &[u8]) -> bool {
    let import = Import::default();
    let network = match Network::from_onnx_bytes(data, &import) {
        Ok(network) => network,
        Err(error) => return refused(&error),
    };
    let cost = network.cost();
    let image: usize = network.graph().input_shape().iter().product();
    let largest = network.graph().nodes.iter().map(|n| n.shape.iter().product::<usize>()).max();
    // What takes more than a moment is read alone.
    if cost.multiply_adds > 1 << 22 || largest > Some(1 << 20) || network.graph().nodes.len() > 512
    {
        return true;
    }
    if network.values().is_some() {
        let logits = network.logits(&vec![0.5; image]).expect("logits");
        assert_eq!(logits.len(), network.graph().classes());
        let path = folder().join("network.onnx");
        match network.write_onnx(&path) {
            Ok(()) => {
                let again = Network::from_onnx(&path, &import).expect("what was written is read");
                assert_eq!(again.cost().parameters, cost.parameters);
            }
            Err(error) => {
                refused(&error);
            }
        }
    }
    true
}

/// A space file: what is accepted is written and read back, its networks are built, and architectures
/// are drawn from it.
pub(crate) fn space(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let supernet = match Supernet::from_json(text) {
        Ok(supernet) => supernet,
        Err(error) => return refused(&error),
    };
    let space = &supernet.space;
    let again = Space::from_json(&space.to_json().to_string()).expect("what was written is read");
    assert_eq!(again, *space);
    let key = Key { seed: 1, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
    let mut stream = key.stream(0);
    for _ in 0..3 {
        let Ok(genotype) = Genotype::sample(space, &mut stream) else { continue };
        for format in [GenotypeFormat::Native, GenotypeFormat::Json] {
            let text = genotype.to_text(format);
            let again = Genotype::parse(space, &text).expect("what was written is read");
            assert!(again.is_isomorphic(&genotype), "{text}");
        }
        let _ = genotype.mutate(&mut stream);
        // Images that it may not take, and parts of one shape in the whole alone.
        let _ = supernet.ntk_network(genotype.mask(), [3, 7, 9], 2);
        let _ = supernet.thin_network(genotype.mask(), 2);
    }
    true
}

/// A configuration as JSON.
pub(crate) fn config(data: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Value>(data) else { return false };
    match Config::from_json(&json) {
        Ok(config) => {
            let json = config.to_json();
            assert_eq!(Config::from_json(&json).expect("what was written is read").to_json(), json);
            true
        }
        Err(error) => refused(&error),
    }
}

/// The images that the checkpoints of the corpus are of.
pub(crate) fn checkpoint_images() -> Dataset {
    let bytes: Vec<u8> =
        (0..8 * 192_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Dataset::from_images(&bytes, 8, [3, 8, 8], None, 4).expect("images")
}

/// A checkpoint: as it is, and then with the data set's digest and the checksum put right, so that
/// what they protect is reached.
pub(crate) fn checkpoint(data: &[u8]) -> bool {
    let dataset = checkpoint_images();
    let path = folder().join("checkpoint.json");
    let machine = {
        let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Custom);
        config.set_threads(1).expect("a thread");
        config.set_device(DeviceKind::Cpu, 0).expect("the native engine");
        config
    };
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a file");
        Context::load(&path, &dataset, Some(&machine))
    };
    let mut loaded = load(data);
    if let Err(Error::Format(_) | Error::InvalidArgument(_)) = &loaded
        && let Ok(mut json) = serde_json::from_slice::<Value>(data)
    {
        if let Some(digest) = json.pointer_mut("/dataset/digest") {
            *digest = dataset.digest().expect("a digest").into();
        }
        // The message says what the checksum should be.
        if let Err(Error::Format(text)) = load(json.to_string().as_bytes())
            && let Some((_, right)) = text.split_once("checksum: found ")
            && let Some((_, right)) = right.split_once(", expected ")
            && let Some(Ok(right)) = right.split(':').next().map(str::parse::<u64>)
        {
            json["checksum"] = right.into();
        }
        loaded = load(json.to_string().as_bytes());
    }
    let search = match loaded {
        Ok(search) => search,
        Err(error) => return refused(&error),
    };
    let again = folder().join("again.json");
    search.save(&again).expect("a file");
    let again = Context::load(&again, &dataset, Some(&machine)).expect("what was written is read");
    assert_eq!(again.mask(), search.mask());
    assert_eq!(again.records_json(), search.records_json());
    assert_eq!(again.candidates(), search.candidates());
    assert_eq!(search.is_finished(), search.genotype().is_ok());
    true
}

/// Reads all of a data set.
fn read_all(kind: DatasetKind, path: &Path) -> bool {
    let dataset = match Dataset::open(kind, path) {
        Ok(dataset) => dataset,
        Err(error) => return refused(&error),
    };
    let facts = kind.published().expect("a published one");
    assert_eq!((dataset.shape(), dataset.classes()), (facts.shape, facts.classes));
    let mut image = vec![0; dataset.shape().iter().product()];
    for index in 0..dataset.count() {
        if let Err(error) = dataset.read(index, &mut image) {
            return refused(&error);
        }
    }
    dataset.digest().expect("a digest");
    true
}

/// A data set in one file, of the layout that its content shows: .npy, .npz, safetensors, a tar
/// archive, a binary batch, a pickled one, compressed or not. The first byte chooses the data set.
pub(crate) fn images(data: &[u8]) -> bool {
    let Some((kind, data)) = choose(&PUBLISHED, data) else { return false };
    let path = folder().join("images");
    fs::write(&path, data).expect("a file");
    read_all(*kind, &path)
}

/// What checksums keep a fuzzer from: a tar archive inside gzip, the arrays inside a .npz, a folder
/// of batches. The first byte chooses the data set, the second what the rest is.
pub(crate) fn archive(data: &[u8]) -> bool {
    let Some((kind, data)) = choose(&PUBLISHED, data) else { return false };
    let Some((layout, data)) = choose(&["tar", "stored", "deflated", "folder"], data) else {
        return false;
    };
    let path = folder().join("archive");
    match *layout {
        "tar" => {
            let file = fs::File::create(&path).expect("a file");
            let level = flate2::Compression::new(1);
            let mut encoder = flate2::write::GzEncoder::new(file, level);
            encoder.write_all(data).expect("a file");
            encoder.finish().expect("a file");
        }
        "folder" => {
            // The beginning of a batch's name, its length in front; the file.
            let Some((length, data)) = data.split_first() else { return false };
            let Some((name, data)) = data.split_at_checked((*length).into()) else { return false };
            let name: String =
                name.iter().map(|b| char::from(*b)).filter(|c| *c > ' ' && *c != '/').collect();
            let path = tempfile::tempdir_in(folder()).expect("a folder");
            if name.is_empty()
                || name.starts_with('.')
                || fs::write(path.path().join(&name), data).is_err()
            {
                return false;
            }
            return read_all(*kind, path.path());
        }
        _ => {
            // The length of the images' array, then both arrays.
            let Some((length, data)) = data.split_first_chunk::<2>() else { return false };
            let length = usize::from(u16::from_le_bytes(*length)).min(data.len());
            let (images, labels) = data.split_at(length);
            let method = if *layout == "stored" {
                CompressionMethod::STORE
            } else {
                CompressionMethod::DEFLATE
            };
            let mut zip = ZipArchiveWriter::new(fs::File::create(&path).expect("a file"));
            for (name, array) in [("images.npy", images), ("labels.npy", labels)] {
                if !array.is_empty() {
                    add(&mut zip, name, array, method);
                }
            }
            zip.finish().expect("a file");
        }
    }
    read_all(*kind, &path)
}

fn add(
    zip: &mut ZipArchiveWriter<fs::File>,
    name: &str,
    content: &[u8],
    method: CompressionMethod,
) {
    let (mut entry, config) =
        zip.new_file(name).compression_method(method).start().expect("an entry");
    let output = if method == CompressionMethod::STORE {
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content).expect("an entry");
        writer.finish().expect("an entry").1
    } else {
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::new(1));
        let mut writer = config.wrap(encoder);
        writer.write_all(content).expect("an entry");
        let (encoder, output) = writer.finish().expect("an entry");
        encoder.finish().expect("an entry");
        output
    };
    entry.finish(output).expect("an entry");
}

/// A JPEG file in a folder of them.
pub(crate) fn jpeg(data: &[u8]) -> bool {
    let root = folder().join("jpeg");
    fs::create_dir_all(root.join("train/class")).expect("a folder");
    fs::write(root.join("train/class/image.JPEG"), data).expect("a file");
    read_all(DatasetKind::ImageNet, &root)
}

/// Accuracies of architectures. The first byte chooses: a table as text; NATS-Bench's list of
/// architectures, or one's results, as pickles that are compressed here; the list's file as it is.
pub(crate) fn benchmark(data: &[u8]) -> bool {
    const ARCHITECTURE: &str = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    let Some((layout, data)) = choose(&["table", "list", "results", "file"], data) else {
        return false;
    };
    let nats = folder().join("nats");
    fs::create_dir_all(&nats).expect("a folder");
    let (list, results) = (nats.join("meta.pickle.pbz2"), nats.join("000000.pickle.pbz2"));
    let _ = fs::remove_file(&results);
    let packed = |path: &Path, data: &[u8]| {
        let file = fs::File::create(path).expect("a file");
        let mut encoder = bzip2::write::BzEncoder::new(file, bzip2::Compression::fast());
        encoder.write_all(data).expect("a file");
        encoder.finish().expect("a file");
    };
    let path = match *layout {
        "table" => {
            let path = folder().join("table.tsv");
            fs::write(&path, data).expect("a file");
            path
        }
        "list" => {
            packed(&list, data);
            nats
        }
        "file" => {
            fs::write(&list, data).expect("a file");
            nats
        }
        _ => {
            let mut pickle = b"\x80\x02}X\x0a\0\0\0meta_archs]X".to_vec();
            pickle.extend((ARCHITECTURE.len() as u32).to_le_bytes());
            pickle.extend(ARCHITECTURE.as_bytes());
            pickle.extend(b"as.");
            packed(&list, &pickle);
            packed(&results, data);
            nats
        }
    };
    let found = match Benchmark::open(&path) {
        Ok(found) => found,
        Err(error) => return refused(&error),
    };
    for dataset in found.datasets() {
        for index in 0..found.count() {
            match found.accuracy(index, dataset) {
                Ok(accuracy) => {
                    assert!((0.0..=100.0).contains(&accuracy), "{accuracy}");
                    let rank = found.rank(index, dataset).expect("a rank");
                    assert!((1..=found.count()).contains(&rank));
                }
                Err(Error::NotFound(_)) => {}
                Err(error) => return refused(&error),
            }
        }
        if let Ok(best) = found.best(dataset) {
            assert_eq!(found.rank(best, dataset).expect("a rank"), 1);
        }
    }
    for index in 0..found.count() {
        assert_eq!(found.find(found.genotype(index).expect("a text")).expect("itself"), index);
    }
    true
}
