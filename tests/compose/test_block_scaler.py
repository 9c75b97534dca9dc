import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from mmsk.compose import Block, Blocks, BlockScaler
from tests._blocks import BLOCKS, RAW, two_blocks

CODES = Blocks([Block("a", 0, 3, categorical=(1,)), Block("b", 3, 4)])


def scaler(blocks=BLOCKS, **params):
    return BlockScaler(**{"block_norm": None, "blocks": blocks} | params)


def row_norms(X):
    return np.square(X).sum(axis=1)


def test_columns_get_mean_0_and_variance_1_over_present_rows():
    X, _ = two_blocks(absent=0.3)
    X[X[:, 2] == 0, :2] = 1e6  # what a fill holds must not matter
    has = X[:, 2] == 1
    out = scaler().fit_transform(X)
    np.testing.assert_allclose(out[has, :2].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(out[has, :2].std(axis=0), 1)
    expected = StandardScaler().fit(X[has, :2]).transform(X[:, :2])
    np.testing.assert_allclose(out[:, :2], expected)
    expected = StandardScaler().fit_transform(X[:, [3]])
    np.testing.assert_allclose(out[:, [3]], expected)


@pytest.mark.parametrize("block_norm", [None, 1.0, 10.0])
def test_presence_columns_stay_as_they_are(block_norm):
    for absent in (0.0, 0.3):
        X, _ = two_blocks(absent=absent)
        out = scaler(block_norm=block_norm).fit_transform(X)
        np.testing.assert_array_equal(out[:, 2], X[:, 2])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_block_norm_is_the_root_mean_square_of_the_row_norms(kind, weighted):
    X, _ = two_blocks(absent=0.3)
    X[:, :2] *= 100
    has = X[:, 2] == 1
    weights = np.random.default_rng(0).random(len(X)) if weighted else None
    model = scaler(block_norm=3.0).fit(kind(X), sample_weight=weights)
    out = model.transform(kind(X))
    out = out.toarray() if sp.issparse(out) else out
    own = None if weights is None else weights[has]
    mean = np.average(row_norms(out[has, :2]), weights=own)
    np.testing.assert_allclose(mean, 9.0)
    np.testing.assert_allclose(np.average(out[:, 3] ** 2, weights=weights), 9.0)
    np.testing.assert_array_equal(out[:, 2], X[:, 2])


def test_without_block_norm_a_block_has_the_square_root_of_its_width():
    X = np.random.default_rng(0).normal(size=(50, 4))
    blocks = Blocks([Block("a", 0, 3), Block("b", 3, 4)])
    out = scaler(blocks).fit_transform(X)
    np.testing.assert_allclose(row_norms(out[:, :3]).mean(), 3.0)
    np.testing.assert_allclose(row_norms(out[:, 3:]).mean(), 1.0)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_values_stop_at_clip_standard_deviations(kind, weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4)) - [0, 0, 5, 0]
    X[:, 1] = np.arange(400) == 7  # rare: 20 standard deviations from its mean
    weights = rng.uniform(0.5, 2, 400) if weighted else None
    blocks = Blocks([Block("a", 0, 3, sparse=False), Block("b", 3, 4, sparse=False)])
    model = scaler(blocks, clip=4.0, block_norm=3.0)
    out = model.fit(kind(X), sample_weight=weights).transform(kind(X))
    out = out.toarray() if sp.issparse(out) else out
    plain = StandardScaler().fit(X, sample_weight=weights)
    expected = np.clip(plain.transform(X), -4, 4)
    assert expected.max() == 4
    sizes = [
        np.sqrt(np.average(row_norms(expected[:, own]), weights=weights))
        for own in (slice(0, 3), slice(3, 4))
    ]
    expected *= 3 / np.repeat(sizes, [3, 1])
    np.testing.assert_allclose(out, expected, atol=1e-12)
    np.testing.assert_allclose(model.limit_, 12 / np.repeat(sizes, [3, 1]))
    far = plain.mean_ + plain.scale_ * np.array([[-99, 99, 3, -99.0]])
    out = model.transform(kind(far))
    out = out.toarray() if sp.issparse(out) else out
    expected = np.array([[-4, 4, 3, -4]]) * 3 / np.repeat(sizes, [3, 1])
    np.testing.assert_allclose(out, expected)
    out = scaler(blocks).fit(X).transform(far)
    np.testing.assert_allclose(out, StandardScaler().fit(X).transform(far))


def test_a_dense_block_of_mean_0_in_a_csr_matrix_is_clipped():
    blocks = Blocks([Block("a", 0, 1, sparse=False), Block("b", 1, 2, sparse=True)])
    X = sp.csr_array([[-1.0, 1.0], [1.0, 1.0]])
    model = scaler(blocks, clip=1.5).fit(X)
    assert model.mean_.tolist() == [0, 0]
    assert model.limit_.tolist() == [1.5, np.inf]
    out = model.transform(sp.csr_array([[9.0, 9.0]]))
    np.testing.assert_array_equal(out.toarray(), [[1.5, 9.0]])


