"""EnsembleSelectionClassifier and EnsembleSelectionRegressor."""

import numpy as np
from sklearn.base import is_classifier, is_regressor

from mmsk.ensemble._answers import Classes, Numbers
from mmsk.ensemble._selection_base import BaseEnsembleSelection
from mmsk.fusion._base import BaseFusionClassifier, BaseFusionRegressor


class EnsembleSelectionClassifier(BaseEnsembleSelection, BaseFusionClassifier):
    """Choose, from many candidates, the classifiers whose mean is best.

    All candidates predict out of fold. Starting with the best of them, the one
    that improves the mean of the probabilities most is added, again and again, and
    a candidate may come several times; the best ensemble on the way is kept. How
    often a candidate was chosen is its weight. That is repeated on random bags of
    the candidates, and the ensembles are averaged, which guards against choosing
    by luck. Only those chosen are fitted on all samples.

    Parameters
    ----------
    estimators : list of (str, classifier)
        Names and candidates with probabilities, reached as ``name__parameter``;
        ``"drop"`` leaves one out. Each reads the modalities it chooses: a fusion
        estimator by its parameter ``modalities``, any other behind a BlockSelector
        in a Pipeline; samples without any of them it is neither fitted on nor
        asked about.
    metric : str, scorer or callable, default=None
        What the ensemble shall be best at: the name of a scorer
        (``"average_precision"``), a scorer, or a loss ``metric(y, proba)`` that
        takes probabilities of shape (n_samples, n_classes), less is better, which
        is given ``sample_weight=`` where fit is given weights. ``None`` is the
        log-loss.
    n_rounds : int, default=25
        Candidates that are added after those of the start.
    n_init : int or "auto", default="auto"
        How many of the best candidates to start with. ``"auto"``: as many of the
        best, up to 25, as score best together.
    n_bags : int, default=20
        Bags; 1 is one selection among all candidates.
    bag_fraction : float, default=0.5
        Share of the candidates that a bag holds, in (0, 1]; at least five, so that
        up to five candidates make one bag.
    cv : int, splitter, iterable or "prefit", default=None
        Folds for the predictions. An int makes shuffled folds, stratified, and
        grouped where fit is given groups; ``None`` is 5. ``"prefit"``: the
        candidates are fitted already, on other samples, and are not fitted again.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block. The candidates are told it.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and draws the bags.
    verbose : int, default=0
        Messages of joblib.

    Attributes
    ----------
    weights_ : ndarray of shape (n_estimators,)
        Weights of the candidates that are not dropped, sum 1.
    estimators_ : list of classifier or None
        The candidates with a weight, fitted on all samples; ``None`` for others.
    named_estimators_ : Bunch
        The same by name; ``"drop"`` for others.
    scores_ : ndarray of shape (n_estimators,)
        What each candidate scores out of fold, greater is better (less the loss).
    score_ : float
        What the ensemble scores on the same predictions: it was chosen on them, so
        expect less.
    oof_predictions_ : Bunch of ndarray of shape (n_samples, n_classes)
        Probabilities by each candidate's name, of every sample by the model that
        did not see it (with ``cv="prefit"`` by the one there is); the prior where
        it sees no modality. NaN for samples of weight 0, without any modality, and
        in no test fold.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares: the answer for samples without any modality that a
        chosen candidate reads.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities of X.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If `estimators` is no list of pairs, X does not fit `blocks`, or weights are
        given that a candidate would not use.
    TypeError
        If a candidate has no probabilities.

    See Also
    --------
    ModalityStackingClassifier : A final classifier instead of weights.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble Selection
           from Libraries of Models", ICML, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from mmsk.ensemble import EnsembleSelectionClassifier
    >>> X = np.random.default_rng(0).normal(size=(80, 3))
    >>> y = np.where(X[:, 0] + X[:, 2] > 0, "yes", "no")
    >>> chosen = EnsembleSelectionClassifier(
    ...     [
    ...         ("strong", LogisticRegression(C=100.0)),
    ...         ("weak", LogisticRegression(C=1e-4)),
    ...         ("bayes", GaussianNB()),
    ...     ]
    ... ).fit(X, y)
    >>> chosen.weights_
    array([1., 0., 0.])
    """

    _method = "predict_proba"

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        proba = self._said(X)
        # those of a float32 matrix are rounded
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        proba = self._said(X)
        return self.classes_[proba.argmax(axis=1)]

    def _check_kind(self, name, estimator) -> None:
        if not is_classifier(estimator):
            raise ValueError(
                f"The estimator {name!r} should be a classifier, got {estimator!r}."
            )

    def _learn_prior(self, y, weights) -> None:
        super()._learn_prior(y, weights)
        self._target = Classes(y, weights)


