"""Fitting and running one branch of a ModalityTransformer."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import has_fit_parameter

from mmsk._utils._blocks import PRESENCE_NAME, Block
from mmsk.store import FeatureStore


class Branch:
    """One fitted branch: its transformer, its columns, its block.

    A Pipeline that starts with an extractor is run in two halves, so that its
    later steps (a PCA, say) see the features and never the presence column,
    which is put back behind them.

    Parameters
    ----------
    name : str
        Name of the modality.
    transformer : transformer or "passthrough"
        What the user gave; it is cloned.
    keys : str, int or list of them
        Columns of the table, one key alone for a 1-D column.
    store : FeatureStore or None
        Given to the extractors that have none.
    """

    def __init__(
        self, name: str, transformer: Any, keys: Any, store: FeatureStore | None
    ) -> None:
        self.name = name
        self.keys = keys
        if isinstance(transformer, str):  # "passthrough"
            transformer = FunctionTransformer(feature_names_out="one-to-one")
        self.transformer = clone(transformer)
        for step in _steps(self.transformer):
            if hasattr(step, "set_output"):
                step.set_output(transform="default")
            if store is not None and takes_store(step) and step.memory is None:
                step.set_params(memory=store)

    def fit_transform(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """Fit on the branch's columns; return ``(n_samples, n_columns)`` values."""
        steps = _steps(self.transformer)
        values = _fit_step(steps[0], X, y, sample_weight)
        self.block = getattr(steps[0], "block_", None) or Block("", 0, values.shape[1])
        if len(steps) > 1:
            features, present = _apart(values, self.block)
            for step in steps[1:]:
                features = _fit_step(step, features, y, sample_weight)
            width = features.shape[1]
            indicator = None if self.block.indicator is None else width
            self.block = Block("", 0, width, indicator)
            values = _together(features, present)
        self.sparse = sp.issparse(values)
        return values

    def transform(self, X: Any) -> Any:
        """Return the columns of new rows."""
        first, *later = _steps(self.transformer)
        values = first.transform(X)
        if later:
            block = getattr(first, "block_", None) or Block("", 0, values.shape[1])
            features, present = _apart(values, block)
            for step in later:
                features = step.transform(features)
            values = _together(features, present)
        return values

    def feature_names(self) -> list[str]:
        """Return the names of the columns, without the modality's prefix."""
        first, *later = _steps(self.transformer)
        names = first.get_feature_names_out()
        if later:
            marked = getattr(first, "block_", None)
            marked = marked is not None and marked.indicator is not None
            names = names[:-1] if marked else names
            for step in later:
                names = step.get_feature_names_out(names)
            names = [*names, PRESENCE_NAME] if marked else names
        return list(names)


def takes_store(transformer: Any) -> bool:
    """Tell whether a transformer's ``memory`` is a feature store.

    A Pipeline has a parameter of the same name that caches something else.
    """
    return hasattr(transformer, "_store_id") and "memory" in transformer.get_params(
        deep=False
    )


def first_step(transformer: Any) -> Any:
    """Return the step of a branch that reads the table."""
    return _steps(transformer)[0]


def _steps(transformer: Any) -> list:
    if not isinstance(transformer, Pipeline):
        return [transformer]
    steps = [step for _, step in transformer.steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in _steps(step)]


def _fit_step(step: Any, X: Any, y: Any, sample_weight: Any) -> Any:
    weighted = sample_weight is not None and has_fit_parameter(step, "sample_weight")
    params = {"sample_weight": sample_weight} if weighted else {}
    if hasattr(step, "fit_transform"):
        values = step.fit_transform(X, y, **params)
    else:
        values = step.fit(X, y, **params).transform(X)
    return values if sp.issparse(values) else np.asarray(values)


def _apart(values: Any, block: Block) -> tuple[Any, Any]:
    present = None if block.indicator is None else values[:, [block.indicator]]
    return values[:, block.start : block.stop], present


def _together(features: Any, present: Any) -> Any:
    if present is None:
        return features
    if sp.issparse(features):
        return sp.hstack([features, sp.csr_array(present)], format="csr")
    present = present.toarray() if sp.issparse(present) else present
    return np.hstack([features, present])
