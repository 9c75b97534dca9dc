"""scikit-learn's own ensembles around fusion, on a table of paths, text and numbers."""

import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.tree import DecisionTreeClassifier

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.exceptions import MissingModalityWarning
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.store import FeatureStore

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
FUSIONS = {
    "early": EarlyFusionClassifier(TREE),
    "late": LateFusionClassifier(TREE),
    "intermediate": IntermediateFusionClassifier(max_epochs=20, random_state=0),
}
CONTAINERS = {
    "alone": clone,
    "Bagging": lambda c: BaggingClassifier(c, 3, random_state=0),
    "AdaBoost": lambda c: AdaBoostClassifier(c, n_estimators=3, random_state=0),
    "Voting": lambda c: VotingClassifier(
        [("fused", c), ("linear", LogisticRegression())], voting="soft"
    ),
    "Stacking": lambda c: StackingClassifier([("fused", c)], cv=3),
    "Stacking with passthrough": lambda c: StackingClassifier(
        [("fused", c)], cv=3, passthrough=True
    ),
    "Calibrated": lambda c: CalibratedClassifierCV(c, cv=3),
    "OneVsRest": OneVsRestClassifier,
    "OneVsOne": OneVsOneClassifier,
}
N_TRAIN = 96
ONE_MODALITY = 0.87
"""What no single modality reaches on the new rows; the majority is half of them."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a table of picture paths, titles and prices, and its label.

    The label is "yes" where a picture is bright *and* its title red: who sees only
    one of them is right in five of six rows, who sees only the prices in half.
    """
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    n = N_TRAIN + 48
    both = rng.random(n) < 0.5
    kind = rng.integers(3, size=n)
    bright, red = both | (kind == 0), both | (kind == 1)
    paths = []
    for row in range(n):
        low = 150 if bright[row] else 10
        picture = rng.integers(low, low + 90, (16, 16, 3), dtype=np.uint8)
        paths.append(str(folder / f"{row}.png"))
        Image.fromarray(picture).save(paths[-1])
    words = np.array(["old", "new", "fine", "plain"])[rng.integers(4, size=n)]
    X = pd.DataFrame(
        {
            "price": rng.normal(size=n),
            "photo": paths,
            "title": np.where(red, "red ", "blue ") + words.astype(object),
        }
    )
    return X, np.where(both, "yes", "no"), FeatureStore(folder / "store")


def features(store):
    picture = HOGExtractor(
        size=16, pixels_per_cell=8, cells_per_block=1, orientations=4, color_bins=2
    )
    return ModalityTransformer(
        [
            ("image", picture, ["photo"]),
            ("text", TfidfExtractor(n_components=4, random_state=0), ["title"]),
            ("table", TableExtractor(), ["price"]),
        ],
        memory=store,
    )


@pytest.mark.parametrize("modality", ["image", "text", "table"])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_modality_is_not_enough(fusion, modality, data):
    X, y, store = data
    alone = clone(FUSIONS[fusion]).set_params(modalities=[modality])
    clf = MultimodalClassifier(features(store), alone).fit(X[:N_TRAIN], y[:N_TRAIN])
    assert clf.score(X[N_TRAIN:], y[N_TRAIN:]) < ONE_MODALITY


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_ensemble(container, fusion, data):
    X, y, store = data
    seen, new = X[:N_TRAIN], X[N_TRAIN:]
    estimator = CONTAINERS[container](clone(FUSIONS[fusion]))
    clf = MultimodalClassifier(features(store), estimator).fit(seen, y[:N_TRAIN])

    assert clf.score(new, y[N_TRAIN:]) > ONE_MODALITY
    assert list(clf.classes_) == ["no", "yes"]

    again = clone(clf).fit(seen, y[:N_TRAIN])
    travelled = pickle.loads(pickle.dumps(clf))
    for rows in (seen, new):
        for other in (again, travelled):
            np.testing.assert_array_equal(other.predict(rows), clf.predict(rows))
        if hasattr(clf, "predict_proba"):
            proba = clf.predict_proba(rows)
            np.testing.assert_allclose(proba.sum(axis=1), 1)
            np.testing.assert_allclose(travelled.predict_proba(rows), proba)
            np.testing.assert_allclose(again.predict_proba(rows), proba)


@pytest.mark.parametrize("container", ["alone", "Bagging", "AdaBoost", "Stacking"])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_modalities_absent_at_predict(container, fusion, data):
    X, y, store = data
    estimator = CONTAINERS[container](clone(FUSIONS[fusion]))
    train = X[:N_TRAIN].copy()
    train.loc[::7, "photo"] = None
    train.loc[3::9, "title"] = None
    clf = MultimodalClassifier(features(store), estimator).fit(train, y[:N_TRAIN])
    new = X[N_TRAIN:]
    for lacking in (["photo"], ["title"], ["photo", "title"]):
        proba = clf.predict_proba(new.assign(**dict.fromkeys(lacking)))
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert clf.score(new, y[N_TRAIN:]) > 0.8


def test_nothing_at_all_at_predict(data):
    X, y, store = data
    for fusion in FUSIONS.values():
        chosen = clone(fusion).set_params(modalities=["image", "text"])
        clf = MultimodalClassifier(features(store), chosen)
        clf.fit(X[:N_TRAIN], y[:N_TRAIN])
        prior = (y[:N_TRAIN] == "yes").mean()
        with pytest.warns(MissingModalityWarning, match="2 of 2 samples have none"):
            proba = clf.predict_proba(X[:2].assign(photo=None, title=None))
        np.testing.assert_allclose(proba[:, 1], prior)
