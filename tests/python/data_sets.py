"""Writes a small data set in every layout that libtenas reads, by Python's own pickle, NumPy,
Pillow, tarfile and zipfile, and prints the path of each layout.

    python3 tests/python/data_sets.py FOLDER DATASET [IMAGES]

Keys, label fields and file names are those of the published archives: of CIFAR-10 and CIFAR-100 as
torchvision reads them, of ImageNet16 as AutoDL-Projects does. expected.bin has the bytes of all
images in the order that a reader must give them (imagenet-1k: as Pillow resizes them).
"""

import io
import json
import os
import pickle
import struct
import sys
import tarfile

import numpy
from PIL import Image

folder, dataset = sys.argv[1:3]
IMAGES = int(sys.argv[3]) if len(sys.argv) > 3 else 100
generator = numpy.random.default_rng(7)
os.makedirs(folder, exist_ok=True)


def path(*names):
    return os.path.join(folder, *names)


def write(name, content):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "wb") as file:
        file.write(content)


def images(count, side):
    """Smooth images: networks that see noise have little to tell them apart."""
    small = generator.integers(0, 256, (count, 3, side // 4, side // 4), numpy.uint8)
    large = small.repeat(4, axis=2).repeat(4, axis=3).astype(numpy.int16)
    noise = generator.integers(-20, 21, large.shape)
    return numpy.clip(large + noise, 0, 255).astype(numpy.uint8)


def python2_batch(batch):
    """The opcodes that Python 2's cPickle writes for a batch in protocol 2."""
    memo = 0

    def put():
        nonlocal memo
        memo += 1
        return b"q" + bytes([memo]) if memo < 256 else b"r" + struct.pack("<I", memo)

    def string(text):
        return b"U" + bytes([len(text)]) + text + put()

    def integer(n):
        return b"K" + bytes([n]) if n < 256 else b"M" + struct.pack("<H", n)

    out = b"\x80\x02}" + put() + b"("
    for key, value in batch.items():
        out += string(key.encode())
        if isinstance(value, numpy.ndarray):
            raw = value.tobytes()
            out += b"cnumpy.core.multiarray\n_reconstruct\n" + put()
            out += b"cnumpy\nndarray\n" + put() + b"K\x00\x85" + string(b"b") + b"\x87" + put() + b"R" + put()
            out += b"(K\x01"
            out += b"".join(b"J" + struct.pack("<i", n) for n in value.shape)
            out += b"\x86" + put() + b"cnumpy\ndtype\n" + put() + string(b"u1") + b"K\x00K\x01\x87" + put()
            out += b"R" + put() + b"(K\x03" + string(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00t" + put()
            out += b"b\x89T" + struct.pack("<I", len(raw)) + raw + put() + b"t" + put() + b"b"
        elif isinstance(value, list):
            out += b"]" + put() + b"("
            out += b"".join(
                integer(v) if isinstance(v, int) else string(v.encode()) for v in value
            )
            out += b"e"
        else:
            out += string(value.encode())
    out += b"u."
    loaded = pickle.loads(out, encoding="latin1")
    assert list(loaded) == list(batch) and (loaded["data"] == batch["data"]).all()
    return out


def pickled(number, batch):
    """A batch as another version of Python or NumPy would write it, by its number."""
    version = number % 6
    if version == 0:
        return python2_batch(batch)
    if version == 5:
        # As converted from Python 2 with encoding="bytes".
        return pickle.dumps({key.encode(): value for key, value in batch.items()}, protocol=4)
    return pickle.dumps(batch, protocol=version + 1)


def archive(name, members):
    """Members in another order than their names have, as in the published archives."""
    with tarfile.open(path(name), "w:gz") as tar:
        for member in sorted(members, key=lambda m: m[::-1]):
            tar.add(path(member), member)
        info = tarfile.TarInfo(os.path.dirname(members[0]) + "/readme.html")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))


def arrays(data, labels):
    """The same images as .npy, .npz and safetensors; labels is None where they are all kept."""
    numpy.save(path("images.npy"), data)
    with_labels = {} if labels is None else {"labels": numpy.array(labels)}
    numpy.savez(path("stored.npz"), images=data, **with_labels)
    flat = data.reshape(len(data), -1)
    numpy.savez_compressed(path("deflated.npz"), data=flat, **with_labels)
    header, content = {}, b""
    for name, array in {"images": data, **with_labels}.items():
        types = {"uint8": "U8", "int64": "I64"}
        raw = array.tobytes()
        header[name] = {
            "dtype": types[str(array.dtype)],
            "shape": array.shape,
            "data_offsets": [len(content), len(content) + len(raw)],
        }
        content += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    write("images.safetensors", struct.pack("<Q", len(text)) + text + content)
    layouts = ["stored.npz", "deflated.npz", "images.safetensors"]
    # Without labels nobody knows which images are of the first 120 classes.
    return layouts if dataset == "ImageNet16-120" else layouts + ["images.npy"]


def cifar(coarse):
    """CIFAR-10 in five batches, CIFAR-100 (with coarse labels) in one."""
    batches = 1 if coarse else 5
    data = images(IMAGES, 32)
    write("expected.bin", data.tobytes())
    labels = [int(n) for n in generator.integers(0, 100 if coarse else 10, IMAGES)]
    binary, python = (
        ("cifar-100-binary", "cifar-100-python") if coarse else ("cifar-10-batches-bin", "cifar-10-batches-py")
    )
    files = {binary: [], python: []}

    def add(folder, name, content):
        write(f"{folder}/{name}", content)
        files[folder].append(f"{folder}/{name}")

    for b in range(batches):
        part = slice(b * IMAGES // batches, (b + 1) * IMAGES // batches)
        coarse_labels = [n // 5 for n in labels[part]]
        records = [
            (bytes([c]) if coarse else b"") + bytes([n]) + image.tobytes()
            for c, n, image in zip(coarse_labels, labels[part], data[part])
        ]
        add(binary, "train.bin" if coarse else f"data_batch_{b + 1}.bin", b"".join(records))
        batch = {"batch_label": f"training batch {b + 1} of {batches}"}
        if coarse:
            batch.update(fine_labels=labels[part], coarse_labels=coarse_labels)
        else:
            batch.update(labels=labels[part])
        batch["data"] = data[part].reshape(-1, 3072)
        batch["filenames"] = [f"image_{i}.png" for i in range(part.start, part.stop)]
        add(python, "train" if coarse else f"data_batch_{b + 1}", pickled(b, batch))
    if coarse:
        # The other versions of Python, as files of their own.
        for number in range(1, 6):
            write(f"version_{number}", pickled(number, batch))
    # Not to be read: another image each.
    other = images(1, 32)
    add(binary, "test.bin" if coarse else "test_batch.bin", bytes(2 if coarse else 1) + other.tobytes())
    add(python, "test" if coarse else "test_batch", pickle.dumps({"data": other.reshape(1, -1), "labels": [0]}, 2))
    add(python, "meta" if coarse else "batches.meta", pickle.dumps({"label_names": ["a"]}, 2))
    archive("binary.tar.gz", files[binary])
    archive("python.tar.gz", files[python])
    layouts = [binary, python, "binary.tar.gz", "python.tar.gz"]
    if coarse:
        layouts += [f"{binary}/train.bin", f"{python}/train"] + [f"version_{n}" for n in range(1, 6)]
    return layouts + arrays(data, labels)


def imagenet16():
    data = images(IMAGES, 16)
    labels = [int(n) for n in generator.integers(1, 241, IMAGES)]
    labels[:4] = [1, 120, 121, 1000]
    names = sorted(f"train_data_batch_{b}" for b in range(1, 11))
    for b, name in enumerate(names):
        part = slice(b * IMAGES // 10, (b + 1) * IMAGES // 10)
        batch = {"data": data[part].reshape(-1, 768), "labels": labels[part]}
        batch["mean"] = data[part].reshape(-1, 768).mean(axis=0)
        if b % 6 == 0:
            # A float64 array is more than the Python 2 writer above knows.
            del batch["mean"]
        write(f"ImageNet16/{name}", pickled(b, batch))
    write("ImageNet16/val_data", pickle.dumps({"data": data[:1].reshape(1, -1), "labels": [1]}))
    kept = [i for i, n in enumerate(labels) if n <= 120]
    write("expected.bin", data[kept].tobytes())
    archive("ImageNet16.tar.gz", [f"ImageNet16/{name}" for name in names])
    return ["ImageNet16", "ImageNet16.tar.gz"] + arrays(data, labels)


def imagenet():
    """JPEG files of every kind; the broken ones come last in their class."""
    expected = []
    kinds = ["444", "420", "422", "progressive", "grey", "cmyk", "small", "tall"]
    for i in range(IMAGES):
        kind = kinds[i % len(kinds)]
        height, width = {"small": (20, 27), "tall": (300, 40)}.get(kind, (150 + i, 200))
        small = generator.integers(0, 256, (6, 5, 3), numpy.uint8)
        image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        options = {"quality": 92, "subsampling": "4:4:4"}
        if kind in ("420", "422"):
            options["subsampling"] = {"420": "4:2:0", "422": "4:2:2"}[kind]
        if kind == "progressive":
            options["progressive"] = True
        if kind == "grey":
            image = image.convert("L")
            del options["subsampling"]
        if kind == "cmyk":
            image = image.convert("CMYK")
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", **options)
        # Ten classes, one after the other; the second ending is as good.
        name = f"train/n{i * 10 // IMAGES:08d}/n_{i:05d}." + ("jpg" if i == 1 else "JPEG")
        write(f"jpeg/{name}", buffer.getvalue())
        decoded = Image.open(buffer).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)
        expected.append(numpy.asarray(decoded).transpose(2, 0, 1))
    write("jpeg/train/n00000000/notes.txt", b"not an image")
    write("jpeg/val/n00000000/n.JPEG", b"not to be read")
    data = numpy.stack(expected)
    write("expected.bin", data.tobytes())
    return arrays(data, [i * 10 // IMAGES for i in range(IMAGES)]) + ["jpeg", "jpeg/train"]


def resized():
    """Bytes for the resizing alone: sizes, source and what Pillow makes of it, one after the other."""
    out = b""
    for height, width in [(32, 32), (1, 1), (3, 5), (33, 31), (64, 64), (150, 200), (375, 500), (700, 33)]:
        source = generator.integers(0, 256, (height, width, 3), numpy.uint8)
        result = Image.fromarray(source).resize((32, 32), Image.Resampling.BILINEAR)
        planes = numpy.asarray(result).transpose(2, 0, 1)
        out += struct.pack("<II", height, width) + source.tobytes() + planes.tobytes()
    write("resized.bin", out)
    return []


layouts = {
    "cifar10": lambda: cifar(False),
    "cifar100": lambda: cifar(True),
    "ImageNet16-120": imagenet16,
    "imagenet-1k": imagenet,
    "resized": resized,
}[dataset]()
for layout in layouts:
    print(path(layout))
