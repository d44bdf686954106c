"""Checks networks that tests/networks.rs has written, by programs that know nothing of libtenas.

    PYTHONPATH=.cache/pytorch:.cache/onnx python3 tests/python/check_networks.py FOLDER

Each folder inside is a case: model.onnx, network.py (of a genotype), weights.safetensors, images.bin (32-bit
floats) and case.json, with sizes and the logits that libtenas has computed.

- The ONNX file is valid, onnxruntime gives the logits, and its multiply-adds and parameters, counted here
  from shapes that onnx infers, are those of the network.
- The code takes the weights by their names, gives the logits in eval(), and can be trained.
"""

import ast
import importlib.util
import json
import math
import pathlib
import sys

import numpy
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

torch.set_num_threads(1)


def compare(what, found, expected):
    found, expected = numpy.asarray(found, "f8"), numpy.asarray(expected, "f8")
    assert found.shape == expected.shape, f"{what}: shapes {found.shape}, {expected.shape}"
    error = abs(found - expected).max() / max(abs(expected).max(), 1e-6)
    assert error < 1e-4, f"{what}: relative error {error:.2e}"


def check_onnx(path, case, images):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images})
    compare("onnxruntime", logits, case["logits"])

    # Multiply-adds of one image, by the shapes of what convolutions give.
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    count = 0
    for node in graph.node:
        if node.op_type == "Conv":
            count += math.prod(shapes[node.output[0]][1:]) * math.prod(weights[node.input[1]][1:])
        if node.op_type == "Gemm":
            count += math.prod(weights[node.input[1]]) + math.prod(weights[node.input[2]])
    assert count == case["multiply_adds"], f"multiply-adds {count}"
    parameters = {name: weights[name] for name in case["shapes"]}
    assert parameters == case["shapes"], "shapes of parameters"
    assert sum(map(math.prod, parameters.values())) == case["parameters"]


def load(path):
    spec = importlib.util.spec_from_file_location("network", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_pytorch(folder, case, images):
    tree = ast.parse((folder / "network.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    imported = {name.asname or name.name for node in imports for name in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= used, f"imports that nothing uses: {imported - used}"
    code = load(folder / "network.py")
    network = code.Network()
    shapes = {name: list(p.shape) for name, p in network.named_parameters()}
    assert shapes == case["shapes"], "names and shapes of parameters"
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    network.eval()
    with torch.no_grad():
        compare("PyTorch", network(torch.from_numpy(images)).numpy(), case["logits"])


def check_training(folder, case):
    """Two classes that differ in their mean: the loss falls."""
    torch.manual_seed(0)
    code = load(folder / "network.py")
    arguments = {"classes": 2}
    if case["name"] == "darts":
        arguments |= {"auxiliary": True, "drop_path": 0.1}
    network = code.Network(**arguments)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)
    labels = torch.arange(8) % 2
    images = torch.randn(8, *case["image"]) + labels.view(-1, 1, 1, 1)
    losses = [code.train_epoch(network, [(images, labels)] * 2, optimizer) for _ in range(8)]
    assert all(map(math.isfinite, losses)) and losses[-1] < 0.7 * losses[0], losses
    if case["name"] == "darts":
        assert network.drop_path.probability == 0.1
        network.train()
        logits, auxiliary = network(images)
        assert logits.shape == auxiliary.shape == (8, 2)
        # What is dropped differs from call to call, in training alone.
        assert not torch.equal(logits, network(images)[0])
        network.eval()
        assert torch.equal(network(images), network(images))


def main(folder):
    passed, failed = 0, []
    for place in sorted(pathlib.Path(folder).iterdir()):
        case = json.loads((place / "case.json").read_text())
        images = numpy.fromfile(place / "images.bin", "<f4")
        images = images.reshape(case["batch"], *case["image"])
        case["logits"] = numpy.reshape(case["logits"], (case["batch"], case["classes"]))
        try:
            check_onnx(place / "model.onnx", case, images)
            if case["genotype"] is not None:
                check_pytorch(place, case, images)
            if place.name.endswith("-0"):
                check_training(place, case)
            passed += 1
        except Exception as error:
            failed.append(place.name)
            print(f"FAILED: {place.name}: {case['genotype']}: {type(error).__name__}: {error}")
    print(f"{passed} passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
