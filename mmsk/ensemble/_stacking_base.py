"""What the stacking of classifiers and that of regressors share."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import TransformerMixin, clone
from sklearn.utils import Bunch, get_tags
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Block, Blocks
from mmsk._utils._param_validation import (
    HasMethods,
    StrOptions,
    fit_context,
    num_samples,
)
from mmsk.compose._block_selector import feature_names
from mmsk.compose._hand_down import hand_down
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.ensemble._members import NamedMembers, answer_of, fit_member
from mmsk.fusion._base import rows_with_a_modality


def final_has(method: str):
    """Return a test of whether the final estimator has a method."""

    def check(self) -> bool:
        final = getattr(self, "final_estimator_", None)
        # of one class there is a constant, which has fewer methods
        if final is None or not hasattr(final, method):
            final = self._final()
        getattr(final, method)
        return True

    return check


class BaseModalityStacking(TransformerMixin, NamedMembers):
    """Private base: members, out-of-fold answers, and a final estimator on them."""

    _parameter_constraints: dict = {
        **NamedMembers._parameter_constraints,
        "final_estimator": [HasMethods(["fit"]), None],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "passthrough": ["boolean", list, tuple],
    }

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Fit the estimators, and the final one on their out-of-fold answers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the folds of `cv`; given to every
            estimator that takes groups.

        Returns
        -------
        self : estimator
        """
        used = self._used()  # refused before data is looked at
        self._check_final()
        given = X, y, groups
        X, y, weights, groups, kept = self._start(X, y, sample_weight, groups)
        prefit = self.cv == "prefit"
        if groups is not None:
            warn_if_ungrouped(*([] if prefit else used.values()), self._final())
        self._learn_passed()
        self._learn_reads(used)
        seen = self._can_see(X)
        # a column that says so for each one that does not see every sample
        self._flagged = np.flatnonzero(~seen.all(axis=0))
        if prefit:
            self._check_fitted(used)
            self.estimators_ = list(used.values())
        else:
            members = list(self._fresh(used).values())
            self.estimators_ = self._fit_on_all(
                [clone(each) for each in members], X, y, weights, groups, seen
            )
        self._learn_methods(used)
        if prefit or self._target.is_constant(y):  # nothing that folds could show
            answers = self._answers(X, seen)
        else:
            splits = self._splits(self.cv, given, kept)
            answers = self._answers_out_of_fold(
                members, self.stack_method_, X, y, weights, groups, seen, splits
            )
        self._widths = [answer.shape[1] for answer in answers]
        if not prefit:
            self._ask_for_widths(X, seen)
        self.oof_predictions_ = self._as_given(
            used, answers, kept, num_samples(given[0])
        )
        self._fit_final(X, y, weights, groups, seen, answers)
        return self

    def _learn_passed(self) -> None:
        """Learn which blocks the final estimator sees."""
        named = None if isinstance(self.passthrough, bool) else self.passthrough
        self._passed = self._own_blocks.select(named)
        if self.passthrough and self._passed.raw:
            raise ValueError(
                f"passthrough: the final estimator cannot read the raw blocks "
                f"{list(self._passed.raw)}. Name the others: passthrough=[...]."
            )

    def _learn_methods(self, used) -> None:
        """Learn by which method each fitted estimator is asked."""
        self.named_estimators_ = Bunch(**dict(self.estimators))
        self.named_estimators_.update(zip(used, self.estimators_, strict=True))
        self.stack_method_, self._neutral = [], []
        for (name, given), fitted in zip(used.items(), self.estimators_, strict=True):
            # an ensemble may have methods only when it is fitted
            able = (given,) if fitted is None else (fitted, given)
            method = self._method(name, *able)
            self.stack_method_.append(method)
            self._neutral.append(self._target.neutral(method, given))

    def _fit_final(self, X, y, weights, groups, seen, answers) -> None:
        # a splitter of the user's may leave rows out of every test fold
        judged = ~np.isnan(answers[0]).any(axis=1)
        if not judged.all():
            X, y, seen = X[judged], y[judged], seen[judged]
            answers = [answer[judged] for answer in answers]
            weights = None if weights is None else weights[judged]
            groups = None if groups is None else groups[judged]
        one = self._columns(seen[:1], [answer[:1] for answer in answers])
        self._n_feature_outs = [each.shape[1] for each in one]
        features = self._meta_features(X, seen, answers)
        final = clone(self._final())
        if self.passthrough:
            final = hand_down(final, self._shown(features.shape[1]), "final_estimator")
        self.final_estimator_ = fit_member(
            final, self._target, features, y, weights, groups
        )

    def _shown(self, width: int) -> Blocks:
        """Return the layout of so many columns: answers, then what is passed."""
        name = "answers"
        while name in self._passed.names:
            name += "_"
        n_answers = width - len(self._passed.columns)
        answers = Block(name, 0, n_answers, sparse=False)
        return Blocks.stacked([answers, *self._passed])

    def _ask_for_widths(self, X, seen) -> None:
        """Ask who had nothing to say in any fold how many columns its answer has."""
        asked = zip(self.estimators_, self.stack_method_, seen.T, strict=True)
        for position, (model, method, has) in enumerate(asked):
            if self._widths[position] == 1 and model is not None:
                one = X[np.flatnonzero(has)[:1]]
                said = self._target.answer(model, method, one)
                self._widths[position] = said.shape[1]

    def _answers(self, X, seen) -> list[NDArray[np.float64]]:
        return [
            answer_of(model, method, self._target, X, has, neutral)
            for model, method, has, neutral in zip(
                self.estimators_, self.stack_method_, seen.T, self._neutral, strict=True
            )
        ]

    def _columns(self, seen, answers) -> list[NDArray[np.float64]]:
        """Return what the final estimator reads of each estimator's answers."""
        logit = self.stack_method == "logit"
        return [
            self._target.features(
                np.broadcast_to(answer, (len(answer), width)), has, method, logit=logit
            )
            for answer, width, has, method in zip(
                answers, self._widths, seen.T, self.stack_method_, strict=True
            )
        ]

    def _meta_features(self, X, seen, answers) -> Any:
        """Return what the final estimator reads: answers, who is there, columns."""
        columns = self._columns(seen, answers)
        features = np.hstack([*columns, seen[:, self._flagged]])
        if not self.passthrough:
            return features
        passed = X if self.passthrough is True else X[:, self._passed.columns]
        if sp.issparse(passed):
            return sp.hstack([sp.csr_array(features), passed], format="csr")
        return np.hstack([features, passed])

    def transform(self, X):
        """Return what the final estimator reads.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        features : ndarray or sparse matrix of shape (n_samples, n_features_out)
            The answers of the estimators, 0 or 1 for each one that could not see
            every training sample, and the columns of `passthrough`.
        """
        check_is_fitted(self)
        form = getattr(X, "format", None) if sp.issparse(X) else None
        features = self._features(self._check_X(X, reset=False))
        return features.asformat(form) if sp.issparse(features) else features

    def _features(self, X: Any) -> Any:
        seen = self._can_see(X)
        fitted = np.array([model is not None for model in self.estimators_])
        seen &= fitted
        return self._meta_features(X, seen, self._answers(X, seen))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the columns of X; ``x0, x1, ...`` where there are none.

        Returns
        -------
        names : object ndarray of shape (n_features_out,)
        """
        check_is_fitted(self)
        given = feature_names(self, input_features)
        prefix = type(self).__name__.lower()
        used = list(self._used())
        names = []
        for name, width in zip(used, self._n_feature_outs, strict=True):
            numbers = [""] if width == 1 else range(width)
            names += [f"{prefix}_{name}{number}" for number in numbers]
        names += [f"{prefix}_{used[position]}_present" for position in self._flagged]
        if self.passthrough:
            names += given[self._passed_columns()].tolist()
        return np.array(names, dtype=object)

    def _passed_columns(self) -> list[int]:
        """Return the columns of X that are passed through."""
        blocks = self.blocks_
        if self.passthrough is not True:
            blocks = blocks.select(self.passthrough)
        return blocks.columns

    def _said(
        self,
        X: Any,
        ask: Callable[[Any, Any], Any],
        prior: Callable[[], Any],
        answer: str = "prior",
    ) -> Any:
        """Ask the final estimator; samples without any modality get the prior."""
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        some = rows_with_a_modality(self._own_blocks, X, answer)
        said = ask(self.final_estimator_, self._features(X))
        if not some.all() and isinstance(said, np.ndarray):
            said = said.copy()
            said[~some] = prior()
        return said

    def _needs_groups(self) -> bool:
        return self.cv != "prefit"

    @abstractmethod
    def _final(self) -> Any:
        """Return the unfitted final estimator."""

    @abstractmethod
    def _check_final(self) -> None:
        """Refuse a final estimator of another kind."""

    @abstractmethod
    def _method(self, name: str, *estimators: Any) -> str:
        """Return the method that an estimator, fitted and as given, is asked by."""

    def _allows_nan(self) -> bool:
        reads = super()._allows_nan()
        if self.passthrough:
            reads = reads and get_tags(self._final()).input_tags.allow_nan
        return reads
