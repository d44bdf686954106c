"""Networks, their files and scores; traces, reports and drawings."""

import copy
import json
import pickle
import xml.etree.ElementTree

import numpy
import pytest

import tenas

KIND = "ImageNet16-120"
SMALL = {"batch_size": 4, "repeats": 1, "prune_per_edge": 4}
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
TINY = {"dataset": "custom", "channels": 4, "cells": 1, "classes": 3, "image": (2, 8, 12), "seed": 5}


@pytest.fixture
def network():
    return tenas.Network("nas-bench-201", CELL, **TINY)


def is_svg(text):
    return xml.etree.ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


def test_sizes_and_names(network):
    facts = network.facts
    assert (facts.channels, facts.height, facts.width, facts.classes) == (2, 8, 12, 3)
    names = network.parameter_names
    assert len(names) == facts.named_parameters and "cells.0.edges.1<-0.3.op.1.weight" in names
    assert network.name == "nas-bench-201" and network.notes == []
    published = tenas.Network(tenas.Space("nas-bench-201"), CELL, dataset="cifar100").facts
    assert (published.classes, published.height) == (100, 32)
    config, data = tenas.Config("nas-bench-201", "cifar100", **SMALL), tenas.Dataset.synthetic("cifar100")
    assert published.parameters == tenas.scores(config, data, [CELL], ["parameters"])[0]["parameters"]
    for settings, words in (
        ({"channels": 0}, "channels: found 0, expected at least 1"),
        ({"image": (3, 32)}, r"image: found \(3, 32\)"),
        ({"image": (3, 32, 2**32)}, "image: found 4294967296"),
        ({"init": "none"}, "init: found 'none', expected one of 'kaiming_normal'"),
        ({"dataset": "mnist"}, "dataset: found 'mnist'"),
        ({"seed": -1}, "seed: found -1"),
    ):
        with pytest.raises(ValueError, match=words):
            tenas.Network("nas-bench-201", CELL, **settings)
    with pytest.raises(tenas.InvalidArgument, match="classes"):
        tenas.Network("nas-bench-201", CELL, dataset="custom")
    with pytest.raises(tenas.FormatError):
        tenas.Network("nas-bench-201", "none")


def test_logits(network):
    images = numpy.random.default_rng(0).standard_normal((5, 2, 8, 12), dtype=numpy.float32)
    found = network.logits(images)
    assert len(found) == 5 and {len(row) for row in found} == {3} and found[0] != found[1]
    assert network.logits(images[::-1]) == found[::-1], "an array whose memory has another order"
    assert network.logits(memoryview(images.tobytes()).cast("f", images.shape)) == found
    assert tenas.Network("nas-bench-201", CELL, **TINY).logits(images) == found
    assert tenas.Network("nas-bench-201", CELL, **{**TINY, "seed": 6}).logits(images) != found
    for wrong, words in (
        (images.astype(numpy.float64), "format 'd', expected floating-point numbers"),
        (images[:, :, :, :8], r"found the shape \(5, 2, 8, 8\), expected count x 2 x 8 x 12"),
        (images[0], r"found the shape \(2, 8, 12\)"),
        ([[1.0]], "found a list"),
    ):
        with pytest.raises(ValueError, match=words):
            network.logits(wrong)
    with pytest.raises(tenas.InvalidArgument, match="images: found 0 values"):
        network.logits(images[:0])


