"""Multi-layer perceptrons with scikit-learn's contract."""

from numbers import Integral, Real

from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.modules import MLP
from mmsk.modules._mlp import ACTIVATIONS
from mmsk.neural_network._classification import BaseNeuralClassifier
from mmsk.neural_network._regression import BaseNeuralRegressor


class _MLPModule:
    """Private: the module of both twins."""

    _own_constraints: dict = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    _architecture = ("hidden_layer_sizes", "activation", "dropout")

    def _make_module(self, inputs, n_outputs, generator):
        return MLP(
            inputs.n_features,
            self.hidden_layer_sizes,
            n_outputs,
            activation=self.activation,
            dropout=self.dropout,
            generator=generator,
        )


class NeuralClassifier(_MLPModule, BaseNeuralClassifier):
    r"""Classify with a multi-layer perceptron.

    A skorch net inside, scikit-learn's contract outside: labels of any type,
    dense and sparse X, sample and class weights, several labels a row. It
    minimises

    .. math:: \frac{1}{n} \sum_i w_i\, \ell(f(x_i), y_i), \qquad \bar w = 1

    with the cross-entropy :math:`\ell` (for several labels the mean of their
    binary ones) by AdamW. Features should be of similar scale.

    Equal `random_state`, equal result: alone, in processes and in threads, and
    whatever torch's global seed; torch's global state stays as it was.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Widths of the hidden layers.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, \
            default="relu"
        What follows each hidden layer.
    dropout : float, default=0.0
        Probability in [0, 1) that a hidden feature is zeroed in training.
    lr : float, default=3e-3
        Learning rate of AdamW.
    weight_decay : float, default=1e-2
        Decoupled weight decay of AdamW.
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
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times the sample weights. ``"balanced"``: inverse
        to the (weighted) frequencies. One class a row only.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    device : str, default="auto"
        ``"auto"`` takes CUDA, then MPS (float32 only), then the CPU. A fitted
        estimator predicts on the CPU where its device is not there.
    random_state : int, RandomState instance or None, default=None
        Initial weights, shuffling, dropout and held-out rows.
    verbose : int, default=0
        Above 0, a line an epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes; ``0, ..., n_labels - 1`` for several labels.
    class_prior_ : float64 ndarray of shape (n_classes,)
        Their weighted shares of the training rows.
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
        For each epoch its number ``"epoch"``, ``"train_loss"`` and, with early
        stopping, ``"valid_loss"``.
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

    _parameter_constraints: dict = {
        **BaseNeuralClassifier._parameter_constraints,
        **_MLPModule._own_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes=(64,),
        *,
        activation="relu",
        dropout=0.0,
        lr=3e-3,
        weight_decay=1e-2,
        max_epochs=50,
        batch_size=128,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        class_weight=None,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.lr = lr
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose


class NeuralRegressor(_MLPModule, BaseNeuralRegressor):
    r"""Predict numbers with a multi-layer perceptron.

    A skorch net inside, scikit-learn's contract outside: dense and sparse X,
    sample weights, several targets. The target is standardised (weighted)
    inside, so that its unit does not matter, and the weighted mean of the
    squared errors is minimised by AdamW. Features should be of similar scale.

    Equal `random_state`, equal result: alone, in processes and in threads, and
    whatever torch's global seed; torch's global state stays as it was.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Widths of the hidden layers.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, \
            default="relu"
        What follows each hidden layer.
    dropout : float, default=0.0
        Probability in [0, 1) that a hidden feature is zeroed in training.
    lr : float, default=3e-3
        Learning rate of AdamW.
    weight_decay : float, default=1e-2
        Decoupled weight decay of AdamW.
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
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    device : str, default="auto"
        ``"auto"`` takes CUDA, then MPS (float32 only), then the CPU. A fitted
        estimator predicts on the CPU where its device is not there.
    random_state : int, RandomState instance or None, default=None
        Initial weights, shuffling, dropout and held-out rows.
    verbose : int, default=0
        Above 0, a line an epoch.

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
        For each epoch its number ``"epoch"``, ``"train_loss"`` and, with early
        stopping, ``"valid_loss"``: of the standardised target.
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

    _parameter_constraints: dict = {
        **BaseNeuralRegressor._parameter_constraints,
        **_MLPModule._own_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes=(64,),
        *,
        activation="relu",
        dropout=0.0,
        lr=3e-3,
        weight_decay=1e-2,
        max_epochs=50,
        batch_size=128,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.lr = lr
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
