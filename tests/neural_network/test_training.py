"""Early stopping, going on with a training, and what skorch does otherwise."""

import gc
import weakref

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from skorch import NeuralNet

from mmsk._utils._splits import holdout_split
from mmsk.neural_network import NeuralClassifier, NeuralRegressor
from mmsk.neural_network._callbacks import Recorder

BOTH = [NeuralClassifier, NeuralRegressor]


def noise(n=120):
    """Labels that have nothing to do with X: the validation loss must rise."""
    rng = np.random.RandomState(0)
    return rng.randn(n, 20), rng.randint(2, size=n)


def overfitting(**kwargs):
    return NeuralClassifier(
        lr=0.05, max_epochs=40, early_stopping=True, random_state=0, **kwargs
    )


def validation_loss(clf, X, y, rows):
    proba = clf.predict_proba(X[rows])
    return -np.log(proba[np.arange(len(rows)), y[rows]]).mean()


def held_out_rows(monkeypatch):
    """Catch what `fit` holds out."""
    caught = []

    def spy(*args, **kwargs):
        caught.append((holdout_split(*args, **kwargs), kwargs))
        return caught[-1][0]

    monkeypatch.setattr("mmsk.neural_network._base.holdout_split", spy)
    return caught


def test_early_stopping_restores_the_best_weights(monkeypatch):
    X, y = noise()
    caught = held_out_rows(monkeypatch)
    clf = overfitting(n_iter_no_change=5).fit(X, y)
    losses = [row["valid_loss"] for row in clf.history_]
    best = int(np.argmin(losses))
    assert clf.n_iter_ == len(losses) == best + 1 + 5 < 40
    ((_, held_out), _) = caught[0]
    assert len(held_out) == 12
    now = validation_loss(clf, X, y, held_out)
    assert now == pytest.approx(min(losses), rel=1e-9)
    assert losses[-1] > min(losses) + 0.05


def test_best_weights_are_restored_without_an_early_stop_too(monkeypatch):
    X, y = noise()
    caught = held_out_rows(monkeypatch)
    clf = overfitting(n_iter_no_change=1000).fit(X, y)
    losses = [row["valid_loss"] for row in clf.history_]
    assert len(losses) == 40
    ((_, held_out), _) = caught[0]
    now = validation_loss(clf, X, y, held_out)
    assert now == pytest.approx(min(losses), rel=1e-9)


def test_held_out_rows_are_not_trained_on(monkeypatch):
    X, y = noise()
    caught = held_out_rows(monkeypatch)
    expected = overfitting().fit(X, y)
    ((_, held_out), _) = caught[0]
    other = y.copy()
    other[held_out] = 1 - other[held_out]
    # the same rows, whatever their labels
    monkeypatch.setattr(
        "mmsk.neural_network._base.holdout_split", lambda *_, **__: caught[0][0]
    )
    changed = overfitting().fit(X, other)
    n = min(changed.n_iter_, expected.n_iter_)
    for key, equal in (("train_loss", True), ("valid_loss", False)):
        a, b = ([row[key] for row in clf.history_[:n]] for clf in (expected, changed))
        assert (a == b) is equal


def test_groups_reach_the_split(monkeypatch):
    X, y = noise()
    groups = np.array([f"speaker {i // 10}" for i in range(120)])
    caught = held_out_rows(monkeypatch)
    weights = (np.arange(120) % 7 > 0).astype(float)
    overfitting().fit(X, y, sample_weight=weights, groups=groups)
    (train, held_out), kwargs = caught[0]
    kept = groups[weights > 0]
    np.testing.assert_array_equal(kwargs["groups"], kept)
    assert not set(kept[train]) & set(kept[held_out])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        overfitting().fit(X, y, groups=groups[:-1])
    with pytest.raises(ValueError, match="at least two groups"):
        overfitting().fit(X, y, groups=np.zeros(120))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_early_stopping_on_hardly_any_rows(n):
    # skorch's ValidSplit(5) fails below five rows
    X, y = noise(n)
    overfitting().fit(X, np.arange(n) % 2)
    NeuralRegressor(early_stopping=True).fit(X, y)


@pytest.mark.parametrize("estimator", BOTH)
def test_history(estimator):
    X, y = noise()
    model = estimator(max_epochs=3, random_state=0).fit(X, y)
    assert [row["epoch"] for row in model.history_] == [1, 2, 3]
    assert {tuple(row) for row in model.history_} == {("epoch", "train_loss")}
    assert model.n_iter_ == 3
    losses = [row["train_loss"] for row in model.history_]
    assert losses == sorted(losses, reverse=True)
    model.set_params(early_stopping=True).fit(X, y)
    assert {tuple(row) for row in model.history_} == {
        ("epoch", "train_loss", "valid_loss")
    }


