import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import soundfile
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.audio._mel_spectrogram import mel_spectrogram
from mmsk.feature_extraction.audio._mfcc import delta, mfcc
from mmsk.media import decode_audio
from mmsk.store import FeatureStore, config_digest, content_digest, row_key
from tests._clips import BROKEN, WHOLE, plain_wav, tune
from tests.feature_extraction._samples import assert_passes_all_checks, table

RATE = 8000
SMALL = {
    "sample_rate": RATE,
    "n_fft": 256,
    "hop_length": 128,
    "n_mels": 20,
    "n_mfcc": 4,
}


class NumberMFCC(MFCCExtractor):
    def _read_cell(self, cell):
        level = int(np.nan_to_num(float(cell) * 40)) % 256 / 256
        clip = level * np.sin(np.arange(300) * (0.1 + level)), RATE
        return super()._read_cell(clip)


class CountingMFCC(MFCCExtractor):
    _store_id = "tests.CountingMFCC"
    decoded = 0

    def _decode(self, content):
        type(self).decoded += 1
        return super()._decode(content)


def small(**params):
    return MFCCExtractor(**{**SMALL, **params})


@pytest.fixture
def counting():
    CountingMFCC.decoded = 0
    return CountingMFCC


def clips(n, seed=0):
    """Return n different clips of different lengths."""
    rng = np.random.default_rng(seed)
    return [
        np.sin(np.arange(300 + 217 * i) * rng.uniform(0.1, 2)) * rng.uniform(0.2, 0.9)
        for i in range(n)
    ]


@pytest.fixture
def folder(tmp_path):
    for position, clip in enumerate(clips(12)):
        soundfile.write(tmp_path / f"{position}.wav", clip, RATE, "FLOAT")
    return tmp_path


def frame(n=12):
    return pd.DataFrame({"clip": [f"{position}.wav" for position in range(n)]})


def test_scikit_learns_suite():
    params = {**SMALL, "deltas": 0, "missing": "zero", "cell_pooling": "max"}
    assert_passes_all_checks(NumberMFCC(**params))


def test_the_checked_class_only_reads_differently():
    class Empty(MFCCExtractor):
        """What every subclass has."""

    own = {name for name in vars(NumberMFCC) if name not in vars(Empty)}
    assert own - {"__slotnames__"} == {"_read_cell"}  # that one is pickle's


# --- what is computed -----------------------------------------------------------------


