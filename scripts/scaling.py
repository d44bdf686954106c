#!/usr/bin/env python3
"""Predicts how much sooner more workers finish a search in pieces, and measures what this machine can.

    PYTHONPATH=bindings/python/src python3 scripts/scaling.py

It times every candidate of a search by itself, then plays the rounds for 1 to 1,000 workers: whoever is free
takes the next share, a round ends with its last share, and what is serial (handing out the state, applying
the scores) comes on top. docs/SCALING.md explains the numbers.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import heapq
import json
import os
import pickle
import time

import tenas


def simulate(rounds: list[list[float]], serial: float, workers: int, share: int = 1) -> float:
    """Seconds of a search: rounds are the seconds of their candidates, serial those between two rounds."""
    total = 0.0
    for candidates in rounds:
        free = [0.0] * workers
        for first in range(0, len(candidates), share):
            heapq.heappush(free, heapq.heappop(free) + sum(candidates[first : first + share]))
        total += max(free) + serial
    return total


def timed_rounds(config: tenas.Config, data: tenas.Dataset) -> tuple[list[list[float]], float, list[int], list[int]]:
    """The seconds of each candidate of each round on one thread; those between rounds; bytes of the state
    and of a round's scores."""
    rounds, states, sizes = [], [], []
    between = 0.0
    with tenas.Context(config, data) as context:
        while not context.is_finished:
            seconds, scores = [], []
            begun = time.perf_counter()
            states.append(len(context.state()))
            between += time.perf_counter() - begun
            for index in range(context.candidate_count):
                begun = time.perf_counter()
                scores += context.evaluate(index, 1)
                seconds.append(time.perf_counter() - begun)
            rounds.append(seconds)
            sizes.append(len(pickle.dumps(scores)))
            begun = time.perf_counter()
            context.apply(scores)
            between += time.perf_counter() - begun
    return rounds, between / len(rounds), states, sizes


def measured(config: tenas.Config, data: tenas.Dataset, workers: int) -> float:
    """Seconds of the same search by processes, which are there already."""
    with concurrent.futures.ProcessPoolExecutor(workers) as executor, tenas.Context(config, data) as context:
        list(executor.map(time.sleep, [0.2] * workers))
        begun = time.perf_counter()
        while not context.is_finished:
            pieces = context.pieces(context.candidate_count, threads=1)
            context.apply([each for part in executor.map(tenas.Piece.evaluate, pieces) for each in part])
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description="Predicts and measures the speed-up by workers.")
    parser.add_argument("--space", default="nas-bench-201")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--strategy", choices=("prune", "rank"), default="prune")
    parser.add_argument("--budget", type=int, default=200, help="architectures to score under rank")
    parser.add_argument("--most", type=int, default=os.cpu_count() or 1, metavar="N", help="processes to measure")
    options = parser.parse_args()
    data = tenas.Dataset.synthetic("cifar10")
    settings = {"batch_size": options.batch_size} if options.strategy == "prune" else {"budget": options.budget}
    config = tenas.Config(options.space, "cifar10", strategy=options.strategy, threads=1, repeats=options.repeats, **settings)
    rounds, serial, states, sizes = timed_rounds(config, data)
    every = sorted(each for seconds in rounds for each in seconds)
    alone = simulate(rounds, serial, 1)
    print(json.dumps({
        "rounds": len(rounds), "candidates": [len(each) for each in rounds],
        "candidate_seconds": {"least": every[0], "median": every[len(every) // 2], "most": every[-1]},
        "serial_seconds_a_round": serial, "serial_fraction": serial * len(rounds) / alone,
        "state_bytes": [min(states), max(states)], "score_bytes_a_round": [min(sizes), max(sizes)],
    }, indent=1))
    print("workers  seconds  speed-up  measured seconds  measured speed-up")
    first = None
    for workers in (1, 2, 3, 4, 8, 16, 32, 64, 100, 200, 500, 1000):
        predicted = simulate(rounds, serial, workers)
        line = f"{workers:7}{predicted:9.2f}{alone / predicted:10.2f}"
        if workers <= options.most:
            seconds = measured(config, data, workers)
            first = first or seconds
            line += f"{seconds:18.2f}{first / seconds:19.2f}"
        print(line)


if __name__ == "__main__":
    main()
