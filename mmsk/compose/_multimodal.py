"""One estimator from the mixed table to the prediction."""

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from mmsk.compose._delegation import estimator_has
from mmsk.compose._multimodal_base import BaseMultimodal


class MultimodalClassifier(ClassifierMixin, BaseMultimodal):
    """Classify rows that hold text, pictures, sound and numbers.

    ``features`` turns the table into a matrix with known blocks once; then
    ``estimator``, a clone that has been told the blocks, is fitted on it. The
    estimator may be a fusion estimator of mmsk, any scikit-learn classifier, or
    scikit-learn's own Bagging, AdaBoost, Voting, Stacking or calibration around
    fusion estimators.

    Parameters
    ----------
    features : ModalityTransformer or FrozenEstimator
        A FrozenEstimator around a fitted ModalityTransformer is used as it is.
    estimator : classifier
        What is fitted on the matrix. Its parameters named ``blocks``, and those
        of the estimators inside it, are filled on a clone.
    groups : str, default=None
        A column of X that says which rows belong together (author, speaker,
        product). It is never a feature, is not needed to predict, and reaches
        every inner split that takes groups: of mmsk's estimators, of searches and
        RFECV whose ``cv`` reads groups, such as GroupKFold, and with
        scikit-learn's metadata routing enabled of most others. Where an inner
        split cannot be reached, one GroupsWarning says so, or a ValueError if
        its ``cv`` needs groups. Groups that are no column are given to ``fit``.

    Attributes
    ----------
    features_ : ModalityTransformer
        The fitted features; ``features_.blocks_`` is the layout. Where a loaded model
        finds its files is set in its branches, such as
        ``features_.named_transformers_["image"].set_params(root=...)``.
    estimator_ : classifier
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of columns of the table, `groups` not counted.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the table was a frame.

    Raises
    ------
    ValueError
        If something between the matrix and an estimator that reads blocks
        rearranges the columns (the message has its parameter path), `groups`
        is not a column, or an inner split needs groups that cannot reach it.

    See Also
    --------
    ModalityTransformer : Makes the matrix.
    mmsk.fusion.EarlyFusionClassifier : One estimator on all blocks.
    mmsk.fusion.LateFusionClassifier : One estimator for each block.
    mmsk.fusion.IntermediateFusionClassifier : Encoders trained with the head.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from mmsk.compose import ModalityTransformer, MultimodalClassifier
    >>> from mmsk.feature_extraction.tabular import TableExtractor
    >>> from mmsk.feature_extraction.text import TfidfExtractor
    >>> X = pd.DataFrame({"title": ["red car", "old cat"] * 4, "price": [3.0, 5.0] * 4})
    >>> clf = MultimodalClassifier(
    ...     ModalityTransformer([
    ...         ("text", TfidfExtractor(), ["title"]),
    ...         ("table", TableExtractor(), ["price"]),
    ...     ]),
    ...     LogisticRegression(),
    ... )
    >>> clf.fit(X, ["car", "cat"] * 4).predict(X[:2])
    array(['car', 'cat'], dtype='<U3')
    """

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._call("predict_proba", X)

    @available_if(estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._call("predict_log_proba", X)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X):
        """Predict the estimator's decision values.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._call("decision_function", X)

    @property
    def classes_(self):
        """The classes."""
        return self.estimator_.classes_


class MultimodalRegressor(RegressorMixin, BaseMultimodal):
    """Predict numbers from rows that hold text, pictures, sound and numbers.

    The twin of MultimodalClassifier.

    Parameters
    ----------
    features : ModalityTransformer or FrozenEstimator
        A FrozenEstimator around a fitted ModalityTransformer is used as it is.
    estimator : regressor
        What is fitted on the matrix. Its parameters named ``blocks``, and those
        of the estimators inside it, are filled on a clone.
    groups : str, default=None
        A column of X that says which rows belong together. It is never a
        feature, is not needed to predict, and reaches inner splits as in
        MultimodalClassifier.

    Attributes
    ----------
    features_ : ModalityTransformer
        The fitted features; ``features_.blocks_`` is the layout. Where a loaded model
        finds its files is set in its branches, such as
        ``features_.named_transformers_["image"].set_params(root=...)``.
    estimator_ : regressor
        The fitted estimator.
    n_features_in_ : int
        Number of columns of the table, `groups` not counted.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the table was a frame.

    Raises
    ------
    ValueError
        As MultimodalClassifier.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> from mmsk.compose import ModalityTransformer, MultimodalRegressor
    >>> from mmsk.feature_extraction.tabular import TableExtractor
    >>> X = pd.DataFrame({"rooms": [1, 2, 3, 4], "area": [40.0, 35.0, 80.0, 75.0]})
    >>> features = ModalityTransformer([("table", TableExtractor(), ["rooms", "area"])])
    >>> reg = MultimodalRegressor(features, Ridge(alpha=0.01))
    >>> reg.fit(X, [1.0, 2.0, 3.0, 4.0]).predict(X).round(1)
    array([1., 2., 3., 4.])
    """
