"""Optuna studies on scores."""

import sys
from pathlib import Path

import optuna
import pytest

import tenas

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples/python"))
import optuna_study


@pytest.fixture
def setup():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    config = tenas.Config("nas-bench-201", "ImageNet16-120", batch_size=4, repeats=1)
    return config, tenas.Dataset.synthetic("ImageNet16-120")


def test_the_front_has_what_no_single_score_finds(setup):
    study = optuna_study.study_of_scores(*setup, trials=40)
    finished = [each for each in study.trials if each.state == optuna.trial.TrialState.COMPLETE]
    directions = [each == optuna.study.StudyDirection.MAXIMIZE for each in study.directions]
    best = [(max if higher else min)(each.values[i] for each in finished) for i, higher in enumerate(directions)]
    compromises = [each for each in study.best_trials if all(a != b for a, b in zip(each.values, best))]
    assert compromises, "an architecture that is best by no score alone"
    worth = tenas.scores(*setup, [compromises[0].user_attrs["genotype"]], optuna_study.SCORES)[0]
    assert [worth[name] for name in optuna_study.SCORES] == compromises[0].values


def test_a_filter_before_training(setup):
    trained = []

    def train(genotype):
        trained.append(genotype)
        return genotype.count("nor_conv_3x3")

    study = optuna_study.study_with_filter(*setup, train, most_ntk=3, trials=20)
    pruned = [each for each in study.trials if each.state == optuna.trial.TrialState.PRUNED]
    assert trained and pruned and len(trained) + len(pruned) == 20
    assert all(worth["ntk"] <= 3 for worth in tenas.scores(*setup, trained, ["ntk"]))
