#!/usr/bin/env python3
"""A multi-objective Optuna study whose objectives are scores of libtenas, and one with a pre-filter.

    pip install ./bindings/python optuna
    python3 optuna_study.py --trials 60
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import optuna
import tenas

SCORES = ("ntk", "flops")
DIRECTIONS = {"higher": "maximize", "lower": "minimize"}


def architecture(trial: optuna.Trial, space: tenas.Space) -> tenas.Genotype:
    """An operation an edge: a trial of NAS-Bench-201 is an architecture."""
    operations = space.operations
    chosen = [trial.suggest_categorical(edge, operations) for edge in space.edges()]
    return space.from_operations([operations.index(each) for each in chosen])


def study_of_scores(config: tenas.Config, data: tenas.Dataset, trials: int, seed: int = 0) -> optuna.Study:
    """Scores as objectives: the Pareto front has what no single one of them finds."""
    space = config.space

    def objective(trial: optuna.Trial) -> tuple[float, ...]:
        genotype = architecture(trial, space)
        trial.set_user_attr("genotype", str(genotype))
        worth = tenas.scores(config, data, [genotype], SCORES)[0]
        if not worth.connected:
            raise optuna.TrialPruned("the output does not depend on the image")
        return tuple(worth[name] for name in SCORES)

    better = {each.name: DIRECTIONS[each.better] for each in tenas.proxies()}
    study = optuna.create_study(
        directions=[better[name] for name in SCORES], sampler=optuna.samplers.NSGAIISampler(population_size=10, seed=seed)
    )
    study.optimize(objective, n_trials=trials)
    return study


def study_with_filter(
    config: tenas.Config,
    data: tenas.Dataset,
    train: Callable[[str], float],
    most_ntk: float,
    trials: int,
    seed: int = 0,
) -> optuna.Study:
    """A training objective, behind a filter: what is hard to train by its score is pruned untrained."""
    space = config.space

    def objective(trial: optuna.Trial) -> float:
        genotype = architecture(trial, space)
        worth = tenas.scores(config, data, [genotype], ["ntk"])[0]
        if not worth.connected or worth["ntk"] > most_ntk:
            raise optuna.TrialPruned(f"ntk {worth['ntk']:.4g}")
        return train(genotype)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed))
    study.optimize(objective, n_trials=trials)
    return study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=60)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = tenas.Config("nas-bench-201", "cifar10", batch_size=8, repeats=1)
    study = study_of_scores(config, tenas.Dataset.synthetic("cifar10"), options.trials)
    for trial in sorted(study.best_trials, key=lambda each: each.values):
        print(*(f"{name} {value:.6g}" for name, value in zip(SCORES, trial.values)), trial.user_attrs["genotype"])


if __name__ == "__main__":
    main()
