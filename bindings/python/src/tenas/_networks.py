"""Whole networks with their weights: of architectures for other programs, and of other programs' files."""

from __future__ import annotations

from collections.abc import Iterable
from ctypes import POINTER, byref, c_char_p, c_float, c_uint8, cast, sizeof
from dataclasses import dataclass
from typing import Any

from . import _abi, errors
from ._config import DATASETS, Config
from ._data import Dataset, array_view
from ._library import Handle, PathLike, c_text, call, choice, made, number, struct, whole
from ._scores import ProgressLike, Scores, measured
from ._spaces import SpaceLike, space_of

INITS = {"kaiming_normal": _abi.TENAS_INIT_KAIMING_NORMAL, "torch_default": _abi.TENAS_INIT_TORCH_DEFAULT}
WEIGHTS = {"fresh": _abi.TENAS_NETWORK_WEIGHTS_FRESH, "kept": _abi.TENAS_NETWORK_WEIGHTS_KEPT}


@dataclass(frozen=True)
class NetworkFacts:
    """What a network is: the shape of an image, how many logits it has, and its size. `named_parameters`
    counts the parameters that have a name, `parameters` the numbers in them."""

    channels: int
    height: int
    width: int
    classes: int
    named_parameters: int
    parameters: int
    multiply_adds: int


def _setting(name: str, value: int | None) -> int:
    """A size for C, where 0 stands for what is left out."""
    if value is None:
        return 0
    if whole(name, value, 2**32) == 0:
        raise ValueError(f"{name}: found 0, expected at least 1, or None for the published size")
    return value


def _image_settings(image: tuple[int, int, int] | None) -> tuple[int, int, int]:
    if image is None:
        return 0, 0, 0
    if len(image) != 3:
        raise ValueError(f"image: found {image!r}, expected channels, height and width")
    channels, height, width = (_setting("image", each) for each in image)
    return channels, height, width


class Network(Handle):
    """One whole network with fresh weights: that of an architecture in the size that papers train on a data
    set, or in one of yours. It never changes.

        network = tenas.Network("nas-bench-201", found.genotype, dataset="cifar100")
        network.write_pytorch("network.py")

    `channels` are those of the first cell, `cells` those of a stage, `image` is (channels, height, width);
    what is None is as published. The data set "custom" has no published numbers. Equal settings, `seed`
    among them, give equal weights. Network.from_onnx reads the network of a file."""

    _free = "tenas_network_free"

    def __init__(
        self,
        space: SpaceLike,
        genotype: str,
        *,
        dataset: str = "cifar10",
        channels: int | None = None,
        cells: int | None = None,
        classes: int | None = None,
        image: tuple[int, int, int] | None = None,
        init: str = "kaiming_normal",
        seed: int = 0,
    ) -> None:
        settings = _abi.tenas_network_settings(
            sizeof(_abi.tenas_network_settings),
            choice("dataset", dataset, DATASETS),
            _setting("channels", channels),
            _setting("cells", cells),
            _setting("classes", classes),
            *_image_settings(image),
            choice("init", init, INITS),
            whole("seed", seed),
        )
        self._adopt(made("tenas_network_from_genotype", space_of(space), c_text(genotype), byref(settings)))

    @classmethod
    def from_onnx(cls, source: PathLike | bytes, *, image: tuple[int, int, int] | None = None) -> Network:
        """The network of an ONNX file, or of the bytes of one, with its weights. `image` is (channels,
        height, width), where the file leaves that open or for images of another size."""
        network = cls.__new__(cls)
        if isinstance(source, bytes):
            content = cast(c_char_p(source), POINTER(c_uint8))
            pointer = made("tenas_network_from_onnx_bytes", content, len(source), *_image_settings(image))
        else:
            pointer = made("tenas_network_from_onnx", c_text(source), *_image_settings(image))
        network._adopt(pointer)
        return network

    def __repr__(self) -> str:
        return f"<tenas.Network {self.name}>" if self._pointer else "<tenas.Network, closed>"

    @property
    def name(self) -> str:
        """The name of the network's search space, or of its file."""
        return str(number(c_char_p, "tenas_network_name", self))

    @property
    def facts(self) -> NetworkFacts:
        found = struct(_abi.tenas_network_facts, "tenas_network_info", self)
        return NetworkFacts(*(getattr(found, name) for name in NetworkFacts.__dataclass_fields__))

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters: PyTorch's, or those of the file."""
        count = self.facts.named_parameters
        return [number(c_char_p, "tenas_network_parameter_name", self, index) for index in range(count)]

    @property
    def notes(self) -> list[str]:
        """What the network's file has and the network does not, each in some words."""
        found: list[str] = []
        while True:
            try:
                found.append(number(c_char_p, "tenas_network_note", self, len(found)))
            except errors.NotFound:
                return found

    def logits(self, images: Any) -> list[list[float]]:
        """The logits of images in evaluation, a list for each. `images` is a float32 array of count x
        channels x height x width, normalised as for the training."""
        facts = self.facts
        view = array_view(images, "f", "floating-point numbers (float32)")
        shape = view.shape or ()
        if len(shape) != 4 or shape[1:] != (facts.channels, facts.height, facts.width):
            expected = f"count x {facts.channels} x {facts.height} x {facts.width}"
            raise ValueError(f"images: found the shape {shape}, expected {expected}")
        pixels = view.tobytes()  # in C's order
        values = (c_float * (len(pixels) // sizeof(c_float))).from_buffer_copy(pixels)
        out = (c_float * (shape[0] * facts.classes))()
        call("tenas_network_logits", self, values, shape[0], out, len(out))
        return [out[first : first + facts.classes] for first in range(0, len(out), facts.classes)]

    def write_onnx(self, path: PathLike) -> None:
        """Writes the network as an ONNX file."""
        call("tenas_network_write_onnx", self, c_text(path))

    def write_pytorch(self, path: PathLike) -> None:
        """Writes the network as PyTorch code, to be read, changed and trained. One that was read from a file
        raises InvalidState."""
        call("tenas_network_write_pytorch", self, c_text(path))

    def write_weights(self, path: PathLike) -> None:
        """Writes the weights as a safetensors file, by the names of the PyTorch code."""
        call("tenas_network_write_weights", self, c_text(path))


def network_scores(
    config: Config,
    dataset: Dataset,
    networks: Iterable[Network],
    proxies: Iterable[str],
    progress: ProgressLike = None,
    *,
    weights: str = "fresh",
) -> list[Scores]:
    """What networks of any origin are worth by the scores of these names, each in its own size, with weights
    that are drawn ("fresh") or their own ("kept"). Images of the data set must be of the networks' shape."""
    listed = list(networks)
    for index, each in enumerate(listed):
        if not isinstance(each, Network):
            raise ValueError(f"networks[{index}]: found a {type(each).__name__}, expected a Network")
    kind = choice("weights", weights, WEIGHTS)
    names = [each.name for each in listed]
    return measured("tenas_networks_score", config, dataset, proxies, listed, names, progress, kind)
