"""A column that is missing in every row of fit is told of once, whatever follows."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mmsk.compose import BlockScaler, ModalityTransformer, MultimodalClassifier
from mmsk.exceptions import MissingModalityWarning
from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.image import ColorExtractor, ImageTensorizer
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TextStatisticsExtractor, TokenSequencer
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier

N = 8
Y = np.arange(N) % 2
PICTURE = np.full((4, 4, 3), 99, dtype=np.uint8)
EXTRACTORS = [
    ColorExtractor(),
    ImageTensorizer(size=4),
    MFCCExtractor(),
    TextStatisticsExtractor(),
    TokenSequencer(),
]


def table(**columns):
    frame = pd.DataFrame({"n": np.arange(N) / N})
    for name, cells in columns.items():
        frame[name] = pd.Series(cells, dtype=object)
    return frame


def told(call):
    """Return the texts of the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert {each.category for each in caught} <= {MissingModalityWarning}
    return [str(each.message) for each in caught]


def features(extractor, columns, **params):
    branches = [("cells", extractor, columns), ("table", TableExtractor(), ["n"])]
    return ModalityTransformer(branches, **params)


@pytest.mark.parametrize("extractor", EXTRACTORS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_by_every_extractor_of_cells(extractor, missing):
    X = table(gone=[missing] * N)
    for call in (
        lambda: clone(extractor).fit(X[["gone"]]),
        lambda: features(extractor, ["gone"]).fit_transform(X),
        lambda: ColumnTransformer([("cells", extractor, ["gone"])]).fit(X),
    ):
        texts = told(call)
        assert len(texts) == 1
        assert "the columns ['gone'] are missing in every row of fit" in texts[0]
        assert type(extractor).__name__ in texts[0]


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        make_pipeline(BlockScaler(), LogisticRegression()),
        EarlyFusionClassifier(),
        EarlyFusionClassifier(modalities=["table", "cells"]),
        make_pipeline(BlockScaler(), EarlyFusionClassifier()),
        LateFusionClassifier(),
    ],
    ids=range(6),
)
@pytest.mark.parametrize(
    "extractor", [ColorExtractor(), make_pipeline(ColorExtractor(), PCA(1))]
)
def test_once_before_fusion_and_before_a_plain_estimator(extractor, estimator):
    X = table(photo=[None] * N)
    clf = MultimodalClassifier(features(extractor, ["photo"]), estimator)
    with np.errstate(invalid="ignore"):  # of the variance that PCA explains
        texts = told(lambda: clf.fit(X, Y))
    assert len(texts) == 1
    assert "ColorExtractor: the columns ['photo']" in texts[0]
    assert told(lambda: clf.predict(X)) == []


def test_the_one_of_several_columns():
    X = table(front=[None, PICTURE] * (N // 2), back=[None] * N)
    texts = told(lambda: features(ColorExtractor(), ["front", "back"]).fit(X))
    assert len(texts) == 1
    assert "the columns ['back'] are" in texts[0]


def test_not_where_one_row_has_something():
    X = table(photo=[PICTURE] + [None] * (N - 1), note=["", *[None] * (N - 1)])
    for extractor, column in (
        (ColorExtractor(), "photo"),
        (TextStatisticsExtractor(), "note"),
    ):
        assert told(lambda e=extractor, c=column: features(e, [c]).fit(X)) == []


def test_again_where_a_store_knows_the_fit(tmp_path):
    X = table(note=[None] * N)
    for _ in range(2):
        branches = features(TextStatisticsExtractor(), ["note"], memory=str(tmp_path))
        assert len(told(lambda each=branches: each.fit(X))) == 1


def test_fusion_still_tells_of_what_only_its_rows_lack():
    X = table(photo=[PICTURE] + [None] * (N - 1))
    matrix = features(ColorExtractor(), ["photo"]).fit(X)
    fusion = EarlyFusionClassifier(blocks=matrix.blocks_)
    texts = told(lambda: fusion.fit(matrix.transform(X)[1:], Y[1:]))
    assert len(texts) == 1
    assert "No training sample has the modalities ['cells']" in texts[0]


def test_a_layout_is_the_same_whether_seen_or_not():
    unseen = ModalityTransformer([("cells", ColorExtractor(), ["photo"])])
    seen = clone(unseen).fit(table(photo=[PICTURE] * N)).blocks_
    with pytest.warns(MissingModalityWarning):
        unseen = unseen.fit(table(photo=[None] * N)).blocks_
    assert (unseen["cells"].unseen, seen["cells"].unseen) == (True, False)
    assert unseen == seen
    assert unseen.digest == seen.digest
