"""Writes a small folder in the layout of NATS-Bench's topology files, simple form.

    write_nats.py FOLDER [--protocol N] [--variant NAME] [--fault NAME]

Keys and values are those that the public reader asks for (nats_bench/api_topology.py and
api_utils.py of https://github.com/D-X-Y/NATS-Bench): `ArchResults.state_dict` by number of epochs,
which holds `ResultsCount.state_dict` by (data set, seed). A variant has the same content as
other writers have it, some with NumPy. A fault is made in one place.
"""

import argparse
import bz2
import os
import pickle
from collections import OrderedDict

ARCHS = [
    "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|",
]


class Command:
    """What Python would run."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (os.path.join(self.folder, "ran"),)


def trial(arch, dataset, seed, epochs, sets, last):
    """One training. Only the last epoch's accuracies are `last`."""
    accuracies, losses, times = {}, {}, {}
    for name in sets:
        for epoch in range(epochs):
            key = "{}@{}".format(name, epoch)
            accuracies[key] = last[name] if epoch == epochs - 1 else 5.0 + epoch / epochs
            losses[key], times[key] = 1.0 / (epoch + 1), 0.25
    train = OrderedDict((epoch, 5.0) for epoch in range(epochs))
    return {
        "name": "infer.tiny", "net_state_dict": None, "train_acc1es": train, "train_acc5es": None,
        "train_losses": train, "train_times": OrderedDict(train),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": 10},
        "params": 0.129306, "flop": 15.64737, "seed": seed, "epochs": epochs,
        "latency": [0.0139, 0.0141], "eval_names": list(sets), "eval_acc1es": accuracies,
        "eval_times": times, "eval_losses": losses,
    }


def entry(index, arch):
    by_epochs = {}
    for epochs in (12, 200):
        # After 12 epochs everything is worse.
        minus = 0 if epochs == 200 else 30
        results, seeds = {}, {}

        def add(dataset, seed, sets, **last):
            last = {name.replace("_", "-"): value - minus for name, value in last.items()}
            results[dataset, seed] = trial(arch, dataset, seed, epochs, sets, last)
            seeds.setdefault(dataset, []).append(seed)

        add("cifar10-valid", 777, ["x-valid", "ori-test"], x_valid=85.0, ori_test=86.0)
        for seed, more in ((777, 0), (888, 1)):
            add("cifar10", seed, ["ori-test"], ori_test=90.0 + index + more)
        sets = ["x-valid", "x-test", "ori-test"]
        add("cifar100", 777, sets, x_valid=61.0, x_test=60.25 - index, ori_test=60.5)
        if index == 0:
            add("ImageNet16-120", 777, sets, x_valid=41.0, x_test=40.125, ori_test=40.5)
        by_epochs[str(epochs)] = {
            "arch_index": index, "arch_str": arch, "all_results": results, "dataset_seed": seeds,
            "clear_net_done": True,
        }
    return by_epochs


def varied(value, variant):
    """The same with other types: of all accuracies, of seeds, of the keys by epochs, of lists."""
    if variant in ("float32", "float64", "array", "seeds"):
        import numpy

        number = {"array": numpy.array, "seeds": numpy.int64}.get(variant) or getattr(numpy, variant)
    if isinstance(value, dict):
        if variant == "numbers":
            value = {int(key) if key in ("12", "200") else key: each for key, each in value.items()}
        return type(value)((varied(key, variant), varied(each, variant)) for key, each in value.items())
    if isinstance(value, list):
        value = [varied(each, variant) for each in value]
        return tuple(value) if variant == "tuples" else value
    if isinstance(value, tuple):
        return tuple(varied(each, variant) for each in value)
    if isinstance(value, float) and variant in ("float32", "float64", "array"):
        return number(value)
    if isinstance(value, int) and variant == "seeds":
        return number(value)
    return value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--protocol", type=int, default=4)
    parser.add_argument("--variant", default="")
    parser.add_argument("--fault", default="")
    options = parser.parse_args()
    fault, variant = options.fault, options.variant

    def write(name, value, damage=None):
        data = pickle.dumps(varied(value, variant), protocol=options.protocol)
        if variant in ("unpacked", "not-packed"):
            name = name[:-5] if variant == "unpacked" else name
            with open(os.path.join(options.folder, name), "wb") as file:
                file.write(data)
            return
        if damage == "no-pickle":
            data = data[: len(data) // 2]
        data = bz2.compress(data)
        if damage == "cut":
            data = data[: len(data) // 2]
        if damage == "not-bz2":
            data = b"BZ" + data[4:]
        with open(os.path.join(options.folder, name), "wb") as file:
            file.write(data)

    archs = list(ARCHS)
    if fault == "meta-number":
        archs[1] = 7
    if fault == "meta-unknown":
        archs[1] = archs[1].replace("nor_conv_3x3", "sep_conv_3x3")
    if fault == "meta-size":
        archs = ["8:8:8:8:8", "64:64:64:64:64"]
    if fault == "meta-twice":
        archs[1] = archs[0]
    meta = {"meta_archs": archs, "total_archs": 15625, "evaluated_indexes": {0, 1, 2}}
    if fault == "no-meta-archs":
        del meta["meta_archs"]
    if fault == "meta-is-a-list":
        meta = archs
    damage = fault[5:] if fault in ("meta-not-bz2", "meta-cut", "meta-no-pickle") else None
    write("meta.pickle.pbz2.pbz2" if fault == "meta-renamed" else "meta.pickle.pbz2", meta, damage)

    for index, arch in enumerate(ARCHS[:3]):
        value = entry(index, arch)
        damage = None
        if index == 0:
            result = value["200"]
            one = result["all_results"]["cifar10", 777]
            if fault == "no-200":
                del value["200"]
            elif fault == "other-arch":
                result["arch_str"] = ARCHS[1]
            elif fault == "no-seeds":
                del result["dataset_seed"]
            elif fault == "seed-text":
                result["dataset_seed"]["cifar10"] = ["777"]
            elif fault == "no-result":
                del result["all_results"]["cifar10", 888]
            elif fault == "no-epochs":
                del one["epochs"]
            elif fault == "no-accuracy":
                del one["eval_acc1es"]["ori-test@199"]
            elif fault == "accuracy-text":
                one["eval_acc1es"]["ori-test@199"] = "90"
            elif fault == "accuracy-rounded":
                one["eval_acc1es"]["ori-test@199"] = 100.00001
            elif fault == "accuracy-large":
                one["eval_acc1es"]["ori-test@199"] = 100.5
            elif fault == "accuracy-nan":
                one["eval_acc1es"]["ori-test@199"] = float("nan")
            elif fault == "runs-a-command":
                one["net_state_dict"] = Command(options.folder)
            elif fault in ("entry-not-bz2", "entry-cut", "entry-no-pickle"):
                damage = fault[6:]
        # Both spellings of the name are read.
        write(("{:06d}" if index != 1 else "{:d}").format(index) + ".pickle.pbz2", value, damage)


if __name__ == "__main__":
    main()
