"""The coders of a table's columns together: fitted, asked, laid out and named."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from mmsk._utils._blocks import Block
from mmsk.feature_extraction.tabular._columns import Column
from mmsk.feature_extraction.tabular._names import unique_names
from mmsk.feature_extraction.tabular._target import Target, TargetCoder


def fit_coders(
    coders: Mapping[Any, Any],
    columns: Mapping[Any, Column],
    rows: Any,
    weights: NDArray[np.float64] | None,
    y: Any,
    target_type: str,
) -> Target | None:
    """Fit the coder of each column; return the target where one reads it.

    Parameters
    ----------
    coders : dict
        Unfitted coders by the key of their column.
    columns : dict of Column
    rows : slice or int ndarray
        The rows that count.
    weights : ndarray of shape (n_rows,) or None
        Of these rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None
    target_type : {"auto", "continuous", "binary", "multiclass"}
    """
    target = None
    for key, coder in coders.items():
        if not isinstance(coder, TargetCoder):
            coder.fit(columns[key], rows, weights)
            continue
        if target is None:
            check_consistent_length(columns[key].types, y)
            target = Target.read(y, target_type, rows, weights)
        coder.fit(columns[key], rows, weights, target)
    return target


def encode_columns(
    coders: Mapping[Any, Any], columns: Mapping[Any, Column]
) -> NDArray[np.float32]:
    """Return the features of all columns, ``(n_samples, n_features)``."""
    n_samples = len(next(iter(columns.values())).types)
    places = _places(coders)
    features = np.zeros((n_samples, places[-1][2]), np.float32)
    for key, start, stop in places:
        coders[key].encode(columns[key], features[:, start:stop])
    return features


def encode_targets_out_of_fold(
    coders: Mapping[Any, Any],
    columns: Mapping[Any, Column],
    features: NDArray[np.float32],
    rows: Any,
    target: Target,
    splits: Sequence[tuple[NDArray, NDArray]],
) -> None:
    """Write the out-of-fold means of the target into the features of these rows.

    Parameters
    ----------
    coders : dict
    columns : dict of Column
    features : ndarray of shape (n_samples, n_features)
        Those of `encode_columns`.
    rows : slice or int ndarray
        The rows that count.
    target : Target
        Of these rows.
    splits : sequence of (train, held out)
        Positions among these rows.
    """
    for key, start, stop in _places(coders):
        if isinstance(coders[key], TargetCoder):
            features[rows, start:stop] = coders[key].encode_out_of_fold(
                columns[key], rows, target, splits
            )


def layout_of(coders: Mapping[Any, Any]) -> Block:
    """Return the nameless block of the features, one part a column."""
    places = _places(coders)
    return Block(
        "",
        0,
        places[-1][2],
        categorical=[start for key, start, _ in places if coders[key].categorical],
        parts=[(str(key), start, stop) for key, start, stop in places],
    )


def names_of_features(
    coders: Mapping[Any, Any], names: Mapping[Any, str]
) -> NDArray[np.object_]:
    """Return the names of the features, no two of them equal.

    Parameters
    ----------
    coders : dict
    names : dict of str
        What each column is called, those without features among them.
    """
    features = [
        feature
        for key, coder in coders.items()
        for feature in coder.feature_names(names[key])
    ]
    return np.array(unique_names(features), dtype=object)


def _places(coders: Mapping[Any, Any]) -> list[tuple[Any, int, int]]:
    """Return the key of each column with features, and where these stand."""
    places, stop = [], 0
    for key, coder in coders.items():
        start, stop = stop, stop + coder.width
        places.append((key, start, stop))
    return places
