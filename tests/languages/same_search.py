"""The same as same_search.c, by examples/python/search.py, and the functions that it leaves out."""

import ctypes
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "python"))
import search as tenas  # noqa: E402

COUNTS = ("round", "cell", "edge", "operation", "ntk_rank", "regions_rank")
SCORES = ("ntk_delta", "regions_delta", "ntk_now", "ntk_without", "regions_now", "regions_without")


class Record(ctypes.Structure):  # tenas_record
    _fields_ = ([("struct_size", ctypes.c_size_t)] + [(name, ctypes.c_uint32) for name in COUNTS]
                + [("pruned", ctypes.c_int32)] + [(name, ctypes.c_double) for name in SCORES])


def records(search):
    count = ctypes.c_size_t()
    tenas.call("tenas_context_record_count", search.pointer, ctypes.byref(count))
    for index in range(count.value):
        record = Record(struct_size=ctypes.sizeof(Record))
        tenas.call("tenas_context_record", search.pointer, ctypes.c_size_t(index), ctypes.byref(record))
        yield record


with open(sys.argv[1], "rb") as file:
    dataset = tenas.Dataset.of_bytes(file.read(), (16, 3, 8, 8), 4)
for space, batch_size, prune_per_edge in (("nas-bench-201", 4, 1), ("darts", 2, 7)):
    config = tenas.Config(space, 5, seed=5, repeats=2, batch_size=batch_size, prune_per_edge=prune_per_edge)
    with tenas.Search(config, dataset) as search:
        search.run()
        print(search.genotype())
        for record in records(search):
            print(*(getattr(record, name) for name in COUNTS), record.pruned,
                  *(struct.pack(">d", getattr(record, name)).hex() for name in SCORES))
