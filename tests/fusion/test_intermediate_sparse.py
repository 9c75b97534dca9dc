"""Blocks of few values, which the encoders take as sparse rows."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from mmsk.compose import Block, Blocks
from mmsk.fusion import IntermediateFusionClassifier, IntermediateFusionRegressor
from mmsk.fusion._mechanisms import MECHANISMS
from mmsk.modules import SparseRows
from mmsk.neural_network import Bootstrap
from mmsk.neural_network._inputs import BlockInputs

BLOCKS = Blocks(
    [Block("text", 0, 200, indicator=200), Block("table", 201, 204, indicator=204)]
)
SMALL = {
    "hidden_layer_sizes": (6,),
    "fusion_size": 6,
    "max_epochs": 6,
    "batch_size": 16,
    "random_state": 0,
    "blocks": BLOCKS,
}


def table(n=60, *, absent=0.2):
    """Return a CSR matrix for BLOCKS and classes that both blocks tell."""
    rng = np.random.default_rng(0)
    text = sp.random_array((n, 200), density=0.02, rng=rng, format="csr").toarray()
    X = np.column_stack([text, np.ones(n), rng.normal(size=(n, 3)), np.ones(n)])
    y = (text[:, :100].sum(axis=1) + X[:, 201] > 0.8).astype(int)
    X[:, 200] = rng.random(n) >= absent
    X[:, 204] = (rng.random(n) >= absent) | (X[:, 200] == 0)
    X[X[:, 200] == 0, :200] = 0
    return sp.csr_array(X), y


class DenseCopy:
    """Trains and predicts on a dense copy of the scaled matrix."""

    def _make_inputs(self, X, *, fitting):
        return BlockInputs(self.scaler_.transform(X).toarray(), self._own_blocks)


class DenseClassifier(DenseCopy, IntermediateFusionClassifier):
    pass


class DenseRegressor(DenseCopy, IntermediateFusionRegressor):
    pass


def assert_equal(sparse, dense, X):
    rows = sparse._make_inputs(X, fitting=False)
    rows.suit(sparse._module, fresh=False)
    assert isinstance(rows.take(slice(0, 4))["blocks"]["text"], SparseRows)
    close = {"rtol": 1e-6, "atol": 1e-9}
    for key, value in sparse.state_.items():
        np.testing.assert_allclose(value, dense.state_[key], **close)
    losses = [[epoch["train_loss"] for epoch in m.history_] for m in (sparse, dense)]
    np.testing.assert_allclose(*losses, **close)
    say = "predict_proba" if hasattr(sparse, "predict_proba") else "predict"
    expected = getattr(dense, say)(X)
    np.testing.assert_allclose(getattr(sparse, say)(X), expected, **close)
    again = pickle.loads(pickle.dumps(sparse))
    np.testing.assert_allclose(getattr(again, say)(X), expected, **close)
    assert np.ptp(expected) > 0.1  # something was learned


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_steps_of_every_mechanism_are_those_of_a_dense_copy(mechanism):
    X, y = table()
    sparse = IntermediateFusionClassifier(mechanism, **SMALL).fit(X, y)
    dense = DenseClassifier(mechanism, **SMALL).fit(X, y)
    assert_equal(sparse, dense, X)


OPTIONS = {
    "dropout": {"dropout": 0.5},
    "modality_dropout": {"modality_dropout": 0.4},
    "auxiliary": {"auxiliary_loss": 0.5, "modality_dropout": 0.2},
    "hybrid": {"auxiliary_loss": 0.5, "decision": "hybrid"},
    "members": {"n_members": 3, "auxiliary_loss": 0.5},
    "bootstrap": {"n_members": Bootstrap(2), "dropout": 0.2},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "two hidden layers": {"hidden_layer_sizes": (6, 5)},
    "own batch": {"batch_size": 1000},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
def test_steps_are_those_of_a_dense_copy(options):
    X, y = table()
    sparse = IntermediateFusionClassifier("gated", **(SMALL | options)).fit(X, y)
    dense = DenseClassifier("gated", **(SMALL | options)).fit(X, y)
    assert_equal(sparse, dense, X)


def test_steps_of_the_regressor():
    X, _ = table()
    y = X[:, [1, 201]].toarray() @ [3.0, 1.0]
    sparse = IntermediateFusionRegressor("gated", **SMALL).fit(X, y)
    assert_equal(sparse, DenseRegressor("gated", **SMALL).fit(X, y), X)


def test_partial_fit_and_warm_start_go_on_alike():
    X, y = table()
    pair = [
        kind("gated", **(SMALL | {"warm_start": True}))
        for kind in (IntermediateFusionClassifier, DenseClassifier)
    ]
    for clf in pair:
        clf.fit(X, y).partial_fit(X, y).fit(X, y)
        assert clf.n_iter_ == 13
    assert_equal(*pair, X)


def test_a_net_that_learned_from_sparse_rows_reads_dense_ones():
    X, y = table()
    clf = IntermediateFusionClassifier("gated", **SMALL).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X.toarray()), clf.predict_proba(X))
    one_by_one = [clf.predict_proba(X[[row]]) for row in range(X.shape[0])]
    np.testing.assert_allclose(np.vstack(one_by_one), clf.predict_proba(X))


def test_absent_content_has_no_influence():
    X, y = table()
    other = X.toarray()
    absent = other[:, 200] == 0
    other[absent, 7] = 1e3
    fits = [
        IntermediateFusionClassifier("gated", **SMALL).fit(each, y).predict_proba(each)
        for each in (X, sp.csr_array(other))
    ]
    assert absent.any()
    np.testing.assert_array_equal(*fits)


class Watched(nn.Linear):
    """An encoder of one's own that remembers what it was given."""

    def __init__(self, width):
        super().__init__(width, 4)
        self.out_size, self.given = 4, set()

    def forward(self, x):
        self.given.add(type(x))
        return super().forward(x if torch.is_tensor(x) else x.to_dense(200))


class WatchedTaker(Watched):
    laid_out = 0

    def lay_out_for_sparse(self):
        self.laid_out += 1


@pytest.mark.parametrize(
    "kind, given", [(Watched, torch.Tensor), (WatchedTaker, SparseRows)]
)
def test_what_an_encoder_of_ones_own_is_given(kind, given):
    X, y = table()
    options = {**SMALL, "encoders": {"text": lambda shape: kind(*shape)}}
    clf = IntermediateFusionClassifier("concat", **options).fit(X, y)
    clf.predict(X)
    encoder = clf._module.encoders[0]
    assert encoder.given == {given}
    assert getattr(encoder, "laid_out", 1) == 1


def test_identity_is_given_dense_rows():
    X, y = table()
    options = {**SMALL, "encoders": {"text": "identity"}}
    clf = IntermediateFusionClassifier("concat", **options).fit(X, y)
    assert list(clf._module.sparse_takers) == ["table"]
    dense = DenseClassifier("concat", **options).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), dense.predict_proba(X))
