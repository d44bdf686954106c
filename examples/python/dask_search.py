#!/usr/bin/env python3
"""Searches for a neural architecture with the workers of a Dask cluster.

    pip install ./bindings/python distributed
    python3 dask_search.py --workers 2                     workers on this machine
    python3 dask_search.py --scheduler tcp://head:8786     those of a cluster, which have the package too

Dask moves the pieces of each round, and evaluates those of a lost worker again. With --data, the path must
be one that every worker can read. The architecture is the last line of the output.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tenas
from distributed import Client, LocalCluster
from search import arguments, setup, write_history


def run_with_dask(context: tenas.Context, client: Client, evaluate: Callable[[tenas.Piece], Any]) -> None:
    """Runs a search with the pieces of each round on the workers of a cluster."""
    while not context.is_finished:
        workers = max(1, len(client.scheduler_info()["workers"]))
        # pure=False: a piece is evaluated, even if an equal one has been. One thread, for each worker.
        futures = client.map(evaluate, context.pieces(4 * workers, threads=1), pure=False, retries=3)
        context.apply(score for part in client.gather(futures) for score in part)
        print(f"\rround {context.progress.round} of {context.progress.rounds} ", end="", file=sys.stderr)
    print(file=sys.stderr)


def main() -> None:
    parser = arguments("Searches for a neural architecture on a Dask cluster.")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="workers on this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a cluster, instead")
    options = parser.parse_args()
    config, data = setup(options)
    cluster = options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None
    )
    with Client(cluster) as client, tenas.Context(config, data) as context:
        run_with_dask(context, client, tenas.Piece.evaluate)
        write_history(context, options.history)
        print(context.genotype())
    if not options.scheduler:
        cluster.close()


if __name__ == "__main__":
    main()
