import pickle
import shutil

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mmsk.exceptions import StoreWarning
from mmsk.feature_extraction.image import (
    CNNExtractor,
    HOGExtractor,
    PixelExtractor,
    RegionExtractor,
)
from mmsk.media import resize_image
from mmsk.store import FeatureStore
from tests.feature_extraction._samples import noise, table

FOUND = {
    "boxes": [[0, 0, 10, 5], [5, 0, 15, 5], [2.5, 10, 3.5, 12], [0, 0, 20, 10]],
    "labels": ["dog", "dog", "cat", "ghost"],
    "scores": [0.9, 0.6, 0.5, 0.2],
}


def find(picture):
    """Return the same boxes in every picture."""
    return FOUND


def find_bright(picture):
    """Return a box around every column that is bright."""
    columns = np.flatnonzero(picture.mean(axis=(0, 2)) > 150)
    height = len(picture)
    boxes = [[column, 0, column + 1, height] for column in columns]
    return {"boxes": boxes, "labels": np.zeros(len(boxes), dtype=int)}


def pictures(n=2):
    return table(
        *[[np.repeat(picture[:10], 2, axis=1)[:, :20]] for picture in noise(n)]
    )


def row(detector=find, **params):
    params = {"classes": ["cat", "dog", "bird"], **params}
    return RegionExtractor(detector, **params).fit_transform(pictures(1))[0]


def test_counts_areas_and_scores_by_hand():
    # 10 x 20 pixels; the dogs cover 15 x 5 together, the cat 2 x 2 (whole pixels), of
    # which the last row is outside
    expected = [
        *(1, 0 / 200, 0.5),
        *(2, 75 / 200, 0.9),
        *(0, 0, 0),
        *(3, 75 / 200, 0.9),
        1,
    ]
    np.testing.assert_allclose(row(), expected, rtol=1e-6)
    everything = row(score_threshold=0.0)
    np.testing.assert_allclose(everything[9:12], [4, 1, 0.9], rtol=1e-6)


def test_names():
    extractor = RegionExtractor(find, classes=["cat", 7]).fit(pictures(1))
    assert extractor.get_feature_names_out().tolist() == [
        *(f"x0_cat_{what}" for what in ("count", "area", "score")),
        *(f"x0_7_{what}" for what in ("count", "area", "score")),
        *(f"x0_regions_{what}" for what in ("count", "area", "score")),
        "modality_present",
    ]


def test_masks_go_before_boxes():
    masks = np.zeros((4, 10, 20), dtype=np.uint8)
    masks[0, :2, :10] = 1
    masks[1, :1] = 1
    found = {**FOUND, "masks": torch.from_numpy(masks)}
    got = row(lambda picture: found)
    np.testing.assert_allclose(got[3:6], [2, 30 / 200, 0.9], rtol=1e-6)
    np.testing.assert_allclose(got[1], 0)


@pytest.mark.parametrize("masks", [None, []])
def test_nothing_found(masks):
    found = {"boxes": [], "labels": [], "scores": [], "masks": masks}
    np.testing.assert_array_equal(row(lambda picture: found), [0] * 12 + [1])


def test_tensors_and_numbers_as_labels():
    found = {
        "boxes": torch.tensor([[0.0, 0, 20, 10]]),
        "labels": torch.tensor([3]),
        "scores": torch.tensor([0.75]),
    }
    got = row(lambda picture: found, classes=[3])
    np.testing.assert_allclose(got, [1, 1, 0.75, 1, 1, 0.75, 1])


def test_the_mean_embedding_of_regions():
    embedder = PixelExtractor(size=2)
    got = row(embedder=embedder)[12:-1]
    picture = pictures(1)[0, 0]
    cut = [picture[0:5, 0:10], picture[0:5, 5:15]]  # the cat is outside
    cut = [part for part in cut if part.size]
    expected = np.mean([resize_image(part, 2).ravel() / 255 for part in cut], axis=0)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    names = RegionExtractor(find, classes=[0], embedder=embedder).fit(pictures(1))
    assert names.get_feature_names_out()[6] == "x0_regions_pixel_r0c0_red"


