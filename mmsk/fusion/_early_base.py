"""What the early fusion of classes and that of numbers share."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import get_tags

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import HasMethods, Interval, fit_context
from mmsk.compose import BlockReducer, BlockScaler
from mmsk.compose._fit_params import as_repeats, fit_params
from mmsk.compose._hand_down import hand_down
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.fusion._absent import AbsentFill
from mmsk.fusion._members import check_kind


def inner_has(method: str):
    """Return a test of whether the estimator inside has a method."""

    def check(self) -> bool:
        inner = getattr(self, "estimator_", None)
        getattr(self._inner() if inner is None else inner, method)
        return True

    return check


class BaseEarlyFusion(MetaEstimatorMixin):
    """Private mixin: scale, reduce, fit one estimator on the result."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "modalities": [list, tuple, None],
        "scale": ["boolean"],
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "blocks": [Blocks, None],
        "random_state": ["random_state"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        estimator=None,
        *,
        modalities=None,
        scale: bool = True,
        block_norm: float | None = 10.0,
        clip: float | None = None,
        n_components: int | None = None,
        blocks: Blocks | None = None,
        random_state=None,
    ) -> None:
        self.estimator = estimator
        self.modalities = modalities
        self.scale = scale
        self.block_norm = block_norm
        self.clip = clip
        self.n_components = n_components
        self.blocks = blocks
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Scale the blocks and fit the estimator.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for numbers
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Given to the estimator if it takes groups.

        Returns
        -------
        self : estimator
        """
        if self.estimator is not None:
            check_kind(self, self.estimator, "estimator")
        if groups is not None:
            warn_if_ungrouped(self._inner())
        self._fit(X, y, sample_weight, groups)
        self._warn_if_single()
        return self

    def _fit(self, X, y, sample_weight=None, groups=None):
        X, y, weights, groups, _ = self._start(X, y, sample_weight, groups)
        blocks = self._own_blocks
        self.scaler_ = self.reducer_ = None
        if self.scale:
            self.scaler_ = BlockScaler(
                block_norm=self.block_norm, clip=self.clip, blocks=blocks
            )
            self.scaler_.set_output(transform="default")
            X = self.scaler_.fit(X, sample_weight=weights).transform(X)
        self._absent_fill = AbsentFill(blocks).fit(X)
        X = self._absent_fill.transform(X)
        if self.n_components is not None:
            self.reducer_ = BlockReducer(
                self.n_components, blocks=blocks, random_state=self.random_state
            ).set_output(transform="default")
            X = self.reducer_.fit(X, sample_weight=weights).transform(X)
            blocks = self.reducer_.blocks_out_
        self.estimator_ = hand_down(clone(self._inner(y)), blocks)
        rows, weights = as_repeats(self.estimator_, weights)
        groups = None if groups is None else groups[rows]
        params = fit_params(self.estimator_, sample_weight=weights, groups=groups)
        self.estimator_.fit(X[rows], y[rows], **params)
        return self

    def _chosen(self, X: Any) -> Any:
        return self._own_blocks.stored(super()._chosen(X))

    @abstractmethod
    def _inner(self, y=None) -> Any:
        """Return the estimator to clone, for this y if it is known."""

    def _allows_nan(self) -> bool:
        reads_nan = get_tags(self._inner()).input_tags.allow_nan
        return reads_nan and self.n_components is None

    def _needs_groups(self) -> bool:
        asks = getattr(self._inner(), "_needs_groups", None)
        return asks is not None and asks()

    def _prepared(self, X: Any) -> Any:
        for step in (self.scaler_, self._absent_fill, self.reducer_):
            X = X if step is None else step.transform(X)
        return X
