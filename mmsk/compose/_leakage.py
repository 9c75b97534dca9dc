"""Features that know targets, before an estimator that makes folds of its own."""

import warnings
from collections.abc import Iterator
from typing import Any

from sklearn.frozen import FrozenEstimator

from mmsk.compose._hand_down import children, is_estimator
from mmsk.exceptions import LeakageWarning


def warn_if_leaking(features: Any, estimator: Any) -> None:
    """Warn once of out-of-fold features whose rows the estimator splits again.

    A row's features come from an encoder that has not seen its target. Those of the
    other rows come from encoders that have, so what a fold holds out is known to
    what the fold is trained on.

    Parameters
    ----------
    features : ModalityTransformer or FrozenEstimator
        Not fitted, unless frozen: then nothing in there is out of fold.
    estimator : estimator
        What is fitted on them.
    """
    learned = sorted({name for name, _ in _out_of_fold(features)})
    folding = sorted({type(each).__name__ for each in _folding(estimator)})
    if learned and folding:
        kind = next(kind for _, kind in _out_of_fold(features))
        warnings.warn(
            f"The features of {', '.join(map(repr, learned))} come from a {kind}, and "
            f"{', '.join(folding)} makes folds of its own: encoders of the rows that a "
            "fold is trained on have seen the target of the rows that it holds out, so "
            "that these features look better there than they are. Let the branch end "
            f"with the raw block, and put the {kind} inside the estimator that is "
            f"fitted in each fold: make_pipeline(BlockSelector([{learned[0]!r}]), "
            f"{kind}(), ...).",
            LeakageWarning,
            stacklevel=4,
        )


def _out_of_fold(features: Any) -> Iterator[tuple[str, str]]:
    """Yield branch and class of the steps that hide from a row its own target."""
    if isinstance(features, FrozenEstimator):
        return
    for name, transformer, _ in features.transformers:
        for step in _tree(transformer):
            if _hides(step):
                yield name, type(step).__name__


def _hides(step: Any) -> bool:
    return getattr(type(step), "_out_of_fold", False)


def _folding(estimator: Any) -> Iterator[Any]:
    """Yield the estimators in a tree that learn from folds of their own."""
    for each in _tree(estimator):
        params = each.get_params(deep=False)
        if "cv" not in params or isinstance(params["cv"], str) or _hides(each):
            continue  # "prefit" makes no folds, another encoder reads a raw block
        asks = getattr(each, "_needs_groups", None)  # a late fusion may need no folds
        if asks is None or asks():
            yield each


def _tree(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and those inside that are fitted with it."""
    if not is_estimator(estimator) or isinstance(estimator, FrozenEstimator):
        return
    yield estimator
    for _, child in children(estimator):
        yield from _tree(child)
