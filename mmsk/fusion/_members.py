"""The estimators of a late fusion, one a modality."""

from typing import Any

from sklearn.base import is_classifier, is_regressor

from mmsk.compose._hand_down import is_estimator


def is_drop(estimator: Any) -> bool:
    """Tell whether a modality is left out by ``"drop"``."""
    return isinstance(estimator, str) and estimator == "drop"


def own_estimators(estimators: Any) -> dict[str, Any]:
    """Check what a user gave as ``estimators``; return it by modality.

    Parameters
    ----------
    estimators : list of (modality, estimator, "drop" or None), or None

    Raises
    ------
    ValueError
        If it is no such list, or a modality comes twice.
    TypeError
        If an entry is no estimator.
    """
    try:
        if isinstance(estimators, dict):
            raise TypeError("a dict gives its keys")
        pairs = [(name, estimator) for name, estimator in estimators or []]
        if not all(isinstance(name, str) for name, _ in pairs):
            raise TypeError("a modality has a name")
    except (TypeError, ValueError):
        raise ValueError(
            "estimators must be a list of (modality, estimator), a name first, got "
            f"{estimators!r}."
        ) from None
    for name, estimator in pairs:
        known = estimator is None or is_drop(estimator)
        if not known and not is_estimator(estimator):
            raise TypeError(
                f"The estimator of modality {name!r} must be an estimator or 'drop', "
                f"got {estimator!r}."
            )
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"Names provided are not unique: {names!r}")
    return dict(pairs)


def check_kind(fusion: Any, estimator: Any, name: str) -> None:
    """Refuse a regressor in a fusion of classes, a classifier in one of numbers.

    Parameters
    ----------
    fusion : estimator
        The classifier or regressor that would hold it.
    estimator : estimator
    name : str
        What the message calls it.

    Raises
    ------
    TypeError
        If it is of another kind than `fusion`.
    """
    is_kind, kind = is_regressor, "regressor"
    if is_classifier(fusion):
        is_kind, kind = is_classifier, "classifier"
    if not is_kind(estimator):
        raise TypeError(
            f"{name} must be a {kind}, got {estimator!r}. Pass a {kind} to "
            f"{type(fusion).__name__}."
        )


def fit_member(model: Any, X: Any, y: Any, weights: Any, groups: Any) -> Any:
    """Fit the early fusion of one modality; ``None`` where no row has it."""
    return model._fit(X, y, weights, groups) if X.shape[0] else None


def check_probabilities(model: Any, named: Any) -> None:
    """Refuse a fitted classifier that predicts no probabilities.

    Parameters
    ----------
    model : classifier
        Fitted.
    named : classifier
        The one that the message names.
    """
    if not hasattr(model, "predict_proba"):
        raise TypeError(
            "LateFusionClassifier works with probabilities, but "
            f"{type(named).__name__} has no predict_proba. Wrap it in "
            "sklearn.calibration.CalibratedClassifierCV."
        )
