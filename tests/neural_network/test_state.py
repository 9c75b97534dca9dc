"""Same seed, same result; and what a fitted estimator takes along."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone

from mmsk.modules import MLP
from mmsk.neural_network import NeuralClassifier, NeuralRegressor

BOTH = [NeuralClassifier, NeuralRegressor]


def output(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


def make(estimator, **kwargs):
    return estimator(max_epochs=5, dropout=0.3, random_state=0, batch_size=50, **kwargs)


def fit_predict(model, X, y):
    return output(clone(model).fit(X, y), X)


@pytest.fixture(params=BOTH)
def case(request, classification, regression):
    is_classifier = request.param is NeuralClassifier
    return make(request.param), *(classification if is_classifier else regression)


def test_same_seed_same_bits_whatever_the_global_seeds(case):
    model, X, y = case
    expected = fit_predict(model, X, y)
    with torch.random.fork_rng():
        torch.manual_seed(123)
        state = np.random.get_state()
        try:
            np.random.seed(5)
            np.testing.assert_array_equal(fit_predict(model, X, y), expected)
        finally:
            np.random.set_state(state)
    other = fit_predict(clone(model).set_params(random_state=1), X, y)
    assert np.abs(other - expected).max() > 1e-4


def test_random_state_instance_and_none(case):
    model, X, y = case
    for state in (lambda: np.random.RandomState(7), lambda: 7):
        a, b = (
            fit_predict(clone(model).set_params(random_state=state()), X, y)
            for _ in range(2)
        )
        np.testing.assert_array_equal(a, b)
    model = clone(model).set_params(random_state=None)
    assert np.abs(fit_predict(model, X, y) - fit_predict(model, X, y)).max() > 1e-4


def test_global_state_is_untouched(case):
    model, X, y = case
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
        filters = list(warnings.filters)
        model = clone(model).set_params(early_stopping=True).fit(X, y)
        model.predict(X)
        assert torch.equal(torch.get_rng_state(), torch_state)
        for now, then in zip(np.random.get_state(), numpy_state, strict=True):
            np.testing.assert_array_equal(now, then)
        assert warnings.filters == filters
        assert torch.get_num_threads() == 2
        assert torch.get_default_dtype() == torch.float32
    finally:
        torch.set_num_threads(threads)


def test_small_nets_use_one_thread(case, monkeypatch):
    model, X, y = case
    seen, original, threads = [], MLP.forward, torch.get_num_threads()

    def forward(self, x):
        seen.append(torch.get_num_threads())
        return original(self, x)

    monkeypatch.setattr(MLP, "forward", forward)
    torch.set_num_threads(2)
    try:
        model = clone(model).fit(X, y)
        n_steps = len(seen)
        model.predict(X)
    finally:
        torch.set_num_threads(threads)
    assert 0 < n_steps < len(seen)
    assert set(seen) == {1}


def test_threads_equal_alone(case):
    model, X, y = case
    models = [clone(model).set_params(random_state=seed) for seed in range(6)]
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        alone = [fit_predict(m, X, y) for m in models]
        together = joblib.Parallel(n_jobs=3, backend="threading")(
            joblib.delayed(fit_predict)(m, X, y) for m in models
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.slow
def test_processes_equal_alone(classification, regression):
    jobs = [(make(NeuralClassifier), *classification)]
    jobs += [(make(NeuralRegressor), *regression)]
    together = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(fit_predict)(*job) for job in jobs
    )
    for job, result in zip(jobs, together, strict=True):
        np.testing.assert_array_equal(result, fit_predict(*job))


@pytest.mark.parametrize(
    "way", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy]
)
def test_copies_predict_the_same_bits(case, way):
    model, X, y = case
    model = clone(model).fit(X, y)
    twin = way(model)
    assert not hasattr(twin, "net_")
    np.testing.assert_array_equal(output(twin, X), output(model, X))
    # and again, with the module that is there now
    np.testing.assert_array_equal(output(twin, X), output(model, X))


def test_pickle_is_small():
    rng = np.random.RandomState(0)
    X, y = rng.randn(500, 300), rng.randint(2, size=500)
    clf = NeuralClassifier(max_epochs=20, batch_size=20).fit(X, y)
    weights = sum(value.nbytes for value in clf.state_.values())
    size = len(pickle.dumps(clf))
    assert size < 1.2 * weights
    clf.predict(X)
    assert len(pickle.dumps(clf)) == size


def test_state_is_plain_numpy(case):
    model, X, y = case
    model = clone(model).fit(X, y)
    assert list(model.state_) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.3.weight",
        "layers.3.bias",
    ]
    assert {type(value) for value in model.state_.values()} == {np.ndarray}
    kept = pickle.loads(pickle.dumps(model)).__dict__
    assert not any(isinstance(value, torch.nn.Module) for value in kept.values())
    first, second = model.state_["layers.0.weight"], model.state_["layers.0.bias"]
    hidden = np.maximum(X @ first.T + second, 0)
    outputs = hidden @ model.state_["layers.3.weight"].T + model.state_["layers.3.bias"]
    np.testing.assert_allclose(model._outputs(X), outputs[np.newaxis], rtol=1e-9)


def test_state_is_not_written_by_further_training(case):
    model, X, y = case
    model = clone(model).set_params(warm_start=True).fit(X, y)
    state = model.state_
    before = {name: value.copy() for name, value in state.items()}
    model.fit(X, y)
    for name, value in state.items():
        np.testing.assert_array_equal(value, before[name])
        assert not np.array_equal(value, model.state_[name])


def test_training_goes_on_after_a_pickle(case):
    model, X, y = case
    model = clone(model).set_params(warm_start=True).fit(X, y)
    twin = pickle.loads(pickle.dumps(model)).fit(X, y)
    assert twin.n_iter_ == 10
    assert twin.history_[5]["train_loss"] < twin.history_[0]["train_loss"]
    twin.set_params(max_epochs=1)
    pickle.loads(pickle.dumps(twin)).partial_fit(X, y).predict(X)


def test_loads_without_the_device_it_was_trained_on(case):
    model, X, y = case
    model = clone(model).set_params(device="cpu").fit(X, y)
    expected = output(model, X)
    model.set_params(device="cuda")  # as if it had been trained there
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(output(twin, X), expected)
    with pytest.raises(ValueError, match="no such CUDA device"):
        twin.fit(X, y)


def test_predicting_changes_nothing(case):
    model, X, y = case
    model = clone(model).fit(X, y)
    first = output(model, X)
    np.testing.assert_array_equal(output(model, X), first)
    assert not model.net_.module_.training
