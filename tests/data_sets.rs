//! Published layouts on disk, as Python's own pickle, NumPy and Pillow write them: every pixel, and
//! every kind of bad file. `scripts/setup-python.sh` installs what writes them.

#[path = "common/messages.rs"]
mod messages;

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use messages::assert_safe;
use tenas::random::{Key, Purpose};
use tenas::{Dataset, DatasetKind, Error, Result};

const KINDS: [DatasetKind; 4] =
    [DatasetKind::Cifar10, DatasetKind::Cifar100, DatasetKind::ImageNet16, DatasetKind::ImageNet];

/// A data set in every layout: the folder, and what to open in it.
struct Layouts {
    folder: PathBuf,
    paths: Vec<PathBuf>,
    expected: Vec<u8>,
}

fn write_layouts(test: &str, name: &str, images: usize) -> Layouts {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("data-sets-{test}-{name}"));
    let _ = fs::remove_dir_all(&folder);
    let output = Command::new("python3")
        .arg(root.join("tests/python/data_sets.py"))
        .args([&folder, Path::new(name), Path::new(&images.to_string())])
        .env("PYTHONPATH", root.join(".cache/python"))
        .output()
        .unwrap_or_else(|error| panic!("this test needs python3: {error}"));
    assert!(
        output.status.success(),
        "this test needs NumPy and Pillow: run scripts/setup-python.sh\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let paths = String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect();
    let expected = fs::read(folder.join("expected.bin")).unwrap();
    Layouts { folder, paths, expected }
}

fn image(dataset: &Dataset, index: usize) -> Vec<u8> {
    let mut bytes = vec![0; dataset.shape().iter().product()];
    dataset.read(index, &mut bytes).unwrap();
    bytes
}

fn all_images(dataset: &Dataset) -> Vec<u8> {
    (0..dataset.count()).flat_map(|i| image(dataset, i)).collect()
}

/// The message of a `Format`, which names the file and has all parts.
#[track_caller]
fn assert_refused(kind: DatasetKind, path: &Path, parts: &[&str]) {
    match Dataset::open(kind, path) {
        Err(Error::Format(text)) => {
            assert_safe(&text);
            for part in [path.to_str().unwrap()].iter().chain(parts) {
                assert!(text.contains(part), "{text:?} does not contain {part:?}");
            }
        }
        other => panic!("{}: expected Format, found {other:?}", path.display()),
    }
}

#[test]
fn every_layout_is_read_pixel_for_pixel() {
    for kind in [DatasetKind::Cifar10, DatasetKind::Cifar100, DatasetKind::ImageNet16] {
        let layouts = write_layouts("pixels", kind.name(), 60);
        assert!(layouts.paths.len() >= 5, "{:?}", layouts.paths);
        let mut digests = HashSet::new();
        for path in &layouts.paths {
            let dataset = Dataset::open(kind, path).unwrap();
            assert_eq!(dataset.shape(), kind.published().unwrap().shape);
            assert_eq!(dataset.classes(), kind.published().unwrap().classes);
            assert_eq!(dataset.kind(), kind);
            assert_eq!(dataset.skipped(), 0);
            assert!(all_images(&dataset) == layouts.expected, "{}", path.display());
            assert!(dataset.origin().ends_with(path.to_str().unwrap()), "{}", dataset.origin());
            digests.insert(dataset.digest().unwrap());
        }
        assert_eq!(digests.len(), 1, "the same images in every layout");
        // The folder that holds the published one.
        let (parent, published) = (&layouts.folder, &layouts.paths[0]);
        let dataset = Dataset::open(kind, parent).unwrap();
        assert!(dataset.origin().ends_with(parent.to_str().unwrap()));
        assert_eq!(dataset.count(), Dataset::open(kind, published).unwrap().count());
    }
}

