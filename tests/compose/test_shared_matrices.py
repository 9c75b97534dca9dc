"""Matrices of the same rows are made once, and are nobody's to change."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from mmsk.compose import MultimodalClassifier
from mmsk.compose._shared_matrices import SharedMatrices, SharedRows, sharing
from mmsk.exceptions import MissingModalityWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.fusion import EarlyFusionClassifier
from tests._shop import shop_features, write_shop

ONES = np.ones((4, 2), dtype=np.float32)


class Made:
    """Makes a matrix, and counts."""

    def __init__(self, matrix=ONES):
        self.matrix = matrix
        self.count = 0

    def __call__(self):
        self.count += 1
        return self.matrix.copy(), "features"


@pytest.mark.parametrize("matrix", [ONES, sp.csr_array(ONES)], ids=["dense", "csr"])
def test_what_a_reader_writes_no_other_reads(matrix):
    matrices, make = SharedMatrices(), Made(matrix)
    for _ in range(3):
        found, features = matrices.get(b"key", make)
        assert type(found) is type(matrix)
        assert features == "features"
        np.testing.assert_array_equal(found.sum(), 8)
        found *= 5
    assert make.count == 1
    matrices.get(b"other", make)
    assert make.count == 2


def test_what_does_not_fit_is_made_anew():
    matrices, small, large = SharedMatrices(ONES.nbytes), Made(), Made(np.ones((9, 9)))
    for _ in range(2):
        matrices.get(b"large", large)
        matrices.get(b"small", small)
        matrices.get(b"more", small)
    assert large.count == 2
    assert small.count == 1 + 2


def test_what_raises_is_not_remembered():
    matrices, calls = SharedMatrices(), []

    def fail():
        calls.append(1)
        raise ValueError("bad")

    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            matrices.get(b"key", fail)
    assert len(calls) == 2


def test_a_process_has_one_of_an_owner():
    first, other = SharedMatrices(), SharedMatrices()
    copy = pickle.loads(pickle.dumps(first))
    copy.get(b"key", Made())
    again = pickle.loads(pickle.dumps(first))
    make = Made()
    again.get(b"key", make)
    assert make.count == 0
    pickle.loads(pickle.dumps(other)).get(b"key", make)
    assert make.count == 1
    pickle.loads(pickle.dumps(first)).get(b"key", make)  # the last owner took its place
    assert make.count == 2


def test_only_the_very_table_is_shared():
    rows = SharedRows(SharedMatrices(), b"train")
    table, equal, make = ONES.copy(), ONES.copy(), Made()
    rows.ask(table, b"rows")
    matrix = rows.matrix(table, lambda: make()[0])
    assert rows.matrix(table, lambda: make()[0]) is matrix
    assert make.count == 1
    rows.matrix(equal, lambda: make()[0])
    assert make.count == 2


def counting(monkeypatch):
    """Return a list that grows by a word for each fit and transform of a table."""
    calls = []
    for name in ("fit_transform", "transform"):
        plain = getattr(TableExtractor, name)

        def counted(self, *given, _plain=plain, _name=name, **params):
            calls.append(_name)
            return _plain(self, *given, **params)

        monkeypatch.setattr(TableExtractor, name, counted)
    return calls


@pytest.mark.parametrize("groups", [None, "author"])
def test_multimodal_estimators_share_features(groups, tmp_path, monkeypatch):
    X, y = write_shop(tmp_path, 60)
    new = X.iloc[:20]
    features = shop_features(tmp_path).set_params(image="drop")
    alone = [
        MultimodalClassifier(features, estimator, groups=groups).fit(X, y)
        for estimator in (LogisticRegression(), EarlyFusionClassifier())
    ]
    expected = [each.predict_proba(new) for each in alone]
    calls, matrices = counting(monkeypatch), SharedMatrices()
    together = [MultimodalClassifier(features, each.estimator) for each in alone]
    for model, proba in zip(together, expected, strict=True):
        model.set_params(groups=groups)
        rows = SharedRows(matrices, b"these rows")
        with sharing(model, rows):
            model.fit(X, y)
        rows.ask(new, b"those rows")
        with sharing(model, rows):
            np.testing.assert_array_equal(model.predict_proba(new), proba)
            assert model.predict(new).shape == (20,)
    assert calls == ["fit_transform", "transform"]
    assert together[0].features_ is together[1].features_
    assert vars(together[0]).keys() == vars(alone[0]).keys()
    together[0].predict(new)
    assert calls[2:] == ["transform"]


def test_an_error_of_the_features_names_the_row_of_the_table(tmp_path):
    X, y = write_shop(tmp_path, 20)
    (tmp_path / X["photo"][7]).write_bytes(b"no picture")
    model = MultimodalClassifier(shop_features(tmp_path), LogisticRegression())
    weights = np.ones(20)
    weights[:5] = 0
    with sharing(model, SharedRows(SharedMatrices(), b"rows")):
        with pytest.raises(ValueError, match="row 7"):
            model.fit(X, y, sample_weight=weights)
        model.set_params(features__image__on_error="missing")
        with pytest.warns(MissingModalityWarning):
            model.fit(X, y, sample_weight=weights)
