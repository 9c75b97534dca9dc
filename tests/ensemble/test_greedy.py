import itertools

import numpy as np
import pytest

from mmsk.ensemble._greedy import greedy_weights
from mmsk.ensemble._metric import score_of

PRIOR = np.zeros(1)


def regression(n_candidates=4, n=50, *, seed=0, noise=1.0):
    """Return answers of shape (n_candidates, n, 1), presence and the target."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    errors = noise * rng.normal(size=(n_candidates, n))
    scales = 1 + np.arange(n_candidates) / 4
    answers = (y + errors * scales[:, None])[:, :, None]
    return answers, np.ones((n, n_candidates), dtype=bool), y


def negative_error(y):
    return lambda said: -np.mean((said[:, 0] - y) ** 2)


def caruana(answers, score, n_rounds, n_init=0):
    """The algorithm of the paper, by the book: the best ones to start with, no bags."""
    chosen, best, best_chosen = [], -np.inf, None
    if n_init:
        order = sorted(range(len(answers)), key=lambda each: -score(answers[each]))
        means = {
            k: score(answers[order[:k]].mean(axis=0)) for k in range(1, 1 + len(order))
        }
        k = max(means, key=means.get) if n_init == "auto" else n_init
        chosen, best, best_chosen = order[:k], means[k], order[:k]
    for _ in range(n_rounds):
        tried = [
            (score(answers[[*chosen, each]].mean(axis=0)), -each)
            for each in range(len(answers))
        ]
        value, place = max(tried)
        chosen.append(-place)
        if value > best:
            best, best_chosen = value, list(chosen)
    counts = np.bincount(best_chosen, minlength=len(answers))
    return counts / counts.sum()


@pytest.mark.parametrize("n_init", [0, 1, 3, "auto"])
@pytest.mark.parametrize("seed", range(5))
def test_by_the_book(seed, n_init):
    answers, present, y = regression(6, seed=seed)
    score = negative_error(y)
    found = greedy_weights(
        answers, present, PRIOR, score, n_rounds=12, n_init=n_init, n_bags=1
    )
    np.testing.assert_allclose(found, caruana(answers, score, 12, n_init))


def test_many_rounds_come_near_the_best_convex_weights():
    answers, present, y = regression(3, n=400)
    found = greedy_weights(
        answers, present, PRIOR, negative_error(y), n_rounds=200, n_bags=1
    )
    grid = [
        w for w in itertools.product(np.linspace(0, 1, 51), repeat=3) if sum(w) == 1
    ]
    score = negative_error(y)
    best = max(score(np.tensordot(w, answers, 1)) for w in grid)
    assert score(np.tensordot(found, answers, 1)) > best - 1e-3


def test_a_candidate_comes_several_times():
    y = np.array([0.0, 0.0, 4.0, 4.0])
    answers = np.stack([y + 1, y - 3])[:, :, None]  # the best is 3 to 1
    found = greedy_weights(
        answers, np.ones((4, 2), bool), PRIOR, negative_error(y), n_bags=1
    )
    np.testing.assert_allclose(found, [0.75, 0.25])


def test_the_best_on_the_way_is_kept():
    answers, present, y = regression(5)
    score = negative_error(y)
    reached = [
        score(
            np.tensordot(
                greedy_weights(
                    answers, present, PRIOR, score, n_rounds=n, n_init=0, n_bags=1
                ),
                answers,
                1,
            )
        )
        for n in range(1, 20)
    ]
    assert (np.diff(reached) >= -1e-12).all()
    assert reached[0] == max(score(each) for each in answers)


def test_never_below_the_best_candidate():
    for seed in range(5):
        answers, present, y = regression(6, seed=seed, noise=3.0)
        score = negative_error(y)
        for n_init in (0, 1, "auto"):
            found = greedy_weights(
                answers, present, PRIOR, score, n_rounds=3, n_init=n_init, n_bags=1
            )
            best = max(score(each) for each in answers)
            assert score(np.tensordot(found, answers, 1)) >= best


def test_start():
    """A start of k candidates and one round more: k + 1 of them, or only k."""
    answers, present, y = regression(6)
    answers[3] += 50  # the worst
    score = negative_error(y)
    order = np.argsort([-score(each) for each in answers])
    for k in (1, 3, 6):
        found = greedy_weights(
            answers, present, PRIOR, score, n_rounds=1, n_init=k, n_bags=1
        )
        assert (found[order[:k]] > 0).all()
        assert (found > 0).sum() <= k + 1
    means = [score(answers[order[:k]].mean(axis=0)) for k in range(1, 7)]
    assert np.argmax(means) not in (0, 5)
    auto = greedy_weights(
        answers, present, PRIOR, score, n_rounds=1, n_init="auto", n_bags=1
    )
    assert (auto[order[: 1 + np.argmax(means)]] > 0).all()


def test_bags_average_selections_of_some():
    answers, present, y = regression(12)
    score = negative_error(y)
    params = {"n_rounds": 5, "n_bags": 7, "bag_fraction": 0.5, "random_state": 3}
    found = greedy_weights(answers, present, PRIOR, score, **params)
    random = np.random.RandomState(3)
    expected = np.zeros(12)
    for _ in range(7):
        bag = np.sort(random.permutation(12)[:6])
        expected[bag] += greedy_weights(
            answers[bag], present[:, bag], PRIOR, score, n_rounds=5, n_bags=1
        )
    np.testing.assert_allclose(found, expected / 7)
    np.testing.assert_allclose(found.sum(), 1)


def test_few_candidates_make_one_bag():
    for n, alike in ((5, True), (6, False)):
        answers, present, y = regression(n)
        one, many = (
            greedy_weights(
                answers, present, PRIOR, negative_error(y), n_bags=bags, random_state=0
            )
            for bags in (1, 20)
        )
        assert np.array_equal(one, many) is alike


def test_the_mean_is_over_those_who_say_something():
    y = np.array([1.0, 2.0, 3.0, 4.0])
    answers = np.array([[1.0, 2.0, -9, -9], [-9, -9, 3.0, 4.0]])[:, :, None]
    present = answers[:, :, 0].T > 0
    said = []

    def score(values):
        said.append(values[:, 0])
        return negative_error(y)(values)

    found = greedy_weights(answers, present, np.array([7.0]), score, n_bags=1)
    np.testing.assert_array_equal(found, [0.5, 0.5])
    np.testing.assert_array_equal(said[0], [1, 2, 7, 7])
    assert any(np.array_equal(each, y) for each in said)


def test_a_score_that_is_no_number_is_the_worst():
    answers, present, y = regression(3)
    bad = answers[0]

    def score(said):
        return np.nan if np.array_equal(said, bad) else negative_error(y)(said)

    found = greedy_weights(
        answers, present, PRIOR, score, n_rounds=1, n_init=0, n_bags=1
    )
    assert found.tolist() == [0, 1, 0]


def test_weights_of_rows_are_repetitions():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=(6, 60))
    y, weights = rng.integers(3, size=60), rng.integers(3, size=60)
    rows = np.arange(60).repeat(weights)
    classes, prior = np.arange(3), np.full(3, 1 / 3)
    weighted = score_of(None, y, weights, classes)
    repeated = score_of(None, y[rows], None, classes)
    one = greedy_weights(proba, np.ones((60, 6), bool), prior, weighted, n_bags=1)
    other = greedy_weights(
        proba[:, rows], np.ones((len(rows), 6), bool), prior, repeated, n_bags=1
    )
    np.testing.assert_allclose(one, other)
