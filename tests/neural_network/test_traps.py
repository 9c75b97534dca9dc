"""What goes wrong with a bare skorch net, each measured, and does not here.

A head must not inherit: float64 X, labels that are strings or int32, DataFrames,
csr_array, ``sample_weight``, NaN that trains silently, no ``random_state``, a split
that fails below five rows, early stopping without a split, best weights that are not
restored, a module instance that goes on training, misspelt parameters, a history in
the pickle, threads that wait for each other. And of weights: zeros that count as rows,
and sums of 1 that teach nothing. Some stand in full elsewhere in this folder; here
each has a test that fails on the naive way.
"""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from torch import nn

from mmsk.neural_network import HiddenLayers, NeuralClassifier, NeuralRegressor

SMALL = {"max_epochs": 5, "random_state": 0}


@pytest.fixture
def data(classification):
    return classification


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64])
def test_numbers_of_any_type(data, dtype):
    X, y = data
    clf = NeuralClassifier(**SMALL).fit(X.astype(dtype), y)
    assert np.isfinite(clf.predict_proba(X.astype(dtype))).all()


@pytest.mark.parametrize("kind", [str, np.int32, np.int64, float, bool])
def test_labels_of_any_type(data, kind):
    X, y = data
    labels = (y == "a") if kind is bool else np.unique(y, return_inverse=True)[1]
    labels = labels.astype(kind)
    predicted = NeuralClassifier(**SMALL).fit(X, labels).predict(X)
    assert predicted.dtype == labels.dtype
    assert set(predicted) <= set(labels)


@pytest.mark.parametrize(
    "kind",
    [pd.DataFrame, sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array, list],
    ids=lambda kind: kind.__name__,
)
def test_containers_of_any_type(data, kind):
    X, y = data
    expected = NeuralClassifier(**SMALL).fit(X, y).predict_proba(X)
    given = X.tolist() if kind is list else kind(X)
    clf = NeuralClassifier(**SMALL)
    if kind is pd.DataFrame:
        given.columns = [f"c{i}" for i in range(10)]
    np.testing.assert_array_equal(clf.fit(given, y).predict_proba(given), expected)


def test_nan_is_refused_and_a_bare_net_trains_on_it(data):
    X, y = data
    X = X.copy()
    X[5, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        NeuralClassifier().fit(X, y)
    net = NeuralNetClassifier(
        nn.Linear(10, 3),
        criterion=nn.CrossEntropyLoss,
        train_split=None,
        max_epochs=1,
        verbose=0,
    )
    codes = np.unique(y, return_inverse=True)[1]
    net.fit(X.astype(np.float32), codes)
    assert np.isnan(net.predict_proba(X[:1].astype(np.float32))).any()


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_rows(n):
    X = np.random.RandomState(0).randn(n, 3)
    for early_stopping in (False, True) if n > 1 else (False,):
        model = NeuralRegressor(early_stopping=early_stopping, **SMALL)
        assert model.fit(X, np.arange(n)).predict(X).shape == (n,)
        clf = NeuralClassifier(early_stopping=early_stopping, **SMALL)
        assert clf.fit(X, np.arange(n) % 2).predict_proba(X).shape[0] == n


def test_early_stopping_on_one_row_says_why():
    with pytest.raises(ValueError, match="at least two samples"):
        NeuralRegressor(early_stopping=True).fit(np.ones((1, 2)), [1.0])


def test_a_module_instance_does_not_go_on_training(data):
    X, y = data
    clf = NeuralClassifier(module=nn.Linear(10, 3), **SMALL)
    first = clf.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), first)
    np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), first)


def test_misspelt_parameters_of_parameters_are_refused():
    for name in ("lrate", "module__lrate", "net__lr"):
        with pytest.raises(ValueError, match="Invalid parameter"):
            NeuralClassifier(module=HiddenLayers()).set_params(**{name: 1})


def test_a_pickle_has_no_history_of_batches(data):
    X, y = data
    size = {}
    for batch_size in (5, 300):
        clf = NeuralClassifier((200, 200), batch_size=batch_size, **SMALL).fit(X, y)
        size[batch_size] = len(pickle.dumps(clf))
        weights = sum(value.nbytes for value in clf.state_.values())
        assert size[batch_size] < 1.2 * weights
    assert abs(size[5] - size[300]) < 100


@pytest.mark.parametrize("total", [1.0, 1e-8, 1e8])
def test_only_ratios_of_weights_count(data, total):
    X, y = data
    w = np.random.RandomState(0).rand(len(y))
    expected = NeuralClassifier(**SMALL).fit(X, y, sample_weight=w).predict_proba(X)
    clf = NeuralClassifier(**SMALL).fit(X, y, sample_weight=total * w / w.sum())
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-6)


def test_rows_of_weight_zero_are_not_in_batch_norms_statistics(data):
    X, y = data
    w = (np.arange(300) % 3 > 0).astype(float)
    far = X.copy()
    far[w == 0] += 1e6
    layers = HiddenLayers(normalization="batch")
    clf = NeuralClassifier(module=layers, **SMALL).fit(far, y, sample_weight=w)
    expected = clone(clf).fit(X[w > 0], y[w > 0]).predict_proba(X)
    np.testing.assert_allclose(clf.predict_proba(X), expected)


def test_nothing_global_is_touched_with_every_option_on(data):
    X, y = data
    clf = NeuralClassifier(
        (8, 8),
        dropout=0.2,
        module=HiddenLayers(normalization="batch", residual=True),
        loss="focal",
        optimizer="sgd",
        schedule="one_cycle",
        early_stopping=True,
        n_members=3,
        **SMALL,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()
        filters = list(warnings.filters)
        clf.fit(X, y).predict(X)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]
        assert warnings.filters == filters
        assert torch.get_num_threads() == 2
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
    finally:
        torch.set_num_threads(threads)
