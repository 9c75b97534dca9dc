"""The demo runs the search it promises."""

import csv
import warnings
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier

from mmsk.cli import main
from mmsk.cli._candidates import candidates
from mmsk.cli._demo import run_demo
from mmsk.cli._tables import chosen_table, clipart, csv_table
from mmsk.ensemble import LightGBMClassifier
from mmsk.exceptions import MissingModalityWarning
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.neural_network import NeuralClassifier
from tests._shop import write_shop

MODALITIES = ["text", "image", "table"]
TYPES = {
    "single": EarlyFusionClassifier,
    "early": EarlyFusionClassifier,
    "late": LateFusionClassifier,
    "intermediate": IntermediateFusionClassifier,
}


def test_the_candidates_are_what_they_are_called():
    entrants = {each.name: each for each in candidates(MODALITIES)}
    assert len(entrants) == len(candidates(MODALITIES)) >= 12
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
    (lights,) = (
        e.estimator for e in candidates(MODALITIES) if e.name == "early, LightGBM"
    )
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
    assert result.board[0].means["macro-F1"] == best
    assert len(result.board) == n_candidates
    assert set(result.test_scores["winner"]) == {
        "accuracy",
        "precision",
        "recall",
        "F1",
    }


@pytest.mark.slow
def test_the_whole_demo_scores_every_candidate():
    check_result(run_demo(verbose=False), len(candidates(MODALITIES)), 5)


def test_a_quick_demo_extracts_once_and_then_never(tmp_path, capsys):
    cold = run_demo(quick=True, memory=tmp_path / "store", verbose=False)
    check_result(cold, len(candidates(MODALITIES, quick=True)), 2)
    assert cold.extractions == 1.0
    assert capsys.readouterr().out == ""
    arguments = ["demo", "--quick", "--memory", str(tmp_path / "store")]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert f"{cold.n_test} with 'author' not seen before held out" in said
    assert "Extractions a picture or clip: 0.0" in said
    winner = cold.test_scores["winner"]["accuracy"]
    assert f"accuracy {winner:.3f}" in said
    with (tmp_path / "out" / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [entry.name for entry in cold.board]
    assert (tmp_path / "out" / "leaderboard.png").read_bytes()[:4] == b"\x89PNG"


def test_the_quick_demo_has_one_candidate_of_each_family():
    families = [each.family for each in candidates(MODALITIES, quick=True)]
    assert families == ["single", "early", "late", "intermediate", "ensemble"]


def test_the_candidates_for_numbers_are_the_twins():
    names = [each.name for each in candidates(MODALITIES, "regression")]
    late = ["late, mean", "late, median", "late, weighted", "late, stack"]
    assert [name for name in names if name.startswith("late")] == late
    kinds = {type(e.estimator) for e in candidates(MODALITIES, "regression")}
    assert {LateFusionRegressor, IntermediateFusionRegressor} < kinds
    assert not any("Classifier" in kind.__name__ for kind in kinds)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    X, y = write_shop(root)
    X["title"] = "a " + X["title"] + " for sale"
    X["label"] = y
    X.to_csv(root / "shop.csv", index=False)
    return root


def test_a_table_of_ones_own(shop, capsys, tmp_path):
    arguments = ["demo", "--quick", "--csv", str(shop / "shop.csv")]
    own = ["--target", "label", "--groups", "author", "--output", str(tmp_path)]
    assert main([*arguments, *own]) == 0
    said = capsys.readouterr().out
    assert "shop.csv: 120 rows, classification of 'label'" in said
    assert "groups     author (left out)" in said
    assert "image      photo" in said
    assert "Extractions a picture or clip: 1.0" in said
    header = (tmp_path / "leaderboard.csv").read_text().splitlines()[0]
    scores = "accuracy,accuracy sd,macro-F1,macro-F1 sd"
    assert header == f"name,family,{scores},fit seconds"


def test_a_table_with_numbers_to_predict(shop, capsys):
    table = csv_table(shop / "shop.csv", "price", roles={"author": "drop"})
    assert table.task.name == "regression"
    result = run_demo(table, quick=True)
    said = capsys.readouterr().out
    assert "drop       author (left out)" in said
    assert set(result.test_scores["winner"]) == {"R2", "RMSE", "MAE"}
    best = max(result.search.cv_results_["mean_test_r2"])
    assert result.board[0].means["R2"] == best


def test_spoken_and_written_digits(shop, tmp_path, capsys):
    X = pd.read_csv(shop / "shop.csv")
    frame = pd.DataFrame({"image": X["photo"], "label": X["label"]})
    frame["speaker"] = X["author"]
    frame["audio"] = [f"{i}.wav" for i in range(len(frame))]
    for i, label in enumerate(frame["label"]):
        pitch = 300 + 400 * sorted(frame["label"].unique()).index(label)
        samples = np.sin(np.arange(2000) * pitch * 2 * np.pi / 8000 + i)
        soundfile.write(shop / f"{i}.wav", samples / 2, 8000)
    frame.to_csv(shop / "data.csv", index=False)
    assert main(["demo", "--quick", "--data", str(shop)]) == 0
    said = capsys.readouterr().out
    assert "Audio-visual digits: 120 samples, classification of 'label'" in said
    assert "audio    audio: MFCCExtractor(hop_length=80, n_fft=256" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "label"], "--target goes with --csv"),
        (["--csv", "FILE"], "--csv needs --target"),
        (["--csv", "FILE", "--target", "labels"], "has no column 'labels'"),
        (["--csv", "FILE", "--target", "label", "--groups", "g"], "no column 'g'"),
        (["--csv", "FILE", "--target", "label", "--role", "x"], "COLUMN=ROLE, got 'x'"),
        (["--csv", "no.csv", "--target", "label"], "No such file"),
        (["--data", "nowhere"], "no 'data.csv' in 'nowhere'"),
    ],
)
def test_what_cannot_be_done_is_said(options, message, shop, capsys):
    options = [str(shop / "shop.csv") if each == "FILE" else each for each in options]
    with pytest.raises(SystemExit) as caught:
        main(["demo", *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_picture_that_is_lost_later_is_named(shop, tmp_path, capsys):
    X = pd.read_csv(shop / "shop.csv")
    X.loc[7, "photo"] = "img/lost.png"
    X.to_csv(tmp_path / "shop.csv", index=False)
    options = ["--csv", str(tmp_path / "shop.csv"), "--target", "label", "--quick"]
    options += ["--root", str(shop), "--role", "photo=image"]
    assert main(["demo", *options]) == 1
    said = capsys.readouterr().err
    assert "Column 'photo', row 7" in said and "img/lost.png" in said
    assert "Pass --on-error missing to treat it as absent." in said
    assert "on_error" not in said
    table = chosen_table(
        Namespace(
            csv=tmp_path / "shop.csv",
            data=None,
            target="label",
            root=shop,
            groups=None,
            role=["photo=image"],
            task=None,
            on_error="missing",
        )
    )
    assert table.features(None).transformers[1][1].on_error == "missing"


def test_a_target_that_cannot_be_told(tmp_path):
    path = tmp_path / "t.csv"
    frame = pd.DataFrame({"x": np.arange(50) / 3, "y": np.arange(50)})
    frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match="50 different whole numbers"):
        csv_table(path, "y")
    assert csv_table(path, "y", task="regression").task.name == "regression"
    frame.loc[3, "y"] = None
    frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match="empty in 1 of 50 rows, the first is row 3"):
        csv_table(path, "y")


