"""Estimators with other inputs and modules inherit all the rest."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mmsk._utils._blocks import Block, Blocks
from mmsk.modules import MLP, FusionNet, GatedFusion
from mmsk.neural_network import AdamW, Bootstrap, HiddenLayers, NeuralClassifier
from mmsk.neural_network._base import BaseNeural
from mmsk.neural_network._classification import BaseNeuralClassifier
from mmsk.neural_network._inputs import BlockInputs
from mmsk.neural_network._regression import BaseNeuralRegressor

BLOCKS = Blocks([Block("a", 0, 3, indicator=3), Block("b", 4, 7, indicator=7)])


class Fusion:
    def __init__(
        self,
        width=8,
        *,
        modality_dropout=0.2,
        blocks=BLOCKS,
        lr=0.01,
        weight_decay=0.01,
        max_epochs=80,
        batch_size=64,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        class_weight=None,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        for name, value in list(locals().items()):
            if name != "self":
                setattr(self, name, value)

    def _make_inputs(self, X, *, fitting):
        return BlockInputs(X, self.blocks)

    def _usable_rows(self, X):
        return self.blocks.present(X).any(axis=1)

    def _make_module(self, inputs, n_outputs, generator):
        sizes = {block.name: block.width for block in inputs.blocks}
        return FusionNet(
            {name: MLP(size, (self.width,)) for name, size in sizes.items()},
            GatedFusion(dict.fromkeys(sizes, self.width), self.width),
            MLP(self.width, (self.width,), n_outputs),
            modality_dropout=self.modality_dropout,
            generator=generator,
        )


class FusionClassifier(Fusion, BaseNeuralClassifier):
    pass


class FusionRegressor(Fusion, BaseNeuralRegressor):
    pass


def make_data(n=400):
    """A label that needs both modalities: the product of two signs."""
    rng = np.random.RandomState(0)
    X = rng.randn(n, 8)
    X[:, [3, 7]] = 1
    return X, np.where(X[:, 0] * X[:, 4] > 0, "same", "other")


def test_learns_what_needs_both_modalities():
    X, y = make_data()
    clf = FusionClassifier(32, modality_dropout=0.0, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.95
    twin = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_allclose(
        np.concatenate([clf.predict_proba(X[[i]]) for i in range(10)]),
        clf.predict_proba(X[:10]),
    )
    again = clone(clf).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again, clf.predict_proba(X))


def test_absent_content_changes_nothing():
    X, y = make_data()
    X[::3, 3] = 0
    X[1::3, 7] = 0
    clf = FusionClassifier(max_epochs=5, random_state=0).fit(X, y)
    other = X.copy()
    other[::3, :3] = 99
    other[1::3, 4:7] = -99
    np.testing.assert_array_equal(clf.predict_proba(other), clf.predict_proba(X))
    refitted = clone(clf).fit(other, y)
    np.testing.assert_array_equal(refitted.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_unusable_rows_are_not_trained_on(early_stopping):
    X, y = make_data()
    w, groups = np.random.RandomState(0).rand(400), np.arange(400) // 8
    X[::4, [3, 7]] = 0
    rows = np.arange(400) % 4 > 0
    clf = FusionClassifier(max_epochs=5, random_state=0, early_stopping=early_stopping)
    clf.fit(X[rows], y[rows], sample_weight=w[rows], groups=groups[rows])
    expected = clf.predict_proba(X)
    assert np.isfinite(expected).all()
    clf.fit(X, y, sample_weight=w, groups=groups)
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-6)
    seen = np.ones(400, dtype=bool)
    if early_stopping:
        prepared = clf._prepare(X, y, w, groups, resume=False)
        seen[np.flatnonzero(rows)[prepared.held_out[1]]] = False
    shares = [w[seen & (y == name)].sum() / w[seen].sum() for name in clf.classes_]
    # of all rows that are not held out
    np.testing.assert_allclose(clf.class_prior_, shares)


@pytest.mark.parametrize("stopping", [False, True])
def test_inputs_are_learned_once_from_the_rows_that_count(stopping):
    calls = []

    class Learner(FusionClassifier):
        def _learn_inputs(self, X, weights):
            calls.append((X, weights))

    X, y = make_data()
    w = (np.arange(400) % 3).astype(float)
    X[::4, [3, 7]] = 0
    clf = Learner(max_epochs=1, warm_start=True, early_stopping=stopping)
    clf.fit(X, y, sample_weight=w)
    clf.fit(X, y, sample_weight=w)
    ((seen, weights),) = calls
    counts = (w > 0) & (np.arange(400) % 4 > 0)
    np.testing.assert_array_equal(seen, X[counts])
    np.testing.assert_array_equal(weights, w[counts])


def test_sparse_equals_dense():
    X, y = make_data()
    clf = FusionClassifier(max_epochs=3, random_state=0)
    expected = clf.fit(X, y).predict_proba(X)
    sparse = sp.csr_array(X)
    np.testing.assert_array_equal(clf.fit(sparse, y).predict_proba(sparse), expected)


def test_regressor():
    X, _ = make_data()
    target = 100 + X[:, 0] + X[:, 4]
    model = FusionRegressor(modality_dropout=0.0, random_state=0).fit(X, target)
    assert model.score(X, target) > 0.9


def test_common_parameters_are_validated_and_new_ones_need_no_constraint():
    X, y = make_data()
    with pytest.raises(ValueError, match="'lr' parameter"):
        FusionClassifier(lr=-1.0).fit(X, y)
    with pytest.raises(NotFittedError):
        FusionClassifier().predict(X)
    assert isinstance(FusionClassifier(), BaseNeural)


def test_wrong_presence_is_refused_at_fit_and_at_predict():
    X, y = make_data()
    clf = FusionClassifier(max_epochs=1).fit(X, y)
    X[0, 3] = 0.5
    with pytest.raises(ValueError, match="must be 0 or 1"):
        clf.predict(X)
    with pytest.raises(ValueError, match="must be 0 or 1"):
        clone(clf).fit(X, y)


def test_a_pickle_keeps_the_net_whatever_is_set_since():
    X, y = make_data()
    clf = NeuralClassifier((8,), max_epochs=3, random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    for change in ({"module": HiddenLayers("tanh")}, {"hidden_layer_sizes": (5,)}):
        loaded = pickle.loads(pickle.dumps(clf.set_params(**change)))
        np.testing.assert_array_equal(loaded.predict_proba(X), expected)
        np.testing.assert_array_equal(deepcopy(clf).predict_proba(X), expected)


def test_training_cannot_go_on_in_another_net():
    X, y = make_data()
    clf = NeuralClassifier((8,), max_epochs=3, warm_start=True, random_state=0)
    clf.fit(X, y).set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.* changed"):
        clf.fit(X, y)
    clf.set_params(hidden_layer_sizes=(8,)).fit(X, y)
    assert clf.n_iter_ == 6


@pytest.mark.parametrize("weighted", [False, True])
def test_held_out_groups_do_not_count_in_prior_and_balance(weighted):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(4), 10)
    y = (rng.random(40) < 0.2 + 0.2 * groups).astype(int)
    w = rng.uniform(0.5, 2, 40) if weighted else np.ones(40)
    clf = NeuralClassifier(
        (2,), max_epochs=1, early_stopping=True, validation_fraction=0.25
    )
    clf.set_params(class_weight="balanced", random_state=0)
    prepared = clf._prepare(rng.normal(size=(40, 2)), y, w, groups, resume=False)
    train, _ = prepared.held_out
    totals = np.bincount(y[train], w[train])
    assert not np.allclose(np.bincount(y, w) / w.sum(), totals / totals.sum())
    np.testing.assert_allclose(clf.class_prior_, totals / totals.sum())
    given = np.asarray(prepared.target.weights)
    by_class = totals.sum() / (2 * totals)
    np.testing.assert_allclose(
        given / given.mean(), by_class[y] * w / (by_class[y] * w).mean()
    )
    sums = np.bincount(y[train], given[train])
    np.testing.assert_allclose(sums[0], sums[1])


def test_a_class_that_is_held_out_altogether_keeps_its_prior():
    X = np.random.default_rng(0).normal(size=(20, 2))
    groups = np.repeat([0, 1], 10)
    clf = NeuralClassifier((2,), max_epochs=1, early_stopping=True, random_state=0)
    clf.set_params(class_weight="balanced", loss="logit_adjusted")
    clf.fit(X, groups, groups=groups)
    np.testing.assert_allclose(clf.class_prior_, [0.5, 0.5])
    assert np.isfinite(clf.predict_proba(X)).all()


class Able(FusionClassifier):
    loss = "focal"
    schedule = "one_cycle"
    optimizer = AdamW(max_grad_norm=1.0)


@pytest.mark.parametrize("members", [2, Bootstrap(2)], ids=str)
def test_abilities_that_a_constructor_leaves_out_can_be_class_attributes(
    members, monkeypatch
):
    monkeypatch.setattr(Able, "n_members", members)
    X, y = make_data()
    clf = Able(16, max_epochs=30, modality_dropout=0.0, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.8
    assert clf.predict_members(X).shape == (2, 400, 2)
    twin = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    again = clone(clf).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again, clf.predict_proba(X))
