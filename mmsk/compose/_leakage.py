"""Features that know targets, before an estimator that makes folds of its own."""

import warnings
from collections.abc import Iterator
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from mmsk.compose._hand_down import tree
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
    found = list(_out_of_fold(features))
    splitting = sorted({type(each).__name__ for each in _splitting(estimator)})
    if found and splitting:
        learned = sorted({name for name, _ in found})
        kind = found[0][1]
        _warn(
            f"of {', '.join(map(repr, learned))}",
            kind,
            splitting,
            "Let the branch end with the raw block, and put "
            f"the {kind} inside the estimator that is fitted in each fold: "
            f"make_pipeline(BlockSelector([{learned[0]!r}]), {kind}(), ...).",
        )
    for kind, behind in _inside(estimator):
        _warn(
            "in a pipeline",
            kind,
            behind,
            f"Put the {kind} inside the estimator that is fitted in each fold.",
        )


def _warn(place: str, kind: str, splitting: list[str], remedy: str) -> None:
    warnings.warn(
        f"The features {place} come from a {kind}, and {', '.join(splitting)} makes "
        "folds of its own or holds rows out: encoders of the rows that are trained on "
        "have seen the target of the rows that are held out, so that these features "
        f"look better there than they are. {remedy}",
        LeakageWarning,
        stacklevel=5,
    )


def _out_of_fold(features: Any) -> Iterator[tuple[str, str]]:
    """Yield branch and class of the steps that hide from a row its own target."""
    if isinstance(features, FrozenEstimator):
        return
    for name, transformer, _ in features.transformers:
        for step in tree(transformer):
            if _hides(step):
                yield name, type(step).__name__


def _hides(step: Any) -> bool:
    return getattr(type(step), "_out_of_fold", False)


def _inside(estimator: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield the class of such a step in a Pipeline, and who splits rows behind it."""
    for each in tree(estimator):
        if not isinstance(each, Pipeline):
            continue
        for position, (_, step) in enumerate(each.steps):
            hiding = [type(part).__name__ for part in tree(step) if _hides(part)]
            after = [part for _, part in each.steps[position + 1 :]]
            behind = {type(e).__name__ for part in after for e in _splitting(part)}
            if hiding and behind:
                yield hiding[0], sorted(behind)
                break


def _splitting(estimator: Any) -> Iterator[Any]:
    """Yield the estimators in a tree that learn from folds or hold rows out."""
    for each in tree(estimator):
        if not _hides(each) and (_folds(each) or _holds_out(each)):
            yield each


def _folds(estimator: Any) -> bool:
    cv = estimator.get_params(deep=False).get("cv", "prefit")
    if isinstance(cv, str):
        return False  # "prefit" makes none
    asks = getattr(estimator, "_needs_groups", None)  # a late fusion may need no folds
    return asks is None or asks()


def _holds_out(estimator: Any) -> bool:
    """Tell whether an estimator scores itself on rows that it does not train on."""
    params = estimator.get_params(deep=False)
    if params.get("oob_score") or params.get("early_stopping") is True:
        return True
    # gradient boosting of scikit-learn's older kind
    stops = "early_stopping" not in params and "validation_fraction" in params
    return stops and params.get("n_iter_no_change") is not None
