"""scikit-learn's callbacks (1.9)."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmsk.neural_network import NeuralClassifier, NeuralRegressor
from mmsk.neural_network._scikit_learn_callbacks import CallbackSupportMixin

SMALL = {"max_epochs": 3, "random_state": 0, "batch_size": 100}


@pytest.fixture(autouse=True)
def _needs_version():
    if not hasattr(CallbackSupportMixin, "set_callbacks"):
        pytest.skip("scikit-learn before 1.9 has no callbacks")


class Spy:
    """Writes down what it is told, and may stop the training."""

    def __init__(self, stop_at=None):
        self.told = []
        self.stop_at = stop_at

    def setup(self, estimator, context):
        self.told.append(("setup", context.max_subtasks))

    def teardown(self, estimator, context):
        self.told.append(("teardown", context.max_subtasks))

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        self.told.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X, y, metadata, fitted_estimator=None
    ):
        score = fitted_estimator.score(X, y, **(metadata or {}))
        self.told.append(("end", context.task_name, context.task_id, score))
        return context.task_id == self.stop_at


@pytest.mark.parametrize("kind", [NeuralClassifier, NeuralRegressor])
def test_they_are_told_of_each_epoch_with_a_fitted_estimator(
    kind, classification, regression
):
    X, y = classification if kind is NeuralClassifier else regression
    spy, w = Spy(), np.random.RandomState(0).rand(len(y))
    model = kind(**SMALL).set_callbacks(spy).fit(X, y, sample_weight=w)
    scores = [
        kind(**SMALL | {"max_epochs": n}).fit(X, y, sample_weight=w).score(X, y, w)
        for n in (1, 2, 3)
    ]
    expected = [("setup", 3), ("begin", "fit", 0)]
    for epoch in range(3):
        expected.append(("begin", "epoch", epoch))
        expected.append(("end", "epoch", epoch, pytest.approx(scores[epoch])))
    expected += [("end", "fit", 0, pytest.approx(scores[2])), ("teardown", 3)]
    assert spy.told == expected
    plain = kind(**SMALL).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))


def test_they_can_stop_a_training(classification):
    X, y = classification
    clf = NeuralClassifier(**SMALL | {"early_stopping": True, "max_epochs": 9})
    clone(clf).set_callbacks(Spy(stop_at=1))
    clf.set_callbacks(Spy(stop_at=1)).fit(X, y)
    assert clf.n_iter_ == 2
    losses = [row["valid_loss"] for row in clf.history_]
    assert len(losses) == 2
    assert losses[1] < losses[0]  # so the weights of the last epoch are the best
    expected = NeuralClassifier(**SMALL | {"early_stopping": True, "max_epochs": 2})
    np.testing.assert_array_equal(
        clf.predict_proba(X), expected.fit(X, y).predict_proba(X)
    )


def test_a_clone_and_a_pipeline_keep_them(classification):
    X, y = classification
    spy = Spy()
    clone(NeuralClassifier(**SMALL).set_callbacks(spy)).fit(X, y)
    assert len(spy.told) == 10
    clf = NeuralClassifier(**SMALL).set_callbacks(spy)
    make_pipeline(StandardScaler(), clf).fit(X, y)
    assert len(spy.told) == 20
    # and partial_fit, which is one epoch, has none
    NeuralClassifier(**SMALL).set_callbacks(spy).partial_fit(X, y, ["a", "b", "c"])
    assert len(spy.told) == 20


def test_scikit_learns_own_scores(classification):
    from sklearn.callback import ScoringMonitor

    X, y = classification
    monitor = ScoringMonitor(scoring="accuracy")
    clf = NeuralClassifier(**SMALL).set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    found = [row["accuracy"] for row in rows if row["task_name"] == "epoch"]
    assert len(found) == 3
    assert found[-1] == pytest.approx(clf.score(X, y))


def test_scikit_learns_progress_bar(classification, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = classification
    with warnings.catch_warnings():
        NeuralClassifier(**SMALL).set_callbacks(ProgressBar()).fit(X, y)
    assert "NeuralClassifier" in capsys.readouterr().out
