"""Searches: whole, round by round, or in pieces for other processes and machines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from ctypes import byref, c_bool, c_double, c_int32, c_size_t, c_uint8, c_uint32, sizeof
from dataclasses import dataclass
from typing import Any

from . import _abi
from ._benchmark import Benchmark
from ._config import Config
from ._data import Dataset, remade
from ._library import (
    Handle,
    PathLike,
    array,
    c_text,
    call,
    choice,
    guarded,
    long_call,
    made,
    number,
    struct,
    text,
    whole,
)
from ._scores import Progress, ProgressLike, Watched
from ._spaces import FORMATS, Genotype, SpaceLike

DEVICES = {
    _abi.TENAS_DEVICE_AUTO: "auto",
    _abi.TENAS_DEVICE_CPU: "cpu",
    _abi.TENAS_DEVICE_CUDA: "cuda",
    _abi.TENAS_DEVICE_TORCH_CPU: "torch-cpu",
}
LEVELS = {
    _abi.TENAS_LOG_ERROR: "error",
    _abi.TENAS_LOG_WARNING: "warning",
    _abi.TENAS_LOG_INFO: "info",
    _abi.TENAS_LOG_DEBUG: "debug",
}


@dataclass(frozen=True)
class Record:
    """A candidate of a finished round: an operation, and what its removal would do (tenas_record)."""

    round: int
    cell: int
    edge: int
    operation: int
    ntk_rank: int
    regions_rank: int
    pruned: bool
    ntk_delta: float
    regions_delta: float
    ntk_now: float
    ntk_without: float
    regions_now: float
    regions_without: float


@dataclass(frozen=True)
class Round:
    """A finished round in short (tenas_round)."""

    round: int
    candidates: int
    pruned: int
    first_record: int
    ntk: float
    regions: float


@dataclass(frozen=True)
class Ranked:
    """An architecture of a ranking: what its ranks add up to, its value and its place by each score."""

    genotype: Genotype
    number: int
    rung: int
    draws: int
    connected: bool
    total: float
    values: dict[str, float]
    ranks: dict[str, float]


@dataclass(frozen=True)
class Score:
    """The scores of a candidate of the strategy "prune", as they travel between contexts. `digest` tells
    of which configuration, images, round and mask they are."""

    digest: int
    round: int
    cell: int
    edge: int
    operation: int
    ntk_delta: float
    regions_delta: float
    ntk_now: float
    ntk_without: float
    regions_now: float
    regions_without: float


@dataclass(frozen=True)
class Measurement:
    """What a draw of a candidate of the strategy "rank" is worth, as it travels between contexts."""

    digest: int
    round: int
    candidate: int
    draw: int
    values: tuple[float, ...]


Evaluated = Score | Measurement


def _fields(kind: Any, found: Any) -> Any:
    values = {name: getattr(found, name) for name in kind.__dataclass_fields__}
    if "pruned" in values and kind is Record:
        values["pruned"] = bool(values["pruned"])
    return kind(**values)


def _measurement(found: Any) -> Measurement:
    return Measurement(found.digest, found.round, found.candidate, found.draw, tuple(found.values[: found.count]))


def _score_array(scores: Sequence[Any]) -> Any:
    places = (_abi.tenas_score * len(scores))()
    for place, score in zip(places, scores):
        for name in Score.__dataclass_fields__:
            setattr(place, name, getattr(score, name))
    return places


def _measurement_array(measurements: Sequence[Any]) -> Any:
    places = (_abi.tenas_measurement * len(measurements))()
    for place, one in zip(places, measurements):
        if len(one.values) > len(place.values):
            raise ValueError(f"values: found {len(one.values)}, expected at most {len(place.values)}")
        place.digest, place.round, place.candidate, place.draw = one.digest, one.round, one.candidate, one.draw
        place.count = len(one.values)
        place.values[: len(one.values)] = one.values
    return places


def scores_to_json(scores: Sequence[Score]) -> str:
    """Scores as JSON, for workers in other languages or on machines of another kind. Numbers read back as
    the same floats; one that is not finite raises InvalidArgument."""
    return text("tenas_scores_to_json", _score_array(scores), len(scores))


def scores_from_json(json: str) -> list[Score]:
    """What scores_to_json writes; anything else raises FormatError with the place in the text."""
    return [_fields(Score, each) for each in array(_abi.tenas_score, "tenas_scores_from_json", c_text(json))]


def measurements_to_json(measurements: Sequence[Measurement]) -> str:
    """Measurements as JSON, for workers in other languages or on machines of another kind. Numbers read
    back as the same floats; one that is not finite raises InvalidArgument."""
    return text("tenas_measurements_to_json", _measurement_array(measurements), len(measurements))


def measurements_from_json(json: str) -> list[Measurement]:
    """What measurements_to_json writes; anything else raises FormatError with the place in the text."""
    found = array(_abi.tenas_measurement, "tenas_measurements_from_json", c_text(json))
    return [_measurement(each) for each in found]


class Context(Handle):
    """A search of a configuration on a data set. One call at a time works on it; a second one raises Busy.
    cancel(), progress and work are never busy.

    In a forked child a context of the parent raises InvalidState: make contexts in the workers. A
    process that has used CUDA must start its workers with the method "spawn"."""

    _free = "tenas_context_free"

    def __init__(self, config: Config, dataset: Dataset) -> None:
        self._begin(made("tenas_context_new", config, dataset), dataset)

    def _begin(self, pointer: Any, dataset: Dataset) -> None:
        self._adopt(pointer)
        self._dataset = dataset
        self._log: Any = None

    @classmethod
    def load(cls, path: PathLike, dataset: Dataset, machine: Config | None = None) -> Context:
        """The search in a checkpoint, on the images that it began with. It computes where it did before,
        or on the device and threads of `machine`."""
        context = cls.__new__(cls)
        context._begin(made("tenas_context_load", c_text(path), dataset, machine), dataset)
        return context

    @classmethod
    def from_state(cls, state: bytes, dataset: Dataset, **machine: int | str) -> Context:
        """The search in a state. Of `machine`, threads, device and device_index are taken, for example
        threads=1; what is not given is as in the state."""
        settings = Config.from_json(json.dumps(json.loads(state)["config"])).copy(**machine) if machine else None
        import tempfile

        with tempfile.TemporaryDirectory(prefix="tenas-") as folder:
            path = os.path.join(folder, "state.json")
            with open(path, "wb") as file:
                file.write(state)
            return cls.load(path, dataset, settings)

    def state(self) -> bytes:
        """The search as bytes, those of a checkpoint: for other processes and machines."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="tenas-") as folder:
            path = os.path.join(folder, "state.json")
            self.save(path)
            with open(path, "rb") as file:
                return file.read()

    def __repr__(self) -> str:
        if not self._pointer:
            return "<tenas.Context, closed>"
        seen = self.progress
        return f"<tenas.Context, round {seen.round} of {seen.rounds}, {seen.candidate} of {seen.candidates} candidates>"

    def _repr_svg_(self) -> str | None:
        return self.genotype()._repr_svg_() if self._pointer and self.is_finished else None

    # Running

    def run(self, progress: ProgressLike = None) -> None:
        """Runs all rounds that remain. progress(Progress) is called after each candidate and returns False
        to cancel, which raises Cancelled; True shows a bar. What it raises comes out of this call. In all
        cases what was completed is kept, and the next run goes on from there to the same result."""
        self._watched(progress, "tenas_context_run")

    def run_round(self, progress: ProgressLike = None) -> bool:
        """Runs one round; True if it was the last."""
        finished = c_bool()
        self._watched(progress, "tenas_context_run_round", byref(finished))
        return finished.value

    def _watched(self, progress: ProgressLike, name: str, *arguments: Any) -> None:
        with Watched(progress) as function:
            call("tenas_context_set_progress", self, function, None)
            try:
                long_call(name, self, *arguments)
            finally:
                call("tenas_context_set_progress", self, _abi.tenas_progress_fn(), None)

    def cancel(self) -> None:
        """Has the running call raise Cancelled within the time of one candidate, from any thread; if
        nothing is running, the next run."""
        call("tenas_context_cancel", self)

    def clear_cancel(self) -> None:
        """Drops a request to cancel that no call has reported yet."""
        call("tenas_context_clear_cancel", self)

    @property
    def progress(self) -> Progress:
        """How far the search is, at any time and from any thread."""
        return Progress._of(struct(_abi.tenas_progress, "tenas_context_progress", self))

    @property
    def work(self) -> tuple[int, int]:
        """How much of the search is done and how much there is, as far as that can be foreseen."""
        done, all = c_uint32(), c_uint32()
        call("tenas_context_work", self, byref(done), byref(all))
        return done.value, all.value

    @property
    def is_finished(self) -> bool:
        return bool(number(c_bool, "tenas_context_is_finished", self))

    @property
    def config(self) -> Config:
        """A copy of the search's configuration."""
        return Config._of(made("tenas_context_config", self))

    @property
    def device(self) -> tuple[str, int]:
        """Where the search computes: "cuda" or "cpu", for example, and which of them."""
        kind, index = c_int32(), c_int32()
        call("tenas_context_device", self, byref(kind), byref(index))
        return DEVICES[kind.value], index.value

    def set_log(self, log: Callable[[str, str], Any] | None) -> None:
        """Has log(level, text) take the lines of the search's log: levels are "error", "warning", "info"
        and "debug". None switches it off."""

        def line(level: int, content: bytes, _: Any) -> None:
            guarded(lambda: (log(LEVELS.get(level, "debug"), content.decode()), True)[1])  # type: ignore[misc]

        function = _abi.tenas_log_fn() if log is None else _abi.tenas_log_fn(line)
        call("tenas_context_set_log", self, function, None)
        self._log = function  # for as long as it is set

    def set_trace(self, path: PathLike | None) -> None:
        """Has the search write what it finds to a file of JSON lines from now on; None ends that. The
        trace of the same search is continued (docs/REPORT.md has the format)."""
        call("tenas_context_set_trace", self, None if path is None else c_text(path))

    # Results

    def report(self, path: PathLike, table: Benchmark | None = None) -> None:
        """Writes a report of the finished rounds, one HTML file; with the accuracies of a table."""
        if table is None:
            call("tenas_context_report", self, c_text(path))
        else:
            call("tenas_context_report_with_table", self, table, c_text(path))

    def genotype(self, format: str = "native") -> Genotype:
        """The architecture that a finished search has found."""
        return Genotype(text("tenas_context_genotype", self, choice("format", format, FORMATS)), self.config.space)

    @property
    def records(self) -> list[Record]:
        """The candidates of all finished rounds (strategy "prune")."""
        count = number(c_size_t, "tenas_context_record_count", self)
        name = "tenas_context_record"
        return [_fields(Record, struct(_abi.tenas_record, name, self, index)) for index in range(count)]

    @property
    def rounds(self) -> list[Round]:
        """The finished rounds (strategy "prune")."""
        count = number(c_size_t, "tenas_context_round_count", self)
        return [_fields(Round, struct(_abi.tenas_round, "tenas_context_round", self, i)) for i in range(count)]

    @property
    def history(self) -> dict[str, Any]:
        """Everything that the search has found, with names."""
        history: dict[str, Any] = json.loads(text("tenas_context_records_json", self))
        return history

    @property
    def ranking(self) -> list[Ranked]:
        """The architectures that the finished rounds have ranked, the best first (strategy "rank")."""
        config = self.config
        names, space = config.proxies, config.space
        values, ranks = (c_double * len(names))(), (c_double * len(names))()
        found = []
        for index in range(number(c_size_t, "tenas_context_ranking_count", self)):
            each = _abi.tenas_ranked(struct_size=sizeof(_abi.tenas_ranked))
            call("tenas_context_ranked", self, index, byref(each), values, ranks, len(names))
            genotype = text("tenas_context_ranked_genotype", self, index, _abi.TENAS_GENOTYPE_NATIVE)
            found.append(
                Ranked(
                    Genotype(genotype, space),
                    each.number,
                    each.rung,
                    each.draws,
                    bool(each.connected),
                    each.total,
                    dict(zip(names, values)),
                    dict(zip(names, ranks)),
                )
            )
        return found

    # Checkpoints

    def save(self, path: PathLike) -> None:
        """Writes a checkpoint, from which load goes on."""
        call("tenas_context_save", self, c_text(path))

    def set_checkpoint(self, path: PathLike | None, seconds: float = 60.0) -> None:
        """Has the search save itself: now, at the end of each round, and after a candidate if the last
        checkpoint is that old. None switches it off."""
        call("tenas_context_set_checkpoint", self, None if path is None else c_text(path), seconds)

    # A round in pieces

    @property
    def candidate_count(self) -> int:
        """The number of candidates of the round at hand, 0 at the end."""
        return int(number(c_size_t, "tenas_context_candidate_count", self))

    @property
    def draws(self) -> int:
        """How many measurements each candidate of the round at hand has."""
        return int(number(c_size_t, "tenas_context_draws", self))

    def evaluate(self, first: int, count: int, progress: ProgressLike = None) -> list[Evaluated]:
        """Scores count candidates of the round at hand from number first on, and changes nothing: a Score
        each, or with the strategy "rank" a Measurement for each of its draws."""
        whole("first", first)
        whole("count", count)
        if first + count > self.candidate_count:
            raise ValueError(
                f"evaluate: found candidates {first} to {first + count - 1}, expected below {self.candidate_count}"
            )
        if self.config.strategy == "rank":
            measured = (_abi.tenas_measurement * (count * self.draws))()
            self._watched(progress, "tenas_context_measure", first, count, measured)
            return [_measurement(each) for each in measured]
        scored = (_abi.tenas_score * count)()
        self._watched(progress, "tenas_context_evaluate", first, count, scored)
        return [_fields(Score, each) for each in scored]

    def apply(self, evaluated: Iterable[Evaluated]) -> bool:
        """Ends the round at hand with what evaluate has found of all its candidates, in whichever
        processes and in any order; True if it was the last round. Scores of another search, round or
        data set, missing and doubled ones raise InvalidArgument and change nothing."""
        evaluated = list(evaluated)
        finished = c_bool()
        rank = self.config.strategy == "rank"
        expected = Measurement if rank else Score
        for index, each in enumerate(evaluated):
            if not isinstance(each, expected):
                raise ValueError(
                    f"scores[{index}]: found a {type(each).__name__}, expected a {expected.__name__}, which "
                    f'a search with the strategy "{"rank" if rank else "prune"}" has'
                )
        if rank:
            call("tenas_context_settle", self, _measurement_array(evaluated), len(evaluated), byref(finished))
        else:
            call("tenas_context_apply", self, _score_array(evaluated), len(evaluated), byref(finished))
        return finished.value

    def pieces(self, count: int, **machine: int | str) -> list[Piece]:
        """The round at hand in at most `count` pieces, to be evaluated by other processes and machines.
        The data set must be one that can be pickled. Of `machine`, threads, device and device_index are
        those that the pieces compute with, for example threads=1."""
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"count: found {count!r}, expected a number of pieces, 1 or more")
        candidates = self.candidate_count
        size = max(1, -(-candidates // count))
        state = self.state() if candidates else b""
        return [
            Piece(state, self._dataset, first, min(size, candidates - first), tuple(sorted(machine.items())))
            for first in range(0, candidates, size)
        ]

    @property
    def mask(self) -> list[int]:
        """Which operations are active: 1 or 0 for each operation of each edge of each cell."""
        return list(array(c_uint8, "tenas_context_mask", self))

    def prune(self, cell: int, edge: int, operation: int) -> None:
        """Removes an operation from an edge, whatever the search would do."""
        places = [whole(n, v, 2**32) for n, v in (("cell", cell), ("edge", edge), ("operation", operation))]
        call("tenas_context_prune", self, *places)


@dataclass(frozen=True)
class Piece:
    """Candidates of a round, with everything that a process needs to evaluate them: it may be pickled and
    sent. Evaluating it again, anywhere, gives the same bits, so that a lost one is simply sent again."""

    state: bytes
    dataset: Dataset
    first: int
    count: int
    machine: tuple[tuple[str, int | str], ...] = ()

    def __reduce__(self) -> Any:
        recipe = self.dataset.__reduce__()[1]
        return _piece, (self.state, recipe, self.first, self.count, self.machine)

    def evaluate(self, **machine: int | str) -> list[Evaluated]:
        """Scores the candidates, for Context.apply. threads, device and device_index given here come
        before those of the piece: a worker with a GPU of its own says which."""
        chosen = dict(self.machine, **machine)
        return _context_of(self.state, self.dataset, chosen).evaluate(self.first, self.count)


# The images of the last piece: to make or read them anew for each would take longer than to evaluate it.
_images: tuple[Any, Dataset] | None = None


def _piece(state: bytes, recipe: Any, first: int, count: int, machine: tuple[tuple[str, int | str], ...]) -> Piece:
    """A piece that has travelled."""
    global _images
    kept = _images  # another thread may change it
    if kept is None or kept[0] != recipe or kept[1]._pointer is None:
        kept = _images = (recipe, remade(*recipe))
    return Piece(state, kept[1], first, count, machine)


# The context of the last piece, since a worker has several of a round. It is forgotten in a forked child.
_last: tuple[tuple[Any, ...], Context] | None = None


def _context_of(state: bytes, dataset: Dataset, machine: dict[str, int | str]) -> Context:
    global _last
    key = (os.getpid(), state, dataset.digest, tuple(sorted(machine.items())))
    last = _last  # another thread may change it
    if last is not None and last[0] == key:
        return last[1]
    context = Context.from_state(state, dataset, **machine)
    _last = (key, context)
    return context


@dataclass(frozen=True)
class Result:
    """What a search has found. `history` has every candidate; its keys are those of
    tenas_context_records_json."""

    genotype: Genotype
    history: dict[str, Any]
    seconds: float

    def _repr_svg_(self) -> str | None:
        return self.genotype._repr_svg_()


def search(
    space: SpaceLike | Config = "nas-bench-201",
    dataset: Dataset | None = None,
    *,
    progress: ProgressLike = None,
    **parameters: Any,
) -> Result:
    """Searches a space, or what a configuration says, on a data set, and tells what was found:

        tenas.search("nas-bench-201", tenas.Dataset.open("cifar10", path), seed=1, progress=True).genotype

    Without a data set, on synthetic images in the shape of CIFAR-10. Parameters are those of Config."""
    data = Dataset.synthetic() if dataset is None else dataset
    if isinstance(space, Config):
        if parameters:
            raise ValueError(f"search: found a Config and {', '.join(parameters)}, expected one of the two")
        config = space
    else:
        config = Config(space, data.facts.kind, **parameters)
    with Context(config, data) as context:
        context.run(progress)
        return Result(context.genotype(), context.history, context.progress.seconds)
