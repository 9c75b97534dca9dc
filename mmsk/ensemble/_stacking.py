"""ModalityStackingClassifier and ModalityStackingRegressor."""

from mmsk._utils._blocks import Blocks
from mmsk.ensemble._stacking_tasks import (
    BaseModalityStackingClassifier,
    BaseModalityStackingRegressor,
)


class ModalityStackingClassifier(BaseModalityStackingClassifier):
    """Fit a classifier on the out-of-fold answers of others, of several modalities.

    scikit-learn's StackingClassifier, with the same parameters, for matrices with
    blocks. `groups` reach the folds, and weights everything that is fitted. Each
    estimator reads the modalities it chooses: a fusion estimator by its parameter
    ``modalities``, any other behind a BlockSelector in a Pipeline. It is fitted on
    the samples that have one of them and is asked only about these; for others its
    probabilities are the prior, and a column of the final estimator's features
    says so.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Names and estimators, which are reached as ``name__parameter``; ``"drop"``
        leaves one out. A regressor learns the positions of the classes.
    final_estimator : classifier, default=None
        Fitted on what `transform` gives. ``None`` is
        ``LogisticRegression(max_iter=1000)``, one for each of several labels.
    cv : int, splitter, iterable or "prefit", default=None
        Folds for the answers. An int makes shuffled folds, stratified, and grouped
        where fit is given groups; ``None`` is 5. ``"prefit"``: the estimators are
        fitted already, on other samples, and are not fitted again.
    stack_method : {"auto", "predict_proba", "logit", "decision_function", \
            "predict"}, default="auto"
        What the estimators are asked. ``"auto"``: the first that they have of
        probabilities, decision values and predictions. ``"logit"``:
        log-probabilities less those of the prior, 0 for an absent modality, which
        are the better features for a linear final estimator; probabilities are
        held above 1e-6.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    passthrough : bool or list of str, default=False
        Whether the final estimator sees the columns of X too, or those of the
        named modalities. One that reads blocks is told them, behind a block
        "answers".
    verbose : int, default=0
        Messages of joblib.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block. The estimators are told it.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv`.

    Attributes
    ----------
    estimators_ : list of estimators
        Those that are not dropped, fitted on all samples; ``None`` for one whose
        modalities no sample has.
    named_estimators_ : Bunch
        The same by name, and ``"drop"``.
    final_estimator_ : classifier
        The fitted final estimator.
    stack_method_ : list of str
        The method that each estimator is asked by.
    oof_predictions_ : Bunch of ndarray of shape (n_samples, n_columns)
        What each estimator says by its name, of every sample by the model that did
        not see it (with ``cv="prefit"`` by the one there is), before `stack_method`
        makes logits of it; of shape (n_samples,) where it is one number. NaN for
        samples of weight 0, without any modality, and in no test fold.
    classes_ : ndarray of shape (n_classes,), or list of ndarray for several labels
        The classes.
    class_prior_ : ndarray of shape (n_classes,) or (n_labels,)
        Their (weighted) shares: the answer for samples without any modality.
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
        If `estimators` is no list of pairs, an estimator lacks the method, X does
        not fit `blocks`, or weights are given that an estimator would not use.

    See Also
    --------
    mmsk.fusion.LateFusionClassifier : One estimator for each modality, and simpler
        rules than a stack.
    EnsembleSelectionClassifier : Weights, by greedy selection, for many candidates.

    Notes
    -----
    Differences to scikit-learn's StackingClassifier: folds are shuffled; the
    estimators are fitted on the labels, not on their positions, so that a
    ``class_weight`` by label works; several labels a sample have probabilities of
    shape (n_samples, n_labels); a class or a modality that a fold lacks is no
    error; a target of one class is answered by a constant.

    References
    ----------
    .. [1] D. H. Wolpert, "Stacked Generalization", Neural Networks, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.ensemble import ModalityStackingClassifier
    >>> from mmsk.fusion import EarlyFusionClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = np.where(X[:, 0] + X[:, 2] > 0, "yes", "no")
    >>> stack = ModalityStackingClassifier(
    ...     [
    ...         ("picture", EarlyFusionClassifier(modalities=["image"])),
    ...         ("all", LogisticRegression()),
    ...     ],
    ...     stack_method="logit",
    ...     blocks=Blocks([Block("image", 0, 2), Block("table", 2, 3)]),
    ... )
    >>> stack.fit(X, y).score(X, y) > 0.9
    True
    >>> stack.oof_predictions_["picture"].shape
    (60, 2)
    """

    def __init__(
        self,
        estimators,
        final_estimator=None,
        *,
        cv=None,
        stack_method: str = "auto",
        n_jobs: int | None = None,
        passthrough=False,
        verbose: int = 0,
        blocks: Blocks | None = None,
        random_state=0,
    ) -> None:
        self.estimators = estimators
        self.final_estimator = final_estimator
        self.cv = cv
        self.stack_method = stack_method
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.blocks = blocks
        self.random_state = random_state


