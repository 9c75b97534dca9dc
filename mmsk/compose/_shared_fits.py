"""Fits of the steps of branches, shared through a feature store."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmsk.compose._digests import data_digest
from mmsk.compose._packing import pack, unpack
from mmsk.compose._step_keys import not_shared, step_config
from mmsk.compose._warnings_told import Told, can_be_told, listen, tell
from mmsk.store import FeatureStore, row_key

_NOT_LEARNED = frozenset({"_metadata_request", "_sklearn_output_config"})
_FEW_ROWS = 16  # to transform them takes no longer than to look them up
_MAX_BYTES = 2**30


class SharedFits:
    """Fit a step once for the same parameters and data, in all processes.

    What a fit has learned and what it has returned are kept together, as JSON and
    arrays, under the fingerprint of all that it depends on: the class, its
    parameters, versions of libraries, the cells, names and dtypes it is given,
    target and weights. A hit gives the step the very state of that fit, so that it
    predicts, pickles and shows its attributes like any other, and fits nothing. What
    this state makes of other rows is kept under the fingerprints of state and rows.
    What a fit or transform has warned of is kept as well, and a hit warns of it again
    (of nothing, where it ran in a thread beside the main one).

    Steps that learn nothing are just run. Where results don't follow from all this,
    as without a seed, nothing is shared, and one warning says so (`step_config`).

    Parameters
    ----------
    store : FeatureStore
    """

    def __init__(self, store: FeatureStore) -> None:
        self.store = store

    def fit_transform(
        self, step: Any, X: Any, y: Any, params: Mapping[str, Any], fit: Callable
    ) -> tuple[Any, bytes | None]:
        """Return what ``fit()`` returns, and leave the step fitted.

        Parameters
        ----------
        step : transformer
            Not fitted.
        X, y : data
            What it is fitted on.
        params : mapping of str to array
            What else its fit is given, such as weights.
        fit : callable
            Fits the step and returns the features of X.

        Returns
        -------
        values : ndarray or sparse matrix
        state : bytes or None
            Fingerprint of what was learned; None where nothing is shared.
        """
        config = step_config(step)
        if config is None:
            return fit(), None
        # said by the very class: one that is derived from it may read the target
        target = y if vars(type(step)).get("_reads_y", True) else None
        try:
            pieces = [data_digest(each) for each in (X, target)]
            for name in sorted(params):
                pieces += [name.encode(), data_digest(params[name])]
        except TypeError as error:
            not_shared(step, f"is given {error}, which has no lasting fingerprint")
            return fit(), None
        key = row_key(config, b"fit" + b"".join(pieces))
        found = self._get(key)
        if found is not None:
            learned, values = found
            vars(step).update(unpack(learned))
            return unpack(values), row_key(config, bytes(learned))
        values, told = listen(fit)
        if _must_speak_again(step) or step_config(step) != config:
            return values, None
        own = step.get_params(deep=False).keys() | _NOT_LEARNED
        learned = {name: each for name, each in vars(step).items() if name not in own}
        state = self._put(key, step, learned, values, told)
        return values, None if state is None else row_key(config, bytes(state))

    def transform(self, step: Any, X: Any, state: bytes | None) -> Any:
        """Return what ``step.transform(X)`` returns.

        Parameters
        ----------
        step : transformer
            Fitted.
        X : data
        state : bytes or None
            From `fit_transform`, as long as nobody may have changed the step.
        """
        if state is None or X.shape[0] < _FEW_ROWS:
            return step.transform(X)
        try:
            key = row_key(state, b"transform" + data_digest(X))
        except TypeError:
            return step.transform(X)
        found = self._get(key)
        if found is not None:
            changed, values = map(unpack, found)
            vars(step).update(changed)
            return values
        before = dict(vars(step))
        values, told = listen(lambda: step.transform(X))
        if not _must_speak_again(step):
            # such as how much of the last table was replaced
            changed = {
                name: each
                for name, each in vars(step).items()
                if name not in before or before[name] is not each
            }
            self._put(key, step, changed, values, told)
        return values

    def _get(self, key: bytes) -> list[np.ndarray] | None:
        found = self.store.get_arrays(key)
        if found is None or len(found) != 3:
            return None
        for each in unpack(found.pop()):
            tell(Told(*each))
        return found

    def _put(
        self, key: bytes, step: Any, state: dict, values: Any, told: list[Told]
    ) -> Any:
        """Keep a state and values together; return the state's bytes, if it can."""
        for each in told:
            if not can_be_told(each):
                not_shared(step, f"warns of a {each.name}, which no text rebuilds")
                return None
        try:
            packed = [pack(state), pack(values), pack([list(each) for each in told])]
        except TypeError as error:
            not_shared(
                step, f"has learned or returned {error}, which has no form as arrays"
            )
            return None
        if sum(each.nbytes for each in packed) <= _MAX_BYTES:
            self.store.put_arrays(key, packed)
        return packed[0]


def _must_speak_again(step: Any) -> bool:
    """Tell whether a step has warned of something that each call has to warn of."""
    if getattr(step, "failures_", None):
        return True
    done, most = getattr(step, "n_iter_", None), getattr(step, "max_iter", None)
    counts = isinstance(done, int | np.integer) and isinstance(most, int)
    return counts and done >= most  # it has not converged
