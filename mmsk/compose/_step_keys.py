"""What identifies a transformer, if its parameters and data decide its results."""

import hashlib
import importlib
import os
import unicodedata
import warnings
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

import mmsk
from mmsk._utils._blocks import Blocks
from mmsk._utils._code_digest import code_digest
from mmsk.exceptions import StoreWarning
from mmsk.store import config_digest

_LAYOUT = 2  # of what is kept
_NOT_IN_KEY = frozenset({"memory", "n_jobs", "verbose"})


def _source_digest(home: Path) -> str:
    """Return the fingerprint of the code in a folder, which changes with versions."""
    digest = hashlib.sha256(usedforsecurity=False)
    for path in sorted(home.rglob("*.py")):
        digest.update(path.relative_to(home).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


# at once, before someone edits what was loaded
SOURCE = _source_digest(Path(mmsk.__file__).parent)
_said: set[tuple[type, str]] = set()


def step_config(step: Any) -> bytes | None:
    """Return the fingerprint of a step's class, parameters and libraries.

    Parameters
    ----------
    step : transformer

    Returns
    -------
    config : bytes or None
        None for a step that learns nothing or keeps its rows itself, and, with one
        StoreWarning a process, where results don't follow from parameters and data:
        without a seed, with a function as a parameter, for steps that read files
        and for a class of the user's that has no ``_store_id`` of its own.
    """
    kind = type(step)
    if stays_fitted(kind) or takes_store(step) or not _learns(step):
        return None
    store_id = _store_id(kind)
    if store_id is None:
        if not kind.__module__.startswith("mmsk."):
            not_shared(step, "has no _store_id of its own; give its class one")
        return None
    if "_draws" not in vars(kind) or step._draws:
        for name, seed in step.get_params(deep=True).items():
            if name.endswith("random_state") and not isinstance(seed, Integral):
                reason = f"has no number as random_state ({seed!r}): give it one"
                not_shared(step, reason)
                return None
    try:
        return config_digest(
            store_id,
            getattr(step, "_store_version", 1),
            _params(step),
            {
                "layout": _LAYOUT,
                "mmsk": mmsk.__version__,
                "source": SOURCE,
                "code": code_digest(kind),
                "scikit-learn": sklearn.__version__,
                "numpy": np.__version__,
                "scipy": scipy.__version__,
                # of lowercasing, accents and what a word is
                "unicode": unicodedata.unidata_version,
            },
        )
    except TypeError as error:
        not_shared(step, f"cannot be told from others ({str(error).rstrip('.')})")
        return None


def takes_store(transformer: Any) -> bool:
    """Tell whether a transformer's ``memory`` is a feature store.

    A Pipeline has a parameter of the same name that caches something else.
    """
    return hasattr(transformer, "_store_id") and "memory" in transformer.get_params(
        deep=False
    )


def not_shared(step: Any, reason: str) -> None:
    """Warn, once in a process, that what a step has learned is not kept."""
    kind = type(step)
    said = (kind, reason.partition(" (")[0])  # details may hold a place in memory
    if said in _said:
        return
    _said.add(said)
    warnings.warn(
        f"{kind.__name__} is fitted again in each fold and candidate, for it {reason}.",
        StoreWarning,
        stacklevel=2,
    )


def stays_fitted(kind: type) -> bool:
    """Tell whether clones keep what was learned, as those of FrozenEstimator do."""
    return (
        getattr(kind, "__sklearn_clone__", None) is not BaseEstimator.__sklearn_clone__
    )


def _learns(step: Any) -> bool:
    try:
        return get_tags(step).requires_fit
    except AttributeError:  # not of scikit-learn's kind
        return True


def _store_id(kind: type) -> str | None:
    """Return the frozen name of a class: one that is derived may compute other."""
    own = vars(kind).get("_store_id")
    if own is None and kind.__module__.startswith("sklearn."):
        return f"{kind.__module__}.{kind.__qualname__}"
    return own


def _params(step: Any) -> dict[str, object]:
    params = step.get_params(deep=False)
    if params.get("input") in ("filename", "file"):
        raise TypeError("it reads files, which may change")
    # what parameters only point to, such as files, by a class that knows it
    versions = getattr(step, "_versions", None)
    known = {
        name: value if versions and isinstance(value, str) else described(value)
        for name, value in params.items()
        if name not in _NOT_IN_KEY
    }
    return {**known, "_versions": versions() if versions else {}}


def described(value: Any) -> object:
    """Return a parameter as what `config_digest` takes, as far as it is known."""
    if isinstance(value, str) and _names_a_file(value):
        raise TypeError(f"{value!r} is a file, which may change")
    if isinstance(value, list | tuple):
        return [described(each) for each in value]
    if isinstance(value, dict):
        return {key: described(each) for key, each in value.items()}
    if callable(value) and _is_public_function(value):
        return {"function": f"{value.__module__}.{value.__name__}"}
    if isinstance(value, np.dtype):
        return {"dtype": value.str}
    if isinstance(value, Blocks):
        return {"blocks": value.digest}
    if isinstance(value, type):
        if issubclass(value, np.generic):
            return {"dtype": np.dtype(value).str}
    elif hasattr(value, "get_params"):
        kind = type(value)
        store_id = _store_id(kind)
        # a frozen one is more than its parameters, and pictures may change under
        # paths that stay the same
        if store_id is None or stays_fitted(kind) or takes_store(value):
            raise TypeError(f"a {kind.__name__} is inside")
        code = code_digest(kind)
        return {"estimator": store_id, "params": _params(value), "code": code}
    return value


def _names_a_file(value: str) -> bool:
    in_folder = os.sep in value and os.path.isdir(value)
    return in_folder or os.path.isfile(value)


def _is_public_function(value: Any) -> bool:
    """Tell whether something is a function that scikit-learn or NumPy has by name."""
    home = getattr(value, "__module__", None) or ""
    if isinstance(value, type) or not f"{home}.".startswith(("sklearn.", "numpy.")):
        return False
    name = getattr(value, "__name__", "")
    return getattr(importlib.import_module(home), name, None) is value
