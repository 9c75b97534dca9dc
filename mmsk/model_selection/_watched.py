"""The estimator of a search that remembers, and the scoring that tells what it did."""

import hashlib
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from tqdm import tqdm

from mmsk.compose._multimodal_base import BaseMultimodal
from mmsk.compose._shared_matrices import SharedMatrices, SharedRows, sharing
from mmsk.ensemble._answers import Target
from mmsk.model_selection._hushed_failures import hushed_failures
from mmsk.model_selection._model_files import write_model
from mmsk.model_selection._pair_results import (
    CarriedScore,
    CarriedScores,
    PairResult,
    carry,
    store_result,
    stored_result,
)
from mmsk.model_selection._remembered_answers import remembered
from mmsk.model_selection._search_ensemble import answers_of
from mmsk.store import FeatureStore, row_key

CANDIDATE = "_candidate"
"""The parameter that tells a watched estimator which candidate it is."""

ROWS = "_rows"
"""The fit and score parameter that tells it which rows it is given."""


class Watch:
    """What all watched estimators of a search share; small, for it is pickled often.

    Parameters
    ----------
    splits : list of (train, test)
    keys : list of bytes or None
        A fingerprint of each candidate and all data; None where there is none.
    features_keys : list of bytes or None
        A fingerprint of each candidate's features; None where they are not shared.
    names : list of bytes or None
        Of the candidates; their files are called by them where there is no key. None
        where no folder is given.
    store : FeatureStore or None
        Where finished pairs are.
    target : Target or None
        What the answers are about; None keeps no answers.
    folder : Path or None
        Where models are written.
    keeps_models : bool
    scores_train : bool
        Whether training rows are scored too.
    told : list of str
        What was warned of the whole table before.
    refits : bool
        Whether a fit on all rows follows, which warns of what is not told yet.
    """

    def __init__(
        self,
        splits: list[tuple[NDArray, NDArray]],
        keys: list[bytes | None],
        features_keys: list[bytes | None],
        names: list[bytes | None],
        *,
        store: FeatureStore | None,
        target: Target | None,
        folder: Path | None,
        keeps_models: bool,
        scores_train: bool,
        told: list[str],
        refits: bool,
    ) -> None:
        self.keys = keys
        self.features_keys = features_keys
        self.names = names
        self.matrices = SharedMatrices()
        self.store = store
        self.target = target
        self.folder = folder
        self.keeps_models = keeps_models
        self.scores_train = scores_train
        self.told = told
        self.refits = refits
        self.tests: dict[bytes, list[bytes]] = {}  # of the folds with a training set
        for train, test in splits:
            self.tests.setdefault(rows_digest(train), []).append(rows_digest(test))
        self._bar: tqdm | None = None
        self._n_begun = self._n_ahead = 0
        self._hushed = ExitStack()

    def shared_rows(self, candidate: int, train: bytes) -> SharedRows:
        """Return what a candidate shares with others that are fitted on these rows."""
        key = self.features_keys[candidate]
        return SharedRows(self.matrices, None if key is None else row_key(key, train))

    def hush(self) -> None:
        """Leave it to the fit on all rows to warn of cells that cannot be used."""
        if self.refits:
            self._hushed.enter_context(hushed_failures(None))

    def folds_done(self) -> None:
        """Let warnings be heard again."""
        self._hushed.close()

    def show(self, n_pairs: int, n_ahead: int) -> None:
        """Show a progress bar on stderr; the last `n_ahead` begun are not done yet."""
        self._bar = tqdm(total=n_pairs, unit="fit", desc="search", file=sys.stderr)
        self._n_ahead = n_ahead

    def begin(self) -> None:
        """Count an estimator that is made for a pair."""
        self._n_begun += 1
        if self._bar is not None:
            done = min(self._n_begun - self._n_ahead, self._bar.total)
            self._bar.update(max(done - self._bar.n, 0))

    def close(self) -> None:
        """Finish the progress bar, and let warnings be heard."""
        self._hushed.close()
        if self._bar is not None:
            if self._n_begun > self._bar.total + 1:  # the best is refitted already
                self._bar.update(self._bar.total - self._bar.n)
            self._bar.close()
            self._bar = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_bar": None, "_hushed": None}


