"""The trainings of a supervised encoder, and what a trained one says."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier

from mmsk._utils._targets import kind_of_target
from mmsk.neural_network._encoders import count_tokens
from mmsk.neural_network._neural import NeuralClassifier, NeuralRegressor
from mmsk.neural_network._supervised_encoder_module import EncoderMaker
from mmsk.neural_network._supervised_encoder_outputs import log_odds

CLASSES, NUMBERS = "classification", "regression"


def choose_net(
    estimator: NeuralClassifier | NeuralRegressor | None, task: str, y: NDArray
) -> tuple[NeuralClassifier | NeuralRegressor, str]:
    """Decide what y is, and return a copy of the estimator that is to be trained.

    Parameters
    ----------
    estimator : NeuralClassifier, NeuralRegressor or None
    task : {"auto", "classification", "regression"}
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)

    Returns
    -------
    net : NeuralClassifier or NeuralRegressor
    task : {"classification", "regression"}

    Raises
    ------
    ValueError
        If the parameters contradict each other, or what y is cannot be told.
    """
    if estimator is None:
        if task == "auto":
            kind = kind_of_target(y, f"task={CLASSES!r} or task={NUMBERS!r}")
            task = NUMBERS if kind.startswith("continuous") else CLASSES
        return (NeuralClassifier() if task == CLASSES else NeuralRegressor()), task
    own = CLASSES if is_classifier(estimator) else NUMBERS
    if task not in ("auto", own):
        raise ValueError(
            f"estimator={estimator!r} is made for {own}, but task={task!r}."
        )
    if estimator.module != "mlp":
        raise ValueError(
            "The module that is trained is `encoder`: leave module='mlp' in "
            f"estimator, got {estimator.module!r}."
        )
    return clone(estimator), own


@dataclass(frozen=True, eq=False)
class Training:
    """Private: what the trainings of all folds have in common.

    Parameters
    ----------
    net : NeuralClassifier or NeuralRegressor
        Not fitted.
    maker : EncoderMaker
        Its module, but for the number of tokens.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    weights, groups : ndarrays of shape (n_samples,) or None
    kept : int ndarray of shape (n_kept,)
        The rows that can be trained on.
    classes : ndarray of shape (n_classes,) or None
        All classes, where a row has one of them.
    hidden : bool
        Whether hidden units are wanted.
    """

    net: NeuralClassifier | NeuralRegressor
    maker: EncoderMaker
    X: Any
    y: NDArray
    weights: NDArray[np.float64] | None
    groups: NDArray | None
    kept: NDArray[np.int64]
    classes: NDArray | None
    hidden: bool

    def run(self, train: NDArray, test: NDArray):
        """Train on some rows, ask about others.

        Parameters
        ----------
        train, test : int ndarrays
            Positions in X.

        Returns
        -------
        net : estimator or None
            None where there was something to ask.
        said, own : ndarrays of shape (n_rows, n_outputs) or None
            What it says of the rows asked about and, if hidden units are wanted, of
            those it was trained on.
        """
        X, block = self.taken(train), self.maker.block
        maker = self.maker
        if block.kind == "tokens":
            maker = replace(
                maker, n_tokens=count_tokens(X[:, block.start : block.stop])
            )
        weights, groups = (
            None if each is None else each[train]
            for each in (self.weights, self.groups)
        )
        net = clone(self.net).set_params(module=maker)
        net.fit(X, self.y[train], sample_weight=weights, groups=groups)
        if not len(test):
            return net, None, None
        own = self.say(net, X) if self.hidden else None
        return None, self.say(net, self.X[test]), own

    def taken(self, rows: NDArray) -> Any:
        """Return some rows of X."""
        every = np.arange(self.X.shape[0])
        return self.X if np.array_equal(rows, every) else self.X[rows]

    def say(self, net: Any, X: Any) -> NDArray[np.float64]:
        """Return what a net says of rows."""
        return said_by(net, X, self.classes, self.hidden)


def said_by(
    net: NeuralClassifier | NeuralRegressor,
    X: Any,
    classes: NDArray | None,
    hidden: bool,
) -> NDArray[np.float64]:
    """Return scores or hidden units.

    Parameters
    ----------
    net : NeuralClassifier or NeuralRegressor
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    classes : ndarray of shape (n_classes,) or None
        All classes, of which the net may have seen some.
    hidden : bool
        Whether hidden units are wanted.
    """
    if hidden:
        return net._outputs(X, "encode")[0]
    if not is_classifier(net):
        return net.predict(X).reshape(X.shape[0], -1)
    proba = net.predict_proba(X)
    if not net.multilabel_ and len(net.classes_) < len(classes):
        every = np.zeros((len(proba), len(classes)))
        every[:, np.searchsorted(classes, net.classes_)] = proba
        proba = every
    return log_odds(proba, multilabel=net.multilabel_)


def check_folds(splits: list, n_rows: int) -> None:
    """Refuse folds that leave rows without an encoder, or give them several.

    Parameters
    ----------
    splits : list of (train, test)
        Row positions.
    n_rows : int

    Raises
    ------
    ValueError
        If a row is not in one test fold, or is trained on there too, or a fold has
        no row to train on.
    """
    tested = np.bincount(np.concatenate([test for _, test in splits]), minlength=n_rows)
    if (tested != 1).any():
        row = int(np.flatnonzero(tested != 1)[0])
        raise ValueError(
            "cv must hold out every row exactly once, so that each is encoded by one "
            f"encoder that has not seen it; row {row} of those that count is in "
            f"{tested[row]} test folds."
        )
    if any(np.isin(test, train).any() for train, test in splits):
        raise ValueError(
            "cv must hold rows out: a fold has some among those that it trains on."
        )
    if not all(len(train) for train, _ in splits):
        raise ValueError(
            "A fold of cv has no row to train on that counts: that has the modality "
            "and a weight above 0."
        )