class ModalityStackingRegressor(BaseModalityStackingRegressor):
    """Fit a regressor on the out-of-fold predictions of others, of several modalities.

    The twin of ModalityStackingClassifier: scikit-learn's StackingRegressor for
    matrices with blocks. What an estimator cannot see it does not learn from, and
    the mean stands for its prediction. One target, or several where the regressors
    predict several.

    Parameters
    ----------
    estimators : list of (str, regressor)
        Names and regressors, which are reached as ``name__parameter``; ``"drop"``
        leaves one out.
    final_estimator : regressor, default=None
        Fitted on what `transform` gives. ``None`` is ``Ridge()`` on columns brought
        to a standard deviation of 1, so that the penalty does not depend on the
        unit of y.
    cv : int, splitter, iterable or "prefit", default=None
        Folds for the predictions. An int makes shuffled folds, grouped where fit is
        given groups; ``None`` is 5. ``"prefit"``: the regressors are fitted
        already, on other samples, and are not fitted again.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    passthrough : bool or list of str, default=False
        Whether the final estimator sees the columns of X too, or those of the
        named modalities. One that reads blocks is told them, behind a block
        "answers".
    verbose : int, default=0
        Messages of joblib.
    blocks : Blocks, default=None
        Layout of X; MultimodalRegressor fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block. The regressors are told it.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv`.

    Attributes
    ----------
    estimators_ : list of regressors
        Those that are not dropped, fitted on all samples; ``None`` for one whose
        modalities no sample has.
    named_estimators_ : Bunch
        The same by name, and ``"drop"``.
    final_estimator_ : regressor
        The fitted final estimator.
    stack_method_ : list of str
        ``"predict"`` for each.
    oof_predictions_ : Bunch of ndarray of shape (n_samples,) or (n_samples, n_targets)
        What each regressor says by its name, of every sample by the model that did
        not see it (with ``cv="prefit"`` by the one there is). NaN for samples of
        weight 0, without any modality, and in no test fold.
    y_mean_ : float, or ndarray of shape (n_targets,)
        (Weighted) mean of y: the answer for samples without any modality.
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
        As ModalityStackingClassifier.

    See Also
    --------
    mmsk.fusion.LateFusionRegressor : One regressor for each modality, and simpler
        rules than a stack.

    References
    ----------
    .. [1] L. Breiman, "Stacked Regressions", Machine Learning 24, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.ensemble import ModalityStackingRegressor
    >>> from mmsk.fusion import EarlyFusionRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = X[:, 0] + X[:, 2]
    >>> stack = ModalityStackingRegressor(
    ...     [
    ...         ("picture", EarlyFusionRegressor(modalities=["image"])),
    ...         ("all", Ridge()),
    ...     ],
    ...     blocks=Blocks([Block("image", 0, 2), Block("table", 2, 3)]),
    ... )
    >>> stack.fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        estimators,
        final_estimator=None,
        *,
        cv=None,
        n_jobs: int | None = None,
        passthrough=False,
        verbose: int = 0,
        blocks: Blocks | None = None,
        random_state=0,
    ) -> None:
        self.estimators = estimators
        self.final_estimator = final_estimator
        self.cv = cv
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.blocks = blocks
        self.random_state = random_state
