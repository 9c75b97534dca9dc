"""skorch's callbacks, the line of progress."""

import re
import sys

import numpy as np
import pytest
from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from torch.optim.lr_scheduler import StepLR

from mmsk.neural_network import SGD, NeuralClassifier

SMALL = {"max_epochs": 4, "random_state": 0, "batch_size": 100}


class Spy(Callback):
    """Writes down what it is told."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at

    def initialize(self):
        self.told_ = []
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.told_.append("train")

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.told_.append("epoch")
        net.history.record("answer", 42.0)
        if len(net.history) == self.stop_at:
            raise KeyboardInterrupt

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        (x,), (y, w) = batch[0].values(), batch[1]
        self.told_.append(("begin", training, len(x), len(y), w))

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.told_.append(("end", training, tuple(kwargs["y_pred"].shape)))

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.told_.append(("gradients", next(iter(named_parameters))[0]))


def test_callbacks_are_told_everything_and_copied(classification):
    X, y = classification
    spy = Spy()
    clf = NeuralClassifier(callbacks=[("spy", spy)], early_stopping=True, **SMALL)
    clf.fit(X, y)
    assert not hasattr(spy, "told_")
    told = dict(clf.net_.callbacks_)["spy"].told_
    batch = [("begin", True, 90, 90, None), ("gradients", "layers.0.weight")]
    batch += [("end", True, (90, 3))]
    valid = [("begin", False, 30, 30, None), ("end", False, (30, 3))]
    assert told == ["train", *(batch * 3 + valid + ["epoch"]) * 4]
    assert [row["answer"] for row in clf.history_] == [42.0] * 4
    names = ["epoch", "train_loss", "valid_loss", "answer"]
    assert [list(row) for row in clf.history_] == [names] * 4
    assert len(clf.net_.history[-1, "batches"]) == 4
    assert clone(clf).callbacks[0][1] is not spy


def test_without_callbacks_the_result_is_the_same(classification):
    X, y = classification
    expected = NeuralClassifier(**SMALL).fit(X, y).predict_proba(X)
    clf = NeuralClassifier(callbacks=[Spy()], **SMALL).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_skorchs_gradient_clipping_is_ours(classification):
    X, y = classification
    ours = NeuralClassifier(optimizer=SGD(max_grad_norm=0.1), lr=0.1, **SMALL)
    theirs = NeuralClassifier(
        optimizer="sgd", lr=0.1, callbacks=[GradientNormClipping(0.1)], **SMALL
    )
    expected = ours.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(theirs.fit(X, y).predict_proba(X), expected, rtol=1e-9)


def test_skorchs_schedulers(classification):
    X, y = classification
    halve = LRScheduler(StepLR, step_size=1, gamma=0.5)
    clf = NeuralClassifier(callbacks=[halve], lr=0.08, **SMALL).fit(X, y)
    assert [row["event_lr"] for row in clf.history_] == [0.08, 0.04, 0.02, 0.01]


def test_skorchs_scores(classification):
    X, y = classification

    def accuracy(net, X, y):
        outputs = net.forward(X)
        return float((outputs.argmax(dim=1) == X.values[X.rows]).float().mean())

    score = EpochScoring(accuracy, use_caching=False, lower_is_better=False)
    clf = NeuralClassifier(callbacks=[score], early_stopping=True, **SMALL).fit(X, y)
    scores = [row["accuracy"] for row in clf.history_]
    assert scores[-1] > scores[0]
    assert 0.5 < scores[-1] <= 1


@pytest.mark.parametrize("load_best", [False, True])
def test_skorchs_early_stopping_is_no_keyboard_interrupt(load_best, classification):
    X, y = classification
    stop = EarlyStopping("train_loss", patience=3, threshold=1.0, load_best=load_best)
    clf = NeuralClassifier(callbacks=[stop], **SMALL | {"max_epochs": 30}).fit(X, y)
    assert clf.n_iter_ == len(clf.history_) == 4
    first = NeuralClassifier(**SMALL | {"max_epochs": 1 if load_best else 4}).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), first.predict_proba(X))


def test_early_stopping_without_held_out_rows_is_refused(classification):
    X, y = classification
    clf = NeuralClassifier(callbacks=[("stop", EarlyStopping())], **SMALL)
    message = r"EarlyStopping monitors 'valid_loss'.*early_stopping=True"
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    clf.set_params(early_stopping=True).fit(X, y)


def test_an_interrupt_in_a_callback_is_an_interrupt(classification):
    X, y = classification
    with pytest.raises(KeyboardInterrupt):
        NeuralClassifier(callbacks=[Spy(stop_at=2)], **SMALL).fit(X, y)


def test_partial_fit_keeps_its_callbacks(classification):
    X, y = classification
    clf = NeuralClassifier(callbacks=[Spy()], **SMALL)
    clf.partial_fit(X, y, ["a", "b", "c"]).partial_fit(X, y)
    (spy,) = [cb for _, cb in clf.net_.callbacks_ if isinstance(cb, Spy)]
    assert spy.told_.count("epoch") == 2


def test_what_are_no_callbacks_is_refused(classification):
    X, y = classification
    with pytest.raises(ValueError, match="'callbacks' parameter"):
        NeuralClassifier(callbacks=Spy()).fit(X, y)


def test_on_a_terminal_progress_is_one_line(classification, capsys, monkeypatch):
    X, y = classification
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    NeuralClassifier(verbose=1, schedule="cosine", **SMALL).fit(X, y)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.endswith("\n")
    parts = out.rstrip("\n").split("\r")[1:]
    assert len(parts) == 4
    pattern = r"epoch 3: train_loss [\d.]+, lr [\d.e-]+, at most \d+ s left\x1b\[K"
    assert re.fullmatch(pattern, parts[2])
    NeuralClassifier(verbose=2, **SMALL).fit(X, y)
    assert capsys.readouterr().out.count("\n") == 4
