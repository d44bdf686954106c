#!/usr/bin/env python3
"""Searches for a neural architecture with libtenas, by ctypes: one file to copy, no package.

    python3 search.py                                    on synthetic images
    python3 search.py --data cifar-10-batches-bin        on CIFAR-10
    python3 search.py --pytorch network.py               and the code to train what was found
    python3 search.py --help                             everything else

Prints the indicators of the architecture that it found and of a few random ones, and as the last
line the architecture; progress goes to stderr. Python 3.8 or later and libtenas are all it needs: the
library is the one that TENAS_LIBRARY names, else the one on the loader's path, else that in
target/release of the clone that this file is in. tenas.h is the manual of every function.
"""

import argparse
import ctypes
import os
import signal
import sys
import threading
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_int32, c_size_t, c_uint32,
                    c_uint64, c_void_p)

ABI_VERSION = 2  # TENAS_ABI_VERSION of the tenas.h that this file was written for
SPACES = {"nas-bench-201": 1, "darts": 2}
DATASETS = {"cifar10": 1, "cifar100": 2, "ImageNet16-120": 3, "imagenet-1k": 4}
NATIVE = 1  # TENAS_GENOTYPE_NATIVE
STRATEGIES = {"prune": 1, "rank": 2}


class Progress(Structure):  # tenas_progress
    _fields_ = [("struct_size", c_size_t), ("round", c_uint32), ("rounds", c_uint32),
                ("candidate", c_uint32), ("candidates", c_uint32), ("seconds", c_double)]


class Ranked(Structure):  # tenas_ranked
    _fields_ = [("struct_size", c_size_t), ("number", c_uint64), ("rung", c_uint32), ("draws", c_uint32),
                ("connected", c_int32), ("reserved", c_uint32), ("total", c_double)]


class NetworkSettings(Structure):  # tenas_network_settings; what is 0 is as papers train
    _fields_ = [("struct_size", c_size_t), ("dataset", c_int32), ("channels", c_uint32), ("cells", c_uint32),
                ("classes", c_uint32), ("image_channels", c_uint32), ("image_height", c_uint32),
                ("image_width", c_uint32), ("init", c_int32), ("seed", c_uint64)]


class Indicators(Structure):  # tenas_indicators
    _fields_ = [("struct_size", c_size_t), ("ntk", c_double), ("ntk_spread", c_double),
                ("regions", c_double), ("regions_spread", c_double), ("naswot", c_double),
                ("naswot_spread", c_double), ("swap", c_double), ("swap_spread", c_double),
                ("multiply_adds", c_uint64), ("parameters", c_uint64), ("connected", c_int32),
                ("repeats", c_uint32), ("seconds", c_double)]


ProgressFunction = CFUNCTYPE(c_int32, POINTER(Progress), c_void_p)

# The arguments of each function that is used here; ctypes checks and converts by them. Handles are
# void pointers. All of these return a status.
TEXT = [c_void_p, c_size_t, POINTER(c_size_t)]  # buffer, capacity, length
FUNCTIONS = {
    "tenas_search_space_new": [c_int32, POINTER(c_void_p)],
    "tenas_search_space_open": [c_char_p, POINTER(c_void_p)],
    "tenas_config_new_for_space": [c_void_p, c_int32, POINTER(c_void_p)],
    "tenas_config_set_parameter": [c_void_p, c_char_p, c_uint64],
    "tenas_config_set_proxies": [c_void_p, c_char_p],
    "tenas_dataset_open": [c_int32, c_char_p, POINTER(c_void_p)],
    "tenas_dataset_synthetic": [c_int32, c_uint64, POINTER(c_void_p)],
    "tenas_dataset_from_images": [c_void_p] + [c_size_t] * 4 + [c_void_p, c_void_p, c_size_t, POINTER(c_void_p)],
    "tenas_context_new": [c_void_p, c_void_p, POINTER(c_void_p)],
    "tenas_context_set_progress": [c_void_p, ProgressFunction, c_void_p],
    "tenas_context_run": [c_void_p],
    "tenas_context_genotype": [c_void_p, c_int32] + TEXT,
    "tenas_search_space_genotype_sample": [c_void_p, c_uint64, c_uint64, c_int32] + TEXT,
    "tenas_context_ranking_count": [c_void_p, POINTER(c_size_t)],
    "tenas_context_ranked": [c_void_p, c_size_t, POINTER(Ranked), POINTER(c_double), POINTER(c_double), c_size_t],
    "tenas_context_ranked_genotype": [c_void_p, c_size_t, c_int32] + TEXT,
    "tenas_network_from_genotype": [c_void_p, c_char_p, POINTER(NetworkSettings), POINTER(c_void_p)],
    "tenas_network_write_onnx": [c_void_p, c_char_p],
    "tenas_network_write_pytorch": [c_void_p, c_char_p],
    "tenas_network_write_weights": [c_void_p, c_char_p],
    "tenas_indicators_of_many": [c_void_p, c_void_p, POINTER(c_char_p), c_size_t, ProgressFunction, c_void_p,
                                 POINTER(Indicators)],
    "tenas_scores_of_many": [c_void_p, c_void_p, POINTER(c_char_p), c_size_t, POINTER(c_char_p), c_size_t,
                             ProgressFunction, c_void_p, POINTER(c_double), POINTER(c_double), POINTER(c_int32)],
}


