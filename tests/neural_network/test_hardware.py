import numpy as np
import pytest
import torch
from sklearn.base import clone

from mmsk.modules import MLP
from mmsk.neural_network import AdamW, Device, NeuralClassifier, NeuralRegressor
from mmsk.neural_network._batches import TrainingRows
from mmsk.neural_network._hardware import half_precision
from mmsk.neural_network._inputs import MatrixInputs
from mmsk.neural_network._losses import squared_error
from mmsk.neural_network._training import make_net, train

SMALL = {"max_epochs": 10, "random_state": 0}
CPU = torch.device("cpu")


def test_a_device_by_name_is_the_device(classification):
    X, y = classification
    expected = NeuralClassifier(**SMALL).fit(X, y).predict_proba(X)
    for device in ("cpu", Device("cpu"), Device()):
        clf = NeuralClassifier(device=device, **SMALL).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
    with pytest.raises(ValueError, match="'name' parameter of Device"):
        NeuralClassifier(device=Device(3)).fit(X, y)


@pytest.mark.parametrize("n_members", [1, 3])
def test_amp_computes_in_bfloat16_and_keeps_float32(
    n_members, classification, monkeypatch
):
    X, y = classification
    X = X.astype(np.float32)
    seen, original = set(), torch.nn.functional.linear

    def linear(*args):
        out = original(*args)
        seen.add((out.dtype, torch.is_grad_enabled()))
        return out

    monkeypatch.setattr("torch.nn.functional.linear", linear)
    clf = NeuralClassifier(device=Device("cpu", amp=True), n_members=n_members)
    clf.set_params(**SMALL, early_stopping=True).fit(X, y)
    half = {kind for kind, training in seen if training}
    assert half == {torch.bfloat16}
    seen.clear()
    proba = clf.predict_proba(X)
    assert {kind for kind, _ in seen} == {torch.float32}
    assert {value.dtype for value in clf.state_.values()} == {np.dtype("float32")}
    monkeypatch.undo()
    full = clone(clf).set_params(device="cpu").fit(X, y).predict_proba(X)
    difference = np.abs(full - proba).max()
    assert 0 < difference < 0.1


def test_amp_regression(regression):
    X, y = regression
    model = NeuralRegressor(device=Device("cpu", amp=True), random_state=0)
    assert model.fit(X.astype(np.float32), y).score(X, y) > 0.9


def test_where_there_is_no_amp(monkeypatch, classification):
    X, y = classification
    amp = Device("auto", amp=True)
    with pytest.raises(ValueError, match="Pass X as float32"):
        NeuralClassifier(device=amp).fit(X, y)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ValueError, match="needs CUDA or the CPU, the device is mps"):
        half_precision(amp, torch.float32)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for there, kind in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda there=there: there)
        assert half_precision(amp, torch.float32) is kind
    assert half_precision(Device(), torch.float32) is None


def test_scaled_gradients_make_the_steps_of_unscaled_ones():
    rng = np.random.RandomState(0)
    X = rng.randn(60, 4).astype(np.float32)
    y = (X @ [1.0, -2.0, 3.0, 0.0])[:, None] / 4
    states = []
    for half in (torch.float16, None):
        torch.manual_seed(0)
        inputs = MatrixInputs(X).to(torch.float32, CPU)
        rows = TrainingRows(inputs, y, np.ones(60), None)
        net = make_net(
            MLP(4, (), 1),
            squared_error,
            optimizer=AdamW(max_grad_norm=0.5),
            device=CPU,
            callbacks=[],
            half=half,
            lr=0.05,
            batch_size=30,
        )
        assert net.scaler_.is_enabled() is (half is torch.float16)
        train(net, rows, None, epochs=60)
        assert net.history[-1, "train_loss"] < 0.01
        states.append(net.module_.state_dict())
    torch.testing.assert_close(*states, rtol=0.02, atol=0.02)
