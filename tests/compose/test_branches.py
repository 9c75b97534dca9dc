"""Pipelines as branches of a ModalityTransformer."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mmsk.compose import Block, Blocks, ModalityTransformer
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from tests._blocks import Marked

DATA = {
    "title": ["red car", "blue car", None, "old cat"],
    "price": [3.0, 5.0, 7.0, 9.0],
    "stock": [1, 2, 3, 4],
    "colour": ["red", "blue", "red", "red"],
}
TABLE = pd.DataFrame(DATA)


def numbers(columns, transformer="passthrough"):
    """Return features of some columns, as they are."""
    return ModalityTransformer([("numbers", transformer, columns)])


class TestPipelines:
    """Steps behind an extractor never see its presence column."""

    @pytest.mark.parametrize(
        "later", [[PCA(1)], [StandardScaler(), PCA(1)], ["passthrough", PCA(1)]]
    )
    def test_a_presence_column_survives(self, later):
        X = pd.DataFrame({"a": [1.0, 2, np.nan, 4, 5], "b": [2.0, 1, 3, 9, 5]})
        model = numbers(["a", "b"], make_pipeline(Marked(fill=3.0), *later)).fit(X)
        assert model.blocks_ == Blocks([Block("numbers", 0, 1, indicator=1)])
        out = model.transform(X)
        np.testing.assert_array_equal(out[:, 1], [1, 1, 0, 1, 1])
        filled = X.fillna(3.0)
        filled.loc[2] = 3.0  # the whole row of an absent sample
        alone = make_pipeline(*later).fit(filled.to_numpy())
        expected = alone.transform(filled.to_numpy())
        np.testing.assert_allclose(out[:, [0]], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(out, model.fit_transform(X), rtol=1e-5, atol=1e-6)
        names = ["numbers__pca0", "numbers__modality_present"]
        assert list(model.get_feature_names_out()) == names

    def test_a_sparse_presence_column_survives(self):
        steps = make_pipeline(TfidfExtractor(), SelectKBest(k=2))
        model = numbers(["title"], steps).fit(TABLE, [0, 1, 0, 1])
        out = model.transform(TABLE)
        assert sp.issparse(out)
        np.testing.assert_array_equal(out.toarray()[:, 2], [1, 1, 0, 1])
        assert model.blocks_["numbers"] == Block("numbers", 0, 2, indicator=2)
        assert model.get_feature_names_out()[-1] == "numbers__modality_present_sparse"

    def test_an_extractor_that_is_not_first(self):
        clean = FunctionTransformer(
            lambda X: X.apply(lambda column: column.str.upper()),
            feature_names_out="one-to-one",
        )
        alone = numbers(["title"], TfidfExtractor()).fit(TABLE)
        model = numbers(["title"], make_pipeline(clean, TfidfExtractor())).fit(TABLE)
        assert model.blocks_ == alone.blocks_
        assert list(model.get_feature_names_out()) == list(
            alone.get_feature_names_out()
        )
        np.testing.assert_array_equal(
            model.transform(TABLE).toarray(), alone.transform(TABLE).toarray()
        )
        model = numbers(["title"], make_pipeline(clean, TfidfExtractor(), _Halve()))
        out = model.fit_transform(TABLE).toarray()
        expected = alone.transform(TABLE).toarray()
        expected[:, :-1] /= 2
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(model.transform(TABLE).toarray(), expected)

    def test_frames_go_from_step_to_step(self):
        """An extractor behind a step that keeps frames finds columns by name."""
        double = FunctionTransformer(lambda X: X.assign(price=X["price"] * 2))
        steps = make_pipeline(double, TableExtractor({"stock": "drop"}, scale=None))
        model = numbers(["price", "stock"], steps)
        expected = [[6], [10], [14], [18]]
        np.testing.assert_array_equal(model.fit_transform(TABLE), expected)
        np.testing.assert_array_equal(model.transform(TABLE), expected)
        assert model.blocks_["numbers"].parts == (("price", 0, 1),)

    def test_nested(self):
        nested = make_pipeline(make_pipeline(Marked(), PCA(1)), StandardScaler())
        model = numbers(["price", "stock"], nested).fit(TABLE)
        assert model.blocks_ == Blocks([Block("numbers", 0, 1, indicator=1)])
        np.testing.assert_array_equal(model.transform(TABLE)[:, 1], 1)

    def test_raw_features_become_a_vector(self):
        steps = make_pipeline(Marked("image", (1, 2)), PCA(2))
        model = numbers(["price", "stock"], steps).fit(TABLE)
        assert model.blocks_ == Blocks([Block("numbers", 0, 2, indicator=2)])

    def test_plain_steps(self):
        steps = make_pipeline(StandardScaler(), PCA(1, random_state=0))
        model = numbers(["price", "stock"], steps)
        expected = clone(steps).fit_transform(TABLE[["price", "stock"]])
        np.testing.assert_allclose(model.fit_transform(TABLE), expected, atol=1e-6)
        assert model.blocks_ == Blocks([Block("numbers", 0, 1)])


class _Halve(StandardScaler):
    """Halves numbers, dense or sparse."""

    def fit(self, X, y=None, sample_weight=None):
        return self

    def transform(self, X):
        return X / 2

    def __sklearn_is_fitted__(self):
        return True
