"""Writes a small data set in every layout that libtenas reads, by Python's own pickle, NumPy,
Pillow, tarfile and zipfile, and prints the path of each layout.

    python3 tests/python/data_sets.py FOLDER DATASET [IMAGES]

Keys, label fields and file names are those of the published archives: of CIFAR-10 and CIFAR-100 as
torchvision reads them, of ImageNet16 as AutoDL-Projects does. expected.bin has the bytes of all
images in the order that a reader must give them (imagenet-1k: as Pillow resizes them).
"""

import bz2
import gzip
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
    compression = name.rpartition(".")[2]
    with tarfile.open(path(name), "w" if compression == "tar" else "w:" + compression) as tar:
        for member in sorted(members, key=lambda m: m[::-1]):
            tar.add(path(member), member)
        info = tarfile.TarInfo(os.path.dirname(members[0]) + "/readme.html")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))


def archives(name, members):
    """One archive in every form, gzip files of several members among them."""
    layouts = [name + ".tar.gz", name + ".tar", name + ".tar.bz2", name + ".tar.xz"]
    for layout in layouts:
        archive(layout, members)
    with open(path(name + ".tar"), "rb") as file:
        whole = file.read()
    # As pigz and bgzip write it: cut anywhere; and where a member of the tar archive begins.
    for kind, cuts in [("blocks", range(0, len(whole), 10_000)), ("members", [0, second_member(whole)])]:
        parts = [*cuts, len(whole)]
        blocks = [gzip.compress(whole[a:b]) for a, b in zip(parts, parts[1:])]
        # bgzip ends with an empty member, tapes with zeros.
        write(f"{name}.{kind}.tar.gz", b"".join(blocks) + gzip.compress(b"") + bytes(512))
        layouts.append(f"{name}.{kind}.tar.gz")
    if len(members) > 1:
        # cat a.tar.gz b.tar.gz
        parts = sorted(members)[:1], sorted(members)[1:]
        for number, part in enumerate(parts):
            archive(f"part{number}.tar.gz", part)
        appended = b"".join(open(path(f"part{number}.tar.gz"), "rb").read() for number in range(2))
        write(f"{name}.appended.tar.gz", appended)
        layouts.append(f"{name}.appended.tar.gz")
    return layouts


def second_member(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return opened.getmembers()[1].offset


def arrays(data, labels):
    """The same images as .npy, .npz and safetensors, with their axes in every order that is read."""
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
    last = numpy.ascontiguousarray(data.transpose(0, 2, 3, 1))
    column = numpy.array(labels).reshape(-1, 1)
    orders = {
        "last": last,
        "fortran": numpy.asfortranarray(data),
        "fortran_last": numpy.asfortranarray(last),
        "fortran_flat": numpy.asfortranarray(flat),
        # Julia's width x height x channels x images.
        "julia": data.transpose(3, 2, 1, 0),
        "julia_flat": flat.transpose(),
    }
    for name, array in orders.items():
        assert array.flags.f_contiguous or name == "last"
        numpy.savez(path(name + ".npz"), images=array, labels=column.astype(">i2"))
        layouts.append(name + ".npz")
    # As Keras has them, with test images beside.
    numpy.savez(path("keras.npz"), x_test=last[:3], y_test=column[:3], x_train=last, y_train=column.astype("u2"))
    os.makedirs(path("npz"))
    stem = {"cifar100": "train"}.get(dataset, "data_batch_1" if dataset == "cifar10" else "train_data_batch_1")
    numpy.savez(path("npz", stem + ".npz"), data=flat, labels=numpy.array(labels), mean=flat.mean(axis=0))
    with tarfile.open(path("npz.tar.gz"), "w:gz") as tar:
        tar.add(path("npz"), "npz")
    layouts += ["keras.npz", "npz", "npz.tar.gz"] + pickles(flat, labels)
    # Without labels nobody knows which images are of the first 120 classes.
    if dataset == "ImageNet16-120":
        return layouts
    # Python 2 wrote long integers with an L.
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }" % ", ".join("%dL" % n for n in data.shape)
    header = header.ljust(117) + "\n"
    write("longs.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + data.tobytes())
    return layouts + ["images.npy", "longs.npy"]


def pickles(flat, labels):
    """All images as one pickle, with labels and protocols as other writers have them."""
    key = "fine_labels" if dataset == "cifar100" else "labels"
    layouts = []
    for name, protocol, data, values in [
        ("protocol0", 0, flat, labels),
        ("protocol1", 1, flat, labels),
        ("scalars", 4, flat, [numpy.int64(n) for n in labels]),
        ("scalars0", 0, flat, tuple(numpy.uint16(n) for n in labels)),
        ("big_endian", 2, flat, numpy.array(labels, ">i4")),
        ("big_endian5", 5, flat, numpy.array(labels, ">i8")),
        ("fortran_pickle", 3, numpy.asfortranarray(flat), labels),
        ("fortran_pickle5", 5, numpy.asfortranarray(flat), labels),
        ("last_pickle", 4, numpy.ascontiguousarray(flat.reshape(len(flat), 3, -1).transpose(0, 2, 1))
            .reshape(len(flat), *[int((flat.shape[1] // 3) ** 0.5)] * 2, 3), labels),
    ]:
        write(name, pickle.dumps({"data": data, key: values}, protocol))
        layouts.append(name)
    with open(path("scalars"), "rb") as file:
        whole = file.read()
    write("scalars.gz", gzip.compress(whole))
    write("scalars.bz2", bz2.compress(whole))
    return layouts + ["scalars.gz", "scalars.bz2"]


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
    layouts = [binary, python] + archives("binary", files[binary]) + archives("python", files[python])
    if coarse:
        with open(path(binary, "train.bin"), "rb") as file:
            write("train.bin.gz", gzip.compress(file.read()))
        layouts += ["train.bin.gz", f"{binary}/train.bin", f"{python}/train"] + [f"version_{n}" for n in range(1, 6)]
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
    return ["ImageNet16"] + archives("ImageNet16", [f"ImageNet16/{name}" for name in names]) + arrays(data, labels)


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
    data = numpy.ascontiguousarray(numpy.stack(expected))
    write("expected.bin", data.tobytes())
    # Some files' labels count from 0, others' from 1.
    write("Imagenet32_train/train_data_batch_1", pickle.dumps({"data": data.reshape(IMAGES, -1), "labels": [1000] * IMAGES}))
    labels = [i * 10 // IMAGES for i in range(IMAGES)]
    return arrays(data, labels) + ["Imagenet32_train/train_data_batch_1", "jpeg", "jpeg/train"]


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
