import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import ParameterGrid
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mmsk.compose import ModalityTransformer, MultimodalClassifier, MultimodalRegressor
from mmsk.ensemble import LightGBMClassifier
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
)
from mmsk.model_selection import FusionSearchCV, fusion_grid
from tests._shop import shop_features, write_shop

LINEAR = LogisticRegression(max_iter=1000)
TREES = LightGBMClassifier(n_estimators=2, random_state=0)


def test_the_default_is_one_of_each_kind():
    assert str(fusion_grid()) == (
        "[{'estimator': [EarlyFusionClassifier()]}, "
        "{'estimator': [LateFusionClassifier()]}, "
        "{'estimator': [IntermediateFusionClassifier(random_state=0)]}]"
    )
    assert "Regressor" in str(fusion_grid(task="regression"))


def test_what_a_user_writes_in_three_lines():
    grid = fusion_grid(
        fusions=["early", "late", "product", "gated"],
        heads=[LINEAR, TREES],
        ensembles=["bagging", "stacking"],
        modalities=["text", ["text", "image"], None],
        features={"image__size": [64, 96]},
    )
    assert all(type(part) is dict for part in grid)
    assert [list(part) for part in grid] == [
        ["estimator", "estimator__modalities", "features__image__size"],
        [
            "estimator",
            "estimator__combine",
            "estimator__modalities",
            "features__image__size",
        ],
        [
            "estimator",
            "estimator__mechanism",
            "estimator__modalities",
            "features__image__size",
        ],
        [
            "estimator",
            "estimator__estimator",
            "estimator__estimator__modalities",
            "features__image__size",
        ],
        ["estimator", "features__image__size"],
    ]
    early, late, intermediate, bagging, stacking = grid
    several = [["text", "image"], None]
    assert early["estimator__modalities"] == [["text"], *several]
    assert late["estimator__modalities"] == several
    assert late["estimator__combine"] == ["mean", "product"]
    assert intermediate["estimator__mechanism"] == ["gated"]
    assert bagging["estimator__estimator__modalities"] == several
    # two heads in early and in two rules of late fusion, and the gated net
    assert len(bagging["estimator__estimator"]) == 7
    assert len(stacking["estimator"][0].estimators) == 7
    sizes = [len(ParameterGrid(part)) for part in grid]
    assert sizes == [2 * 3 * 2, 2 * 2 * 2 * 2, 1 * 2 * 2, 7 * 2 * 2, 2]


def test_one_modality_alone_is_read_by_early_fusion():
    grid = fusion_grid(["late"], modalities=["text", "image", None])
    assert grid[0]["estimator__modalities"] == [["text"], ["image"]]
    assert isinstance(grid[0]["estimator"][0], EarlyFusionClassifier)
    assert grid[1]["estimator__modalities"] == [None]


def readers(grid):
    """Return what the members of the ensembles in a grid read, by ensemble."""
    (part,) = [e for e in grid if isinstance(e["estimator"][0], VotingClassifier)]
    return [
        [member.get_params().get("modalities", "all") for _, member in e.estimators]
        for e in part["estimator"]
    ]


@pytest.mark.parametrize("fusions", [["late", "gated"], ["early", "late"]])
def test_ensembles_of_one_modality_read_no_other(fusions):
    grid = fusion_grid(
        fusions,
        heads=[LINEAR, TREES],
        ensembles=["bagging", "voting"],
        modalities=["text", "image"],
    )
    _, bagging, _ = grid
    assert bagging["estimator__estimator__modalities"] == [["text"], ["image"]]
    members = bagging["estimator__estimator"]
    assert [type(each) for each in members] == [EarlyFusionClassifier] * 2
    assert [each.estimator.get_params() for each in members] == [
        each.get_params() for each in (LINEAR, TREES)
    ]
    assert readers(grid) == [[["text"]] * 2, [["image"]] * 2]


def test_ensembles_of_different_members_read_all_or_what_is_chosen():
    chosen, vote = ["text", "image"], ["voting"]
    grid = fusion_grid(["early", "late"], ensembles=vote, modalities=["text", chosen])
    assert readers(grid) == [[chosen] * 2]
    grid = fusion_grid(["early"], ensembles=vote, modalities=[chosen, None])
    assert readers(grid) == [[None]]
    # what cannot be told is shown nothing else
    grid = fusion_grid([LINEAR], ensembles=vote, modalities=[chosen])
    ((_, member),) = grid[1]["estimator"][0].estimators
    assert member[0].modalities == chosen
    assert member[1].get_params() == LINEAR.get_params()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_groups_reach_the_folds_of_stacking_and_selection(task):
    random = np.random.default_rng(0)
    author = np.repeat(np.arange(4), 10)
    # an author has one target and one place, beside which there is nothing to learn
    place = np.array([0.0, 1.0, 2.0, 3.0])[author] + 0.01 * random.normal(size=40)
    X = pd.DataFrame({"place": place, "other": random.normal(size=40)})
    y = np.array([0, 1, 0, 1])[author]
    branches = [(name, TableExtractor(), [name]) for name in X]
    whole, trees = MultimodalClassifier, DecisionTreeClassifier(random_state=0)
    if task == "regression":
        whole, trees = MultimodalRegressor, DecisionTreeRegressor(random_state=0)
    grid = fusion_grid(["early"], [trees], ["stacking", "selection"])
    for part in grid[1:]:
        (ensemble,) = part["estimator"]
        model = whole(ModalityTransformer(branches), ensemble, groups="author")
        model.fit(X.assign(author=author), y)  # a warning is an error here
        (said,) = model.estimator_.oof_predictions_.values()
        said = said if said.ndim == 1 else said[:, 1]
        assert np.mean(np.abs(said - y) > 0.5) > 0.4