def test_rows_are_statistics_then_presence(folder):
    extractor = MFCCExtractor(root=folder)
    rows = extractor.fit_transform(frame())
    names = extractor.get_feature_names_out().tolist()
    assert rows.shape == (12, 20 * (3 + 4) + 2 * 20 * 3 + 1)
    samples, _ = decode_audio(folder / "7.wav", sample_rate=16000)
    mel = mel_spectrogram(samples, extractor._config_of_mel)
    series = mfcc(mel, 80.0, 20, 2, 0).astype(float)
    expected = {
        "clip_mfcc_0_mean": series[0].mean(),
        "clip_mfcc_19_std": series[19].std(),
        "clip_mfcc_3_quarter_1": series[3, : series.shape[1] // 4].mean(),
        "clip_delta_mfcc_5_std": delta(series, 1)[5].std(),
        "clip_delta2_mfcc_2_mean": delta(series, 2)[2].mean(),
        "modality_present": 1,
    }
    for name, value in expected.items():
        assert rows[7, names.index(name)] == pytest.approx(value, rel=1e-5, abs=1e-6)


def test_features_have_names(folder):
    extractor = small(
        n_mfcc=2, deltas=1, statistics=["quarters", "median"], root=folder
    )
    names = extractor.fit(frame()).get_feature_names_out()
    assert names.tolist() == [
        *[f"clip_mfcc_{c}_quarter_{q}" for q in (1, 2, 3, 4) for c in (0, 1)],
        *[f"clip_mfcc_{c}_median" for c in (0, 1)],
        *[f"clip_delta_mfcc_{c}_median" for c in (0, 1)],
        "modality_present",
    ]


@pytest.mark.parametrize("deltas", [0, 1, 2])
@pytest.mark.parametrize(
    "statistics", [["quarters"], ("mean",), ["max", "min", "q25", "q75", "skew"]]
)
def test_one_name_a_value(deltas, statistics):
    extractor = small(deltas=deltas, statistics=statistics)
    rows = extractor.fit_transform(table(*[[(clip, RATE)] for clip in clips(3)]))
    names = extractor.get_feature_names_out()
    of_series = [len(statistics) + 3 * ("quarters" in statistics)]
    of_series += [len(set(statistics) - {"quarters"})] * deltas
    assert len(set(names)) == len(names) == rows.shape[1] == 4 * sum(of_series) + 1


def test_cells_of_all_kinds_give_the_same_row(folder):
    path = folder / "0.wav"
    clip = clips(1)[0].astype(np.float32)
    cells = [
        str(path),
        path,
        path.read_bytes(),
        (clip, RATE),
        [clip, float(RATE)],
        (clip[:, None].repeat(2, axis=1), RATE),
        {"array": clip, "sampling_rate": RATE},
        {"array": clip, "sampling_rate": RATE, "path": "elsewhere.wav"},
        {"array": clip.tolist(), "sampling_rate": RATE},
        {"bytes": path.read_bytes(), "path": None},
        {"bytes": None, "path": str(path)},
        [path, None],
        [(clip, RATE), np.nan],
    ]
    rows = small().fit_transform(table(*[[cell] for cell in cells]))
    np.testing.assert_array_equal(rows, rows[[0] * len(cells)])
    assert np.isfinite(rows).all()


def test_an_array_and_its_rate_in_a_frame(folder):
    pairs = [(clip, RATE) for clip in clips(3)]
    X = pd.DataFrame({"clip": pairs})
    rows = small().fit_transform(X)
    np.testing.assert_array_equal(
        rows, small().fit_transform(table(*[[pair] for pair in pairs]))
    )
    assert (rows[:, -1] == 1).all()


def test_the_rate_of_a_clip_does_not_matter():
    def tone(rate):
        return 0.3 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate), rate

    rows = small(statistics=["median"], deltas=0).fit_transform(
        table(*[[tone(rate)] for rate in (8000, 16000, 44100)])
    )
    np.testing.assert_allclose(rows, rows[[0, 0, 0]], atol=0.5)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_and_go(folder, library):
    X = (
        frame()
        if library == "pandas"
        else pl.DataFrame({"clip": list(frame()["clip"])})
    )
    extractor = small(root=folder).set_output(transform=library)
    rows = extractor.fit_transform(X)
    assert type(rows).__module__.startswith(library)
    np.testing.assert_array_equal(
        rows.to_numpy(), small(root=folder).fit_transform(frame().to_numpy())
    )


