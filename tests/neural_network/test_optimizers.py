import numpy as np
import pytest
import torch

from mmsk.neural_network import SGD, AdamW, NeuralClassifier, NeuralRegressor

START = {"lr": 1e-30, "weight_decay": 0, "random_state": 0, "max_epochs": 1}


def data(n=60):
    random = np.random.RandomState(0)
    X = random.randn(n, 4)
    return X, X @ [3.0, -2.0, 1.0, 0.0]


def gradient(weight, bias, X, y):
    """Return that of the mean squared error of standardised targets."""
    standard = (y - y.mean()) / y.std()
    error = X @ weight[0] + bias - standard
    return 2 * error @ X / len(X), 2 * error.mean()


def steps(optimizer, n_steps=2, **params):
    X, y = data()
    start = NeuralRegressor((), **START).fit(X, y).state_
    options = {"lr": 0.1, "weight_decay": 0.0, "random_state": 0} | params
    model = NeuralRegressor((), optimizer=optimizer, max_epochs=n_steps, **options)
    return start.values(), model.fit(X, y).state_.values()


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_momentum_by_hand(nesterov):
    X, y = data()
    (weight, bias), (found, found_bias) = steps(SGD(0.5, nesterov), weight_decay=0.01)
    velocity = np.zeros_like(weight), np.zeros_like(bias)
    for _ in range(2):
        slopes = gradient(weight, bias, X, y)
        slopes = [slopes[0] + 0.01 * weight, slopes[1] + 0.01 * bias]
        velocity = [0.5 * v + slope for v, slope in zip(velocity, slopes, strict=True)]
        move = velocity
        if nesterov:
            move = [s + 0.5 * v for v, s in zip(velocity, slopes, strict=True)]
        weight, bias = weight - 0.1 * move[0], bias - 0.1 * move[1]
    np.testing.assert_allclose(found, weight, rtol=1e-9)
    np.testing.assert_allclose(found_bias, bias, rtol=1e-9, atol=1e-12)


def test_no_momentum():
    X, y = data()
    (weight, bias), (found, _) = steps(SGD(momentum=0.0), n_steps=1)
    expected = weight - 0.1 * gradient(weight, bias, X, y)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_long_gradient_is_scaled_down_and_a_short_one_is_not():
    X, y = data()
    (weight, bias), (found, found_bias) = steps(SGD(0.0, max_grad_norm=0.01), 1)
    moved = np.append(found - weight, found_bias - bias)
    assert np.linalg.norm(moved) == pytest.approx(0.1 * 0.01, rel=1e-3)
    slopes = np.append(*gradient(weight, bias, X, y))
    np.testing.assert_allclose(
        moved / np.linalg.norm(moved), -slopes / np.linalg.norm(slopes), atol=1e-9
    )
    (_, same), (_, unclipped) = (
        steps(SGD(0.0, max_grad_norm=norm), 1)[1] for norm in (1e6, None)
    )
    np.testing.assert_array_equal(same, unclipped)


def test_betas_reach_adamw():
    before, after = (steps(AdamW(betas), 3)[1] for betas in ((0.9, 0.999), (0.5, 0.9)))
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    named, default = steps("adamw", 3)[1], steps(AdamW(), 3)[1]
    for a, b in zip(named, default, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "optimizer", ["sgd", SGD(max_grad_norm=1.0), AdamW(max_grad_norm=1.0)], ids=str
)
def test_they_learn(optimizer, classification):
    X, y = classification
    lr = 3e-3 if isinstance(optimizer, AdamW) else 0.1
    clf = NeuralClassifier(optimizer=optimizer, lr=lr, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
    kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.SGD
    assert type(clf.net_.optimizer_) is kind
    assert clf.net_.optimizer_.param_groups[0]["fused"]


def test_parameters_are_checked_at_fit(classification):
    X, y = classification
    for optimizer, name in ((SGD(1.5), "momentum"), (AdamW(max_grad_norm=0), "max_gr")):
        with pytest.raises(ValueError, match=f"'{name}.*' parameter of"):
            NeuralClassifier(optimizer=optimizer).fit(X, y)
    with pytest.raises(ValueError, match="'optimizer' parameter"):
        NeuralClassifier(optimizer="lbfgs").fit(X, y)
