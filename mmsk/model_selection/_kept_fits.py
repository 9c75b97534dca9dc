"""What a search keeps of its fits, and the leaderboard and the ensemble made of it."""

import warnings
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._param_validation import validate_parameter_constraints
from mmsk.ensemble._answers import Classes
from mmsk.ensemble._selection_base import BaseEnsembleSelection
from mmsk.exceptions import StoreWarning
from mmsk.model_selection._fold_models import FoldModels, Searched
from mmsk.model_selection._leaderboard import candidate_labels, leaderboard_of
from mmsk.model_selection._pair_results import PairResult
from mmsk.model_selection._search_choice import chosen_candidates, joined_answers
from mmsk.model_selection._search_ensemble import (
    SearchEnsembleClassifier,
    SearchEnsembleRegressor,
)


class KeptFits:
    """Private mixin of a search: lays out what its fits brought, and chooses from it.

    The search has the parameters `estimator`, `refit`, `keep_models` and `n_jobs`;
    before it calls `_keep`, it has `cv_results_` and `splits_`.
    """

    def _keep(
        self, results: list[PairResult | None], searched: Searched, weights, target
    ) -> None:
        """Lay out what the pairs brought by candidate and fold."""
        n_splits = len(self.splits_)
        by_candidate = [
            results[start : start + n_splits]
            for start in range(0, len(results), n_splits)
        ]
        _share_models(by_candidate, searched.keys)
        self.n_found_ = sum(each is not None and each.was_found for each in results)
        self.fold_models_, digests = (
            [
                [None if each is None else getattr(each, name) for each in row]
                for row in by_candidate
            ]
            for name in ("model", "model_digest")
        )
        self._warn_of_unwritten(results)
        self._models = FoldModels(self.fold_models_, digests, self.splits_, searched)
        self._target_ = target
        self._y = None if searched.y is None else np.asarray(searched.y)
        self._weights = None if weights is None else np.asarray(weights)
        self.oof_predictions_ = None
        if target is not None:
            tests = [test for _, test in self.splits_]
            shape = len(self._y), len(target.prior)
            self.oof_predictions_ = np.stack(
                [joined_answers(row, tests, shape) for row in by_candidate]
            )

    def _warn_of_unwritten(self, results: list[PairResult | None]) -> None:
        problems = [
            each.model_problem
            for each in results
            if each is not None and each.model_problem is not None
        ]
        if problems:
            warnings.warn(
                f"{len(problems)} of {len(results)} models could not be written to "
                f"keep_models={str(self.keep_models)!r} ({problems[0]}). Scores and "
                "predictions are as ever; ensemble(X), with the table of fit, fits "
                "those of these models again that it chooses.",
                StoreWarning,
                stacklevel=5,
            )

    def leaderboard(self) -> Any:
        """Return the candidates, the best first.

        Returns
        -------
        board : pandas.DataFrame
            A row for each candidate; the index is its position in `cv_results_`.
            Columns: ``rank``; ``candidate``, what distinguishes it; ``mean_*`` and
            ``sd_*`` over the folds for each score; ``fit_seconds``, the mean of the
            folds. With several scores the one that `refit` names decides, else the
            first.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        check_is_fitted(self)
        return leaderboard_of(self.cv_results_, self.refit)

    def ensemble(
        self,
        X=None,
        *,
        metric=None,
        n_rounds: int = 25,
        n_init: int | str = "auto",
        n_bags: int = 20,
        bag_fraction: float = 0.5,
        random_state=0,
    ) -> SearchEnsembleClassifier | SearchEnsembleRegressor:
        """Choose the candidates whose mean is best out of fold; fit nothing again.

        It is EnsembleSelectionClassifier's choice, made from `oof_predictions_`. Each
        chosen candidate answers by the mean of its models of the folds. The scores
        of the choice are on the rows that it was made on: expect less elsewhere.

        Parameters
        ----------
        X : table, default=None
            That of fit. It is needed where models of the chosen are gone, such as
            those of fits that were found in `memory` and those whose files were
            deleted: these are fitted again, and stay in `fold_models_`. Else nothing
            is fitted.
        metric : str, scorer or callable, default=None
            What the ensemble shall be best at, as in EnsembleSelectionClassifier;
            ``None`` is the log-loss, or the squared error.
        n_rounds : int, default=25
            Candidates that are added after those of the start.
        n_init : int or "auto", default="auto"
            How many of the best candidates to start with.
        n_bags : int, default=20
            Bags of candidates among which it is chosen.
        bag_fraction : float, default=0.5
            Share of the candidates in a bag; at least five are.
        random_state : int, RandomState instance or None, default=0
            Draws the bags.

        Returns
        -------
        ensemble : SearchEnsembleClassifier or SearchEnsembleRegressor
            Fitted. To have the chosen candidates fitted on all rows instead, as one
            model each, call its `fit`.

        Raises
        ------
        ValueError
            If a parameter is out of range, no candidate has predictions, models of
            the folds are not there and X is not given, or X is another table.
        """
        check_is_fitted(self)
        if self.oof_predictions_ is None:
            raise ValueError(
                "An ensemble needs one class or numbers as the target of each row."
            )
        options = {
            "n_rounds": n_rounds,
            "n_init": n_init,
            "n_bags": n_bags,
            "bag_fraction": bag_fraction,
            "random_state": random_state,
        }
        validate_parameter_constraints(
            {
                name: BaseEnsembleSelection._parameter_constraints[name]
                for name in options
            },
            options,
            "ensemble",
        )
        chosen, weights = chosen_candidates(
            self.oof_predictions_,
            self.splits_,
            self._target_,
            self._y,
            self._weights,
            metric,
            **options,
        )
        params = self.cv_results_["params"]
        labels = candidate_labels(params)
        is_class = isinstance(self._target_, Classes)
        kind = SearchEnsembleClassifier if is_class else SearchEnsembleRegressor
        estimators = [
            clone(self.estimator).set_params(**clone(params[i], safe=False))
            for i in chosen
        ]
        models = self._models.of(chosen.tolist(), estimators, X, self.n_jobs)
        named = [(labels[i], each) for i, each in zip(chosen, estimators, strict=True)]
        made = kind(named, weights=weights.tolist())
        return made._with_models(models, self._target_)


def _share_models(
    by_candidate: list[list[PairResult | None]], keys: list[bytes | None]
) -> None:
    """Give equal candidates the model of the one that was fitted.

    The others were found in the store, which holds no models.
    """
    fitted: dict[tuple[bytes | None, int], PairResult] = {}
    for key, row in zip(keys, by_candidate, strict=True):
        for fold, each in enumerate(row):
            if each is not None and each.model is not None:
                fitted[key, fold] = each
    for key, row in zip(keys, by_candidate, strict=True):
        for fold, each in enumerate(row):
            one = fitted.get((key, fold))
            if None not in (key, one, each) and each.model is None:
                each.model, each.model_digest = one.model, one.model_digest
