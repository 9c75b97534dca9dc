import pickle
import shutil
import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from mmsk.compose import ModalityTransformer
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.pretrained import TransformersEncoder, _model
from mmsk.store import FeatureStore
from tests._models import SavedModel, save, saved
from tests.feature_extraction._samples import table
from tests.feature_extraction.pretrained._reference import embed_texts

BERT = SavedModel("bert")
WORDS = ["red", "blue", "car", "bike", "old", "a", "x1", "elderberry"]


def texts(n=60, seed=0, longest=9):
    rng = np.random.default_rng(seed)
    return [
        " ".join(rng.choice(WORDS, size=1 + rng.integers(longest))) for _ in range(n)
    ]


def products_of_many_are_those_of_few():
    """Tell whether the BLAS computes a row alike whatever the number of rows."""
    x, weight = torch.randn(1024, 16), torch.randn(24, 16)
    whole = torch.nn.functional.linear(x, weight)
    return all(
        torch.equal(whole[:n], torch.nn.functional.linear(x[:n], weight))
        for n in (64, 70, 96, 200, 512)
    )


def assert_same_bits(one, other):
    if products_of_many_are_those_of_few():
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.fixture
def forward(monkeypatch):
    """Take down the shapes with which the network is asked."""
    asked = []
    hidden = _model.Model.hidden

    def counted(self, **inputs):
        asked.append(tuple(next(iter(inputs.values())).shape))
        return hidden(self, **inputs)

    monkeypatch.setattr(_model.Model, "hidden", counted)
    return asked


# --- values ---------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("kind", ["bert", "t5", "byt5", "clip"])
def test_a_text_is_what_the_model_says_of_it_alone(kind, pooling):
    told = texts(20)
    encoder = TransformersEncoder(SavedModel(kind), pooling=pooling)
    rows = encoder.fit_transform([[text] for text in told])
    assert rows.dtype == np.float32
    assert rows.shape == (20, 17)
    expected = embed_texts(kind, told, pooling, max_length=40)
    np.testing.assert_allclose(rows[:, :-1], expected, rtol=1e-4, atol=1e-5)
    assert (rows[:, -1] == 1).all()


def test_a_long_text_is_cut_as_the_tokenizer_says():
    told = ["elderberry " * 20, "red " * 7 + "blue"]
    for limit in (None, 9):
        encoder = TransformersEncoder(BERT, max_length=limit)
        rows = encoder.fit_transform([[text] for text in told])
        expected = embed_texts("bert", told, max_length=limit or 40)
        np.testing.assert_allclose(rows[:, :-1], expected, rtol=1e-4, atol=1e-5)


def test_a_row_does_not_depend_on_the_others():
    X = pd.DataFrame({"a": texts(300)})
    encoder = TransformersEncoder(BERT).fit(X[:2])
    whole = encoder.transform(X)
    one_by_one = np.vstack([encoder.transform(X[i : i + 1]) for i in range(30)])
    assert_same_bits(one_by_one, whole[:30])
    sevens = np.vstack([encoder.transform(X[i : i + 7]) for i in range(0, 300, 7)])
    assert_same_bits(sevens, whole)
    assert_same_bits(encoder.transform(X[::-1])[::-1], whole)


def test_texts_of_a_length_share_a_batch(forward):
    TransformersEncoder(BERT).fit([["red car"]] + [[f"a x{i}"] for i in range(20)])
    # [CLS] r e d c a r [SEP]; [CLS] a x 1 [SEP]; [CLS] a x 1 0 [SEP]
    assert sorted(forward) == [(8, 8), (11, 6), (13, 5)]


def test_two_threads_compute_the_same():
    X = [[text] for text in texts(200)]
    before = torch.get_num_threads()
    one = TransformersEncoder(BERT).fit_transform(X)
    two = TransformersEncoder(BERT, n_jobs=2).fit_transform(X)
    np.testing.assert_array_equal(one, two)
    assert torch.get_num_threads() == before


def test_several_columns_stand_side_by_side():
    X = pd.DataFrame({"a": texts(9), "b": [*texts(8, seed=1), None]})
    encoder = TransformersEncoder(BERT).fit(X)
    rows = encoder.transform(X)
    single = TransformersEncoder(BERT).fit(X[["b"]]).transform(X[["b"]])
    np.testing.assert_array_equal(rows[:, 16:32], single[:, :16])
    assert encoder.block_.parts == (("a", 0, 16), ("b", 16, 32))
    names = encoder.get_feature_names_out()
    assert names[[0, 31, 32]].tolist() == [
        "a_embedding_0",
        "b_embedding_15",
        "modality_present",
    ]


