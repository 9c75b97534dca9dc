"""Missing and broken media: the corpus through extractors, pictures through all."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from mmsk.compose import MultimodalClassifier
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.media import check
from mmsk.store import FeatureStore
from tests._clips import CLIPS
from tests._corpus import PICTURES
from tests._shop import shop_features, write_shop

HEADS = [
    EarlyFusionClassifier(),
    LateFusionClassifier(),
    LateFusionClassifier(combine="stack", cv=2),
    IntermediateFusionClassifier("gated", max_epochs=10, random_state=0),
    IntermediateFusionClassifier("concat", max_epochs=10, random_state=0),
    LogisticRegression(max_iter=500),
]


@pytest.fixture
def shop(tmp_path):
    X, y = write_shop(tmp_path, 60)
    whole = (tmp_path / "7.png").read_bytes()
    (tmp_path / "7.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path, X, y


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_broken_picture_is_named(head, shop):
    root, X, y = shop
    with pytest.raises(MediaError) as caught:
        MultimodalClassifier(shop_features(root), head).fit(X, y)
    error = caught.value
    assert (error.column, error.row, error.code) == ("photo", 7, "TRUNCATED")
    assert error.path.endswith("7.png")
    for word in ("'photo'", "row 7", "7.png", 'on_error="missing"'):
        assert word in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_broken_picture_is_missing_on_demand(head, shop):
    root, X, y = shop
    X.loc[3, "photo"] = None
    features = shop_features(root, on_error="missing")
    with pytest.warns(MissingModalityWarning, match="1 of 59"):
        fitted = MultimodalClassifier(features, head).fit(X, y)
    failure = fitted.features_.named_transformers_["image"].failures_
    assert [(each.row, each.column, each.code) for each in failure] == [
        (7, "photo", "TRUNCATED")
    ]
    with pytest.warns(MissingModalityWarning, match="1 of 59"):
        proba = fitted.predict_proba(X)
    assert proba.shape == (60, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    present = fitted.features_.blocks_["image"].indicator
    with pytest.warns(MissingModalityWarning):
        column = fitted.features_.transform(X)[:, [present]].toarray().ravel()
    assert np.flatnonzero(column == 0).tolist() == [3, 7]


@pytest.mark.filterwarnings("ignore:.* samples lack modalities that every training")
@pytest.mark.parametrize("head", HEADS, ids=repr)
@pytest.mark.parametrize("absent", ["title", "photo"])
def test_a_modality_absent_at_predict_gives_probabilities(head, absent, shop):
    root, X, y = shop
    good = X.index != 7
    X, y = X[good].reset_index(drop=True), y[good]
    fitted = MultimodalClassifier(shop_features(root), head).fit(X, y)
    proba = fitted.predict_proba(X.assign(**{absent: None}))
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isfinite(proba).all()
    assert not np.allclose(proba, fitted.predict_proba(X))


def test_too_many_broken_pictures_stop_fit_and_not_predict(shop):
    root, X, y = shop
    features = shop_features(root, on_error="missing")
    head = EarlyFusionClassifier()
    with pytest.warns(MissingModalityWarning):
        fitted = MultimodalClassifier(features, head).fit(X, y)
    for row in range(20):
        (root / f"{row}.png").write_bytes(b"\x89PNG")
    with pytest.raises(MediaError, match="max_error_rate"):
        MultimodalClassifier(features, head).fit(X, y)
    with pytest.warns(MissingModalityWarning, match="20 of 60"):
        assert fitted.predict(X).shape == (60,)


def test_a_model_loaded_in_another_folder_finds_no_root(shop, tmp_path, monkeypatch):
    root, X, y = shop
    X, y = X.drop(index=7), np.delete(y, 7)
    monkeypatch.chdir(root.parent)
    features = shop_features(root.name, on_error="missing", max_error_rate=1.0)
    fitted = MultimodalClassifier(features, LogisticRegression()).fit(X, y)
    there = fitted.predict_proba(X)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    loaded = pickle.loads(pickle.dumps(fitted))
    for call in (loaded.predict, loaded.features_.transform):
        with pytest.raises(ValueError, match=r"is not a folder.*elsewhere") as caught:
            call(X)
        assert f"root={root.name!r}" in str(caught.value)
    with pytest.raises(ValueError, match="is not a folder"):
        clone(fitted).fit(X, y)
    loaded.features_.named_transformers_["image"].set_params(root=root)
    np.testing.assert_array_equal(loaded.predict_proba(X), there)


@pytest.mark.parametrize("extractor", [HOGExtractor, MFCCExtractor])
@pytest.mark.parametrize("memory", [False, True])
def test_a_root_that_is_no_folder_is_no_missing_cell(extractor, memory, tmp_path):
    lost = extractor(
        root=tmp_path / "lost",
        on_error="missing",
        max_error_rate=1.0,
        memory=tmp_path / "store" if memory else None,
    )
    X = pd.DataFrame({"medium": ["a", None, "b"]})
    calls = [lost.fit, lost.fit_transform, *([lost.warm] if memory else [])]
    for call in calls:
        with pytest.raises(ValueError, match="lost' is not a folder"):
            call(X)
    nothing = X.assign(medium=None)
    with pytest.warns(MissingModalityWarning, match="missing in every row"):
        lost.fit(nothing)
    with pytest.raises(ValueError, match="lost' is not a folder"):
        lost.transform(X)


HOG = {"size": 32, "pixels_per_cell": 8, "color_bins": 2}
MFCC = {"sample_rate": 8000, "n_mfcc": 5, "max_seconds": 600}
KINDS = {
    "pictures": (PICTURES, HOGExtractor(**HOG), "image"),
    "clips": (CLIPS, MFCCExtractor(**MFCC), "audio"),
}
# to an extractor these are missing, and lists of cells
MISSING = {"None", "NaN"}
LISTS = {
    "list of cells": ["NOT_FOUND", "NOT_FOUND"],
    "nested list": ["BAD_TYPE", "BAD_TYPE"],
    "rate of another kind": ["BAD_TYPE", "NOT_FOUND"],
}


@pytest.fixture(scope="module", params=KINDS)
def corpus(request, tmp_path_factory):
    """A table of the whole corpus, what each row must give, and who reads it."""
    entries, extractor, kind = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param) / "root"
    folder.mkdir()
    rows, tables = [], []
    for rooted in (False, True):
        some = [entry for entry in entries if entry.rooted == rooted]
        cells = np.empty(len(some), dtype=object)
        cells[:] = [entry.make(folder) for entry in some]
        tables.append((pd.DataFrame({"medium": cells}), folder if rooted else None))
        rows.append([(each.name, each.code) for each in some])
    return tables, rows, extractor, kind


def stated(rows):
    """Return the rows that cannot be used, with their codes."""
    return [
        (row, code)
        for row, (name, code) in enumerate(rows)
        if code is not None and name not in MISSING
        for code in LISTS.get(name, [code])
    ]


def test_the_corpus_through_extractors(corpus, tmp_path):
    tables, all_rows, extractor, _ = corpus
    for (X, root), rows in zip(tables, all_rows, strict=True):
        found = []
        for memory in (None, tmp_path, tmp_path):
            extractor.set_params(
                root=root, memory=memory, on_error="missing", max_error_rate=1.0
            )
            with pytest.warns(MissingModalityWarning):
                found.append(extractor.fit_transform(X))
            failures = [(each.row, each.code) for each in extractor.failures_]
            assert failures == stated(rows)
        absent = {row for row, (name, code) in enumerate(rows) if code is not None}
        assert set(np.flatnonzero(found[0][:, -1] == 0)) == absent
        assert np.isfinite(found[0]).all()
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])
        extractor.set_params(on_error="raise", memory=None)
        for row, code in dict(stated(rows)[::-1]).items():  # the first of each row
            with pytest.raises(MediaError) as caught:
                extractor.fit(X.iloc[[row]])
            assert (caught.value.code, caught.value.column) == (code, "medium")
            assert caught.value.row == 0


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_corpus_checked(corpus, n_jobs):
    tables, all_rows, _, kind = corpus
    for (X, root), rows in zip(tables, all_rows, strict=True):
        report = check(X, {"medium": kind}, root=root, n_jobs=n_jobs, verbose=False)
        assert [(each.row, each.code) for each in report.failures] == stated(rows)
        assert report.n_missing == sum(name in MISSING for name, _ in rows)
        names = [each.path for each in report.cells if each.row == 0]
        assert names == [X["medium"][0]]


def test_a_broken_cell_is_not_kept_as_a_row(corpus, tmp_path):
    (X, root), rows = corpus[0][0], corpus[1][0]
    extractor = corpus[2].set_params(
        root=root, memory=tmp_path, on_error="missing", max_error_rate=1.0
    )
    with pytest.warns(MissingModalityWarning):
        extractor.fit(X)
    n_whole = sum(code is None for _, code in rows)
    assert 0 < FeatureStore(tmp_path).info().written <= n_whole
