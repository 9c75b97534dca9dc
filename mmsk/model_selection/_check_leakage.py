"""Find what a model would be tested on after having been trained on it."""

import os
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import check_cv
from sklearn.utils import check_consistent_length

from mmsk._utils._frames import column, column_names
from mmsk._utils._groups import check_groups
from mmsk.compose._select import check_roles
from mmsk.model_selection._contents import Content, find_contents
from mmsk.model_selection._fingerprints import FINGERPRINTS, hash_and_colours
from mmsk.model_selection._perceptual_hash import N_BITS, similar_pairs
from mmsk.model_selection._report import Leak, LeakageReport
from mmsk.model_selection._sides import Sides
from mmsk.store import FeatureStore, as_store

_DEFAULT_BITS = 12


def check_leakage(
    X: Any,
    y: ArrayLike | None = None,
    *,
    roles: Mapping[str | int, str],
    cv: Any = None,
    groups: ArrayLike | str | None = None,
    near_duplicates: bool | int = False,
    root: str | os.PathLike | None = None,
    memory: str | os.PathLike | FeatureStore | None = None,
    on_leak: str = "report",
    n_jobs: int | None = None,
    verbose: bool = True,
) -> LeakageReport:
    """Find the pictures, clips and texts that stand on both sides of a split.

    Contents are compared, not names: the same file under two names, the same
    pixels or samples in two formats, the same text but for case and spaces, and, if
    asked for, near-duplicate pictures. All columns of a modality are compared with
    each other; two in one row are no leak.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
        pandas, polars or NumPy.
    y : array-like of shape (n_samples,), default=None
        The target, where `cv` needs it.
    roles : dict of str (int in an array) to str
        What the columns hold, as ``mmsk.pipeline.infer_roles`` returns it. Those of
        "image", "audio" and "text" are compared.
    cv : splitter or iterable of (train, test), default=None
        The split to check: a content is a leak when a row is trained on and another
        tested. ``None``: when its rows are of different groups or, without groups
        too, when it has two rows. For a column of folds use scikit-learn's
        ``PredefinedSplit``.
    groups : array-like of shape (n_samples,) or str, default=None
        Which rows belong together, handed to `cv`; or the column of X that says so.
    near_duplicates : bool or int, default=False
        Whether pictures are compared by a perceptual hash too, which finds those
        that were saved again at another quality or size. A number says how many of
        256 bits may differ, True is 12. See Notes.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave.
    memory : str, os.PathLike, FeatureStore or None, default=None
        Where the fingerprints of pictures and clips are kept; the next check then
        only reads the files.
    on_leak : {"report", "raise"}, default="report"
        Whether to raise if there is a leak.
    n_jobs : int, default=None
        Number of threads. ``None`` is 1 unless in a ``joblib.parallel_config``
        context.
    verbose : bool, default=True
        Show a progress bar on stderr.

    Returns
    -------
    report : LeakageReport
        Its string sums up; `leaks` lists all; with its `groups`, make_splitter
        makes folds that have none. What cannot be decoded stands in `failures`.

    Raises
    ------
    ValueError
        If a parameter is out of range, `root` is not a folder, `cv` needs y or groups
        that are not given or gives other folds each time it is asked, or, with
        ``on_leak="raise"``, there is a leak.
    MediaError
        If not a single cell of a modality can be used, as with a wrong `root`.

    See Also
    --------
    make_splitter : Folds that keep groups together.
    mmsk.media.check : What cannot be decoded, and why.

    Notes
    -----
    Near-duplicates have hashes [1]_ of 256 bits of which few differ, and mean colours
    on an 8 x 8 grid that differ by at most 4 of 255 levels (root mean square). JPEG
    qualities down to 50 and changes of size are found, but for small line art saved
    at a low quality; cuts, mirroring and other colours are not. What is blank but
    for a few pixels is not compared in this way.
    All pairs of hashes are compared: constant memory and about n**2 / 2 times 4
    operations, a second of one core for 15,000 pictures.

    References
    ----------
    .. [1] C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash
           Functions", thesis, Upper Austria University of Applied Sciences, 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.model_selection import check_leakage, make_splitter
    >>> X = pd.DataFrame({"title": ["A cat", "a dog", "a  cat", "an owl"]})
    >>> y = [0, 1, 0, 1]
    >>> cv = make_splitter(y, n_splits=2)
    >>> report = check_leakage(X, y, roles={"title": "text"}, cv=cv, verbose=False)
    >>> report
    1 leak: 2 of 4 rows share a content on both sides of a split
    equal text in 'title', rows 0, 2, folds 0, 1
    Compared: 3 different texts
    >>> cv = make_splitter(y, report.groups, n_splits=2)
    """
    if on_leak not in ("report", "raise"):
        raise ValueError(f'on_leak must be "report" or "raise", got {on_leak!r}.')
    max_bits = _max_bits(near_duplicates)
    names = column_names(X)
    if names is None and np.ndim(X) != 2:
        raise ValueError(
            f"X must be a DataFrame or a 2-D array, got {type(X).__name__} of "
            f"{np.ndim(X)} dimensions."
        )
    check_roles(roles, range(X.shape[1]) if names is None else names)
    modalities = [name for name in FINGERPRINTS if name in roles.values()]
    if not modalities:
        raise ValueError(
            f"roles names no column of {list(FINGERPRINTS)}, got {dict(roles)!r}."
        )
    if isinstance(groups, str):
        if groups not in (names or ()):
            raise ValueError(f"groups={groups!r} is not a column of X.")
        groups = column(X, groups)
    check_consistent_length(X, y, groups)
    groups = None if groups is None else check_groups(groups)
    n_samples = X.shape[0]
    splits = None if cv is None else _splits(cv, X, y, groups)
    sides = Sides(n_samples, splits, groups)

    leaks, failures, n_contents, shared = [], [], {}, []
    for modality in modalities:
        contents, failed = find_contents(
            X,
            roles,
            modality,
            root=root,
            store=as_store(memory),
            n_jobs=n_jobs,
            verbose=verbose,
        )
        failures += failed
        n_contents[modality] = len(contents)
        for content in contents:
            shared.append(content.rows)
            kind = "identical" if len(content.forms) == 1 else "equal"
            leaks += _leak(modality, kind, content, content, sides)
        if modality == "image" and max_bits is not None:
            for first, second, distance in _similar(contents, max_bits):
                shared.append(first.rows | second.rows)
                leaks += _leak("image", "similar", first, second, sides, distance)
    report = LeakageReport(
        leaks=tuple(leaks),
        groups=_joined(n_samples, shared, groups),
        n_contents=n_contents,
        failures=tuple(failures),
        sides="folds" if cv is not None else "rows" if groups is None else "groups",
    )
    if leaks and on_leak == "raise":
        raise ValueError(f"{report}")
    return report


