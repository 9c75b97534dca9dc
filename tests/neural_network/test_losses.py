import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import balanced_accuracy_score, log_loss

from mmsk.neural_network import (
    CrossEntropy,
    Focal,
    Huber,
    LogitAdjusted,
    NeuralClassifier,
    NeuralRegressor,
)
from mmsk.neural_network._criterion import WeightedLoss
from mmsk.neural_network._losses import (
    MANY_ROWS,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
)

rng = np.random.RandomState(0)
LOGITS, CODES, LABELS = (
    torch.tensor(rng.randn(20, 3)),
    torch.tensor(rng.randint(3, size=20)),
    torch.tensor(rng.randint(2, size=(20, 3)).astype(float)),
)
PRIOR = np.array([0.7, 0.2, 0.1])


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def right(logits):
    """Return the log-probability of the right class."""
    return log_softmax(logits.numpy())[np.arange(20), CODES]


def right_labels(logits):
    """Return the log-probability of the right answer to each label."""
    sign = 2 * LABELS.numpy() - 1
    return -np.log1p(np.exp(-sign * logits.numpy()))


def test_cross_entropy_is_scikit_learns_log_loss():
    w = rng.rand(20)
    w /= w.mean()
    got = WeightedLoss(cross_entropy)(LOGITS, CODES, torch.tensor(w)).item()
    proba = np.exp(log_softmax(LOGITS.numpy()))
    np.testing.assert_allclose(
        got, log_loss(CODES, proba, sample_weight=w, labels=range(3))
    )


def test_many_rows_are_computed_another_way_and_alike():
    n = MANY_ROWS + 5
    logits, y = torch.randn(n, 4, dtype=torch.float64), torch.randint(4, (n,))
    for smoothing in (0.0, 0.3):
        whole = cross_entropy(logits, y, smoothing)
        parts = [cross_entropy(logits[i::2], y[i::2], smoothing) for i in range(2)]
        torch.testing.assert_close(whole[::2], parts[0])
        torch.testing.assert_close(whole[1::2], parts[1])


def test_binary_cross_entropy_is_the_mean_over_labels():
    got = binary_cross_entropy(LOGITS, LABELS).numpy()
    np.testing.assert_allclose(got, -right_labels(LOGITS).mean(axis=1))


def test_squared_error_weighted_by_hand():
    output = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    target = torch.tensor([[0.0, 0.0], [3.0, 1.0]])
    # rows: (1 + 4) / 2 and (9 + 1) / 2; weights .5 and 1.5
    loss = WeightedLoss(squared_error)(output, target, torch.tensor([0.5, 1.5]))
    assert loss.item() == (0.5 * 2.5 + 1.5 * 5.0) / 2


def test_label_smoothing_is_the_loss_of_a_spread_target():
    for multilabel, target in ((False, CODES), (True, LABELS)):
        rows = CrossEntropy(0.2).rows(PRIOR, multilabel=multilabel)
        got = rows(LOGITS, target).numpy()
        if multilabel:
            soft = 0.8 * LABELS.numpy() + 0.1
            yes = -np.log1p(np.exp(-LOGITS.numpy()))
            no = -np.log1p(np.exp(LOGITS.numpy()))
            expected = -(soft * yes + (1 - soft) * no).mean(axis=1)
        else:
            soft = 0.8 * np.eye(3)[CODES] + 0.2 / 3
            expected = -(soft * log_softmax(LOGITS.numpy())).sum(axis=1)
        np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("gamma", [0, 0.5, 2.0])