class EnsembleSelectionRegressor(BaseEnsembleSelection, BaseFusionRegressor):
    """Choose, from many candidates, the regressors whose mean is best.

    The twin of EnsembleSelectionClassifier. One target, or several where the
    regressors predict several; a candidate has one weight for all.

    Parameters
    ----------
    estimators : list of (str, regressor)
        Names and candidates, reached as ``name__parameter``; ``"drop"`` leaves one
        out.
    metric : str, scorer or callable, default=None
        What the ensemble shall be best at: the name of a scorer
        (``"neg_mean_absolute_error"``), a scorer, or a loss
        ``metric(y, predictions)``, less is better, which is given
        ``sample_weight=`` where fit is given weights. ``None`` is the squared error
        over the variance of the target, its mean for several.
    n_rounds : int, default=25
        Candidates that are added after those of the start.
    n_init : int or "auto", default="auto"
        How many of the best candidates to start with. ``"auto"``: as many of the
        best, up to 25, as score best together.
    n_bags : int, default=20
        Bags; 1 is one selection among all candidates.
    bag_fraction : float, default=0.5
        Share of the candidates that a bag holds, in (0, 1]; at least five, so that
        up to five candidates make one bag.
    cv : int, splitter, iterable or "prefit", default=None
        Folds for the predictions, grouped where fit is given groups; ``None`` is 5.
        ``"prefit"``: the candidates are fitted already, on other samples, and are
        not fitted again.
    blocks : Blocks, default=None
        Layout of X; MultimodalRegressor fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block. The candidates are told it.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and draws the bags.
    verbose : int, default=0
        Messages of joblib.

    Attributes
    ----------
    weights_ : ndarray of shape (n_estimators,)
        Weights of the candidates that are not dropped, sum 1.
    estimators_ : list of regressor or None
        The candidates with a weight, fitted on all samples; ``None`` for others.
    named_estimators_ : Bunch
        The same by name; ``"drop"`` for others.
    scores_ : ndarray of shape (n_estimators,)
        What each candidate scores out of fold, greater is better (less the loss).
    score_ : float
        What the ensemble scores on the same predictions: it was chosen on them, so
        expect less.
    oof_predictions_ : Bunch of ndarray of shape (n_samples,) or (n_samples, n_targets)
        Predictions by each candidate's name, of every sample by the model that did
        not see it (with ``cv="prefit"`` by the one there is); the mean where it
        sees no modality. NaN for samples of weight 0, without any modality, and in
        no test fold.
    y_mean_ : float, or ndarray of shape (n_targets,)
        (Weighted) mean of y: the answer for samples without any modality that a
        chosen candidate reads.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities of X.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        As EnsembleSelectionClassifier.

    See Also
    --------
    ModalityStackingRegressor : A final regressor instead of weights.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble Selection
           from Libraries of Models", ICML, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from mmsk.ensemble import EnsembleSelectionRegressor
    >>> X = np.random.default_rng(0).normal(size=(80, 3))
    >>> y = X[:, 0] + X[:, 2]
    >>> EnsembleSelectionRegressor(
    ...     [("strong", Ridge(0.1)), ("weak", Ridge(1e4))]
    ... ).fit(X, y).weights_
    array([1., 0.])
    """

    _method = "predict"

    def predict(self, X):
        """Predict the target of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : float64 ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        said = self._said(X, "training mean")
        return said.reshape(len(said), *np.shape(self.y_mean_))

    def _check_kind(self, name, estimator) -> None:
        if not is_regressor(estimator):
            raise ValueError(
                f"The estimator {name!r} should be a regressor, got {estimator!r}."
            )

    def _learn_prior(self, y, weights) -> None:
        super()._learn_prior(y, weights)
        self._target = Numbers(y, weights)

    def _takes_targets(self) -> bool:
        return all(tags.target_tags.multi_output for tags in self._tags_of_members())
