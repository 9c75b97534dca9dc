"""Multi-layer perceptrons with scikit-learn's contract."""

from mmsk.neural_network._classification import BaseNeuralClassifier
from mmsk.neural_network._matrix_module import MatrixModule
from mmsk.neural_network._regression import BaseNeuralRegressor


class NeuralClassifier(MatrixModule, BaseNeuralClassifier):
    r"""Classify with a multi-layer perceptron.

    A skorch net inside, scikit-learn's contract outside: labels of any type,
    dense and sparse X, sample and class weights, several labels a row. It
    minimises

    .. math:: \frac{1}{n} \sum_i w_i\, \ell(f(x_i), y_i), \qquad \bar w = 1

    with the cross-entropy :math:`\ell` (for several labels the mean of their
    binary ones) by AdamW; other losses, optimisers, schedules and modules are
    parameters. Features should be of similar scale. Of sparse X no more than a
    batch is ever made dense; where few values are stored, not even that.

    Equal `random_state`, equal result: alone, in processes and in threads, and
    whatever torch's global seed; torch's global state stays as it was.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Widths of the hidden layers.
    dropout : float, default=0.0
        Probability in [0, 1) that a hidden feature is zeroed in training.
    module : {"mlp", "residual_mlp"}, HiddenLayers, Module or callable, default="mlp"
        ``HiddenLayers(activation, normalization, residual)`` says more of the
        hidden layers; ``"residual_mlp"`` has short cuts around them and layer
        normalisation. A torch module of one's own, ``(n_samples, n_features) ->
        (n_samples, n_outputs)``, replaces the perceptron and does without the two
        parameters above: it is copied, initial weights included. A class or
        function that makes one is called with the keywords ``in_size`` and
        ``out_size`` (and ``generator``, if it takes one) and gets its weights
        from `random_state`.
    loss : {"cross_entropy", "focal", "logit_adjusted"}, CrossEntropy, Focal, \
            LogitAdjusted or callable, default="cross_entropy"
        ``CrossEntropy(label_smoothing=0.1)``, ``Focal(gamma=2)`` and
        ``LogitAdjusted(tau=1)`` have parameters. A function of one's own maps
        outputs (n_samples, n_outputs) and class codes (n_samples,), or labels
        (n_samples, n_labels), to losses (n_samples,).
    optimizer : {"adamw", "sgd"}, AdamW or SGD, default="adamw"
        ``AdamW(max_grad_norm=1.0)`` and ``SGD(momentum=0.9, max_grad_norm=1.0)``
        also clip gradients.
    lr : float, default=3e-3
        Learning rate.
    weight_decay : float, default=1e-2
        Weight decay.
    schedule : {"constant", "one_cycle", "cosine", "plateau"}, OneCycle, Cosine or \
            Plateau, default="constant"
        How the learning rate changes in a fit.
    max_epochs : int, default=50
        Passes over the training rows.
    batch_size : int, default=128
        Rows a step, at most: the batches of an epoch are equal in size, and if
        there is only one, nothing is shuffled.
    early_stopping : bool, default=False
        Hold out some rows and keep the weights with the lowest loss there.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1); stratified, and whole groups
        where `fit` gets them.
    n_iter_no_change : int, default=10
        Stop after so many epochs without a new lowest validation loss.
    n_members : int or Bootstrap, default=1
        Nets that are trained side by side in one pass, whose predictions are
        averaged. They differ in initial weights; those of ``Bootstrap(k)`` also
        in how often each has every row. They share no weights, but the order of
        the batches, the held-out rows, and the epoch that early stopping goes
        back to (that of the lowest mean loss).
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times the sample weights. ``"balanced"``: inverse
        to the (weighted) frequencies. One class a row only.
    callbacks : list of skorch callbacks, default=None
        Or of (name, callback). Copies of them are called in training, after
        which they are in ``net_.callbacks_``; numbers that they record in the
        net's history come into `history_`. For scikit-learn's own callbacks see
        `set_callbacks`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    device : str or Device, default="auto"
        ``"auto"`` takes CUDA, then MPS (float32 only), then the CPU;
        ``Device("cuda", amp=True)`` trains in mixed precision. A fitted
        estimator predicts on the CPU where its device is not there.
    random_state : int, RandomState instance or None, default=None
        Initial weights, shuffling, dropout and held-out rows.
    verbose : int, default=0
        1 is a line an epoch, on a terminal one line that changes; 2 is a line an
        epoch everywhere.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes; ``0, ..., n_labels - 1`` for several labels.
    class_prior_ : float64 ndarray of shape (n_classes,)
        Their weighted shares of the training rows that are not held out (of all
        training rows, where these lack a class).
    multilabel_ : bool
        Whether y held several labels a row.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.
    n_outputs_ : int
        Number of outputs of the net.
    dtype_ : {"float32", "float64"}
        What is computed in.
    history_ : list of dict
        For each epoch its number ``"epoch"``, ``"train_loss"``, with early
        stopping ``"valid_loss"``, with a schedule ``"lr"``.
    n_iter_ : int
        Number of epochs trained.
    state_ : dict of str to ndarray
        The weights.
    net_ : skorch.NeuralNet
        The net, optimiser included. Not pickled: only `state_` is.

    See Also
    --------
    NeuralRegressor : The same for numbers.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay
           Regularization", ICLR, 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from mmsk.neural_network import NeuralClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = make_pipeline(StandardScaler(), NeuralClassifier(random_state=0))
    >>> bool(clf.fit(X, y).score(X, y) > 0.95)
    True
    """

    _store_id = "mmsk.NeuralClassifier"

    _parameter_constraints: dict = {
        **BaseNeuralClassifier._parameter_constraints,
        **MatrixModule._own_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes=(64,),
        *,
        dropout=0.0,
        module="mlp",
        loss="cross_entropy",
        optimizer="adamw",
        lr=3e-3,
        weight_decay=1e-2,
        schedule="constant",
        max_epochs=50,
        batch_size=128,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        n_members=1,
        class_weight=None,
        callbacks=None,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.module = module
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.n_members = n_members
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose


class NeuralRegressor(MatrixModule, BaseNeuralRegressor):
    r"""Predict numbers with a multi-layer perceptron.

    A skorch net inside, scikit-learn's contract outside: dense and sparse X,
    sample weights, several targets. The target is standardised (weighted)
    inside, so that its unit does not matter, and the weighted mean of the
    squared errors is minimised by AdamW; other losses, optimisers, schedules and
    modules are parameters. Features should be of similar scale. Of sparse X no
    more than a batch is ever made dense; where few values are stored, not even
    that.

    Equal `random_state`, equal result: alone, in processes and in threads, and
    whatever torch's global seed; torch's global state stays as it was.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Widths of the hidden layers.
    dropout : float, default=0.0
        Probability in [0, 1) that a hidden feature is zeroed in training.
    module : {"mlp", "residual_mlp"}, HiddenLayers, Module or callable, default="mlp"
        ``HiddenLayers(activation, normalization, residual)`` says more of the
        hidden layers; ``"residual_mlp"`` has short cuts around them and layer
        normalisation. A torch module of one's own, ``(n_samples, n_features) ->
        (n_samples, n_outputs)``, replaces the perceptron and does without the two
        parameters above: it is copied, initial weights included. A class or
        function that makes one is called with the keywords ``in_size`` and
        ``out_size`` (and ``generator``, if it takes one) and gets its weights
        from `random_state`.
    loss : {"squared_error", "huber"}, SquaredError, Huber or callable, \
            default="squared_error"
        ``Huber(delta=1.0)`` has a parameter, in standard deviations of y. A
        function of one's own maps outputs and standardised targets, both
        (n_samples, n_targets), to losses (n_samples,).
    optimizer : {"adamw", "sgd"}, AdamW or SGD, default="adamw"
        ``AdamW(max_grad_norm=1.0)`` and ``SGD(momentum=0.9, max_grad_norm=1.0)``
        also clip gradients.
    lr : float, default=3e-3
        Learning rate.
    weight_decay : float, default=1e-2
        Weight decay.
    schedule : {"constant", "one_cycle", "cosine", "plateau"}, OneCycle, Cosine or \
            Plateau, default="constant"
        How the learning rate changes in a fit.
    max_epochs : int, default=50
        Passes over the training rows.
    batch_size : int, default=128
        Rows a step, at most: the batches of an epoch are equal in size, and if
        there is only one, nothing is shuffled.
    early_stopping : bool, default=False
        Hold out some rows and keep the weights with the lowest loss there.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1); whole groups where `fit` gets
        them.
    n_iter_no_change : int, default=10
        Stop after so many epochs without a new lowest validation loss.
    n_members : int or Bootstrap, default=1
        Nets that are trained side by side in one pass, whose predictions are
        averaged. They differ in initial weights; those of ``Bootstrap(k)`` also
        in how often each has every row. They share no weights, but the order of
        the batches, the held-out rows, and the epoch that early stopping goes
        back to (that of the lowest mean loss).
    callbacks : list of skorch callbacks, default=None
        Or of (name, callback). Copies of them are called in training, after
        which they are in ``net_.callbacks_``; numbers that they record in the
        net's history come into `history_`. For scikit-learn's own callbacks see
        `set_callbacks`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    device : str or Device, default="auto"
        ``"auto"`` takes CUDA, then MPS (float32 only), then the CPU;
        ``Device("cuda", amp=True)`` trains in mixed precision. A fitted
        estimator predicts on the CPU where its device is not there.
    random_state : int, RandomState instance or None, default=None
        Initial weights, shuffling, dropout and held-out rows.
    verbose : int, default=0
        1 is a line an epoch, on a terminal one line that changes; 2 is a line an
        epoch everywhere.

    Attributes
    ----------
    y_mean_, y_scale_ : float64 ndarray of shape (n_targets,)
        Mean and standard deviation by which the target is standardised.
    y_ndim_ : int
        Number of dimensions of y in fit, and of what is predicted.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.
    n_outputs_ : int
        Number of outputs of the net.
    dtype_ : {"float32", "float64"}
        What is computed in.
    history_ : list of dict
        For each epoch its number ``"epoch"``, ``"train_loss"``, with early
        stopping ``"valid_loss"``, with a schedule ``"lr"``: of the standardised target.
    n_iter_ : int
        Number of epochs trained.
    state_ : dict of str to ndarray
        The weights.
    net_ : skorch.NeuralNet
        The net, optimiser included. Not pickled: only `state_` is.

    See Also
    --------
    NeuralClassifier : The same for classes.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay
           Regularization", ICLR, 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from mmsk.neural_network import NeuralRegressor
    >>> X, y = make_regression(300, 5, random_state=0)
    >>> model = NeuralRegressor(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _store_id = "mmsk.NeuralRegressor"

    _parameter_constraints: dict = {
        **BaseNeuralRegressor._parameter_constraints,
        **MatrixModule._own_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes=(64,),
        *,
        dropout=0.0,
        module="mlp",
        loss="squared_error",
        optimizer="adamw",
        lr=3e-3,
        weight_decay=1e-2,
        schedule="constant",
        max_epochs=50,
        batch_size=128,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        n_members=1,
        callbacks=None,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.module = module
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.n_members = n_members
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