def test_two_columns_and_lists(folder):
    names = frame()["clip"]
    X = table([names[0], [names[1], names[2]]], [None, names[3]])
    rows = small(root=folder, missing="zero").fit_transform(X)
    one = small(root=folder).fit_transform(frame())[:, :-1]
    width = one.shape[1]
    assert rows.shape == (2, 2 * width + 1)
    np.testing.assert_array_equal(rows[0, :width], one[0])
    np.testing.assert_allclose(
        rows[0, width:-1], one[1:3].mean(axis=0), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(rows[1, :width], 0)
    np.testing.assert_array_equal(rows[1, width:-1], one[3])
    np.testing.assert_array_equal(rows[:, -1], 1)


@pytest.mark.parametrize("params", [{}, {"top_db": None}, {"power": 1.0}])
def test_one_row_clone_pickle_and_batch(folder, params):
    X = frame()
    extractor = small(root=folder, **params).fit(X)
    rows = extractor.transform(X)
    one_by_one = np.vstack([extractor.transform(X[i : i + 1]) for i in range(12)])
    np.testing.assert_array_equal(rows, one_by_one)
    for twin in (clone(extractor).fit(X), pickle.loads(pickle.dumps(extractor))):
        np.testing.assert_array_equal(twin.transform(X), rows)
    assert small(root=folder).fit_transform(X[:1]).shape == (1, rows.shape[1])


def test_threads_change_nothing(folder):
    np.testing.assert_array_equal(
        small(root=folder, n_jobs=2).fit_transform(frame()),
        small(root=folder).fit_transform(frame()),
    )


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("n_samples", [1, 2, 127, 128, 255, 256, 257, 1100])
def test_very_short_clips_and_silence(n_samples, center):
    noise = np.random.default_rng(0).normal(0, 0.1, n_samples)
    X = table([(noise, RATE)], [(np.zeros(n_samples), RATE)])
    extractor = small(center=center).fit(X)
    rows = extractor.transform(X)
    assert np.isfinite(rows).all()
    names = extractor.get_feature_names_out().tolist()
    silence = dict(zip(names, rows[1], strict=True))
    assert silence["x0_mfcc_0_mean"] == pytest.approx(-100 * 20**0.5, rel=1e-5)
    rest = [value for name, value in silence.items() if "mfcc_0" not in name]
    np.testing.assert_allclose(rest[:-1], 0, atol=1e-3)


def test_a_louder_clip_differs_in_the_first_coefficient_only():
    clip = clips(1)[0]
    extractor = small()
    rows = extractor.fit_transform(table([(clip / 10, RATE)], [(clip, RATE)]))
    names = extractor.get_feature_names_out()
    change = dict(zip(names, rows[1] - rows[0], strict=True))
    shift = 20 * 20**0.5  # 20 dB in each of 20 filters
    for name, value in change.items():
        moves = "delta" not in name and ("0_mean" in name or "0_quarter" in name)
        assert value == pytest.approx(shift if moves else 0, abs=2e-2)


# --- broken and missing clips ---------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Cells of the whole corpus, those below a root by their whole path."""
    folder = tmp_path_factory.mktemp("clips") / "root"
    folder.mkdir()
    cells = {}
    for clip in WHOLE + BROKEN:
        cell = clip.make(folder)
        cells[clip.name] = str(folder / cell) if clip in WHOLE else cell
    return cells, folder


def test_all_clips_of_the_corpus_that_decode(corpus):
    cells = corpus[0]
    rows = small().fit_transform(table(*[[cells[clip.name]] for clip in WHOLE]))
    assert np.isfinite(rows).all()
    assert (rows[:, -1] == 1).all()
    place = {clip.name: row for row, clip in enumerate(WHOLE)}
    # the same sound, whatever it came in
    for name in ("24.wav", "float.wav", "16.aiff", "16.flac", "streamed.wav"):
        np.testing.assert_allclose(
            rows[place[name], 0], rows[place["16.wav"], 0], rtol=0.1
        )


@pytest.mark.parametrize(
    "clip", [clip for clip in BROKEN if clip.name not in ("None", "NaN")], ids=str
)
def test_each_clip_of_the_corpus_that_is_refused(clip, corpus):
    cells, folder = corpus
    extractor = small(root=folder if clip.rooted else None)
    with pytest.raises(MediaError) as caught:
        extractor.fit(table([None], [cells[clip.name]]))
    error = caught.value
    assert (error.code, error.row, error.column) == (clip.code, 1, 0)
    assert 'on_error="missing"' in str(error)


def test_all_refused_clips_may_be_missing(corpus):
    cells = corpus[0]
    bad = [clip for clip in BROKEN if not clip.rooted]
    X = table(*[[cells[clip.name]] for clip in bad], [plain_wav()])
    extractor = small(on_error="missing", max_error_rate=1.0)
    with pytest.warns(MissingModalityWarning, match="could not be used"):
        rows = extractor.fit_transform(X)
    codes = {
        row: clip.code
        for row, clip in enumerate(bad)
        if clip.name not in ("None", "NaN")
    }
    # what is no pair of an array and a number is two cells: the first one counts
    first = {failure.row: failure.code for failure in reversed(extractor.failures_)}
    assert first == codes
    assert rows[:, -1].tolist() == [0.0] * len(bad) + [1.0]
    np.testing.assert_array_equal(rows[:-1, :-1], rows[[-1] * len(bad), :-1])


def test_a_broken_clip_stops_with_column_row_and_path(folder):
    whole = (folder / "3.wav").read_bytes()
    (folder / "3.wav").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError) as caught:
        small(root=folder).fit(frame())
    error = caught.value
    assert (error.column, error.row, error.path) == ("clip", 3, "3.wav")
    assert error.code == "TRUNCATED"
    assert str(error).startswith("Column 'clip', row 3 ('3.wav'): ")


