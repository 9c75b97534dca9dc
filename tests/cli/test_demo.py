"""The demo runs the search it promises."""

import csv

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier

from mmsk.cli import main
from mmsk.cli._candidates import candidates
from mmsk.cli._demo import run_demo
from mmsk.ensemble import LightGBMClassifier
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.neural_network import NeuralClassifier

TYPES = {
    "single": EarlyFusionClassifier,
    "early": EarlyFusionClassifier,
    "late": LateFusionClassifier,
    "intermediate": IntermediateFusionClassifier,
}


def test_the_candidates_are_what_they_are_called():
    entrants = {each.name: each for each in candidates()}
    assert len(entrants) == len(candidates()) >= 12
    for each in entrants.values():
        if each.family != "ensemble":
            assert type(each.estimator) is TYPES[each.family]
    singles = [each for each in entrants.values() if each.family == "single"]
    assert [each.estimator.modalities for each in singles] == [
        ["text"],
        ["image"],
        ["table"],
    ]
    late = [
        each.estimator.combine for each in entrants.values() if each.family == "late"
    ]
    assert late == ["mean", "product", "vote", "weighted", "stack"]
    mechanisms = [
        each.estimator.mechanism
        for each in entrants.values()
        if each.family == "intermediate"
    ]
    assert mechanisms == ["concat", "gated"]
    early = [
        type(e.estimator.estimator) for e in entrants.values() if e.family == "early"
    ]
    assert {LightGBMClassifier, NeuralClassifier} < set(early)
    bagging = entrants["Bagging of intermediate"].estimator
    boosting = entrants["AdaBoost of early"].estimator
    stacking = entrants["Stacking of fusions"].estimator
    assert type(bagging) is BaggingClassifier
    assert type(bagging.estimator) is IntermediateFusionClassifier
    assert bagging.n_estimators <= 10
    assert type(boosting) is AdaBoostClassifier
    assert type(boosting.estimator) is EarlyFusionClassifier
    assert boosting.n_estimators <= 10
    assert type(stacking) is StackingClassifier
    assert {type(member) for _, member in stacking.estimators} == {
        EarlyFusionClassifier,
        LateFusionClassifier,
        IntermediateFusionClassifier,
    }


def test_light_trees_see_narrow_blocks():
    (lights,) = (e.estimator for e in candidates() if e.name == "early, LightGBM")
    assert lights.n_components <= 64
    trees = lights.estimator
    assert (trees.n_estimators, trees.num_leaves, trees.max_bin) == (60, 7, 63)


def check_result(result, n_candidates, n_folds):
    assert result.n_train + result.n_test == 801
    results = result.search.cv_results_
    assert len(results["params"]) == n_candidates
    for name in ("accuracy", "f1_macro"):
        for fold in range(n_folds):
            scores = results[f"split{fold}_test_{name}"]
            assert np.isfinite(scores).all()
            assert ((scores > 0) & (scores < 1)).all()
    best = max(results["mean_test_f1_macro"])
    assert result.board[0].f1_macro == best
    assert len(result.board) == n_candidates
    assert set(result.test_scores["winner"]) == {
        "accuracy",
        "precision",
        "recall",
        "F1",
    }


@pytest.mark.slow
def test_the_whole_demo_scores_every_candidate():
    check_result(run_demo(verbose=False), len(candidates()), 5)


def test_a_quick_demo_extracts_once_and_then_never(tmp_path, capsys):
    cold = run_demo(quick=True, memory=tmp_path / "store", verbose=False)
    check_result(cold, len(candidates(quick=True)), 2)
    assert cold.extractions == 1.0
    assert capsys.readouterr().out == ""
    arguments = ["demo", "--quick", "--memory", str(tmp_path / "store")]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert f"{cold.n_test} of other authors held out" in said
    assert "Extractions a picture: 0.0" in said
    winner = cold.test_scores["winner"]["accuracy"]
    assert f"accuracy {winner:.3f}" in said
    with (tmp_path / "out" / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [entry.name for entry in cold.board]
    assert (tmp_path / "out" / "leaderboard.png").read_bytes()[:4] == b"\x89PNG"


def test_the_quick_demo_has_one_candidate_of_each_family():
    families = [each.family for each in candidates(quick=True)]
    assert families == ["single", "early", "late", "intermediate", "ensemble"]
