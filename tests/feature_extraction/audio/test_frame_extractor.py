"""What the extractors that work frame by frame have in common."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from mmsk.compose import ModalityTransformer
from mmsk.feature_extraction.audio import (
    MelSpectrogramExtractor,
    MFCCExtractor,
    SpectralExtractor,
)
from mmsk.feature_extraction.audio._mfcc import delta
from mmsk.feature_extraction.audio._trim import trim
from mmsk.media import decode_audio
from mmsk.store import FeatureStore
from tests.feature_extraction._samples import table

RATE = 8000
FRAMES = {"sample_rate": RATE, "n_fft": 256, "hop_length": 100}
EXTRACTORS = [
    MFCCExtractor(**FRAMES, n_mels=20, n_mfcc=4),
    MelSpectrogramExtractor(**FRAMES, n_mels=6),
    MelSpectrogramExtractor(**FRAMES, n_mels=6, decibels=False, deltas=2),
    SpectralExtractor(**FRAMES, frame_length=512),
]
each = pytest.mark.parametrize(
    "extractor",
    EXTRACTORS,
    ids=lambda each: f"{type(each).__name__}-{each.deltas}",
)


def clips(n=6, first=400):
    rng = np.random.default_rng(0)
    return [
        (np.sin(np.arange(first + 333 * i) * rng.uniform(0.1, 1)) * 0.5, RATE)
        for i in range(n)
    ]


def column(cells):
    return table(*[[cell] for cell in cells])


def sequences(extractor, X, n_frames=12):
    extractor = clone(extractor).set_params(output="sequence", n_frames=n_frames)
    rows = extractor.fit_transform(X)
    return rows[:, :-1].reshape(len(rows), *extractor.block_.shape)


@each
def test_a_sequence_is_the_frames_with_a_mask(extractor):
    X = column(clips())
    got = sequences(extractor, X)
    for row, cell in enumerate(X[:, 0]):
        samples, _ = decode_audio(cell)
        series = np.asarray(extractor._series(samples), dtype=float)
        derivatives = [delta(series, order + 1) for order in range(extractor.deltas)]
        frames = np.concatenate([series, *derivatives]).T[:12]
        n = len(frames)
        np.testing.assert_allclose(got[row, :n, :-1], frames, rtol=1e-5, atol=1e-5)
        assert (got[row, :n, -1] == 1).all()
        assert not got[row, n:].any()
    assert not got[0, 5:].any()
    assert got[-1, :, -1].all()


@each
def test_a_block_of_sequences_and_its_names(extractor):
    extractor = clone(extractor).set_params(output="sequence", n_frames=3)
    X = pd.DataFrame({"clip": clips(2)})
    rows = extractor.fit_transform(X)
    block = extractor.block_
    assert (block.kind, block.shape[0]) == ("sequence", 3)
    names = extractor.get_feature_names_out().tolist()
    assert len(set(names)) == len(names) == rows.shape[1] == block.width + 1
    assert names[block.shape[1] - 1] == "clip_frame_0_present"
    first = extractor._series_names()[0]
    assert names[block.shape[1]] == f"clip_frame_1_{first}"
    features = ModalityTransformer([("audio", extractor, ["clip"])]).fit(X)
    assert features.blocks_["audio"].kind == "sequence"
    assert features.blocks_["audio"].shape == block.shape


@each
def test_a_missing_sequence_is_all_padding(extractor):
    got = sequences(extractor, column([None, clips(1)[0]]))
    assert not got[0].any()
    assert got[1].any()
    refused = clone(extractor).set_params(output="sequence", missing="nan")
    with pytest.raises(ValueError, match='missing="nan" is for statistics'):
        refused.fit(column(clips(1)))


def test_sequences_of_several_clips_follow_one_another():
    first, second, third = clips(3)
    extractor = EXTRACTORS[0]
    apart = sequences(extractor, column([first, second, third]), 40)
    counts = apart[:, :, -1].sum(axis=1).astype(int)
    (joined,) = sequences(extractor, column([[first, third, second]]), 20)
    frames = [apart[i, : counts[i]] for i in (0, 2, 1)]
    np.testing.assert_array_equal(joined, np.concatenate(frames)[:20])


def test_two_columns_of_sequences_are_refused():
    X = table([clips(2)[0], clips(2)[1]])
    with pytest.raises(ValueError, match=r"one column, got \[0, 1\].*a branch"):
        clone(EXTRACTORS[0]).set_params(output="sequence").fit(X)


@each
@pytest.mark.parametrize("output", ["statistics", "sequence"])
def test_batch_clone_pickle_threads_and_store(extractor, output, tmp_path):
    extractor = clone(extractor).set_params(output=output, n_frames=9)
    X = column(clips())
    rows = extractor.fit_transform(X)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    single = np.vstack([extractor.transform(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(single, rows)
    for twin in (
        clone(extractor).fit(X),
        pickle.loads(pickle.dumps(extractor)),
        clone(extractor).set_params(n_jobs=2).fit(X),
    ):
        np.testing.assert_array_equal(twin.transform(X), rows)
    store = FeatureStore(tmp_path)
    stored = clone(extractor).set_params(memory=store)
    for _ in range(2):
        np.testing.assert_array_equal(stored.fit_transform(X), rows)
    assert store.info().written == len(X)


@each
def test_silence_is_trimmed_on_request(extractor):
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.3, 6000).astype(np.float32)
    padded = np.concatenate([np.zeros(5000), sound, np.zeros(7000)]).astype(np.float32)
    trimmed = trim(padded, 30.0)
    assert len(sound) <= len(trimmed) < len(sound) + 2 * 2048
    got = (
        clone(extractor)
        .set_params(trim_db=30.0)
        .fit_transform(column([(padded, RATE)]))
    )
    np.testing.assert_array_equal(
        got, clone(extractor).fit_transform(column([(trimmed, RATE)]))
    )


@each
@pytest.mark.parametrize("n_samples", [1, 2, 99, 255, 256, 257])
def test_very_short_clips_and_silence(extractor, n_samples):
    noise = np.random.default_rng(0).normal(0, 0.1, n_samples)
    X = column([(noise, RATE), (np.zeros(n_samples), RATE)])
    for center in (True, False):
        rows = clone(extractor).set_params(center=center).fit_transform(X)
        assert np.isfinite(rows).all()


@each
@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"win_length": 257}, "win_length=257 is longer than a frame of n_fft=256"),
        ({"statistics": ["mean", "mode"]}, "statistics must be different ones of"),
        ({"statistics": []}, "statistics is empty"),
        ({"window": "round"}, "window='round'"),
        ({"output": "picture"}, "The 'output' parameter"),
        ({"n_frames": 0}, "The 'n_frames' parameter"),
        ({"trim_db": -3.0}, "The 'trim_db' parameter"),
    ],
)
def test_what_is_refused(extractor, params, words):
    with pytest.raises(ValueError, match=words):
        clone(extractor).set_params(**params).fit(column(clips(1)))