#[test]
fn jpeg_files_are_decoded_and_resized_as_pillow_does() {
    let layouts = write_layouts("jpeg", "imagenet-1k", 48);
    let len = 3 * 32 * 32;
    assert_eq!(layouts.expected.len(), 48 * len);
    for path in &layouts.paths {
        let dataset = Dataset::open(DatasetKind::ImageNet, path).unwrap();
        assert_eq!((dataset.count(), dataset.shape()), (48, [3, 32, 32]));
        assert_eq!(dataset.classes(), 1000);
        let found = all_images(&dataset);
        if !path.join("n00000000").is_dir() && !path.join("train").is_dir() {
            assert!(found == layouts.expected, "{}", path.display());
            continue;
        }
        // Decoders differ in rounding and, where colour is subsampled, in how it is interpolated;
        // what is larger than 32 pixels averages that out. Resizing itself is exact.
        let mut worst = [0; 8];
        for (i, (found, expected)) in
            found.chunks(len).zip(layouts.expected.chunks(len)).enumerate()
        {
            let far = found.iter().zip(expected).map(|(f, e)| f.abs_diff(*e)).max().unwrap();
            worst[i % 8] = worst[i % 8].max(far);
        }
        let kinds = ["4:4:4", "4:2:0", "4:2:2", "progressive", "grey", "CMYK", "small", "tall"];
        println!(
            "largest difference from Pillow: {:?}",
            kinds.iter().zip(worst).collect::<Vec<_>>()
        );
        for (kind, worst) in kinds.iter().zip(worst) {
            let most = if ["4:2:0", "4:2:2", "small"].contains(kind) { 2 } else { 1 };
            assert!(worst <= most, "{kind}: differs by {worst}");
        }
        assert_eq!(dataset.skipped(), 0);
    }
}

#[test]
fn files_cut_short_are_refused() {
    for (kind, files) in [
        (
            DatasetKind::Cifar10,
            &[
                "cifar-10-batches-py/data_batch_1",
                "cifar-10-batches-py/data_batch_2",
                "python.tar.gz",
                "binary.tar.gz",
                "binary.appended.tar.gz",
                "binary.tar",
                "python.tar.bz2",
                "python.tar.xz",
                "protocol0",
                "scalars.gz",
                "julia.npz",
                "images.npy",
                "stored.npz",
                "deflated.npz",
                "images.safetensors",
            ][..],
        ),
        (DatasetKind::ImageNet16, &["ImageNet16/train_data_batch_3", "ImageNet16.tar.gz"]),
    ] {
        let layouts = write_layouts("cut", kind.name(), 20);
        for file in files {
            let path = layouts.folder.join(file);
            let whole = fs::read(&path).unwrap();
            let cuts =
                [12, 60, whole.len() / 3, whole.len() / 2, whole.len() - 20, whole.len() - 1];
            for cut in cuts {
                fs::write(&path, &whole[..cut]).unwrap();
                let result = Dataset::open(kind, &path);
                assert_safe(&result.as_ref().unwrap_err().to_string());
                assert!(
                    matches!(&result, Err(Error::Format(text)) if text.contains(file)),
                    "{file} cut to {cut} of {} bytes: {result:?}",
                    whole.len()
                );
            }
            fs::write(&path, &whole).unwrap();
        }
    }
}

