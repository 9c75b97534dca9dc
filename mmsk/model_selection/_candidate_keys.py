"""What identifies a candidate of a search, if nothing but that decides its scores."""

import re
import sys
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from numbers import Integral
from typing import Any

import numpy as np

from mmsk._utils._code_digest import code_digest
from mmsk.compose import select
from mmsk.compose._digests import data_digest
from mmsk.compose._multimodal_base import BaseMultimodal
from mmsk.compose._step_keys import SOURCE, described, stays_fitted, takes_store
from mmsk.exceptions import StoreWarning
from mmsk.feature_extraction._cells._row_extractor import RowExtractor
from mmsk.store import config_digest, row_key

_LAYOUT = 1  # of what is kept of a candidate
_LIBRARIES = ("lightgbm", "mmsk", "numpy", "scikit-learn", "scipy", "skorch", "torch")
_NOT_IN_KEY = frozenset({"memory", "n_jobs", "verbose"})

# of LightGBM: nothing is held out, and trees see all rows and columns
_ALL_ROWS = {
    "early_stopping": (False,),
    "subsample": (1,),
    "colsample_bytree": (1,),
    "params": (None,),
}

# parameters with which an estimator draws nothing, though it takes a random_state
_DRAWLESS: dict[str, Mapping[str, tuple]] = {
    "EarlyFusionClassifier": {"n_components": (None,)},
    "EarlyFusionRegressor": {"n_components": (None,)},
    "TableExtractor": {"encoding": ("onehot", "ordinal", "hash")},
    "LightGBMClassifier": _ALL_ROWS,
    "LightGBMRegressor": _ALL_ROWS,
    "ElasticNet": {"selection": ("cyclic",)},
    "Lasso": {"selection": ("cyclic",)},
    "LinearSVC": {"dual": (False,)},
    "LogisticRegression": {"solver": ("lbfgs", "newton-cg", "newton-cholesky")},
    "PCA": {"svd_solver": ("full", "covariance_eigh")},
    "Ridge": {"solver": ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "lbfgs")},
    "RidgeClassifier": {"solver": ("auto", "svd", "cholesky", "lsqr", "sparse_cg")},
    "SVC": {"probability": (False,)},
}

_said: set[str] = set()


def warm(estimators: list, X: Any, *, verbose: bool) -> None:
    """Extract what candidates need of a table into their stores, each thing once.

    Parameters
    ----------
    estimators : list of estimator
        With the parameters of the candidates.
    X : table
    verbose : bool
        Whether to show progress bars.
    """
    done = []
    for extractor, columns, place in _readers(estimators, X):
        known = type(extractor), repr(_own_params(extractor)), place
        if extractor.memory is not None and known not in done:
            done.append(known)
            extractor.warm(columns, verbose=verbose)


def candidate_keys(
    estimators: list, X: Any, y: Any, given: Mapping, scoring: tuple
) -> list[bytes | None]:
    """Return a fingerprint of each candidate and of all that it is given.

    Parameters
    ----------
    estimators : list of estimator
        With the parameters of the candidates.
    X : table
    y : array-like or None
    given : dict of str to dict
        What else fit and the scorers are given.
    scoring : tuple
        The scoring, and the score of errors.

    Returns
    -------
    keys : list of bytes or None
        None, and a StoreWarning once in a process, where results do not follow from
        what can be told.
    """
    scorer, error_score = scoring
    try:
        judged = {"scoring": _scoring(scorer), "error_score": error_score}
        data = config_digest("mmsk.scoring", _LAYOUT, judged)
    except TypeError as error:
        reason = str(error).rstrip(".")
        _say_once(f"scoring cannot be told from others ({reason})")
        return [None] * len(estimators)
    try:
        data += data_digest(X) + data_digest(y)
        for kind, params in given.items():
            for name, value in sorted(params.items()):
                data += f"{kind} {name} ".encode() + data_digest(value)
    except TypeError as error:
        _say_once(f"the search is given {str(error).rstrip('.')}")
        return [None] * len(estimators)
    keys: list[bytes | None] = []
    contents: dict = {}
    for estimator in estimators:
        try:
            config = candidate_config(estimator)
        except TypeError as error:
            _say_once(str(error).rstrip("."))
            keys.append(None)
            continue
        for extractor, columns, place in _readers([estimator], X):
            params = extractor.get_params(deep=False)
            reads = [repr(params.get(name)) for name in ("root", "max_bytes")]
            known = (type(extractor), *reads, place)
            if known not in contents:
                contents[known] = extractor._contents_digest(columns)
            config = row_key(config, contents[known])
        keys.append(row_key(config, data))
    return keys


def unkeyed_name(position: int, estimator: Any) -> bytes:
    """Return what to call a candidate that has no key, the same in each process.

    Other candidates may be called so as well.
    """
    shown = re.sub(" at 0x[0-9a-f]+", "", repr(estimator))
    return config_digest("mmsk.unkeyed", _LAYOUT, {"is": shown, "at": position})


def features_key(estimator: Any) -> bytes | None:
    """Return a fingerprint of what the features of an estimator are made by.

    Parameters
    ----------
    estimator : estimator
        With the parameters of the candidate.

    Returns
    -------
    key : bytes or None
        None where there are no features, or where what they learn does not follow
        from parameters and data.
    """
    if not isinstance(estimator, BaseMultimodal):
        return None
    places = {
        name: repr(value)
        for name, value in estimator.features.get_params(deep=True).items()
        if name.rpartition("__")[2] in ("root", "max_bytes")
    }
    try:
        features = _estimator(estimator.features, reads_files=True)
        found = {"features": features, "groups": estimator.groups, "places": places}
        return config_digest("mmsk.features", _LAYOUT, found, _versions())
    except TypeError:
        return None


