"""Searches in workers that multiprocessing forks, as many AutoML programs do: on what they inherit,
and on what they make themselves. A worker that hangs is ended by an alarm, which fails the test.

Usage: fork_search.py, with the package tenas installed or in PYTHONPATH
"""

import multiprocessing
import signal
import threading

import tenas

PATIENCE = 60  # seconds
DATA = tenas.Dataset.synthetic("ImageNet16-120")


def config(**parameters):
    return tenas.Config("nas-bench-201", "ImageNet16-120", batch_size=4, repeats=1,
                        prune_per_edge=4, **parameters)


CONFIG = config()
CONTEXT = tenas.Context(CONFIG, DATA)


def own_search(_=None):
    """On the images and the configuration of the parent, then on everything of its own."""
    signal.alarm(PATIENCE)
    with tenas.Context(CONFIG, DATA) as search:
        search.run()
        first = search.genotype()
    with tenas.Dataset.synthetic("ImageNet16-120") as data, config() as own, tenas.Context(own, data) as search:
        search.run()
        assert search.genotype() == first
        tenas.indicators(own, data, [first])
    return first


def parents_search(_=None):
    """What the parent's context says; it is freed as Python frees it."""
    signal.alarm(PATIENCE)
    try:
        CONTEXT.run()
    except tenas.TenasError as error:
        said = (error.status, str(error))
    else:
        said = ("TENAS_OK", "")
    CONTEXT.close()
    return said


def in_workers(function, count):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(function, range(count), chunksize=1)


def main():
    signal.alarm(10 * PATIENCE)
    expected = own_search()
    signal.alarm(10 * PATIENCE)
    assert in_workers(own_search, 4) == [expected] * 4
    for status, message in in_workers(parents_search, 1):
        assert status == "TENAS_ERROR_INVALID_STATE", (status, message)
        assert "spawn" in message and "fork" in message, message

    # While the parent computes, on a context that the workers then find.
    stop = threading.Event()

    def run():
        while not stop.is_set():
            with tenas.Context(CONFIG, DATA) as search:
                search.run()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            assert in_workers(own_search, 2) == [expected] * 2
            assert in_workers(parents_search, 1)[0][0] == "TENAS_ERROR_INVALID_STATE"
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    # The parent's own context still works.
    CONTEXT.run()
    assert CONTEXT.genotype() == expected
    print("forked workers: ok")


if __name__ == "__main__":
    main()