def test_constant_columns_stay_0_and_codes_and_raw_blocks_are_not_clipped():
    blocks = [Block("a", 0, 3, indicator=3, categorical=(1,), sparse=False)]
    blocks = Blocks([*blocks, Block("raw", 4, 6, kind="tokens")])
    X = np.array([[0, 5, 1, 1, 70, 80], [0, 6, 3, 1, 90, 60]], dtype=float)
    model = scaler(blocks, clip=2.0, block_norm=None).fit(X)
    np.testing.assert_array_equal(model.limit_, [0, np.inf, 2, *[np.inf] * 3])
    new = np.array([[50, 99, np.nan, 1, 99, 99], [50, 99, 8, 1, 99, 99]])
    expected = new - [50, 0, 2, 0, 0, 0]
    expected[1, 2] = 2
    np.testing.assert_array_equal(model.transform(new), expected)


def test_sparse_columns_are_not_shifted_and_keep_their_ratios():
    X, _ = two_blocks(absent=0.3)
    out = scaler(block_norm=2.0).fit_transform(sp.csr_array(X))
    assert out.format == "csr"
    assert out.nnz == sp.csr_array(X).nnz
    size = np.sqrt(row_norms(X[X[:, 2] == 1, :2]).mean())
    np.testing.assert_allclose(out.toarray()[:, :2], X[:, :2] * 2 / size)
    np.testing.assert_array_equal(scaler().fit_transform(sp.csr_array(X)).toarray(), X)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("weights", [None, np.arange(60.0)])
def test_kinds_of_sparse_matrices_are_one(kind, weights):
    X, _ = two_blocks()
    model = scaler(block_norm=1.0).fit(kind(X), sample_weight=weights)
    same = scaler(block_norm=1.0).fit(sp.csr_array(X), sample_weight=weights)
    np.testing.assert_array_equal(model.scale_, same.scale_)
    assert model.transform(kind(X)).format == "csr"


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("block_norm", [None, 5.0])
def test_weight_2_is_a_row_twice_and_weight_0_none(kind, block_norm):
    X, _ = two_blocks(absent=0.2)
    weights = np.arange(len(X)) % 3
    repeated = np.repeat(X, weights, axis=0)
    weighted = scaler(block_norm=block_norm).fit(kind(X), sample_weight=weights)
    plain = scaler(block_norm=block_norm).fit(kind(repeated))
    np.testing.assert_allclose(weighted.mean_, plain.mean_, atol=1e-12)
    np.testing.assert_allclose(weighted.scale_, plain.scale_)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_raw_blocks_and_codes_stay_as_they_are(kind):
    X = np.random.default_rng(0).integers(0, 5, size=(20, 4)).astype(float)
    out = scaler(CODES, block_norm=1.0).fit_transform(kind(X))
    out = out.toarray() if sp.issparse(out) else out
    np.testing.assert_array_equal(out[:, 1], X[:, 1])
    # the norm is that of the numbers: codes have no size
    np.testing.assert_allclose(row_norms(out[:, [0, 2]]).mean(), 1.0)
    if kind is np.asarray:
        X = np.column_stack([X, np.ones(20), X[:, 0]])
        out = scaler(RAW, block_norm=1.0).fit_transform(X)
        np.testing.assert_array_equal(out[:, :5], X[:, :5])
        assert not np.allclose(out[:, 5], X[:, 5])


def test_constant_columns_and_empty_blocks():
    blocks = Blocks([Block("a", 0, 2), Block("none", 2, 2, indicator=2)])
    X = np.array([[3.0, 1.0, 1.0], [3.0, 2.0, 0.0]])
    out = scaler(blocks, block_norm=1.0).fit_transform(X)
    np.testing.assert_allclose(out, [[0, -1, 1], [0, 1, 0]])
    out = scaler(Blocks([Block("a", 0, 1)]), block_norm=1.0).fit_transform(X[:, :1])
    np.testing.assert_array_equal(out, [[0], [0]])


ULP = np.spacing(np.float32(1000))
TWO = Blocks([Block("a", 0, 3, sparse=False), Block("b", 3, 4, sparse=False)])
# columns that are constant but for rounding, each in the precision that it has
ROUNDED = {
    "one step up": np.float32(1000 + ULP * (np.arange(60) % 2)),
    "steps both ways": np.float32(1000 + ULP * (np.arange(60) % 5 - 2)),
    "one row": np.float32(1000 + ULP * (np.arange(60) == 7)),
    "float64": 1000 + np.spacing(1000.0) * (np.arange(60) % 2),
    "a negative one": np.float32(-1000 - ULP * (np.arange(60) % 2)),
}


def _with_a_rounded_column(column):
    X = np.random.default_rng(0).normal(size=(60, 4))
    return np.column_stack([X[:, :1], column, X[:, 2:]]).astype(column.dtype)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("column", ROUNDED.values(), ids=ROUNDED)
