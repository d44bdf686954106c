"""Accuracy tables of finished architectures."""

from __future__ import annotations

import json
from ctypes import c_double, c_int32, c_size_t

from ._config import DATASETS
from ._library import Handle, PathLike, c_text, choice, made, number, text, whole
from ._spaces import SPACES, Genotype, Space


class Benchmark(Handle):
    """What architectures reach after training, from a table: a CSV file, or a folder of NATS-Bench's
    topology files (tenas_benchmark_open). Accuracies are in percent."""

    _free = "tenas_benchmark_free"

    def __init__(self, path: PathLike) -> None:
        self._adopt(made("tenas_benchmark_open", c_text(path)))
        self._space = Space(self.space)

    def __len__(self) -> int:
        return int(number(c_size_t, "tenas_benchmark_count", self))

    @property
    def ignored(self) -> list[str]:
        """The columns that were not read, since they are of no data set that is known."""
        names: list[str] = json.loads(text("tenas_benchmark_ignored", self))
        return names

    @property
    def space(self) -> str:
        value = number(c_int32, "tenas_benchmark_space", self)
        return next(name for name, each in SPACES.items() if each == value)

    def genotype(self, index: int) -> Genotype:
        """The architecture of an entry, from 0."""
        return Genotype(text("tenas_benchmark_genotype", self, whole("index", index)), self._space)

    def find(self, genotype: str) -> int:
        """The entry of an architecture."""
        return int(number(c_size_t, "tenas_benchmark_find", self, c_text(genotype)))

    def accuracy(self, genotype: str, dataset: str) -> float:
        """An architecture's test accuracy on a data set."""
        kind = choice("dataset", dataset, DATASETS)
        return float(number(c_double, "tenas_benchmark_accuracy", self, c_text(genotype), kind))

    def rank(self, genotype: str, dataset: str) -> int:
        """An architecture's place by accuracy: 1 is the best, equals share a place."""
        kind = choice("dataset", dataset, DATASETS)
        return int(number(c_size_t, "tenas_benchmark_rank", self, c_text(genotype), kind))

    def best(self, dataset: str) -> int:
        """The entry with the highest accuracy."""
        return int(number(c_size_t, "tenas_benchmark_best", self, choice("dataset", dataset, DATASETS)))
