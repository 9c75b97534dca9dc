"""Neural networks with scikit-learn's contract, skorch inside."""

from mmsk.neural_network._neural import NeuralClassifier, NeuralRegressor

__all__ = ["NeuralClassifier", "NeuralRegressor"]
