"""Workers that die: what they had is evaluated again, to the same result."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

import tenas

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples/python"))
import dask_search
import search

PRUNE = {"batch_size": 4, "repeats": 1}
RANK = {**PRUNE, "strategy": "rank", "budget": 24, "cells": 1}


def evaluate_or_die(marker, piece):
    """The first process that comes here, in any piece but the first, dies."""
    if piece.first > 0:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return piece.evaluate()


@pytest.fixture(params=[PRUNE, RANK], ids=["prune", "rank"])
def contexts(request):
    data = tenas.Dataset.synthetic("ImageNet16-120")
    config = tenas.Config("nas-bench-201", "ImageNet16-120", **request.param)
    with tenas.Context(config, data) as one, tenas.Context(config, data) as parts:
        one.run()
        yield one, parts


def test_a_process_dies(contexts, tmp_path):
    one, parts = contexts
    search.run_in_processes(parts, 2, partial(evaluate_or_die, tmp_path / "died"))
    assert (tmp_path / "died").exists()
    assert parts.history == one.history and parts.ranking == one.ranking


def test_a_worker_of_dask_dies(contexts, tmp_path):
    one, parts = contexts
    with (
        dask_search.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        dask_search.Client(cluster) as client,
    ):
        dask_search.run_with_dask(parts, client, partial(evaluate_or_die, str(tmp_path / "died")))
    assert (tmp_path / "died").exists()
    assert parts.history == one.history and parts.ranking == one.ranking