/// Runs Python with NumPy in a folder.
fn python(folder: &Path, program: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3")
        .args(["-c", &format!("import numpy, pickle, tarfile, io\n{program}")])
        .env("PYTHONPATH", root.join(".cache/python"))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "this test needs NumPy: run scripts/setup-python.sh\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn wrong_contents_are_refused_by_name() {
    let layouts = write_layouts("wrong", "cifar10", 10);
    let folder = layouts.folder.as_path();
    let (c10, c100, i16) = (DatasetKind::Cifar10, DatasetKind::Cifar100, DatasetKind::ImageNet16);
    python(
        folder,
        r#"
def dump(name, value, protocol=4):
    pickle.dump(value, open(name, 'wb'), protocol)
data = numpy.zeros((2, 3072), numpy.uint8)
dump('label', {'data': data, 'labels': [0, 10]})
dump('negative', {'data': data, 'labels': [0, -1]})
dump('base', {'data': data[:, :768], 'labels': [1, 0]})
dump('base1000', {'data': data[:, :768], 'labels': [1, 1001]})
dump('none_kept', {'data': data[:, :768], 'labels': [121, 1000]})
dump('fine', {'data': data, 'fine_labels': [0, 100], 'coarse_labels': [0, 0]})
dump('few', {'data': data, 'labels': [0]})
dump('no_data', {'labels': [0]})
dump('no_labels', {'data': data})
dump('no_dict', [1, 2])
dump('text_labels', {'data': data, 'labels': ['cat', 'dog']})
dump('no_array', {'data': [1, 2], 'labels': [0]})
dump('floats', {'data': data.astype('f4'), 'labels': [0, 0]})
dump('shape', {'data': data[:, :3071].copy(), 'labels': [0, 0]})
dump('ambiguous', {'data': numpy.asfortranarray(numpy.zeros((3072, 3072), 'u1')), 'labels': [0] * 3072})
dump('meta', {'label_names': ['a'], 'num_vis': 3072}, 2)
dump('protocol0', {'data': data, 'labels': [0, 0]}, 0)
numpy.save('nhwc.npy', numpy.zeros((2, 32, 32, 3), numpy.uint8))
numpy.save('floats.npy', numpy.zeros((2, 3, 32, 32), numpy.float32))
numpy.save('empty.npy', numpy.zeros((0, 3, 32, 32), numpy.uint8))
numpy.save('hwcn.npy', numpy.zeros((32, 32, 3, 2), numpy.uint8))
numpy.save('fields.npy', numpy.zeros(2, [('image', 'u1', 3072)]))
numpy.savez('float_labels.npz', images=data, labels=numpy.array([1.0, 2.0]))
numpy.savez('labels_off.npz', data=data, labels=numpy.array([0, 1000]))
numpy.savez('base.npz', images=data[:, :768], labels=numpy.array([0, 999]))
import gzip, zipfile
def compressed(name, content):
    open(name, 'wb').write(gzip.compress(content))
compressed('text.gz', b'hello, world')
compressed('npy.gz', open('nhwc.npy', 'rb').read())
compressed('html.tar.gz', b'<html>404</html>')
with zipfile.ZipFile('folder.zip', 'w') as z:
    z.writestr('cifar/data_batch_1.bin', b'x')
with zipfile.ZipFile('model.pt', 'w') as z:
    z.writestr('model/data.pkl', b'x')
def file(name, content):
    open(name, 'wb').write(content)
file('train.parquet', b'PAR1' + bytes(200))
file('cifar10.h5', b'\x89HDF\r\n\x1a\n' + bytes(300))
file('train.mat', b'MATLAB 5.0 MAT-file, Platform: GLNXA64'.ljust(600))
file('train-images-idx3-ubyte', bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(4 * 784))
file('page.tar.gz', b'<!DOCTYPE html><html>404</html>')
file('pointer.tar.gz', b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n')
file('images.zst', b'\x28\xb5\x2f\xfd' + bytes(100))
file('image.png', b'\x89PNG\r\n\x1a\n' + bytes(100))
def tar(name, *members):
    with tarfile.open(name, 'w:gz') as tar:
        for kind, member, link in members:
            info = tarfile.TarInfo(member); info.type = kind; info.linkname = link
            info.size = 3073 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(bytes(3073)))
tar('symbolic.tar.gz', (tarfile.SYMTYPE, 'data_batch_1.bin', 'elsewhere'))
tar('no_target.tar.gz', (tarfile.LNKTYPE, 'data_batch_1.bin', 'blobs/12'))
tar('fifo.tar.gz', (tarfile.FIFOTYPE, 'data_batch_1.bin', ''))
tar('twice.tar.gz', *[(tarfile.REGTYPE, './data_batch_1.bin', ''), (tarfile.REGTYPE, 'data_batch_1.bin', '')])
tar('formats.tar.gz', *[(tarfile.REGTYPE, 'data_batch_1.bin', ''), (tarfile.LNKTYPE, 'data_batch_2', 'data_batch_1.bin')])
numpy.save('object.npy', numpy.array([None, {}]), allow_pickle=True)
numpy.savez('names.npz', left=data, right=data)
numpy.savez('labels.npz', images=data, labels=numpy.array([3, 10]))
numpy.savez('label_count.npz', images=data, labels=numpy.array([3]))
with tarfile.open('strange.tar.gz', 'w:gz') as tar:
    info = tarfile.TarInfo('else/readme'); info.size = 1
    tar.addfile(info, io.BytesIO(b'x'))
with tarfile.open('label.tar.gz', 'w:gz') as tar:
    info = tarfile.TarInfo('cifar-10-batches-bin/data_batch_1.bin'); info.size = 3073
    tar.addfile(info, io.BytesIO(b'\x0b' + bytes(3072)))
with tarfile.open('size.tar.gz', 'w:gz') as tar:
    info = tarfile.TarInfo('cifar-10-batches-bin/data_batch_1.bin'); info.size = 3000
    tar.addfile(info, io.BytesIO(bytes(3000)))
"#,
    );
    let cases: &[(DatasetKind, &str, &[&str])] = &[
        (c10, "label", &["key 'labels'", "label 10 of image 1", "0 to 9"]),
        (c10, "negative", &["label -1 of image 1"]),
        (i16, "base", &["label 0 of image 1", "1 to 1000"]),
        (i16, "base1000", &["label 1001 of image 1"]),
        (i16, "none_kept", &["no images of ImageNet16-120"]),
        (c100, "fine", &["key 'fine_labels'", "label 100 of image 1", "0 to 99"]),
        (c100, "label", &["without the key 'fine_labels'"]),
        (c10, "few", &["1 labels, expected 2"]),
        (c10, "no_data", &["without the key 'data'", "cifar10"]),
        (c10, "no_labels", &["without the key 'labels'"]),
        (c10, "no_dict", &["without the key 'data'"]),
        (c10, "text_labels", &["key 'labels'", "expected a list of integers"]),
        (c10, "no_array", &["key 'data'", "expected a NumPy array"]),
        (c10, "floats", &["key 'data'", "type f4", "expected N x 3 x 32 x 32 bytes"]),
        (c10, "shape", &["key 'data'", "found 2 x 3071"]),
        (c10, "ambiguous", &["key 'data'", "found 3072 x 3072, which can be read in 2 ways"]),
        (c10, "meta", &["without the key 'data' (it has label_names, num_vis)"]),
        (i16, "protocol0", &["found 2 x 3072", "N x 3 x 16 x 16"]),
        (i16, "label", &["found 2 x 3072", "N x 3 x 16 x 16"]),
        (c10, "hwcn.npy", &["found 32 x 32 x 3 x 2", "N x 3 x 32 x 32", "transpose(3, 2, 0, 1)"]),
        (c10, "floats.npy", &["type f4"]),
        (c10, "empty.npy", &["found no images"]),
        (c10, "fields.npy", &["unreadable 'descr'"]),
        (c10, "object.npy", &["type O"]),
        (i16, "nhwc.npy", &["N x 3 x 16 x 16"]),
        (c10, "names.npz", &["found the arrays left, right, expected images or data"]),
        (c10, "labels.npz", &["array labels: found label 10 of image 1, expected 0 to 9"]),
        (c10, "label_count.npz", &["array labels", "expected 2 integers"]),
        (c10, "strange.tar.gz", &["found none of data_batch_*.bin, data_batch_*"]),
        (c10, "label.tar.gz", &["data_batch_1.bin", "label 11 in record 0 at offset 0"]),
        (c10, "size.tar.gz", &["data_batch_1.bin", "found 3000 bytes", "3073"]),
        (c100, "cifar-10-batches-bin", &["found none of train.bin, train"]),
        (i16, "cifar-10-batches-bin", &["found none of train_data_batch_*"]),
        (c10, "float_labels.npz", &["array labels", "type f8", "expected 2 integers"]),
        (DatasetKind::ImageNet, "labels_off.npz", &["label 0 of image 0", "1 to 1000"]),
        (i16, "base.npz", &["label 0 of image 0", "add 1 to all"]),
        (c10, "text.gz", &["found text inside of a gzip file"]),
        (c10, "npy.gz", &["found a NumPy array (.npy) inside of a gzip file", "unpack"]),
        (c10, "html.tar.gz", &["found an HTML or XML page inside of a gzip file"]),
        (c10, "folder.zip", &["found the arrays cifar/data_batch_1.bin", "unpack the archive"]),
        (c10, "model.pt", &["found a PyTorch file", "numpy.savez"]),
        (c10, "train.parquet", &["found a Parquet file", "numpy.save"]),
        (c100, "cifar10.h5", &["found an HDF5 file", "numpy.save"]),
        (i16, "train.mat", &["found a MATLAB file", "numpy.save"]),
        (c10, "train-images-idx3-ubyte", &["found an IDX file", "expected cifar10"]),
        (c10, "page.tar.gz", &["found an HTML or XML page", "fetch the file again"]),
        (c10, "pointer.tar.gz", &["found a Git LFS pointer", "git lfs pull"]),
        (DatasetKind::ImageNet, "images.zst", &["found a Zstandard file", "unpack"]),
        (DatasetKind::ImageNet, "image.png", &["found a PNG image"]),
        (c10, "symbolic.tar.gz", &["data_batch_1.bin", "a symbolic link", "unpack"]),
        (c10, "no_target.tar.gz", &["a hard link to blobs/12, which is no batch", "unpack"]),
        (c10, "fifo.tar.gz", &["an entry of type '6'", "unpack"]),
        (c10, "twice.tar.gz", &["found it twice"]),
        (c10, "formats.tar.gz", &["a hard link to data_batch_1.bin, a batch of another format"]),
        (DatasetKind::ImageNet, "twice.tar.gz", &["found none of train_data_batch_*", "JPEG"]),
        (DatasetKind::ImageNet, "no_dict", &["without the key 'data'"]),
    ];
    for (kind, name, parts) in cases {
        assert_refused(*kind, &folder.join(name), parts);
    }
    // A folder `train` is no batch.
    fs::create_dir_all(folder.join("images/train")).unwrap();
    assert_refused(c100, &folder.join("images"), &["found none of train.bin, train"]);
    // A record of CIFAR-100 has two labels.
    let mut record = vec![19, 99];
    record.resize(3074, 7);
    let path = folder.join("train.bin");
    fs::write(&path, &record).unwrap();
    assert_eq!(image(&Dataset::open(c100, &path).unwrap(), 0), &record[2..]);
    record[0] = 20;
    fs::write(&path, &record).unwrap();
    assert_refused(c100, &path, &["coarse label 20 in record 0", "0 to 19"]);
    record[..2].copy_from_slice(&[0, 100]);
    fs::write(&path, &record).unwrap();
    assert_refused(c100, &path, &["fine label 100", "0 to 99"]);
}