def _max_bits(near_duplicates: bool | int) -> int | None:
    if isinstance(near_duplicates, bool | np.bool_):
        return _DEFAULT_BITS if near_duplicates else None
    if isinstance(near_duplicates, Integral) and 0 <= near_duplicates <= N_BITS:
        return int(near_duplicates)
    raise ValueError(
        f"near_duplicates must be a bool or an int from 0 to {N_BITS}, got "
        f"{near_duplicates!r}."
    )


def _splits(cv: Any, X: Any, y: ArrayLike | None, groups: ArrayLike | None) -> list:
    if isinstance(cv, Integral):
        raise ValueError(
            f"cv={cv!r} makes other folds for a classifier than for a regressor. Pass "
            f"the splitter, such as make_splitter(y, n_splits={cv!r})."
        )
    cv = check_cv(cv)
    try:
        splits, again = (list(cv.split(X, y, groups)) for _ in range(2))
    except (TypeError, ValueError) as error:
        lacking = [
            name for name, value in (("y", y), ("groups", groups)) if value is None
        ]
        if not lacking:
            raise
        raise ValueError(
            f"{cv!r} cannot split without {' and '.join(lacking)}, which check_leakage "
            f"was not given: {error}"
        ) from error
    for (train, _), (other, _) in zip(splits, again, strict=True):
        if not np.array_equal(train, other):
            raise ValueError(
                f"{cv!r} makes other folds each time, so that a report says nothing of "
                "those to come. Give it an int as random_state."
            )
    return splits


def _similar(
    contents: list[Content], max_bits: int
) -> Iterable[tuple[Content, Content, int]]:
    """Return the pairs of near-duplicate pictures, the closest first."""
    if not contents:
        return []
    values = np.stack([content.value for content in contents])
    pairs = sorted(
        similar_pairs(*hash_and_colours(values), max_bits),
        key=lambda pair: (pair[2], pair),
    )
    return [(contents[i], contents[j], distance) for i, j, distance in pairs]


def _leak(
    modality: str,
    kind: str,
    first: Content,
    second: Content,
    sides: Sides,
    distance: int = 0,
) -> list[Leak]:
    """Return the leak of a content, or of two that are similar, if it is one."""
    rows = first.rows | second.rows
    if len(rows) < 2:
        return []
    parted, folds = sides.part(first.rows, second.rows)
    if not parted:
        return []
    columns = tuple(sorted(first.columns | second.columns, key=str))
    return [Leak(modality, kind, tuple(sorted(rows)), columns, folds, distance)]


def _joined(
    n_samples: int, shared: list[set[int]], groups: NDArray | None
) -> NDArray[np.intp]:
    """Return a number for each row: that of all with which it shares anything."""
    links = [(min(rows), row) for rows in shared for row in rows]
    if groups is not None:
        first: dict = {}
        for row, group in enumerate(groups.tolist()):
            links.append((first.setdefault(group, row), row))
    start, end = np.array(links, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(start)), (start, end)), (n_samples, n_samples))
    return connected_components(graph, directed=False)[1].astype(np.intp)
