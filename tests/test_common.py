"""Contracts that every public estimator keeps: scikit-learn's and the house's."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone, is_classifier
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from mmsk.exceptions import PerfectFitWarning, SingleBlockWarning
from tests import _registry

ENTRIES = _registry.ENTRIES
CASES = _registry.cases()
# scikit-learn's suite sends one block, and classes that one cut tells apart; that
# fusion and boosting warn of it is asserted elsewhere
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{each.__module__}.{each.__name__}")
    for each in (PerfectFitWarning, SingleBlockWarning)
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def expected_failures(estimator):
    for entry in ENTRIES:
        if entry.estimator is estimator:
            return entry.expected_failures
    return {}


@parametrize_with_checks(
    [entry.estimator for entry in ENTRIES], expected_failed_checks=expected_failures
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: str(e.estimator)[:40])
def test_at_least_40_checks_run(entry):
    checks = estimator_checks_generator(entry.estimator)
    assert sum(1 for _ in checks) - len(entry.expected_failures) >= 40


def test_every_public_estimator_is_registered():
    public = set(_registry.public_estimators())
    assert len(public) >= 15
    assert public == {entry.public for entry in ENTRIES}
    assert public == {type(case.estimator) for case in CASES}


@pytest.mark.parametrize(
    "kind",
    [
        _registry.CheckedTfidfExtractor,
        _registry.CheckedTransformersEncoder,
        _registry.CheckedWordEmbeddingEncoder,
        _registry.CheckedTokenSequencer,
        _registry.CheckedHOGExtractor,
        _registry.CheckedColorExtractor,
        _registry.CheckedPixelExtractor,
        _registry.CheckedImageTensorizer,
        _registry.CheckedCNNExtractor,
        _registry.CheckedRegionExtractor,
        _registry.CheckedMFCCExtractor,
        _registry.CheckedMelSpectrogramExtractor,
        _registry.CheckedSpectralExtractor,
        _registry.CheckedWaveformExtractor,
    ],
)
def test_checked_extractors_differ_in_read_cell_alone(kind):
    class Empty(kind.__base__):
        """What every subclass has."""

    own = {name for name in vars(kind) if name not in vars(Empty)}
    assert own - {"__slotnames__"} == {"_read_cell"}  # that one is pickle's


def answer(estimator, X):
    """Return what a fitted estimator says, the most telling method it has."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method):
            said = getattr(estimator, method)(X)
            return said.toarray() if sp.issparse(said) else np.asarray(said)
    raise AssertionError(f"{estimator!r} says nothing")


def rows(X, where):
    return X.iloc[where] if isinstance(X, pd.DataFrame) else X[where]


def same_cells(one, other):
    if isinstance(one, pd.DataFrame):
        cells = zip(one.to_numpy().ravel(), other.to_numpy().ravel(), strict=True)
        return all(np.array_equal(a, b) for a, b in cells)
    return np.array_equal(one, other)


@each_case
def test_fit_does_not_write_to_X_and_y(case):
    X, y = copy.deepcopy(case.X), copy.deepcopy(case.y)
    answer(clone(case.estimator).fit(X, y), X)
    assert same_cells(X, case.X)
    assert np.array_equal(y, case.y)


@each_case
def test_a_batch_is_its_rows_one_by_one(case):
    fitted = clone(case.estimator).fit(case.X, case.y)
    whole = answer(fitted, case.X)
    single = [answer(fitted, rows(case.X, [i])) for i in range(len(case.X))]
    np.testing.assert_allclose(np.concatenate(single), whole, rtol=1e-5, atol=1e-6)


@each_case
def test_a_clone_with_the_same_seed_says_the_same(case):
    fitted = clone(case.estimator).fit(case.X, case.y)
    np.random.seed(5)  # the global seed has no part in it
    again = clone(fitted).fit(case.X, case.y)
    np.testing.assert_array_equal(answer(again, case.X), answer(fitted, case.X))


@each_case
def test_a_pickle_says_the_same(case):
    fitted = clone(case.estimator).fit(case.X, case.y)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(answer(loaded, case.X), answer(fitted, case.X))


@each_case
def test_set_params_reaches_behaviour(case):
    before = answer(clone(case.estimator).fit(case.X, case.y), case.X)
    changed = clone(case.estimator).set_params(**case.change)
    after = answer(changed.fit(case.X, case.y), case.X)
    assert before.shape != after.shape or not np.allclose(before, after)


@each_case
def test_fit_transform_is_fit_then_transform(case):
    if not hasattr(case.estimator, "fit_transform"):
        assert hasattr(case.estimator, "predict")
        return
    both = clone(case.estimator).fit_transform(case.X, case.y)
    both = both.toarray() if sp.issparse(both) else np.asarray(both)
    # a stack predicts as well: not by answer()
    apart = clone(case.estimator).fit(case.X, case.y).transform(case.X)
    apart = apart.toarray() if sp.issparse(apart) else np.asarray(apart)
    if getattr(case.estimator, "_out_of_fold", False):
        assert not np.allclose(both, apart)  # what it is for
        return
    np.testing.assert_array_equal(both, apart)


@pytest.mark.filterwarnings("ignore:.* samples lack modalities that every training")
@pytest.mark.parametrize(
    "case", [c for c in CASES if c.absent is not None], ids=lambda case: case.name
)
def test_an_absent_modality_is_answered(case):
    fitted = clone(case.estimator).fit(case.X, case.y)
    said = answer(fitted, case.absent)
    assert said.shape[0] == len(case.X)
    assert np.isfinite(said).all()
    if is_classifier(fitted):
        np.testing.assert_allclose(said.sum(axis=1), 1.0, rtol=1e-12)
        assert set(fitted.predict(case.absent)) <= set(case.y)
