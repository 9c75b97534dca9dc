"""What the two LightGBM estimators share: checked data in, a booster out."""

import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self

import lightgbm
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import Interval, StrOptions
from mmsk._utils._splits import holdout_split
from mmsk._utils._weights import positive_weights
from mmsk.ensemble._lightgbm_custom import (
    metric_of_data,
    monotone_vector,
    weighted_objective,
)
from mmsk.ensemble._lightgbm_params import POSITIONAL, check_params, thread_count

DATA = {
    "accept_sparse": "csr",
    "dtype": [np.float64, np.float32],
    "ensure_all_finite": "allow-nan",
}


class LightGBMBase(BaseEstimator):
    """Parameters, checks, training and raw predictions."""

    __metadata_request__fit = {"groups": True, "sample_weight": True}

    _parameter_constraints: dict = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "num_leaves": [Interval(Integral, 2, 131072, closed="both")],
        "max_depth": [Interval(Integral, -1, None, closed="left")],
        "min_child_samples": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "subsample": [Interval(Real, 0, 1, closed="right")],
        "subsample_freq": [Interval(Integral, 0, None, closed="left")],
        "colsample_bytree": [Interval(Real, 0, 1, closed="right")],
        "reg_alpha": [Interval(Real, 0, None, closed="left")],
        "reg_lambda": [Interval(Real, 0, None, closed="left")],
        "max_bin": [Interval(Integral, 2, None, closed="left")],
        "monotone_constraints": ["array-like", dict, None],
        "metric": [str, list, callable, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "refit": ["boolean"],
        "importance_type": [StrOptions({"split", "gain"})],
        "params": [dict, None],
        "blocks": [Blocks, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_estimators=100,
        *,
        learning_rate=0.1,
        num_leaves=31,
        max_depth=-1,
        min_child_samples="auto",
        subsample=1.0,
        subsample_freq=1,
        colsample_bytree=1.0,
        reg_alpha=0.0,
        reg_lambda=0.0,
        max_bin=255,
        objective=None,
        monotone_constraints=None,
        metric=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        refit=False,
        importance_type="split",
        params=None,
        blocks=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_samples = min_child_samples
        self.subsample = subsample
        self.subsample_freq = subsample_freq
        self.colsample_bytree = colsample_bytree
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.max_bin = max_bin
        self.objective = objective
        self.monotone_constraints = monotone_constraints
        self.metric = metric
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.refit = refit
        self.importance_type = importance_type
        self.params = params
        self.blocks = blocks
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """How often (or with what gain) each column of X was split on."""
        check_is_fitted(self)
        if self.booster_ is None:
            return np.zeros(self.n_features_in_)
        return self.booster_.feature_importance(self.importance_type).astype(float)

    @property
    def modality_importances_(self) -> dict[str, float]:
        """Share of the importance that the columns of each modality have."""
        importances = self.feature_importances_
        blocks = self.blocks
        if blocks is None:
            names = getattr(self, "feature_names_in_", [""] * self.n_features_in_)
            blocks = Blocks.from_feature_names(names)
        total = importances.sum() or 1.0
        return {
            block.name: float(importances[list(block.columns)].sum() / total)
            for block in blocks
        }

    def _tell_unseen(self, modalities) -> None:
        """Forget the constraints of modalities that other members see."""
        given = self.monotone_constraints
        if isinstance(given, Mapping):
            own = {name: sign for name, sign in given.items() if name not in modalities}
            self.monotone_constraints = own or None

    def _needs_blocks(self, blocks: Blocks) -> str | None:
        """Say what the layout is needed for; without a need, columns may be drawn."""
        coded = [block.name for block in blocks if block.categorical]
        if coded:
            return (
                f"LightGBM needs them for the category codes of {coded}, which it "
                "would take for amounts: TableExtractor(encoding='onehot') or "
                "'target' makes numbers of them, and colsample_bytree= draws columns."
            )
        given = POSITIONAL.intersection(check_params(self.params))
        if self.monotone_constraints is not None:
            given |= {"monotone_constraints"}
        if given:
            return f"{sorted(given)} name columns by their place or modality."
        return None

    def _needs_groups(self) -> bool:
        """Tell whether `fit` makes a split that groups should reach."""
        return bool(self.early_stopping)

    def _train(self, X, y, weights, groups, *, stratify: bool, **target) -> Self:
        """Train on checked rows; `target` holds the parameters that y decides."""
        random_state = check_random_state(self.random_state)
        params = self._booster_params(len(y)) | target | self._own_params(X)
        least = 2 * params["min_data_in_leaf"]
        if len(y) < least and y.min() < y.max():
            warnings.warn(
                f"No tree can be split: {len(y)} rows are fewer than {least}, twice "
                f"min_child_samples={self.min_child_samples}. All predictions are the "
                "same; lower min_child_samples or pass 'auto'.",
                stacklevel=3,
            )
        params["seed"] = int(random_state.randint(np.iinfo(np.int32).max))
        if weights is not None:
            if not weights.any():
                raise ValueError("class_weight leaves every row without weight.")
            # thresholds on sums of weights should not depend on their scale
            weights = weights / weights.mean()
        try:
            if self.early_stopping:
                n_rounds = self._train_until_best(
                    params, X, y, weights, groups, stratify, random_state
                )
            else:
                n_rounds = self.n_estimators
            if self.refit or not self.early_stopping:
                data = self._dataset(params, X, y, weights, slice(None))
                self.booster_ = lightgbm.train(params, data, n_rounds)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"LightGBM: {error}") from error
        self.n_iter_ = self.booster_.current_iteration()
        return self

    def _train_until_best(
        self, params, X, y, weights, groups, stratify, random_state
    ) -> int:
        train, held_out = holdout_split(
            y,
            fraction=self.validation_fraction,
            groups=groups,
            classifier=stratify,
            random_state=int(random_state.randint(np.iinfo(np.int32).max)),
        )
        if callable(self.objective) and self.metric is None:
            raise ValueError(
                "early_stopping=True with an objective of one's own needs a metric: "
                "pass metric=, a name of LightGBM's or a callable."
            )
        data = self._dataset(params, X, y, weights, train)
        unseen = self._dataset(params, X, y, weights, held_out, reference=data)
        quiet = self.verbose == 0
        stop = lightgbm.early_stopping(
            self.n_iter_no_change,
            verbose=not quiet,
            first_metric_only=params.get("first_metric_only", False),
            min_delta=params.get("early_stopping_min_delta", 0.0),
        )
        callbacks = [stop] if quiet else [stop, lightgbm.log_evaluation()]
        feval = None
        if callable(self.metric):
            feval = metric_of_data(self.metric, getattr(self, "offset_", 0.0))
        try:
            self.booster_ = lightgbm.train(
                params,
                data,
                self.n_estimators,
                valid_sets=[unseen],
                feval=feval,
                callbacks=callbacks,
            )
        except ValueError as error:
            if "eval metric is required" not in str(error):
                raise
            raise ValueError(
                f"metric must be a name of LightGBM's, a list of them or a callable, "
                f"got {self.metric!r}."
            ) from error
        return max(self.booster_.best_iteration, 1)

    def _dataset(self, params, X, y, weights, rows, reference=None):
        categorical = [] if self.blocks is None else _categorical_columns(self.blocks)
        X = X[rows]
        return lightgbm.Dataset(
            # LightGBM copies what is no csr_matrix
            sp.csr_matrix(X) if sp.issparse(X) else X,
            label=y[rows],
            weight=None if weights is None else weights[rows],
            reference=reference,
            categorical_feature=categorical,
            params=params,
        )

    def _booster_params(self, n_samples: int) -> dict[str, Any]:
        """Return the parameters for this many rows, by LightGBM's names."""
        further = check_params(self.params)
        if self.early_stopping and further.get("boosting") == "dart":
            raise ValueError(
                "LightGBM has no early stopping for boosting='dart': pass "
                "early_stopping=False or another boosting."
            )
        min_rows = self.min_child_samples
        of_categories = {}
        if min_rows == "auto":
            min_rows = min(20, max(1, n_samples // 20))
            # LightGBM's own 100 would leave five categories of 200 rows unused
            of_categories = {"min_data_per_group": 5 * min_rows}
        return {
            **of_categories,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": min_rows,
            # coarser bins than leaves would decide where few rows can be split
            "min_data_in_bin": min(3, max(1, min_rows)),
            "bagging_fraction": self.subsample,
            "bagging_freq": self.subsample_freq,
            "feature_fraction": self.colsample_bytree,
            "lambda_l1": self.reg_alpha,
            "lambda_l2": self.reg_lambda,
            "max_bin": self.max_bin,
            "num_threads": thread_count(self.n_jobs),
            "verbosity": int(self.verbose) or -1,
            # the choice between row- and column-wise histograms is timed otherwise
            "deterministic": True,
            "force_col_wise": not further.get("force_row_wise", False),
        } | further

    def _own_params(self, X) -> dict[str, Any]:
        """Return the loss, metric and constraints that the user gave."""
        own: dict[str, Any] = {}
        if callable(self.objective):
            own["objective"] = weighted_objective(self.objective)
        if self.metric is not None:
            own["metric"] = "None" if callable(self.metric) else self.metric
        if self.monotone_constraints is not None:
            names = getattr(self, "feature_names_in_", None)
            own["monotone_constraints"] = monotone_vector(
                self.monotone_constraints, X.shape[1], names, self.blocks
            )
        return own

    def _check_blocks(self, X) -> None:
        """Refuse blocks that do not describe X and codes that are no codes."""
        if self.blocks is None:
            return
        if self.blocks.raw:
            raise ValueError(
                f"The modalities {list(self.blocks.raw)} are raw: LightGBM reads "
                "vectors. Use an extractor that makes a vector of each sample, or "
                "neural_network and fusion estimators with encoders."
            )
        self.blocks.check(X)
        for column in _categorical_columns(self.blocks):
            codes = X[:, [column]]
            codes = codes.toarray() if sp.issparse(codes) else codes
            codes = codes[~np.isnan(codes)]
            if not np.all((codes == np.floor(codes)) & (codes < 2**31)):
                raise ValueError(
                    f"Column {column} holds category codes by its block, but not all "
                    "values are whole numbers below 2 ** 31."
                )

    def _kept(self, X, y, sample_weight, groups) -> tuple:
        """Check what comes with the rows and drop those of weight 0."""
        self._check_blocks(X)
        rows, weights = positive_weights(sample_weight, X)
        if weights is not None:
            weights = weights / weights.max()  # so that no sum overflows
        if groups is not None:
            check_consistent_length(X, groups)
            groups = np.asarray(groups)[rows]
        return X[rows], y[rows], weights, groups

    def _predict_raw(self, X) -> NDArray[np.float64]:
        """Return what the booster predicts for checked rows."""
        return self.booster_.predict(
            sp.csr_matrix(X) if sp.issparse(X) else X,
            num_threads=thread_count(self.n_jobs),
            verbosity=-1,
        )

    def _check_predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **DATA)
        self._check_blocks(X)
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


def _categorical_columns(blocks: Blocks) -> list[int]:
    return [block.start + offset for block in blocks for offset in block.categorical]
