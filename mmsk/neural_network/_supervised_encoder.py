"""Embeddings learned from the target, out of fold for the rows learned from."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import skorch
import torch
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from mmsk._utils._blocks import Blocks
from mmsk._utils._device import resolve_device
from mmsk._utils._param_validation import StrOptions, fit_context
from mmsk._utils._splits import splits_of_kept
from mmsk._utils._targets import check_known
from mmsk._utils._weights import positive_weights
from mmsk.neural_network._members import count_members
from mmsk.neural_network._neural import NeuralClassifier, NeuralRegressor
from mmsk.neural_network._supervised_encoder_columns import BaseSupervisedEncoder
from mmsk.neural_network._supervised_encoder_module import EncoderMaker
from mmsk.neural_network._supervised_encoder_outputs import aligned, log_odds
from mmsk.neural_network._supervised_encoder_training import (
    Training,
    check_folds,
    choose_net,
)


class SupervisedEncoder(BaseSupervisedEncoder):
    r"""Train an encoder of one block on the target, and return what it says.

    The encoder gets a linear head and is trained on y: classes, several labels, or
    numbers. `transform` asks the encoder that was trained on all rows. On the rows
    it was trained on this encoder is far too sure, and an estimator behind it would
    learn to trust it; so `fit_transform` trains one more encoder for each fold of
    `cv`, on the rows outside of it, and every row is encoded by an encoder that has
    never seen it. (``fit(X, y).transform(X)`` is not the same.)

    Encoders that are trained apart number and turn their hidden units as they like:
    unit 3 of one fold has nothing to do with unit 3 of the next, and an estimator
    fitted on a mixture of them would learn nothing that holds for `transform`. What
    all of them share is the target. So what is returned is what the head says: the
    log-odds of the classes, with :math:`p` moved into :math:`[10^{-6}, 1 - 10^{-6}]`,

    .. math:: s_c = \log p_c - \frac{1}{C} \sum_k \log p_k,

    one column :math:`\log (p_1 / p_0)` for two classes and one a label for several
    labels, or the predicted numbers in their unit. With ``output="hidden"`` the
    hidden units of each fold are turned (and mirrored) towards those of the encoder
    of all rows, as well as the rows that both were trained on allow. That encoder
    knows the targets of the rows that are turned; of this no more than a rotation
    comes through.

    A row without the modality (presence 0) is not trained on. Its scores are those
    of the prior (the shares of the classes, the mean of the target), its hidden
    units their mean: the same for all such rows, in `fit_transform` too, so that
    they say nothing about a row.

    A model that makes folds of its own (a stack, a calibration) out of the result of
    `fit_transform` is not protected: the encoders of the other folds have seen the
    rows that it holds out. Put the encoder inside of it, behind the raw block;
    MultimodalClassifier warns (`mmsk.exceptions.LeakageWarning`) where it can see it.

    Parameters
    ----------
    encoder : str, Module or callable, default="auto"
        The first of those for the kind of block is ``"auto"``. Pictures:
        ``"cnn"``; tokens: ``"rnn"``, ``"mean"``, ``"transformer"``; sequences:
        ``"crnn"``, ``"cnn"``; vectors (of similar scale): ``"mlp"``,
        ``"identity"``. A torch module with the attribute ``out_size`` that maps
        ``(n, *shape)`` to ``(n, out_size)`` is copied, initial weights included. A
        class or function that makes one is called with the shape of a sample (with
        the number of tokens) and, if it takes that, the keyword ``generator``.
    cv : int, splitter or iterable, default=5
        The folds of `fit_transform`; every row must be in one test fold. Folds of an
        int are shuffled, stratified for classes, and keep groups together; there are
        fewer of them where rows or groups do not suffice. The more there are, the
        more rows each encoder has seen, and the more alike it is to the one that
        `transform` asks.
    output : {"scores", "hidden"}, default="scores"
        What the head says, or what it is told.
    task : {"auto", "classification", "regression"}, default="auto"
        What y is. ``"auto"``: what `estimator` is made for; without one, inside
        MultimodalClassifier classes, inside MultimodalRegressor numbers; elsewhere
        strings, booleans and integers are classes (more than 100 different integers
        are refused), floats are numbers, unless they are no more than two.
    estimator : NeuralClassifier or NeuralRegressor, default=None
        How to train: optimiser, epochs, early stopping and all. Its ``dropout`` is
        that of encoders by name, its ``hidden_layer_sizes`` are those of ``"mlp"``.
        ``None``: their defaults.
    blocks : Blocks, default=None
        Layout of X, one block; filled by ModalityTransformer in its branches and
        by MultimodalClassifier and MultimodalRegressor behind them. Elsewhere an
        array is one vector without a presence column unless it is said here.
    n_jobs : int, default=None
        Number of processes for the trainings of `fit_transform`. ``None`` is 1
        unless in a ``joblib.parallel_config`` context.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows of an int `cv` and, unless `estimator` has one of its own,
        seeds the trainings; all begin with the same weights.

    Attributes
    ----------
    estimator_ : NeuralClassifier or NeuralRegressor
        The encoder with its head, trained on all rows that have the modality.
    task_ : {"classification", "regression"}
        What y was taken for.
    classes_ : ndarray of shape (n_classes,)
        The classes, if it was.
    fill_ : float64 ndarray of shape (n_outputs,)
        What stands in a row without the modality.
    block_ : Block
        Where the outputs stand; the presence column follows them where X had one.
    blocks_ : Blocks
        Layout of X.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    Raises
    ------
    ValueError
        If X has several blocks, the encoder does not suit the kind of block, no row
        has the modality, or `cv` leaves rows out of its test folds.

    See Also
    --------
    mmsk.fusion.IntermediateFusionClassifier : Trains the encoders of all modalities
        together with one head, and needs no folds.

    References
    ----------
    .. [1] D. H. Wolpert, "Stacked Generalization", Neural Networks 5, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.neural_network import NeuralClassifier, SupervisedEncoder
    >>> rng = np.random.default_rng(0)
    >>> y = np.array(["dark", "light"] * 12)
    >>> X = rng.random((24, 192)) / 2 + (y == "light")[:, None] / 2
    >>> encoder = SupervisedEncoder(
    ...     "cnn",
    ...     cv=3,
    ...     estimator=NeuralClassifier(max_epochs=5),
    ...     blocks=Blocks([Block("photo", 0, 192, kind="image", shape=(3, 8, 8))]),
    ...     random_state=0,
    ... )
    >>> scores = encoder.fit_transform(X, y)
    >>> scores.shape
    (24, 1)
    >>> bool(((scores[:, 0] > 0) == (y == "light")).all())
    True
    >>> encoder.get_feature_names_out()
    array(['score_light'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        "encoder": [str, callable],
        "cv": ["cv_object"],
        "output": [StrOptions({"scores", "hidden"})],
        "task": [StrOptions({"auto", "classification", "regression"})],
        "estimator": [NeuralClassifier, NeuralRegressor, None],
        "blocks": [Blocks, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    _store_id = "mmsk.SupervisedEncoder"

    _reads_block = True
    """For the branches of a ModalityTransformer: it wants `blocks` and presence."""

    _out_of_fold = True
    """For MultimodalClassifier: `fit_transform` hides from a row its own target."""

    def __init__(
        self,
        encoder="auto",
        *,
        cv=5,
        output="scores",
        task="auto",
        estimator=None,
        blocks=None,
        n_jobs=None,
        random_state=None,
    ):
        self.encoder = encoder
        self.cv = cv
        self.output = output
        self.task = task
        self.estimator = estimator
        self.blocks = blocks
        self.n_jobs = n_jobs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Train the encoder on all rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            One block, as of a tensorizer, with or without a presence column.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            Only their ratios count; rows of weight 0 are not trained on.
        groups : array-like of shape (n_samples,), default=None
            With early stopping, rows of one group are held out together.

        Returns
        -------
        self : SupervisedEncoder
        """
        training, _, _ = self._start(X, y, sample_weight, groups)
        net, *_ = training.run(training.kept, training.kept[:0])
        self._finish(training, net)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y, sample_weight=None, groups=None):
        """Train the encoder, and return what others say of the rows they don't know.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            One block, as of a tensorizer, with or without a presence column.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            Only their ratios count; rows of weight 0 are not trained on.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are in the same fold.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_outputs) or (n_samples, n_outputs + 1)
            In the dtype of X; the presence column last, where X has one.
        """
        training, present, fold_seed = self._start(X, y, sample_weight, groups)
        kept = training.kept
        splits = splits_of_kept(
            self.cv,
            X,
            training.y,
            kept,
            groups=groups,
            classifier=self.task_ == "classification" and training.y.ndim == 1,
            random_state=fold_seed,
        )
        check_folds(splits, len(kept))
        nothing = kept[:0]
        parts = [(kept, nothing), *((kept[a], kept[b]) for a, b in splits)]
        (net, *_), *folds = Parallel(n_jobs=self.n_jobs)(
            delayed(training.run)(*part) for part in parts
        )
        everything = self._finish(training, net)
        outputs = self._outputs(training.X, present)
        for (train, test), (_, said, own) in zip(splits, folds, strict=True):
            if everything is not None:
                said = aligned(said, own, everything[train])
            outputs[kept[test], : len(self.fill_)] = said
        return outputs

    def transform(self, X):
        """Return what the encoder of all rows says.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_outputs) or (n_samples, n_outputs + 1)
            In the dtype of X; the presence column last, where X has one.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        self.blocks_.check(X)
        return self._outputs(X, self.blocks_.present(X)[:, 0])

    def _start(self, X, y, sample_weight, groups):
        """Validate; return the training, which rows are present, a seed for folds."""
        checks = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}
        if y is None:  # it is refused
            validate_data(self, X, y, **checks)
        X, y = validate_data(self, X, y, multi_output=True, **checks)
        y = y.toarray() if sp.issparse(y) else y
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        check_known(y)
        if groups is not None:
            check_consistent_length(X, groups)
            groups = column_or_1d(groups)
        block = self._learn_block(X)
        present = self.blocks_.present(X)[:, 0]
        rows, weights = positive_weights(sample_weight, X)
        kept = np.arange(X.shape[0])[rows]
        kept = kept[present[kept]]
        if not len(kept):
            raise ValueError(
                f"No sample that counts has the modality {block.name!r}: there is "
                "nothing to train an encoder on."
            )
        if weights is not None:
            given, weights = weights, np.zeros(X.shape[0])
            weights[rows] = given
        net, self.task_ = choose_net(self.estimator, self.task, y[kept])
        if self.output == "hidden" and count_members(net.n_members) > 1:
            raise ValueError(
                "The members of an ensemble have hidden units of their own: set "
                f"n_members=1 (it is {net.n_members!r}), or output='scores'."
            )
        fold_seed, net_seed = check_random_state(self.random_state).randint(
            2**31 - 1, size=2
        )
        if net.random_state is None:
            net.set_params(random_state=int(net_seed))
        sizes = net.hidden_layer_sizes
        maker = EncoderMaker(self.encoder, block, None, sizes, net.dropout)
        classes = None
        if self.task_ == "classification" and y.ndim == 1:
            classes = np.unique(y[kept])
        hidden = self.output == "hidden"
        training = Training(net, maker, X, y, weights, groups, kept, classes, hidden)
        return training, present, int(fold_seed)

    def _finish(self, training: Training, net: Any) -> NDArray[np.float64] | None:
        """Keep the net of all rows; return its hidden units of them, if wanted."""
        self.estimator_ = net
        if self.task_ == "classification":
            self.classes_ = net.classes_
        if training.hidden:
            everything = training.say(net, training.taken(training.kept))
            weights = training.weights
            weights = None if weights is None else weights[training.kept]
            self.fill_ = np.average(everything, axis=0, weights=weights)
            return everything
        if self.task_ == "classification":
            prior = net.class_prior_[np.newaxis]
            self.fill_ = log_odds(prior, multilabel=net.multilabel_)[0]
        else:
            self.fill_ = net.y_mean_
        return None

    def _tell_task(self, task: str) -> None:
        """Learn from the classifier or regressor around what y is."""
        if self.task == "auto" and self.estimator is None:
            self.task = task

    @property
    def _draws(self) -> bool:
        """Tell the store whether results follow from parameters and data."""
        return not isinstance(self.random_state, Integral)

    def _versions(self) -> Mapping[str, str]:
        auto = resolve_device("auto", torch.float32).type
        return {
            "torch": torch.__version__,
            "skorch": skorch.__version__,
            "device": auto,  # what that word means here
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
