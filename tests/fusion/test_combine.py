import numpy as np
import pytest
from sklearn.metrics import log_loss

from mmsk.fusion._combine import (
    confidence_rule,
    evidence_of,
    learn_weights,
    learn_weights_of_values,
    mean_rule,
    median_rule,
    product_rule,
    vote_rule,
)

P = np.array(
    [
        [[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]],
        [[0.2, 0.8], [0.3, 0.7], [0.1, 0.9]],
    ]
)
ALL = np.ones((3, 2), dtype=bool)
SOME = np.array([[True, True], [True, False], [False, True]])


def random_proba(n_modalities, n, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_classes), size=(n_modalities, n))


class TestMean:
    def test_is_the_mean_of_the_present(self):
        np.testing.assert_allclose(mean_rule(P, ALL), P.mean(axis=0))
        expected = [[0.55, 0.45], [0.4, 0.6], [0.1, 0.9]]
        np.testing.assert_allclose(mean_rule(P, SOME), expected)

    def test_weights_are_renormalised_over_the_present(self):
        out = mean_rule(P, SOME, np.array([0.75, 0.25]))
        expected = [0.75 * P[0, 0] + 0.25 * P[1, 0], P[0, 1], P[1, 2]]
        np.testing.assert_allclose(out, expected)

    def test_a_sample_with_none_but_modalities_of_no_weight(self):
        out = mean_rule(P, SOME, np.array([1.0, 0.0]))
        np.testing.assert_allclose(out, [P[0, 0], P[0, 1], P[1, 2]])


class TestProduct:
    def test_is_bayes_rule_for_independent_modalities(self):
        """Two fair witnesses of one class, with known chances to be right."""
        prior = np.array([0.7, 0.3])
        tells = [
            np.array([[0.9, 0.1], [0.2, 0.8]]),  # P(what is seen | class)
            np.array([[0.6, 0.4], [0.5, 0.5]]),
        ]
        seen = np.array([(i, j) for i in (0, 1) for j in (0, 1)])
        proba = np.empty((2, 4, 2))
        for m, likelihood in enumerate(tells):
            joint = prior * likelihood[:, seen[:, m]].T
            proba[m] = joint / joint.sum(axis=1, keepdims=True)
        joint = prior * tells[0][:, seen[:, 0]].T * tells[1][:, seen[:, 1]].T
        posterior = joint / joint.sum(axis=1, keepdims=True)
        out = product_rule(proba, np.ones((4, 2), dtype=bool), prior)
        np.testing.assert_allclose(out, posterior, rtol=1e-12)

    def test_an_absent_modality_says_nothing(self):
        prior = np.array([0.7, 0.3])
        out = product_rule(P, SOME, prior)
        np.testing.assert_allclose(out[1], P[0, 1])
        np.testing.assert_allclose(out[2], P[1, 2])

    def test_one_wrong_certainty_does_not_decide_alone(self):
        proba = np.array([[[1.0, 0.0]], [[0.001, 0.999]], [[0.001, 0.999]]])
        out = product_rule(proba, np.ones((1, 3), dtype=bool), np.array([0.5, 0.5]))
        assert np.isfinite(out).all()
        assert out[0, 1] > 0.4

    def test_a_class_without_a_prior(self):
        out = product_rule(P, ALL, np.array([1.0, 0.0]))
        assert np.isfinite(out).all()
        np.testing.assert_allclose(out.sum(axis=1), 1)


def test_vote_is_the_share_of_the_present_modalities():
    np.testing.assert_array_equal(vote_rule(P, ALL), [[0.5, 0.5], [0, 1], [0.5, 0.5]])
    np.testing.assert_array_equal(vote_rule(P, SOME), [[0.5, 0.5], [0, 1], [0, 1]])


def test_evidence_is_0_where_absent_and_bounded():
    prior = np.array([0.5, 0.5])
    evidence = evidence_of(P, SOME, prior)
    np.testing.assert_allclose(evidence[0, 0], np.log([1.8, 0.2]))
    np.testing.assert_array_equal(evidence[1, 1], 0)
    np.testing.assert_array_equal(evidence[0, 2], 0)
    sure = evidence_of(np.array([[[1.0, 0.0]]]), np.ones((1, 1), bool), prior)
    np.testing.assert_allclose(sure, [[[np.log(2), np.log(2e-6)]]])


