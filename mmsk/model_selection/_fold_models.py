"""The models of a search's folds; those that are gone are fitted again."""

import os
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel, delayed

from mmsk._utils._param_validation import (
    check_method_params,
    num_samples,
    safe_indexing,
)
from mmsk.compose._digests import data_digest
from mmsk.compose._multimodal_base import BaseMultimodal
from mmsk.compose._shared_matrices import SharedMatrices, SharedRows, sharing
from mmsk.model_selection._candidate_keys import candidate_keys, features_key
from mmsk.model_selection._model_files import read_model
from mmsk.model_selection._watched import rows_digest
from mmsk.store import row_key


@dataclass
class Searched:
    """What a search was given, to tell whether a table is the same, and to fit again.

    Parameters
    ----------
    table : bytes or None
        Fingerprint of the table; None where it has none, and where the search holds
        all models.
    keys : list of bytes or None
        Those of the candidates.
    y : array-like
    given : dict of str to dict
        What else fit and the scorers were given.
    scoring : tuple
        The scoring, and the score of errors.
    """

    table: bytes | None
    keys: list[bytes | None]
    y: Any
    given: dict[str, dict]
    scoring: tuple

    @staticmethod
    def digest(X: Any) -> bytes | None:
        """Return the fingerprint of a table, if it has one."""
        try:
            return data_digest(X)
        except TypeError:
            return None

    def check(self, X: Any, positions: list[int], estimators: list) -> None:
        """Refuse another table, or one whose files have changed.

        Parameters
        ----------
        X : table
        positions : list of int
            Of candidates.
        estimators : list of estimator
            These candidates, with their parameters.
        """
        known = [self.keys[position] for position in positions]
        same = num_samples(X) == num_samples(self.y) and self.digest(X) == self.table
        if same and None not in known:
            keys = candidate_keys(estimators, X, self.y, self.given, self.scoring)
            same = keys == known
        if not same:
            raise ValueError(
                f"X ({num_samples(X)} rows) is not the table that was searched, or "
                "files that it names have changed. Pass the X of fit, or fit again."
            )


class FoldModels:
    """The models of a search by candidate and fold.

    Parameters
    ----------
    models : list of list
        By candidate and fold: fitted estimators, their files, or None where there
        is none. Those that are fitted again are put into these lists.
    digests : list of list of str or None
        Fingerprints of the files, where they are known.
    splits : list of (train, test)
    searched : Searched
    """

    def __init__(
        self,
        models: list[list],
        digests: list[list],
        splits: list[tuple[NDArray, NDArray]],
        searched: Searched,
    ) -> None:
        self.models = models
        self._digests = digests
        self._splits = splits
        self._searched = searched

    def of(
        self, positions: list[int], estimators: list, X: Any, n_jobs: int | None
    ) -> list[list]:
        """Return the models of some candidates, by candidate and fold.

        Parameters
        ----------
        positions : list of int
            Of the candidates.
        estimators : list of estimator
            These candidates, with their parameters.
        X : table or None
            On which models that are gone are fitted again.
        n_jobs : int or None

        Raises
        ------
        ValueError
            If models are gone and X is None, or X is another table, or a file holds
            another model.
        """
        gone = [
            (place, fold)
            for place, position in enumerate(positions)
            for fold, model in enumerate(self.models[position])
            if model is None or (isinstance(model, str) and not os.path.exists(model))
        ]
        if gone:
            if X is None:
                folds: dict[int, list[int]] = {}
                for place, fold in gone:
                    folds.setdefault(positions[place], []).append(fold)
                raise ValueError(
                    f"{len(gone)} models of the chosen candidates are not there (folds "
                    f"by position in cv_results_: {dict(sorted(folds.items()))}): they "
                    "were not kept or could not be written, their files were deleted, "
                    "or they went with the earlier search that has fitted them. Pass "
                    "the table of fit, ensemble(X), to fit these again; with "
                    "keep_models=FOLDER models outlive the process."
                )
            (X,) = indexable(X)  # as fit does: other sparse formats become CSR
            self._searched.check(X, positions, estimators)
            self._fit(gone, positions, estimators, X, n_jobs)
        return [
            list(map(read_model, self.models[position], self._digests[position]))
            for position in positions
        ]

    def _fit(self, gone, positions, estimators, X, n_jobs) -> None:
        matrices, searched = SharedMatrices(), self._searched
        features = [features_key(each) for each in estimators]
        fitted = Parallel(n_jobs=n_jobs)(
            delayed(_fit)(
                clone(estimators[place]),
                X,
                searched.y,
                searched.given["fit"],
                self._splits[fold][0],
                matrices,
                features[place],
            )
            for place, fold in gone
        )
        for (place, fold), model in zip(gone, fitted, strict=True):
            self.models[positions[place]][fold] = model


def _fit(estimator, X, y, params, rows, matrices, features) -> Any:
    data = [safe_indexing(each, rows) for each in (X, y)]
    params = check_method_params(X, params, indices=rows)
    if not isinstance(estimator, BaseMultimodal):
        return estimator.fit(*data, **params)
    key = None if features is None else row_key(features, rows_digest(rows))
    with sharing(estimator, SharedRows(matrices, key)):
        return estimator.fit(*data, **params)