def test_focal(gamma):
    got = Focal(gamma).rows(PRIOR, multilabel=False)(LOGITS, CODES).numpy()
    p = np.exp(right(LOGITS))
    np.testing.assert_allclose(got, -((1 - p) ** gamma) * np.log(p))
    got = Focal(gamma).rows(PRIOR, multilabel=True)(LOGITS, LABELS).numpy()
    p = np.exp(right_labels(LOGITS))
    np.testing.assert_allclose(got, (-((1 - p) ** gamma) * np.log(p)).mean(axis=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_focal_of_a_sure_answer_has_a_finite_gradient(dtype):
    logits = torch.tensor([[1e4, 0.0], [0.0, 1e4]], dtype=dtype, requires_grad=True)
    rows = Focal(0.5).rows(PRIOR[:2], multilabel=False)
    rows(logits, torch.tensor([0, 0])).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_logit_adjustment():
    rows = LogitAdjusted(0.5).rows(PRIOR, multilabel=False)
    shifted = LOGITS + 0.5 * torch.tensor(np.log(PRIOR))
    np.testing.assert_allclose(rows(LOGITS, CODES), -right(shifted))
    rows = LogitAdjusted(0.5).rows(PRIOR, multilabel=True)
    shifted = LOGITS + 0.5 * torch.tensor(np.log(PRIOR / (1 - PRIOR)))
    np.testing.assert_allclose(
        rows(LOGITS, LABELS), -right_labels(shifted).mean(axis=1)
    )
    rows = LogitAdjusted().rows(np.array([1.0, 0.0, 0.0]), multilabel=False)
    assert torch.isfinite(rows(LOGITS, CODES)).all()


def test_huber_is_scikit_learns():
    output, target = torch.tensor([[0.0], [0.0]]), torch.tensor([[0.5], [3.0]])
    # .5 * .5 ** 2, and 1.5 * (3 - 1.5 / 2)
    assert Huber(1.5).rows()(output, target).tolist() == [0.125, 3.375]


def test_each_member_has_its_own_mean_and_weights():
    outputs = torch.tensor(rng.randn(4, 20, 3))
    w = torch.tensor(rng.rand(20, 4))
    for loss, target in ((cross_entropy, CODES), (binary_cross_entropy, LABELS)):
        weighted = WeightedLoss(loss)
        for weights, columns in (
            (w, w.T),
            (w[:, 0], w[:, 0].expand(4, 20)),
            (None, [None] * 4),
        ):
            got = weighted(outputs, target, weights)
            expected = [
                weighted(out, target, column)
                for out, column in zip(outputs, columns, strict=True)
            ]
            torch.testing.assert_close(got, torch.stack(expected))


def unequal_classes():
    """Return classes that overlap, one of them rare."""
    random = np.random.RandomState(0)
    y = (np.arange(600) % 12 == 0).astype(int)
    return random.randn(600, 2) + 1.2 * y[:, None], y


def test_logit_adjustment_lowers_the_balanced_error():
    X, y = unequal_classes()
    scores = {
        loss: balanced_accuracy_score(
            y,
            NeuralClassifier((), loss=loss, lr=0.05, random_state=0)
            .fit(X, y)
            .predict(X),
        )
        for loss in ("cross_entropy", "logit_adjusted")
    }
    assert scores["cross_entropy"] < 0.65
    assert scores["logit_adjusted"] > 0.75


def test_huber_follows_the_many_where_squares_follow_outliers():
    random = np.random.RandomState(0)
    X = random.randn(200, 1)
    y = 2 * X[:, 0]
    y[X[:, 0] > 1] = 40.0
    grid = np.linspace(-1, 0.5, 10)[:, None]
    errors = {
        str(loss): np.abs(
            NeuralRegressor((), loss=loss, lr=0.05, random_state=0)
            .fit(X, y)
            .predict(grid)
            - 2 * grid[:, 0]
        ).mean()
        for loss in ("squared_error", Huber(0.05))
    }
    linear = np.abs(LinearRegression().fit(X, y).predict(grid) - 2 * grid[:, 0]).mean()
    assert errors["squared_error"] == pytest.approx(linear, rel=0.2)
    assert errors["Huber(delta=0.05)"] < linear / 2


def test_a_function_of_ones_own(classification):
    X, y = classification

    def hinge(output, target):
        return torch.nn.functional.multi_margin_loss(output, target, reduction="none")

    clf = NeuralClassifier(loss=hinge, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
    last = clf.history_[-1]["train_loss"]
    assert last < NeuralClassifier(random_state=0).fit(X, y).history_[-1]["train_loss"]


@pytest.mark.parametrize("loss", ["focal", "logit_adjusted", CrossEntropy(0.1)])
def test_losses_learn(loss, classification):
    X, y = classification
    clf = NeuralClassifier(loss=loss, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    clf.fit(X, labels)
    assert (clf.predict(X) == labels).mean() > 0.9


def test_parameters_of_a_loss_are_checked_at_fit(classification):
    X, y = classification
    for loss, name in ((Focal(-1), "gamma"), (CrossEntropy(2), "label_smoothing")):
        with pytest.raises(ValueError, match=f"'{name}' parameter of"):
            NeuralClassifier(loss=loss).fit(X, y)
    with pytest.raises(ValueError, match="'loss' parameter"):
        NeuralClassifier(loss="hinge").fit(X, y)
    with pytest.raises(ValueError, match="'loss' parameter"):
        NeuralClassifier(loss=Huber()).fit(X, y)
    with pytest.raises(ValueError, match=r"Invalid parameter 'alpha'.*\['gamma'\]"):
        NeuralClassifier(loss=Focal()).set_params(loss__alpha=1)