class TenasError(Exception):
    """What a function of libtenas fails with: the name of its status, and the message."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def load():
    """Finds the library, and checks that it fits."""
    clone = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    named = os.environ.get("TENAS_LIBRARY")
    paths = [named] if named else [
        "libtenas.so", os.path.normpath(os.path.join(clone, "target", "release", "libtenas.so"))]
    errors = []
    for path in paths:
        try:
            library = ctypes.CDLL(path)
            break
        except OSError as error:
            errors.append(str(error))
    else:
        raise ImportError("libtenas cannot be loaded: %s. Install or build it, or name its file in TENAS_LIBRARY."
                          % "; ".join(errors))
    for name in ("tenas_version", "tenas_status_name", "tenas_last_error_message"):
        getattr(library, name).restype = c_char_p
    library.tenas_abi_version.restype = c_uint32
    found = library.tenas_abi_version()
    if found != ABI_VERSION:
        raise ImportError("libtenas %s has ABI version %d, this file is for %d"
                          % (library.tenas_version().decode(), found, ABI_VERSION))
    for name, arguments in FUNCTIONS.items():
        getattr(library, name).argtypes = arguments
    for name in ("tenas_search_space_free", "tenas_config_free", "tenas_dataset_free", "tenas_context_free",
                 "tenas_network_free"):
        getattr(library, name).argtypes = [c_void_p]
        getattr(library, name).restype = None
    return library


try:
    library = load()
except ImportError as missing:
    if __name__ == "__main__":
        sys.exit(str(missing))
    raise


def call(name, *arguments):
    """Calls a function that returns a status."""
    status = getattr(library, name)(*arguments)
    if status != 0:
        raise TenasError(library.tenas_status_name(status).decode(), library.tenas_last_error_message().decode())


def c_text(value):
    """A text for C, which would take a NUL for its end: a path cut short may name another file."""
    encoded = os.fsencode(value)
    if b"\0" in encoded:
        raise ValueError("found a text with a NUL inside, expected none: %r" % value)
    return encoded


def text(name, *arguments):
    """The text that a function writes into a buffer."""
    length = c_size_t()
    call(name, *arguments, None, 0, byref(length))  # with no buffer it tells the length
    buffer = ctypes.create_string_buffer(length.value + 1)
    call(name, *arguments, buffer, len(buffer), byref(length))
    return buffer.value.decode()


class Handle:
    """Owns a C object. It is freed once: by close(), at the end of a `with`, or with this object."""

    kind = ""

    def __init__(self, maker, *arguments):
        self.pointer = c_void_p()
        call(maker, *arguments, byref(self.pointer))

    def close(self):
        pointer, self.pointer = self.pointer, c_void_p()
        getattr(library, "tenas_%s_free" % self.kind)(pointer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "pointer", None):
            self.close()


class SearchSpace(Handle):
    """A search space: one of SPACES by name, or the space file at a path (docs/SPACES.md)."""

    kind = "search_space"

    def __init__(self, space):
        if space in SPACES:
            super().__init__("tenas_search_space_new", SPACES[space])
        else:
            super().__init__("tenas_search_space_open", c_text(space))

    def sample(self, seed, index):
        return text("tenas_search_space_genotype_sample", self.pointer, seed, index, NATIVE)


class Network(Handle):
    """The network of an architecture, as papers train it or with settings (NetworkSettings) of your own."""

    kind = "network"

    def __init__(self, space, genotype, **settings):
        settings = NetworkSettings(struct_size=ctypes.sizeof(NetworkSettings), **settings)
        super().__init__("tenas_network_from_genotype", space.pointer, c_text(genotype), byref(settings))

    def write(self, what, path):
        """what: onnx, pytorch (code to be trained) or weights (safetensors)."""
        call("tenas_network_write_" + what, self.pointer, c_text(path))


class Config(Handle):
    """The preset of a space for a data set, with any parameters (tenas_parameter) changed."""

    kind = "config"

    def __init__(self, space, dataset, **parameters):
        with SearchSpace(space) as opened:
            super().__init__("tenas_config_new_for_space", opened.pointer, dataset)
        for name, value in parameters.items():
            if not 0 <= value < 2**64:
                raise ValueError("%s: found %d, expected a number from 0 to 2**64 - 1" % (name, value))
            call("tenas_config_set_parameter", self.pointer, c_text(name), value)


class Dataset(Handle):
    """Images: Dataset.open, Dataset.synthetic, or Dataset.of_bytes for those of your own."""

    kind = "dataset"

    @classmethod
    def open(cls, name, path):
        return cls("tenas_dataset_open", DATASETS[name], c_text(path))

    @classmethod
    def synthetic(cls, name, seed=0):
        return cls("tenas_dataset_synthetic", DATASETS[name], seed)

    @classmethod
    def of_bytes(cls, images, shape, classes):
        """count x channels x height x width bytes, for example array.tobytes() and array.shape of NumPy."""
        count, channels, height, width = shape
        if len(images) != count * channels * height * width:
            raise ValueError("images: found %d bytes, expected %s" % (len(images), " x ".join(map(str, shape))))
        return cls("tenas_dataset_from_images", images, count, channels, height, width, None, None, classes)


class Watched:
    """Calls back a function of Python from C. What it raises cancels, and comes out of the call."""

    def __init__(self, function):
        self.raised = None
        self.function = function
        self.c_function = ProgressFunction(self.progress)

    def progress(self, progress, _):
        try:
            if self.raised is not None:
                return 1
            # A copy: the library's own lives only until this returns.
            seen = Progress.from_buffer_copy(progress.contents)
            return 1 if self.function and self.function(seen) is False else 0  # False cancels
        except BaseException as raised:  # nothing may pass through C
            self.raised = raised
            return 1

    def interrupt(self, *_):
        """Ctrl-C: Python may handle it before the first line of a callback, where nothing catches."""
        self.raised = KeyboardInterrupt()

    def call(self, name, *arguments):
        main = threading.current_thread() is threading.main_thread()
        # Not over what the host has set for itself.
        watch = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if watch:
            signal.signal(signal.SIGINT, self.interrupt)
        try:
            call(name, *arguments)
        except TenasError:
            if self.raised is None:
                raise
        finally:
            if watch:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.raised is not None:
            raised, self.raised = self.raised, None
            raise raised


class Search(Handle):
    """A search: run(), which calls progress(Progress) after each candidate, then genotype()."""

    kind = "context"

    def __init__(self, config, dataset):
        self.running = False
        super().__init__("tenas_context_new", config.pointer, dataset.pointer)

    def run(self, progress=None):
        watched = Watched(progress)
        call("tenas_context_set_progress", self.pointer, watched.c_function, None)
        self.running = True
        try:
            watched.call("tenas_context_run", self.pointer)
        finally:
            self.running = False
            # Not by call(): what the run has raised is what counts.
            library.tenas_context_set_progress(self.pointer, ProgressFunction(), None)

    def close(self):
        if self.running:
            raise ValueError("close: found a search that runs, expected one that does not")
        super().close()

    def genotype(self):
        return text("tenas_context_genotype", self.pointer, NATIVE)

    def ranking(self, most=10):
        """The best of a search with strategy=RANK: pairs of Ranked and genotype."""
        count = c_size_t()
        call("tenas_context_ranking_count", self.pointer, byref(count))
        best = []
        for index in range(min(most, count.value)):
            ranked = Ranked(struct_size=ctypes.sizeof(Ranked))
            call("tenas_context_ranked", self.pointer, index, byref(ranked), None, None, 0)
            best.append((ranked, text("tenas_context_ranked_genotype", self.pointer, index, NATIVE)))
        return best


def strings(values):
    values = [c_text(each) for each in values]
    return (c_char_p * len(values))(*values)


def scores(config, dataset, proxies, genotypes, progress=None):
    """What architectures are worth by scores of these names: a dict of name to mean for each."""
    proxies, genotypes = list(proxies), list(genotypes)
    means = (c_double * (len(proxies) * len(genotypes)))()
    watched = Watched(progress)
    watched.call("tenas_scores_of_many", config.pointer, dataset.pointer, strings(proxies), len(proxies),
                 strings(genotypes), len(genotypes), watched.c_function, None, means, None, None)
    return [dict(zip(proxies, means[i * len(proxies):(i + 1) * len(proxies)])) for i in range(len(genotypes))]


def indicators(config, dataset, genotypes, progress=None):
    """What architectures are worth without training: a list of Indicators."""
    genotypes = list(genotypes)
    found = (Indicators * len(genotypes))()
    if genotypes:
        found[0].struct_size = ctypes.sizeof(Indicators)
    watched = Watched(progress)
    watched.call("tenas_indicators_of_many", config.pointer, dataset.pointer,
                 strings(genotypes), len(genotypes),
                 watched.c_function, None, found)
    return list(found)


def main():
    parser = argparse.ArgumentParser(description="Searches for a neural architecture without training (TE-NAS).")
    parser.add_argument("--space", default="nas-bench-201", metavar="SPACE",
                        help="nas-bench-201, darts or a space file (default: %(default)s)")
    parser.add_argument("--dataset", choices=DATASETS, default="cifar10")
    parser.add_argument("--data", help="where its images are; without, they are synthetic")
    parser.add_argument("--strategy", choices=STRATEGIES, default="prune")
    parser.add_argument("--proxies", help="scores of --strategy rank, with commas between: flops,ntk")
    numbers = ("seed", "repeats", "batch_size", "prune_per_edge", "cells", "budget", "threads")
    for name in numbers:
        parser.add_argument("--" + name.replace("_", "-"), type=int, metavar="N", help="by default as published")
    files = ("onnx", "pytorch", "weights")
    for name in files:
        parser.add_argument("--" + name, metavar="PATH", help="write that of the network that is trained")
    parser.add_argument("--random", type=int, default=4, metavar="N", help="random architectures to compare with")
    options = parser.parse_args()
    # The strategy first: it has presets of its own.
    parameters = {"strategy": STRATEGIES[options.strategy]}
    parameters.update({name: getattr(options, name) for name in numbers if getattr(options, name) is not None})

    def show(progress):
        print("\rround %d of %d: %d of %d  " % (progress.round + 1, progress.rounds, progress.candidate,
                                                 progress.candidates), end="", file=sys.stderr, flush=True)

    data = Dataset.open(options.dataset, options.data) if options.data else Dataset.synthetic(options.dataset)
    with data, Config(options.space, DATASETS[options.dataset], **parameters) as config:
        if options.proxies:
            call("tenas_config_set_proxies", config.pointer, c_text(options.proxies))
        with Search(config, data) as search:
            search.run(show)
            print(file=sys.stderr)
            for ranked, each in search.ranking():
                print("total %8.4f  %2d draws  %s" % (ranked.total, ranked.draws, each))
            genotype = search.genotype()
        with SearchSpace(options.space) as space:
            samples = [space.sample(0, index) for index in range(options.random)]
            if any(getattr(options, name) for name in files):
                with Network(space, genotype, dataset=DATASETS[options.dataset], seed=options.seed or 0) as network:
                    for name in files:
                        if getattr(options, name):
                            network.write(name, getattr(options, name))
        for each, found in zip([genotype] + samples, indicators(config, data, [genotype] + samples)):
            print("NTK %8.1f  regions %6.1f  %s" % (found.ntk, found.regions, each))
        print(genotype)


if __name__ == "__main__":
    try:
        main()
    except TenasError as error:
        sys.exit("%s (%s)" % (error, error.status))
    except KeyboardInterrupt:
        sys.exit(130)
