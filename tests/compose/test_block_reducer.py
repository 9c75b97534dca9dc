import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.pipeline import make_pipeline

from mmsk.compose import Block, BlockReducer, Blocks
from mmsk.fusion import LateFusionClassifier

WIDE = Blocks([Block("a", 0, 6, indicator=6), Block("b", 7, 9, indicator=9)])


def wide_X(n=40, *, absent=0.25, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    X[:, 6] = rng.random(n) >= absent
    X[:, 9] = 1
    X[X[:, 6] == 0, :6] = 50.0
    return X


def reducer(n_components=3, blocks=WIDE):
    return BlockReducer(n_components, blocks=blocks, random_state=0)


def test_wide_dense_blocks_get_the_components_of_present_rows():
    X = wide_X()
    has = X[:, 6] == 1
    model = reducer().fit(X)
    out = model.transform(X)
    pca = PCA(3).fit(X[has, :6])
    np.testing.assert_allclose(np.abs(out[:, :3]), np.abs(pca.transform(X[:, :6])))
    assert list(model.components_) == ["a"]


def test_sparse_blocks_get_a_truncated_svd():
    X = wide_X(absent=0)
    out = reducer().fit_transform(sp.csr_array(X))
    assert isinstance(out, np.ndarray)
    svd = TruncatedSVD(3, algorithm="arpack", random_state=0).fit(X[:, :6])
    np.testing.assert_allclose(
        np.abs(out[:, :3]), np.abs(svd.transform(X[:, :6])), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_array_equal(out[:, 3:], X[:, 6:])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_narrow_blocks_and_presence_columns_stay(kind):
    X = wide_X()
    model = reducer().fit(kind(X))
    np.testing.assert_array_equal(model.transform(kind(X))[:, 3:], X[:, 6:])
    assert model.blocks_out_ == Blocks([Block("a", 0, 3, 3), Block("b", 4, 6, 6)])
    model.blocks_out_.check(model.transform(kind(X)))


def test_raw_blocks_and_codes_stay():
    blocks = Blocks(
        [Block("a", 0, 4, 4, "image", (2, 2)), Block("b", 5, 9, categorical=(0,))]
    )
    X = wide_X()[:, :9]
    X[:, 4] = 1
    model = reducer(2, blocks).fit(X)
    np.testing.assert_array_equal(model.transform(X), X)
    assert model.blocks_out_ == blocks


def test_the_layout_is_known_before_fit():
    model = reducer()
    assert model._blocks_after(WIDE) == clone(model).fit(wide_X()).blocks_out_


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_present", [0, 1, 2])
def test_fewer_samples_than_components(kind, n_present):
    X = wide_X(8)
    X[:, 6] = np.arange(8) < n_present
    out = reducer().fit_transform(kind(X))
    assert out.shape == (8, 7)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[:, n_present:3], 0)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_a_block_that_does_not_vary(kind):
    X = wide_X()
    X[:, :6] = 0
    np.testing.assert_array_equal(reducer().fit_transform(kind(X))[:, :3], 0)


def test_batch_is_one_by_one():
    X = wide_X()
    model = reducer().fit(X)
    rows = np.vstack([model.transform(X[[i]]) for i in range(len(X))])
    np.testing.assert_allclose(rows, model.transform(X), rtol=1e-12, atol=1e-12)


def test_same_seed_same_result():
    X = sp.csr_array(wide_X())
    outs = [reducer().fit_transform(X) for _ in range(2)]
    np.testing.assert_array_equal(*outs)


def test_nan_is_refused():
    X = wide_X()
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        reducer().fit(X)


def test_dtype_is_kept():
    X = wide_X().astype(np.float32)
    assert reducer().fit_transform(X).dtype == np.float32


def test_names_keep_the_prefixes_that_a_pipeline_reads():
    names = [f"a__{i}" for i in range(6)] + ["a__modality_present"]
    names += ["b__x", "b__y", "b__modality_present"]
    X = wide_X()
    frame = pd.DataFrame(X, columns=names)
    model = BlockReducer(3, random_state=0).set_output(transform="pandas")
    out = model.fit_transform(frame)
    assert list(out.columns) == [
        *("a__reduced0", "a__reduced1", "a__reduced2", "a__modality_present"),
        *("b__x", "b__y", "b__modality_present"),
    ]
    y = (X[:, 0] + X[:, 7] > 0).astype(int)
    late = make_pipeline(model, LateFusionClassifier()).fit(frame, y)[-1]
    assert late.blocks_ == Blocks([Block("a", 0, 3, 3), Block("b", 4, 6, 6)])


def test_names_of_an_array():
    names = reducer().fit(wide_X()).get_feature_names_out()
    expected = ["a__reduced0", "a__reduced1", "a__reduced2", "x6", "x7", "x8", "x9"]
    assert list(names) == expected


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_components", [2, 5])
def test_weight_two_is_the_row_twice_and_weight_zero_no_row(kind, n_components):
    X = wide_X()
    weights = np.random.default_rng(1).integers(3, size=len(X))
    one = reducer(n_components).fit(kind(X), sample_weight=weights)
    other = reducer(n_components).fit(kind(X.repeat(weights, axis=0)))
    np.testing.assert_allclose(one.transform(X), other.transform(X), atol=1e-9)


def test_directions_without_variance_are_zero():
    X = wide_X(absent=0)
    X[:, 2:6] = 0
    out = reducer().fit_transform(X)
    np.testing.assert_array_equal(out[:, 2], 0)
    assert np.abs(out[:, :2]).max() > 1
