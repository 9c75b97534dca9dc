"""LightGBMClassifier and LightGBMRegressor."""

from mmsk.ensemble._lightgbm_tasks import (
    BaseLightGBMClassifier,
    BaseLightGBMRegressor,
)


class LightGBMClassifier(BaseLightGBMClassifier):
    """Gradient-boosted trees for classes, by LightGBM.

    Holds a LightGBM booster and keeps scikit-learn's contract where LightGBM's
    own estimators don't: columns in another order and unknown parameters are
    refused, column names may hold any character, strings are labels, early
    stopping makes its own inner split, and rows of weight 0 are absent.

    Parameters
    ----------
    n_estimators : int, default=100
        Rounds of boosting, each with one tree (one a class for more than two).
    learning_rate : float, default=0.1
        Shrinks each tree.
    num_leaves : int, default=31
        Most leaves of a tree.
    max_depth : int, default=-1
        Most splits between root and leaf. 0 and -1: no limit.
    min_child_samples : int or "auto", default="auto"
        Fewest rows in a leaf. "auto" is a twentieth of the rows, at least 1 and
        at most LightGBM's own 20, with which 39 rows are too few for a split.
        LightGBM estimates their number from their weights; with 0 it counts none.
        With "auto", categories that are split off together need five times as many.
    subsample : float, default=1.0
        Share of the rows drawn for a tree, in (0, 1].
    subsample_freq : int, default=1
        Draw rows anew every so many trees. 0: draw none, whatever `subsample`.
    colsample_bytree : float, default=1.0
        Share of the columns drawn for each tree, in (0, 1].
    reg_alpha, reg_lambda : float, default=0.0
        L1 and L2 penalty on the values of leaves.
    max_bin : int, default=255
        Most bins of a column.
    objective : {"binary", "multiclass", "multiclassova"} or callable, default=None
        The loss. ``None``: "binary" for two classes, "multiclass" for more. A
        callable takes ``(y_true, y_pred)``, positions in `classes_` and raw scores
        of shape (n_samples,), or (n_samples, n_classes) for more than two classes,
        and returns gradient and Hessian of that shape, without weights: these are
        multiplied to both. Scores start at 0. What they mean is not known then, so
        there is `decision_function`, and no `predict_proba`.
    monotone_constraints : array-like of shape (n_features,) or dict, default=None
        1 for a column with which the prediction (a class's raw score) may only
        rise, -1 only fall, 0 free. A dict says so by the name or position of a
        column, or by the name of a modality of `blocks`, ``{"table": 1}``: all its
        columns that hold no categories. Where copies of this estimator see different
        modalities, as in late fusion, it counts for those that see this one.
    metric : str, list of str or callable, default=None
        What early stopping looks at; ``None`` is the loss. A callable takes
        ``(y_true, y_pred)`` or ``(y_true, y_pred, sample_weight)`` and returns
        ``(name, value, is_higher_better)``; `y_pred` is what the booster predicts,
        raw scores where `objective` is a callable.
    class_weight : dict or "balanced", default=None
        Weights of the classes by label.
    early_stopping : bool, default=False
        Whether to hold rows out, stop when the loss there has not improved for
        `n_iter_no_change` rounds, and keep the rounds up to the best one. The
        held-out rows keep the shares of the classes, or whole groups together
        where `fit` gets groups.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1).
    n_iter_no_change : int, default=10
        Rounds without improvement before stopping.
    refit : bool, default=False
        Whether to train again on all rows with the best number of rounds.
    importance_type : {"split", "gain"}, default="split"
        What `feature_importances_` counts: splits, or the gain of all splits.
    params : dict, default=None
        Further parameters of LightGBM by name, such as
        ``{"min_gain_to_split": 0.1, "extra_trees": True}``.
    blocks : Blocks, default=None
        Layout of X; its categorical columns are split as categories. In a
        MultimodalClassifier, where there are none, containers and steps that draw or
        choose columns may stand before it (BaggingClassifier with `max_features`,
        RFECV, SelectKBest): it is told no blocks then.
    n_jobs : int, default=None
        Threads. ``None`` means 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        Draws rows, columns and the inner split.
    verbose : int, default=0
        LightGBM's messages: 0 none, 1 all, more for debugging.

    Attributes
    ----------
    booster_ : lightgbm.Booster or None
        The trees; ``None`` where `fit` saw one class.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_iter_ : int
        Rounds of boosting in `booster_`.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Importance of each column, of the kind `importance_type`.
    modality_importances_ : dict of str to float
        Share of that by modality, by `blocks` or column names like ``"text__cat"``:
        the columns of each, its presence column among them. 0 for all where no tree
        was split.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X is a DataFrame.

    Raises
    ------
    ValueError
        If LightGBM does not know or refuses a parameter, `blocks` does not
        describe X or holds raw modalities, or X is infinite. Missing numbers
        (NaN) are accepted and learned from.

    Warns
    -----
    UserWarning
        If there are too few rows for any split at this `min_child_samples`.

    See Also
    --------
    LightGBMRegressor : The twin for numbers.

    Notes
    -----
    Weights are divided by their mean before training. A row of weight 2 is not
    quite two rows: LightGBM limits leaves and bins by numbers of rows.

    A column outside every block of `blocks` is a number like any other.

    References
    ----------
    .. [1] G. Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision
           Tree", NeurIPS, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mmsk.ensemble import LightGBMClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> trees = LightGBMClassifier(n_estimators=10).fit(X, y)
    >>> trees.predict(X[:2])
    array([0, 0])
    >>> trees.score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        n_estimators=100,
        *,
        learning_rate=0.1,
        num_leaves=31,
        max_depth=-1,
        min_child_samples="auto",
        subsample=1.0,
        subsample_freq=1,
        colsample_bytree=1.0,
        reg_alpha=0.0,
        reg_lambda=0.0,
        max_bin=255,
        objective=None,
        monotone_constraints=None,
        metric=None,
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        refit=False,
        importance_type="split",
        params=None,
        blocks=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            n_estimators,
            learning_rate=learning_rate,
            num_leaves=num_leaves,
            max_depth=max_depth,
            min_child_samples=min_child_samples,
            subsample=subsample,
            subsample_freq=subsample_freq,
            colsample_bytree=colsample_bytree,
            reg_alpha=reg_alpha,
            reg_lambda=reg_lambda,
            max_bin=max_bin,
            objective=objective,
            monotone_constraints=monotone_constraints,
            metric=metric,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            refit=refit,
            importance_type=importance_type,
            params=params,
            blocks=blocks,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight


class LightGBMRegressor(BaseLightGBMRegressor):
    """Gradient-boosted trees for numbers, by LightGBM.

    Parameters
    ----------
    n_estimators : int, default=100
        Rounds of boosting, each with one tree.
    learning_rate : float, default=0.1
        Shrinks each tree.
    num_leaves : int, default=31
        Most leaves of a tree.
    max_depth : int, default=-1
        Most splits between root and leaf. 0 and -1: no limit.
    min_child_samples : int or "auto", default="auto"
        Fewest rows in a leaf. "auto" is a twentieth of the rows, at least 1 and
        at most LightGBM's own 20, with which 39 rows are too few for a split.
        LightGBM estimates their number from their weights; with 0 it counts none.
        With "auto", categories that are split off together need five times as many.
    subsample : float, default=1.0
        Share of the rows drawn for a tree, in (0, 1].
    subsample_freq : int, default=1
        Draw rows anew every so many trees. 0: draw none, whatever `subsample`.
    colsample_bytree : float, default=1.0
        Share of the columns drawn for each tree, in (0, 1].
    reg_alpha, reg_lambda : float, default=0.0
        L1 and L2 penalty on the values of leaves.
    max_bin : int, default=255
        Most bins of a column.
    objective : {"regression", "regression_l1", "huber", "fair", "poisson", \
            "quantile", "mape", "gamma", "tweedie"} or callable, default=None
        The loss. ``None`` is "regression", squared error. A callable takes
        ``(y_true, y_pred)`` of shape (n_samples,) and returns gradient and Hessian
        of that shape, without weights: these are multiplied to both. Predictions
        start at 0.
    monotone_constraints : array-like of shape (n_features,) or dict, default=None
        1 for a column with which the prediction (a class's raw score) may only
        rise, -1 only fall, 0 free. A dict says so by the name or position of a
        column, or by the name of a modality of `blocks`, ``{"table": 1}``: all its
        columns that hold no categories. Where copies of this estimator see different
        modalities, as in late fusion, it counts for those that see this one.
    metric : str, list of str or callable, default=None
        What early stopping looks at; ``None`` is the loss. A callable takes
        ``(y_true, y_pred)`` or ``(y_true, y_pred, sample_weight)`` and returns
        ``(name, value, is_higher_better)``; `y_pred` is what the booster predicts,
        raw scores where `objective` is a callable.
    early_stopping : bool, default=False
        Whether to hold rows out, stop when the loss there has not improved for
        `n_iter_no_change` rounds, and keep the rounds up to the best one. Whole
        groups are held out where `fit` gets groups.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1).
    n_iter_no_change : int, default=10
        Rounds without improvement before stopping.
    refit : bool, default=False
        Whether to train again on all rows with the best number of rounds.
    importance_type : {"split", "gain"}, default="split"
        What `feature_importances_` counts: splits, or the gain of all splits.
    params : dict, default=None
        Further parameters of LightGBM by name.
    blocks : Blocks, default=None
        Layout of X; its categorical columns are split as categories. Where there
        are none, it may stand behind containers that draw columns, without blocks.
    n_jobs : int, default=None
        Threads. ``None`` means 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        Draws rows, columns and the inner split.
    verbose : int, default=0
        LightGBM's messages: 0 none, 1 all, more for debugging.

    Attributes
    ----------
    booster_ : lightgbm.Booster
        The trees, of the target without `offset_`.
    offset_ : float
        What is added to the booster's prediction: LightGBM reads the target in
        float32, in which a large mean would swallow the differences. 0 where the
        loss, or a named metric that early stopping looks at, is about y itself.
    n_iter_ : int
        Rounds of boosting in `booster_`.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Importance of each column, of the kind `importance_type`.
    modality_importances_ : dict of str to float
        Share of that by modality, by `blocks` or column names like ``"text__cat"``:
        the columns of each, its presence column among them. 0 for all where no tree
        was split.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X is a DataFrame.

    Raises
    ------
    ValueError
        If LightGBM does not know or refuses a parameter, `blocks` does not
        describe X or holds raw modalities, or X is infinite. Missing numbers
        (NaN) are accepted and learned from.

    Warns
    -----
    UserWarning
        If there are too few rows for any split at this `min_child_samples`.

    See Also
    --------
    LightGBMClassifier : The twin for classes, with notes on weights.

    References
    ----------
    .. [1] G. Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision
           Tree", NeurIPS, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from mmsk.ensemble import LightGBMRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> trees = LightGBMRegressor(n_estimators=30, num_leaves=7).fit(X, y)
    >>> trees.score(X, y) > 0.6
    True
    """
