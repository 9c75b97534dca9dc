"""Telling the parts of a classifier or regressor what the target is."""

from typing import Any

from sklearn.base import is_regressor

from mmsk.compose._hand_down import tree


def tell_task(parts: Any, owner: Any) -> None:
    """Tell what learns from y whether it holds classes or numbers, in place.

    Whole numbers may be either; a transformer that sees them alone has to guess. It
    takes part by a method ``_tell_task(task)`` that sets its own parameters where
    they are to be guessed ("auto"), so that what it was told shows in `get_params`
    and in the keys of shared fits.

    Parameters
    ----------
    parts : estimator
        A clone: parameters of those inside it may change.
    owner : classifier or regressor
        Whose target it is.
    """
    task = "regression" if is_regressor(owner) else "classification"
    for part in tree(parts):
        tell = getattr(part, "_tell_task", None)
        if tell is not None:
            tell(task)