def test_estimators_are_taken_as_they_are_and_copied():
    net = IntermediateFusionClassifier("tensor", max_epochs=3, random_state=1)
    bag = BaggingClassifier(n_estimators=3, random_state=1)
    grid = fusion_grid([net], ensembles=[bag, VotingClassifier([])])
    assert grid[0]["estimator"][0].get_params() == net.get_params()
    assert grid[0]["estimator"][0] is not net
    assert grid[1]["estimator"][0].n_estimators == 3
    assert grid[1]["estimator__estimator"][0].mechanism == "tensor"
    (pair,) = grid[2]["estimator"][0].estimators
    assert pair[0] == "intermediatefusionclassifier1"
    assert bag.estimator is None
    calibrated = fusion_grid(["early"], ensembles=[CalibratedClassifierCV()])
    assert len(calibrated) == 2


def test_the_prefix_leads_to_an_estimator_inside_a_pipeline():
    grid = fusion_grid(["product"], features={"text__norm": ["l1"]}, prefix="model")
    assert list(grid[0]) == [
        "model__estimator",
        "model__estimator__combine",
        "model__features__text__norm",
    ]


def test_the_task_is_that_of_the_estimators():
    (part,) = fusion_grid(["early"], heads=[Ridge()])
    assert isinstance(part["estimator"][0], EarlyFusionRegressor)
    (part,) = fusion_grid([EarlyFusionRegressor(), "early"])[:1]
    assert isinstance(part["estimator"][0], EarlyFusionRegressor)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"fusions": ["erly"]}, ValueError, "Unknown fusion 'erly'"),
        ({"fusions": ["mean"]}, ValueError, "'late:mean' or 'intermediate:mean'"),
        ({"fusions": ["late:gated"]}, ValueError, "Unknown fusion 'late:gated'"),
        ({"fusions": ["vote"], "task": "regression"}, ValueError, "Unknown fusion"),
        ({"fusions": "early"}, ValueError, "fusions must be a list"),
        ({"fusions": []}, ValueError, "fusions is empty"),
        ({"fusions": [3]}, TypeError, "a name or an estimator, got 3"),
        ({"heads": ["svm"]}, ValueError, "Unknown head 'svm'"),
        ({"heads": []}, ValueError, "heads is empty"),
        ({"heads": [LINEAR, Ridge()]}, TypeError, "a search has one task"),
        ({"heads": [LINEAR], "task": "regression"}, TypeError, "one task"),
        ({"task": "ranking"}, ValueError, "task must be one of"),
        ({"ensembles": ["bag"]}, ValueError, "Unknown ensemble 'bag'"),
        ({"ensembles": [KNeighborsClassifier()]}, TypeError, "no parameter estimator"),
        ({"modalities": "text"}, ValueError, "modalities must be a list"),
        ({"modalities": [["text", 3]]}, ValueError, "got .'text', 3. in it"),
        ({"modalities": []}, ValueError, "modalities is empty"),
        ({"features": ["image__size"]}, ValueError, "features must be a dict"),
        ({"features": {"image__size": 64}}, ValueError, "'image__size' must have"),
    ],
)
def test_bad_choices_are_named(given, error, message):
    with pytest.raises(error, match=message):
        fusion_grid(**given)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_candidate_can_be_fitted(task, tmp_path):
    X, y = write_shop(tmp_path, 60)
    features = shop_features(tmp_path).set_params(image="drop")
    whole, start, target = MultimodalClassifier, EarlyFusionClassifier(), y
    small, stack = BaggingClassifier(n_estimators=2), StackingClassifier([], cv=2)
    if task == "regression":
        whole, start, target = MultimodalRegressor, EarlyFusionRegressor(), X["price"]
        small, stack = BaggingRegressor(n_estimators=2), StackingRegressor([], cv=2)
    grid = fusion_grid(
        ["early", "late", IntermediateFusionClassifier(max_epochs=1)]
        if task == "classification"
        else ["early", "median"],
        ensembles=[small, "voting", stack, "selection"],
        modalities=["text", None],
        features={"text__sublinear_tf": [True]},
        task=task,
    )
    search = FusionSearchCV(
        whole(features, start), grid, cv=2, error_score="raise", keep_models=False
    ).fit(X, target)
    assert len(search.cv_results_["params"]) == len(ParameterGrid(grid))
    labels = search.leaderboard()["candidate"]
    assert labels.is_unique
