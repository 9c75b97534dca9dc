"""Several nets in one pass are several nets."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from torch import nn

from mmsk.modules import MLP, MLPEnsemble, ModuleEnsemble
from mmsk.neural_network import (
    SGD,
    AdamW,
    Bootstrap,
    HiddenLayers,
    NeuralClassifier,
    NeuralRegressor,
)
from mmsk.neural_network._members import bootstrap_counts
from mmsk.neural_network._net_holder import member_seeds
from mmsk.neural_network._random import seeded

BOTH = [NeuralClassifier, NeuralRegressor]
SMALL = {"max_epochs": 4, "batch_size": 64, "random_state": 0}


@pytest.fixture(params=BOTH, ids=lambda kind: kind.__name__)
def case(request, classification, regression):
    is_classifier = request.param is NeuralClassifier
    return request.param(**SMALL), *(classification if is_classifier else regression)


def output(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


def initial_net(seed, n_features, n_outputs):
    """Return the net that a fit begins with."""
    with seeded(seed):
        return MLP(n_features, (64,), n_outputs)


def fit_seed():
    return int(np.random.RandomState(0).randint(2**31 - 1, size=3)[0])


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": SGD(max_grad_norm=0.1), "lr": 0.1},
        {"optimizer": AdamW(max_grad_norm=0.1), "schedule": "one_cycle"},
        {"loss": "focal"},
    ],
    ids=["plain", "sgd", "clipped", "focal"],
)
def test_members_are_nets_that_are_trained_alone(case, params):
    model, X, y = case
    if isinstance(model, NeuralRegressor) and "loss" in params:
        params = {"loss": "huber"}
    model.set_params(**params)
    together = clone(model).set_params(n_members=3).fit(X, y)
    found = together.predict_members(X)
    np.testing.assert_allclose(found[0], output(clone(model).fit(X, y), X), rtol=1e-6)
    for seed, member in zip(member_seeds(fit_seed(), 3), found, strict=True):
        net = initial_net(seed, X.shape[1], together.n_outputs_)
        alone = clone(model).set_params(module=net).fit(X, y)
        np.testing.assert_allclose(output(alone, X), member, rtol=1e-6)


def test_the_answer_is_the_mean_and_the_spread_the_deviation(case):
    model, X, y = case
    model = model.set_params(n_members=4).fit(X, y)
    members = model.predict_members(X)
    assert members.shape == (4, *output(model, X).shape)
    np.testing.assert_allclose(output(model, X), members.mean(axis=0))
    np.testing.assert_allclose(model.predict_spread(X), members.std(axis=0))
    assert model.predict_spread(X).max() > 1e-3
    if isinstance(model, NeuralClassifier):
        np.testing.assert_allclose(members.sum(axis=2), 1)
        best = members.mean(axis=0).argmax(axis=1)
        np.testing.assert_array_equal(model.predict(X), model.classes_[best])


def test_one_member_is_what_a_single_net_says(case):
    model, X, y = case
    model.fit(X, y)
    np.testing.assert_array_equal(model.predict_members(X), output(model, X)[None])
    assert not model.predict_spread(X).any()
    bootstrapped = clone(model).set_params(n_members=Bootstrap(1)).fit(X, y)
    np.testing.assert_array_equal(output(bootstrapped, X), output(model, X))


def test_history_has_the_mean_loss_of_the_members(case):
    model, X, y = case
    model.set_params(max_epochs=1, lr=1e-12)
    together = clone(model).set_params(n_members=3).fit(X, y)
    losses = []
    for seed in member_seeds(fit_seed(), 3):
        net = initial_net(seed, X.shape[1], together.n_outputs_)
        alone = clone(model).set_params(module=net).fit(X, y)
        losses.append(alone.history_[0]["train_loss"])
    assert together.history_[0]["train_loss"] == pytest.approx(np.mean(losses))


def test_bootstrap_counts():
    counts = bootstrap_counts(1000, 3, seed=0)
    assert counts.shape == (1000, 3)
    np.testing.assert_array_equal(counts.sum(axis=0), 1000)
    np.testing.assert_array_equal(counts, bootstrap_counts(1000, 3, seed=0))
    # a row is left out with probability exp(-1)
    assert np.abs((counts == 0).mean(axis=0) - np.exp(-1)).max() < 0.05
    assert not np.array_equal(counts[:, 0], counts[:, 1])


def test_bootstrap_is_a_weight_of_each_row_in_each_member(classification):
    X, y = classification
    model = NeuralClassifier(max_epochs=4, batch_size=1000, random_state=0)
    w = np.random.RandomState(1).rand(len(y))
    together = clone(model).set_params(n_members=Bootstrap(3))
    found = together.fit(X, y, sample_weight=w).predict_members(X)
    counts = bootstrap_counts(len(y), 3, seed=fit_seed())
    for seed, member, column in zip(
        member_seeds(fit_seed(), 3), found, counts.T, strict=True
    ):
        net = initial_net(seed, X.shape[1], 3)
        alone = clone(model).set_params(module=net)
        alone.fit(X, y, sample_weight=w * column)
        np.testing.assert_allclose(alone.predict_proba(X), member, rtol=1e-5)


def test_weight_zero_is_absence_and_groups_are_held_out_together(case):
    model, X, y = case
    w = np.random.RandomState(0).randint(3, size=len(y)).astype(float)
    groups = np.arange(len(y)) // 10
    model.set_params(n_members=Bootstrap(3), early_stopping=True)
    kept = w > 0
    model.fit(X[kept], y[kept], sample_weight=w[kept], groups=groups[kept])
    expected = output(model, X)
    model.fit(X, y, sample_weight=w, groups=groups)
    np.testing.assert_array_equal(output(model, X), expected)


def test_early_stopping_restores_the_lowest_mean_loss():
    rng = np.random.RandomState(0)
    X, y = rng.randn(120, 20), rng.randint(2, size=120)
    clf = NeuralClassifier(
        lr=0.05, n_members=3, early_stopping=True, random_state=0, n_iter_no_change=5
    ).fit(X, y)
    losses = [row["valid_loss"] for row in clf.history_]
    best = int(np.argmin(losses))
    assert clf.n_iter_ == best + 1 + 5
    short = clone(clf).set_params(max_epochs=best + 1).fit(X, y)
    np.testing.assert_array_equal(short.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    "params",
    [
        {"module": "residual_mlp", "hidden_layer_sizes": (8, 8)},
        {"module": HiddenLayers(normalization="batch"), "dropout": 0.2},
        {"module": lambda in_size, out_size: nn.Linear(in_size, out_size)},
        {"hidden_layer_sizes": ()},
    ],
    ids=["residual", "batch", "function", "linear"],
)
def test_any_architecture(case, params):
    model, X, y = case
    model.set_params(n_members=3, **params).fit(X, y)
    kind = ModuleEnsemble if callable(params.get("module")) else MLPEnsemble
    assert type(model.net_.module_) is kind
    members = model.predict_members(X)
    assert np.abs(members[0] - members[1]).max() > 1e-3
    np.testing.assert_array_equal(output(clone(model).fit(X, y), X), output(model, X))
    single = np.concatenate([output(model, X[[i]]) for i in range(10)])
    np.testing.assert_allclose(single, output(model, X[:10]), rtol=1e-9)


def test_copies_of_one_module_need_different_rows(case):
    model, X, y = case
    n_outputs = 3 if isinstance(model, NeuralClassifier) else 1
    model.set_params(module=nn.Linear(X.shape[1], n_outputs), n_members=3)
    with pytest.raises(ValueError, match=r"begin with the same weights.*Bootstrap"):
        model.fit(X, y)
    members = model.set_params(n_members=Bootstrap(3)).fit(X, y).predict_members(X)
    assert np.abs(members[0] - members[1]).max() > 1e-6


def test_several_labels_and_targets(regression):
    X, y = make_multilabel_classification(100, 10, n_classes=4, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    clf = NeuralClassifier(n_members=3, **SMALL).fit(X, y)
    assert clf.predict_members(X).shape == (3, 100, 4)
    np.testing.assert_array_equal(clf.predict(X), clf.predict_proba(X) > 0.5)
    X, y = regression
    both = np.column_stack([y, -1e6 * y])
    model = NeuralRegressor(n_members=3, random_state=0).fit(X, both)
    assert model.predict_members(X).shape == (3, 300, 2)
    relative = (model.predict(X) - both).std(axis=0) / both.std(axis=0)
    assert (relative < 0.3).all()


def test_sparse_equals_dense(case):
    model, X, y = case
    wide = np.zeros((len(X), 40 * X.shape[1]))
    wide[:, ::40] = np.where(np.abs(X) > 0.5, X, 0)
    model.set_params(n_members=3)
    dense = output(model.fit(wide, y), wide)
    sparse = output(model.fit(sp.csr_array(wide), y), sp.csr_array(wide))
    np.testing.assert_allclose(sparse, dense, rtol=1e-6)


def test_pickle_partial_fit_and_warm_start(case):
    model, X, y = case
    model.set_params(n_members=3, warm_start=True).fit(X, y)
    weights = sum(value.nbytes for value in model.state_.values())
    assert len(pickle.dumps(model)) < 1.2 * weights + 6000  # of small nets
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict_members(X), model.predict_members(X))
    assert twin.fit(X, y).n_iter_ == 8
    twin.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"n_members.* changed"):
        twin.set_params(n_members=2).fit(X, y)


def test_a_strategy_changed_in_place_does_not_change_the_net(case):
    model, X, y = case
    members = Bootstrap(3)
    model.set_params(n_members=members, warm_start=True).fit(X, y)
    expected = output(model, X)
    model.set_params(n_members__n_members=2)
    np.testing.assert_array_equal(
        output(pickle.loads(pickle.dumps(model)), X), expected
    )
    with pytest.raises(ValueError, match=r"n_members.* changed"):
        model.fit(X, y)


def test_numbers_of_members_are_checked(case):
    model, X, y = case
    for bad in (0, 2.5, Bootstrap(0), "ten"):
        with pytest.raises(ValueError, match="'n_members' parameter of"):
            clone(model).set_params(n_members=bad).fit(X, y)


def test_an_ensemble_is_better_than_its_members_on_average(classification):
    X, y = classification
    clf = NeuralClassifier(n_members=Bootstrap(5), random_state=0).fit(X[:100], y[:100])
    codes = np.searchsorted(clf.classes_, y[100:])
    rows = np.arange(200)

    def loss(proba):
        return -np.log(proba[rows, codes]).mean()

    apart = np.mean([loss(proba) for proba in clf.predict_members(X[100:])])
    assert loss(clf.predict_proba(X[100:])) < apart - 0.02


def test_threads_and_seeds(case):
    model, X, y = case
    model.set_params(n_members=Bootstrap(3), dropout=0.3)
    expected = output(clone(model).fit(X, y), X)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        np.testing.assert_array_equal(output(clone(model).fit(X, y), X), expected)
    other = output(clone(model).set_params(random_state=1).fit(X, y), X)
    assert np.abs(other - expected).max() > 1e-4
