"""Who decides: the fused head, or with it the heads of the modalities."""

import pickle

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV

from mmsk.compose import Block, Blocks
from mmsk.fusion import IntermediateFusionClassifier, IntermediateFusionRegressor
from mmsk.neural_network import CrossEntropy, LogitAdjusted

BOTH = Blocks([Block("a", 0, 2, indicator=2), Block("b", 3, 4, indicator=4)])
SMALL = {
    "mechanism": "gated",
    "auxiliary_loss": 1.0,
    "decision": "hybrid",
    "hidden_layer_sizes": (8,),
    "fusion_size": 6,
    "lr": 1e-2,
    "max_epochs": 5,
    "blocks": BOTH,
    "random_state": 0,
}


def rows(n=80):
    """Return X for BOTH, each row with one block at least, and three classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5))
    X[:, 4] = rng.random(n) < 0.7
    X[:, 2] = (rng.random(n) < 0.7) | (X[:, 4] == 0)
    X[X[:, 2] == 0, :2] = 0.0
    X[X[:, 4] == 0, 3] = 0.0
    return X, (X[:, 0] > 0).astype(int) + (X[:, 3] > 0.5)


def said_by_the_heads(model, X, weights=(1, 1)):
    """Return what each head says, by hand: (n, 1 + M, n_outputs), and its weight."""
    net = model.net_.module_.eval()
    present = torch.tensor(X[:, [2, 4]] == 1)
    scaled = torch.tensor(model.scaler_.transform(X))
    with torch.inference_mode():
        encoded = {
            name: encoder(x) * has[:, None]
            for (name, x), encoder, has in zip(
                BOTH.split(scaled).items(), net.encoders, present.T, strict=True
            )
        }
        outputs = [net.head(net.fusion(encoded, present))]
        outputs += [
            head(x) for head, x in zip(net.auxiliary, encoded.values(), strict=True)
        ]
    return torch.stack(outputs, dim=1).numpy(), np.c_[
        np.ones(len(X)), present.numpy() * weights
    ]


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "logit_adjusted"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_those_of_the_mean_logarithm(loss, n_classes):
    X, y = rows()
    clf = IntermediateFusionClassifier(loss=loss, class_weight="balanced", **SMALL)
    clf.fit(X, np.minimum(y, n_classes - 1))
    outputs, shares = said_by_the_heads(clf, X)
    logs = log_softmax(outputs, axis=2)
    mean = np.einsum("nhc,nh->nc", logs, shares) / shares.sum(axis=1)[:, None]
    proba = clf.predict_proba(X)
    np.testing.assert_allclose(proba, softmax(mean, axis=1), rtol=1e-6)
    assert np.abs(proba - softmax(outputs[:, 0], axis=1)).max() > 1e-3


def test_labels_by_the_mean_of_their_log_odds():
    X, _ = rows()
    clf = IntermediateFusionClassifier(**SMALL).fit(X, (X[:, [0, 3]] > 0).astype(int))
    outputs, shares = said_by_the_heads(clf, X)
    mean = np.einsum("nhc,nh->nc", outputs, shares) / shares.sum(axis=1)[:, None]
    np.testing.assert_allclose(clf.predict_proba(X), expit(mean), rtol=1e-6)


@pytest.mark.parametrize(
    ("decision", "weights"),
    [({"b": 0.5}, (1, 0.5)), ({"a": 0, "b": 3}, (0, 3)), ({}, (1, 1))],
    ids=str,
)
def test_weights_by_modality(decision, weights):
    X, y = rows()
    clf = IntermediateFusionClassifier(**SMALL | {"decision": decision}).fit(X, y)
    outputs, shares = said_by_the_heads(clf, X, weights)
    mean = np.einsum("nhc,nh->nc", outputs, shares) / shares.sum(axis=1)[:, None]
    np.testing.assert_allclose(clf.predict_proba(X), softmax(mean, axis=1), rtol=1e-6)


def test_weights_of_chosen_modalities():
    """They go by name, not by place; one that is not chosen has no say."""
    X, y = rows()
    params = SMALL | {"decision": {"a": 0.0, "b": 3.0}}
    clf = IntermediateFusionClassifier(modalities=["b", "a"], **params).fit(X, y)
    assert clf.net_.module_.auxiliary_weights == tuple(
        params["decision"][name] for name in clf.net_.module_.names
    )
    alone = clf.set_params(modalities=["b"]).fit(X[X[:, 4] == 1], y[X[:, 4] == 1])
    assert alone.net_.module_.auxiliary_weights == (3.0,)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_a_regressor_predicts_the_mean(n_targets):
    X, _ = rows()
    y = 50 + 10 * X[:, [0, 3]][:, :n_targets]
    model = IntermediateFusionRegressor(**SMALL).fit(X, y)
    outputs, shares = said_by_the_heads(model, X)
    mean = np.einsum("nhk,nh->nk", outputs, shares) / shares.sum(axis=1)[:, None]
    expected = mean * y.std(axis=0) + y.mean(axis=0)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


def test_training_is_the_same():
    X, y = rows()
    hybrid = IntermediateFusionClassifier(**SMALL).fit(X, y)
    fused = clone(hybrid).set_params(decision="fused").fit(X, y)
    assert hybrid.state_.keys() == fused.state_.keys()
    for name, value in hybrid.state_.items():
        np.testing.assert_array_equal(fused.state_[name], value)
    heads, _ = said_by_the_heads(hybrid, X)
    np.testing.assert_allclose(fused.predict_proba(X), softmax(heads[:, 0], axis=1))


def test_of_members():
    X, y = rows()
    clf = IntermediateFusionClassifier(n_members=2, **SMALL).fit(X, y)
    first = IntermediateFusionClassifier(**SMALL).fit(X, y)
    members = clf.predict_members(X)
    assert members.shape == (2, 80, 3)
    np.testing.assert_allclose(members[0], first.predict_proba(X))
    np.testing.assert_allclose(clf.predict_proba(X), members.mean(axis=0))


def test_held_out_rows_are_judged_by_the_same_decision():
    """With all rows seen in training held out as well, by their copies."""
    X, y = rows()
    X, y, groups = np.r_[X, X], np.r_[y, y], np.repeat([0, 1], 80)
    clf = IntermediateFusionClassifier(
        early_stopping=True, validation_fraction=0.5, **SMALL
    )
    clf.fit(X, y, groups=groups)
    best = min(epoch["valid_loss"] for epoch in clf.history_)
    proba = clf.predict_proba(X[:80])
    loss = -np.log(proba[np.arange(80), y[:80]]).mean()
    np.testing.assert_allclose(loss, best, rtol=1e-6)


def test_pickle_one_row_and_going_on():
    X, y = rows()
    clf = IntermediateFusionClassifier(warm_start=True, **SMALL).fit(X, y)
    expected = clf.predict_proba(X)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    np.testing.assert_allclose(clf.predict_proba(X[:1]), expected[:1])
    clf.set_params(decision="fused")
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    with pytest.raises(ValueError, match=r"\['decision'\] changed since"):
        clf.fit(X, y)
    clf.set_params(decision="hybrid").fit(X, y)
    assert clf.n_iter_ == 10
    assert np.abs(clf.predict_proba(X) - expected).max() > 1e-3


def test_a_weight_of_2_is_a_row_twice():
    X, y = rows()
    weights = np.arange(80) % 3
    twice = np.repeat(np.arange(80), weights)
    clf = IntermediateFusionClassifier(batch_size=200, **SMALL)
    weighted = clone(clf).fit(X, y, sample_weight=weights).predict_proba(X)
    repeated = clone(clf).fit(X[twice], y[twice]).predict_proba(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4)


def test_what_the_fused_head_cannot_know_the_others_do():
    """Of a mechanism that passes nothing on, the heads of the modalities remain."""

    class Nothing(torch.nn.Module):
        out_size = 2

        def forward(self, blocks, present):
            return torch.zeros(len(present), 2, dtype=blocks["a"].dtype)

    X, y = rows(200)
    params = SMALL | {"mechanism": Nothing(), "max_epochs": 30}
    hybrid = IntermediateFusionClassifier(**params).fit(X, y)
    fused = clone(hybrid).set_params(decision="fused").fit(X, y)
    assert fused.score(X, y) == np.bincount(y).max() / 200
    assert hybrid.score(X, y) > 0.75


@pytest.mark.parametrize("loss", [CrossEntropy(label_smoothing=0.1), LogitAdjusted()])
def test_calibrated(loss):
    X, y = rows()
    clf = IntermediateFusionClassifier(loss=loss, **SMALL)
    proba = CalibratedClassifierCV(clf, cv=2).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    "kind", [IntermediateFusionClassifier, IntermediateFusionRegressor]
)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"auxiliary_loss": 0.0}, "only auxiliary_loss trains, got auxiliary_loss=0"),
        ({"decision": "all"}, "'decision' parameter"),
        ({"decision": {"c": 1}}, r"decision names the modalities \['c'\]; there are"),
        ({"decision": {"a": -1}}, "at least 0, got -1 for modality 'a'"),
        ({"decision": {"a": "1"}}, "at least 0, got '1' for modality 'a'"),
    ],
    ids=["no heads", "another", "unknown", "negative", "no number"],
)
def test_refused(kind, params, message):
    X, y = rows()
    with pytest.raises(ValueError, match=message):
        kind(**(SMALL | params)).fit(X, y)
