"""Networks of torchvision and timm as ONNX files, for tests/onnx_models.rs.

    networks_in.py FOLDER [NAME...]

For each network NAME.onnx (in training mode, with random statistics of batch normalisation), and
NAME.json: images, logits in evaluation, the NTK in training mode, and multiply-adds and parameters
as PyTorch counts them. K has weights alone: convolutions, scales, matrices; gradients are in f64.

NAME-dynamo is written by PyTorch's newer exporter, which keeps batch normalisation where it is told not to
optimise. NAME-folded is what that exporter writes by default: batch normalisation is in the convolutions, so
that only logits and multiply-adds are those of the network.
"""
import json
import logging
import sys
import warnings
from functools import partial
from pathlib import Path

import timm
import torch
import torchvision.models as models
from torch import nn

SIDE, BATCH = 64, 8

NETWORKS = {
    "resnet18": lambda: models.resnet18(),
    "mobilenet_v2": lambda: models.mobilenet_v2(dropout=0.0),
    "vgg11_bn": lambda: vgg(),
    "densenet121": lambda: models.densenet121(),
    "efficientnet_b0": lambda: models.efficientnet_b0(dropout=0.0, stochastic_depth_prob=0.0),
    "squeezenet1_1": lambda: models.squeezenet1_1(dropout=0.0),
    "shufflenet_v2_x1_0": lambda: models.shufflenet_v2_x1_0(),
    "mobilenet_v3_small": lambda: models.mobilenet_v3_small(dropout=0.0),
}
for name in (
    "regnetx_002",
    "ghostnet_050",
    "tinynet_e",
    "repvgg_a0",
    "mobilenetv4_conv_small",
    "ese_vovnet19b_dw",
    "rexnet_100",
):
    NETWORKS["timm-" + name] = partial(timm.create_model, name, num_classes=10, drop_rate=0.0)
for name in ("resnet18", "mobilenet_v3_small", "shufflenet_v2_x1_0"):
    NETWORKS[name + "-dynamo"] = NETWORKS[name]
NETWORKS["resnet18-folded"] = NETWORKS["resnet18"]


def vgg():
    """VGG-11 with batch normalisation for small images, as CIFAR-10 papers have it: one linear layer."""
    network = models.vgg11_bn(dropout=0.0)
    network.avgpool = nn.Identity()
    side = SIDE // 32
    network.classifier = nn.Sequential(
        nn.Linear(512 * side * side, 64), nn.ReLU(inplace=True), nn.Linear(64, 10)
    )
    return network


def multiply_adds(network, images):
    """Convolutions without, linear layers with their biases, of one image."""
    total = 0

    def count(module, _, output):
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += module.weight.numel() + (0 if module.bias is None else module.bias.numel())

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    network(images[:1])
    for hook in hooks:
        hook.remove()
    return total


def ntk(network, images):
    network.train()
    counted = [
        parameter
        for module in network.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if name == "weight"
    ]
    sums = network(images).sum(dim=1)
    batch = len(images)
    kernel = torch.zeros(batch, batch, dtype=torch.float64)
    rows = [torch.autograd.grad(value, counted, retain_graph=True) for value in sums]
    for i in range(batch):
        for j in range(batch):
            kernel[i, j] = sum((a * b).sum() for a, b in zip(rows[i], rows[j]))
    return kernel


def write(folder, name):
    torch.manual_seed(1)
    network = NETWORKS[name]()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, 0.0, 0.1)
            nn.init.normal_(module.running_mean, 0.0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    images = torch.randn(BATCH, 3, SIDE, SIDE)
    folded = name.endswith("-folded")
    newer = folded or name.endswith("-dynamo")
    if newer:
        settings = {"dynamo": True, "optimize": folded, "verbose": False, "external_data": False}
        settings["dynamic_shapes"] = ({0: torch.export.Dim("N")},)
    else:
        settings = {"dynamo": False, "training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
        settings["dynamic_axes"] = {"images": {0: "N"}, "logits": {0: "N"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, names = folder / f"{name}.onnx", {"input_names": ["images"], "output_names": ["logits"]}
        torch.onnx.export(network, (images,), path, **names, **settings)
    network = network.double()
    wide = images.double()
    network.eval()
    with torch.no_grad():
        logits = network(wide)
        cost = multiply_adds(network, wide)
    result = {
        "side": SIDE,
        "images": images.flatten().tolist(),
        "logits": logits.flatten().tolist(),
        "classes": logits.shape[1],
        "multiply_adds": cost,
    }
    if not folded:
        result["parameters"] = sum(p.numel() for p in network.parameters())
        result["kernel"] = ntk(network, wide).flatten().tolist()
    (folder / f"{name}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.disable()
    folder = Path(sys.argv[1])
    for name in sys.argv[2:] or NETWORKS:
        write(folder, name)
        print(name, flush=True)
