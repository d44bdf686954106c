"""Writes tests/golden/proxies.json: the scores of some architectures by every proxy that is
evaluated, computed directly, in f64, by automatic differentiation (JAX). Needs `pip install jax`.

    python tests/python/proxies.py > tests/golden/proxies.json

Nothing here is taken from the library: the network is written from section 3.1 of docs/DESIGN.md, the
random numbers from section 3.5, the scores from the papers. tests/proxies.rs compares.
"""

import json
import math
import struct

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
CLASSES = 4
SIZE = 8
BATCH = 5
PROXIES = 8  # The purpose of a proxy's own random numbers.


class ChaCha:
    """Section 3.5: ChaCha with 8 rounds, a 64-bit counter and a 64-bit stream number."""

    def __init__(self, seed, purpose, round_, candidate, repeat, stream):
        key = struct.pack("<QIIQQ", seed, purpose, round_, candidate, repeat)
        self.words = struct.unpack("<8I", key)
        self.stream, self.counter, self.left = stream, 0, []

    def block(self):
        mask = 0xFFFFFFFF
        state = list(struct.unpack("<4I", b"expand 32-byte k")) + list(self.words)
        state += [self.counter & mask, self.counter >> 32, self.stream & mask, self.stream >> 32]
        s = list(state)

        def quarter(a, b, c, d):
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = (s[x] + s[y]) & mask
                s[z] ^= s[x]
                s[z] = (s[z] << n | s[z] >> (32 - n)) & mask

        for _ in range(4):
            for i in range(4):
                quarter(i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        self.counter += 1
        return [(a + b) & mask for a, b in zip(s, state)]

    def bits(self):
        if not self.left:
            self.left = self.block()
        low, high = self.left.pop(0), self.left.pop(0)
        return high << 32 | low

    def below(self, n):
        threshold = (1 << 64) % n
        while True:
            product = self.bits() * n
            if product & (1 << 64) - 1 >= threshold:
                return product >> 64


def parameter(name, shape):
    """Any numbers: those that tests/proxies.rs gives the engines, rounded to f32."""
    count = math.prod(shape)
    phase = sum(name.encode())
    if len(shape) == 1 and name.endswith(".weight"):
        values = np.ones(count)
    elif len(shape) == 1 and name != "classifier.bias":
        values = np.zeros(count)
    else:
        fan = shape[0] * math.prod(shape[2:])
        i = np.arange(count, dtype=np.float64)
        values = math.sqrt(4.0 / fan) * np.sin(12.9898 * i + 0.37 * phase)
    return jnp.asarray(values.astype(np.float32).astype(np.float64).reshape(shape))


def images(batches, batch, channels):
    i = np.arange(batches * batch * channels * SIZE * SIZE, dtype=np.float64)
    values = np.sin(0.013 * (i * i % 7919.0) + 0.7 * i).astype(np.float32).astype(np.float64)
    return jnp.asarray(values.reshape(batches, batch, channels, SIZE, SIZE))


class Network:
    """NAS-Bench-201's network of one architecture: an operation for each edge."""

    def __init__(self, operations, channels, cells):
        self.operations, self.channels, self.cells = operations, channels, cells
        self.shapes = {}
        self.frozen = False
        self.parameters = {}
        self.blocks = self.variances = self.layers = None
        self.run({}, jnp.zeros((1, 3, SIZE, SIZE)))
        self.initial = {name: parameter(name, shape) for name, shape in self.shapes.items()}

    def get(self, name, shape):
        self.shapes[name] = tuple(shape)
        return self.parameters[name] if name in self.parameters else jnp.zeros(shape)

    def conv(self, name, x, out, kernel, stride=1):
        w = self.get(f"{name}.weight", (out, x.shape[1], kernel, kernel))
        pad = [(kernel // 2, kernel // 2)] * 2
        return jax.lax.conv_general_dilated(x, w, (stride, stride), pad)

    def norm(self, name, x):
        scale = self.get(f"{name}.weight", (x.shape[1],))[None, :, None, None]
        shift = self.get(f"{name}.bias", (x.shape[1],))[None, :, None, None]
        if self.frozen:
            return x * scale
        mean = x.mean((0, 2, 3), keepdims=True)
        variance = ((x - mean) ** 2).mean((0, 2, 3), keepdims=True)
        self.variances.append((variance[0, :, 0, 0], x.shape[0] * x.shape[2] * x.shape[3]))
        y = (x - mean) / jnp.sqrt(variance + 1e-5) * scale + shift
        self.layers.append(y)
        return y

    def relu(self, x):
        return jnp.maximum(x, 0.0)

    def relu_conv_norm(self, name, x, out, kernel, stride=1):
        return self.norm(f"{name}.op.2", self.conv(f"{name}.op.1", self.relu(x), out, kernel, stride))

    def pool(self, x, kernel, stride, pad):
        def window(a):
            return jax.lax.reduce_window(
                a, 0.0, jax.lax.add, (1, 1, kernel, kernel), (1, 1, stride, stride),
                ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        return window(x) / window(jnp.ones_like(x))

    def block(self, kind, name, x):
        """What a block makes of its input: 'stem', 'cell' or 'reduction'."""
        if kind == "stem":
            return self.norm("stem.1", self.conv("stem.0", x, self.channels, 3))
        c = x.shape[1]
        if kind == "reduction":
            a = self.relu_conv_norm(f"{name}.conv_a", x, 2 * c, 3, 2)
            a = self.relu_conv_norm(f"{name}.conv_b", a, 2 * c, 3)
            return a + self.conv(f"{name}.downsample.1", self.pool(x, 2, 2, 0), 2 * c, 1)
        nodes = [x] + [jnp.zeros_like(x)] * 3
        for (to, from_), o in zip(EDGES, self.operations):
            y, prefix = nodes[from_], f"{name}.edges.{to}<-{from_}.{o}"
            if OPERATIONS[o] == "none":
                continue
            if OPERATIONS[o] == "nor_conv_1x1":
                y = self.relu_conv_norm(prefix, y, c, 1)
            elif OPERATIONS[o] == "nor_conv_3x3":
                y = self.relu_conv_norm(prefix, y, c, 3)
            elif OPERATIONS[o] == "avg_pool_3x3":
                y = self.pool(y, 3, 1, 1)
            nodes[to] = nodes[to] + y
        return nodes[3]

    def chain(self):
        kinds = [("stem", None)]
        for stage in range(3):
            if stage:
                kinds.append(("reduction", f"cells.{len(kinds) - 1}"))
            for _ in range(self.cells):
                kinds.append(("cell", f"cells.{len(kinds) - 1}"))
        return kinds

    def run(self, parameters, x):
        self.parameters = parameters
        self.blocks, self.variances, self.layers = [], [], []
        for kind, name in self.chain():
            x = self.block(kind, name, x)
            self.blocks.append(x)
        self.features = self.relu(self.norm("lastact.0", x))
        pooled = self.features.mean((2, 3))
        w = self.get("classifier.weight", (CLASSES, pooled.shape[1]))
        return pooled @ w.T + self.get("classifier.bias", (CLASSES,))


def correlation(rows):
    centred = rows - rows.mean(1, keepdims=True)
    norms = np.sqrt((centred**2).sum(1, keepdims=True))
    centred = np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)
    return centred @ centred.T


def is_weight(name, value):
    return name.endswith(".weight") and value.ndim > 1


def zico(net, x):
    def loss(p, x, labels):
        logits = net.run(p, x)
        return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels].mean()

    gradients = []
    for b in range(2):
        stream = ChaCha(3, PROXIES, 0, 0, 1, b)
        labels = jnp.asarray([stream.below(CLASSES) for _ in range(BATCH)])
        gradients.append(jax.grad(loss)(net.initial, x[b], labels))
    total = 0.0
    for name, value in net.initial.items():
        if not is_weight(name, value):
            continue
        g = np.stack([np.asarray(g[name]).ravel() for g in gradients])
        deviation = g.std(0)
        ratio = np.abs(g).mean(0)[deviation > 0] / deviation[deviation > 0]
        if ratio.sum() > 0:
            total += math.log(ratio.sum())
    return total


def jacov(net, x):
    gradient = jax.grad(lambda x: net.run(net.initial, x).sum())(x[0])
    eigenvalues = np.linalg.eigvalsh(correlation(np.asarray(gradient).reshape(BATCH, -1)))
    v = np.maximum(eigenvalues, 0) + 1e-5
    return -float((np.log(v) + 1 / v).sum())


def synflow(net, x):
    net.frozen = True
    magnitudes = {name: jnp.abs(value) for name, value in net.initial.items()}
    ones = jnp.ones((1, 3, SIZE, SIZE))
    gradients = jax.grad(lambda p: net.run(p, ones).sum())(magnitudes)
    net.frozen = False
    flows = [jnp.abs(magnitudes[n] * g).sum() for n, g in gradients.items() if is_weight(n, g)]
    return math.log(float(sum(flows)))


def zen(net, x):
    running, features = [], []
    for b in range(2):
        net.run(net.initial, x[b])
        features.append(np.asarray(net.features))
        for i, (variance, count) in enumerate(net.variances):
            unbiased = np.asarray(variance) * count / (count - 1)
            if b == 0:
                running.append(0.9 * np.ones_like(unbiased) + 0.1 * unbiased)
            else:
                running[i] = 0.9 * running[i] + 0.1 * unbiased
    distance = np.abs(features[0] - features[1]).sum((1, 2, 3)).mean()
    return math.log(distance) + sum(math.log(math.sqrt(r.mean())) for r in running)


def expressivities(net, x):
    net.run(net.initial, x[0])
    scores = []
    for block in net.blocks:
        rows = np.moveaxis(np.asarray(block), 1, -1).reshape(-1, block.shape[1])
        rows = rows - rows.mean(0)
        s = np.maximum(np.linalg.eigvalsh(rows.T @ rows / len(rows)), 0)
        shares = s / s.sum()
        scores.append(float(-(shares * np.log(shares + 1e-8)).sum()))
    return scores


def trainability(net, x):
    net.run(net.initial, x[0])
    blocks, scores = list(net.blocks), []
    for (kind, name), before, after, i in zip(
            net.chain()[1:], blocks[:-1], blocks[1:], range(1, len(blocks))):
        stream, signs = ChaCha(3, PROXIES, 0, 0, 1, i), []
        for place in range(after.size):
            if place % 64 == 0:
                word = stream.bits()
            signs.append(1.0 if word >> (place % 64) & 1 else -1.0)
        signs = np.asarray(signs).reshape(after.shape)
        net.parameters = net.initial
        _, pull = jax.vjp(lambda x: net.block(kind, name, x), before)
        arrived = np.asarray(pull(jnp.asarray(signs))[0])
        if arrived.shape == signs.shape and (arrived == signs).all():
            scores.append(2 - 1e6)
            continue
        b, c, h, w = signs.shape
        n, down = arrived.shape[1], arrived.shape[2] // h
        arrived = arrived.reshape(b, n, h, down, w, down).transpose(0, 2, 4, 1, 3, 5)
        matrix = arrived.reshape(b * h * w, -1).T @ np.moveaxis(signs, 1, -1).reshape(-1, c)
        s = np.linalg.svd(matrix / (b * h * w), compute_uv=False).max()
        scores.append(2 - s - 1 / (s + 1e-6))
    return float(np.mean(scores))


def meco(net, x):
    net.run(net.initial, x[0])
    layers = [np.asarray(a)[0].reshape(a.shape[1], -1) for a in net.layers + net.blocks[1:]]
    return sum(max(0.0, float(np.linalg.eigvalsh(correlation(a)).min())) for a in layers)


def vkdnw(net, x):
    net.frozen = True
    names = [n for n in net.initial if n.endswith(".weight")]

    def logits(first):
        p = dict(net.initial)
        for n, v in zip(names, first):
            p[n] = p[n].ravel().at[0].set(v).reshape(p[n].shape)
        return net.run(p, x[0])

    first = jnp.asarray([net.initial[n].ravel()[0] for n in names])
    j, p = np.asarray(jax.jacrev(logits)(first)), np.asarray(jax.nn.softmax(logits(first)))
    net.frozen = False
    p = 0.95 * p + 0.05 / CLASSES
    fisher = sum(j[n].T @ (np.diag(p[n]) - np.outer(p[n], p[n])) @ j[n] for n in range(BATCH)) / BATCH
    eigenvalues = np.maximum(np.linalg.eigvalsh(fisher), 0)
    deciles = np.quantile(eigenvalues, np.arange(1, 10) / 10)
    shares = deciles[deciles > 0] / deciles.sum()
    return float(-(shares * np.log(shares)).sum())


def ntk(net, x):
    names = [n for n in net.initial if n.endswith(".weight")]
    rows = jax.jacrev(lambda p: net.run(p, x[0]).sum(1))(net.initial)
    j = np.concatenate([np.asarray(rows[n]).reshape(BATCH, -1) for n in names], 1)
    eigenvalues = np.linalg.eigvalsh(j @ j.T)
    return float(eigenvalues.max() / eigenvalues.min())


def main():
    cases = []
    for operations, channels, cells in [
            ([3, 1, 3, 3, 4, 2], 3, 1), ([1, 0, 3, 1, 2, 3], 4, 2), ([4, 2, 0, 3, 1, 0], 2, 1),
            ([3, 3, 3, 3, 3, 3], 3, 1)]:
        net = Network(operations, channels, cells)
        x = images(2, BATCH, 3)
        steps = expressivities(net, x)
        scores = {
            "ntk": ntk(net, x),
            "zico": zico(net, x),
            "jacov": jacov(net, x),
            "synflow": synflow(net, x),
            "zen": zen(net, x),
            "expressivity": sum(steps),
            "progressivity": min(b - a for a, b in zip(steps, steps[1:])),
            "trainability": trainability(net, x),
            "meco": meco(net, x),
            "vkdnw": vkdnw(net, x),
        }
        cases.append({
            "operations": operations, "channels": channels, "cells": cells, "scores": scores,
        })
    print(json.dumps({"classes": CLASSES, "size": SIZE, "batch": BATCH, "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