def _readers(estimators: list, X: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield extractors, the cells that they read, and a name for where these stand."""
    for estimator in estimators:
        if isinstance(estimator, BaseMultimodal):
            estimator._check_kinds()
            table, _ = estimator._without_groups(X, fitting=True)
            for extractor, columns, keys in estimator._transformer._readers(table):
                yield extractor, columns, repr(keys)


def _own_params(extractor: Any) -> dict[str, Any]:
    params = extractor.get_params(deep=False)
    return {name: each for name, each in params.items() if name not in _NOT_IN_KEY}


def _scoring(value: Any) -> object:
    if isinstance(value, list | tuple | set):
        return [_scoring(each) for each in value]
    if isinstance(value, dict):
        return {name: _scoring(each) for name, each in value.items()}
    if hasattr(value, "set_score_request"):  # what make_scorer returns
        return {"scorer": repr(value), "of": described(value._score_func)}
    return described(value)


def _say_once(reason: str) -> None:
    what = reason.partition(" (")[0]  # details may hold a place in memory
    if what in _said:
        return
    _said.add(what)
    warnings.warn(
        "Fits are not stored, so that a search that is interrupted does them again: "
        f"{reason}.",
        StoreWarning,
        stacklevel=4,
    )


def candidate_config(estimator: Any) -> bytes:
    """Return the fingerprint of an estimator, its parameters and all libraries.

    Parameters
    ----------
    estimator : estimator
        With the parameters of the candidate.

    Returns
    -------
    config : bytes of length 32

    Raises
    ------
    TypeError
        If results do not follow from it, with the reason: something without a seed,
        a function or class that may change, a fitted estimator, files.
    """
    if isinstance(estimator, BaseMultimodal):  # its files are known by content
        params = estimator.get_params(deep=False)
        features = _estimator(params.pop("features"), reads_files=True)
        found = {"features": features, "params": _params(params, reads_files=False)}
    else:
        found = {"params": _estimator(estimator, reads_files=False)}
    found["class"] = _class_id(type(estimator))
    return config_digest("mmsk.FusionSearchCV", _LAYOUT, found, _versions())


@cache
def _versions() -> dict[str, object]:
    return {
        "source": SOURCE,
        "unicode": unicodedata.unidata_version,
        **{name: _version(name) for name in _LIBRARIES},
    }


def _version(name: str) -> str:
    if name == "mmsk":  # which may run from a checkout
        return sys.modules["mmsk"].__version__
    return version(name)


def _estimator(value: Any, *, reads_files: bool) -> dict[str, object]:
    kind = type(value)
    if stays_fitted(kind):
        raise TypeError(f"a fitted {kind.__name__} is inside")
    if isinstance(value, RowExtractor) and "_store_id" in vars(kind) and reads_files:
        params = {
            name: each
            for name, each in value.get_params(deep=False).items()
            if name in ("missing", "on_error", "cell_pooling", "max_error_rate")
        }
        return {"config": value._config(kind._store_id), "params": params}
    if takes_store(value):
        raise TypeError(f"the files that {kind.__name__} reads may change")
    params = value.get_params(deep=False)
    _check_seed(value, params)
    found = {"params": _params(params, reads_files=reads_files)}
    if hasattr(value, "_versions"):  # of what parameters point to, such as weights
        found["versions"] = value._versions()
    return {"class": _class_id(kind), **found}


def _params(params: Mapping[str, Any], *, reads_files: bool) -> dict[str, object]:
    return {
        name: _value(each, reads_files=reads_files)
        for name, each in params.items()
        if name not in _NOT_IN_KEY
    }


def _value(value: Any, *, reads_files: bool) -> object:
    if isinstance(value, list | tuple):
        return [_value(each, reads_files=reads_files) for each in value]
    if isinstance(value, dict):
        return {key: _value(v, reads_files=reads_files) for key, v in value.items()}
    if isinstance(value, select):
        return {"select": repr(value)}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if isinstance(value, type):
        if not issubclass(value, np.generic):
            return {"class": _class_id(value)}
    elif hasattr(value, "get_params"):
        return _estimator(value, reads_files=reads_files)
    return described(value)


def _class_id(kind: type) -> list[str]:
    """Return the name of a class, and the version of its library or its code."""
    own = vars(kind).get("_store_id")
    if own is not None:
        return [own, str(getattr(kind, "_store_version", 1)), code_digest(kind)]
    home = kind.__module__.partition(".")[0]
    release = getattr(sys.modules.get(home), "__version__", None)
    if home == "__main__" or not isinstance(release, str):
        raise TypeError(
            f"{kind.__name__} is of no library with a version; give the class a "
            "_store_id of its own"
        )
    return [f"{kind.__module__}.{kind.__qualname__}", release]


def _check_seed(estimator: Any, params: Mapping[str, Any]) -> None:
    seed = params.get("random_state", 0)
    if isinstance(seed, Integral):
        return
    kind = type(estimator)
    rule = _DRAWLESS.get(kind.__name__, {None: ()})
    ours = kind.__module__.startswith(("sklearn.", "mmsk."))
    if ours and all(params.get(name) in good for name, good in rule.items()):
        return
    if "_draws" in vars(kind) and not estimator._draws:
        return
    raise TypeError(f"{kind.__name__} has no number as random_state ({seed!r})")
