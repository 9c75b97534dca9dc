import numpy as np
import torch
from sklearn.metrics import log_loss

from mmsk.neural_network._losses import (
    WeightedLoss,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
)

rng = np.random.RandomState(0)


def test_cross_entropy_is_scikit_learns_log_loss():
    logits, y, w = rng.randn(20, 3), rng.randint(3, size=20), rng.rand(20)
    w /= w.mean()
    loss = WeightedLoss(cross_entropy)
    got = loss(torch.tensor(logits), torch.tensor(y), torch.tensor(w)).item()
    odds = np.exp(logits)
    proba = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        got, log_loss(y, proba, sample_weight=w, labels=range(3))
    )


def test_binary_cross_entropy_is_the_mean_over_labels():
    logits, y = rng.randn(20, 3), rng.randint(2, size=(20, 3)).astype(float)
    got = binary_cross_entropy(torch.tensor(logits), torch.tensor(y)).numpy()
    proba = 1 / (1 + np.exp(-logits))
    expected = -(y * np.log(proba) + (1 - y) * np.log(1 - proba)).mean(axis=1)
    np.testing.assert_allclose(got, expected)


def test_squared_error_weighted_by_hand():
    output = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    target = torch.tensor([[0.0, 0.0], [3.0, 1.0]])
    # rows: (1 + 4) / 2 and (9 + 1) / 2; weights .5 and 1.5
    loss = WeightedLoss(squared_error)(output, target, torch.tensor([0.5, 1.5]))
    assert loss.item() == (0.5 * 2.5 + 1.5 * 5.0) / 2
