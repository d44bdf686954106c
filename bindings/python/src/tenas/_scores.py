"""What architectures are worth without training."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from ctypes import c_double, c_int32, c_size_t
from dataclasses import dataclass
from typing import Any, TextIO

from . import _abi
from ._config import Config
from ._data import Dataset
from ._library import c_text, c_texts, call, choice, guarded, long_call, number, struct, text, whole


@dataclass(frozen=True)
class Progress:
    """How far a search is: the round (from 0), the finished candidates of it, the seconds computed so far."""

    round: int
    rounds: int
    candidate: int
    candidates: int
    seconds: float

    @classmethod
    def _of(cls, seen: Any) -> Progress:
        return cls(seen.round, seen.rounds, seen.candidate, seen.candidates, seen.seconds)


class ProgressBar:
    """Shows a search's progress as a line on stderr, or another file: give it as `progress`."""

    def __init__(self, file: TextIO | None = None, width: int = 30) -> None:
        self.file, self.width, self._begun, self._line = file or sys.stderr, width, time.monotonic(), ""

    def __call__(self, progress: Progress) -> None:
        share = progress.candidate / progress.candidates if progress.candidates else 1.0
        bar = ("#" * int(share * self.width)).ljust(self.width)
        line = (
            f"\rround {progress.round + 1} of {progress.rounds} |{bar}| {progress.candidate} of "
            f"{progress.candidates}, {time.monotonic() - self._begun:.0f} s"
        )
        self.file.write(line.ljust(len(self._line)))
        self.file.flush()
        self._line = line

    def close(self) -> None:
        """Ends the line."""
        if self._line:
            self.file.write("\n")
            self._line = ""


# What is called after each candidate: it returns False to cancel. True shows a ProgressBar.
ProgressLike = Callable[[Progress], Any] | bool | None


class Watched:
    """The C function that calls a function of the host after each candidate, where there is one. There
    always is a C function: it is where Ctrl-C is noticed."""

    def __init__(self, progress: ProgressLike) -> None:
        self.bar = ProgressBar() if progress is True else None
        function = self.bar or (None if isinstance(progress, bool) else progress)

        def report(seen: Any, _: Any) -> int:
            # A copy: the library's own lives only until this returns.
            return guarded(lambda: function is None or function(Progress._of(seen.contents)) is not False)

        self.function = _abi.tenas_progress_fn(report)

    def __enter__(self) -> Any:
        return self.function

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()


@dataclass(frozen=True)
class Proxy:
    """A score: `better` is "higher" or "lower", `cost` is "count", "forward" or "reverse"."""

    name: str
    title: str
    source: str
    better: str
    cost: str


DIRECTIONS = {_abi.TENAS_DIRECTION_HIGHER: "higher", _abi.TENAS_DIRECTION_LOWER: "lower"}
COSTS = {
    _abi.TENAS_PROXY_COST_COUNT: "count",
    _abi.TENAS_PROXY_COST_FORWARD: "forward",
    _abi.TENAS_PROXY_COST_REVERSE: "reverse",
}


def proxies() -> list[Proxy]:
    """All scores, in the order of tables."""
    found = []
    for index in range(number(c_size_t, "tenas_proxy_count")):
        each = struct(_abi.tenas_proxy, "tenas_proxy_info", index)
        texts = (each.name.decode(), each.title.decode(), each.source.decode())
        found.append(Proxy(*texts, DIRECTIONS[each.direction], COSTS[each.cost]))
    return found


@dataclass(frozen=True)
class Scores:
    """What an architecture is worth by some scores: `scores["ntk"]` is the mean over the repeats,
    `spreads["ntk"]` its standard deviation. Not connected: the output does not depend on the image.
    `genotype` is the architecture, or the name of a network."""

    genotype: str
    means: dict[str, float]
    spreads: dict[str, float]
    connected: bool

    def __getitem__(self, proxy: str) -> float:
        return self.means[proxy]


def scores(
    config: Config,
    dataset: Dataset,
    genotypes: Iterable[str],
    proxies: Iterable[str],
    progress: ProgressLike = None,
) -> list[Scores]:
    """What architectures are worth by the scores of these names, with all cores or the GPU kept busy."""
    texts = _listed("genotypes", genotypes)
    return measured("tenas_scores_of_many", config, dataset, proxies, c_texts(texts), texts, progress)


