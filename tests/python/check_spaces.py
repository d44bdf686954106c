"""Compares networks that tests/pytorch.rs has computed with PyTorch's: logits and K of each case.

    PYTHONPATH=.cache/pytorch python3 tests/python/check_spaces.py FOLDER

The five spaces are written here by hand, as their papers' code builds them, and know nothing of space
files. A case is CASE.json (the architecture, sizes, what was computed) and CASE.bin (images, then the
parameters in the order of the JSON, as 32-bit floats).
"""

import json
import pathlib
import sys

import numpy
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def relu_conv_bn(c_in, c_out, kernel, stride=1):
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
    )


class Op(nn.Module):
    """ReLUConvBN under the name that the benchmarks give its layers."""

    def __init__(self, c_in, c_out, kernel, stride=1, name="op"):
        super().__init__()
        self.name = name
        setattr(self, name, relu_conv_bn(c_in, c_out, kernel, stride))

    def forward(self, x):
        return getattr(self, self.name)(x)


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        halves = [c_out // 2, c_out - c_out // 2]
        self.convs = nn.ModuleList(nn.Conv2d(c_in, c, 1, 2, bias=False) for c in halves)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.bn(torch.cat([self.convs[0](x), self.convs[1](shifted)], 1))


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return None


class Residual(nn.Module):
    """NAS-Bench-201's block between stages."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv_a = Op(c_in, c_out, 3, 2)
        self.conv_b = Op(c_out, c_out, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x):
        return self.conv_b(self.conv_a(x)) + self.downsample(x)


class Tail(nn.Module):
    """What ends every network: pooling and a linear layer."""

    def pooled(self, x):
        return self.classifier(x.mean((2, 3)))


class SumCell(nn.Module):
    """A cell whose node i is the sum of its edges from all earlier ones."""

    def __init__(self, architecture, make, c_in, c_out, stride):
        super().__init__()
        self.nodes = [
            [edge.split("~") for edge in node.strip("|").split("|")]
            for node in architecture.split("+")
        ]
        edges = {}
        for to, node in enumerate(self.nodes, 1):
            for name, source in node:
                first = source == "0"
                of = make(name, c_in if first else c_out, c_out, stride if first else 1)
                edges[f"{to}<-{source}"] = of
        self.edges = nn.ModuleDict({k: nn.ModuleDict({str(v[0]): v[1]}) for k, v in edges.items()})

    def forward(self, x):
        states = [x]
        for to, node in enumerate(self.nodes, 1):
            terms = []
            for _, source in node:
                (op,) = self.edges[f"{to}<-{source}"].values()
                y = op(states[int(source)]) if states[int(source)] is not None else None
                if y is not None:
                    terms.append(y)
            states.append(sum(terms[1:], terms[0]) if terms else None)
        return states[-1]


NB201 = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def nas_bench_201_op(name, c_in, c_out, stride):
    op = {
        "none": lambda: Zero(stride),
        "skip_connect": nn.Identity,
        "nor_conv_1x1": lambda: Op(c_in, c_out, 1),
        "nor_conv_3x3": lambda: Op(c_in, c_out, 3),
        "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    }[name]()
    return NB201.index(name), op


class Chain(Tail):
    """Stem, parts, head: NAS-Bench-201 and what is built like it."""

    def __init__(self, stem, parts, channels, classes):
        super().__init__()
        self.stem = stem
        self.cells = nn.ModuleList(parts)
        self.lastact = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        return self.pooled(self.lastact(x))


def stem(c):
    return nn.Sequential(nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))


def nas_bench_201(text, classes):
    c = 3
    cell = lambda c: SumCell(text, nas_bench_201_op, c, c, 1)
    parts = [cell(c), Residual(c, 2 * c), cell(2 * c), Residual(2 * c, 4 * c), cell(4 * c)]
    return Chain(stem(c), parts, 4 * c, classes)


SIZE_CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
    "|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


class OneByOne(nn.Module):
    """The skip connection of the size space where channels change."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return self.bn(self.conv(x))


def nats_bench_size(text, classes):
    # The proxy network has an eighth of the channels.
    inside = text.split("channels: ")[1].rstrip("]")
    c = [int(n) // 8 for n in inside.split(", ")]

    def op(name, c_in, c_out, stride):
        if name == "skip_connect":
            return 0, nn.Identity() if c_in == c_out else OneByOne(c_in, c_out)
        return 1, Op(c_in, c_out, 3)

    cell = lambda a, b: SumCell(SIZE_CELL, op, a, b, 1)
    parts = [
        cell(c[0], c[0]), Residual(c[0], c[1]), cell(c[1], c[2]), Residual(c[2], c[3]),
        cell(c[3], c[4]),
    ]
    return Chain(stem(c[0]), parts, c[4], classes)


def transnas(text, classes):
    def op(name, c_in, c_out, stride):
        index = NB201.index(name)
        if name == "none":
            return index, Zero(stride)
        if name == "skip_connect":
            same = stride == 1 and c_in == c_out
            return index, nn.Identity() if same else FactorizedReduce(c_in, c_out)
        return index, Op(c_in, c_out, 1 if name == "nor_conv_1x1" else 3, stride, "ops")

    c, parts, last = 2, [], 2
    for width, stride in ((2, 2), (2, 1), (4, 2), (4, 1), (8, 2)):
        parts.append(SumCell(text, op, last, width * c, stride))
        last = width * c
    return Chain(stem(c), parts, last, classes)


class Block(nn.Module):
    """MobileNetV2's inverted residual, with ReLU."""

    def __init__(self, c_in, c_out, kernel, expansion, stride):
        super().__init__()
        c = c_in * expansion
        self.conv = nn.Sequential(
            nn.Conv2d(c_in, c, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, c, kernel, stride, kernel // 2, groups=c, bias=False),
            nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, c_out, 1, bias=False), nn.BatchNorm2d(c_out),
        )
        self.adds = stride == 1 and c_in == c_out

    def forward(self, x):
        y = self.conv(x)
        return x + y if self.adds else y


class MobileNet(Tail):
    def __init__(self, text, classes):
        super().__init__()
        first, more = (part.split(": ")[1] for part in text.rstrip("]").split("; "))
        first, more = first.split(", "), more.split(", ")
        self.stem = nn.Sequential(*stem(4), nn.ReLU())
        self.features = nn.ModuleList([nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 2, 1, bias=False), nn.BatchNorm2d(2),
        )])
        last = 2
        settings = ((3, 2, 1), (4, 3, 2), (8, 4, 2), (12, 3, 1), (20, 3, 2), (40, 1, 1))
        for c, count, stride in settings:
            for i in range(count):
                name = first.pop(0) if i == 0 else more.pop(0)
                if name == "skip":
                    self.features.append(nn.Identity())
                else:
                    kernel, expansion = int(name[1]), int(name[4])
                    block = Block(last, c, kernel, expansion, stride if i == 0 else 1)
                    self.features.append(nn.ModuleDict({name: nn.ModuleDict({"x": block})}))
                last = c
        self.last = nn.Sequential(nn.Conv2d(last, 160, 1, bias=False), nn.BatchNorm2d(160), nn.ReLU())
        self.classifier = nn.Linear(160, classes)

    def forward(self, x):
        x = self.stem(x)
        for feature in self.features:
            if isinstance(feature, nn.ModuleDict):
                (named,) = feature.values()
                x = named["x"](x)
            else:
                x = feature(x)
        return self.pooled(self.last(x))