def test_without_regions_the_embedding_is_zero():
    nothing = {"boxes": [], "labels": []}
    got = row(lambda picture: nothing, embedder=HOGExtractor(size=32))
    assert not got[:-1].any()


def test_a_net_embeds_regions():
    net = CNNExtractor("resnet18", weights=None, size=32, layer="layer1")
    extractor = RegionExtractor(find, classes=["dog"], embedder=net)
    rows = extractor.fit_transform(pictures(3))
    assert rows.shape == (3, 6 + 64 + 1)
    assert len(pickle.dumps(extractor)) < 20_000
    twin = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(twin.transform(pictures(3)), rows)
    one_by_one = np.vstack([extractor.transform(pictures(3)[[i]]) for i in range(3)])
    np.testing.assert_array_equal(one_by_one, rows)


def test_large_pictures_are_shrunk_first():
    shapes = []

    def detector(picture):
        shapes.append(picture.shape)
        return {"boxes": [], "labels": []}

    X = table([np.zeros((30, 90))], [np.zeros((20, 10))])
    RegionExtractor(detector, classes=[0], max_side_px=45).fit(X)
    assert shapes == [(15, 45, 3), (20, 10, 3)]


def test_each_picture_is_described_by_its_own_regions():
    X = pictures(5)
    X[3, 0] = X[3, 0] // 4 + 191
    extractor = RegionExtractor(find_bright, classes=[0]).fit(X)
    rows = extractor.transform(X)
    for picture, got in zip(X[:, 0], rows, strict=True):
        bright = picture.mean(axis=(0, 2)) > 150
        assert got[0] == bright.sum()
        np.testing.assert_allclose(got[1], bright.mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([1, 2], "must return a mapping with 'boxes' and 'labels', got list"),
        ({"boxes": []}, r"got \['boxes'\]"),
        ({"boxes": [[0, 0, 1, 1]], "labels": []}, "1 boxes, 0 labels"),
        (
            {"boxes": [[0, 0, 1, 1]], "labels": [0], "scores": [1, 1]},
            r"scores of shape \(2,\)",
        ),
        ({"boxes": [[0, 0, np.nan, 1]], "labels": [0]}, "not finite"),
        (
            {"boxes": [[0, 0, 1, 1]], "labels": [0], "masks": np.ones((1, 3, 3))},
            r"masks of shape \(1, 3, 3\)",
        ),
    ],
    ids=["list", "no labels", "lengths", "scores", "nan", "masks"],
)
def test_other_findings_are_refused(found, words):
    with pytest.raises(ValueError, match=words):
        row(lambda picture: found)


def test_classes_are_needed_and_differ():
    with pytest.raises(ValueError, match="classes= must name the labels"):
        row(classes=None)
    with pytest.raises(ValueError, match="classes must differ"):
        row(classes=["a", "a"])


# --- the store ------------------------------------------------------------------------


def test_without_a_store_id_nothing_is_stored(tmp_path):
    store = FeatureStore(tmp_path)
    with pytest.warns(StoreWarning, match="not stored without store_id"):
        RegionExtractor(find, classes=["dog"], memory=store).fit(pictures())
    assert store.info().written == 0


def test_the_store_id_and_the_embedder_are_in_the_key(tmp_path):
    store = FeatureStore(tmp_path)
    params = {"classes": ["dog"], "memory": store, "store_id": "find"}

    def rows(**change):
        return RegionExtractor(find, **{**params, **change}).fit_transform(pictures())

    first = rows()
    np.testing.assert_array_equal(rows(), first)
    assert store.info().written == 2
    for change in (
        {"store_id": "other"},
        {"score_threshold": 0.7},
        {"embedder": PixelExtractor(size=1)},
        {"embedder": PixelExtractor(size=1, grey=True)},
    ):
        before = store.info().written
        rows(**change)
        assert store.info().written == before + 2


def test_an_embedder_is_known_by_its_store_id_not_by_its_name(tmp_path):
    def renamed(store_id, value):
        def extract(self, decoded):
            return np.full((len(decoded), len(self._row_names())), value, np.float32)

        members = {"_store_id": store_id, "_extract": extract, "__module__": __name__}
        return type("PixelExtractor", (PixelExtractor,), members)(size=1)

    for value, store_id in ((0.25, "tests.a"), (0.5, "tests.b")):
        extractor = RegionExtractor(
            find,
            classes=["dog"],
            memory=tmp_path,
            store_id="find",
            embedder=renamed(store_id, value),
        )
        rows = extractor.fit_transform(pictures())
        np.testing.assert_array_equal(rows[0, -4:-1], value)


