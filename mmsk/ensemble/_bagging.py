"""ModalityBaggingClassifier and ModalityBaggingRegressor."""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import get_tags

from mmsk.ensemble._answers import Classes, Numbers
from mmsk.ensemble._bagging_base import BaseModalityBagging
from mmsk.fusion._base import BaseFusionClassifier, BaseFusionRegressor


class ModalityBaggingClassifier(BaseModalityBagging, BaseFusionClassifier):
    """Average classifiers of random modalities, fitted on random samples.

    Each member sees a random subset of the modalities (the random subspaces of
    [2]_, over blocks instead of columns) and a bootstrap of the samples, or of
    whole groups [1]_, that have one of them. A sample is predicted by the mean of
    the members, weighted by the share of their modalities that it has: one that it
    lacks takes the vote of some members, makes that of others smaller and leaves
    the rest as they are, so that the answer fades instead of breaking. In the place
    of what is absent a member sees the mean (0 in sparse blocks).

    Parameters
    ----------
    estimator : classifier, default=None
        Fitted on the columns of its modalities; if it reads blocks, it is told
        them. ``None`` is ``DecisionTreeClassifier()``.
    n_estimators : int, default=10
        Number of members.
    max_modalities : int, float or "random", default=0.5
        How many modalities a member sees; a float is a share of them, rounded down
        (at least one). ``"random"``: from one to all, each number equally often.
        Modalities are dealt like cards, so that each is seen equally often. Small
        numbers make the ensemble robust to missing modalities, large ones let its
        members combine them.
    max_samples : int or float, default=1.0
        How many samples (with groups: groups) are drawn for a member; a float is
        a share of them.
    bootstrap : bool, default=True
        Whether they are drawn with replacement.
    oob_score : bool, default=False
        Whether `oob_score_` is computed.
    warm_start : bool, default=False
        Whether a further fit keeps the members and adds those that `n_estimators`
        has more.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    n_jobs : int, default=None
        Members fitted or asked at a time, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the members.
    verbose : int, default=0
        As in joblib.

    Attributes
    ----------
    estimators_ : list of classifier
        The members; ``None`` for one whose draw had none of its modalities.
    estimator_modalities_ : list of tuple of str
        The modalities that each sees.
    estimators_samples_ : list of int ndarray
        The samples, among those given to fit, that each was fitted on.
    oob_score_ : float
        (Weighted) accuracy of the members on the samples that they were not fitted
        on.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        Their probabilities; NaN for samples that none can answer.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares: the answer for samples without any modality.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, more is to be drawn than
        there is, or weights are given that the estimator would not use.

    See Also
    --------
    ModalityBoostingClassifier : Learners of one modality each, one after another.
    sklearn.ensemble.BaggingClassifier : Random samples and columns.

    Notes
    -----
    Imbalanced classes: ``class_weight`` of `estimator` is heeded in every member. Or a
    sampler of imbalanced-learn (``pip install "mmsk[imbalanced]"``), in its Pipeline,
    draws from the samples of each member, which makes a balanced bagging::

        from imblearn.pipeline import make_pipeline
        from imblearn.under_sampling import RandomUnderSampler

        balanced = make_pipeline(RandomUnderSampler(), DecisionTreeClassifier())
        ModalityBaggingClassifier(balanced, n_estimators=50)

    Samplers stand in front of any estimator of mmsk, or inside one, in the same way,
    and the blocks are handed through them; sample weights, which drawn rows would not
    have, are refused there (so by boosting, too). Samplers that invent rows between
    others (SMOTE) need samples that have all modalities, as they do inside
    LateFusionClassifier, which fits each modality on the samples that have it.

    References
    ----------
    .. [1] L. Breiman, "Bagging Predictors", Machine Learning 24, 1996.
    .. [2] T. K. Ho, "The Random Subspace Method for Constructing Decision
           Forests", IEEE TPAMI 20, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.ensemble import ModalityBaggingClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = (X[:, 0] + X[:, 2] > 0).astype(int)
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> clf = ModalityBaggingClassifier(blocks=blocks, random_state=0).fit(X, y)
    >>> sorted(clf.estimator_modalities_[:2])
    [('image',), ('table',)]
    >>> clf.score(X, y) > 0.9
    True
    """

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The mean of the members' probabilities (their votes, if they have
            none), in the order of ``classes_``.
        """
        return self._said(X)

    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Predict the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def _inner(self):
        return DecisionTreeClassifier() if self.estimator is None else self.estimator

    def _check_inner(self) -> None:
        if not is_classifier(self._inner()):
            raise TypeError(f"estimator must be a classifier, got {self.estimator!r}.")

    def _learn_prior(self, y, weights) -> None:
        self._target = Classes(y, weights)
        self.classes_, self.class_prior_ = self._target.classes, self._target.prior

    def _answer(self, model, X):
        if hasattr(model, "predict_proba"):
            return self._target.answer(model, "predict_proba", X)
        codes = np.searchsorted(self.classes_, model.predict(X))
        return np.eye(len(self.classes_))[codes]

    def _keep_out_of_bag(self, answers) -> None:
        self.oob_decision_function_ = answers

    def _score(self, y, answers, weights) -> float:
        said = self.classes_[answers.argmax(axis=1)]
        return accuracy_score(y, said, sample_weight=weights)


class ModalityBaggingRegressor(BaseModalityBagging, BaseFusionRegressor):
    """Average regressors of random modalities, fitted on random samples.

    The twin of ModalityBaggingClassifier: each member sees a random subset of the
    modalities and a bootstrap of the samples, or of whole groups; a sample is
    predicted by their mean, weighted by the share of their modalities that it has.
    One target, or several where the members predict several.

    Parameters
    ----------
    estimator : regressor, default=None
        Fitted on the columns of its modalities; if it reads blocks, it is told
        them. ``None`` is ``DecisionTreeRegressor()``.
    n_estimators : int, default=10
        Number of members.
    max_modalities : int, float or "random", default=0.5
        How many modalities a member sees; a float is a share of them, rounded down
        (at least one). ``"random"``: from one to all, each number equally often.
    max_samples : int or float, default=1.0
        How many samples (with groups: groups) are drawn for a member; a float is
        a share of them.
    bootstrap : bool, default=True
        Whether they are drawn with replacement.
    oob_score : bool, default=False
        Whether `oob_score_` is computed.
    warm_start : bool, default=False
        Whether a further fit keeps the members and adds those that `n_estimators`
        has more.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    blocks : Blocks, default=None
        Layout of X; MultimodalRegressor fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    n_jobs : int, default=None
        Members fitted or asked at a time, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the members.
    verbose : int, default=0
        As in joblib.

    Attributes
    ----------
    estimators_ : list of regressor
        The members; ``None`` for one whose draw had none of its modalities.
    estimator_modalities_ : list of tuple of str
        The modalities that each sees.
    estimators_samples_ : list of int ndarray
        The samples, among those given to fit, that each was fitted on.
    oob_score_ : float
        (Weighted) coefficient of determination of the members on the samples that
        they were not fitted on.
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Their predictions; NaN for samples that none can answer.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    y_mean_ : float, or ndarray of shape (n_targets,)
        (Weighted) mean of y: the answer for samples without any modality.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, more is to be drawn than
        there is, or weights are given that the estimator would not use.

    See Also
    --------
    ModalityBaggingClassifier : How modalities are drawn and answers averaged.
    sklearn.ensemble.BaggingRegressor : Random samples and columns.

    References
    ----------
    .. [1] L. Breiman, "Bagging Predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.ensemble import ModalityBaggingRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = X[:, 0] + X[:, 2]
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> model = ModalityBaggingRegressor(
    ...     max_modalities=2, n_estimators=20, blocks=blocks, random_state=0
    ... )
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    def predict(self, X):
        """Predict the target of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : float64 ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        return self._as_y(self._said(X, "training mean"))

    def _as_y(self, answers):
        return answers.reshape(len(answers), *np.shape(self.y_mean_))

    def _inner(self):
        return DecisionTreeRegressor() if self.estimator is None else self.estimator

    def _check_inner(self) -> None:
        if not is_regressor(self._inner()):
            raise TypeError(f"estimator must be a regressor, got {self.estimator!r}.")

    def _learn_prior(self, y, weights) -> None:
        super()._learn_prior(y, weights)
        self._target = Numbers(y, weights)

    def _answer(self, model, X):
        return self._target.answer(model, "predict", X)

    def _keep_out_of_bag(self, answers) -> None:
        self.oob_prediction_ = self._as_y(answers)

    def _score(self, y, answers, weights) -> float:
        return r2_score(y, self._as_y(answers), sample_weight=weights)

    def _takes_targets(self) -> bool:
        return get_tags(self._inner()).target_tags.multi_output
