"""Neural architecture search without training: libtenas from Python.

    import tenas

    data = tenas.Dataset.synthetic("cifar10")      # or Dataset.open("cifar10", path), from_images, ...
    found = tenas.search("nas-bench-201", data, seed=1, batch_size=8, repeats=1, progress=True)
    print(found.genotype)

Space, Dataset and Config say what is searched, on what and how; Context is a search, whole, round by round
or in pieces for other processes; scores and indicators tell what any architecture is worth.

Each call releases Python's lock. Ctrl-C ends a long one with KeyboardInterrupt, and what a callback raises
comes out of it. Errors are TenasError, of a class for each status.
"""

from ._benchmark import Benchmark
from ._config import Config, Parameter, parameters
from ._data import Dataset, DatasetFacts
from ._library import build_info, version
from ._networks import Network, NetworkFacts, network_scores
from ._scores import (
    Indicators,
    Progress,
    ProgressBar,
    Proxy,
    Scores,
    aggregate,
    indicators,
    indicators_of,
    indicators_of_mask,
    proxies,
    scatter_svg,
    scores,
)
from ._search import (
    Context,
    Measurement,
    Piece,
    Ranked,
    Record,
    Result,
    Round,
    Score,
    measurements_from_json,
    measurements_to_json,
    scores_from_json,
    scores_to_json,
    search,
)
from ._spaces import Genotype, Space
from .errors import (
    BufferTooSmall,
    Busy,
    Cancelled,
    DeviceError,
    FileError,
    FormatError,
    InternalError,
    InvalidArgument,
    InvalidState,
    NotFound,
    NullPointer,
    OutOfMemory,
    TenasError,
)

__version__ = "0.1.0"

__all__ = [
    "Benchmark",
    "BufferTooSmall",
    "Busy",
    "Cancelled",
    "Config",
    "Context",
    "Dataset",
    "DatasetFacts",
    "DeviceError",
    "FileError",
    "FormatError",
    "Genotype",
    "Indicators",
    "InternalError",
    "InvalidArgument",
    "InvalidState",
    "Measurement",
    "Network",
    "NetworkFacts",
    "NotFound",
    "NullPointer",
    "OutOfMemory",
    "Parameter",
    "Piece",
    "Progress",
    "ProgressBar",
    "Proxy",
    "Ranked",
    "Record",
    "Result",
    "Round",
    "Score",
    "Scores",
    "Space",
    "TenasError",
    "aggregate",
    "build_info",
    "indicators",
    "indicators_of",
    "indicators_of_mask",
    "measurements_from_json",
    "measurements_to_json",
    "network_scores",
    "parameters",
    "proxies",
    "scatter_svg",
    "scores",
    "scores_from_json",
    "scores_to_json",
    "search",
    "version",
]
