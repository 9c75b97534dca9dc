"""Which modalities an estimator reads."""

from typing import Any

from sklearn.pipeline import Pipeline

from mmsk._utils._param_validation import BaseSearchCV
from mmsk.compose._hand_down import candidates, children, is_estimator


def modalities_read(estimator: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modalities that an estimator looks at, by its parameters.

    A parameter ``modalities`` says so, of the estimator itself or of those inside
    it; in a Pipeline, BlockSelector narrows what the later steps see.

    Parameters
    ----------
    estimator : estimator
    names : tuple of str
        The modalities in its X.

    Returns
    -------
    read : tuple of str
        In the order of `names`; all of them where nothing says otherwise.

    Raises
    ------
    ValueError
        If it names one that is not there.
    """
    if not is_estimator(estimator):
        return names
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            names = modalities_read(step, names)
        return names
    params = estimator.get_params(deep=False)
    chosen = params.get("modalities")
    if chosen is not None:
        chosen = [chosen] if isinstance(chosen, str) else chosen
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise ValueError(
                f"{type(estimator).__name__} names the unknown modalities {unknown}; "
                f"there are {list(names)}."
            )
        names = tuple(name for name in names if name in chosen)
    inside = [child for _, child in children(estimator)]
    if isinstance(estimator, BaseSearchCV):
        inside += candidates(estimator)
    passed = params.get("passthrough")
    if not inside or passed is True:
        return names
    read = {name for child in inside for name in modalities_read(child, names)}
    if isinstance(passed, list | tuple):
        read.update(passed)
    return tuple(name for name in names if name in read)
