"""examples/python/search.py, as its users start it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "examples/python/search.py"


def started(*options, **environment):
    command = [sys.executable, str(PROGRAM), *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment})


def ended(*options, **environment):
    """Exit status, stdout and stderr."""
    process = started(*options, **environment)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def test_help():
    status, out, _ = ended("--help")
    assert status == 0 and "--space" in out and "--onnx FILE" in out


@pytest.mark.parametrize(
    "options, expected, words",
    [
        (["--seed", "-1"], 1, "seed: found -1, expected a whole number from 0"),
        (["--repeats", "0"], 1, "repeats: found 0, expected 1 to 1000"),
        (["--repeats", "many"], 2, "invalid int value: 'many'"),
        (["--dataset", "mnist"], 2, "invalid choice: 'mnist'"),
        (["--sede", "1"], 2, "unrecognized arguments: --sede"),
        (["--data", "/no/such/folder"], 1, "/no/such/folder: No such file or directory"),
        (["--space", "/no/such/space.json"], 1, "/no/such/space.json"),
        (["--strategy", "rank", "--proxies", "magic"], 1, "magic"),
    ],
)
def test_what_is_wrong_ends_with_a_line(options, expected, words):
    status, out, err = ended(*options)
    assert (status, out) == (expected, "") and words in err.splitlines()[-1]


def test_a_library_that_is_not_there():
    status, _, err = ended(TENAS_LIBRARY="/no/such/libtenas.so")
    assert status == 1 and "/no/such/libtenas.so" in err and "Install a wheel" in err


def test_darts():
    small = ["--dataset", "ImageNet16-120", "--batch-size", "2", "--repeats", "1", "--prune-per-edge", "7"]
    status, out, _ = ended("--space", "darts", "--random", "1", *small)
    assert status == 0 and out.splitlines()[-1].startswith("Genotype(normal=[('") and "random 1" in out


def test_ctrl_c():
    process = started("--batch-size", "8", "--repeats", "100")
    seen = ""
    while "of 24" not in seen:  # It computes.
        letter = process.stderr.read(1)
        assert letter, f"the program ended before a candidate was scored: {seen}"
        seen += letter
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "Traceback" not in err
