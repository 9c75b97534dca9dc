"""What users of NeuralClassifier and NeuralRegressor rely on."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import check_estimator, check_param_validation
from torch import nn

from mmsk.neural_network import HiddenLayers, NeuralClassifier, NeuralRegressor

BOTH = [NeuralClassifier, NeuralRegressor]


def data_for(estimator, classification, regression):
    return classification if estimator is NeuralClassifier else regression


def output(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", BOTH)
def test_all_of_scikit_learns_checks_at_the_defaults(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = check_estimator(estimator(), on_skip=None)
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {
        "check_array_api_input",  # needs SCIPY_ARRAY_API
        "check_classifiers_multilabel_output_format_decision_function",  # has none
    }
    assert {r["status"] for r in results} == {"passed", "skipped"}
    assert len(results) - len(skipped) >= 59


@pytest.mark.parametrize("estimator", BOTH)
def test_parameters_are_validated(estimator):
    check_param_validation(estimator.__name__, estimator())


@pytest.mark.parametrize("estimator", BOTH)
def test_at_most_20_parameters(estimator):
    assert len(estimator().get_params()) <= 20


def test_classifier_is_level_with_a_reference(classification):
    X, y = classification
    ours = cross_val_score(NeuralClassifier(random_state=0), X, y, cv=3).mean()
    linear = cross_val_score(LogisticRegression(), X, y, cv=3).mean()
    assert ours > linear + 0.05


def test_regressor_is_level_with_a_reference(regression):
    X, y = regression
    ours = cross_val_score(NeuralRegressor(random_state=0), X, y, cv=3).mean()
    linear = cross_val_score(Ridge(), X, y, cv=3).mean()
    assert ours > linear - 0.05


def test_probabilities(classification):
    X, y = classification
    clf = NeuralClassifier(random_state=0).fit(X.astype(np.float32), y)
    proba = clf.predict_proba(X.astype(np.float32))
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    assert clf.class_prior_.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["x", "y", "z"]),
        np.array(["x", "y", "z"], dtype=object),
        np.array([7, -1, 3], dtype=np.int32),
        np.array([0.0, 1.0, 2.0]),
    ],
)
def test_labels_of_any_type(classification, labels):
    X, y = classification
    codes = np.unique(y, return_inverse=True)[1]
    clf = NeuralClassifier(random_state=0).fit(X, labels[codes])
    np.testing.assert_array_equal(clf.classes_, np.unique(labels))
    predicted = clf.predict(X)
    assert predicted.dtype == labels.dtype
    assert (predicted == labels[codes]).mean() > 0.9


@pytest.mark.parametrize("estimator", BOTH)
def test_batch_equals_one_by_one(estimator, classification, regression):
    X, y = data_for(estimator, classification, regression)
    model = estimator(max_epochs=5, random_state=0).fit(X, y)
    single = np.concatenate([output(model, X[[i]]) for i in range(20)])
    np.testing.assert_allclose(single, output(model, X[:20]), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chunks_do_not_matter(classification, monkeypatch, dtype):
    X, y = classification
    X = X.astype(dtype)
    clf = NeuralClassifier(max_epochs=5, random_state=0).fit(X, y)
    whole = clf.predict_proba(X)
    monkeypatch.setattr("mmsk.neural_network._net_holder.CHUNK_VALUES", 70)
    np.testing.assert_allclose(clf.predict_proba(X), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("estimator", BOTH)
def test_computes_in_the_type_of_X(estimator, classification, regression):
    X, y = data_for(estimator, classification, regression)
    for dtype in (np.float32, np.float64):
        model = estimator(max_epochs=1).fit(X.astype(dtype), y)
        assert {value.dtype for value in model.state_.values()} == {np.dtype(dtype)}
        # the other type is accepted afterwards and cast
        a, b = (output(model, X.astype(kind)) for kind in (np.float32, np.float64))
        np.testing.assert_allclose(a, b, rtol=1e-4)
    model = estimator(max_epochs=1).fit((X * 10).astype(int), y)
    assert model.dtype_ == "float64"


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
def test_sparse_equals_dense(estimator, kind, classification, regression):
    X, y = data_for(estimator, classification, regression)
    X = np.where(np.abs(X) > 0.5, X, 0)
    model = estimator(max_epochs=5, random_state=0, batch_size=64)
    dense = output(model.fit(X, y), X)
    np.testing.assert_array_equal(output(model.fit(kind(X), y), kind(X)), dense)


def test_sparse_is_never_dense_as_a_whole(monkeypatch):
    n_rows, original = [], sp.csr_array.toarray

    def toarray(self, *args, **kwargs):
        n_rows.append(self.shape[0])
        return original(self, *args, **kwargs)

    monkeypatch.setattr(sp.csr_array, "toarray", toarray)
    rng = np.random.RandomState(0)
    places = rng.randint(1000, size=5000), rng.randint(20_000, size=5000)
    X = sp.csr_array((np.ones(5000, np.float32), places), shape=(1000, 20_000))
    clf = NeuralClassifier((4,), max_epochs=1, batch_size=100, early_stopping=True)
    clf.fit(X, np.arange(1000) % 2).predict(X)
    assert not n_rows
    clf.set_params(module=nn.Linear(20_000, 2))  # which takes dense rows
    clf.fit(X, np.arange(1000) % 2).predict(X)
    assert len(n_rows) > 15
    assert max(n_rows) < 110


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_equal_arrays(frame, classification):
    X, y = classification
    table = frame({f"c{i}": X[:, i] for i in range(X.shape[1])})
    model = NeuralClassifier(max_epochs=5, random_state=0)
    expected = model.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.fit(table, y).predict_proba(table), expected)
    assert list(model.feature_names_in_) == list(table.columns)


@pytest.mark.parametrize("estimator", BOTH)
def test_not_finite_and_read_only_input(estimator, classification, regression):
    X, y = data_for(estimator, classification, regression)
    X = X.copy()
    X.flags.writeable = False
    model = estimator(max_epochs=1).fit(X, y)  # warnings are errors
    model.predict(X)
    for bad in (np.nan, np.inf):
        broken = X.copy()
        broken[3, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            model.predict(broken)
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            clone(model).fit(broken, y)


@pytest.mark.parametrize("estimator", BOTH)
def test_fit_does_not_write_to_its_data(estimator, classification, regression):
    X, y = data_for(estimator, classification, regression)
    w = np.random.RandomState(0).rand(len(y))
    before = X.copy(), y.copy(), w.copy()
    estimator(max_epochs=2, dropout=0.5).fit(X, y, sample_weight=w).predict(X)
    for now, then in zip((X, y, w), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weight_zero_is_absence(estimator, early_stopping, classification, regression):
    X, y = data_for(estimator, classification, regression)
    w = np.random.RandomState(0).randint(3, size=len(y)).astype(float)
    model = estimator(max_epochs=5, random_state=0, early_stopping=early_stopping)
    expected = output(model.fit(X[w > 0], y[w > 0], sample_weight=w[w > 0]), X)
    np.testing.assert_array_equal(output(model.fit(X, y, sample_weight=w), X), expected)


@pytest.mark.parametrize("estimator", BOTH)
def test_weight_two_is_two_rows_and_only_ratios_count(
    estimator, classification, regression
):
    X, y = (values[:60] for values in data_for(estimator, classification, regression))
    w = np.random.RandomState(0).randint(1, 4, size=60)
    model = estimator(max_epochs=20, random_state=0, batch_size=500)
    if estimator is NeuralClassifier:
        model.set_params(class_weight="balanced")
    twice = output(model.fit(X.repeat(w, axis=0), y.repeat(w)), X)
    for factor in (1.0, 1e-5):
        weighted = output(model.fit(X, y, sample_weight=factor * w), X)
        np.testing.assert_allclose(weighted, twice, rtol=1e-6)
    unweighted = output(model.fit(X, y), X)
    assert np.abs(unweighted / twice - 1).max() > 1e-3


def test_bad_weights(classification):
    X, y = classification
    for w, message in (
        (np.zeros(300), "zero"),
        (-np.ones(300), "[Nn]egative"),
        (np.ones(7), "shape"),
    ):
        with pytest.raises(ValueError, match=message):
            NeuralClassifier().fit(X, y, sample_weight=w)
    with pytest.raises(ValueError, match="times class weights are all zero"):
        NeuralClassifier(class_weight=dict.fromkeys("abc", 0)).fit(X, y)


def test_class_weight_is_sample_weight(classification):
    X, y = classification
    y = np.where(y == "c", "b", y)
    model = NeuralClassifier(max_epochs=5, random_state=0)
    by_class = {"a": 3.0, "b": 0.5}
    w = np.array([by_class[label] for label in y])
    expected = model.fit(X, y, sample_weight=w).predict_proba(X)
    model.set_params(class_weight=by_class)
    np.testing.assert_allclose(model.fit(X, y).predict_proba(X), expected, rtol=1e-9)
    model.set_params(class_weight="balanced")
    counts = {label: (y == label).sum() for label in "ab"}
    w = np.array([300 / (2 * counts[label]) for label in y])
    balanced = model.fit(X, y).predict_proba(X)
    model.set_params(class_weight=None)
    expected = model.fit(X, y, sample_weight=w).predict_proba(X)
    np.testing.assert_allclose(balanced, expected, rtol=1e-9)


def test_one_class(classification):
    X, _ = classification
    clf = NeuralClassifier(max_epochs=1).fit(X, ["only"] * 300)
    np.testing.assert_array_equal(clf.predict_proba(X), np.ones((300, 1)))
    assert set(clf.predict(X)) == {"only"}


def test_several_labels():
    X, y = make_multilabel_classification(300, 10, n_classes=4, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    clf = NeuralClassifier(random_state=0).fit(X, y)
    proba, predicted = clf.predict_proba(X), clf.predict(X)
    assert proba.shape == predicted.shape == (300, 4)
    np.testing.assert_array_equal(predicted, proba > 0.5)
    majority = np.maximum(y.mean(axis=0), 1 - y.mean(axis=0))
    assert ((predicted == y).mean(axis=0) > majority + 0.05).all()
    np.testing.assert_allclose(clf.class_prior_, y.mean(axis=0))
    sparse = clone(clf).fit(X, sp.csr_array(y))
    np.testing.assert_array_equal(sparse.predict_proba(X), proba)
    with pytest.raises(ValueError, match="class_weight is for one class a row"):
        NeuralClassifier(class_weight="balanced").fit(X, y)


def test_targets_that_are_refused(classification):
    X, _ = classification
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        NeuralClassifier().fit(X, rng.randint(3, size=(300, 2)))
    with pytest.raises(ValueError, match="Unknown label type"):
        NeuralClassifier().fit(X, rng.rand(300))


def test_several_targets_are_predicted_in_their_units(regression):
    X, y = regression
    both = np.column_stack([y, -1e6 * y])
    model = NeuralRegressor(random_state=0).fit(X, both)
    predicted = model.predict(X)
    assert predicted.shape == (300, 2)
    relative = (predicted - both).std(axis=0) / both.std(axis=0)
    assert (relative < 0.3).all()
    assert NeuralRegressor(max_epochs=1).fit(X, both[:, :1]).predict(X).shape == (
        300,
        1,
    )


def test_unit_of_the_target_does_not_matter(regression):
    X, y = regression
    model = NeuralRegressor(max_epochs=5, random_state=0)
    expected = model.fit(X, y).predict(X)
    scaled = model.fit(X, 1e-4 * y - 7).predict(X)
    np.testing.assert_allclose((scaled + 7) * 1e4, expected, rtol=1e-6)


def test_target_is_standardised_with_the_weights(regression):
    X, y = regression
    w = np.random.RandomState(0).rand(300)
    model = NeuralRegressor(max_epochs=1).fit(X, y, sample_weight=w)
    mean = (w * y).sum() / w.sum()
    variance = (w * (y - mean) ** 2).sum() / w.sum()
    np.testing.assert_allclose(model.y_mean_, [mean])
    np.testing.assert_allclose(model.y_scale_, [variance**0.5])


def test_constant_target(regression):
    X, _ = regression
    model = NeuralRegressor(random_state=0).fit(X, np.full(300, 0.1))
    np.testing.assert_allclose(model.predict(X), 0.1, atol=0.2)
    assert model.y_scale_ == [1.0]


@pytest.mark.parametrize("estimator", BOTH)
def test_parameters_reach_the_net(estimator, classification, regression):
    X, y = data_for(estimator, classification, regression)
    model = estimator(max_epochs=2, random_state=0)
    base = output(model.fit(X, y), X)
    for change in (
        {"hidden_layer_sizes": (8, 8)},
        {"hidden_layer_sizes": 8},
        {"module": HiddenLayers("tanh")},
        {"dropout": 0.5},
        {"lr": 0.1},
        {"weight_decay": 10.0},
        {"max_epochs": 3},
        {"batch_size": 50},
        {"early_stopping": True},
        {"random_state": 1},
    ):
        changed = clone(model).set_params(**change).fit(X, y)
        assert np.abs(output(changed, X) - base).max() > 1e-6, change
    widths = [8, 8]
    model = estimator(widths, max_epochs=1).fit(X, y)
    assert [value.shape[0] for value in model.state_.values()][:4] == [8, 8, 8, 8]
    assert widths == [8, 8]


def test_misspelt_parameters_are_refused():
    with pytest.raises(TypeError):
        NeuralClassifier(learning_rte=1.0)
    with pytest.raises(ValueError, match="Invalid parameter"):
        NeuralClassifier().set_params(learning_rte=1.0)


@pytest.mark.parametrize("estimator", BOTH)
def test_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        estimator().predict(np.ones((2, 2)))


def test_verbose_writes_a_line_an_epoch(classification, capsys):
    X, y = classification
    clf = NeuralClassifier(max_epochs=2, verbose=1, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"epoch {n}: train_loss {row['train_loss']:.4g}, "
        f"valid_loss {row['valid_loss']:.4g}"
        for n, row in enumerate(clf.history_, start=1)
    ]
    assert len(lines) == 2
    NeuralClassifier(max_epochs=2).fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_adaboost_learns(classification):
    X, y = classification
    head = NeuralClassifier((16,), lr=0.01, random_state=0)
    boosted = AdaBoostClassifier(head, n_estimators=5, random_state=0).fit(X, y)
    assert boosted.score(X, y) > 0.9
    assert len(boosted.estimators_) == 5


def test_adaboost_regressor_learns(regression):
    X, y = regression
    head = NeuralRegressor(max_epochs=30, random_state=0)
    assert AdaBoostRegressor(head, n_estimators=3).fit(X, y).score(X, y) > 0.9


def test_bagging_trains_on_the_drawn_rows_only(classification):
    X, y = classification
    head = NeuralClassifier(random_state=0)
    bag = BaggingClassifier(head, n_estimators=3, random_state=0).fit(X, y)
    assert bag.score(X, y) > 0.85
    member, rows = bag.estimators_[0], bag.estimators_samples_[0]
    counts = np.bincount(rows, minlength=300)
    codes = np.unique(y, return_inverse=True)[1]
    drawn = counts > 0
    alone = clone(member).fit(X[drawn], codes[drawn], sample_weight=counts[drawn])
    np.testing.assert_allclose(alone.predict_proba(X), member.predict_proba(X))


def test_metadata_routing_hands_groups_and_weights_down(classification):
    import sklearn

    X, y = classification
    groups = np.repeat(np.arange(30), 10)
    seen = []

    class Spy(NeuralClassifier):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append((sample_weight is not None, groups is not None))
            return super().fit(X, y, sample_weight, groups)

    with sklearn.config_context(enable_metadata_routing=True):
        head = Spy(max_epochs=1, early_stopping=True).set_score_request(
            sample_weight=True
        )
        search = GridSearchCV(head, {"lr": [0.01]}, cv=GroupKFold(2))
        search.fit(X, y, sample_weight=np.ones(300), groups=groups)
    assert seen == [(True, True)] * 3


def test_torch_default_device_and_grad_mode_do_not_leak(classification):
    X, y = classification
    clf = NeuralClassifier(max_epochs=1).fit(X, y)
    clf.predict(X)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(
    "params", [{}, {"hidden_layer_sizes": ()}, {"dropout": 0.3}], ids=str
)
def test_sparse_batches_train_the_net_of_dense_ones(estimator, params):
    rng = np.random.RandomState(0)
    X = sp.random_array((200, 500), density=0.02, rng=rng, format="csr")
    y = (X[:, [0]].toarray()[:, 0] > 0).astype(int)
    model = estimator(max_epochs=5, batch_size=64, random_state=0, **params)
    dense = clone(model).fit(X.toarray(), y)
    sparse = clone(model).fit(X, y)
    for name, value in dense.state_.items():
        np.testing.assert_allclose(sparse.state_[name], value, rtol=1e-6, atol=1e-9)
    for one in (dense, sparse):  # and each predicts rows of the other kind
        for kind in (X, X.toarray()):
            np.testing.assert_allclose(output(one, kind), output(dense, X), rtol=1e-6)
    loaded = pickle.loads(pickle.dumps(sparse))
    np.testing.assert_array_equal(output(loaded, X), output(sparse, X))
    assert all(value.flags.c_contiguous for value in sparse.state_.values())


def test_training_goes_on_between_dense_and_sparse():
    rng = np.random.RandomState(0)
    X = sp.random_array((200, 500), density=0.02, rng=rng, format="csr")
    y = np.arange(200) % 2
    kinds = {"dense": X.toarray(), "sparse": X}
    found = {}
    for first, second in (("dense", "sparse"), ("sparse", "dense"), ("dense", "dense")):
        clf = NeuralClassifier(random_state=0, batch_size=64)
        clf.partial_fit(kinds[first], y, [0, 1]).partial_fit(kinds[second], y)
        found[first, second] = clf.predict_proba(X)
    for proba in found.values():
        np.testing.assert_allclose(proba, found["dense", "dense"], rtol=1e-6)


def test_rows_without_values_are_predicted():
    X = sp.csr_array((10, 500))
    clf = NeuralClassifier(max_epochs=2).fit(X, np.arange(10) % 2)
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.slow
def test_grid_search_in_processes_is_grid_search_alone(classification):
    X, y = classification
    model = NeuralClassifier(max_epochs=3, n_members=2, dropout=0.2, random_state=0)
    grid = {"lr": [1e-3, 1e-2], "schedule": ["constant", "one_cycle"]}
    scores = [
        GridSearchCV(model, grid, cv=2, n_jobs=n_jobs)
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for n_jobs in (None, 2)
    ]
    np.testing.assert_array_equal(*scores)
