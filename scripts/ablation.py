"""What depth and draws are worth: a table in Markdown, and a picture, from files that
`cargo run --release --example ablation` writes.

    python3 scripts/ablation.py FLOPS PICTURE LABEL=FILE=MILLISECONDS...

FLOPS is such a file with a column flops:0. Each FILE has columns ntk:0, naswot:0, ntk:1 and so on; its
label names the proxy network, MILLISECONDS is what one draw of both scores costs an architecture. Draws
are put together as the strategy `rank` does; scores by the sum of the logarithms of their ranks.
Standard library alone.
"""

import math
import sys

TESTS = ["cifar10_test", "cifar100_test", "imagenet16_120_test"]


def read(path):
    with open(path, encoding="utf-8") as lines:
        head, *rows = [line.rstrip("\n").split("\t") for line in lines]
    head = [name for name in head if name != "arch_string"]
    return {name: [row[i] for row in rows] for i, name in enumerate(head)}


def numbers(columns, name):
    return [float(value) for value in columns[name]]


def ranks(values):
    """The smallest has rank 1; equal values share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, first = [0.0] * len(values), 0
    for place in range(1, len(order) + 1):
        if place == len(order) or values[order[place]] != values[order[first]]:
            for i in order[first:place]:
                found[i] = (first + place + 1) / 2
            first = place
    return found


def correlation(a, b):
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    product = sum((x - ma) * (y - mb) for x, y in zip(a, b))
    return product / math.sqrt(sum((x - ma) ** 2 for x in a) * sum((y - mb) ** 2 for y in b))


def measure(columns, flops, draws):
    """Spearman's correlation on the three data sets, and on CIFAR-10 the accuracy of the first and the
    mean of the first ten: means over disjoint sets of draws, and the worst first."""
    accuracies = [numbers(columns, test) for test in TESTS]
    available = sum(name.startswith("ntk:") for name in columns)
    results = []
    for start in range(0, available - draws + 1, draws):
        each = range(start, start + draws)
        ntk = zip(*(numbers(columns, f"ntk:{d}") for d in each))
        naswot = zip(*(numbers(columns, f"naswot:{d}") for d in each))
        scores = [[-sum(map(math.log, v)) for v in ntk], [sum(v) for v in naswot], flops]
        total = [sum(map(math.log, r)) for r in zip(*map(ranks, scores))]
        order = sorted(range(len(total)), key=lambda i: -total[i])
        rho = [correlation(ranks(total), ranks(a)) for a in accuracies]
        first = [a[order[0]] for a in accuracies]
        ten = [sum(a[i] for i in order[:10]) / 10 for a in accuracies]
        results.append((rho, first, ten))
    mean = [[sum(r[q][k] for r in results) / len(results) for k in range(3)] for q in range(3)]
    return mean, min(r[1][0] for r in results)


def picture(path, curves):
    """Accuracy of the first ten on CIFAR-10 against what the draws cost."""
    width, height, left, top = 640, 360, 64, 24
    points = [p for _, line in curves for p in line]
    low, high = min(p[0] for p in points), max(p[0] for p in points)
    bottom, most = min(p[1] for p in points) - 0.05, max(p[1] for p in points) + 0.05
    def x(ms): return left + (width - left - 150) * math.log(ms / low) / math.log(high / low)
    def y(a): return top + (height - top - 48) * (most - a) / (most - bottom)
    colours = ["#1b6ca8", "#c44e52", "#55a868", "#8172b2", "#ccb974", "#64b5cd"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>']
    for tick in range(math.ceil(bottom * 5), math.floor(most * 5) + 1):
        at = y(tick / 5)
        out.append(f'<line x1="{left}" x2="{width - 150}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{tick / 5:.1f}</text>')
    ms = 1
    while ms <= high * 1.1:
        for tick in (ms, 2 * ms, 5 * ms):
            if low <= tick <= high:
                out.append(f'<text x="{x(tick):.1f}" y="{height - 28}" text-anchor="middle">{tick}</text>')
        ms *= 10
    out.append(f'<text x="{(left + width - 150) / 2}" y="{height - 8}" text-anchor="middle">'
               'milliseconds an architecture</text>')
    out.append(f'<text x="14" y="{(top + height - 48) / 2}" text-anchor="middle" '
               f'transform="rotate(-90 14 {(top + height - 48) / 2})">CIFAR-10 accuracy of the first ten, %'
               '</text>')
    for i, (label, line) in enumerate(curves):
        colour = colours[i % len(colours)]
        place = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        out.append(f'<polyline points="{place}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>' for a, b in line]
        out.append(f'<text x="{width - 140}" y="{top + 16 + 18 * i}" fill="{colour}">{label}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def main():
    flops_path, picture_path, *inputs = sys.argv[1:]
    flops = numbers(read(flops_path), "flops:0")
    print("| proxy network | draws | ms | rho CIFAR-10 | CIFAR-100 | ImageNet16-120 | the first "
          "| worst first | the first ten |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    curves = []
    for one in inputs:
        label, path, cost = one.rsplit("=", 2)
        columns, line = read(path), []
        for draws in (1, 2, 4, 8):
            if f"ntk:{draws - 1}" not in columns:
                break
            (rho, first, ten), worst = measure(columns, flops, draws)
            print(f"| {label} | {draws} | {draws * float(cost):.0f} | "
                  + " | ".join(f"{r:.3f}" for r in rho)
                  + f" | {' / '.join(f'{a:.2f}' for a in first)} | {worst:.2f}"
                  + f" | {' / '.join(f'{a:.2f}' for a in ten)} |")
            line.append((draws * float(cost), ten[0]))
        curves.append((label, line))
    picture(picture_path, curves)


if __name__ == "__main__":
    main()