#[test]
fn a_hard_link_is_the_batch_that_it_links() {
    let folder = write_layouts("links", "cifar10", 20).folder;
    python(
        &folder,
        r#"
with tarfile.open('links.tar.gz', 'w:gz') as tar:
    tar.add('cifar-10-batches-bin/data_batch_1.bin', './d/data_batch_1.bin')
    info = tarfile.TarInfo('d/data_batch_0.bin')
    info.type, info.linkname = tarfile.LNKTYPE, 'd/data_batch_1.bin'
    tar.addfile(info)
"#,
    );
    let dataset = Dataset::open(DatasetKind::Cifar10, &folder.join("links.tar.gz")).unwrap();
    let batch = folder.join("cifar-10-batches-bin/data_batch_1.bin");
    let batch = all_images(&Dataset::open(DatasetKind::Cifar10, &batch).unwrap());
    assert_eq!(all_images(&dataset), batch.repeat(2));
}

#[test]
fn bombs_are_refused() {
    let folder = write_layouts("bombs", "cifar10", 5).folder;
    // References that would be 2^60 values if they were copied.
    let mut pickle = b"\x80\x02]q\x00".to_vec();
    for i in 0..60 {
        pickle.extend([b']', b'q', i + 1, b'(', b'h', i, b'h', i, b'e']);
    }
    pickle.push(b'.');
    let path = folder.join("references");
    fs::write(&path, &pickle).unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["without the key 'data'"]);
    // Ten million opcodes, and a text that claims to be longer than any file.
    let path = folder.join("opcodes");
    fs::write(&path, [b"\x80\x02".as_slice(), &vec![b'N'; 10_000_000], b"."].concat()).unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["opcodes", "offset 8388609"]);
    let path = folder.join("length");
    fs::write(&path, b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.").unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["found 4 bytes up to the end", "offset 2"]);
    // What would be run.
    let path = folder.join("attack");
    let target = folder.join("attacked");
    let mut attack = b"\x80\x02}(U\x04datacos\nmkdir\nX".to_vec();
    attack.extend((target.to_str().unwrap().len() as u32).to_le_bytes());
    attack.extend(target.to_str().unwrap().as_bytes());
    attack.extend(b"\x85RU\x06labels](K\x00eu.");
    fs::write(&path, attack).unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["found what os.mkdir makes"]);
    assert!(!target.exists());
    // A tar archive of 3 GiB of zeros.
    let path = folder.join("zeros.tar.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    let mut header = tar::Header::new_gnu();
    header.set_path("else").unwrap();
    header.set_size(3 << 30);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(3 << 30), &mut encoder).unwrap();
    encoder.finish().unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["more than 2147483648 bytes"]);
    // A block of bzip2 of 45 MB of zeros takes some 50 bytes: 60 of them, behind a 1 that is no tar.
    python(
        &folder,
        r#"
import bz2, lzma
block = bz2.compress(bytes(45 << 20))
open('bomb.bz2', 'wb').write(bz2.compress(b'\1') + block * 60)
# xz -9 asks for 64 MiB, this for 1 GiB.
filters = [{'id': lzma.FILTER_LZMA2, 'dict_size': 4096}]
small = bytearray(lzma.compress(bytes(100), format=lzma.FORMAT_XZ, filters=filters))
# The dictionary's size is a byte of the block's header, which has a checksum.
header = 12
size = (small[header] + 1) * 4
at = small.index(0x21, header) + 2
small[at] = 36
import zlib
small[header + size - 4:header + size] = zlib.crc32(small[header:header + size - 4]).to_bytes(4, 'little')
open('dictionary.xz', 'wb').write(small)
"#,
    );
    let path = folder.join("bomb.bz2");
    assert_refused(DatasetKind::Cifar10, &path, &["more than 2147483648 bytes"]);
    let path = folder.join("dictionary.xz");
    match Dataset::open(DatasetKind::Cifar10, &path) {
        Err(Error::OutOfMemory(text)) => assert!(text.contains("dictionary.xz"), "{text}"),
        other => panic!("expected OutOfMemory, found {other:?}"),
    }
    // A batch of 2 GB in an archive of some bytes, and an array of 4 GB in one of some KB.
    let path = folder.join("claims.tar.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    header.set_path("data_batch_1").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    encoder.finish().unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["found 2147483648 bytes", "archive can hold"]);
    let path = folder.join("stored.npz");
    let mut zip = fs::read(&path).unwrap();
    let directory = zip.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    zip[directory + 20..directory + 28].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff].repeat(2));
    fs::write(&path, zip).unwrap();
    assert_refused(DatasetKind::Cifar10, &path, &["array images", "4294967294 bytes in a file of"]);
}

