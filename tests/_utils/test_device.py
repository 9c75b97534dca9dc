import pytest
import torch

from mmsk._utils._device import resolve_device


def machine(monkeypatch, *, cuda=False, mps=False):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "dtype", "expected"),
    [
        (False, False, torch.float32, "cpu"),
        (True, False, torch.float64, "cuda"),
        (False, True, torch.float32, "mps"),
        (False, True, torch.float64, "cpu"),
        (True, True, torch.float32, "cuda"),
    ],
)
def test_auto(monkeypatch, cuda, mps, dtype, expected):
    machine(monkeypatch, cuda=cuda, mps=mps)
    assert resolve_device("auto", dtype) == torch.device(expected)


def test_named_devices(monkeypatch):
    machine(monkeypatch, cuda=True, mps=True)
    for name in ("cpu", "cuda", "cuda:0", "mps"):
        assert resolve_device(name, torch.float32) == torch.device(name)
    with pytest.raises(ValueError, match="no such CUDA device"):
        resolve_device("cuda:1", torch.float32)
    with pytest.raises(ValueError, match=r"MPS has no float64.*float32"):
        resolve_device("mps", torch.float64)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_missing_device_is_refused_to_train_on_but_not_to_predict(monkeypatch, name):
    machine(monkeypatch)
    with pytest.raises(ValueError, match=f"device='{name}' cannot be used"):
        resolve_device(name, torch.float32)
    fallback = resolve_device(name, torch.float32, fitted=True)
    assert fallback == torch.device("cpu")


def test_unknown_name():
    with pytest.raises(ValueError, match="Unknown device 'gpu'"):
        resolve_device("gpu", torch.float32)
