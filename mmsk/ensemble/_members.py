"""What the ensembles of named estimators share: who is in them, and their answers."""

from abc import abstractmethod
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.utils import Bunch, get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import NamedSteps
from mmsk._utils._splits import splits_of_kept
from mmsk.compose._fit_params import as_repeats, fit_params
from mmsk.compose._hand_down import hand_down, is_estimator
from mmsk.ensemble._answers import Classes, Target
from mmsk.ensemble._reads import modalities_read
from mmsk.fusion._members import is_drop


class NamedMembers(MetaEstimatorMixin, NamedSteps):
    """Private mixin: fits named estimators on the samples that they can see.

    The other base is a BaseFusion, which finds the blocks. A class that inherits
    says in `_target` what the answers of its members are about.
    """

    _parameter_constraints: dict = {
        "estimators": "no_validation",  # fit says what is wrong with them
        "blocks": [Blocks, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    estimators: list
    _target: Target

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters, those of `estimators` as ``name__parameter``."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params) -> Self:
        """Set parameters, those of `estimators` as ``name__parameter``."""
        self._set_params("estimators", **params)
        return self

    @property
    def named_estimators(self) -> Bunch:
        """The estimators that were given, by name."""
        return Bunch(**dict(self.estimators))

    def _used(self) -> dict[str, Any]:
        """Check `estimators`; return those that are not dropped, by name."""
        pairs = self._pairs()
        self._validate_names([name for name, _ in pairs])
        used = {name: each for name, each in pairs if not is_drop(each)}
        if not used:
            raise ValueError("All estimators are dropped: at least one is needed.")
        for name, estimator in used.items():
            if not is_estimator(estimator):
                raise TypeError(
                    f"estimators: {name!r} must be an estimator or 'drop', got "
                    f"{estimator!r}."
                )
            self._check_kind(name, estimator)
        return used

    def _pairs(self) -> list[tuple[str, Any]]:
        """Return `estimators` as pairs, or say what they should be."""
        given = self.estimators
        wanted = "estimators must be a list, not empty, of (name, estimator)"
        if isinstance(given, dict):
            raise ValueError(f"{wanted}, got a dict: pass list(estimators.items()).")
        try:
            # a string of two letters is no pair
            pairs = [tuple(each) for each in given if not isinstance(each, str)]
            pairs = [(name, estimator) for name, estimator in pairs]
        except (TypeError, ValueError):
            pairs = []
        if any(is_estimator(first) and isinstance(last, str) for first, last in pairs):
            raise ValueError(f"{wanted}, got (estimator, name): swap them.")
        named = all(isinstance(name, str) for name, _ in pairs)
        whole = isinstance(given, list) and len(pairs) == len(given) > 0
        if not whole or not named:
            raise ValueError(f"{wanted}, got {given!r}.")
        return pairs

    @abstractmethod
    def _check_kind(self, name: str, estimator: Any) -> None:
        """Refuse an estimator of a kind that has no place here."""

    def _modality_names(self) -> None:
        """Use all modalities: the estimators choose."""

    def _fresh(self, used: dict[str, Any]) -> dict[str, Any]:
        """Return unfitted copies that know the blocks."""
        return {
            name: hand_down(clone(estimator), self._own_blocks, name)
            for name, estimator in used.items()
        }

    def _check_fitted(self, used: dict[str, Any]) -> None:
        """Refuse estimators that are not fitted, or on other classes."""
        for name, estimator in used.items():
            check_is_fitted(estimator)
            if isinstance(self._target, Classes):
                self._target.check(name, estimator)

    def _learn_reads(self, used: dict[str, Any]) -> None:
        """Learn which modalities each estimator reads."""
        names = self._own_blocks.names
        self._reads = [modalities_read(each, names) for each in used.values()]

    def _can_see(self, X: Any) -> NDArray[np.bool_]:
        """Tell which estimators see anything of which samples."""
        names = self._own_blocks.names
        present = self._own_blocks.present(X)
        seen = [
            present[:, [names.index(name) for name in read]].any(axis=1)
            for read in self._reads
        ]
        return np.stack(seen, axis=1)  # (n_samples, n_estimators)

    def _splits(self, cv: Any, given: tuple, kept: NDArray) -> list:
        X, y, groups = given
        return splits_of_kept(
            cv,
            X,
            y,
            kept,
            groups=groups,
            classifier=isinstance(self._target, Classes),
            random_state=self.random_state,
        )

    def _fit_on_all(self, members, X, y, weights, groups, seen) -> list:
        """Fit each estimator on what it can see; ``None`` where that is nothing."""
        return self._parallel(
            delayed(fit_member)(
                member, self._target, *_take(has, X, y, weights, groups)
            )
            for member, has in zip(members, seen.T, strict=True)
        )

    def _answers_out_of_fold(
        self, members, methods, X, y, weights, groups, seen, splits
    ) -> list[NDArray[np.float64]]:
        """Return each one's answers by models of the other folds.

        Returns
        -------
        answers : list of ndarray of shape (n_samples, n_columns)
            NaN for samples that are in no test fold.
        """
        columns = list(zip(members, methods, seen.T, strict=True))
        said = iter(
            self._parallel(
                delayed(_fit_and_answer)(
                    clone(member),
                    method,
                    self._target,
                    _take(train[has[train]], X, y, weights, groups),
                    X[test],
                    has[test],
                )
                for train, test in splits
                for member, method, has in columns
            )
        )
        parts = [[next(said) for _ in columns] for _ in splits]
        answers = []
        for position in range(len(columns)):
            # one column for all where no model of a fold could be asked
            width = max(part[position].shape[1] for part in parts)
            full = np.full((X.shape[0], width), np.nan)
            for (_, test), part in zip(splits, parts, strict=True):
                full[test] = part[position]
            answers.append(full)
        return answers

    def _as_given(
        self, used: dict[str, Any], answers: list, kept: NDArray, n_samples: int
    ) -> Bunch:
        """Return answers by name, in the rows that fit was given, NaN elsewhere."""
        found = Bunch()
        known = [~np.isnan(answer).any(axis=1) for answer in answers]
        judged = np.any(known, axis=0)
        for name, answer, has in zip(used, answers, known, strict=True):
            if not has.any() or not has[judged].all():
                raise ValueError(
                    f"The estimator {name!r} predicts NaN. Leave it out ('drop') or "
                    "choose parameters with which it doesn't."
                )
            full = np.full((n_samples, answer.shape[1]), np.nan)
            full[kept] = answer
            found[name] = full[:, 0] if answer.shape[1] == 1 else full
        return found

    @property
    def _parallel(self) -> Parallel:
        return Parallel(n_jobs=self.n_jobs, verbose=int(self.verbose))

    def _tags_of_members(self) -> list:
        # fit refuses what is no list of pairs
        given = self.estimators if isinstance(self.estimators, list) else []
        pairs = [each for each in given if isinstance(each, list | tuple)]
        inside = [estimator for pair in pairs for estimator in pair[1:]]
        return [get_tags(each) for each in inside if is_estimator(each)]

    def _allows_nan(self) -> bool:
        return all(tags.input_tags.allow_nan for tags in self._tags_of_members())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inside = self._tags_of_members()
        tags.input_tags.sparse = all(each.input_tags.sparse for each in inside)
        return tags


def fit_member(member: Any, target: Target, X, y, weights, groups) -> Any:
    """Fit an estimator; a constant one where y is constant; ``None`` without rows.

    Parameters
    ----------
    member : estimator
        A clone.
    target : Target
    X, y, weights, groups : arrays of n_samples rows, the last two or None
    """
    if not X.shape[0]:
        return None
    if is_classifier(member) and target.is_constant(y):
        member = DummyClassifier(strategy="prior")
    y = target.of(member, y)
    rows, weights = as_repeats(member, weights)
    if not isinstance(rows, slice):
        X, y = X[rows], y[rows]
        groups = None if groups is None else groups[rows]
    params = fit_params(member, sample_weight=weights, groups=groups)
    return member.fit(X, y, **params)


def answer_of(
    model: Any,
    method: str,
    target: Target,
    X: Any,
    has: NDArray[np.bool_],
    neutral: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Return what a fitted estimator says of what it sees, neutral elsewhere.

    Parameters
    ----------
    model : estimator or None
        ``None`` says nothing of any sample.
    method : str
    target : Target
    X : array of shape (n_samples, n_features)
    has : bool ndarray of shape (n_samples,)
        Which samples it sees.
    neutral : float, or ndarray of shape (n_columns,)

    Returns
    -------
    answer : ndarray of shape (n_samples, n_columns)
        A single column where it is asked about none and `neutral` is a number.
    """
    if model is None or not has.any():
        return np.tile(np.atleast_1d(neutral), (X.shape[0], 1))
    if has.all():
        return target.answer(model, method, X)
    said = target.answer(model, method, X[has])
    answer = np.tile(np.broadcast_to(neutral, said.shape[1:]), (X.shape[0], 1))
    answer[has] = said
    return answer


def _fit_and_answer(member, method, target, train, X, has):
    neutral = target.neutral(method, member)
    fitted = fit_member(member, target, *train)
    return answer_of(fitted, method, target, X, has, neutral)


def _take(rows: NDArray, *arrays: Any) -> tuple:
    if rows.dtype == bool and rows.all():
        return arrays
    return tuple(None if each is None else each[rows] for each in arrays)