# --- what a text may be ---------------------------------------------------------------


@pytest.mark.parametrize("hole", [None, np.nan, pd.NA])
def test_a_missing_text_gets_the_mean(hole):
    encoder = TransformersEncoder(BERT)
    rows = encoder.fit_transform(table(["red car"], [hole], ["old"]))
    np.testing.assert_allclose(
        rows[1, :-1], rows[[0, 2], :-1].mean(axis=0), rtol=1e-5, atol=1e-7
    )
    assert rows[:, -1].tolist() == [1, 0, 1]
    encoder.set_params(missing="zero").fit(table(["red car"]))
    assert not encoder.transform(table([hole])).any()


def test_an_empty_text_has_zeros_and_is_there(forward):
    rows = TransformersEncoder(BERT).fit_transform([[""], [" \n"], ["red"]])
    assert not rows[:2, :-1].any()
    assert rows[2, :-1].any()
    assert rows[:, -1].tolist() == [1, 1, 1]
    assert len(forward) == 1


@pytest.mark.parametrize("cell", [3, 2.5, ["a", "b"], {"a": 1}])
def test_a_number_and_a_list_are_refused(cell):
    X = pd.DataFrame({"title": pd.Series(["red", cell], dtype=object)})
    with pytest.raises(MediaError, match=r"astype\(str\)") as caught:
        TransformersEncoder(BERT).fit(X)
    assert (caught.value.code, caught.value.row) == ("BAD_TYPE", 1)
    assert caught.value.column == "title"
    encoder = TransformersEncoder(BERT, on_error="missing", max_error_rate=0.5)
    with pytest.warns(MissingModalityWarning, match="1 of 2 cells"):
        rows = encoder.fit_transform(X)
    assert rows[:, -1].tolist() == [1, 0]
    assert encoder.failures_ == [(1, "title", None, "BAD_TYPE")]


def test_bytes_are_utf_8_or_refused():
    rows = TransformersEncoder(BERT).fit_transform(table(["red"], [b"red"]))
    np.testing.assert_array_equal(rows[0], rows[1])
    with pytest.raises(MediaError) as caught:
        TransformersEncoder(BERT).fit(table([b"\xff\xfe"]))
    assert caught.value.code == "BAD_ENCODING"


def test_lone_surrogates_are_replaced_and_counted():
    encoder = TransformersEncoder(BERT)
    rows = encoder.fit_transform([["a\ud800"], ["a\ufffd"], ["\udc00 \ud800"]])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert encoder.n_replaced_ == 3
    encoder.transform([["a"]])
    assert encoder.n_replaced_ == 0


def test_any_unicode_is_kept():
    told = ["a\0b", "中文", "שלום", "🙂", "größe"]
    rows = TransformersEncoder(SavedModel("byt5")).fit_transform([[t] for t in told])
    expected = embed_texts("byt5", told)
    np.testing.assert_allclose(rows[:, :-1], expected, rtol=1e-4, atol=1e-5)


