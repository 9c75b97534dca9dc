import numpy as np
import pytest

from mmsk.ensemble._rounds import cooperating, reweighted, step_of

ALL = np.ones(4, dtype=bool)


def test_two_classes_are_adaboost():
    right = np.array([True, True, True, False])
    step = step_of(right, ALL, np.full(4, 0.25), 2)
    assert step.error == 0.25
    assert step.weight == pytest.approx(np.log(3))
    assert step.loss == pytest.approx(2 * np.sqrt(0.25 * 0.75))


def test_who_does_not_answer_is_neither_right_nor_wrong():
    answers = np.array([True, True, False, False])
    right = np.array([True, False, False, False])
    step = step_of(right, answers, np.array([0.3, 0.1, 0.5, 0.1]), 2)
    assert step.error == pytest.approx(0.25)
    assert step.weight == pytest.approx(np.log(3))
    assert step.loss == pytest.approx(0.6 + 0.4 * np.sqrt(0.75))


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_the_weight_makes_the_loss_smallest(n_classes):
    rng = np.random.default_rng(0)
    right, answers = rng.random(50) < 0.6, rng.random(50) < 0.8
    weights = rng.random(50) / 25
    weights /= weights.sum()
    right &= answers
    step = step_of(right, answers, weights, n_classes)

    def loss(weight):
        vote = np.where(right, -weight * (n_classes - 1), weight) / n_classes
        return weights @ np.exp(np.where(answers, vote, 0.0))

    grid = np.linspace(step.weight - 1, step.weight + 1, 201)
    assert grid[np.argmin([loss(each) for each in grid])] == pytest.approx(step.weight)
    assert step.loss == pytest.approx(loss(step.weight))


@pytest.mark.parametrize("n_classes", [2, 5])
def test_after_its_vote_a_learner_is_as_good_as_chance(n_classes):
    rng = np.random.default_rng(1)
    answers = rng.random(60) < 0.7
    right = answers & (rng.random(60) < 0.6)
    weights = rng.random(60)
    weights /= weights.sum()
    step = step_of(right, answers, weights, n_classes)
    after = reweighted(weights, right, answers, step.weight, n_classes)
    assert after.sum() == pytest.approx(1)
    assert step_of(right, answers, after, n_classes).error == pytest.approx(
        1 - 1 / n_classes
    )
    # those that it did not answer weigh by the loss that is left, as before
    np.testing.assert_allclose(after[~answers] * step.loss, weights[~answers])


def test_a_perfect_learner_has_a_finite_weight():
    step = step_of(ALL, ALL, np.full(4, 0.25), 2)
    assert step.error == 0
    assert step.weight == pytest.approx(-np.log(1e-10))
    after = reweighted(np.full(4, 0.25), ALL, ALL, step.weight, 2)
    np.testing.assert_allclose(after, 0.25)


def test_one_class_and_nobody():
    assert step_of(ALL, ALL, np.full(4, 0.25), 1).weight == 1
    assert step_of(~ALL, ~ALL, np.full(4, 0.25), 2).weight == 0


def test_weights_of_zero_stay_zero():
    weights = np.array([0.0, 0.5, 0.5])
    right = np.array([False, True, False])
    after = reweighted(weights, right, np.ones(3, bool), 800.0, 2)
    assert after[0] == 0 < after[1] < 1e-15 < after[2]


def test_modalities_leave_to_each_other_what_one_of_them_knows():
    right = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0]], dtype=bool)
    answers = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]], dtype=bool)
    assert cooperating(right, answers).astype(int).tolist() == [
        [1, 1, 0, 1, 0],
        [1, 0, 1, 1, 1],
    ]
