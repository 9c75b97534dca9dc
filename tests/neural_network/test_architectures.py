"""Hidden layers as one likes them, and modules of one's own."""

import pickle
from copy import deepcopy

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from mmsk.modules import MLP, Dropout
from mmsk.neural_network import HiddenLayers, NeuralClassifier, NeuralRegressor

SMALL = {"max_epochs": 5, "random_state": 0, "batch_size": 50}


class Wide(nn.Module):
    """A module of one's own, with torch's dropout."""

    def __init__(self, in_size, out_size, hidden=8, p=0.3):
        super().__init__()
        self.first = nn.Linear(in_size, hidden)
        self.drop = nn.Dropout(p)
        self.last = nn.Linear(hidden, out_size)

    def forward(self, features):
        return self.last(self.drop(torch.relu(self.first(features))))


def fit_predict(model, X, y):
    return clone(model).fit(X, y).predict_proba(X)


def test_hidden_layers_reach_the_module(classification):
    X, y = classification
    layers = HiddenLayers("gelu", normalization="layer", residual=True)
    clf = NeuralClassifier((8, 8), module=layers, **SMALL).fit(X, y)
    expected = MLP(
        10, (8, 8), 3, activation="gelu", normalization="layer", residual=True
    )
    assert repr(clf.net_.module_) == repr(expected)
    named = NeuralClassifier((8, 8), module="residual_mlp", **SMALL).fit(X, y)
    expected = MLP(10, (8, 8), 3, normalization="layer", residual=True)
    assert repr(named.net_.module_) == repr(expected)


def test_a_grid_reaches_hidden_layers_losses_and_optimizers(classification):
    X, y = classification
    clf = NeuralClassifier(module=HiddenLayers(), optimizer="sgd", **SMALL)
    grid = {"module__normalization": [None, "layer"], "loss": ["cross_entropy"]}
    search = GridSearchCV(clf, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_estimator_.module is not clf.module
    assert clf.module == HiddenLayers()


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalised_nets_learn_and_predict_row_by_row(normalization, classification):
    X, y = classification
    layers = HiddenLayers(normalization=normalization)
    clf = NeuralClassifier(module=layers, random_state=0, batch_size=299).fit(X, y)
    assert clf.score(X, y) > 0.9
    twin = pickle.loads(pickle.dumps(clf))
    single = np.concatenate([twin.predict_proba(X[[i]]) for i in range(10)])
    np.testing.assert_allclose(single, clf.predict_proba(X[:10]), rtol=1e-9)
    # three rows in batches of two: one of them has one row
    NeuralClassifier(module=layers, batch_size=2).fit(X[:3], y[:3])


def test_a_module_is_copied_with_its_weights_and_never_trained_itself(classification):
    X, y = classification
    net = Wide(10, 3)
    before = deepcopy(net.state_dict())
    clf = NeuralClassifier(module=net, **SMALL).fit(X, y)
    assert clf.module is net
    first = clf.predict_proba(X)
    torch.testing.assert_close(net.state_dict(), before)
    np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), first)
    untrained = clone(clf).set_params(lr=1e-30, weight_decay=0, max_epochs=1).fit(X, y)
    for name, value in before.items():
        np.testing.assert_array_equal(untrained.state_[name], value.double())


def test_a_class_or_function_gets_sizes_and_the_seed(classification):
    X, y = classification
    by_class = fit_predict(NeuralClassifier(module=Wide, **SMALL), X, y)
    by_function = fit_predict(
        NeuralClassifier(
            module=lambda in_size, out_size: Wide(in_size, out_size), **SMALL
        ),
        X,
        y,
    )
    np.testing.assert_array_equal(by_class, by_function)
    other = NeuralClassifier(module=Wide, **SMALL).set_params(random_state=1)
    assert np.abs(fit_predict(other, X, y) - by_class).max() > 1e-3


def test_a_generator_is_given_to_who_takes_one(classification):
    X, y = classification
    taken = []

    def make(in_size, out_size, generator):
        taken.append(generator)
        return nn.Sequential(nn.Linear(in_size, out_size), Dropout(0.1, generator))

    NeuralClassifier(module=make, **SMALL).fit(X, y)
    assert [type(generator) for generator in taken] == [torch.Generator]
    # and put into copies of modules that have one
    net = nn.Sequential(Dropout(0.3), nn.Linear(10, 3))
    a, b = (fit_predict(NeuralClassifier(module=net, **SMALL), X, y) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    other = NeuralClassifier(module=net, **SMALL).set_params(random_state=1, lr=1e-3)
    twin = clone(other).set_params(random_state=2)
    assert np.abs(fit_predict(other, X, y) - fit_predict(twin, X, y)).max() > 1e-9


def test_modules_keep_the_whole_contract(classification, regression):
    X, y = classification
    clf = NeuralClassifier(module=Wide, **SMALL).fit(X.astype(np.float32), y)
    assert clf.dtype_ == "float32"
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert clf.set_params(early_stopping=True).fit(X, y).score(X, y) > 0.5
    X, y = regression
    model = NeuralRegressor(module=Wide, random_state=0, lr=0.01).fit(X, y)
    assert model.score(X, y) > 0.8


def test_torchs_own_dropout_follows_the_seed_and_leaves_the_global_stream(
    classification,
):
    X, y = classification
    models = [
        NeuralClassifier(module=Wide, **SMALL | {"random_state": s}) for s in (0, 1)
    ]
    before = torch.get_rng_state()
    alone = [fit_predict(model, X, y) for model in models]
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        np.testing.assert_array_equal(fit_predict(models[0], X, y), alone[0])
    together = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(fit_predict)(model, X, y) for model in models * 2
    )
    np.testing.assert_array_equal(together, alone * 2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (nn.Linear(10, 5), ValueError, r"\(n_samples, 3\), got \(50, 5\)"),
        (
            nn.Sequential(nn.Linear(10, 1), nn.Flatten(0)),
            ValueError,
            r"Sequential must return .*got \(50,\)",
        ),
        (lambda in_size, out_size: 7, TypeError, "must return a torch.nn.Module"),
        ("transformer", ValueError, "'module' parameter"),
        (HiddenLayers("swish"), ValueError, "'activation' parameter of HiddenLayers"),
        (HiddenLayers(normalization="group"), ValueError, "'normalization' parameter"),
    ],
    ids=["width", "vector", "number", "name", "activation", "normalization"],
)
def test_modules_that_are_refused(module, error, message, classification):
    X, y = classification
    with pytest.raises(error, match=message):
        NeuralClassifier(module=module, **SMALL).fit(X, y)