def test_the_path_of_a_dict_is_named(folder):
    cell = {"array": np.array([np.nan]), "sampling_rate": RATE, "path": "b.wav"}
    extractor = small(on_error="missing", max_error_rate=1.0)
    with pytest.warns(MissingModalityWarning):
        extractor.fit(table([cell], [(np.ones(9), RATE)]))
    assert [tuple(failure) for failure in extractor.failures_] == [
        (0, 0, "b.wav", "NOT_FINITE")
    ]


def test_limits_are_parameters(folder):
    X = frame(1)  # 300 samples
    for params, code in [
        ({"max_seconds": 299 / RATE}, "TOO_LONG"),
        ({"max_values": 299}, "TOO_LONG"),
        ({"max_bytes": 300}, "FILE_TOO_LARGE"),
    ]:
        with pytest.raises(MediaError, match=code) as caught:
            small(root=folder, **params).fit(X)
        assert caught.value.path == "0.wav"
    small(root=folder, max_seconds=300 / RATE, max_values=300).fit(X)
    array = table([(clips(1)[0], RATE)])
    small(max_bytes=1).fit(array)  # an array is no file


@pytest.mark.parametrize(
    "params",
    [
        {"sample_rate": 0},
        {"sample_rate": 16000.0},
        {"n_fft": 1},
        {"hop_length": 0},
        {"win_length": 0},
        {"window": None},
        {"center": "yes"},
        {"n_mels": 1},
        {"fmin": -1.0},
        {"fmax": 0.0},
        {"htk": 2},
        {"norm": "area"},
        {"power": 0},
        {"power": 3.0},
        {"n_mfcc": 0},
        {"dct_type": 4},
        {"lifter": -1},
        {"top_db": -1.0},
        {"deltas": 3},
        {"output": "frames"},
        {"n_frames": 0},
        {"trim_db": 0.0},
        {"statistics": "mean"},
        {"cell_pooling": "sum"},
        {"max_seconds": 0},
        {"max_values": 0},
        {"max_bytes": None},
        {"root": 3},
        {"memory": 3},
        {"n_jobs": "all"},
    ],
)
def test_parameters_are_checked(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MFCCExtractor"):
        MFCCExtractor(**params).fit(table([(clips(1)[0], RATE)]))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"win_length": 257}, "win_length=257 is longer than a frame of n_fft=256"),
        ({"fmax": 4001.0}, "half of the sample rate, 4000 Hz.*fmax=4001"),
        ({"fmin": 4000.0}, "fmin=4000.0 and fmax=4000.0"),
        ({"n_mfcc": 21}, "n_mfcc=21 coefficients cannot be made of n_mels=20"),
        ({"statistics": ["mean", "mode"]}, "statistics must be different ones of"),
        ({"statistics": ["mean", "mean"]}, "statistics must be different ones of"),
        ({"statistics": []}, "statistics is empty"),
        ({"window": "round"}, "window='round'"),
    ],
)
def test_contradictions_are_refused(params, words):
    with pytest.raises(ValueError, match=words):
        small(**params).fit(table([(clips(1)[0], RATE)]))


# --- the store ------------------------------------------------------------------------


def test_every_clip_is_decoded_once_ever(folder, tmp_path, counting):
    X = pd.concat([frame(), frame(3)], ignore_index=True)
    store = FeatureStore(tmp_path / "store")
    rows = counting(root=folder, memory=store, **SMALL).fit_transform(X)
    assert store.info().written == counting.decoded == 12
    again = counting(root=folder, memory=store, **SMALL).fit_transform(X)
    assert store.info().written == counting.decoded == 12
    computed = counting(root=folder, **SMALL).fit_transform(X)
    assert counting.decoded == 24
    np.testing.assert_array_equal(again, rows)
    np.testing.assert_array_equal(computed, rows)


def test_arrays_are_stored_with_their_rate(tmp_path, counting):
    clip = clips(1)[0]
    extractor = counting(memory=tmp_path / "store", **SMALL)
    X = table([(clip, RATE)], [(clip, 2 * RATE)], [(clip, RATE)])
    rows = extractor.fit_transform(X)
    np.testing.assert_array_equal(rows[0], rows[2])
    assert (rows[0] != rows[1]).any()
    assert counting.decoded == 2
    extractor.fit_transform(X)
    assert counting.decoded == 2


