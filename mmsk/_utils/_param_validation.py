"""The one door to what scikit-learn keeps private."""

from sklearn.base import BaseEstimator, _fit_context
from sklearn.ensemble._base import _set_random_states
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import (
    _check_feature_names,
    _check_method_params,
    _check_n_features,
    _check_sample_weight,
    _num_samples,
)

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "NamedSteps",
    "Options",
    "StrOptions",
    "check_feature_names",
    "check_method_params",
    "check_n_features",
    "check_sample_weight",
    "fit_context",
    "num_samples",
    "output_config",
    "safe_indexing",
    "set_random_states",
    "validate_parameter_constraints",
    "validate_params",
]

check_feature_names = _check_feature_names
check_method_params = _check_method_params
check_n_features = _check_n_features
check_sample_weight = _check_sample_weight
fit_context = _fit_context
num_samples = _num_samples
safe_indexing = _safe_indexing
set_random_states = _set_random_states
output_config = _get_output_config


class NamedSteps(_BaseComposition):
    """Parameters of named estimators, which a dict of them does not break.

    scikit-learn's own raises for a dict while an estimator is printed or cloned, so
    that nobody reads what fit says about it.
    """

    def _get_params(self, attr, deep=True):
        if isinstance(getattr(self, attr), dict):
            return BaseEstimator.get_params(self, deep=deep)
        return super()._get_params(attr, deep=deep)
