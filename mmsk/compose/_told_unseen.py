"""Telling an estimator which modalities others see in its place."""

from collections.abc import Collection
from typing import Any

from mmsk.compose._hand_down import tree


def tell_unseen(estimator: Any, modalities: Collection[str]) -> Any:
    """Tell what may be said of modalities that these are for others, in place.

    Copies of one estimator may see different modalities. One that has parameters for
    some of them takes part by a method ``_tell_unseen(modalities)``, which drops what
    is said of those: without it they would be unknown names.

    Parameters
    ----------
    estimator : estimator
        A clone: parameters of it, and of those inside it, may change.
    modalities : collection of str
        What copies of it see, but not this one.

    Returns
    -------
    estimator : estimator
        The same object.
    """
    for part in tree(estimator):
        tell = getattr(part, "_tell_unseen", None)
        if tell is not None:
            tell(modalities)
    return estimator
