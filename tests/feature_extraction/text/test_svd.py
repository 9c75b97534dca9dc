import numpy as np
import pytest
import scipy.sparse as sp

from mmsk.feature_extraction.text._svd import learn_components, project


@pytest.fixture
def rows():
    return sp.random_array((40, 25), density=0.3, format="csr", rng=0)


def test_components_are_those_of_the_exact_decomposition(rows):
    ours = learn_components(rows, 3, random_state=0)
    exact = np.linalg.svd(rows.toarray())[2][:3]
    np.testing.assert_allclose(np.abs(ours), np.abs(exact), atol=1e-4)
    largest = np.abs(ours).argmax(axis=1)
    assert (ours[np.arange(3), largest] > 0).all()


def test_the_seed_decides(rows):
    same = [learn_components(rows, 5, random_state=seed) for seed in (0, 0)]
    np.testing.assert_array_equal(*same)


@pytest.mark.parametrize(
    ("shape", "kept"), [((40, 25), 25), ((3, 25), 3), ((40, 1), 1), ((1, 1), 1)]
)
def test_there_are_no_more_components_than_rows_and_columns(shape, kept):
    rows = sp.csr_array(np.random.default_rng(0).uniform(size=shape))
    assert learn_components(rows, 100, random_state=0).shape == (kept, shape[1])


def test_there_are_no_more_components_than_the_rank():
    rows = sp.csr_array(np.outer([1.0, 2, 3, 4], [1.0, 0, 2]))
    components = learn_components(rows, 3, random_state=0)
    np.testing.assert_allclose(components, [np.array([1, 0, 2]) / np.sqrt(5)])


@pytest.mark.parametrize("n_rows", [0, 4])
def test_without_a_value_there_is_one_empty_component(n_rows):
    components = learn_components(sp.csr_array((n_rows, 3)), 2, random_state=0)
    assert components.tolist() == [[0, 0, 0]]


def test_projected_rows_have_unit_length_or_none(rows):
    components = learn_components(rows, 4, random_state=0)
    dense = rows.toarray()
    dense[7] = 0
    ours = project(sp.csr_array(dense), components)
    expected = dense @ components.T
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    lengths[7] = 1
    expected /= lengths
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_rounding_errors_are_not_blown_up():
    components = np.array([[1.0, 0, 0]])
    rows = sp.csr_array([[1e-16, 1.0, 0.0], [1e-3, 1.0, 0.0]])
    assert project(rows, components).tolist() == [[0], [1]]