def test_parameters_that_change_rows_change_keys(folder, tmp_path, counting):
    store = tmp_path / "store"
    X = frame(1)
    for i, params in enumerate([{}, {"top_db": 60.0}, {"deltas": 1}, {"lifter": 5}]):
        params = {**SMALL, **params}
        stored = counting(root=folder, memory=store, **params).fit_transform(X)
        np.testing.assert_array_equal(
            stored, MFCCExtractor(root=folder, **params).fit_transform(X)
        )
        assert counting.decoded == i + 1


def test_the_key_is_what_the_design_says(folder, tmp_path, monkeypatch):
    from mmsk.feature_extraction.audio import _audio_extractor

    monkeypatch.setattr(_audio_extractor, "audio_decoder", lambda: "soundfile 1 soxr 2")
    store = FeatureStore(tmp_path / "store")
    rows = small(root=folder, memory=store).fit_transform(frame(1))
    params = {
        **SMALL,
        "win_length": None,
        "window": "hann",
        "center": True,
        "fmin": 0.0,
        "fmax": None,
        "htk": False,
        "norm": "slaney",
        "power": 2.0,
        "dct_type": 2,
        "lifter": 0,
        "top_db": 80.0,
        "deltas": 2,
        "output": "statistics",
        "statistics": ("mean", "std", "skew", "quarters"),
        "n_frames": 128,
        "trim_db": None,
        "max_seconds": 600,
        "max_values": 64 * 2**20,
    }
    versions = {"decoder": "soundfile 1 soxr 2", "numbers": "fp32-cpu"}
    config = config_digest("mmsk.MFCCExtractor", 4, params, versions)
    content = content_digest((folder / "0.wav").read_bytes())
    (row,) = store.get_many([row_key(config, content)])
    np.testing.assert_array_equal(row, rows[0, :-1])


def test_a_changed_file_is_noticed(folder, tmp_path, counting):
    extractor = counting(root=folder, memory=tmp_path / "store", **SMALL)
    before = extractor.fit_transform(frame())
    (folder / "4.wav").write_bytes((folder / "5.wav").read_bytes())
    after = extractor.fit_transform(frame())
    np.testing.assert_array_equal(after[4], before[5])
    assert counting.decoded == 12  # 5.wav was known


def test_warm_before_a_search(folder, tmp_path, counting):
    store = FeatureStore(tmp_path / "store")
    extractor = counting(root=folder, memory=store, **SMALL)
    extractor.warm(frame(), verbose=False)
    features = ColumnTransformer([("audio", extractor, ["clip"])])
    head = LogisticRegression(max_iter=1000)
    model = Pipeline([("features", features), ("scale", StandardScaler()), ("l", head)])
    grid = {"l__C": [0.1, 1.0], "features__audio__missing": ["auto", "zero"]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise")
    search.fit(frame(), [0, 1] * 6)
    assert counting.decoded == store.info().written == 12


# --- in scikit-learn's own containers -------------------------------------------------


def test_in_a_pipeline_under_a_search(folder):
    rng = np.random.default_rng(0)
    labels = np.repeat(["hiss", "hum"], 10)
    for row, label in enumerate(labels):
        noise = rng.normal(0, 0.1, 2000 + 10 * row)
        clip = np.cumsum(noise) / 50 if label == "hum" else noise
        soundfile.write(folder / f"{row}.wav", clip.clip(-1, 1), RATE)
    X = frame(20).assign(number=rng.normal(size=20))
    X.loc[3, "clip"] = None
    features = ColumnTransformer(
        [("audio", small(root=folder), ["clip"]), ("rest", "passthrough", ["number"])]
    )
    head = LogisticRegression(max_iter=1000)
    model = Pipeline([("features", features), ("scale", StandardScaler()), ("l", head)])
    grid = {"features__audio__n_mfcc": [1, 4], "features__audio__deltas": [0, 2]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, labels)
    assert search.best_score_ > 0.9
    assert search.predict(X[:1]).shape == (1,)
    assert (
        "audio__modality_present" in search.best_estimator_[0].get_feature_names_out()
    )


def test_a_long_clip_needs_little_more_memory_than_its_samples():
    import tracemalloc

    extractor = small(max_seconds=3600)
    samples = tune(RATE, 600 * RATE).astype(np.float32)
    X = table([(samples, RATE)])
    extractor.fit(table([(samples[:1000], RATE)]))
    tracemalloc.start()
    extractor.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * samples.nbytes