def measured(
    function: str,
    config: Config,
    dataset: Dataset,
    proxies: Iterable[str],
    subjects: Any,
    labels: list[str],
    progress: ProgressLike,
    *settings: int,
) -> list[Scores]:
    """The scores of subjects, whose Python names are the labels, by a C function that measures many."""
    names = _listed("proxies", proxies)
    size = len(names) * len(labels)
    means, spreads = (c_double * size)(), (c_double * size)()
    connected = (c_int32 * len(labels))()
    with Watched(progress) as watch:
        measuring = (c_texts(names), len(names), subjects, len(labels), *settings, watch, None)
        long_call(function, config, dataset, *measuring, means, spreads, connected)
    rows = [slice(i * len(names), (i + 1) * len(names)) for i in range(len(labels))]
    return [
        Scores(label, dict(zip(names, means[row])), dict(zip(names, spreads[row])), bool(known))
        for label, row, known in zip(labels, rows, connected)
    ]


def _listed(name: str, values: Iterable[str]) -> list[str]:
    if isinstance(values, str):
        raise ValueError(f"{name}: found one text, {values!r}, expected a list of texts")
    return list(values)


@dataclass(frozen=True)
class Indicators:
    """The two indicators of TE-NAS, two scores of activations, and the size of the trained network."""

    ntk: float
    ntk_spread: float
    regions: float
    regions_spread: float
    naswot: float
    naswot_spread: float
    swap: float
    swap_spread: float
    multiply_adds: int
    parameters: int
    connected: bool
    repeats: int
    seconds: float

    @classmethod
    def _of(cls, found: Any) -> Indicators:
        values = {name: getattr(found, name) for name in cls.__dataclass_fields__}
        return cls(**{**values, "connected": bool(found.connected)})


def indicators(
    config: Config, dataset: Dataset, genotypes: Iterable[str], progress: ProgressLike = None
) -> list[Indicators]:
    """The indicators of architectures, with all cores or the GPU kept busy."""
    genotypes = _listed("genotypes", genotypes)
    found = (_abi.tenas_indicators * len(genotypes))()
    if genotypes:
        found[0].struct_size = ctypes.sizeof(_abi.tenas_indicators)
    with Watched(progress) as function:
        arguments = (c_texts(genotypes), len(genotypes), function, None, found)
        long_call("tenas_indicators_of_many", config, dataset, *arguments)
    return [Indicators._of(each) for each in found]


def indicators_of_mask(config: Config, dataset: Dataset, mask: Sequence[int]) -> Indicators:
    """The indicators of a supernet: 1 or 0 for each operation of each edge, as Context.mask has it."""
    values = (ctypes.c_uint8 * len(mask))(*(whole(f"mask[{i}]", each, 2**8) for i, each in enumerate(mask)))
    return Indicators._of(
        struct(_abi.tenas_indicators, "tenas_indicators_of_mask", config, dataset, values, len(values))
    )


AGGREGATIONS = {"log_ranks": _abi.TENAS_AGGREGATION_LOG_RANKS, "ranks": _abi.TENAS_AGGREGATION_RANKS}


def aggregate(proxies: Iterable[str], values: Sequence[Sequence[float]], aggregation: str = "log_ranks") -> list[float]:
    """Makes one order of the values of several scores, a row for each architecture: what its ranks add
    up to. With "log_ranks" the higher the better, with "ranks" the lower."""
    names, kind = _listed("proxies", proxies), choice("aggregation", aggregation, AGGREGATIONS)
    for index, row in enumerate(values):
        if len(row) != len(names):
            raise ValueError(f"values[{index}]: found {len(row)} values, expected {len(names)}, one for each score")
    flat = (c_double * (len(values) * len(names)))(*(each for row in values for each in row))
    totals = (c_double * len(values))()
    call("tenas_aggregate", kind, c_texts(names), len(names), flat, len(values), totals)
    return list(totals)


def indicators_of(config: Config, dataset: Dataset, genotype: str) -> Indicators:
    """The indicators of one architecture."""
    return Indicators._of(struct(_abi.tenas_indicators, "tenas_indicators_of", config, dataset, c_text(genotype)))


def scatter_svg(x_title: str, y_title: str, x: Sequence[float], y: Sequence[float]) -> str:
    """A picture of pairs of values with their rank correlation, as SVG: scores against accuracies, for
    example. Turn a score around for which less is better, so that 1 is full agreement."""
    if len(x) != len(y):
        raise ValueError(f"y: found {len(y)} values, expected {len(x)}, one for each of x")
    columns = ((c_double * len(values))(*values) for values in (x, y))
    return text("tenas_scatter_svg", c_text(x_title), c_text(y_title), *columns, len(x))
