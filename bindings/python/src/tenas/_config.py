"""What determines a search."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_int32, c_size_t, c_uint32, c_uint64
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from . import _abi
from ._library import Handle, c_text, call, choice, made, number, struct, text, whole
from ._spaces import Space, SpaceLike, space_of

DATASETS = {
    "cifar10": _abi.TENAS_DATASET_CIFAR10,
    "cifar100": _abi.TENAS_DATASET_CIFAR100,
    "ImageNet16-120": _abi.TENAS_DATASET_IMAGENET16_120,
    "imagenet-1k": _abi.TENAS_DATASET_IMAGENET,
    "custom": _abi.TENAS_DATASET_CUSTOM,
}
DATASET_NAMES = {value: name for name, value in DATASETS.items()}

Value = TypeVar("Value", int, str)


class _Parameter(Generic[Value]):
    """An attribute of Config that is a parameter of the library, by the same name."""

    def __init__(self, meaning: str) -> None:
        self.__doc__ = meaning

    def __set_name__(self, owner: type[Config], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, config: None, owner: type[Config]) -> _Parameter[Value]: ...
    @overload
    def __get__(self, config: Config, owner: type[Config]) -> Value: ...
    def __get__(self, config: Config | None, owner: type[Config]) -> Value | _Parameter[Value]:
        if config is None:
            return self
        found: Value = config.parameter(self.name)  # type: ignore[assignment]
        return found

    def __set__(self, config: Config, value: Value) -> None:
        config.set_parameter(self.name, value)


@dataclass(frozen=True)
class Parameter:
    """What a configuration can be told: `choices` are the names of a choice's values, None for a number."""

    name: str
    decides: bool
    preset: int | str
    minimum: int
    maximum: int
    choices: tuple[str, ...] | None


def parameters(space: SpaceLike = "nas-bench-201", dataset: str = "cifar10") -> list[Parameter]:
    """All parameters, with the values that the preset of a space for a data set has."""
    found, kind, opened = [], choice("dataset", dataset, DATASETS), space_of(space)
    for index in range(number(c_size_t, "tenas_parameter_count")):
        each = struct(_abi.tenas_parameter, "tenas_search_space_parameter_info", opened, kind, index)
        names = tuple(each.choices.decode().split(",")) if each.choices else None
        preset = names[each.preset - each.minimum] if names else each.preset
        found.append(Parameter(each.name.decode(), bool(each.decides), preset, each.minimum, each.maximum, names))
    return found