def test_a_20_mb_document_is_read_as_far_as_the_model_reads():
    begin = "red car " * 20
    document = begin + "old bike " * (20 * 2**20 // 9)
    rows = TransformersEncoder(BERT).fit_transform([[document], [begin]])
    np.testing.assert_array_equal(rows[0], rows[1])


# --- the store ------------------------------------------------------------------------


def test_a_second_run_computes_nothing(tmp_path, forward):
    X = [[text] for text in texts(100)]
    first = TransformersEncoder(BERT, memory=tmp_path / "store").fit_transform(X)
    assert len(forward) > 0
    forward.clear()
    encoder = TransformersEncoder(BERT, memory=tmp_path / "store").fit(X)
    np.testing.assert_array_equal(encoder.transform(X), first)
    assert forward == []
    encoder.transform([["a new one"]])
    assert forward == [(8, 9)]


def test_another_version_of_unicode_is_another_key(tmp_path, forward, monkeypatch):
    X = [["red car"]]
    encoder = TransformersEncoder(BERT, memory=tmp_path / "store").fit(X)
    forward.clear()
    encoder.transform(X)
    assert not forward
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    encoder.transform(X)
    assert len(forward) == 1


def test_stored_is_computed(tmp_path):
    X = [[text] for text in texts(120)]
    store = FeatureStore(tmp_path / "store")
    encoder = TransformersEncoder(BERT, memory=store)
    encoder.fit(X[50:60]).transform(X[::3])  # in other batches than below
    stored = encoder.fit_transform(X)
    assert_same_bits(stored, TransformersEncoder(BERT).fit_transform(X))


@pytest.mark.parametrize("change", [{"pooling": "max"}, {"max_length": 5}])
def test_another_parameter_is_another_key(tmp_path, forward, change):
    X = [["red car and more"]]
    encoder = TransformersEncoder(BERT, memory=tmp_path / "store").fit(X)
    encoder.set_params(**change).fit(X)
    assert len(forward) == 2
    encoder.set_params(device="cpu", n_jobs=2, missing="zero").fit(X)
    assert len(forward) == 2


def test_weights_are_told_by_their_content(tmp_path, forward):
    X = [["red car"]]
    here, there = tmp_path / "here", tmp_path / "there"
    shutil.copytree(saved("bert"), here)
    shutil.copytree(saved("bert"), there)
    first = TransformersEncoder(here, memory=tmp_path / "store").fit_transform(X)
    encoder = TransformersEncoder(str(there), memory=tmp_path / "store")
    np.testing.assert_array_equal(encoder.fit_transform(X), first)
    assert len(forward) == 1
    torch.manual_seed(8)
    save("bert", there)  # other weights under the same name
    with pytest.raises(ValueError, match="not the one of fit"):
        encoder.transform(X)
    assert (encoder.fit_transform(X) != first).any()
    assert len(forward) == 2


def test_warm_needs_no_fit(tmp_path, forward):
    X = [[text] for text in texts(30)] + [["\ud800"]]
    encoder = TransformersEncoder(BERT, memory=tmp_path / "store")
    assert encoder.warm(X, verbose=False) is encoder
    forward.clear()
    encoder.fit(X)
    assert forward == []


# --- as an estimator ------------------------------------------------------------------


def test_weights_are_not_in_the_pickle():
    encoder = TransformersEncoder(BERT).fit([["red car"]])
    packed = pickle.dumps(encoder)
    assert len(packed) < 2500
    assert (saved("bert") / "model.safetensors").stat().st_size > 20_000
    loaded = pickle.loads(packed)
    np.testing.assert_array_equal(
        loaded.transform([["old"]]), encoder.transform([["old"]])
    )
    assert clone(encoder).fit([["red car"]]).model_digest_ == encoder.model_digest_


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_frames_of_both_kinds_and_their_output(make):
    X = make({"a": texts(5), "b": texts(5, seed=1)})
    encoder = TransformersEncoder(BERT)
    rows = encoder.fit_transform(X)
    encoder.set_output(transform="pandas")
    framed = encoder.fit_transform(X)
    assert list(framed.columns) == list(encoder.get_feature_names_out())
    np.testing.assert_array_equal(framed.to_numpy(), rows)
    with pytest.raises(ValueError, match="feature names"):
        encoder.transform(X[["b", "a"]])


def test_in_a_search_over_pooling():
    told = texts(40)
    X, y = pd.DataFrame({"a": told, "n": range(40)}), ["red" in t for t in told]
    features = ColumnTransformer([("text", TransformersEncoder(BERT), ["a"])])
    model = make_pipeline(features, LogisticRegression())
    grid = {"columntransformer__text__pooling": ["mean", "max"]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert search.predict(X).shape == (40,)


def test_a_modality_transformer_hands_its_store_down(tmp_path, forward):
    X = pd.DataFrame({"a": [*texts(9), None]})
    features = ModalityTransformer(
        [("text", TransformersEncoder(BERT), ["a"])], memory=tmp_path / "store"
    )
    rows = features.fit_transform(X)
    assert features.blocks_["text"].indicator == 16
    forward.clear()
    np.testing.assert_array_equal(clone(features).fit(X).transform(X), rows)
    assert forward == []


def test_weights_of_samples_count_in_the_fill():
    X = table(["red"], ["old"], [None])
    rows = TransformersEncoder(BERT).fit_transform(X, sample_weight=[3, 1, 1])
    np.testing.assert_allclose(
        rows[2, :-1], 0.75 * rows[0, :-1] + 0.25 * rows[1, :-1], rtol=1e-5, atol=1e-6
    )


def test_no_global_state_is_touched():
    from transformers.utils import logging

    _model._models.clear()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    level = logging.get_verbosity(), logging.is_progress_bar_enabled()
    TransformersEncoder(BERT).fit([["red"]])
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    assert level == (logging.get_verbosity(), logging.is_progress_bar_enabled())


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device"):
        TransformersEncoder(BERT, device="abacus").fit([["red"]])
