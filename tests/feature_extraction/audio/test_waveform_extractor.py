import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from mmsk.exceptions import MediaError, StoreWarning
from mmsk.feature_extraction.audio import WaveformExtractor
from mmsk.store import FeatureStore
from tests.feature_extraction._samples import table

RATE = 8000


def moments(waveforms):
    return np.stack([waveforms.mean(axis=1), waveforms.std(axis=1)], axis=1)


class Watched:
    """A function that takes down what it gets."""

    def __init__(self):
        self.shapes = []

    def __call__(self, waveforms):
        self.shapes.append(waveforms.shape)
        assert waveforms.dtype == np.float32
        return moments(waveforms)


def column(*clips):
    return table(*[[(np.asarray(clip), RATE)] for clip in clips])


def noises(*lengths):
    rng = np.random.default_rng(0)
    return [rng.normal(0.1, 0.2, n).astype(np.float32) for n in lengths]


def extractor(func=moments, **params):
    return WaveformExtractor(func, **{"sample_rate": RATE, **params})


def test_each_clip_comes_alone_as_long_as_it_is():
    watched = Watched()
    clips = noises(10, 300, 77)
    rows = extractor(watched).fit_transform(column(*clips))
    assert watched.shapes == [(1, RATE), (1, 10), (1, 300), (1, 77)]
    for row, clip in zip(rows, clips, strict=True):
        np.testing.assert_allclose(row, [clip.mean(), clip.std(), 1], rtol=1e-5)


def test_of_one_length_they_come_in_full_batches():
    watched = Watched()
    clips = noises(10, 300, 77, 100, 101)
    made = extractor(watched, n_samples=100, batch_size=4)
    rows = made.fit_transform(column(*clips))
    assert set(watched.shapes) == {(4, 100)}
    assert len(watched.shapes) == 3  # one asks for the number of values
    for row, clip in zip(rows, clips, strict=True):
        whole = np.pad(clip[:100], (0, max(0, 100 - len(clip))))
        np.testing.assert_allclose(row, [whole.mean(), whole.std(), 1], rtol=1e-5)
    single = [made.transform(column(clip)) for clip in clips]
    np.testing.assert_array_equal(np.vstack(single), rows)


def test_names():
    X = pd.DataFrame({"clip": [(noises(10)[0], RATE)]})
    names = extractor().fit(X).get_feature_names_out().tolist()
    assert names == ["clip_value_0", "clip_value_1", "modality_present"]
    watched = Watched()
    made = extractor(watched, feature_names=["mean", "sd"]).fit(X)
    assert made.get_feature_names_out().tolist()[:2] == ["clip_mean", "clip_sd"]
    assert watched.shapes == [(1, 10)]  # nobody had to ask


def test_clone_pickle_threads_missing_and_several_clips():
    clips = noises(50, 60, 70)
    X = table([(clips[0], RATE)], [None], [[(clips[1], RATE), (clips[2], RATE)]])
    made = extractor()
    rows = made.fit_transform(X)
    one = extractor().fit_transform(column(*clips))[:, :-1]
    np.testing.assert_array_equal(rows[0, :-1], one[0])
    np.testing.assert_allclose(rows[2, :-1], one[1:].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(rows[1, :-1], rows[[0, 2], :-1].mean(axis=0), rtol=1e-6)
    assert rows[:, -1].tolist() == [1, 0, 1]
    for twin in (
        clone(made).fit(X),
        pickle.loads(pickle.dumps(made)),
        extractor(n_jobs=2).fit(X),
    ):
        np.testing.assert_array_equal(twin.transform(X), rows)


def test_a_refit_with_another_function_asks_again():
    X = column(*noises(30))
    made = extractor().fit(X)
    made.set_params(func=lambda waveforms: waveforms[:, :1])
    assert made.fit_transform(X).shape == (1, 2)


class TestStore:
    def test_of_a_named_function_everything_is_computed_once(self, tmp_path):
        watched, store = Watched(), FeatureStore(tmp_path)
        X = column(*noises(10, 20, 30))
        made = extractor(watched, store_id="moments 1", memory=store)
        made.warm(X, verbose=False)
        rows = made.fit_transform(X)
        clone(made).fit(X)
        asked = [shape for shape in watched.shapes if shape == (1, RATE)]
        assert len(watched.shapes) - len(asked) == store.info().written == 3
        np.testing.assert_array_equal(rows, extractor().fit_transform(X))

    def test_another_name_is_another_function(self, tmp_path):
        X = column(*noises(10))
        first = extractor(store_id="a", memory=tmp_path).fit_transform(X)
        other = extractor(lambda w: 2 * moments(w), store_id="b", memory=tmp_path)
        np.testing.assert_allclose(other.fit_transform(X)[:, :2], 2 * first[:, :2])
        named = extractor(
            Watched(), store_id="a", memory=tmp_path, feature_names=["m", "s"]
        )
        np.testing.assert_array_equal(named.fit_transform(X), first)
        assert named.func.shapes == []

    def test_without_a_name_nothing_is_kept_and_that_is_said(self, tmp_path):
        store = FeatureStore(tmp_path)
        with pytest.warns(StoreWarning, match="not stored without store_id="):
            extractor(memory=store).fit(column(*noises(10)))
        assert store.info().written == 0


@pytest.mark.parametrize(
    ("func", "words"),
    [
        (lambda w: w.mean(axis=1), r"shape \(n, n_values\), got float32 of shape"),
        (lambda w: moments(w)[:0], r"got float32 of shape \(0, 2\) for 1 waveforms"),
        (lambda w: [["loud"]] * len(w), "must return numbers"),
        (lambda w: moments(w) / 0.0, "returned NaN, infinity"),
        (lambda w: moments(w)[:, : 1 + (w.shape[1] == RATE)], "1 values a waveform"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_a_function_must_not_return(func, words):
    with pytest.raises(ValueError, match=words):
        extractor(func).fit(column(np.ones(30)))


def test_names_must_be_as_many_as_values():
    with pytest.raises(ValueError, match="2 values a waveform where 3 were expected"):
        extractor(feature_names=["a", "b", "c"]).fit(column(np.ones(30)))


def test_batches_need_one_length():
    with pytest.raises(ValueError, match=r"batch_size=2 .* pass n_samples="):
        extractor(batch_size=2).fit(column(np.ones(30)))


@pytest.mark.parametrize(
    "params", [{"func": 3}, {"store_id": 3}, {"n_samples": 0}, {"batch_size": 0}]
)
def test_parameters_are_checked(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of WaveformE"):
        extractor().set_params(**params).fit(column(np.ones(30)))


def test_a_broken_clip_is_no_fault_of_the_function():
    X = table([(np.ones(9), RATE)], [b"no clip"])
    with pytest.raises(MediaError, match="row 1"):
        extractor(n_samples=20, batch_size=3).fit(X)
    made = extractor(n_samples=20, on_error="missing", max_error_rate=1.0)
    with pytest.warns(UserWarning, match="could not be used"):
        rows = made.fit_transform(X)
    assert rows[:, -1].tolist() == [1, 0]
