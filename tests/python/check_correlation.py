"""Checks what examples/c/correlate.c prints against a computation of its own.

    check_correlation.py TABLE SCORES OUTPUT

TABLE is the accuracy table, SCORES what --scores wrote, OUTPUT what the program printed. Spearman
is computed from its definition (Pearson of average ranks, ranks by counting), Kendall's tau-b from
counts of concordant, discordant and tied pairs with Python's integers. Both are undefined where
all values of one side are equal.
"""

import csv
import math
import sys


def ranks(values):
    return [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]


def pearson(x, y):
    n = len(x)
    mx, my = math.fsum(x) / n, math.fsum(y) / n
    xy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y))
    xx = math.fsum((a - mx) ** 2 for a in x)
    yy = math.fsum((b - my) ** 2 for b in y)
    return xy / math.sqrt(xx * yy) if xx > 0 and yy > 0 else None


def tau_b(x, y):
    n = len(x)
    concordant = discordant = 0
    for i in range(n):
        for j in range(i):
            product = (x[i] - x[j]) * (y[i] - y[j])
            concordant += product > 0
            discordant += product < 0
    pairs = n * (n - 1) // 2

    def tied(v):
        return sum(k * (k - 1) // 2 for k in (v.count(u) for u in set(v)))

    ordered = (pairs - tied(x)) * (pairs - tied(y))
    return (concordant - discordant) / math.sqrt(ordered) if ordered > 0 else None


def main():
    table_path, scores_path, output_path = sys.argv[1:]
    with open(table_path) as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip()]
    columns = {name: i for i, name in enumerate(lines[0])}
    accuracies = {line[0]: line for line in lines[1:]}
    with open(scores_path, newline="") as file:
        rows = list(csv.DictReader(file))

    def score(name):
        return [float(row[name]) for row in rows]

    ntk = [-v for v in score("ntk")]
    te_nas = [a + b for a, b in zip(ranks(ntk), ranks(score("regions")))]
    scores = {
        "NTK (less is better)": ntk, "regions": score("regions"), "TE-NAS (rank sum)": te_nas,
        "NASWOT": score("naswot"), "SWAP": score("swap"), "FLOPs": score("multiply_adds"),
        "parameters": score("parameters"),
    }
    checked = 0
    with open(output_path) as file:
        for line in file:
            name = line[:22].strip()
            if name not in scores:
                continue
            dataset, count, spearman, kendall = line[22:].split()
            column = [c for c in columns if c in (dataset, dataset + "_test")]
            plain = dataset.lower().replace("-", "_") + "_test"
            column = columns[column[0] if column else plain]
            pairs = [
                (s, float(accuracies[row["genotype"]][column]))
                for s, row in zip(scores[name], rows)
                if accuracies[row["genotype"]][column] != ""
            ]
            x, y = [p[0] for p in pairs], [p[1] for p in pairs]
            expected = pearson(ranks(x), ranks(y)), tau_b(x, y)
            assert int(count) == len(pairs), line
            for found, value in zip((spearman, kendall), expected):
                if value is None:
                    assert found == "undefined", (line, expected)
                else:
                    assert abs(float(found) - value) <= 0.0006, (line, expected)
            checked += 1
    print("{} correlations as computed here".format(checked))
    sys.exit(checked == 0)


main()
