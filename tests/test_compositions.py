"""scikit-learn's own ensembles around every fusion, on a table with picture files."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from mmsk.compose import MultimodalClassifier, MultimodalRegressor
from mmsk.ensemble import (
    LightGBMClassifier,
    ModalityBaggingClassifier,
    ModalityBaggingRegressor,
    ModalityBoostingClassifier,
)
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.neural_network import NeuralClassifier
from tests._shop import shop_features, write_shop

FUSIONS = {
    "early": EarlyFusionClassifier(),
    "late": LateFusionClassifier(combine="product"),
    "intermediate": IntermediateFusionClassifier(
        "concat", max_epochs=60, lr=1e-2, random_state=0
    ),
}
ENSEMBLES = {
    "bagging": lambda one: BaggingClassifier(one, n_estimators=3, random_state=0),
    "adaboost": lambda one: AdaBoostClassifier(one, n_estimators=3, random_state=0),
    "voting": lambda one: VotingClassifier(
        [("one", one), ("linear", LogisticRegression())], voting="soft"
    ),
    "stacking": lambda one: StackingClassifier(
        [("one", one), ("linear", LogisticRegression())], cv=2
    ),
    "passthrough": lambda one: StackingClassifier(
        [("one", one)], LogisticRegression(max_iter=500), cv=2, passthrough=True
    ),
    "calibrated": lambda one: CalibratedClassifierCV(one, cv=2),
    "one_vs_rest": OneVsRestClassifier,
    "one_vs_one": OneVsOneClassifier,
    "modality_bagging": lambda one: ModalityBaggingClassifier(
        one, 3, max_modalities=2, random_state=0
    ),
    "modality_boosting": lambda one: ModalityBoostingClassifier(
        one, n_estimators=2, combine="all", random_state=0
    ),
}
REGRESSOR_FUSIONS = {
    "early": EarlyFusionRegressor(),
    "late": LateFusionRegressor(combine="stack"),
    "intermediate": IntermediateFusionRegressor(
        "concat", max_epochs=60, lr=1e-2, random_state=0
    ),
}
REGRESSOR_ENSEMBLES = {
    "bagging": lambda one: BaggingRegressor(one, n_estimators=3, random_state=0),
    "adaboost": lambda one: AdaBoostRegressor(one, n_estimators=3, random_state=0),
    "voting": lambda one: VotingRegressor([("one", one), ("linear", Ridge())]),
    "stacking": lambda one: StackingRegressor(
        [("one", one), ("linear", Ridge())], Ridge(), cv=2
    ),
    "passthrough": lambda one: StackingRegressor(
        [("one", one)], Ridge(), cv=2, passthrough=True
    ),
    "modality_bagging": lambda one: ModalityBaggingRegressor(
        one, 6, max_modalities=2, random_state=0
    ),
}


def prices(X, y):
    """Return numbers that take a word, a picture and a number of the shop to tell."""
    heads = np.select([y == "none", y == "one"], [0.0, 1.0], 2.0)
    return 100 + 10 * heads + 2 * np.asarray(X["price"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    return root, *write_shop(root)


# tables of the tests are so easy that boosting ends in the first round
@pytest.mark.filterwarnings("ignore::mmsk.exceptions.PerfectFitWarning")
@pytest.mark.parametrize("ensemble", ENSEMBLES)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_an_ensemble_around_a_fusion(fusion, ensemble, shop):
    root, X, y = shop
    seen, unseen = slice(0, 90), slice(90, None)
    estimator = MultimodalClassifier(
        shop_features(root, memory=root / "store"),
        ENSEMBLES[ensemble](FUSIONS[fusion]),
    )
    fitted = clone(estimator).fit(X[seen], y[seen])
    again = clone(fitted).fit(X[seen], y[seen])
    loaded = pickle.loads(pickle.dumps(fitted))
    for rows in (seen, unseen):
        said = fitted.predict(X[rows])
        assert said.tolist() == again.predict(X[rows]).tolist()
        assert said.tolist() == loaded.predict(X[rows]).tolist()
    majority = np.unique(y[unseen], return_counts=True)[1].max() / len(y[unseen])
    assert fitted.score(X[unseen], y[unseen]) > majority


@pytest.mark.parametrize("ensemble", REGRESSOR_ENSEMBLES)
@pytest.mark.parametrize("fusion", REGRESSOR_FUSIONS)
def test_an_ensemble_around_a_fusion_of_numbers(fusion, ensemble, shop):
    root, X, y = shop
    y = prices(X, y)
    seen, unseen = slice(0, 90), slice(90, None)
    estimator = MultimodalRegressor(
        shop_features(root, memory=root / "store"),
        REGRESSOR_ENSEMBLES[ensemble](REGRESSOR_FUSIONS[fusion]),
    )
    fitted = clone(estimator).fit(X[seen], y[seen])
    again = clone(fitted).fit(X[seen], y[seen])
    loaded = pickle.loads(pickle.dumps(fitted))
    for rows in (seen, unseen):
        said = fitted.predict(X[rows])
        assert said.tolist() == again.predict(X[rows]).tolist()
        assert said.tolist() == loaded.predict(X[rows]).tolist()
    # the better one of the two modalities with a head each tells half the variance
    assert fitted.score(X[unseen], y[unseen]) > 0.55


@pytest.mark.parametrize(
    ("head", "grid"),
    [
        (
            NeuralClassifier(max_epochs=30, random_state=0),
            {"head__hidden_layer_sizes": [(8,), (32,)]},
        ),
        (LightGBMClassifier(n_estimators=20), {"head__num_leaves": [3, 7]}),
        (LogisticRegression(max_iter=500), {"head__C": [0.1, 10]}),
        (LinearSVC(), {"head__C": [0.1, 1]}),
    ],
    ids=["neural", "lightgbm", "logistic", "svc"],
)
def test_extractors_in_scikit_learns_own_pipeline(head, grid, shop):
    root, X, y = shop
    features = ColumnTransformer(
        [
            ("text", TfidfExtractor(), ["title"]),
            ("image", HOGExtractor(size=32, color_bins=0, root=root), ["photo"]),
            ("table", TableExtractor(), ["price"]),
        ]
    )
    grid = {**grid, "features__text__ngram_range": [(1, 1), (1, 2)]}
    search = GridSearchCV(
        Pipeline([("features", features), ("head", head)]),
        grid,
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > np.unique(y, return_counts=True)[1].max() / len(y)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_fusion_reads_blocks_from_the_columns_of_a_frame(fusion, shop):
    root, X, y = shop
    features = ColumnTransformer(
        [
            ("text", TfidfExtractor(n_components=6, random_state=0), ["title"]),
            ("image", HOGExtractor(size=32, color_bins=0, root=root), ["photo"]),
        ]
    ).set_output(transform="pandas")
    fitted = Pipeline([("features", features), ("fuse", clone(FUSIONS[fusion]))])
    fitted.fit(X[:90], y[:90])
    assert fitted["fuse"].blocks_.names == ("text", "image")
    assert all(block.indicator is not None for block in fitted["fuse"].blocks_)
    assert fitted.score(X[90:], y[90:]) > 0.6