def test_files(network, tmp_path):
    network.write_pytorch(tmp_path / "network.py")
    assert "class Network(nn.Module):" in (tmp_path / "network.py").read_text()
    network.write_weights(tmp_path / "weights.safetensors")
    content = (tmp_path / "weights.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["classifier.weight"]["dtype"] == "F32" and set(network.parameter_names) <= set(header)
    network.write_onnx(tmp_path / "network.onnx")
    for write in (network.write_onnx, network.write_pytorch, network.write_weights):
        with pytest.raises(tenas.FileError, match="/no/such/file"):
            write("/no/such/file")

    images = numpy.ones((1, 2, 8, 12), dtype=numpy.float32)
    for source in (tmp_path / "network.onnx", (tmp_path / "network.onnx").read_bytes()):
        back = tenas.Network.from_onnx(source)
        assert back.facts == network.facts
        assert len(back.notes) == 1 and "do not reach its output" in back.notes[0], "those of the state that is unused"
        assert numpy.allclose(back.logits(images), network.logits(images), rtol=1e-4)
        assert tenas.Network.from_onnx(source, image=(2, 16, 16)).facts.width == 16
        with pytest.raises(tenas.InvalidArgument, match="channels: found 3"):
            tenas.Network.from_onnx(source, image=(3, 8, 12))
    assert back.name == network.name
    with pytest.raises(tenas.InvalidState):
        back.write_pytorch(tmp_path / "other.py")
    with pytest.raises(tenas.FormatError):
        tenas.Network.from_onnx(b"no model")
    with pytest.raises(tenas.FileError, match="/no/such"):
        tenas.Network.from_onnx("/no/such.onnx")


def test_scores_of_networks():
    data, config = tenas.Dataset.synthetic(KIND), tenas.Config("nas-bench-201", KIND, **SMALL)
    networks = [tenas.Network("nas-bench-201", CELL, dataset=KIND, channels=4, cells=1, seed=seed) for seed in (1, 2)]
    seen = []
    fresh = tenas.network_scores(config, data, networks, ["ntk", "parameters"], seen.append)
    assert fresh[0] == fresh[1], "weights are drawn by the names of parameters"
    assert fresh[0]["parameters"] == networks[0].facts.parameters and seen
    kept = tenas.network_scores(config, data, networks, ["ntk"], weights="kept")
    assert kept[0]["ntk"] != kept[1]["ntk"] and kept[0].genotype == "nas-bench-201"
    assert tenas.network_scores(config, data, [], ["ntk"]) == []
    with pytest.raises(tenas.Busy):
        tenas.network_scores(config, data, networks, ["ntk"], lambda _: networks[1].close())
    with pytest.raises(ValueError, match=r"networks\[1\]: found a str"):
        tenas.network_scores(config, data, [networks[0], CELL], ["ntk"])
    with pytest.raises(ValueError, match="weights: found 'old', expected one of 'fresh', 'kept'"):
        tenas.network_scores(config, data, networks, ["ntk"], weights="old")
    networks[1].close()
    with pytest.raises(ValueError, match="closed Network"):
        tenas.network_scores(config, data, networks, ["ntk"])


def test_traces_and_reports(tmp_path):
    data, config = tenas.Dataset.synthetic(KIND), tenas.Config("nas-bench-201", KIND, **SMALL)
    trace, page, table = tmp_path / "search.jsonl", tmp_path / "search.html", tmp_path / "table.csv"
    with tenas.Context(config, data) as context:
        context.set_trace(trace)
        context.run()
        lines = [json.loads(line) for line in trace.read_text().splitlines()]
        assert lines[0]["event"] == "search" and lines[-1]["event"] == "round"
        assert sum(line["event"] == "candidate" for line in lines) == len(context.records)
        context.set_trace(None)

        context.report(page)
        without = page.read_text()
        assert without.rstrip().endswith("</html>") and "12.34" not in without
        table.write_text(f"arch,{KIND}\n{context.genotype()},12.34\n")
        with tenas.Benchmark(table) as accuracies:
            context.report(page, accuracies)
            assert is_svg(accuracies.genotype(0)._repr_svg_())
        assert "12.34" in page.read_text()
        assert is_svg(context._repr_svg_())
        for write in (context.report, context.set_trace):
            with pytest.raises(tenas.FileError, match="/no/such/file"):
                write("/no/such/file")
    with tenas.Context(config.copy(seed=1), data) as other, pytest.raises(tenas.InvalidArgument, match="search"):
        other.set_trace(trace)


def test_drawings():
    with tenas.Space("nas-bench-201") as space:
        genotype = space.at(7)
        drawing = space.svg(str(genotype))
        assert is_svg(drawing) and genotype._repr_svg_() == drawing
        for copied in (pickle.loads(pickle.dumps(genotype)), copy.copy(genotype), tenas.Genotype(genotype, space)):
            assert copied == genotype and copied._repr_svg_() == drawing
        with pytest.raises(tenas.FormatError):
            space.svg("none")
    assert genotype._repr_svg_() is None and pickle.loads(pickle.dumps(genotype)) == genotype, "the space is closed"
    assert tenas.Genotype(CELL)._repr_svg_() is None and is_svg(tenas.Genotype(CELL, "nas-bench-201")._repr_svg_())

    picture = tenas.scatter_svg("NTK <k>", "accuracy", [1.0, 2.0, 3.0], numpy.array([4.0, 6.0, 5.0]))
    assert is_svg(picture) and "NTK &lt;k&gt;" in picture and "0.5" in picture
    with pytest.raises(ValueError, match="y: found 1 values, expected 2"):
        tenas.scatter_svg("x", "y", [1, 2], [1])
    with pytest.raises(tenas.InvalidArgument, match="finite"):
        tenas.scatter_svg("x", "y", [1, float("nan")], [1, 2])