// ---- Broken JPEG files -----------------------------------------------------------------------

fn key(seed: u64) -> Key {
    Key { seed, purpose: Purpose::NtkImages, round: 0, candidate: 0, repeat: 0 }
}

/// The files of a JPEG folder, sorted.
fn jpegs(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for class in fs::read_dir(folder.join("train")).unwrap() {
        for file in fs::read_dir(class.unwrap().path()).unwrap() {
            files.push(file.unwrap().path());
        }
    }
    files.retain(|f| f.extension().is_some_and(|e| e != "txt"));
    files.sort();
    files
}

#[test]
fn broken_jpegs_are_counted_and_replaced_whatever_was_read_before() {
    let layouts = write_layouts("broken", "imagenet-1k", 40);
    let folder = layouts.folder.join("jpeg");
    let files = jpegs(&folder);
    assert_eq!(files.len(), 40);
    let open = || Dataset::open(DatasetKind::ImageNet, &folder).unwrap();
    let whole = open();
    let good: Vec<Vec<u8>> = (0..40).map(|i| image(&whole, i)).collect();

    // Cut in the image data, cut in the header, no JPEG, empty, a PNG.
    let bytes = fs::read(&files[3]).unwrap();
    let broken = [3, 4, 17, 18, 39];
    let contents =
        [&bytes[..bytes.len() / 2], &bytes[..100], b"hello".as_slice(), b"", b"\x89PNG\r\n\x1a\n"];
    for (index, content) in broken.iter().zip(contents) {
        fs::write(&files[*index], content).unwrap();
    }
    let dataset = open();
    assert_eq!((dataset.count(), dataset.skipped()), (40, 0));
    // Read by itself, a broken image is an error that names the file.
    let mut buffer = vec![0; 3072];
    match dataset.read(3, &mut buffer) {
        Err(Error::Format(text)) => {
            assert!(text.contains(files[3].to_str().unwrap()), "{text}");
            assert!(text.contains(&format!("cut short at byte {}", bytes.len() / 2)), "{text}");
        }
        other => panic!("expected Format, found {other:?}"),
    }
    assert_eq!(dataset.skipped(), 1);

    // 35 are left: a batch of all of them has each once.
    let batch = dataset.ntk_batch(35, &key(1)).unwrap();
    assert_eq!(dataset.skipped(), 5);
    let all = dataset.ntk_batch(35, &key(1)).unwrap();
    assert_eq!(batch, all, "the same from the cache");
    assert_eq!(batch, open().ntk_batch(35, &key(1)).unwrap(), "the same without");
    match dataset.ntk_batch(36, &key(1)) {
        Err(Error::Format(text)) => assert!(text.contains("5 broken images among 40"), "{text}"),
        other => panic!("expected Format, found {other:?}"),
    }

    // The rule, on a model of it. The batch's first row of numbers tells images apart.
    for seed in 0..20 {
        let picks = key(seed).stream(0).distinct(8, 40);
        let mut taken: HashSet<usize> = picks.iter().copied().collect();
        let mut expected = picks.clone();
        for pick in &mut expected {
            let mut next = *pick;
            while broken.contains(pick) && (broken.contains(&next) || taken.contains(&next)) {
                next = (next + 1) % 40;
            }
            *pick = next;
            taken.insert(next);
        }
        let replaced: Vec<u8> = expected.iter().flat_map(|&i| good[i].clone()).collect();
        // A data set in memory in which the picked places hold what the rule says.
        let mut model: Vec<Vec<u8>> = good.clone();
        for (pick, image) in picks.iter().zip(replaced.chunks(3072)) {
            model[*pick] = image.to_vec();
        }
        let (mean, stddev) = (dataset.mean(), dataset.stddev());
        let model =
            Dataset::from_images(&model.concat(), 40, [3, 32, 32], Some((mean, stddev)), 1000);
        let expected = model.unwrap().ntk_batch(8, &key(seed)).unwrap();
        assert_eq!(open().ntk_batch(8, &key(seed)).unwrap(), expected, "seed {seed}");
    }

    // Regions take 1000 of 40 images: broken ones are replaced, if need be by one of the pass.
    let regions = open().region_batches(2, 1000, &key(5)).unwrap();
    assert_eq!(regions, dataset.region_batches(2, 1000, &key(5)).unwrap());

    // Nothing usable left.
    for file in &files {
        fs::write(file, b"broken").unwrap();
    }
    let dataset = open();
    for result in [dataset.ntk_batch(2, &key(0)), dataset.region_batches(1, 10, &key(0))] {
        match result {
            Err(Error::Format(text)) => {
                assert!(text.contains("40 broken images among 40"), "{text}");
            }
            other => panic!("expected Format, found {other:?}"),
        }
    }
}