def test_changed_parameters_never_meet_old_rows(tmp_path):
    store = FeatureStore(tmp_path)
    extractor = RegionExtractor(
        find,
        classes=["dog"],
        memory=store,
        store_id="find",
        embedder=PixelExtractor(size=1),
    ).fit(pictures())
    extractor.set_params(embedder__grey=True).warm(pictures(), verbose=False)
    stored = clone(extractor).fit_transform(pictures())
    fresh = clone(extractor).set_params(memory=None).fit_transform(pictures())
    np.testing.assert_array_equal(stored, fresh)
    assert store.info().written == 4


def test_an_embedder_without_a_key_is_not_stored(tmp_path):
    store = FeatureStore(tmp_path)
    net = CNNExtractor(lambda x: x.mean(dim=(2, 3)), size=8)
    with pytest.warns(StoreWarning, match="nor those of an embedder without a key"):
        RegionExtractor(
            find, classes=["dog"], memory=store, store_id="find", embedder=net
        ).fit(pictures())
    assert store.info().written == 0


# --- a model in a folder --------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Save a small detection model with random weights."""
    from transformers import (
        YolosConfig,
        YolosForObjectDetection,
        YolosImageProcessorPil,
    )

    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[32, 32],
        patch_size=16,
        num_detection_tokens=5,
        id2label={0: "dog", 1: "cat"},
        label2id={"dog": 0, "cat": 1},
    )
    path = tmp_path_factory.mktemp("detector")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        YolosForObjectDetection(config).save_pretrained(path)
    size = {"height": 32, "width": 32}
    YolosImageProcessorPil(size=size, do_pad=False).save_pretrained(path)
    return path


def test_a_folder_is_a_detector(folder, tmp_path):
    from transformers import AutoModelForObjectDetection

    store = FeatureStore(tmp_path)
    X = table(*[[picture] for picture in noise(3, 32)])
    extractor = RegionExtractor(folder, score_threshold=0.0, memory=store)
    rows = extractor.fit_transform(X)
    assert extractor.get_feature_names_out()[[0, 3, 6]].tolist() == [
        "x0_dog_count",
        "x0_cat_count",
        "x0_regions_count",
    ]
    model = AutoModelForObjectDetection.from_pretrained(folder).eval()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    for picture, got in zip(noise(3, 32), rows, strict=True):
        x = (torch.from_numpy(picture).permute(2, 0, 1) / 255 - mean) / std
        with torch.inference_mode():
            logits = model(pixel_values=x[None]).logits[0]
        scores, labels = logits.softmax(-1)[:, :-1].max(-1)
        for position in (0, 1):
            own = scores[labels == position]
            assert got[3 * position] == len(own)
            best = float(own.max()) if len(own) else 0.0
            np.testing.assert_allclose(got[3 * position + 2], best, atol=1e-5)
        assert got[6] == 5
    assert store.info().written == 3
    RegionExtractor(folder, score_threshold=0.0, memory=store).fit(X)
    assert store.info().written == 3
    twin = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(twin.transform(X), rows)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"there is no config\.json in it"):
        RegionExtractor(tmp_path).fit(pictures())


def test_a_folder_without_the_head_is_refused(folder, tmp_path):
    from transformers import YolosModel

    YolosModel.from_pretrained(folder).save_pretrained(tmp_path)
    shutil.copy(folder / "preprocessor_config.json", tmp_path)
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match="no trained detector: it has no weights for"):
        RegionExtractor(tmp_path).fit(pictures())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_missing_library_says_what_to_install(tmp_path, monkeypatch):
    from mmsk.feature_extraction.image import _detector

    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(_detector, "find_spec", lambda module: None)
    with pytest.raises(ImportError, match=r'pip install "mmsk\[pretrained\]"'):
        RegionExtractor(tmp_path).fit(pictures())
