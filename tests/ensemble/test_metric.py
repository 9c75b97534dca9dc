import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    fbeta_score,
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)

from mmsk.ensemble._metric import score_of

RNG = np.random.default_rng(0)
Y2 = RNG.choice(["no", "yes"], 80)
Y3 = RNG.integers(3, size=80) * 10
P2, P3 = RNG.dirichlet(np.ones(2), 80), RNG.dirichlet(np.ones(3), 80)
WEIGHTS = RNG.random(80)
C2, C3 = np.array(["no", "yes"]), np.array([0, 10, 20])
NUMBERS, SAID = RNG.normal(size=(80, 2)) * [1, 100], RNG.normal(size=(80, 2)) * [1, 100]


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
class TestScores:
    def test_default_of_classes(self, weights):
        found = score_of(None, Y3, weights, C3)(P3)
        np.testing.assert_allclose(found, -log_loss(Y3, P3, sample_weight=weights))

    def test_default_of_numbers(self, weights):
        for y, said in ((NUMBERS[:, 0], SAID[:, :1]), (NUMBERS, SAID)):
            found = score_of(None, y, weights, None)(said)
            np.testing.assert_allclose(
                found, r2_score(y, said, sample_weight=weights) - 1
            )

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("roc_auc", lambda w: roc_auc_score(Y2, P2[:, 1], sample_weight=w)),
            (
                "average_precision",
                lambda w: average_precision_score(
                    Y2 == "yes", P2[:, 1], sample_weight=w
                ),
            ),
            (
                "balanced_accuracy",
                lambda w: balanced_accuracy_score(
                    Y2, C2[P2.argmax(axis=1)], sample_weight=w
                ),
            ),
            ("neg_log_loss", lambda w: -log_loss(Y2, P2, sample_weight=w)),
        ],
    )
    def test_names_of_two_classes(self, weights, name, expected):
        y = Y2
        if name == "average_precision":  # scikit-learn wants 0 and 1
            found = score_of(name, (Y2 == "yes").astype(int), weights, np.arange(2))(P2)
        else:
            found = score_of(name, y, weights, C2)(P2)
        np.testing.assert_allclose(found, expected(weights))

    def test_names_of_more(self, weights):
        said = C3[P3.argmax(axis=1)]
        for name, expected in {
            "f1_macro": f1_score(Y3, said, average="macro", sample_weight=weights),
            "roc_auc_ovr": roc_auc_score(
                Y3, P3, multi_class="ovr", sample_weight=weights
            ),
        }.items():
            found = score_of(name, Y3, weights, C3)(P3)
            np.testing.assert_allclose(found, expected)

    def test_names_of_numbers(self, weights):
        for y, said in ((NUMBERS[:, 0], SAID[:, :1]), (NUMBERS, SAID)):
            found = score_of("neg_mean_absolute_error", y, weights, None)(said)
            expected = mean_absolute_error(y, said, sample_weight=weights)
            np.testing.assert_allclose(found, -expected)

    def test_scorers(self, weights):
        scorer = make_scorer(fbeta_score, beta=2, pos_label="yes")
        found = score_of(scorer, Y2, weights, C2)(P2)
        np.testing.assert_allclose(
            found,
            fbeta_score(
                Y2,
                C2[P2.argmax(axis=1)],
                beta=2,
                pos_label="yes",
                sample_weight=weights,
            ),
        )

    def test_losses(self, weights):
        found = score_of(log_loss, Y3, weights, C3)(P3)
        np.testing.assert_allclose(found, -log_loss(Y3, P3, sample_weight=weights))
        for y, said in ((NUMBERS[:, 0], SAID[:, :1]), (NUMBERS, SAID)):
            found = score_of(mean_absolute_error, y, weights, None)(said)
            expected = mean_absolute_error(y, said, sample_weight=weights)
            np.testing.assert_allclose(found, -expected)


def test_a_loss_need_not_take_weights():
    found = score_of(lambda y, said: np.ptp(said), NUMBERS[:, 0], None, None)
    assert found(np.array([[1.0], [4.0]])) == -3


def test_an_unknown_name():
    with pytest.raises(ValueError, match="best_of_all"):
        score_of("best_of_all", Y2, None, C2)
