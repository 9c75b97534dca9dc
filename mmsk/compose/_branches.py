"""Fitting and running one branch of a ModalityTransformer."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import has_fit_parameter

from mmsk._utils._blocks import PRESENCE_NAME, Block, Blocks
from mmsk.compose._branch_errors import check_output, check_width, named_branch
from mmsk.compose._branch_precision import warn_of_rounding
from mmsk.compose._inner_groups import takes_groups
from mmsk.compose._shared_fits import SharedFits
from mmsk.compose._step_keys import takes_store
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.store import FeatureStore


class Branch:
    """One fitted branch: its transformer, its columns, its block.

    With a store, what its steps learn is shared, see `SharedFits`. The steps of a
    Pipeline behind an extractor (a PCA, say) see its features and
    never its presence column, which is put back behind the last one. A step that
    says ``_reads_block`` sees both, and is told the layout by its parameter
    ``blocks``.

    Parameters
    ----------
    name : str
        Name of the modality.
    transformer : transformer or "passthrough"
        What the user gave; it is cloned.
    keys : str, int or list of them
        Columns of the table, one key alone for a 1-D column, which a transformer
        gets as it is, and "passthrough" as a column of the block.
    store : FeatureStore or None
        Given to the extractors that have none, and where fits are shared.
    roles : dict of str to str, default=None
        Given, as far as they are of its columns, to a TableExtractor without roles.
    """

    def __init__(
        self,
        name: str,
        transformer: Any,
        keys: Any,
        store: FeatureStore | None,
        roles: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        if isinstance(transformer, str) or not _steps(transformer):  # "passthrough"
            keys = keys if isinstance(keys, list) else [keys]
            transformer = FunctionTransformer(feature_names_out="one-to-one")
        self.keys = keys
        self._transformer = clone(transformer)
        self._shared = None if store is None else SharedFits(store)
        self._states: list[bytes | None] = []
        for step in _steps(self._transformer):
            frozen = isinstance(step, FrozenEstimator)  # the user's own, not a clone
            if hasattr(step, "set_output") and not frozen:
                step.set_output(transform="default")
            if store is not None and takes_store(step) and step.memory is None:
                step.set_params(memory=store)
            if roles and isinstance(step, TableExtractor) and step.roles is None:
                own = keys if isinstance(keys, list) else [keys]
                step.set_params(roles={key: roles[key] for key in own if key in roles})

    @property
    def transformer(self) -> Any:
        """The transformer, for whoever may change it: then it is not shared."""
        self._states = []
        return self._transformer

    def fit_transform(self, X: Any, y: Any, **given: Any) -> Any:
        """Fit on the branch's columns; return ``(n_samples, n_columns)`` values.

        Parameters
        ----------
        X : columns of the table
        y : array-like of shape (n_samples,) or None
        **given : array-like of shape (n_samples,) or None
            What else there is, such as weights, for the steps that take it.
        """
        states: list[bytes | None] = []

        def fit_step(step, values):
            values, state = self._fit_step(step, values, y, given)
            states.append(state)
            return values

        values = self._run(X, fit_step)
        warn_of_rounding(values, self.name, self.keys, self._columns(values))
        self._states = states
        self.sparse = sp.issparse(values)
        self._width = values.shape[1]
        block = self._block_behind(self._width)
        unseen = getattr(first_step(self._transformer), "_unseen", False)
        self.block = replace(block, sparse=self.sparse, unseen=unseen)
        return values

    def transform(self, X: Any) -> Any:
        """Return the columns of new rows."""
        states = iter(self._states)

        def transform_step(step, values):
            state = next(states, None)
            if state is None:
                return step.transform(values)
            return self._shared.transform(step, values, state)

        values = self._run(X, transform_step)
        check_width(values.shape[1], self._width, self.name, self.keys)
        return values

    def __getstate__(self) -> dict[str, Any]:
        # where a copy goes the store may not be, and it is changed by others
        return {**vars(self), "_shared": None, "_states": []}

    def _fit_step(
        self, step: Any, X: Any, y: Any, given: Mapping[str, Any]
    ) -> tuple[Any, bytes | None]:
        """Return the step's values, and the fingerprint of what it has learned."""
        params = {
            name: value
            for name, value in given.items()
            if value is not None and _takes(step, name)
        }

        def fit():
            if hasattr(step, "fit_transform"):
                return step.fit_transform(X, y, **params)
            return step.fit(X, y, **params).transform(X)

        if self._shared is None:
            return fit(), None
        return self._shared.fit_transform(step, X, y, params, fit)

    def _run(self, values: Any, call: Callable[[Any, Any], Any]) -> Any:
        """Send values through the steps, presence columns past them."""
        n_samples = values.shape[0]
        present = block = None
        for step in _steps(self._transformer):
            if _reads_block(step):
                values, block = _whole(values, block, present)
                if step.blocks is None:
                    step.blocks = Blocks([block.moved(0, self.name)])
            elif block is not None:
                values, own = _apart(values, block)
                present = present if own is None else own
            with named_branch(self.name, self.keys, step):
                values = call(step, values)
            block = getattr(step, "block_", None)
        values = _as_array(values)
        check_output(values, n_samples, self.name, self.keys, self._columns(values))
        return values if _marked(block) else _together(values, present)

    def _columns(self, values: Any) -> list:
        """Return the columns of the output where they are the branch's, or nothing."""
        if not isinstance(self.keys, list) or values.shape[-1] != len(self.keys):
            return []
        kept = all(
            getattr(step, "feature_names_out", None) == "one-to-one"
            for step in _steps(self._transformer)
        )
        return self.keys if kept else []

    def _block_behind(self, width: int) -> Block:
        """Return the block of the branch's columns."""
        *before, last = (getattr(s, "block_", None) for s in _steps(self._transformer))
        if any(map(_marked, before)) and not _marked(last):
            return Block("", 0, width - 1, indicator=width - 1)
        return Block("", 0, width) if last is None else last

    def feature_names(self) -> list[str]:
        """Return the names of the columns, without the modality's prefix."""
        first, *later = _steps(self._transformer)
        names = list(first.get_feature_names_out())
        block = getattr(first, "block_", None)
        marked = _marked(block)
        for step in later:
            if _reads_block(step):
                names = [*names, PRESENCE_NAME][: step.n_features_in_]
            elif block is not None:
                names = names[block.start : block.stop]
            names = list(step.get_feature_names_out(names))
            block = getattr(step, "block_", None)
            marked = marked or _marked(block)
        return [*names, PRESENCE_NAME] if marked and not _marked(block) else names