def test_rounding_is_no_spread(column, weighted, kind):
    X = _with_a_rounded_column(column)
    weights = np.random.default_rng(1).random(60) * 1e-3 if weighted else None
    model = scaler(TWO).fit(kind(X), sample_weight=weights)
    assert model.scale_[1] == 1
    assert abs(model.mean_[1] - column[0]) < 3 * ULP
    new = X.copy()
    new[:, 1] += 1
    out = model.transform(kind(new))
    out = out.toarray() if sp.issparse(out) else out
    np.testing.assert_allclose(out[:, 1], 1, atol=5 * ULP)
    # nor does it count in the size of its block
    normed = scaler(TWO, block_norm=3.0).fit(kind(X), sample_weight=weights)
    size = np.sqrt(2) / 3
    np.testing.assert_allclose(normed.scale_[1], size)
    np.testing.assert_allclose(normed.scale_[[0, 2]], model.scale_[[0, 2]] * size)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_a_block_of_nothing_but_rounding_is_not_blown_up(kind):
    X = _with_a_rounded_column(ROUNDED["one step up"])[:, [1, 1, 1, 0]]
    model = scaler(TWO, block_norm=10.0).fit(kind(X))
    np.testing.assert_array_equal(model.scale_[:3], 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_spread_that_is_none_of_rounding_counts(dtype):
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            1000 * (1 + 1e-4 * rng.normal(size=60)),
            1e-12 * rng.normal(size=60),
            2000 + np.arange(60) % 20,  # years
            rng.normal(size=60),
        ]
    ).astype(dtype)
    model = scaler(TWO).fit(X)
    np.testing.assert_allclose(model.scale_, X.astype(np.float64).std(axis=0))


def test_a_modality_that_no_row_has_stays_as_it_is():
    X, _ = two_blocks(absent=1.1)
    X[:, :2] = 7
    out = scaler(block_norm=1.0).fit_transform(X)
    np.testing.assert_array_equal(out[:, :3], X[:, :3])


def test_nan_stays_nan_and_is_not_counted():
    X, _ = two_blocks()
    X[3, 0] = np.nan
    out = scaler().fit_transform(X)
    assert np.isnan(out).sum() == 1
    np.testing.assert_allclose(np.nanmean(out[:, 0]), 0, atol=1e-12)
    np.testing.assert_allclose(np.nanstd(out[:, 0]), 1)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(kind, dtype):
    X, _ = two_blocks(dtype=dtype)
    assert scaler(block_norm=1.0).fit_transform(kind(X)).dtype == dtype


def test_float32_moments_are_taken_in_float64():
    rng = np.random.default_rng(0)
    X = np.float32(1e4 + rng.normal(size=(100_000, 1)))
    model = scaler(Blocks([Block("a", 0, 1)])).fit(X)
    np.testing.assert_allclose(model.mean_, X.astype(np.float64).mean(), rtol=1e-9)
    np.testing.assert_allclose(model.scale_, X.astype(np.float64).std(), rtol=1e-6)


def test_batch_is_one_by_one():
    X, _ = two_blocks(absent=0.2)
    model = scaler(block_norm=2.0).fit(X)
    rows = np.vstack([model.transform(X[[i]]) for i in range(len(X))])
    np.testing.assert_array_equal(rows, model.transform(X))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_x_is_not_written_to(kind):
    X, _ = two_blocks()
    given = kind(X.copy())
    scaler(block_norm=2.0).fit(given).transform(given)
    given = given.toarray() if sp.issparse(given) else given
    np.testing.assert_array_equal(given, X)


def test_blocks_are_read_from_the_names_of_a_frame():
    X, _ = two_blocks(absent=0.2)
    names = ["a__0", "a__1", "a__modality_present", "b__0"]
    frame = pd.DataFrame(X, columns=names)
    model = scaler(None).set_output(transform="pandas").fit(frame)
    assert model.blocks_in_ == BLOCKS
    out = model.transform(frame)
    assert list(out.columns) == names
    np.testing.assert_array_equal(out.to_numpy(), scaler().fit_transform(X))
    out = scaler(None).fit_transform(pl.from_numpy(X, names))
    np.testing.assert_array_equal(out, scaler().fit_transform(X))


def test_an_array_without_blocks_is_one_block():
    X, _ = two_blocks()
    out = scaler(None).fit_transform(X[:, [0, 1, 3]])
    expected = StandardScaler().fit_transform(X[:, [0, 1, 3]])
    np.testing.assert_allclose(out, expected)


def test_a_matrix_of_other_blocks_is_refused():
    X, _ = two_blocks()
    with pytest.raises(ValueError, match="describe 4 columns, X has 3"):
        scaler().fit(X[:, :3])
    X[0, 2] = 0.5
    with pytest.raises(ValueError, match="presence column 2 of modality 'a'"):
        scaler().fit(X)
    model = scaler().fit(two_blocks()[0])
    with pytest.raises(ValueError, match="presence column 2 of modality 'a'"):
        model.transform(X)


def test_clone_and_refit():
    X, _ = two_blocks()
    model = scaler(block_norm=1.0).fit(two_blocks(seed=1)[0])
    again = clone(model).fit(X)
    np.testing.assert_array_equal(model.fit(X).scale_, again.scale_)