DARTS = [
    "none", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
    "avg_pool_3x3", "max_pool_3x3",
]


class Depthwise(nn.Module):
    def __init__(self, c, kernel, stride, dilation):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.op = nn.Sequential(
            nn.ReLU(), nn.Conv2d(c, c, kernel, stride, padding, dilation, c, bias=False),
            nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c),
        )

    def forward(self, x):
        return self.op(x)


class Separable(nn.Module):
    def __init__(self, c, kernel, stride):
        super().__init__()
        self.op_a = Depthwise(c, kernel, stride, 1)
        self.op_b = Depthwise(c, kernel, 1, 1)

    def forward(self, x):
        return self.op_b(self.op_a(x))


def darts_op(name, c, stride):
    kernel = int(name[-1]) if name[-1].isdigit() else 0
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c)
    if name.startswith("sep"):
        return Separable(c, kernel, stride)
    if name.startswith("dil"):
        return Depthwise(c, kernel, stride, 2)
    if name.startswith("avg"):
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    return nn.MaxPool2d(3, stride, 1)


class DartsCell(nn.Module):
    def __init__(self, pairs, before, last, c, stride):
        super().__init__()
        self.preprocess0, self.preprocess1 = Op(before, c, 1), Op(last, c, 1)
        self.pairs, edges = pairs, {}
        for i, (name, state) in enumerate(pairs):
            op = darts_op(name, c, stride if state < 2 else 1)
            ops = nn.ModuleDict({str(DARTS.index(name)): op})
            edges[f"{i // 2}<-{state}"] = nn.ModuleDict({"_ops": ops})
        self.edges = nn.ModuleDict(edges)

    def forward(self, before, last):
        states = [self.preprocess0(before), self.preprocess1(last)]
        for step in range(4):
            terms = []
            for name, state in self.pairs[2 * step : 2 * step + 2]:
                (op,) = self.edges[f"{step}<-{state}"]["_ops"].values()
                terms.append(op(states[state]))
            states.append(terms[0] + terms[1])
        return torch.cat(states[2:], 1)


