"""What the late fusion of classes and that of numbers share."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import Bunch, get_tags
from sklearn.utils.parallel import Parallel, delayed

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import (
    HasMethods,
    Interval,
    NamedSteps,
    fit_context,
)
from mmsk._utils._splits import splits_of_kept
from mmsk.compose._fit_params import as_repeats, fit_params
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.compose._told_unseen import tell_unseen
from mmsk.fusion._members import check_kind, fit_member, is_drop, own_estimators


class BaseLateFusion(MetaEstimatorMixin, NamedSteps):
    """Private base: an early fusion of each modality alone, and what combines them.

    What a member says of a sample is a row of numbers, its *answer*: the
    probabilities of the classes, or the values of the targets.
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "estimators": [list, None],
        "final_estimator": [HasMethods(["fit"]), None],
        "cv": ["cv_object"],
        "modalities": [list, tuple, None],
        "scale": ["boolean"],
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "blocks": [Blocks, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    _member: type
    """The early fusion that the members are."""

    def __init__(
        self,
        estimator=None,
        estimators=None,
        *,
        combine: str = "mean",
        final_estimator=None,
        cv=5,
        modalities=None,
        scale: bool = True,
        block_norm: float | None = 10.0,
        clip: float | None = None,
        n_components: int | None = None,
        blocks: Blocks | None = None,
        n_jobs: int | None = None,
        random_state=0,
    ) -> None:
        self.estimator = estimator
        self.estimators = estimators
        self.combine = combine
        self.final_estimator = final_estimator
        self.cv = cv
        self.modalities = modalities
        self.scale = scale
        self.block_norm = block_norm
        self.clip = clip
        self.n_components = n_components
        self.blocks = blocks
        self.n_jobs = n_jobs
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters, those of `estimators` as ``modality__parameter``."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params) -> Self:
        """Set parameters, those of `estimators` as ``modality__parameter``."""
        self._set_params("estimators", **params)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Fit the modalities' estimators and what combines them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for numbers
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the folds of `cv`.

        Returns
        -------
        self : estimator
        """
        self._check_kinds()  # before data is looked at
        given = X, y, groups
        X, y, weights, groups, kept = self._start(X, y, sample_weight, groups)
        self._warn_if_single()
        members = self._members()
        if groups is not None:
            inside = [member._inner() for member in members.values()]
            warn_if_ungrouped(*inside, self.final_estimator)
        everything = np.arange(X.shape[0])
        self.estimators_ = self._fit_members(
            members, X, y, weights, groups, [(each, everything) for each in members]
        )
        self.named_estimators_ = Bunch(
            **dict(zip(members, self.estimators_, strict=True))
        )
        self.weights_ = self.final_estimator_ = None
        learns = self.combine in ("weighted", "stack")
        if not learns or self._is_constant(y):
            return self
        given_X, given_y, given_groups = given
        splits = splits_of_kept(
            self.cv,
            given_X,
            given_y,
            kept,
            groups=given_groups,
            classifier=hasattr(self, "classes_"),
            random_state=self.random_state,
        )
        self._fit_combination(members, X, y, weights, groups, splits)
        return self

    def _members(self) -> dict[str, Any]:
        """Return the unfitted estimator of each modality."""
        own = self._own_estimators()
        shared = {name for name in self._own_blocks.names if name not in own}

        def inside(name: str) -> Any:
            if name in own or self.estimator is None:
                return own.get(name)
            return tell_unseen(clone(self.estimator), shared - {name})

        return {
            name: self._member(
                inside(name),
                modalities=[name],
                scale=self.scale,
                block_norm=self.block_norm,
                clip=self.clip,
                n_components=self.n_components,
                blocks=self._own_blocks,
                random_state=self.random_state,
            )
            for name in self._own_blocks.names
        }

    def _own_estimators(self) -> dict[str, Any]:
        """Return the estimators, or "drop", of the modalities that have their own."""
        own = own_estimators(self.estimators)
        self._validate_names(list(own))
        return own

    def _check_kinds(self) -> None:
        """Refuse what is no estimator, or one of another kind than this one."""
        named = {
            f"The estimator of modality {name!r}": each
            for name, each in self._own_estimators().items()
        }
        named["estimator"] = self.estimator
        if self.combine == "stack":
            named["final_estimator"] = self.final_estimator
        for name, each in named.items():
            if each is not None and not is_drop(each):
                check_kind(self, each, name)

    def _modality_names(self) -> list[str]:
        names = self.blocks_.select(self.modalities).names
        own = self._own_estimators()
        unknown = [name for name in own if name not in self.blocks_.names]
        if unknown:
            raise ValueError(
                f"estimators names the modalities {unknown}; there are "
                f"{list(self.blocks_.names)}."
            )
        return [name for name in names if not is_drop(own.get(name))]

    def _fit_members(self, members, X, y, weights, groups, jobs) -> list:
        """Fit (modality, rows) jobs; ``None`` where no row has the modality."""
        present = self._own_blocks.present(X)

        def data(name, rows):
            rows = rows[present[rows, self._own_blocks.names.index(name)]]
            take = [None if each is None else each[rows] for each in (weights, groups)]
            return X[rows], y[rows], *take

        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(fit_member)(clone(members[name]), *data(name, rows))
            for name, rows in jobs
        )
        for member in fitted:
            if member is not None:
                self._check_member(member, member.estimator_)
        return fitted

    def _fit_combination(self, members, X, y, weights, groups, splits) -> None:
        jobs = [(name, train) for train, _ in splits for name in members]
        fitted = iter(self._fit_members(members, X, y, weights, groups, jobs))
        present = self._present(X)
        answers = np.zeros((len(members), X.shape[0], self._prior_answer().size))
        held_out = np.zeros(X.shape[0], dtype=bool)
        for _, test in splits:
            held_out[test] = True
            models = [next(fitted) for _ in members]
            answers[:, test] = self._member_answers(models, X[test])
        # a splitter of the user's may leave rows out of every test fold
        answers, present, y = answers[:, held_out], present[held_out], y[held_out]
        weights = None if weights is None else weights[held_out]
        groups = None if groups is None else groups[held_out]
        if self.combine == "weighted":
            self.weights_ = self._learn_weights(answers, present, y, weights)
            return
        final = self.final_estimator
        final = self._default() if final is None else clone(final)
        features = self._meta_features(answers, present)
        rows, weights = as_repeats(final, weights)
        groups = None if groups is None else groups[rows]
        params = fit_params(final, sample_weight=weights, groups=groups)
        self.final_estimator_ = final.fit(
            features[rows], self._meta_target(y)[rows], **params
        )
        self._check_member(final, final)

    def _present(self, X: Any) -> NDArray[np.bool_]:
        """Tell which of the fitted modalities the samples have."""
        fitted = [each is not None for each in self.estimators_]
        return self._own_blocks.present(X) & np.array(fitted)

    def _member_answers(self, models: list, X: Any) -> NDArray[np.float64]:
        """Return ``(n_modalities, n_samples, n_outputs)``, 0 where absent."""
        present = self._present(X)
        prior = self._prior_answer()
        answers = np.zeros((len(models), X.shape[0], prior.size))
        for position, model in enumerate(models):
            has = present[:, position]
            if model is None:  # a fold whose training rows lack the modality
                answers[position, has] = prior
            elif has.any():
                answers[position, has] = self._answer(model, X[has])
        return answers

    def _combined(self, X: Any) -> NDArray[np.float64]:
        """Return the fused answers, ``(n_samples, n_outputs)``."""
        present = self._present(X)
        some = present.any(axis=1)
        if not some.all():  # what they have, no training sample had
            fused = np.tile(self._prior_answer(), (X.shape[0], 1))
            if some.any():
                fused[some] = self._combined(X[some])
            return fused
        answers = self._member_answers(self.estimators_, X)
        if self.final_estimator_ is not None:
            return self._meta_answer(self._meta_features(answers, present))
        return self._fused(answers, present)

    @abstractmethod
    def _default(self) -> Any:
        """Return the estimator that ``None`` stands for."""

    @abstractmethod
    def _prior_answer(self) -> NDArray[np.float64]:
        """Return the answer to a sample without any modality, ``(n_outputs,)``."""

    @abstractmethod
    def _is_constant(self, y: NDArray) -> bool:
        """Tell whether there is nothing that a combination could learn."""

    @abstractmethod
    def _answer(self, model: Any, X: Any) -> NDArray[np.float64]:
        """Return what a fitted member says, ``(n_samples, n_outputs)``."""

    @abstractmethod
    def _fused(self, answers: NDArray, present: NDArray) -> NDArray[np.float64]:
        """Combine by the rule, with `weights_` if it has some."""

    @abstractmethod
    def _learn_weights(self, answers, present, y, weights) -> NDArray[np.float64]:
        """Return the weights that suit out-of-fold answers best."""

    @abstractmethod
    def _meta_features(self, answers: NDArray, present: NDArray) -> NDArray[np.float64]:
        """Return what the final estimator reads."""

    def _meta_target(self, y: NDArray) -> NDArray:
        """Return what the final estimator is fitted on."""
        return y

    @abstractmethod
    def _meta_answer(self, features: NDArray) -> NDArray[np.float64]:
        """Return the fused answers of the final estimator."""

    def _check_member(self, model: Any, named: Any) -> None:
        """Refuse a fitted estimator that cannot give answers; name `named`."""

    def _used(self) -> list:
        """Return the estimators, none of them "drop", that members are cloned from."""
        used = [self.estimator, *own_estimators(self.estimators).values()]
        used = [self._default() if each is None else each for each in used]
        return [each for each in used if not is_drop(each)]

    def _allows_nan(self) -> bool:
        return self.n_components is None and all(
            get_tags(each).input_tags.allow_nan for each in self._used()
        )

    def _needs_groups(self) -> bool:
        return self.combine in ("weighted", "stack")