class Watched:
    """An estimator that looks up, before it is fitted, whether it was before.

    It has the parameters, methods and tags of the estimator inside. What it is
    given beyond them says which candidate and which rows these are; where it is
    not said, as when the best candidate is refitted, it just fits.

    Parameters
    ----------
    estimator : estimator
    watch : Watch
    """

    def __init__(self, estimator: Any, watch: Watch) -> None:
        own = vars(self)
        own["estimator"], own["watch"] = estimator, watch
        own["_candidate"], own["_found"] = None, {}

    def __getattr__(self, name: str) -> Any:
        if name == "estimator":  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.estimator, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.estimator, name)

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()

    def __sklearn_clone__(self) -> "Watched":
        self.watch.begin()
        return Watched(clone(self.estimator), self.watch)

    def __repr__(self) -> str:
        return repr(self.estimator)

    def set_params(self, **params: Any) -> "Watched":
        """Set parameters of the estimator."""
        vars(self)["_candidate"] = params.pop(CANDIDATE, None)
        self.estimator.set_params(**params)
        return self

    def fit(self, X: Any, y: Any = None, **params: Any) -> "Watched":
        """Fit the estimator, if this was not done before."""
        rows = params.pop(ROWS)
        data = (X,) if y is None else (X, y)
        own = vars(self)
        if self._candidate is None:
            self.watch.folds_done()
            with hushed_failures(self.watch.told):
                self.estimator.fit(*data, **params)
            return self
        own["_train"] = rows_digest(rows)
        own["_found"] = self._look_up()
        if self._found:
            return self
        own["_shared"] = self.watch.shared_rows(self._candidate, self._train)
        began = time.perf_counter()
        with self._sharing():
            self.estimator.fit(*data, **params)
        own["_fit_seconds"] = time.perf_counter() - began
        return self

    def _sharing(self) -> AbstractContextManager:
        if isinstance(self.estimator, BaseMultimodal):
            return sharing(self.estimator, self._shared)
        return nullcontext()

    @contextmanager
    def _asked_once(self, X: Any, rows: bytes) -> Iterator[None]:
        """Let what is asked about these rows be computed once."""
        models = [self.estimator]
        if isinstance(self.estimator, BaseMultimodal):
            self._shared.ask(X, rows)
            models.append(self.estimator.estimator_)
        with self._sharing(), remembered(*models):
            yield

    def scored(
        self, score: Any, X: Any, rows: NDArray, *, once: bool
    ) -> CarriedScore | CarriedScores | Any:
        """Return ``score(estimator)`` of rows, with what is to be kept of the pair.

        The first rows that are scored are the test rows; others are the training
        rows, of which nothing but their scores is kept. With `once` nobody changes X
        meanwhile, so that what was said of it need not be computed again.
        """
        own, test = vars(self), rows_digest(rows)
        key = self._key(test)
        is_train = own.get("_was_scored", False)
        own["_was_scored"] = True
        if self._found:
            result = self._found[self._train if is_train else test]
            return result.scores if is_train else carry(result)
        watch = self.watch
        wants_answers = watch.target is not None and not is_train
        began = time.perf_counter()
        with self._asked_once(X, test) if once else nullcontext():
            scores = score(self.estimator)
            seconds = time.perf_counter() - began
            if wants_answers and isinstance(scores, dict | Real):
                answers = answers_of(watch.target, self.estimator, X)
        if not isinstance(scores, dict | Real):
            return scores  # scikit-learn refuses it
        result = PairResult(scores, self._fit_seconds, seconds)
        if wants_answers:
            result.answers = answers
        if watch.keeps_models and not is_train:
            self._keep_model(result)
        if key is not None:
            store_result(watch.store, key, result)
        return scores if is_train else carry(result)

    def _keep_model(self, result: PairResult) -> None:
        if self.watch.folder is None:
            result.model = self.estimator
            return
        path = self._model_path()
        try:
            result.model_digest = write_model(self.estimator, path)
        except Exception as error:  # of the disk, or of what pickles the model
            result.model_problem = f"{type(error).__name__}: {error}"
        else:
            result.model = str(path)

    def _key(self, rows: bytes) -> bytes | None:
        """Return where the result on some rows is stored."""
        key = None if self.watch.store is None else self.watch.keys[self._candidate]
        return None if key is None else row_key(key, self._train + rows)

    def _look_up(self) -> dict[bytes, PairResult]:
        """Return the results on all rows that will be scored, if they are there."""
        tests = self.watch.tests[self._train]
        wanted = [*tests, self._train] if self.watch.scores_train else tests
        if self._key(self._train) is None:
            return {}
        path = None
        if self.watch.folder is not None:
            path = self._model_path()
            if not path.exists():
                return {}
        found = {}
        for rows in wanted:
            result = stored_result(self.watch.store, self._key(rows))
            if result is None:
                return {}
            result.model = None if path is None else str(path)
            found[rows] = result
        return found

    def _model_path(self) -> Path:
        """Return the file of the model: the next search that fits it finds it there."""
        key = self._key(b"model")
        if key is not None:
            return self.watch.folder / f"{key.hex()}.joblib"
        name = row_key(self.watch.names[self._candidate], self._train)
        return self.watch.folder / f"unkeyed-{name.hex()}.joblib"


class WatchedScoring:
    """The scoring of a search with watched estimators.

    Parameters
    ----------
    scorer : callable
        What scikit-learn has made of the user's scoring.
    error_score : "raise" or float
        In place of a score that one of several scorers failed to give.
    """

    def __init__(self, scorer: Any, error_score: Any) -> None:
        self.scorer = scorer
        self.error_score = error_score
        each = getattr(scorer, "_scorers", {"": scorer}).values()
        self._of_sklearn = all(type(s).__module__.startswith("sklearn.") for s in each)

    def __call__(self, watched: Watched, X: Any, y: Any = None, **params: Any) -> Any:
        rows = params.pop(ROWS)
        data = (X,) if y is None else (X, y)

        def score(estimator):
            return self._numbers(self.scorer(estimator, *data, **params))

        return watched.scored(score, X, rows, once=self._of_sklearn)

    def _numbers(self, scores: Any) -> Any:
        if not isinstance(scores, Mapping):
            return _plain(scores)
        numbers = {}
        for name, value in scores.items():
            if isinstance(value, str):  # a traceback, by scikit-learn's habit
                warnings.warn(
                    f"Scoring failed. The score {name!r} on this train-test partition "
                    f"will be set to {self.error_score}. Details: \n{value}",
                    UserWarning,
                    stacklevel=2,
                )
                value = self.error_score
            numbers[name] = _plain(value)
        return numbers


def rows_digest(rows: Any) -> bytes:
    """Return the fingerprint of row positions."""
    positions = np.asarray(rows, dtype=np.int64)
    return hashlib.sha256(positions.tobytes(), usedforsecurity=False).digest()


def _plain(score: Any) -> Any:
    return score.item() if hasattr(score, "item") and np.ndim(score) == 0 else score
