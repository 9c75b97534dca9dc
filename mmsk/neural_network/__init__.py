"""Neural networks with scikit-learn's contract, skorch inside."""

from mmsk.neural_network._architectures import HiddenLayers
from mmsk.neural_network._hardware import Device
from mmsk.neural_network._losses import (
    CrossEntropy,
    Focal,
    Huber,
    LogitAdjusted,
    SquaredError,
)
from mmsk.neural_network._members import Bootstrap
from mmsk.neural_network._neural import NeuralClassifier, NeuralRegressor
from mmsk.neural_network._optimizers import SGD, AdamW
from mmsk.neural_network._schedules import Cosine, OneCycle, Plateau
from mmsk.neural_network._supervised_encoder import SupervisedEncoder

__all__ = [
    "SGD",
    "AdamW",
    "Bootstrap",
    "Cosine",
    "CrossEntropy",
    "Device",
    "Focal",
    "HiddenLayers",
    "Huber",
    "LogitAdjusted",
    "NeuralClassifier",
    "NeuralRegressor",
    "OneCycle",
    "Plateau",
    "SquaredError",
    "SupervisedEncoder",
]
