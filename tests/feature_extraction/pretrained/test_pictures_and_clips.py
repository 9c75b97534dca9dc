import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mmsk.exceptions import MediaError
from mmsk.feature_extraction.pretrained import TransformersEncoder, _model
from mmsk.media import decode_audio, read_audio
from tests._models import SavedModel
from tests.feature_extraction._samples import noise, save_pictures, table
from tests.feature_extraction.pretrained._reference import load, pooled

PICTURES = ["vit", "dino", "clip"]
WAVES = ["wav2vec2", "hubert"]


def encoder(kind, modality, **params):
    return TransformersEncoder(SavedModel(kind), modality, **params)


def embed_pictures(kind, pictures, pooling="mean"):
    model, processor = load(kind)
    model = model.vision_model if kind == "clip" else model
    rows = []
    for picture in pictures:
        pixels = processor(Image.fromarray(picture), return_tensors="pt")
        with torch.inference_mode():
            hidden = model(pixels["pixel_values"]).last_hidden_state
        if hidden.dim() == 4:
            hidden = hidden.flatten(2).transpose(1, 2)
        rows.append(pooled(hidden, pooling))
    return np.stack(rows)


def wave(n, step=0.2):
    return (np.sin(np.arange(n) * step) / 2).astype(np.float32)


# --- pictures -------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_what_the_model_says_of_it(kind, pooling):
    pictures = noise(5, size=24)
    made = encoder(kind, "image", pooling=pooling)
    rows = made.fit_transform(table(*([picture] for picture in pictures)))
    assert made.embedding_size_ == rows.shape[1] - 1 == (8 if kind == "clip" else 16)
    expected = embed_pictures(kind, pictures, pooling)
    np.testing.assert_allclose(rows[:, :-1], expected, rtol=1e-4, atol=1e-5)


def test_a_map_of_features_has_a_mean_and_no_class():
    pictures = noise(2, size=40)
    X = table(*([picture] for picture in pictures))
    rows = encoder("convnext", "image").fit_transform(X)
    expected = embed_pictures("convnext", pictures)
    np.testing.assert_allclose(rows[:, :-1], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match='pooling="cls"'):
        encoder("convnext", "image", pooling="cls").fit(X)


def test_files_arrays_and_bytes_are_the_same_picture(tmp_path):
    names = save_pictures(tmp_path, 3)
    X = pd.DataFrame({"photo": [names[0], None, names[2]]})
    made = encoder("vit", "image", root=tmp_path, n_jobs=2)
    rows = made.fit_transform(X)
    cells = [(tmp_path / names[0]).read_bytes(), None, noise(3)[2]]
    X = X.assign(photo=pd.Series(cells, dtype=object))
    np.testing.assert_array_equal(made.transform(X), rows)
    assert rows[:, -1].tolist() == [1, 0, 1]


def test_a_list_of_pictures_is_pooled():
    first, second = noise(2)
    for name, reduce in (("mean", np.mean), ("max", np.max)):
        made = encoder("vit", "image", cell_pooling=name)
        rows = made.fit_transform(table([first], [second], [[first, second]]))
        np.testing.assert_allclose(rows[2], reduce(rows[:2], axis=0), rtol=1e-5)


def test_a_batch_of_pictures_is_its_pictures(monkeypatch):
    from mmsk.feature_extraction.pretrained import _transformers_encoder

    X = table(*([picture] for picture in noise(7)))
    alone = encoder("vit", "image").fit_transform(X)
    monkeypatch.setitem(_transformers_encoder._PICTURES, "cpu", 4)
    sizes = []
    hidden = _model.Model.hidden

    def sized(self, pixel_values):
        sizes.append(len(pixel_values))
        return hidden(self, pixel_values=pixel_values)

    monkeypatch.setattr(_model.Model, "hidden", sized)
    together = encoder("vit", "image").fit_transform(X)
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)
    assert sizes == [4, 4]  # the last one is filled up


def test_a_broken_picture_is_named(tmp_path):
    names = save_pictures(tmp_path, 2)
    (tmp_path / names[1]).write_bytes((tmp_path / names[1]).read_bytes()[:60])
    with pytest.raises(MediaError) as caught:
        encoder("vit", "image", root=tmp_path).fit(pd.DataFrame({"photo": names}))
    assert (caught.value.row, caught.value.path) == (1, names[1])
    assert caught.value.code == "TRUNCATED"


@pytest.mark.parametrize(
    ("kind", "modality"), [("vit", "image"), ("wav2vec2", "audio")]
)
def test_a_root_that_is_no_folder_is_an_error_always(kind, modality):
    made = encoder(kind, modality, root="nowhere", on_error="missing", max_error_rate=1)
    with pytest.raises(ValueError, match="root='nowhere' is not a folder"):
        made.fit(table(["a.png"], ["b.png"]))