def test_first_loss_is_that_of_the_initial_weights():
    X, y = noise()
    clf = NeuralClassifier(max_epochs=1, lr=1e-9, random_state=0).fit(X, y)
    rows = np.arange(len(X))
    expected = validation_loss(clf, X, y, rows)
    assert clf.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-6)


def test_one_full_batch_step_is_adamw_by_hand():
    X, y = noise()
    options = {"lr": 0.01, "weight_decay": 0.1, "random_state": 0}
    start = NeuralClassifier((), lr=1e-30, weight_decay=0, random_state=0)
    start.set_params(max_epochs=1).fit(X, y)
    weight, bias = start.state_.values()
    logits = X @ weight.T + bias
    odds = np.exp(logits)
    error = odds / odds.sum(axis=1, keepdims=True) - np.eye(2)[y]
    gradient = error.T @ X / len(X)
    # Adam's first step is lr times the sign; the decay is apart from it
    expected = weight * (1 - 0.01 * 0.1) - 0.01 * gradient / (np.abs(gradient) + 1e-8)
    clf = NeuralClassifier((), max_epochs=1, **options).fit(X, y)
    np.testing.assert_allclose(next(iter(clf.state_.values())), expected, rtol=1e-9)


@pytest.mark.parametrize("estimator", BOTH)
def test_refit_starts_anew(estimator):
    # a skorch net around a module instance would go on
    X, y = noise()
    model = estimator(max_epochs=3, random_state=0).fit(X, y)
    first, history = model.predict(X), model.history_
    model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), first)
    assert model.history_ == history
    assert model.history_ is not history


@pytest.mark.parametrize("estimator", BOTH)
def test_refit_on_other_data(estimator):
    X, y = noise()
    model = estimator(max_epochs=1).fit(X, y)
    model.fit(X[:, :5].astype(np.float32), y)
    assert model.n_features_in_ == 5
    assert model.dtype_ == "float32"
    assert len(model.predict(X[:, :5])) == len(X)


@pytest.mark.parametrize("estimator", BOTH)
def test_warm_start_goes_on(estimator):
    X, y = noise()
    model = estimator(max_epochs=4, random_state=0, warm_start=True, batch_size=40)
    losses = [row["train_loss"] for row in model.fit(X, y).history_]
    model.fit(X, y)
    after = [row["train_loss"] for row in model.history_]
    assert [row["epoch"] for row in model.history_] == list(range(1, 9))
    assert model.n_iter_ == 8
    assert after[:4] == losses
    assert after[4] < losses[3]
    with pytest.raises(ValueError, match="expecting 20 features"):
        model.fit(X[:, :5], y)


def test_warm_start_keeps_classes_and_targets():
    X, y = noise()
    clf = NeuralClassifier(max_epochs=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="unseen labels"):
        clf.fit(X, y + 1)
    with pytest.raises(ValueError, match="same kind"):
        clf.fit(X, np.column_stack([y, y]))
    model = NeuralRegressor(max_epochs=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="2 targets, in the first fit it had 1"):
        model.fit(X, np.column_stack([y, y]))
    labels = np.column_stack([y, 1 - y])
    clf = NeuralClassifier(max_epochs=1, warm_start=True).fit(X, labels)
    with pytest.raises(ValueError, match="3 labels, in the first fit it had 2"):
        clf.fit(X, np.column_stack([labels, y]))


def test_partial_fit_of_full_batches_is_fit():
    X, y = noise()
    options = {"random_state": 0, "batch_size": 500}
    clf = NeuralClassifier(max_epochs=5, **options).fit(X, y)
    steps = NeuralClassifier(**options)
    for _ in range(5):
        steps.partial_fit(X, y, classes=[0, 1])
    np.testing.assert_allclose(steps.predict_proba(X), clf.predict_proba(X), rtol=1e-9)
    assert steps.n_iter_ == 5
    model = NeuralRegressor(max_epochs=5, **options).fit(X, y)
    steps = NeuralRegressor(**options)
    for _ in range(5):
        steps.partial_fit(X, y)
    np.testing.assert_allclose(steps.predict(X), model.predict(X), rtol=1e-9)