#[test]
fn image_folders_that_are_none_are_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("data-sets-folders");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("train/class")).unwrap();
    let imagenet = DatasetKind::ImageNet;
    assert_refused(imagenet, &folder, &["found no images", "train/<class>/*.JPEG"]);
    fs::write(folder.join("train/class/a.png"), b"").unwrap();
    // A folder is no image.
    fs::create_dir(folder.join("train/class/b.JPEG")).unwrap();
    assert_refused(imagenet, &folder, &["found no images"]);
    for class in 0..1001 {
        fs::create_dir(folder.join(format!("train/{class}"))).unwrap();
    }
    assert_refused(imagenet, &folder, &["found 1002 folders, expected at most 1000"]);
    // A vanished file is the system's refusal, not a broken image.
    let folder = write_layouts("vanished", "imagenet-1k", 16).folder.join("jpeg");
    let dataset = Dataset::open(imagenet, &folder).unwrap();
    let digest = dataset.digest().unwrap();
    let files = jpegs(&folder);
    fs::remove_file(&files[7]).unwrap();
    match dataset.ntk_batch(16, &key(0)) {
        Err(Error::Io { path, .. }) => assert_eq!(path, files[7]),
        other => panic!("expected Io, found {other:?}"),
    }
    assert_eq!(dataset.skipped(), 0);
    let fewer = Dataset::open(imagenet, &folder).unwrap();
    assert_ne!(fewer.digest().unwrap(), digest);
}