class Darts(Tail):
    def __init__(self, text, classes):
        super().__init__()
        genotype = eval(text, {"Genotype": dict})  # what training code does
        self.stem = stem(1)
        self.cells = nn.ModuleList([
            DartsCell(genotype["normal"], 1, 1, 1, 1),
            DartsCell(genotype["reduce"], 1, 4, 2, 2),
        ])
        self.lastact = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU())
        self.classifier = nn.Linear(8, classes)

    def forward(self, x):
        x = self.stem(x)
        y = self.cells[0](x, x)
        return self.pooled(self.lastact(self.cells[1](x, y)))


SPACES = {
    "nas-bench-201": nas_bench_201,
    "nats-bench-size": nats_bench_size,
    "transnas-bench-101-micro": transnas,
    "mobilenet-v2": MobileNet,
    "darts": Darts,
}


def relative(found, expected):
    return float(numpy.linalg.norm(found - expected) / numpy.linalg.norm(expected))


def check(path):
    case = json.loads(path.read_text())
    values = torch.from_numpy(numpy.fromfile(path.with_suffix(".bin"), "<f4").astype("f8"))
    batch = case["batch"]
    shape = (batch, *case["input"])
    size = int(numpy.prod(shape))
    images, rest = values[:size].reshape(shape), values[size:]
    model = SPACES[case["space"]](case["genotype"], case["classes"]).train()
    # Our names of a block in a chain have no place for "x".
    own = {name.replace(".x.", "."): p for name, p in model.named_parameters()}
    names = [p["name"] for p in case["parameters"]]
    assert sorted(own) == sorted(names), sorted(set(own) ^ set(names))
    with torch.no_grad():
        for of in case["parameters"]:
            count = int(numpy.prod(of["shape"]))
            assert list(own[of["name"]].shape) == of["shape"], of["name"]
            own[of["name"]].copy_(rest[:count].reshape(of["shape"]))
            rest = rest[count:]
    assert len(rest) == 0
    logits = model(images)
    counted = [own[p["name"]] for p in case["parameters"] if p["counted"]]
    rows = []
    for i in range(batch):
        grads = torch.autograd.grad(logits[i].sum(), counted, retain_graph=True, allow_unused=True)
        grads = [torch.zeros_like(p) if g is None else g for p, g in zip(counted, grads)]
        rows.append(torch.cat([g.reshape(-1) for g in grads]))
    jacobian = torch.stack(rows)
    kernel = (jacobian @ jacobian.T).numpy()
    found = logits.detach().numpy()
    errors = (
        relative(numpy.array(case["logits"]).reshape(found.shape), found),
        relative(numpy.array(case["kernel"]).reshape(kernel.shape), kernel),
    )
    good = max(errors) < 1e-9
    verdict = "ok" if good else "FAILED"
    print(f"{path.stem}: logits off by {errors[0]:.1e}, K by {errors[1]:.1e} ... {verdict}")
    return good


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
    passed = sum([check(path) for path in paths])
    print(f"{passed} passed, {len(paths) - passed} failed")
    sys.exit(passed != len(paths) or not paths)


main()