class Config(Handle):
    """The published preset of a space for a data set, with any parameters changed:

        Config("nas-bench-201", "cifar10", seed=1, batch_size=32)

    Choices are texts. `parameters()` lists names, ranges and presets. Configurations are equal if
    all of their values are, and may be pickled."""

    _free = "tenas_config_free"

    strategy = _Parameter[str]('How the space is searched: "prune" (TE-NAS) or "rank".')
    seed = _Parameter[int]("The seed of all random numbers.")
    repeats = _Parameter[int]("How many times each candidate is scored.")
    batch_size = _Parameter[int]("Images of the batch that the condition number is measured on.")
    prune_per_edge = _Parameter[int]("How many operations a round removes from each edge.")
    score_decimals = _Parameter[int]("The precision at which candidates are compared.")
    init = _Parameter[str]('How weights are initialised: "kaiming_normal" or "torch_default".')
    sampling = _Parameter[str]('How candidates draw weights and images: "common" or "independent".')
    channels = _Parameter[int]("Channels of the first cell of the networks that scores are measured on.")
    cells = _Parameter[int]("Cells a stage of those networks.")
    image_size = _Parameter[int]("The height that images are shrunk to for them.")
    proxy_batch_size = _Parameter[int]("Images of a batch for them.")
    aggregation = _Parameter[str]('How ranks by several scores add up: "log_ranks" or "ranks".')
    budget = _Parameter[int]("How many architectures a ranking looks at.")
    rungs = _Parameter[int]("Rounds of successive halving.")
    reduction = _Parameter[int]("One of so many architectures comes to the next rung.")
    draw_growth = _Parameter[int]("How many times more draws the next rung has.")
    threads = _Parameter[int]("Threads of the native engine; 0 for all cores.")
    device = _Parameter[str]('Where to compute: "auto", "cpu", "cuda" or "torch-cpu".')
    device_index = _Parameter[int]("Which GPU, from 0.")

    def __init__(
        self,
        space: SpaceLike = "nas-bench-201",
        dataset: str = "cifar10",
        *,
        proxies: Sequence[str] | None = None,
        **parameters: int | str,
    ) -> None:
        kind = choice("dataset", dataset, DATASETS)
        self._adopt(made("tenas_config_new_for_space", space_of(space), kind))
        self._set(parameters)
        if proxies is not None:
            self.proxies = proxies

    @classmethod
    def _of(cls, pointer: Any) -> Config:
        config = cls.__new__(cls)
        config._adopt(pointer)
        return config

    @classmethod
    def from_json(cls, json: str) -> Config:
        """A configuration from a JSON object, as to_json writes it; "space" and "dataset" must be there."""
        return cls._of(made("tenas_config_from_json", c_text(json)))

    def to_json(self) -> str:
        return text("tenas_config_to_json", self)

    def copy(self, **parameters: int | str) -> Config:
        """A copy with some parameters changed."""
        copied = Config.from_json(self.to_json())
        copied._set(parameters)
        return copied

    def _set(self, parameters: dict[str, int | str]) -> None:
        # The strategy first, since others have presets of each; a device before its index.
        first = ("strategy", "device")
        for name in sorted(parameters, key=lambda each: each not in first):
            self.set_parameter(name, parameters[name])

    def __reduce__(self) -> Any:
        return Config.from_json, (self.to_json(),)

    def __eq__(self, other: object) -> bool:
        return self.to_json() == other.to_json() if isinstance(other, Config) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # it may be changed

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"found the parameter {name!r}, expected one of {', '.join(_names())}")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        if not self._pointer:
            return "<tenas.Config, closed>"
        presets = {each.name: each.preset for each in parameters(self.space, self.dataset)}
        changed = [f"{name}={self.parameter(name)!r}" for name in presets if self.parameter(name) != presets[name]]
        return f"<tenas.Config {', '.join([self.space.name, self.dataset, *changed])}>"

    @property
    def space(self) -> Space:
        return Space._of(made("tenas_config_search_space", self))

    @property
    def dataset(self) -> str:
        """The data set whose preset it began as."""
        return DATASET_NAMES[number(c_int32, "tenas_config_dataset", self)]

    def parameter(self, name: str) -> int | str:
        """The value of a parameter; that of a choice by its name."""
        value = int(number(c_uint64, "tenas_config_parameter", self, c_text(name)))
        names = _choices().get(name)
        return next(each for each in names if names[each] == value) if names else value

    def set_parameter(self, name: str, value: int | str) -> None:
        """Sets a parameter by its name; a choice by that of its value."""
        names = _choices().get(name)
        raw = choice(name, str(value), names) if names is not None else whole(name, value)
        call("tenas_config_set_parameter", self, c_text(name), raw)

    @property
    def proxies(self) -> list[str]:
        """The names of the scores that the strategy "rank" goes by."""
        return text("tenas_config_proxies", self).split(",")

    @proxies.setter
    def proxies(self, names: Sequence[str]) -> None:
        listed = names if isinstance(names, str) else ",".join(names)
        call("tenas_config_set_proxies", self, c_text(listed))

    def proxy_network(self, proxy: str | None = None) -> dict[str, int]:
        """The size of the networks that a score, or None for all, is measured on; 0 where not set."""
        out = [c_uint32() for _ in range(4)]
        name = None if proxy is None else c_text(proxy)
        call("tenas_config_proxy_network", self, name, *map(byref, out))
        return dict(zip(("channels", "cells", "image_size", "batch_size"), (each.value for each in out)))

    def set_proxy_network(
        self, proxy: str | None = None, *, channels: int = 0, cells: int = 0, image_size: int = 0, batch_size: int = 0
    ) -> None:
        """Sets that size; 0 leaves it to the score's paper or the space."""
        name = None if proxy is None else c_text(proxy)
        sizes = (("channels", channels), ("cells", cells), ("image_size", image_size), ("batch_size", batch_size))
        values = [whole(key, value, 2**32) for key, value in sizes]
        call("tenas_config_set_proxy_network", self, name, *values)


def _names() -> list[str]:
    return [each.name for each in parameters()] + ["proxies"]


_known: dict[str, dict[str, int]] = {}


def _choices() -> dict[str, dict[str, int]]:
    """The numbers of each choice's values by their names. They are those of every space."""
    if not _known:
        for each in parameters():
            if each.choices:
                _known[each.name] = {name: each.minimum + i for i, name in enumerate(each.choices)}
    return _known