def test_partial_fit_shuffles_each_epoch_differently_and_follows_parameters():
    X, y = noise()
    clf = NeuralClassifier(random_state=0, batch_size=40).partial_fit(X, y, [0, 1])
    seen = []
    original = torch.randperm
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch,
            "randperm",
            lambda *a, **k: (
                seen.append(original(*a, **k).tolist()) or torch.tensor(seen[-1])
            ),
        )
        clf.partial_fit(X, y).partial_fit(X, y)
    assert len(seen) == 2
    assert seen[0] != seen[1]
    clf.set_params(lr=0.5, weight_decay=0.25, batch_size=120).partial_fit(X, y)
    (group,) = clf.net_.optimizer_.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.25)
    # 3 steps an epoch before, one now: the optimiser went on
    steps = {int(state["step"]) for state in clf.net_.optimizer_.state.values()}
    assert steps == {3 * 3 + 1}


def test_partial_fit_and_classes():
    X, y = noise()
    clf = NeuralClassifier(random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clone(clf).partial_fit(X, y)
    clf.partial_fit(X[y == 0], y[y == 0], classes=[2, 0, 1])
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])
    assert clf.partial_fit(X, y).predict_proba(X).shape == (120, 3)
    with pytest.raises(ValueError, match="differ from those of the first call"):
        clf.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="rows of every class at once"):
        clf.set_params(class_weight="balanced").partial_fit(X, y)
    with pytest.raises(ValueError, match="cannot stop early"):
        clf.set_params(early_stopping=True).partial_fit(X, y)


@pytest.mark.parametrize("estimator", BOTH)
def test_divergence_is_said(estimator):
    X, y = noise()
    model = estimator(lr=1e30, batch_size=20).fit
    with pytest.raises(ValueError, match=r"diverged: .* lower lr=1e\+30"):
        model(X, y)


def test_interrupt_is_not_swallowed_and_leaves_the_last_fit(monkeypatch):
    # skorch takes Ctrl-C for "stop training and go on with the program"
    X, y = noise()
    clf = NeuralClassifier(max_epochs=5, warm_start=True, random_state=0).fit(X, y)
    before = clf.predict_proba(X)
    original, calls = Recorder.on_epoch_end, []

    def interrupted(self, net, **kwargs):
        original(self, net, **kwargs)
        calls.append(net)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    with pytest.raises(KeyboardInterrupt):
        calls.clear()
        clone(clf).fit(X, y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_estimator_does_not_keep_the_data(early_stopping):
    X, y = noise()
    alive = weakref.ref(X)
    clf = NeuralClassifier(max_epochs=2, early_stopping=early_stopping).fit(X, y)
    clf.predict(X)
    del X
    gc.collect()
    assert alive() is None


def test_holds_a_skorch_net_whose_history_has_no_batches():
    X, y = noise()
    clf = NeuralClassifier(max_epochs=3, batch_size=10).fit(X, y)
    assert isinstance(clf.net_, NeuralNet)
    assert len(clf.net_.history) == 3
    assert all(not row["batches"] for row in clf.net_.history)
    losses = clf.net_.history[:, "train_loss"]
    assert losses == [row["train_loss"] for row in clf.history_]


def test_works_with_metadata_routing_on():
    X, y = noise()
    with sklearn.config_context(enable_metadata_routing=True):
        overfitting().fit(X, y, sample_weight=np.ones(120), groups=np.arange(120) % 5)


def test_the_scale_of_y_is_learned_from_rows_that_are_not_held_out(monkeypatch):
    X, y = noise()
    y = y.astype(float)
    caught = held_out_rows(monkeypatch)
    w = (np.arange(120) % 5).astype(float)
    model = NeuralRegressor(max_epochs=2, early_stopping=True, random_state=0)
    model.fit(X, y, sample_weight=w)
    ((train_rows, held_out), _) = caught[0]
    y_kept, w_kept = y[w > 0], w[w > 0]
    assert len(held_out) == 10
    np.testing.assert_allclose(
        model.y_mean_, [np.average(y_kept[train_rows], weights=w_kept[train_rows])]
    )
    # what is held out may be of any size: the trained net does not see it
    far = y.copy()
    far[np.flatnonzero(w > 0)[held_out]] = 1e9
    monkeypatch.setattr(
        "mmsk.neural_network._base.holdout_split", lambda *_, **__: caught[0][0]
    )
    other = clone(model).fit(X, far, sample_weight=w)
    for name in ("y_mean_", "y_scale_"):
        np.testing.assert_array_equal(getattr(other, name), getattr(model, name))
    losses = [
        [row["train_loss"] for row in fitted.history_] for fitted in (model, other)
    ]
    assert losses[0] == losses[1]
