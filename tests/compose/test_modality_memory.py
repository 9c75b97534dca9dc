"""The feature store of a ModalityTransformer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import FeatureAgglomeration
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mmsk.compose import ModalityTransformer, _step_keys
from mmsk.exceptions import StoreWarning
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.store import FeatureStore
from tests._blocks import Marked

DATA = {
    "title": ["red car", "blue car", None, "old cat"],
    "price": [3.0, 5.0, 7.0, 9.0],
    "stock": [1, 2, 3, 4],
    "colour": ["red", "blue", "red", "red"],
}
TABLE = pd.DataFrame(DATA)


def features(**params):
    return ModalityTransformer(
        [
            ("text", TfidfExtractor(n_components=2, random_state=0), ["title"]),
            ("table", TableExtractor(), ["price", "stock"]),
        ],
        **params,
    )


def numbers(columns, transformer="passthrough"):
    """Return features of some columns, as they are."""
    return ModalityTransformer([("numbers", transformer, columns)])


def pictures(n=3):
    rng = np.random.default_rng(0)
    cells = np.empty(n, dtype=object)
    cells[:] = list(rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8))
    return pd.DataFrame({"photo": cells})


@pytest.fixture(autouse=True)
def forget_what_was_said(monkeypatch):
    monkeypatch.setattr(_step_keys, "_said", set())


HOG = {"size": 8, "pixels_per_cell": 4, "cells_per_block": 1, "color_bins": 0}


class TestMemory:
    def test_handed_to_the_clones_of_branches(self, tmp_path):
        own = FeatureStore(tmp_path / "own")
        given = HOGExtractor(**HOG)
        model = ModalityTransformer(
            [
                ("given", given, ["photo"]),
                ("own", HOGExtractor(**HOG, memory=own), ["photo"]),
                ("inside", Pipeline([("hog", HOGExtractor(**HOG))]), ["photo"]),
                ("other", FunctionTransformer(lambda X: np.ones((len(X), 1))), [0]),
            ],
            memory=tmp_path / "all",
        ).fit(pictures())
        fitted = model.named_transformers_
        assert fitted["given"].memory == FeatureStore(tmp_path / "all")
        assert fitted["own"].memory is own
        assert fitted["inside"]["hog"].memory == FeatureStore(tmp_path / "all")
        assert fitted["inside"].memory is None  # caches something else
        assert given.memory is None
        assert FeatureStore(tmp_path / "all").info().written == 3
        assert own.info().written == 3

    def test_a_memory_of_another_kind_is_left_alone(self, tmp_path):
        merge = FeatureAgglomeration(2)
        model = numbers(["price", "stock"], make_pipeline(Marked(), merge))
        with pytest.warns(StoreWarning, match="Marked is fitted again"):
            model.set_params(memory=tmp_path).fit(TABLE)
        assert model.named_transformers_["numbers"][1].memory is None

    def test_without_memory(self):
        model = ModalityTransformer([("a", HOGExtractor(**HOG), ["photo"])])
        assert model.fit(pictures()).named_transformers_["a"].memory is None

    def test_each_picture_is_extracted_once(self, tmp_path):
        X = pictures()
        model = ModalityTransformer(
            [
                (
                    "a",
                    make_pipeline(HOGExtractor(**HOG), PCA(2, random_state=0)),
                    ["photo"],
                )
            ],
            memory=tmp_path,
        )
        first = model.fit_transform(X)
        np.testing.assert_allclose(model.transform(X), first, rtol=1e-5)
        np.testing.assert_allclose(
            np.abs(clone(model).fit_transform(X[::-1])[::-1]),
            np.abs(first),
            rtol=1e-5,
        )
        info = FeatureStore(tmp_path).info()
        assert (info.written, info.hits) == (3, 6)

    def test_warm(self, tmp_path):
        X = pictures()
        model = ModalityTransformer(
            [
                ("a", HOGExtractor(**HOG), ["photo"]),
                (
                    "b",
                    make_pipeline(
                        HOGExtractor(**HOG | {"size": 16}), PCA(2, random_state=0)
                    ),
                    [0],
                ),
                ("c", "drop", ["nowhere"]),
            ],
            memory=tmp_path,
        )
        assert model.warm(X, verbose=False) is model
        assert not hasattr(model, "blocks_")
        assert FeatureStore(tmp_path).info().written == 6
        model.fit(X)
        assert FeatureStore(tmp_path).info().written == 6
        assert FeatureStore(tmp_path).info().hits == 6

    def test_warm_shows_a_bar_on_stderr(self, tmp_path, capsys):
        model = ModalityTransformer(
            [("a", HOGExtractor(**HOG), ["photo"])], memory=tmp_path
        )
        model.warm(pictures())
        out, err = capsys.readouterr()
        assert "3/3" in err
        assert out == ""

    def test_nothing_to_warm(self, tmp_path):
        with pytest.raises(ValueError, match="no store to warm: pass memory="):
            numbers(["photo"], HOGExtractor(**HOG)).warm(pictures())

    def test_nothing_that_a_store_keeps(self, tmp_path):
        model = ModalityTransformer([("t", TableExtractor(), [1])], memory=tmp_path)
        with pytest.raises(ValueError, match="nothing to warm"):
            model.warm(TABLE)

    def test_warm_needs_the_columns(self, tmp_path):
        model = ModalityTransformer([("a", HOGExtractor(), ["photo"])], memory=tmp_path)
        with pytest.raises(ValueError, match="lacks the column 'photo'"):
            model.warm(TABLE, verbose=False)

    @pytest.mark.parametrize("memory", [3, [], True])
    def test_refused(self, memory):
        with pytest.raises(ValueError, match="'memory' parameter"):
            features(memory=memory).fit(TABLE)