#[test]
fn digests_tell_data_sets_apart() -> Result<()> {
    let bytes: Vec<u8> = (0..2 * 27).collect();
    let make = |bytes: &[u8], mean: f32, classes| {
        Dataset::from_images(bytes, 2, [3, 3, 3], Some((&[mean; 3], &[9.0; 3])), classes)
    };
    let digest = make(&bytes, 1.0, 2)?.digest()?;
    assert_eq!(make(&bytes, 1.0, 2)?.digest()?, digest);
    let mut other = bytes.clone();
    other[53] ^= 1;
    assert_ne!(make(&other, 1.0, 2)?.digest()?, digest);
    assert_ne!(make(&bytes, 2.0, 2)?.digest()?, digest);
    assert_ne!(make(&bytes, 1.0, 3)?.digest()?, digest);
    let kinds: HashSet<u64> =
        KINDS.iter().map(|kind| Dataset::synthetic(*kind, 1)?.digest()).collect::<Result<_>>()?;
    assert_eq!(kinds.len(), 4);
    Ok(())
}

/// A measurement, not a test: `scripts/jpeg-folder.py` makes the folder that TENAS_JPEG_FOLDER
/// names.
#[test]
#[ignore = "measures the folder that TENAS_JPEG_FOLDER names"]
fn time_to_the_first_batch_of_a_large_folder() {
    let folder = std::env::var_os("TENAS_JPEG_FOLDER").expect("TENAS_JPEG_FOLDER is set");
    let start = std::time::Instant::now();
    let dataset = Dataset::open(DatasetKind::ImageNet, Path::new(&folder)).unwrap();
    println!("{} images listed after {:?}", dataset.count(), start.elapsed());
    dataset.ntk_batch(72, &key(0)).unwrap();
    println!("batch of 72 after {:?}", start.elapsed());
    dataset.region_batches(3, 1000, &key(0)).unwrap();
    println!("3 batches of 1000 after {:?}", start.elapsed());
    dataset.digest().unwrap();
    println!("digest after {:?}", start.elapsed());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("no VmHWM"));
}
