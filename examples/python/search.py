#!/usr/bin/env python3
"""Searches for a neural architecture with libtenas.

    pip install ./bindings/python
    python3 search.py                                    on synthetic images
    python3 search.py --data cifar-10-batches-bin        on CIFAR-10
    python3 search.py --workers 4                        in four processes, to the same result
    python3 search.py --help                             everything else

Prints the indicators of the architecture that it found and of a few random ones, and as the last
line the architecture; progress goes to stderr.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import sys
from concurrent.futures.process import BrokenProcessPool

import tenas

NUMBERS = ("seed", "repeats", "batch_size", "prune_per_edge", "cells", "budget", "rungs", "threads")
# What can be written besides the history, by option.
FILES = {
    "trace": "each candidate as it is measured, as lines of JSON",
    "report": "a page that explains the search",
    "onnx": "the network that was found, as an ONNX file",
    "pytorch": "that network as PyTorch code",
    "weights": "its weights, as a safetensors file",
}


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that the example programs in Python share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--space", default="nas-bench-201", metavar="SPACE",
                        help="nas-bench-201, darts or a space file (default: %(default)s)")
    parser.add_argument("--dataset", choices=("cifar10", "cifar100", "ImageNet16-120", "imagenet-1k"),
                        default="cifar10")
    parser.add_argument("--data", help="where its images are; without, they are synthetic")
    parser.add_argument("--strategy", choices=("prune", "rank"), default="prune")
    parser.add_argument("--proxies", help="scores of --strategy rank, with commas between: flops,ntk")
    for name in NUMBERS:
        parser.add_argument("--" + name.replace("_", "-"), type=int, metavar="N", help="by default as published")
    parser.add_argument("--history", metavar="FILE", help="where to write what each candidate was worth, as JSON")
    return parser


def setup(options: argparse.Namespace) -> tuple[tenas.Config, tenas.Dataset]:
    """What the options ask for."""
    kind = options.dataset
    data = tenas.Dataset.open(kind, options.data) if options.data else tenas.Dataset.synthetic(kind)
    built_in = options.space in ("nas-bench-201", "darts")
    space = tenas.Space(options.space) if built_in else tenas.Space.open(options.space)
    numbers = {name: getattr(options, name) for name in NUMBERS if getattr(options, name) is not None}
    config = tenas.Config(space, kind, strategy=options.strategy, **numbers)
    if options.proxies:
        config.proxies = options.proxies.split(",")
    return config, data


def write_history(context: tenas.Context, path: str | None) -> None:
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(context.history, file)


def write_network(config: tenas.Config, genotype: str, options: argparse.Namespace) -> None:
    """Writes the network of an architecture, in the size that papers train, as the options ask for."""
    if not (options.onnx or options.pytorch or options.weights):
        return
    network = tenas.Network(config.space, genotype, dataset=config.dataset, init=config.init, seed=config.seed)
    if options.onnx:
        network.write_onnx(options.onnx)
    if options.pytorch:
        network.write_pytorch(options.pytorch)
    if options.weights:
        network.write_weights(options.weights)


def run_in_processes(context: tenas.Context, workers: int, evaluate=tenas.Piece.evaluate, retries: int = 3) -> None:
    """Runs a search with the pieces of each round in processes of their own. If one of them dies, the
    executor is of no more use: what has not been evaluated is evaluated again, in a new one."""
    executor = concurrent.futures.ProcessPoolExecutor(workers)
    try:
        while not context.is_finished:
            # More pieces than workers, since some candidates take longer; one thread for each process.
            left = context.pieces(4 * workers, threads=1)
            scores: list[tenas.Score | tenas.Measurement] = []
            while left:
                futures = {piece.first: executor.submit(evaluate, piece) for piece in left}
                lost = []
                for piece in left:
                    try:
                        scores += futures[piece.first].result()
                    except BrokenProcessPool:
                        lost.append(piece)
                left = lost
                if lost:
                    if retries == 0:
                        raise RuntimeError("workers died too often, expected them to last")
                    retries -= 1
                    print(f"\na worker died; {len(lost)} pieces are evaluated again", file=sys.stderr)
                    executor.shutdown()
                    executor = concurrent.futures.ProcessPoolExecutor(workers)
            context.apply(scores)
            print(f"\rround {context.progress.round} of {context.progress.rounds} ", end="", file=sys.stderr)
        print(file=sys.stderr)
    finally:
        executor.shutdown(cancel_futures=True)


def main() -> None:
    parser = arguments("Searches for a neural architecture without training (TE-NAS).")
    parser.add_argument("--random", type=int, default=4, metavar="N", help="random architectures to compare with")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes, instead of threads")
    for name, meaning in FILES.items():
        parser.add_argument("--" + name, metavar="FILE", help="where to write " + meaning)
    options = parser.parse_args()
    config, data = setup(options)
    with tenas.Context(config, data) as context:
        context.set_trace(options.trace)
        if options.workers > 0:
            run_in_processes(context, options.workers)
        else:
            context.run(True)
        found = context.genotype()
        write_history(context, options.history)
        if options.report:
            context.report(options.report)
        for each in context.ranking[:5]:
            print(f"{each.total:10.3f}  {each.draws:3} draws  {each.genotype}")

    write_network(config, found, options)
    genotypes = [found] + [config.space.sample(config.seed, index) for index in range(options.random)]
    print("                    NTK  regions  NASWOT  SWAP  M multiply-adds  M parameters")
    for number, worth in enumerate(tenas.indicators(config, data, genotypes)):
        name = "found" if number == 0 else f"random {number}"
        if worth.connected:
            print(f"{name:<12}{worth.ntk:11.4g}{worth.regions:9.0f}{worth.naswot:8.1f}{worth.swap:6.0f}"
                  f"{worth.multiply_adds / 1e6:17.2f}{worth.parameters / 1e6:14.3f}")
        else:
            print(f"{name:<12} does not depend on the image")
    print(found)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (ImportError, OSError, RuntimeError, ValueError, tenas.TenasError) as failure:
        sys.exit(f"search.py: {failure}")
