"""A splitter that suits the rows, and says why."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length

from mmsk._utils._groups import check_groups
from mmsk._utils._splits import splitter_kind, with_rare_classes_merged
from mmsk._utils._targets import check_known


def make_splitter(
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_splits: int = 5,
    stratify: bool | str = "auto",
    shuffle: bool = True,
    random_state: int | np.random.RandomState | None = 0,
) -> "ChosenSplitter":
    """Choose folds that suit the target and the groups; the repr says why.

    ============ ======================== ====================
    groups       classes                  numbers, several outputs
    ============ ======================== ====================
    ``None``     StratifiedKFold          KFold
    given        StratifiedGroupKFold     GroupKFold
    ============ ======================== ====================

    Classes are strings, booleans and whole numbers; but whole numbers of which most
    rows have one that comes in fewer than `n_splits` rows are taken for numbers.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The target.
    groups : array-like of shape (n_samples,), default=None
        Which rows belong together: an author, a product, a speaker. They are not
        kept: give them to ``split`` or to ``fit`` of a search again.
    n_splits : int, default=5
        Number of folds, at least 2.
    stratify : bool or "auto", default="auto"
        Whether folds keep the shares of the classes; "auto" looks at y.
    shuffle : bool, default=True
        Whether rows (groups) are drawn, or taken in their order.
    random_state : int, RandomState or None, default=0
        Seed of the drawing. With an int, everything that uses the splitter gets the
        same folds; scores of two searches can then be compared.

    Returns
    -------
    splitter : object with ``split`` and ``get_n_splits``
        For every ``cv=`` of scikit-learn. Its ``splitter`` is scikit-learn's own, its
        ``reason`` the sentence of the repr. Classes with fewer rows than folds
        neither warn nor fail: they are spread as if they were one class.

    Raises
    ------
    ValueError
        If there are fewer rows or groups than folds, or y or groups have missing
        values.

    See Also
    --------
    check_leakage : What the folds do not keep apart.

    Examples
    --------
    >>> from mmsk.model_selection import make_splitter
    >>> make_splitter(["cat", "dog"] * 6, n_splits=3)
    StratifiedKFold(n_splits=3, random_state=0, shuffle=True): y has 2 classes, and \
every fold keeps their shares; there are no groups
    >>> make_splitter([0.5, 1.5, 2.5, 3.5], ["a", "a", "b", "b"], n_splits=2)
    GroupKFold(n_splits=2, random_state=0, shuffle=True): y holds fractions, numbers \
without shares to keep; the rows of each of 2 groups stay together
    """
    if not isinstance(n_splits, int | np.integer) or n_splits < 2:
        raise ValueError(f"n_splits must be an int of at least 2, got {n_splits!r}.")
    if not isinstance(stratify, bool) and stratify != "auto":
        raise ValueError(f'stratify must be True, False or "auto", got {stratify!r}.')
    y = np.asarray(y)
    check_known(y)
    check_consistent_length(y, groups)
    if len(y) < n_splits:
        raise ValueError(
            f"{n_splits} folds need at least {n_splits} rows, got {len(y)}. Pass a "
            "smaller n_splits."
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    stratified, reason = _about_target(y, n_splits, stratify)
    reason += f"; {_about_groups(groups, n_splits)}"
    kind = splitter_kind(stratified=stratified, grouped=groups is not None)
    drawn = {"random_state": random_state} if shuffle else {}
    return ChosenSplitter(
        kind(n_splits, shuffle=shuffle, **drawn),
        reason,
        stratified=stratified,
        grouped=groups is not None,
    )


class ChosenSplitter:
    """A splitter of scikit-learn with the reason why it was chosen.

    Parameters
    ----------
    splitter : object
        Of scikit-learn.
    reason : str
    stratified, grouped : bool
        What it needs beside X.
    """

    def __init__(
        self, splitter: Any, reason: str, *, stratified: bool, grouped: bool
    ) -> None:
        self.splitter = splitter
        self.reason = reason
        self.stratified = stratified
        self.grouped = grouped

    def split(
        self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the rows to train on and the rows to test on, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,), default=None
            Needed where the shares of its classes are kept.
        groups : array-like of shape (n_samples,), default=None
            Needed where groups are kept together.

        Yields
        ------
        train, test : int ndarrays
            Row positions.

        Raises
        ------
        ValueError
            If y or groups are needed and not given.
        """
        name = type(self.splitter).__name__
        if self.grouped and groups is None:
            raise ValueError(
                f"{name} keeps groups together and got none. Pass groups= to the "
                "method that splits, such as fit of a search."
            )
        if self.stratified:
            if y is None:
                raise ValueError(f"{name} keeps the shares of classes: pass y.")
            y = np.asarray(y).ravel()
            y = with_rare_classes_merged(y, self.splitter.get_n_splits())
        yield from self.splitter.split(X, y, groups)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds; the arguments are ignored."""
        return self.splitter.get_n_splits()

    def get_metadata_routing(self) -> Any:
        """Return what scikit-learn's routing passes to ``split``: the groups or not."""
        return self.splitter.get_metadata_routing()

    def __repr__(self) -> str:
        return f"{self.splitter!r}: {self.reason}"


def _about_target(y: NDArray, n_splits: int, stratify: bool | str) -> tuple[bool, str]:
    """Return whether folds keep the shares of classes, and why."""
    if y.ndim > 1:
        if stratify is True:
            raise ValueError(
                f"stratify=True needs one target, got y of shape {y.shape}."
            )
        return False, f"y has {y.shape[1]} columns, whose shares are not kept"
    if stratify is False:
        return False, "stratify=False: shares are not kept"
    counts = np.unique(y, return_counts=True)[1]
    if stratify == "auto":
        why_not = _why_no_classes(y, counts, n_splits)
        if why_not:
            return False, why_not
    reason = f"y has {len(counts)} classes, and every fold keeps their shares"
    n_rare = int((counts < n_splits).sum())
    if n_rare:
        reason += f" ({n_rare} of fewer than {n_splits} rows count as one class)"
    return True, reason


def _why_no_classes(y: NDArray, counts: NDArray, n_splits: int) -> str | None:
    if len(counts) == 1:
        return "y has one value only"
    number = y.dtype.kind in "iuf"
    if number and np.any(y % 1):
        return "y holds fractions, numbers without shares to keep"
    n_rare = counts[counts < n_splits].sum()
    if number and 2 * n_rare > len(y):
        return (
            f"most values of y come in fewer than {n_splits} rows, numbers without "
            "shares to keep"
        )
    if n_rare == len(y):
        return f"every class of y has fewer than {n_splits} rows"
    return None


def _about_groups(groups: ArrayLike | None, n_splits: int) -> str:
    if groups is None:
        return "there are no groups"
    n_groups = len(np.unique(check_groups(groups)))
    if n_groups < n_splits:
        raise ValueError(
            f"{n_splits} folds need at least {n_splits} groups, got {n_groups}. Pass a "
            "smaller n_splits."
        )
    return f"the rows of each of {n_groups} groups stay together"