def test_one_modality_has_nothing_to_fuse(tmp_path):
    path = tmp_path / "t.csv"
    pd.DataFrame({"x": np.arange(50) / 3, "y": [0, 1] * 25}).to_csv(path, index=False)
    with pytest.raises(ValueError, match="nothing to fuse"):
        run_demo(csv_table(path, "y"), verbose=False)


def test_clipart_keeps_authors_apart():
    table = clipart()
    groups = table.X["author"]
    train, test = table.task.split(table.X, table.y, groups, 0)
    assert not set(groups.iloc[train]) & set(groups.iloc[test])
    folds = table.task.folds(5, groups.iloc[:3], 0)
    assert folds.get_n_splits() == groups.iloc[:3].nunique()


def test_a_lost_picture_may_be_treated_as_missing(shop, tmp_path, capsys):
    X = pd.read_csv(shop / "shop.csv")
    X.loc[7, "photo"] = "lost.png"
    X.to_csv(tmp_path / "shop.csv", index=False)
    options = ["--csv", str(tmp_path / "shop.csv"), "--target", "label", "--quick"]
    options += ["--root", str(shop), "--role", "photo=image", "--on-error", "missing"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingModalityWarning)
        assert main(["demo", *options]) == 0
    assert "(119 for 119 distinct ones)" in capsys.readouterr().out


def test_one_modality_is_an_error_and_no_traceback(tmp_path, capsys):
    path = tmp_path / "t.csv"
    pd.DataFrame({"x": np.arange(50) / 3, "y": [0, 1] * 25}).to_csv(path, index=False)
    assert main(["demo", "--csv", str(path), "--target", "y"]) == 1
    assert "nothing to fuse" in capsys.readouterr().err
