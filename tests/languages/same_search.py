"""The same as same_search.c, by the Python package."""

import struct
import sys

import tenas

COUNTS = ("round", "cell", "edge", "operation", "ntk_rank", "regions_rank")
SCORES = ("ntk_delta", "regions_delta", "ntk_now", "ntk_without", "regions_now", "regions_without")

with open(sys.argv[1], "rb") as file:
    dataset = tenas.Dataset.from_images(file.read(), 4, shape=(16, 3, 8, 8))
for space, batch_size, prune_per_edge in (("nas-bench-201", 4, 1), ("darts", 2, 7)):
    config = tenas.Config(space, "custom", seed=5, repeats=2, batch_size=batch_size, prune_per_edge=prune_per_edge)
    with tenas.Context(config, dataset) as search:
        search.run()
        print(search.genotype())
        for record in search.records:
            print(*(getattr(record, name) for name in COUNTS), int(record.pruned),
                  *(struct.pack(">d", getattr(record, name)).hex() for name in SCORES))
