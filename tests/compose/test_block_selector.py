import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from mmsk.compose import Block, Blocks, BlockSelector
from tests._blocks import BLOCKS, RAW, two_blocks

X = np.arange(12.0).reshape(3, 4)
X[:, 2] = [1, 0, 1]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    ("modalities", "columns"),
    [
        ("a", [0, 1, 2]),
        (["b"], [3]),
        (("b", "a"), [0, 1, 2, 3]),
        (None, [0, 1, 2, 3]),
    ],
)
def test_columns_with_their_presence_columns(kind, modalities, columns):
    model = BlockSelector(modalities, blocks=BLOCKS).fit(kind(X))
    out = model.transform(kind(X))
    assert sp.issparse(out) == sp.issparse(kind(X))
    out = out.toarray() if sp.issparse(out) else out
    np.testing.assert_array_equal(out, X[:, columns])
    assert model.blocks_out_ == BLOCKS.select(modalities).packed()
    np.testing.assert_array_equal(
        model.blocks_out_.present(out), BLOCKS.select(modalities).present(X)
    )


def test_raw_blocks_keep_their_kind():
    model = BlockSelector("a", blocks=RAW).fit(np.ones((2, 6)))
    assert model.blocks_out_["a"] == RAW["a"]


def test_blocks_are_read_from_the_names_of_a_frame():
    names = ["a__0", "a__1", "a__modality_present", "b__0"]
    frame = pd.DataFrame(X, columns=names)
    model = BlockSelector("b").set_output(transform="pandas").fit(frame)
    assert list(model.transform(frame).columns) == ["b__0"]
    assert list(model.get_feature_names_out()) == ["b__0"]


def test_names_of_an_array():
    model = BlockSelector("a", blocks=BLOCKS).fit(X)
    assert list(model.get_feature_names_out()) == ["x0", "x1", "x2"]
    assert list(model.get_feature_names_out(list("pqrs"))) == ["p", "q", "r"]
    with pytest.raises(ValueError, match="length equal to number of features"):
        model.get_feature_names_out(list("pqr"))


def test_unknown_modality():
    with pytest.raises(ValueError, match=r"Unknown modalities \['c'\]"):
        BlockSelector(["a", "c"], blocks=BLOCKS).fit(X)


def test_blocks_that_do_not_match():
    with pytest.raises(ValueError, match="describe 4 columns, X has 3"):
        BlockSelector("a", blocks=BLOCKS).fit(X[:, :3])
    broken = X.copy()
    broken[0, 2] = -1
    with pytest.raises(ValueError, match="presence column 2"):
        BlockSelector("b", blocks=BLOCKS).fit(broken)


def test_nan_and_dtype_pass():
    X = two_blocks(dtype=np.float32)[0]
    X[0, 0] = np.nan
    out = BlockSelector("a", blocks=BLOCKS).fit_transform(X)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, X[:, :3])


def test_layout_before_fit():
    assert BlockSelector("b")._blocks_after(BLOCKS) == Blocks([Block("b", 0, 1)])