def first_step(transformer: Any) -> Any:
    """Return the step of a branch that reads the table."""
    return _steps(transformer)[0]


def _takes(step: Any, name: str) -> bool:
    if name == "groups":
        return takes_groups(step, "fit", "fit_transform")
    return has_fit_parameter(step, name)


def _steps(transformer: Any) -> list:
    if not isinstance(transformer, Pipeline):
        return [transformer]
    steps = [step for _, step in transformer.steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in _steps(step)]


def _reads_block(step: Any) -> bool:
    return getattr(step, "_reads_block", False)


def _whole(values: Any, block: Block | None, present: Any) -> tuple[Any, Block]:
    """Return features with the presence column of a step before, and their layout."""
    values = _as_array(values)
    if block is None:
        block = Block("", 0, values.shape[1])
    if present is None or _marked(block):
        return values, block
    width = values.shape[1]
    return _together(values, present), replace(block, indicator=width)


def _marked(block: Block | None) -> bool:
    return block is not None and block.indicator is not None


def _as_array(values: Any) -> Any:
    return values if sp.issparse(values) else np.asarray(values)


def _apart(values: Any, block: Block) -> tuple[Any, Any]:
    values = _as_array(values)
    present = None if block.indicator is None else values[:, [block.indicator]]
    return values[:, block.start : block.stop], present


def _together(features: Any, present: Any) -> Any:
    if present is None:
        return features
    if sp.issparse(features):
        return sp.hstack([features, sp.csr_array(present)], format="csr")
    present = present.toarray() if sp.issparse(present) else present
    return np.hstack([features, present])
