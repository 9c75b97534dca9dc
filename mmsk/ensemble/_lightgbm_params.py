"""Which parameters LightGBM knows, and which of them belong to whom."""

import difflib
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import joblib
from lightgbm.basic import _ConfigAliases

# LightGBM's word for each constructor parameter that it reads
EXPLICIT = {
    "num_iterations": "n_estimators",
    "learning_rate": "learning_rate",
    "num_leaves": "num_leaves",
    "max_depth": "max_depth",
    "min_data_in_leaf": "min_child_samples",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "feature_fraction": "colsample_bytree",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "max_bin": "max_bin",
    "objective": "objective",
    "metric": "metric",
    "monotone_constraints": "monotone_constraints",
    "early_stopping_round": "n_iter_no_change",
    "num_threads": "n_jobs",
    "seed": "random_state",
    "verbosity": "verbose",
    "categorical_feature": "blocks",
}

# files, tasks, machines and what fit or predict says itself
_FOREIGN = """
config convert_model convert_model_language data data_random_seed forcedbins_filename
forcedsplits_filename group_column header ignore_column input_model label_column
local_listen_port machine_list_filename machines num_class num_iteration_predict
num_machines output_model output_result parser_config_file pre_partition
predict_contrib predict_disable_shape_check predict_leaf_index predict_raw_score
save_binary snapshot_freq start_iteration_predict task time_out two_round valid
weight_column
"""
FOREIGN = frozenset(_FOREIGN.split())

# parameters that hold a value a column, or columns by their place
POSITIONAL = frozenset(
    {
        "cegb_penalty_feature_coupled",
        "cegb_penalty_feature_lazy",
        "feature_contri",
        "interaction_constraints",
        "max_bin_by_feature",
    }
)


def check_params(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return further parameters under LightGBM's first name of each.

    LightGBM itself swallows what it does not know.

    Raises
    ------
    ValueError
        If a parameter is unknown, comes twice, or is not free.
    """
    names = _canonical_names()
    checked: dict[str, Any] = {}
    for given, value in (params or {}).items():
        name = names.get(given)
        if name is None:
            close = difflib.get_close_matches(str(given), names, n=3)
            hint = f" Close names: {close}." if close else ""
            raise ValueError(f"params: LightGBM has no parameter {given!r}.{hint}")
        if name in EXPLICIT:
            raise ValueError(
                f"params: {given!r} is the constructor parameter {EXPLICIT[name]!r}: "
                "pass it there."
            )
        if name in FOREIGN:
            raise ValueError(f"params: {given!r} has no meaning in this estimator.")
        if name in checked:
            raise ValueError(f"params: {given!r} names {name!r} a second time.")
        checked[name] = value
    return checked


def thread_count(n_jobs: int | None) -> int:
    """Return the number of threads, joblib's way: None is 1, -1 all processors.

    A negative number stays below ``OMP_NUM_THREADS``, by which worker processes
    are kept from asking for all processors each.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    """
    if n_jobs is None:
        return 1
    if n_jobs == 0:
        raise ValueError("n_jobs=0 has no meaning: pass None, 1 or more, or -1.")
    if n_jobs > 0:
        return n_jobs
    count = joblib.cpu_count() + 1 + n_jobs
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit():
        count = min(count, int(limit))
    return max(count, 1)


@cache
def _canonical_names() -> dict[str, str]:
    """Map every name and alias to the first name."""
    aliases = _ConfigAliases._get_all_param_aliases()
    return {alias: name for name, group in aliases.items() for alias in group}
