"""Every picture is decoded once in a whole search."""

import pickle

import pytest
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from mmsk.compose import MultimodalClassifier
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from mmsk.store import FeatureStore
from tests._shop import LoggingHOGExtractor, n_decoded, shop_features, write_shop

N = 60


@pytest.fixture
def shop(tmp_path):
    root = tmp_path / "pictures"
    root.mkdir()
    return root, *write_shop(root, N)


def search(root, memory, n_jobs=1):
    features = shop_features(root, memory=memory, image=LoggingHOGExtractor())
    stack = StackingClassifier(
        [("early", EarlyFusionClassifier()), ("late", LateFusionClassifier())],
        LogisticRegression(),
        cv=2,
    )
    grid = {
        "estimator__early__estimator": [
            LogisticRegression(C=C, max_iter=500) for C in (0.1, 1, 10)
        ]
    }
    return GridSearchCV(
        MultimodalClassifier(features, stack),
        grid,
        cv=3,
        n_jobs=n_jobs,
        error_score="raise",
    )


def test_without_a_store_each_fit_decodes_again(shop):
    root, X, y = shop
    search(root, None).fit(X, y)
    # 3 candidates x 3 folds, each two thirds to fit and a third to score; the refit
    assert n_decoded(root) == 9 * N + N


def test_a_search_in_one_process_decodes_every_picture_once(shop, tmp_path):
    root, X, y = shop
    first = search(root, tmp_path / "store").fit(X, y)
    assert n_decoded(root) == N
    second = search(root, tmp_path / "store").fit(X, y)
    assert n_decoded(root) == 0
    assert second.predict(X).tolist() == first.predict(X).tolist()


def test_two_processes_decode_nothing_after_warm(shop, tmp_path):
    root, X, y = shop
    two = search(root, tmp_path / "store", n_jobs=2)
    two.estimator.features.warm(X, verbose=False)
    assert n_decoded(root) == N
    two.fit(X, y)
    two.predict(X)
    assert n_decoded(root) == 0


def test_changed_content_is_noticed(shop, tmp_path):
    root, X, y = shop
    search(root, tmp_path / "store").fit(X, y)
    assert n_decoded(root) == N
    old, new = root / X["photo"][0], root / X["photo"][1]
    old.write_bytes(new.read_bytes())  # known content under another name
    search(root, tmp_path / "store").fit(X, y)
    assert n_decoded(root) == 0
    data = bytearray(new.read_bytes())
    old.write_bytes(bytes(data) + b" ")  # the same picture, other bytes
    search(root, tmp_path / "store").fit(X, y)
    assert n_decoded(root) == 1


def test_the_store_changes_no_score(shop, tmp_path):
    root, X, y = shop
    stored = search(root, tmp_path / "store").fit(X, y).cv_results_
    computed = search(root, None).fit(X, y).cv_results_
    for name in computed:
        if name.startswith(("split", "mean_test")):
            assert stored[name].tolist() == computed[name].tolist()


def test_nothing_is_pickled_into_the_store_or_out_of_it(shop, tmp_path, monkeypatch):
    root, X, y = shop
    expected = shop_features(root).fit_transform(X, y)
    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, None)
    store = FeatureStore(tmp_path / "store")
    for _ in range(2):
        found = shop_features(root, memory=store).fit_transform(X, y)
        assert (found != expected).nnz == 0
    info = store.info()
    assert (info.written, info.hits) == (N, N)
    assert info.entries > N  # what the texts' fit has learned is there too
