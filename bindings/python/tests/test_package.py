"""The package, used well and badly."""

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy
import pytest

import tenas

KIND = "ImageNet16-120"
SMALL = {"batch_size": 4, "repeats": 1, "prune_per_edge": 4}
RANK = {"strategy": "rank", "batch_size": 4, "repeats": 1, "budget": 8, "cells": 1}


@pytest.fixture(scope="module")
def data():
    return tenas.Dataset.synthetic(KIND)


@pytest.fixture
def config():
    return tenas.Config("nas-bench-201", KIND, **SMALL)


@pytest.fixture(scope="module")
def whole(data):
    """A search in one process."""
    context = tenas.Context(tenas.Config("nas-bench-201", KIND, **SMALL), data)
    context.run()
    return context


def test_importing_loads_nothing_else():
    program = "import sys, tenas; print('numpy' in sys.modules, tenas._library.library.cache_info().currsize)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).split() == ["False", "0"]


def test_search_and_progress(data, whole, capsys):
    seen = []
    found = tenas.search("nas-bench-201", data, progress=seen.append, **SMALL)
    assert found.genotype == whole.genotype() and found.history == whole.history
    assert [each.candidate for each in seen] == list(range(1, len(seen) + 1)) and seen[0].candidates == len(seen)
    tenas.search(tenas.Config("nas-bench-201", KIND, **SMALL), data, progress=True)
    assert f"{len(seen)} of {len(seen)}" in capsys.readouterr().err
    assert len(whole.records) == len(seen) and sum(each.pruned for each in whole.records) == whole.rounds[0].pruned
    assert sum(whole.mask) == 6


