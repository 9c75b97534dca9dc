"""From a table to an estimator in one line."""

import functools
import tempfile
from collections.abc import Mapping
from typing import Any

from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mmsk._utils._roles import TABLE_ROLES
from mmsk.compose import (
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
    select,
)
from mmsk.feature_extraction.audio import MFCCExtractor, speech_frames
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.fusion._linear import linear_regressor
from mmsk.pipeline._roles import infer_roles
from mmsk.store import FeatureStore

# what most clips of tables hold; librosa's frames, the extractor's own, suit music
SPEECH = {**speech_frames(16000), "n_mels": 40}


def make_multimodal_classifier(
    X: Any,
    *,
    roles: Mapping[str, str] | None = None,
    root: Any = None,
    memory: Any = None,
    groups: str | None = None,
    estimator: Any = None,
    random_state: int | None = None,
) -> MultimodalClassifier:
    """Make a classifier for a table by looking at its columns.

    What each column was taken for stands in ``features.roles`` and can be
    overridden by `roles`; what cannot be told is refused, never guessed.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_columns)
        pandas or polars. Only looked at: call ``fit`` with it.
    roles : dict of str to str, default=None
        Roles by column that are taken as they are, any of ``mmsk.compose.ROLES``;
        ``"drop"`` leaves a column out.
    root : str or os.PathLike, default=None
        Folder that relative paths of pictures and clips start from.
    memory : str, os.PathLike or FeatureStore, default=None
        Where the features of pictures and clips are kept. ``None``: in a temporary
        folder, for as long as this process lives.
    groups : str, default=None
        The column that says which rows belong together; never a feature.
    estimator : classifier, default=None
        ``None`` is a soft vote of an EarlyFusionClassifier and a
        LateFusionClassifier that weighs modalities by their confidence, both of
        logistic regression; where the table has one modality, logistic regression
        on its scaled block.
    random_state : int, default=None
        Seeds what is random in the default estimator.

    Returns
    -------
    classifier : MultimodalClassifier
        Not fitted.

    Raises
    ------
    ValueError
        If the role of a column cannot be told or no column is a feature.

    See Also
    --------
    infer_roles : The rules.
    make_multimodal_regressor : The same for numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.pipeline import make_multimodal_classifier
    >>> X = pd.DataFrame({
    ...     "title": ["a red car in the rain", "an old cat on a mat"] * 3,
    ...     "price": [3.5, 4.0] * 3,
    ... })
    >>> clf = make_multimodal_classifier(X)
    >>> clf.features.roles
    {'title': 'text', 'price': 'number'}
    >>> clf.fit(X, ["car", "cat"] * 3).predict(X[:2])
    array(['car', 'cat'], dtype='<U3')
    """
    groups = group_column(roles, groups)
    features = make_features(X, roles=roles, root=root, memory=memory, groups=groups)
    if estimator is None and len(features.transformers) > 1:
        early = EarlyFusionClassifier(random_state=random_state)
        late = LateFusionClassifier(combine="confidence", random_state=random_state)
        estimator = VotingClassifier([("early", early), ("late", late)], voting="soft")
    elif estimator is None:
        estimator = make_pipeline(BlockScaler(), LogisticRegression(max_iter=1000))
    return MultimodalClassifier(features, estimator, groups=groups)


def make_multimodal_regressor(
    X: Any,
    *,
    roles: Mapping[str, str] | None = None,
    root: Any = None,
    memory: Any = None,
    groups: str | None = None,
    estimator: Any = None,
    random_state: int | None = None,
) -> MultimodalRegressor:
    """Make a regressor for a table by looking at its columns.

    The twin of make_multimodal_classifier.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_columns)
        pandas or polars. Only looked at: call ``fit`` with it.
    roles : dict of str to str, default=None
        Roles by column that are taken as they are, any of ``mmsk.compose.ROLES``;
        ``"drop"`` leaves a column out.
    root : str or os.PathLike, default=None
        Folder that relative paths of pictures and clips start from.
    memory : str, os.PathLike or FeatureStore, default=None
        Where the features of pictures and clips are kept. ``None``: in a temporary
        folder, for as long as this process lives.
    groups : str, default=None
        The column that says which rows belong together; never a feature.
    estimator : regressor, default=None
        ``None`` is a LateFusionRegressor that stacks a ridge regression
        (``alpha=300``) of each modality; where the table has one modality, ridge
        regression on its scaled block.
    random_state : int, default=None
        Seeds what is random in the default estimator.

    Returns
    -------
    regressor : MultimodalRegressor
        Not fitted.

    Raises
    ------
    ValueError
        If the role of a column cannot be told or no column is a feature.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.pipeline import make_multimodal_regressor
    >>> X = pd.DataFrame({"rooms": [1, 2, 3, 4], "zip": ["a", "b", "a", "b"]})
    >>> make_multimodal_regressor(X).features.roles
    {'rooms': 'number', 'zip': 'category'}
    """
    groups = group_column(roles, groups)
    features = make_features(X, roles=roles, root=root, memory=memory, groups=groups)
    if estimator is None and len(features.transformers) > 1:
        estimator = LateFusionRegressor(
            linear_regressor(), combine="stack", random_state=random_state
        )
    elif estimator is None:
        estimator = make_pipeline(BlockScaler(), linear_regressor())
    return MultimodalRegressor(features, estimator, groups=groups)


def group_column(roles: Mapping[str, str] | None, groups: str | None) -> str | None:
    """Return the column of groups, which a role may name too.

    Raises
    ------
    ValueError
        If several columns are said to be it.
    """
    named = [name for name, role in (roles or {}).items() if role == "groups"]
    named += [groups] * (groups is not None and groups not in named)
    if len(named) > 1:
        raise ValueError(f"Only one column can hold the groups, got {named}.")
    return named[0] if named else None


def make_features(
    X: Any, *, roles: Any, root: Any, memory: Any, groups: str | None
) -> ModalityTransformer:
    """Return the features of a table: a branch for each modality that it has."""
    known = dict(roles or {})
    if groups is not None:
        if known.get(groups, "groups") not in ("groups", "drop"):  # neither a feature
            raise ValueError(
                f"groups={groups!r} is not a feature, but its role is given as "
                f"{known[groups]!r}. Leave it out of roles."
            )
        known[groups] = "groups"
    decided = infer_roles(X, roles=known, root=root)
    branches = [
        ("text", TfidfExtractor(), select(role="text")),
        ("image", HOGExtractor(root=root), select(role="image")),
        ("audio", MFCCExtractor(root=root, **SPEECH), select(role="audio")),
        ("table", TableExtractor(), select(role=list(TABLE_ROLES))),
    ]
    used = set(decided.values())
    found = [branch for branch in branches if used & set(_roles(branch))]
    if not found:
        raise ValueError(
            f"No column of X is a feature: {decided}. Say what they are with roles=."
        )
    return ModalityTransformer(
        found, memory=_process_store() if memory is None else memory, roles=decided
    )


def _roles(branch: tuple) -> list[str]:
    role = branch[2].role
    return [role] if isinstance(role, str) else role


@functools.cache
def _process_store() -> FeatureStore:
    return FeatureStore(_process_folder().name)


@functools.cache
def _process_folder() -> tempfile.TemporaryDirectory:
    # removed when the interpreter exits
    return tempfile.TemporaryDirectory(prefix="mmsk-")