class TestLearnWeights:
    @pytest.mark.parametrize("true", [[0.5, 0.5], [0.7, 0.3], [0.1, 0.9]])
    @pytest.mark.parametrize("absent", [0.0, 0.4])
    def test_recovers_known_weights(self, true, absent):
        """Labels drawn from a mean with these weights: no other fits as well.

        Each sample stands there once a class, with the chance of the class for a
        weight, so that the loss is its expectation and the answer exact.
        """
        n, n_classes = 300, 3
        proba = random_proba(2, n, n_classes)
        rng = np.random.default_rng(1)
        present = rng.random((n, 2)) >= absent
        present[~present.any(axis=1)] = True
        chances = mean_rule(proba, present, np.array(true))
        found = learn_weights(
            np.repeat(proba, n_classes, axis=1),
            np.repeat(present, n_classes, axis=0),
            np.tile(np.arange(n_classes), n),
            chances.ravel(),
        )
        np.testing.assert_allclose(found, true, atol=2e-3)

    def test_are_shares(self):
        proba = random_proba(4, 50, 3)
        codes = np.random.default_rng(0).integers(3, size=50)
        weights = learn_weights(proba, np.ones((50, 4), dtype=bool), codes)
        assert (weights >= 0).all()
        np.testing.assert_allclose(weights.sum(), 1)

    @pytest.mark.parametrize("seed", range(5))
    def test_no_loss_is_smaller(self, seed):
        proba = random_proba(3, 80, 3, seed)
        rng = np.random.default_rng(seed)
        codes = rng.integers(3, size=80)
        proba[0] = 0.6 * proba[0] + 0.4 * np.eye(3)[codes]
        present = rng.random((80, 3)) > 0.3
        present[~present.any(axis=1)] = True
        found = learn_weights(proba, present, codes)

        def loss(weights):
            return log_loss(codes, mean_rule(proba, present, weights))

        others = [loss(each) for each in rng.dirichlet(np.ones(3), size=200)]
        assert loss(found) <= min(others) + 1e-6
        assert loss(found) <= loss(np.ones(3)) + 1e-9

    def test_a_modality_of_noise_gets_nothing(self):
        rng = np.random.default_rng(0)
        codes = rng.integers(2, size=400)
        good = np.clip(np.eye(2)[codes], 0.1, 0.9)
        noise = rng.dirichlet(np.ones(2), size=400)
        weights = learn_weights(
            np.stack([noise, good]), np.ones((400, 2), dtype=bool), codes
        )
        assert weights[0] < 0.01

    def test_weight_2_is_a_row_twice_and_0_none(self):
        proba = random_proba(3, 60, 2)
        codes = np.random.default_rng(0).integers(2, size=60)
        weights = np.arange(60) % 3
        rows = np.repeat(np.arange(60), weights)
        present = np.ones((60, 3), dtype=bool)
        np.testing.assert_allclose(
            learn_weights(proba, present, codes, weights.astype(float)),
            learn_weights(proba[:, rows], present[rows], codes[rows]),
            atol=1e-4,
        )

    def test_certainties_that_are_wrong(self):
        """A probability of 0 for what happened makes no infinity."""
        proba = np.zeros((2, 4, 2))
        proba[0, :, 0] = proba[1, :, 1] = 1
        weights = learn_weights(proba, np.ones((4, 2), bool), np.array([0, 0, 0, 1]))
        np.testing.assert_allclose(weights, [0.75, 0.25], atol=1e-3)


class TestConfidence:
    def test_weighs_by_information_beyond_the_prior(self):
        prior = np.array([0.7, 0.3])
        information = (P * np.log(P / prior)).sum(axis=2)
        first = information[0, 0] / information[:, 0].sum()
        expected = [first * P[0, 0] + (1 - first) * P[1, 0], P[0, 1], P[1, 2]]
        np.testing.assert_allclose(confidence_rule(P, SOME, prior), expected)

    def test_who_repeats_the_prior_has_no_say(self):
        prior = np.array([0.5, 0.5])
        out = confidence_rule(P, ALL, prior)
        np.testing.assert_allclose(out[2], P[1, 2])
        both = confidence_rule(np.full((2, 3, 2), 0.5), ALL, prior)
        np.testing.assert_allclose(both, 0.5)

    def test_certainties_and_a_class_without_a_prior(self):
        sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
        out = confidence_rule(sure, ALL[:1], np.array([1.0, 0.0]))
        assert np.isfinite(out).all()
        np.testing.assert_allclose(out, [[0.0, 1.0]])


def test_median_is_of_the_present():
    values = np.array([[[1.0]] * 3, [[5.0]] * 3, [[90.0]] * 3])
    present = np.array([[True] * 3, [True, False, True], [False, True, False]])
    fused = median_rule(values, present)
    np.testing.assert_array_equal(fused, [[5.0], [45.5], [5.0]])


class TestWeightsOfValues:
    def values(self, n_modalities=3, n=200, k=2):
        rng = np.random.default_rng(0)
        y = rng.normal(size=(n, k))
        noise = rng.normal(size=(n_modalities, n, k))
        spread = np.arange(1, n_modalities + 1)[:, None, None]
        return y + 0.5 * spread * noise, y, rng.random((n, n_modalities)) > 0.3

    def test_independent_errors_weigh_inverse_to_their_variance(self):
        values, y, _ = self.values(n=40000, k=1)
        weights = learn_weights_of_values(values, np.ones((40000, 3), bool), y)
        inverse = 1 / np.array([1.0, 4.0, 9.0])
        np.testing.assert_allclose(weights, inverse / inverse.sum(), atol=0.01)

    def test_are_the_closed_form_of_two(self):
        values, y, _ = self.values(2, k=1)
        step = values[0] - values[1]
        first = ((y - values[1]) * step).sum() / (step**2).sum()
        weights = learn_weights_of_values(values, np.ones((200, 2), bool), y)
        np.testing.assert_allclose(weights, [first, 1 - first], atol=1e-5)

    @pytest.mark.parametrize("seed", range(3))
    def test_no_error_is_smaller(self, seed):
        values, y, present = self.values()
        present[~present.any(axis=1)] = True
        rng = np.random.default_rng(seed)
        sample_weight = rng.random(200)

        def error(weights):
            squares = (mean_rule(values, present, weights) - y) ** 2
            return np.average(squares.sum(axis=1), weights=sample_weight)

        found = learn_weights_of_values(values, present, y, sample_weight)
        others = rng.dirichlet(np.ones(3), size=50)
        near = found + rng.uniform(0, 0.02, size=(50, 3))
        assert error(found) < min(map(error, [*others, *near])) + 1e-9

    def test_a_modality_that_misleads_gets_nothing(self):
        _, y, _ = self.values()
        values = np.stack([0.9 * y, 0.5 * y])
        weights = learn_weights_of_values(values, np.ones((200, 2), bool), y)
        assert weights[1] < 1e-3
