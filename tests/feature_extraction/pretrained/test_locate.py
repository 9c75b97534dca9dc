import builtins
import shutil
import socket
import sys

import pytest

from mmsk.feature_extraction.pretrained import TransformersEncoder, _locate, _model
from mmsk.feature_extraction.pretrained._digest import folder_digest
from mmsk.feature_extraction.pretrained._locate import locate
from tests._models import SavedModel, saved


def copy(kind, folder):
    return shutil.copytree(saved(kind), folder)


def test_a_folder_is_itself(tmp_path):
    copy("bert", tmp_path / "model")
    assert locate(tmp_path / "model") == tmp_path / "model"
    assert locate(str(tmp_path / "model")) == tmp_path / "model"


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json.*save_pretrained"):
        locate(tmp_path)


def test_a_path_to_nothing_is_never_a_name_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(_locate, "_from_hub", None)
    for name in (tmp_path / "nothing", str(tmp_path / "nothing"), "./some/model"):
        with pytest.raises(ValueError, match="There is no folder"):
            locate(name)


@pytest.mark.parametrize("inside", ["", "model"])
def test_an_installed_package_is_found_and_not_imported(tmp_path, monkeypatch, inside):
    home = tmp_path / "my_tiny_model"
    copy("bert", home / inside)
    (home / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("my-tiny-model") == home / inside
    assert "my_tiny_model" not in sys.modules


def test_a_package_with_two_models_is_refused(tmp_path, monkeypatch):
    home = tmp_path / "two_tiny_models"
    home.mkdir()
    (home / "__init__.py").touch()
    for name in ("a", "b"):
        copy("bert", home / name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="several models"):
        locate("two-tiny-models")


def hub(monkeypatch, download):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)


def test_what_the_hubs_cache_has_needs_no_network(monkeypatch):
    def download(name, *, local_files_only=False, **_):
        assert name == "someone/model"
        assert local_files_only
        return saved("bert")

    hub(monkeypatch, download)
    assert locate("someone/model") == saved("bert")


def test_what_it_has_not_is_not_downloaded(monkeypatch, tmp_path):
    import huggingface_hub.constants as constants

    def connect(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    with pytest.raises(ValueError, match="Nothing is downloaded") as caught:
        TransformersEncoder("someone/model").fit([["red"]])
    words = str(caught.value)
    assert "hf download someone/model" in words
    assert 'pip install "mmsk[pretrained]"' in words
    assert len(words) < 500


def test_half_a_model_in_the_cache_is_refused(monkeypatch, tmp_path):
    hub(monkeypatch, lambda name, **_: tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="no such model"):
        locate("someone/model")


def test_without_transformers_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("transformers"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    folder = saved("bert")
    monkeypatch.delitem(sys.modules, "transformers")
    monkeypatch.setattr(_locate, "import_module", without)
    with pytest.raises(ImportError, match=r'pip install "mmsk\[pretrained\]"'):
        TransformersEncoder(folder).fit([["red"]])


@pytest.mark.parametrize(
    ("kind", "modality"), [("bert", "image"), ("bert", "audio"), ("vit", "text")]
)
def test_a_model_of_another_modality_is_refused(kind, modality):
    import numpy as np

    cell = {"image": np.zeros((9, 9), np.uint8), "audio": (np.zeros(99), 8000)}
    X = np.empty((1, 1), dtype=object)
    X[0, 0] = cell.get(modality, "red")
    with pytest.raises(ValueError, match=f"cannot be loaded as a model of {modality}"):
        TransformersEncoder(SavedModel(kind), modality).fit(X)


def test_a_model_without_weights_is_refused(tmp_path):
    folder = copy("bert", tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="cannot be loaded"):
        TransformersEncoder(folder).fit([["red"]])


def test_a_model_that_lacks_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = copy("bert", tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    pooler = {name for name in weights if "pooler" in name}
    less = {name: weights[name] for name in weights if name not in pooler}
    save_file(less, folder / "model.safetensors", metadata={"format": "pt"})
    TransformersEncoder(folder).fit([["red"]])  # its pooler is not asked
    less.pop(next(name for name in less if "layer.1" in name))
    save_file(less, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"no weights for .*layer\.1"):
        TransformersEncoder(folder).fit([["red"]])


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    import json

    folder = copy("bert", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "homemade"
    config["auto_map"] = {
        "AutoConfig": "code.Config",
        "AutoModel": "code.Model",
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('run')")
    with pytest.raises(ValueError, match="cannot be loaded"):
        TransformersEncoder(folder).fit([["red"]])


def test_the_digest_is_of_names_and_contents(tmp_path):
    folder = copy("bert", tmp_path / "model")
    before = folder_digest(folder)
    assert before == folder_digest(saved("bert"))
    (folder / "README.md").write_text("words")
    assert folder_digest(folder) == before
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config + " ")
    assert folder_digest(folder) != before
    (folder / "config.json").rename(folder / "other.json")
    (folder / "other.json").write_text(config)
    assert folder_digest(folder) != before


def test_two_models_are_kept_in_memory():
    _model._models.clear()
    for _ in range(2):
        for kind in ("bert", "t5"):
            TransformersEncoder(SavedModel(kind)).fit([["red"]])
    kept = list(_model._models.values())
    TransformersEncoder(SavedModel("byt5")).fit([["red"]])
    assert len(_model._models) == 2
    assert kept[1] in _model._models.values()
    assert kept[0] not in _model._models.values()
