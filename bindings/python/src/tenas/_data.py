"""Images to search on."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Sequence
from ctypes import c_float, c_uint64
from dataclasses import dataclass
from typing import Any

from . import _abi
from ._config import DATASET_NAMES, DATASETS
from ._library import Handle, PathLike, c_text, choice, guarded, made, number, struct, text, whole


@dataclass(frozen=True)
class DatasetFacts:
    """What a data set is. `skipped` counts images that were found broken so far."""

    count: int
    channels: int
    height: int
    width: int
    classes: int
    skipped: int
    kind: str


# Loaders in use and the bytes of their images, by the number that is their user pointer; the library
# gives it back once.
_loaders: dict[int, Callable[[list[int]], Any]] = {}
_shapes: dict[int, int] = {}
_numbers = itertools.count(1)


def _load_images(indices: Any, count: int, images: Any, user: int) -> int:
    def load() -> bool:
        loaded = bytes_of(_loaders[user](indices[:count]))
        if len(loaded) != count * _shapes[user]:
            raise ValueError(f"load: found {len(loaded)} bytes, expected {count} images of {_shapes[user]}")
        ctypes.memmove(images, loaded, len(loaded))
        return True

    return guarded(load)


def _forget(user: int) -> None:
    _loaders.pop(user, None)
    _shapes.pop(user, None)


_load = _abi.tenas_load_fn(_load_images)
_release = _abi.tenas_release_fn(_forget)


def bytes_of(images: Any) -> bytes:
    """The bytes of an array (NumPy's, or any other with the buffer protocol), in C's order."""
    return images if isinstance(images, bytes) else _bytes_view(images).tobytes()


def array_view(images: Any, formats: str, expected: str) -> memoryview:
    """The memory of an array, whose values have one of the formats of Python's module struct."""
    if not hasattr(images, "__array_interface__") and hasattr(images, "__array__"):  # a tensor of PyTorch
        import numpy

        images = numpy.asarray(images)
    try:
        view = memoryview(images)
    except TypeError:
        raise ValueError(f"images: found a {type(images).__name__}, expected an array of {expected}") from None
    if view.format not in formats:
        raise ValueError(f"images: found values of the format {view.format!r}, expected {expected}")
    return view


def _bytes_view(images: Any) -> memoryview:
    return array_view(images, "Bc", "bytes (uint8)")


def _numbers_for(name: str, values: Sequence[float] | None, channels: int) -> Any:
    if values is None:
        return None
    if len(values) != channels:
        raise ValueError(f"{name}: found {len(values)} values, expected {channels}, one for each channel")
    return (c_float * channels)(*values)


class Dataset(Handle):
    """Images: Dataset.open for published ones, Dataset.synthetic, Dataset.from_images for an array,
    Dataset.from_loader for a function, Dataset.from_torch for a data set of PyTorch. It never changes.

    Those of open and synthetic may be pickled: what travels is where they came from."""

    _free = "tenas_dataset_free"
    _recipe: tuple[str, tuple[Any, ...]] | None = None

    def __init__(self) -> None:
        raise TypeError(
            "found tenas.Dataset(), expected Dataset.open, .synthetic, .from_images, .from_loader or .from_torch"
        )

    @classmethod
    def _of(cls, pointer: Any, recipe: tuple[str, tuple[Any, ...]] | None = None) -> Dataset:
        dataset = cls.__new__(cls)
        dataset._adopt(pointer)
        dataset._recipe = recipe
        return dataset

    @classmethod
    def open(cls, name: str, path: PathLike) -> Dataset:
        """A published data set ("cifar10", "cifar100", "ImageNet16-120", "imagenet-1k") from disk: an
        archive, a folder or a file in any of the layouts that tenas.h lists."""
        kind = choice("dataset", name, DATASETS)
        return cls._of(made("tenas_dataset_open", kind, c_text(path)), ("open", (name, path)))

    @classmethod
    def synthetic(cls, name: str = "cifar10", seed: int = 0) -> Dataset:
        """10,000 images with natural statistics in the shape of a published data set."""
        kind = choice("dataset", name, DATASETS)
        return cls._of(made("tenas_dataset_synthetic", kind, whole("seed", seed)), ("synthetic", (name, seed)))

    @classmethod
    def from_images(
        cls,
        images: Any,
        classes: int,
        *,
        shape: tuple[int, int, int, int] | None = None,
        mean: Sequence[float] | None = None,
        stddev: Sequence[float] | None = None,
    ) -> Dataset:
        """Images in memory: a uint8 array of count x channels x height x width, or bytes and their shape.

        The library keeps a copy of its own. An array that is contiguous is handed over where it is; any
        other is brought into that order first. Images that are too many for a copy: from_loader."""
        if shape is None:
            shape = getattr(images, "shape", None)
        if shape is None or len(shape) != 4:
            found = "no shape" if shape is None else f"the shape {tuple(shape)}"
            raise ValueError(f"images: found {found}, expected count x channels x height x width")
        count, channels, height, width = (whole("shape", int(each)) for each in shape)
        view = _bytes_view(images)
        if view.nbytes != count * channels * height * width:
            sizes = " x ".join(map(str, shape))
            raise ValueError(f"images: found {view.nbytes} bytes, expected {sizes}")
        # The address of an array that may not be written, ctypes asks no buffer for.
        if view.c_contiguous and hasattr(images, "__array_interface__"):
            source: Any = ctypes.c_void_p(images.__array_interface__["data"][0])
        elif view.c_contiguous and not view.readonly and view.nbytes:
            source = (ctypes.c_uint8 * view.nbytes).from_buffer(view)
        else:
            source = bytes_of(images)
        return cls._of(
            made(
                "tenas_dataset_from_images",
                ctypes.cast(source, ctypes.POINTER(ctypes.c_uint8)),
                count,
                channels,
                height,
                width,
                _numbers_for("mean", mean, channels),
                _numbers_for("stddev", stddev, channels),
                whole("classes", classes),
            )
        )

    @classmethod
    def from_loader(
        cls,
        load: Callable[[list[int]], Any],
        shape: tuple[int, int, int, int],
        classes: int,
        id: str,
        *,
        mean: Sequence[float] | None = None,
        stddev: Sequence[float] | None = None,
    ) -> Dataset:
        """Images that a function loads when a search needs them: load(indices) returns their bytes, one
        image after the other, each channels x height x width: an array of uint8, or bytes. The same index
        must give the same bytes each time. What load raises comes out of the call that needed the images.

        shape is count x channels x height x width; id names these images where a search is saved and
        continued. Without mean and stddev each image is loaded once, here."""
        count, channels, height, width = (whole("shape", int(each)) for each in shape)
        user = next(_numbers)
        _loaders[user], _shapes[user] = load, channels * height * width
        try:
            pointer = made(
                "tenas_dataset_from_callback",
                count,
                channels,
                height,
                width,
                _numbers_for("mean", mean, channels),
                _numbers_for("stddev", stddev, channels),
                whole("classes", classes),
                _load,
                _release,
                user,
                c_text(id),
            )
        except BaseException:
            _forget(user)  # after a failure it is not given back
            raise
        return cls._of(pointer)

    @classmethod
    def from_torch(cls, dataset: Any, classes: int, id: str, **normalisation: Sequence[float] | None) -> Dataset:
        """A map-style data set of PyTorch (`len(dataset)`, `dataset[i]`), whose items are an image or a
        tuple that begins with one: a tensor or array of channels x height x width, bytes or floating-point
        numbers from 0 to 1, or a picture of Pillow. Augmentation that draws anew each time must be off.
        id, mean and stddev are those of from_loader."""
        import numpy

        def image(index: int) -> Any:
            item = dataset[index]
            first = item[0] if isinstance(item, (tuple, list)) else item
            pixels = numpy.asarray(first)
            if hasattr(first, "getbands") and pixels.ndim == 3:  # Pillow has the channels last
                pixels = pixels.transpose(2, 0, 1)
            if pixels.ndim == 2:
                pixels = pixels[None]
            if pixels.dtype != numpy.uint8:
                if pixels.dtype.kind != "f" or not (pixels.min() >= 0 and pixels.max() <= 1):
                    raise ValueError(
                        f"image {index}: found values of {pixels.dtype} from {pixels.min()} to {pixels.max()}, "
                        "expected uint8, or floating point from 0 to 1 (leave normalisation to libtenas)"
                    )
                pixels = numpy.rint(pixels * 255).astype(numpy.uint8)
            return pixels

        shape = image(0).shape
        if len(shape) != 3:
            raise ValueError(f"image 0: found the shape {shape}, expected channels x height x width")

        def load(indices: list[int]) -> Any:
            loaded = [image(index) for index in indices]
            for index, pixels in zip(indices, loaded):
                if pixels.shape != shape:
                    raise ValueError(f"image {index}: found the shape {pixels.shape}, expected {shape} as image 0 has")
            return numpy.stack(loaded)

        return cls.from_loader(load, (len(dataset), *shape), classes, id, **normalisation)

    def __reduce__(self) -> Any:
        if self._recipe is None:
            raise TypeError(
                "a Dataset of images in memory or of a function cannot be pickled: found one, expected one "
                "of Dataset.open or Dataset.synthetic; make the others in each process"
            )
        return remade, self._recipe

    def __repr__(self) -> str:
        if not self._pointer:
            return "<tenas.Dataset, closed>"
        facts = self.facts
        shape = f"{facts.channels}x{facts.height}x{facts.width}"
        return f"<tenas.Dataset {facts.kind}, {facts.count} of {shape}, {self.source}>"

    def __len__(self) -> int:
        return self.facts.count

    @property
    def facts(self) -> DatasetFacts:
        found = struct(_abi.tenas_dataset_facts, "tenas_dataset_info", self)
        shape = (found.count, found.channels, found.height, found.width)
        return DatasetFacts(*shape, found.classes, found.skipped, DATASET_NAMES[found.kind])

    @property
    def source(self) -> str:
        """Where the images came from."""
        return text("tenas_dataset_source", self)

    @property
    def digest(self) -> int:
        """A number that tells data sets apart, the same on every machine."""
        return int(number(c_uint64, "tenas_dataset_digest", self))


def remade(maker: str, arguments: tuple[Any, ...]) -> Dataset:
    """A data set from where it came from."""
    made_again: Dataset = getattr(Dataset, maker)(*arguments)
    return made_again