def test_limits_of_pictures_are_parameters():
    with pytest.raises(MediaError) as caught:
        encoder("vit", "image", max_pixels=100).fit(table([noise(1)[0]]))
    assert caught.value.code == "TOO_MANY_PIXELS"


# --- sound ----------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("kind", WAVES)
def test_a_clip_is_what_the_model_says_of_it(kind, pooling):
    waves = [wave(2000), wave(3777, 0.5)]
    X = table(*([(samples, 8000)] for samples in waves))
    rows = encoder(kind, "audio", pooling=pooling).fit_transform(X)
    model, prepare = load(kind)
    for row, samples in zip(rows, waves, strict=True):
        clip, _ = decode_audio(read_audio((samples, 8000)), sample_rate=8000)
        inputs = prepare(clip, sampling_rate=8000, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(inputs["input_values"]).last_hidden_state
        expected = pooled(hidden, pooling)
        np.testing.assert_allclose(row[:-1], expected, rtol=1e-4, atol=1e-5)


def test_only_the_frames_of_the_clip_count_in_whispers_30_seconds():
    samples = wave(16000 * 2, 0.3)
    rows = encoder("whisper", "audio").fit_transform(table([(samples, 16000)]))
    model, prepare = load("whisper")
    clip, _ = decode_audio(read_audio((samples, 16000)), sample_rate=16000)
    inputs = prepare(clip, sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        hidden = model.encoder(inputs["input_features"]).last_hidden_state
    assert hidden.shape == (1, 1500, 16)
    expected = hidden[0, :100].mean(0).numpy()  # 50 frames a second
    np.testing.assert_allclose(rows[0, :-1], expected, rtol=1e-4, atol=1e-5)


def test_a_long_clip_is_read_in_windows(monkeypatch):
    lengths = []
    hidden = _model.Model.hidden

    def measured(self, input_values):
        lengths.append(input_values.shape[1])
        return hidden(self, input_values=input_values)

    monkeypatch.setattr(_model.Model, "hidden", measured)
    samples = wave(8000 * 31)
    made = encoder("wav2vec2", "audio")
    rows = made.fit_transform(table([(samples, 8000)]))
    assert lengths == [240_000, 8000]
    clip, _ = decode_audio(read_audio((samples, 8000)), sample_rate=8000)
    parts = made.transform(table([(clip[:240_000], 8000)], [(clip[240_000:], 8000)]))[
        :, :-1
    ]
    frames = np.array([3000, 100])
    expected = frames @ parts / frames.sum()
    np.testing.assert_allclose(rows[0, :-1], expected, rtol=1e-3, atol=1e-4)


def test_a_clip_of_one_sample_has_features():
    X = table([(wave(1), 8000)], [(wave(1600), 8000)])
    for kind in WAVES:
        rows = encoder(kind, "audio").fit_transform(X)
        assert np.isfinite(rows).all()


def test_sound_is_resampled_to_the_models_rate():
    slow = (np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) / 2, 8000)
    fast = (np.sin(np.arange(32000) * 2 * np.pi * 440 / 32000) / 2, 32000)
    rows = encoder("wav2vec2", "audio").fit_transform(table([slow], [fast]))
    np.testing.assert_allclose(rows[1], rows[0], atol=2e-2)
    assert np.abs(rows[0]).max() > 0.2


def test_an_array_and_its_rate_are_one_clip_and_lists_are_pooled():
    one, two = (wave(2000), 8000), (wave(2500, 0.7), 8000)
    rows = encoder("hubert", "audio").fit_transform(table([one], [two], [[one, two]]))
    np.testing.assert_allclose(rows[2], rows[:2].mean(axis=0), rtol=1e-4, atol=1e-6)


def test_a_model_of_fixed_spectrograms_is_refused():
    with pytest.raises(ValueError, match=r"ASTModel .* not supported"):
        encoder("ast", "audio").fit(table([(wave(9000), 16000)]))


def test_a_second_run_computes_nothing(tmp_path, monkeypatch):
    X = table([(wave(2000), 8000)], [None], [(wave(2500), 8000)])
    made = encoder("wav2vec2", "audio", memory=tmp_path / "store")
    rows = made.fit_transform(X)
    monkeypatch.setattr(_model.Model, "hidden", None)
    np.testing.assert_array_equal(made.transform(X), rows)


def test_too_long_a_clip_is_refused():
    with pytest.raises(MediaError) as caught:
        encoder("hubert", "audio", max_seconds=0.1).fit(table([(wave(2000), 8000)]))
    assert caught.value.code == "TOO_LONG"
