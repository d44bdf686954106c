"""Writes the seeds of the corpora but for the checkpoints, which tests/corpus.rs writes:

    scripts/setup-python.sh
    PYTHONPATH=.cache/python python3 fuzz/seeds.py

Their first bytes choose what the rest is, as fuzz/entries.rs says. A seed `ok-*` must be accepted, any
other may be refused. Nothing here is random, but another NumPy or Pillow may write other bytes.
"""

import bz2
import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy
from PIL import Image

# No padding behind the end.
tarfile.RECORDSIZE = tarfile.BLOCKSIZE
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CIFAR10, CIFAR100, IMAGENET16, IMAGENET = (bytes([n]) for n in range(4))
NB201, DARTS = b"\0", b"\1"


def seed(target, name, content):
    folder = os.path.join(ROOT, "fuzz", "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def genotypes():
    native = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
    seed("genotype", "ok-nb201", NB201 + native.encode())
    seed("genotype", "ok-nb201-spaces", NB201 + b" " + native.encode() + b"\n")
    edges = [
        {"from": f, "to": t, "operation": "skip_connect"} for t in range(1, 4) for f in range(t)
    ]
    cell = {"space": "nas-bench-201", "cells": [{"name": "normal", "edges": edges}]}
    seed("genotype", "nb201-json", NB201 + json.dumps(cell).encode())
    step = "[('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 0), ('dil_conv_5x5', 2), "
    step += "('avg_pool_3x3', 1), ('sep_conv_5x5', 3), ('dil_conv_3x3', 0), ('skip_connect', 4)]"
    darts = f"Genotype(normal={step}, normal_concat=[2, 3, 4, 5], reduce={step}, "
    seed("genotype", "ok-darts", DARTS + (darts + "reduce_concat=[2, 3, 4, 5])").encode())
    seed("genotype", "darts-range", DARTS + (darts + "reduce_concat=range(2, 6))").encode())
    twice = step.replace("'max_pool_3x3', 1", "'none', 0")
    seed("genotype", "ok-darts-twice", DARTS + f"x = g.Genotype({twice}, list(range(2, 6)), {step})  # 3M\n".encode())
    nested = [[["sep_conv_3x3", 0], ["max_pool_3x3", 1]]] * 4
    seed("genotype", "ok-darts-nested", DARTS + json.dumps({"normal": nested, "reduce": nested}).encode())
    seed("genotype", "ok-darts-dict", DARTS + f"{{'reduce': {step}, 'normal': {step}, 'connects': None}}".encode())
    seed("genotype", "ok-nb201-names", NB201 + json.dumps(["none", "skip_connect"] * 3).encode())
    seed("genotype", "ok-nb201-indices", NB201 + b"a = [4, np.int64(3), 2, 1, 0, 0]")
    seed("genotype", "ok-nb201-quoted", NB201 + f"[b'{native}']".encode())
    seed("genotype", "bad-nb201-tuple", NB201 + b"(4, 3, 2, 1, 0, 0)")
    seed("genotype", "brace", DARTS + b'{"normal": [[0, "none"]], "reduce": 7}')
    seed("genotype", "letters", NB201 + "|nør_conv_3x3~0|+".encode())


def configs():
    for space, dataset in (("nas-bench-201", "cifar10"), ("darts", "imagenet-1k")):
        seed("config", f"ok-{space}", json.dumps({"space": space, "dataset": dataset}).encode())
    full = {
        "space": "darts", "dataset": "custom", "seed": 2**64 - 1, "repeats": 3, "batch_size": 1024,
        "prune_per_edge": 16, "score_decimals": 15, "threads": 1024, "init": "torch_default",
        "sampling": "independent", "device": "cpu", "device_index": 0,
    }
    seed("config", "ok-full", json.dumps(full, indent=1).encode())
    for key, value in (("seed", -1), ("repeats", 1.5), ("device", "tpu"), ("sede", [{}])):
        seed("config", f"bad-{key}", json.dumps({**full, key: value}).encode())


def arrays(count, side):
    return (numpy.arange(count)[:, None] * 90 + numpy.zeros(3 * side * side)).astype(numpy.uint8)


def saved(array, save=numpy.save, **named):
    buffer = io.BytesIO()
    save(buffer, **named) if named else save(buffer, array)
    return buffer.getvalue()


def safetensors(**named):
    header, content = {}, b""
    for name, array in named.items():
        offsets = [len(content), len(content) + array.nbytes]
        dtype = {"uint8": "U8", "int64": "I64"}[str(array.dtype)]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": offsets}
        content += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def tar(**members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo("folder/" + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def python2():
    """A batch of ImageNet16 in the opcodes of Python 2."""
    with tempfile.TemporaryDirectory() as folder:
        writer = os.path.join(ROOT, "tests", "python", "data_sets.py")
        subprocess.run([sys.executable, writer, folder, "ImageNet16-120", "10"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "ImageNet16", "train_data_batch_1"), "rb") as file:
            return file.read()


def data_sets():
    small, large = arrays(2, 16), arrays(1, 32)
    labels = numpy.array([1, 120])
    batch = {"data": small, "labels": [1, 120]}
    pickles = {f"protocol{n}": pickle.dumps(batch, protocol=n) for n in range(2, 6)}
    pickles["python2"] = python2()
    pickles["bytes"] = pickle.dumps({b"data": small, b"labels": [1, 1000]}, protocol=4)
    for name, content in pickles.items():
        seed("images", f"ok-{name}", IMAGENET16 + content)
    record10, record100 = b"\7" + large.tobytes(), b"\1\7" + large.tobytes()
    fine = {"data": large, "fine_labels": [7], "coarse_labels": [1]}
    seed("images", "ok-cifar10-binary", CIFAR10 + record10)
    seed("images", "ok-cifar100-binary", CIFAR100 + record100)
    seed("images", "ok-cifar10-pickle", CIFAR10 + pickle.dumps({"data": large, "labels": [7]}, 2))
    seed("images", "ok-cifar100-pickle", CIFAR100 + pickle.dumps(fine, 3))
    seed("images", "ok-npy", IMAGENET16 + saved(small))
    seed("images", "ok-npy-imagenet", IMAGENET + saved(large.reshape(1, 3, 32, 32)))
    seed("images", "ok-stored", IMAGENET16 + saved(None, numpy.savez, images=small, labels=labels))
    deflated = saved(None, numpy.savez_compressed, data=small, labels=labels)
    seed("images", "ok-deflated", IMAGENET16 + deflated)
    seed("images", "ok-safetensors", IMAGENET16 + safetensors(images=small, labels=labels))
    for kind, name, content in (
        (CIFAR10, "data_batch_1.bin", record10),
        (CIFAR100, "train", pickle.dumps(fine, 4)),
        (IMAGENET16, "train_data_batch_1", pickles["protocol2"]),
    ):
        archive = tar(**{"readme": b"hello", name: content})
        seed("images", f"ok-tar-{name}", kind + gzip.compress(archive, mtime=0))
        seed("archive", f"ok-tar-{name}", kind + b"\0" + archive)
        seed("archive", f"ok-folder-{name}", kind + b"\3" + bytes([len(name)]) + name.encode() + content)
    long = tarfile.TarInfo("x" * 200 + "/train_data_batch_3")
    long.size = len(pickles["protocol4"])
    for name, form in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            archive.addfile(long, io.BytesIO(pickles["protocol4"]))
        seed("archive", f"ok-tar-{name}", IMAGENET16 + b"\0" + buffer.getvalue())
    for layout, name in ((b"\1", "stored"), (b"\2", "deflated")):
        for dtype in ("u1", "<i2", "<i8"):
            array = saved(small)
            pair = struct.pack("<H", len(array)) + array + saved(labels.astype(dtype))
            seed("archive", f"ok-{name}-{dtype.strip('<')}", IMAGENET16 + layout + pair)
    # A few bytes that claim to be gigabytes: a member of a tar archive, one of a zip archive.
    info = tarfile.TarInfo("train_data_batch_1")
    info.size = 1 << 31
    seed("archive", "bad-tar-claims", IMAGENET16 + b"\0" + info.tobuf())
    claims = bytearray(saved(None, numpy.savez, images=small))
    with zipfile.ZipFile(io.BytesIO(claims)) as opened:
        directory = opened.start_dir
    claims[directory + 20 : directory + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    seed("images", "bad-zip-claims", IMAGENET16 + bytes(claims))


def jpegs():
    ramp = numpy.add.outer(numpy.arange(20) * 9, numpy.arange(24) * 3).astype(numpy.uint8)
    colour = Image.fromarray(numpy.stack([ramp, ramp[::-1], 255 - ramp], axis=2))
    for name, mode, options in (
        ("444", "RGB", {"subsampling": "4:4:4"}),
        ("420", "RGB", {"subsampling": "4:2:0"}),
        ("422", "RGB", {"subsampling": "4:2:2"}),
        ("progressive", "RGB", {"progressive": True}),
        ("restart", "RGB", {"restart_marker_blocks": 1}),
        ("grey", "L", {}),
        ("cmyk", "CMYK", {}),
    ):
        buffer = io.BytesIO()
        colour.convert(mode).save(buffer, "JPEG", quality=50, **options)
        seed("jpeg", f"ok-{name}", buffer.getvalue())
        if name == "444":
            seed("jpeg", "bad-cut", buffer.getvalue()[:-40])
    seed("jpeg", "bad-png", b"\x89PNG\r\n\x1a\n")


def benchmarks():
    table, listed, results, file = (bytes([n]) for n in range(4))
    first = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    second = "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    text = f"arch_string\tcifar10\tcifar100 test\tImageNet16-120\n{first}\t10\t1.5\t\n{second}\t9.25\t\t3e1\n"
    seed("benchmark", "ok-table", table + text.encode())
    step = "[('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 0), ('dil_conv_5x5', 2), "
    step += "('avg_pool_3x3', 1), ('sep_conv_5x5', 3), ('dil_conv_3x3', 0), ('skip_connect', 4)]"
    darts = f"Genotype(normal={step}, normal_concat=[2, 3, 4, 5], reduce={step}, reduce_concat=[2, 3, 4, 5])"
    seed("benchmark", "ok-darts", table + f"arch_string\tcifar10\n{darts}\t97.1\n".encode())
    rows = f'# mine\n\n"genotype";"cifar10 acc";extra\n"{first}";"10.0";"a\nb"\n{second};90.5%;\n'
    seed("benchmark", "ok-quoted", table + b"\xef\xbb\xbf" + rows.encode())
    seed("benchmark", "bad-fraction", table + f"arch,cifar10\r{first},0.9\r".encode())
    seed("benchmark", "bad-twice", table + f"arch,cifar10\n{first},90\n{first},90\n".encode())
    seed("benchmark", "bad-pickle", table + pickle.dumps({first: 90.0}, 2))
    seed("benchmark", "bad-column", table + b"arch_string\tmnist\n")
    one = {"epochs": 2, "eval_acc1es": {"ori-test@1": 90.5, "ori-test@0": 1.0}}
    entry = {"200": {
        "arch_str": first, "dataset_seed": {"cifar10": [777, 888], "cifar100": []},
        "all_results": {("cifar10", 777): one, ("cifar10", 888): one},
    }}
    for n in range(2, 6):
        seed("benchmark", f"ok-list-{n}", listed + pickle.dumps({"meta_archs": [first, second]}, n))
        seed("benchmark", f"ok-results-{n}", results + pickle.dumps(entry, n))
    packed = bz2.compress(pickle.dumps({"meta_archs": [first]}, 2))
    seed("benchmark", "ok-file", file + packed)
    seed("benchmark", "bad-file-cut", file + packed[:-9])


def scores():
    score = {"digest": "0123456789abcdef", "round": 0, "cell": 0, "edge": 3, "operation": 2}
    names = ("ntk_delta", "regions_delta", "ntk_now", "ntk_without", "regions_now", "regions_without")
    score.update((name, 0.1 * place) for place, name in enumerate(names))
    measured = {"digest": "fedcba9876543210", "round": 1, "candidate": 7, "draw": 0, "values": [1.5, -2e300]}
    for name, key, one in (("scores", "scores", score), ("measurements", "measurements", measured)):
        document = {"format": f"tenas {key}", "version": 1, key: [one, one]}
        seed("scores", f"ok-{name}", json.dumps(document).encode())
        seed("scores", f"bad-{name}-version", json.dumps({**document, "version": 2}).encode())
        seed("scores", f"bad-{name}-digest", json.dumps({**document, key: [{**one, "digest": "0"}]}).encode())


def spaces():
    folder = os.path.join(ROOT, "spaces")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            space = json.load(file)
        del space["description"]
        text = json.dumps(space, separators=(",", ":"))
        seed("space", "ok-" + name.removesuffix(".json"), text.encode())
        seed("space", "bad-cut-" + name.removesuffix(".json"), text[: len(text) // 2].encode())
    chain = {
        "format": "tenas space", "version": 1, "name": "chain",
        "operations": [
            {"name": "skip", "layers": []},
            {"name": "conv3", "layers": [{"conv": {"kernel": 3}}, "batch_norm", "relu"]},
            {"name": "one", "value": 1}, {"name": "two", "value": 2},
        ],
        "choices": [
            {"name": "blocks", "options": ["skip", "conv3"], "edges": ["a", "b"]},
            {"name": "width", "options": ["one", "two"], "edges": ["all"]},
            {"name": "depth", "options": ["one", "two"], "edges": ["last"]},
        ],
        "macros": {"net": {
            "stem": [{"channels": "width.all", "layers": [{"conv": {"kernel": 3}}, "batch_norm"]}],
            "body": [
                {"choice": "blocks.a", "channels": "width.all"},
                {"choice": "blocks.b", "channels": "width.all", "repeat": "depth.last"},
            ],
        }},
        "networks": {
            "ntk": {"macro": "net", "channels": 2},
            "training": {"macro": "net", "channels": 16, "cells": 2, "image": 64},
        },
    }
    seed("space", "ok-chain", json.dumps(chain).encode())
    seed("space", "bad-version", json.dumps({**chain, "version": 2}).encode())
    seed("space", "bad-key", json.dumps({**chain, "nmae": "x" * 9999}).encode())
    seed("space", "bad-text", json.dumps({**chain, "text": "darts"}).encode())
    seed("space", "bad-stages", json.dumps({**chain, "stages": []}).encode())


def message(*fields):
    """A message of protobuf: (number, value), a value being an integer, a text, bytes or floats."""

    def varint(value):
        value &= 2**64 - 1
        content = b""
        while value >= 128:
            content += bytes([value & 127 | 128])
            value >>= 7
        return content + bytes([value])

    content = b""
    for number, value in fields:
        if isinstance(value, int):
            content += varint(number << 3) + varint(value)
            continue
        if isinstance(value, str):
            value = value.encode()
        elif isinstance(value, list):
            value = struct.pack(f"<{len(value)}f", *value)
        content += varint(number << 3 | 2) + varint(len(value)) + value
    return content


def networks():
    def node(operator, inputs, output, *attributes):
        fields = [(1, name) for name in inputs] + [(2, output), (3, output), (4, operator)]
        return 1, message(*fields, *((5, attribute) for attribute in attributes))

    def integers(name, *values):
        return message((1, name), (20, 7), *((8, value) for value in values))

    def constant(name, *dims):
        count = int(numpy.prod(dims))
        values = [(n % 7) / 4 - 0.6 for n in range(count)]
        return 5, message(*((1, dim) for dim in dims), (2, 1), (4, values), (8, name))

    def shape(name, *values):
        data = struct.pack(f"<{len(values)}q", *values)
        return 5, message((1, len(values)), (2, 7), (8, name), (9, data))

    def value(number, name, *dims):
        axes = [(1, message((1, dim)) if dim > 0 else message((2, "N"))) for dim in dims]
        return number, message((1, name), (2, message((1, message((1, 1), (2, message(*axes)))))))

    def model(*graph, opset=17):
        return message((1, 8), (7, message((2, "seed"), *graph)), (8, message((2, opset))))

    small = [
        node("Conv", ["images", "w", "b"], "a", integers("pads", 1, 1, 1, 1)),
        node("Relu", ["a"], "r"),
        node("GlobalAveragePool", ["r"], "p"),
        node("Flatten", ["p"], "f"),
        node("Gemm", ["f", "m", "c"], "logits", message((1, "transB"), (3, 1), (20, 2))),
        constant("w", 4, 2, 3, 3), constant("b", 4), constant("m", 3, 4), constant("c", 3),
        value(11, "images", 0, 2, 6, 6), value(12, "logits", 0, 3),
    ]
    seed("onnx", "ok-small", model(*small))
    seed("onnx", "bad-cut", model(*small)[:300])
    seed("onnx", "bad-opset", model(*small, opset=3))
    cycle = [node("Add", ["a", "r"], "s"), *small]
    seed("onnx", "bad-cycle", model(*cycle, *[node("Relu", ["s"], "logits")]))
    gate = [
        node("BatchNormalization", ["images", "s", "t", "m", "v"], "n"),
        node("Sigmoid", ["n"], "g"),
        node("Mul", ["n", "g"], "x"),
        node("Reshape", ["x", "five"], "y"),
        node("Transpose", ["y"], "z", integers("perm", 0, 2, 1, 3, 4)),
        node("Reshape", ["z", "four"], "u"),
        node("Slice", ["u", "one", "three", "one"], "k"),
        node("Pad", ["k", "pads"], "l"),
        node("MaxPool", ["l"], "h", integers("kernel_shape", 2, 2), integers("strides", 2, 1)),
        node("ReduceMean", ["h"], "i", integers("axes", 2, 3), message((1, "keepdims"), (3, 0), (20, 2))),
        node("Softmax", ["i"], "logits"),
        *(constant(name, 4) for name in "stm"),
        (5, message((1, 4), (2, 1), (4, [1.0, 0.5, 2.0, 1.5]), (8, "v"))),
        shape("five", 0, 2, 2, 5, 5), shape("four", -1, 4, 5, 5), shape("one", 1), shape("three", 3),
        shape("pads", 0, 0, 1, -1, 0, 0, 0, 2),
        value(11, "images", 0, 4, 5, 5), value(12, "logits", 0, 2),
    ]
    seed("onnx", "ok-gate", model(*gate))


for write in (genotypes, configs, scores, spaces, networks, data_sets, jpegs, benchmarks):
    write()
