"""FusionSearchCV: a search that warms the store, resumes, and gives an ensemble."""

import os
from numbers import Integral
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GroupKFold, ParameterGrid, ParameterSampler
from sklearn.utils import Bunch, check_consistent_length, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import column_or_1d

from mmsk._utils._param_validation import (
    BaseSearchCV,
    Interval,
    StrOptions,
    check_method_params,
    fit_context,
    num_samples,
)
from mmsk._utils._targets import check_known, refuse_strings
from mmsk.compose._multimodal_base import BaseMultimodal
from mmsk.compose._warnings_told import listen
from mmsk.ensemble._answers import Classes, Numbers, Target
from mmsk.model_selection._candidate_keys import (
    candidate_keys,
    features_key,
    unkeyed_name,
    warm,
)
from mmsk.model_selection._fold_models import Searched
from mmsk.model_selection._kept_fits import KeptFits
from mmsk.model_selection._model_files import model_folder
from mmsk.model_selection._search_splits import search_splits
from mmsk.model_selection._watched import (
    ROWS,
    Watch,
    Watched,
    WatchedScoring,
)
from mmsk.model_selection._watched_search import WatchedSearch
from mmsk.store import FeatureStore, as_store


class FusionSearchCV(KeptFits, WatchedSearch):
    """Search over fusions, heads and ensembles, and use what it has fitted.

    It does what GridSearchCV does (with `n_iter`, RandomizedSearchCV), and

    - extracts the features of every picture and clip into the store before the
      first fit, so that a broken one is found at once and nothing is decoded twice,
    - keeps what every candidate says of the rows of each test fold, and the models
      that said it: `ensemble` chooses from them, and fits nothing,
    - stores each finished fit, so that a search that was interrupted, or one with
      more candidates, goes on where it was.

    Parameters
    ----------
    estimator : classifier or regressor
        Usually a MultimodalClassifier or a MultimodalRegressor; any other works
        like in GridSearchCV.
    param_grid : dict or list of dict
        Lists of values by parameter, see `fusion_grid`; with `n_iter` also
        distributions, as in RandomizedSearchCV.
    n_iter : int, default=None
        How many candidates to draw at random; ``None`` tries all.
    scoring : str, callable, list, tuple or dict, default=None
        As in GridSearchCV.
    cv : int, splitter, iterable of (train, test), default=None
        Folds. An int makes shuffled folds, stratified for a classifier, and grouped
        where there are groups; ``None`` is 5. Groups are those given to fit, else
        the column that the `groups` of a MultimodalClassifier names.
    refit : bool, str or callable, default=True
        As in GridSearchCV.
    memory : "auto", str, path-like, FeatureStore or None, default="auto"
        Where finished fits are stored: scores, seconds and predictions by the
        content of the rows, parameters and versions, never a model. ``"auto"`` is
        the store of the estimator's `features`, if it has one; ``None`` stores
        none.
    keep_models : bool, str or path-like, default=True
        Whether the models of the folds are kept for `ensemble`: with the search
        (it holds and pickles them all: ``n_candidates * n_splits`` models), or in
        the files of a folder, written with joblib and read by `ensemble` (so load
        only what you have written). Models that are in a folder outlive the process.
        A folder that cannot be written is an error before anything is fitted; models
        that cannot be written later, as on a full disk, are left out with one
        StoreWarning.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    pre_dispatch : int or str, default="2*n_jobs"
        As in GridSearchCV.
    error_score : "raise" or number, default=np.nan
        The score of a candidate that cannot be fitted. ``"raise"`` stops.
    return_train_score : bool, default=False
        Whether training rows are scored too.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and draws the candidates of `n_iter`.
    verbose : int, default=0
        1 shows progress bars on stderr, above that with scikit-learn's messages.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in GridSearchCV. Times of fits that were found in `memory` are those of
        when they were fitted.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, refit_time_ :
        As in GridSearchCV.
    multimetric_ : bool
        Whether there are several scores.
    n_splits_ : int
        Number of folds.
    splits_ : list of (train, test)
        The folds.
    n_found_ : int
        How many of the ``n_candidates * n_splits`` fits were found in `memory`.
    oof_predictions_ : ndarray of shape (n_candidates, n_samples, n_outputs) or None
        What each candidate says of each row by the model that has not seen it (the
        mean where several have not): probabilities of `classes_` (certain ones
        where it has none), or numbers. NaN for rows in no test fold and where
        a fit failed. ``None`` for several labels a row and without y.
    fold_models_ : list of list
        The models by candidate and fold: fitted estimators, their files, or ``None``.
    classes_ : ndarray of shape (n_classes,)
        The classes.

    See Also
    --------
    fusion_grid : Writes `param_grid`.
    mmsk.ensemble.EnsembleSelectionClassifier : Selects among fixed candidates.

    Notes
    -----
    A fit is found again if nothing that decides it has changed: the parameters, the
    rows and the bytes of files that they name, target, weights, folds, scoring,
    and the versions of mmsk and all libraries. Candidates without a seed
    (``random_state=None`` where something is drawn), with a function or class of
    your own (give the class a ``_store_id`` that nothing else has) or with fitted
    parts are fitted each time; one StoreWarning says so.

    ``keep_models=True`` costs memory, not time. The models of fits that were found in
    `memory` are not there in a new process, unless a folder holds them: ``ensemble(X)``
    fits those that it has chosen again. In a folder, models of fits that are not
    found again are replaced by those of the next search of the same candidates.

    The features of a fold are made once in a process, for all candidates whose
    `features` have the same parameters (with seeds, as above), as long as their
    matrices take less than 512 MiB; and a model is asked once for what scores and
    `oof_predictions_` both need, where the scorers are scikit-learn's. Cells that
    cannot be used are warned of once for the table, not in each fold.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble Selection
           from Libraries of Models", ICML, 2004.
    .. [2] N. Erickson et al., "AutoGluon-Tabular: Robust and Accurate AutoML for
           Structured Data", arXiv:2003.06505, 2020 (models of folds are averaged).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from mmsk.compose import ModalityTransformer, MultimodalClassifier
    >>> from mmsk.feature_extraction.tabular import TableExtractor
    >>> from mmsk.feature_extraction.text import TfidfExtractor
    >>> from mmsk.fusion import EarlyFusionClassifier
    >>> from mmsk.model_selection import FusionSearchCV, fusion_grid
    >>> X = pd.DataFrame({"title": ["red car", "old cat"] * 20, "price": range(40)})
    >>> y = ["car", "cat"] * 20
    >>> text = ("text", TfidfExtractor(), ["title"])
    >>> table = ("table", TableExtractor(), ["price"])
    >>> features = ModalityTransformer([text, table])
    >>> search = FusionSearchCV(
    ...     MultimodalClassifier(features, EarlyFusionClassifier()),
    ...     fusion_grid(["early", "late:product"], modalities=["text", "table", None]),
    ...     cv=3,
    ... )
    >>> search = search.fit(X, y)
    >>> search.leaderboard()[["candidate", "mean_score"]].head(1)
                                          candidate  mean_score
    0  EarlyFusionClassifier(), modalities=['text']         1.0
    >>> search.ensemble().predict(X[:2]).tolist()
    ['car', 'cat']
    """

    _parameter_constraints: dict = {
        **BaseSearchCV._parameter_constraints,
        "param_grid": [dict, list],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "memory": [StrOptions({"auto"}), str, os.PathLike, FeatureStore, None],
        "keep_models": ["boolean", str, os.PathLike],
        "random_state": ["random_state"],
    }

    _groups_own_folds = True  # of an int cv

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        n_iter: int | None = None,
        scoring=None,
        cv=None,
        refit=True,
        memory="auto",
        keep_models: bool | str | os.PathLike = True,
        n_jobs: int | None = None,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score: bool = False,
        random_state=0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid
        self.n_iter = n_iter
        self.memory = memory
        self.keep_models = keep_models
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params) -> Self:
        """Fit all candidates on all folds, and the best on all rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target.
        **params : dict of str to object
            As in GridSearchCV: `groups` for the splitter, others, such as
            `sample_weight`, for the estimator and the scorers that take them.

        Returns
        -------
        self : FusionSearchCV
        """
        if y is not None:
            check_known(y)
            if is_classifier(self.estimator) and np.asarray(y).shape[1:] == (1,):
                y = column_or_1d(y, warn=True)
        elif get_tags(self).target_tags.required:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        folder = model_folder(self.keep_models)
        candidates = list(self._candidates())
        scorers, _ = self._get_scorers()
        X, y = indexable(X, y)
        check_consistent_length(X, params.get("sample_weight"))
        params = check_method_params(X, params)
        routed = self._get_routed_params_for_fit(params)
        splitting = routed["splitter"]["split"]
        splits = search_splits(
            self.cv, self.estimator, X, y, splitting, self.random_state
        )
        estimators = [
            clone(self.estimator).set_params(**clone(candidate, safe=False))
            for candidate in candidates
        ]
        _, told = listen(lambda: warm(estimators, X, verbose=bool(self.verbose)))
        store = self._store()
        keys: list = [None] * len(candidates)
        given = {"fit": routed["estimator"]["fit"], "score": routed["scorer"]["score"]}
        scoring = self.scoring, self.error_score
        if store is not None:
            keys = candidate_keys(estimators, X, y, given, scoring)
        weights = params.get("sample_weight")
        target = None if y is None else self._target(y, weights)
        names: list = [None] * len(candidates)
        if folder is not None:
            names = list(map(unkeyed_name, range(len(candidates)), estimators))
        watch = Watch(
            splits,
            keys,
            list(map(features_key, estimators)),
            names,
            store=store,
            target=target,
            folder=folder,
            keeps_models=bool(self.keep_models),
            scores_train=self.return_train_score,
            told=[each.text for each in told],
            refits=bool(self.refit),
        )
        inner = type(self)(**self.get_params(deep=False))
        inner.estimator = Watched(self.estimator, watch)
        inner.scoring = WatchedScoring(scorers, self.error_score)
        inner.cv = splits
        inner.verbose = max(int(self.verbose) - 1, 0)
        rows = {ROWS: np.arange(num_samples(X))}
        # another one, as that of scikit-learn forgets what is written to it if empty
        routed = Bunch(
            estimator=Bunch(fit={**given["fit"], **rows}),
            scorer=Bunch(score={**given["score"], **rows}),
            splitter=Bunch(split={}),
        )
        inner._given = candidates, routed
        inner._results = []
        if hasattr(self, "_skl_callbacks"):
            inner.set_callbacks(*self._skl_callbacks)
        if self.verbose:
            n_jobs = effective_n_jobs(self.n_jobs)
            # clone is called once before, and once at the begin of each fit
            n_ahead = 2 if n_jobs == 1 else 1 + 2 * n_jobs
            watch.show(len(candidates) * len(splits), n_ahead)
        watch.hush()  # as the filters of all processes and threads are set from here
        try:
            BaseSearchCV.fit(inner, X, y, **params)
        finally:
            watch.close()
        results = inner._results
        for name, value in vars(inner).items():
            if name.endswith("_") and not name.startswith("_"):
                setattr(self, name, value)
        # of what was watched nobody needs to know
        if self.refit:
            self.best_estimator_ = inner.best_estimator_.estimator
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        self.splits_ = splits
        gone = any(each is None or each.model is None for each in results)
        # files may go later
        table = Searched.digest(X) if gone or folder is not None else None
        searched = Searched(table, keys, y, given, scoring)
        self._keep(results, searched, weights, target)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what is routed where: groups to the folds, of an int `cv` as well.

        Returns
        -------
        routing : MetadataRouter
        """
        router = super().get_metadata_routing()
        if self.cv is None or isinstance(self.cv, Integral):
            splits = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=GroupKFold(), method_mapping=splits)
        return router

    def _candidates(self) -> ParameterGrid | ParameterSampler:
        if self.n_iter is None:
            return ParameterGrid(self.param_grid)
        return ParameterSampler(
            self.param_grid, self.n_iter, random_state=self.random_state
        )

    def _store(self) -> FeatureStore | None:
        if not (isinstance(self.memory, str) and self.memory == "auto"):
            return as_store(self.memory)
        if isinstance(self.estimator, BaseMultimodal):
            return as_store(self.estimator._transformer.memory)
        return None

    def _target(self, y: Any, weights: Any) -> Target | None:
        """Return what predictions are about, if an ensemble can be made of them."""
        y = np.asarray(y)
        weights = None if weights is None else np.asarray(weights)
        if is_classifier(self.estimator) and y.ndim == 1:
            return Classes(y, weights)
        if not is_regressor(self.estimator):
            return None
        refuse_strings(y)
        return Numbers(y, weights)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        tags.array_api_support = False
        return tags
