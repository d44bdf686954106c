"""Search spaces and their architectures."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_char_p, c_int32, c_uint32, c_uint64
from typing import Any

from . import _abi
from ._library import Handle, PathLike, array, c_text, choice, made, number, text, whole

SPACES = {"nas-bench-201": _abi.TENAS_SPACE_NAS_BENCH_201, "darts": _abi.TENAS_SPACE_DARTS}
FORMATS = {"native": _abi.TENAS_GENOTYPE_NATIVE, "json": _abi.TENAS_GENOTYPE_JSON}


class Genotype(str):
    """A finished architecture as a text. Notebooks show one whose space is known as a drawing: those that
    the library gives, and Genotype(text, space)."""

    __slots__ = ("_space",)
    _space: Space | None

    def __new__(cls, text: str, space: SpaceLike | None = None) -> Genotype:
        genotype = super().__new__(cls, text)
        genotype._space = None if space is None else space_of(space)
        return genotype

    def _open_space(self) -> Space | None:
        return self._space if self._space is not None and self._space._pointer else None

    def __reduce__(self) -> Any:
        return Genotype, (str(self), self._open_space())

    def _repr_svg_(self) -> str | None:
        space = self._open_space()
        return None if space is None else space.svg(self)


class Space(Handle):
    """A search space: one that is built in by name ("nas-bench-201", "darts"), or a space file
    (Space.open, Space.from_json; docs/SPACES.md explains the format). It never changes."""

    _free = "tenas_search_space_free"

    def __init__(self, name: str) -> None:
        self._adopt(made("tenas_search_space_new", choice("space", name, SPACES)))

    @classmethod
    def _of(cls, pointer: Any) -> Space:
        space = cls.__new__(cls)
        space._adopt(pointer)
        return space

    @classmethod
    def open(cls, path: PathLike) -> Space:
        """The space in a file."""
        return cls._of(made("tenas_search_space_open", c_text(path)))

    @classmethod
    def from_json(cls, json: str) -> Space:
        """The space in the text of a space file."""
        return cls._of(made("tenas_search_space_from_json", c_text(json)))

    def to_json(self) -> str:
        """The space as the text of a space file."""
        return text("tenas_search_space_to_json", self)

    def __reduce__(self) -> Any:
        return Space.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        return f"<tenas.Space {self.name}>" if self._pointer else "<tenas.Space, closed>"

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Space) else NotImplemented

    def __hash__(self) -> int:
        return self.digest

    @property
    def name(self) -> str:
        return str(number(c_char_p, "tenas_search_space_name", self))

    @property
    def digest(self) -> int:
        """A number that tells spaces apart by all of their content."""
        return int(number(c_uint64, "tenas_search_space_digest", self))

    @property
    def cells(self) -> list[str]:
        """The names of the cells and of the groups of choices outside of cells."""
        count = number(c_uint32, "tenas_search_space_cell_count", self)
        return [number(c_char_p, "tenas_search_space_cell_name", self, i) for i in range(count)]

    def edges(self, cell: int = 0) -> list[str]:
        """The names of a cell's edges, "1<-0" for example: the state written, the state read."""
        whole("cell", cell, 2**32)
        count = number(c_uint32, "tenas_search_space_edge_count", self, cell)
        return [number(c_char_p, "tenas_search_space_edge_name", self, cell, i) for i in range(count)]

    @property
    def operations(self) -> list[str]:
        """The names of the operations, those of all edges together."""
        count = number(c_uint32, "tenas_search_space_operation_count", self)
        return [number(c_char_p, "tenas_search_space_operation_name", self, i) for i in range(count)]

    def offers(self, cell: int, edge: int, operation: int) -> bool:
        """Whether an edge offers an operation."""
        places = [whole(n, v, 2**32) for n, v in (("cell", cell), ("edge", edge), ("operation", operation))]
        return bool(number(c_int32, "tenas_search_space_offers", self, *places))

    # Architectures. `format` is "native", the text that training code reads, or "json".

    def __len__(self) -> int:
        return self.count

    @property
    def count(self) -> int:
        """The number of architectures; NotFound if there are 2**64 or more."""
        return int(number(c_uint64, "tenas_search_space_genotype_count", self))

    def at(self, index: int, format: str = "native") -> Genotype:
        """The architecture of a number."""
        return self._genotype("at", whole("index", index), choice("format", format, FORMATS))

    def index(self, genotype: str) -> int:
        """The number of an architecture."""
        return int(number(c_uint64, "tenas_search_space_genotype_index", self, c_text(genotype)))

    def sample(self, seed: int = 0, index: int = 0, format: str = "native") -> Genotype:
        """A random architecture, each as likely as any other. Equal seeds and indices give the same."""
        return self._genotype("sample", whole("seed", seed), whole("index", index), choice("format", format, FORMATS))

    def mutate(self, genotype: str, seed: int = 0, index: int = 0, format: str = "native") -> Genotype:
        """A random neighbour of an architecture. Equal seeds and indices give the same."""
        numbers = whole("seed", seed), whole("index", index)
        return self._genotype("mutate", c_text(genotype), *numbers, choice("format", format, FORMATS))

    def convert(self, genotype: str, format: str = "native") -> Genotype:
        """The same architecture in a format, in the library's own spelling."""
        return self._genotype("convert", c_text(genotype), choice("format", format, FORMATS))

    def canonical(self, genotype: str) -> str:
        """A text that isomorphic architectures share and others do not."""
        return text("tenas_search_space_genotype_canonical", self, c_text(genotype))

    def to_operations(self, genotype: str) -> list[int]:
        """An architecture as numbers, one an edge: indices into `operations`."""
        return list(array(c_uint32, "tenas_search_space_genotype_to_operations", self, c_text(genotype)))

    def from_operations(self, operations: Sequence[int], format: str = "native") -> Genotype:
        """The architecture with these operations, one an edge."""
        values = [whole(f"operations[{i}]", int(each), 2**32) for i, each in enumerate(operations)]
        indices = (c_uint32 * len(values))(*values)
        return self._genotype("from_operations", indices, len(indices), choice("format", format, FORMATS))

    def svg(self, genotype: str) -> str:
        """A drawing of an architecture's cells, for papers, notebooks and web pages."""
        return text("tenas_search_space_genotype_svg", self, c_text(genotype))

    def _genotype(self, function: str, *arguments: Any) -> Genotype:
        return Genotype(text(f"tenas_search_space_genotype_{function}", self, *arguments), self)


SpaceLike = Space | str


def space_of(space: SpaceLike) -> Space:
    """A space, or one by the name of a built-in one."""
    return space if isinstance(space, Space) else Space(space)