def test_configurations(config):
    assert config.batch_size == 4 and config.strategy == "prune"
    assert {each.name for each in tenas.parameters()} <= set(dir(tenas.Config)), "every parameter is an attribute"
    config.sampling = "independent"
    assert pickle.loads(pickle.dumps(config)) == config and "sampling='independent'" in repr(config)
    assert config.copy(seed=2**64 - 1).seed == 2**64 - 1
    for call, words in (
        (lambda: tenas.Config("darts", "cifar10", seed=-1), "seed: found -1"),
        (lambda: tenas.Config("darts", "cifar10", seed=2**64), "seed: found 18446744073709551616"),
        (lambda: tenas.Config("darts", "cifar10", batch_size=1), "batch_size: found 1,"),
        (lambda: tenas.Config("darts", "mnist"), "dataset: found 'mnist', expected one of 'cifar10'"),
        (lambda: tenas.Config("dart", "cifar10"), "space: found 'dart'"),
        (lambda: setattr(config, "sampling", "none"), "sampling: found 'none', expected one of 'common'"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(AttributeError, match="found the parameter 'colour', expected one of strategy"):
        config.colour = 1
    with pytest.raises(tenas.NotFound, match="colour"):
        tenas.Config("darts", "cifar10", colour=1)


def test_spaces():
    space = tenas.Space("nas-bench-201")
    assert space.count == len(space) == 15625 and len(space.edges()) == 6 and "skip_connect" in space.operations
    assert pickle.loads(pickle.dumps(space)) == space
    genotype = space.sample(1)
    assert space.at(space.index(genotype)) == genotype
    assert space.from_operations(space.to_operations(genotype)) == genotype
    assert space.convert(space.convert(genotype, "json")) == genotype
    assert space.mutate(genotype) != genotype
    with pytest.raises(tenas.FormatError):
        space.index("none")
    with pytest.raises(ValueError, match="NUL"):
        space.index("a\0b")


def test_images_of_ones_own(config):
    array = numpy.random.default_rng(0).integers(0, 256, (16, 3, 8, 8), dtype=numpy.uint8)
    frozen = array.copy()
    frozen.setflags(write=False)
    reversed_twice = array[:, :, :, ::-1].copy()[:, :, :, ::-1]
    digests = {
        tenas.Dataset.from_images(each, 4, shape=array.shape).digest
        for each in (array, frozen, reversed_twice, array.tobytes(), bytearray(array.tobytes()))
    }
    assert len(digests) == 1
    loaded = tenas.Dataset.from_loader(lambda indices: array[indices], array.shape, 4, "mine")
    floating = [(each.astype(numpy.float32) / 255, 0) for each in array]
    torch_like = tenas.Dataset.from_torch(floating, 4, "mine")
    assert loaded.digest == torch_like.digest
    custom = tenas.Config("nas-bench-201", "custom", **SMALL)
    found = {tenas.search(custom, each).genotype for each in (loaded, torch_like, tenas.Dataset.from_images(array, 4))}
    assert len(found) == 1
    with pytest.raises(ValueError, match="found 3 bytes, expected 1 x 1 x 2 x 2"):
        tenas.Dataset.from_images(b"123", 2, shape=(1, 1, 2, 2))
    with pytest.raises(ValueError, match="format 'f'"):
        tenas.Dataset.from_images(array.astype(numpy.float32), 2)
    with pytest.raises(KeyError, match="mine"):
        tenas.Dataset.from_loader(lambda indices: {}["mine"], array.shape, 4, "mine")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(loaded)
    with pytest.raises(tenas.FileError, match="/no/such"):
        tenas.Dataset.open("cifar10", "/no/such")


def test_exceptions_and_cancelling(config, data, whole):
    context = tenas.Context(config, data)

    def fails(progress):
        if progress.candidate == 3:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        context.run(fails)
    with pytest.raises(tenas.Cancelled):
        context.run(lambda _: False)
    with pytest.raises(tenas.InvalidState, match="genotype"):
        context.genotype()
    with pytest.raises(tenas.Busy):
        context.run(lambda _: context.close())
    context.run(lambda progress: context.progress)
    assert context.genotype() == whole.genotype() and context.records == whole.records
    context.close()
    context.close()
    with pytest.raises(ValueError, match="closed Context"):
        context.run()


def test_ctrl_c(config, data, whole):
    context = tenas.Context(config, data)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            context.run(lambda progress: os.kill(os.getpid(), signal.SIGINT) if progress.candidate == 3 else None)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    context.run()
    assert context.records == whole.records


def test_other_threads_go_on_during_a_call(config, data):
    seen = []
    with tenas.Context(config, data) as context:
        runner = threading.Thread(target=context.run, args=(lambda _: seen.append(threading.get_ident()),))
        runner.start()
        while not seen:
            assert context.progress.rounds >= 1, "the lock is free while C computes"
        runner.join()
    assert set(seen) == {runner.ident}


@pytest.mark.parametrize("settings", [SMALL, RANK])
def test_pieces(data, settings):
    config = tenas.Config("nas-bench-201", KIND, **settings)
    to_json, from_json = tenas.scores_to_json, tenas.scores_from_json
    if settings is RANK:
        to_json, from_json = tenas.measurements_to_json, tenas.measurements_from_json
    with pytest.raises(tenas.FormatError, match="format: found nothing"):
        from_json("{}")
    with tenas.Context(config, data) as one, tenas.Context(config, data) as parts:
        one.run()
        while not parts.is_finished:
            pieces = pickle.loads(pickle.dumps(parts.pieces(3, threads=1)))
            scores = [each for piece in reversed(pieces) for each in piece.evaluate()]
            for wrong, words in ((scores[1:], "candidate|missing|found"), (scores + scores[:1], "twice|found")):
                with pytest.raises(tenas.InvalidArgument, match=words):
                    parts.apply(wrong)
            kind = tenas.Measurement if settings is RANK else tenas.Score
            foreign = [kind(**{**vars(scores[0]), "digest": 1}), *scores[1:]]
            with pytest.raises(tenas.InvalidArgument, match=r"\[0\]"):
                parts.apply(foreign)
            read = from_json(to_json(scores))
            assert read == scores
            parts.apply(pickle.loads(pickle.dumps(read)))
        assert parts.genotype() == one.genotype() and parts.history == one.history
        assert parts.ranking == one.ranking and bool(one.ranking) == (settings is RANK)


def in_a_worker(config, data):
    with tenas.Context(config, data) as context:
        context.run()
        return context.genotype()


def test_spawned_workers(config, data, whole):
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as executor:
        assert executor.submit(in_a_worker, config, data).result() == whole.genotype()


def test_checkpoints(config, data, whole, tmp_path):
    path = tmp_path / "search.json"
    with tenas.Context(config, data) as context:
        context.set_checkpoint(path, 0)
        with pytest.raises(tenas.Cancelled):
            context.run(lambda progress: progress.candidate < 5)
    with tenas.Context.load(path, data) as context:
        context.run()
        assert context.records == whole.records


def test_scores(config, data):
    genotypes = [config.space.sample(0, index) for index in range(3)]
    worth = tenas.indicators(config, data, genotypes)
    scored = tenas.scores(config, data, genotypes, ["flops", "ntk"])
    assert [each["ntk"] for each in scored] == [each.ntk for each in worth]
    assert pickle.loads(pickle.dumps(scored)) == scored and pickle.loads(pickle.dumps(worth)) == worth
    assert tenas.indicators_of(config, data, genotypes[0]).ntk == worth[0].ntk
    totals = tenas.aggregate(["flops", "ntk"], [[each["flops"], each["ntk"]] for each in scored], "ranks")
    assert len(totals) == 3 and sum(totals) == 12
    with pytest.raises(tenas.FormatError, match=r"genotypes\[1\]"):
        tenas.scores(config, data, [genotypes[0], "none"], ["ntk"])
    with pytest.raises(tenas.NotFound, match="magic"):
        tenas.scores(config, data, genotypes, ["magic"])
    with pytest.raises(ValueError, match="found one text"):
        tenas.scores(config, data, genotypes, "ntk")


def test_log(config, data):
    lines = []
    with tenas.Context(config, data) as context:
        context.set_log(lambda level, text: lines.append(level))
        context.run()
    assert "info" in lines
