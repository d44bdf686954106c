"""_abi.py is what tenas.h says, and what tests/abi has on record."""

import ctypes
import re
from pathlib import Path

from tenas import _abi

ROOT = Path(__file__).resolve().parents[3]
SIZES = {"size_t": 8, "uint64_t": 8, "double": 8, "uint32_t": 4, "int32_t": 4}


def test_functions_are_those_on_record():
    recorded = (ROOT / "tests/abi/symbols.txt").read_text().split()
    assert sorted(_abi.FUNCTIONS) == sorted(recorded)


def test_arguments_are_those_of_the_header():
    header = re.sub(r"/\*.*?\*/", "", (ROOT / "include/tenas.h").read_text(), flags=re.DOTALL)
    found = re.findall(r"^(\w[\w ]*[ *])(tenas_\w+)\(([^)]*)\);", header, flags=re.MULTILINE)
    assert len(found) == len(_abi.FUNCTIONS)
    for result, name, listed in found:
        returned, arguments = _abi.FUNCTIONS[name]
        parameters = [] if listed.strip() == "void" else listed.split(",")
        assert len(parameters) == len(arguments), name
        assert (returned is None) == (result.strip() == "void"), name
        for parameter, argument in zip(parameters, arguments):
            kind = re.sub(r"\bconst\b", "", parameter).strip().rsplit(maxsplit=1)[0]
            if "*" in parameter or kind.endswith("_fn"):
                assert ctypes.sizeof(argument) == 8 and argument not in (ctypes.c_size_t, ctypes.c_uint64), name
            elif kind in SIZES:
                signed = kind == "int32_t"
                assert ctypes.sizeof(argument) == SIZES[kind], (name, parameter)
                assert (argument is ctypes.c_int32) == signed, (name, parameter)


def test_structs_and_constants_are_those_on_record():
    layout = (ROOT / "tests/abi/layout.txt").read_text()
    constants = re.findall(r"^ +(TENAS_\w+) = (\d+)", layout, flags=re.MULTILINE)
    assert len(constants) > 40
    for name, value in constants:
        assert getattr(_abi, name) == int(value), name
    structs = re.findall(r"^struct (\w+): (\d+) bytes.*\n((?: +at .*\n?)+)", layout, flags=re.MULTILINE)
    assert len(structs) == 12
    for name, size, fields in structs:
        struct = getattr(_abi, name)
        assert ctypes.sizeof(struct) == int(size), name
        listed = re.findall(r"at (\d+), (\d+) bytes: .* (\w+)$", fields, flags=re.MULTILINE)
        assert [field[0] for field in struct._fields_] == [field for _, _, field in listed], name
        for offset, length, field in listed:
            place = getattr(struct, field)
            assert (place.offset, place.size) == (int(offset), int(length)), (name, field)
