import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from mmsk.compose import Block, Blocks
from mmsk.fusion import IntermediateFusionClassifier, IntermediateFusionRegressor
from mmsk.modules import GatedFusion, ImageCNN, TensorFusion
from mmsk.neural_network._encoders import RAW_ENCODERS
from tests._blocks import BLOCKS, two_blocks

IMAGE = Block("image", 0, 192, 192, "image", (3, 8, 8))
TOKENS = Block("text", 193, 199, 199, "tokens", (6,))
SOUND = Block("sound", 200, 280, 280, "sequence", (16, 5))
NUMBERS = Block("table", 281, 283)
ALL = Blocks([IMAGE, TOKENS, SOUND, NUMBERS])
NET = {"hidden_layer_sizes": (8,), "fusion_size": 8, "random_state": 0}


def raw(n=48, *, absent=0.2, sounds=1, seed=0):
    """Return X for ALL, and how many of picture, words and sound are so."""
    rng = np.random.default_rng(seed)
    coins = rng.integers(2, size=(3, n)) * [[1], [1], [sounds]]
    pictures = rng.random((n, 3, 8, 8)) * 0.3
    pictures[coins[0] == 1, 0] += 0.7
    words = rng.integers(4, 9, size=(n, 6))
    words[:, 0] = 2 + coins[1]
    words[:, 5] = 0  # padding
    frames = np.zeros((n, 16, 5))
    frames[:, :12, :4] = rng.normal(size=(n, 12, 4))
    frames[:, :12, 0] += 2.0 * coins[2, :, None]
    frames[:, :12, 4] = 1.0
    present = (rng.random((n, 3)) >= absent).astype(float)
    X = np.column_stack(
        [
            pictures.reshape(n, -1),
            present[:, 0],
            words,
            present[:, 1],
            frames.reshape(n, -1),
            present[:, 2],
            rng.normal(size=(n, 2)),
        ]
    )
    for block in (IMAGE, TOKENS, SOUND):
        X[X[:, block.indicator] == 0, block.start : block.stop] = 0.0
    return X.astype(np.float32), coins.sum(axis=0)


def named():
    return [
        (kind, name) for kind, encoders in RAW_ENCODERS.items() for name in encoders
    ]


@pytest.mark.parametrize(("kind", "name"), named())
def test_every_named_encoder(kind, name):
    X, y = raw()
    block = next(block for block in ALL if block.kind == kind)
    clf = IntermediateFusionClassifier(
        modalities=[block.name, "table"],
        encoders={block.name: name},
        dropout=0.1,
        max_epochs=2,
        batch_size=16,
        blocks=ALL,
        **NET,
    ).fit(X, y)
    proba = clf.predict_proba(X)
    assert np.isfinite(proba).all()
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), proba)
    again = clone(clf).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), proba)
    one_by_one = np.concatenate([clf.predict_proba(row[None]) for row in X[:10]])
    np.testing.assert_allclose(one_by_one, proba[:10], atol=1e-5)
    # what stands for an absent block, and columns that are not chosen
    other = X.copy()
    other[X[:, block.indicator] == 0, block.start : block.stop] = 30.0
    np.testing.assert_array_equal(clf.predict_proba(other), proba)
    again = clone(clf).fit(other, y)
    np.testing.assert_array_equal(again.predict_proba(X), proba)


def test_learns_from_raw_blocks_together():
    X, y = raw(160, absent=0.0, sounds=0)
    encoders = {"image": partial(ImageCNN, widths=(8,), out_size=8)}
    clf = IntermediateFusionClassifier(
        "gated",
        encoders=encoders,
        modalities=["image", "text", "table"],
        lr=1e-2,
        max_epochs=15,
        batch_size=16,
        blocks=ALL,
        **NET,
    ).fit(X, y)
    new, truth = raw(160, absent=0.0, sounds=0, seed=1)
    # from one of the two coins alone: half
    assert clf.score(new, truth) > 0.65
    assert clf.n_tokens_ == {"text": 9}
    assert clf.net_.module_.encoders[0].out_size == 8


def test_tokens_that_training_did_not_have_are_unknown():
    X, y = raw()
    clf = IntermediateFusionClassifier(
        modalities=["text", "table"], max_epochs=2, blocks=ALL, **NET
    ).fit(X, y)
    here = X[:, TOKENS.indicator] == 1
    unknown, later = X[here], X[here].copy()
    unknown[:, TOKENS.start] = 1
    later[:, TOKENS.start] = 4000
    np.testing.assert_array_equal(clf.predict_proba(later), clf.predict_proba(unknown))


def test_cross_modal_attention_between_frames():
    X, y = raw()
    model = IntermediateFusionRegressor(
        "cross_modal",
        modalities=["sound", "table"],
        encoders={"sound": "identity", "table": "identity"},
        auxiliary_loss=0.1,
        max_epochs=3,
        blocks=ALL,
        **NET,
    ).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    model.set_params(mechanism="gated")
    with pytest.raises(ValueError, match="leaves modality 'sound' a sequence"):
        model.fit(X, y)


@pytest.mark.parametrize(
    ("block", "encoder", "message"),
    [
        (IMAGE, "mlp", r"one of \['cnn'\], .* a raw image of shape \(3, 8, 8\)"),
        (TOKENS, "cnn", r"one of \['rnn', 'mean', 'transformer'\].* a raw tokens"),
        (NUMBERS, "cnn", r"one of \['mlp', 'identity'\].* a vector of shape \(2,\)"),
        (NUMBERS, 7, r"the attribute out_size, or what makes one, got 7"),
        (NUMBERS, nn.Flatten, "attribute out_size"),
        (IMAGE, lambda shape: "net", "attribute out_size"),
    ],
    ids=["mlp", "cnn", "vector", "number", "class", "function"],
)
def test_refused(block, encoder, message):
    X, y = raw()
    clf = IntermediateFusionClassifier(
        encoders={block.name: encoder}, max_epochs=1, blocks=ALL, **NET
    )
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)


class Shout(nn.Module):
    """A mechanism of a user's."""

    def __init__(self, block_sizes, out_size):
        super().__init__()
        self.names = tuple(block_sizes)
        self.out_size = 2 * out_size
        self.layer = nn.Linear(sum(block_sizes.values()), self.out_size)

    def forward(self, blocks, present):
        return self.layer(torch.cat([blocks[name] for name in self.names], dim=1))


class TestMechanisms:
    def test_a_class_a_partial_and_a_module(self):
        X, y = two_blocks()
        sizes = {"a": 8, "b": 8}
        for mechanism in (Shout, partial(TensorFusion, rank=3), GatedFusion(sizes, 5)):
            clf = IntermediateFusionClassifier(
                mechanism, max_epochs=3, blocks=BLOCKS, **NET
            )
            proba = clf.fit(X, y).predict_proba(X)
            np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), proba)
            loaded = pickle.loads(pickle.dumps(clf))
            np.testing.assert_array_equal(loaded.predict_proba(X), proba)
        assert clf.net_.module_.head.in_features == 5

    def test_a_module_is_copied(self):
        X, y = two_blocks()
        given = GatedFusion({"a": 8, "b": 8}, 8)
        before = {name: value.clone() for name, value in given.state_dict().items()}
        IntermediateFusionClassifier(given, blocks=BLOCKS, **NET).fit(X, y)
        for name, value in given.state_dict().items():
            assert torch.equal(value, before[name])

    def test_its_parameters_reach_the_net(self):
        X, y = two_blocks()
        clf = IntermediateFusionClassifier(
            partial(TensorFusion, rank=3), max_epochs=1, blocks=BLOCKS, **NET
        ).fit(X, y)
        assert clf.net_.module_.fusion.rank == 3

    def test_what_is_no_mechanism(self):
        X, y = two_blocks()
        clf = IntermediateFusionClassifier(
            lambda sizes, width: nn.Flatten(), blocks=BLOCKS, **NET
        )
        with pytest.raises(ValueError, match="mechanism must be one of"):
            clf.fit(X, y)


class TestTraining:
    """What the heads can do, the fusions can: by inheritance."""

    def test_members(self):
        X, y = two_blocks(absent=0.3)
        clf = IntermediateFusionClassifier(
            modalities=["a"], n_members=3, max_epochs=3, blocks=BLOCKS, **NET
        )
        with pytest.warns(UserWarning, match="have none of the modalities"):
            said = clf.fit(X, y).predict_members(X)
        assert said.shape == (3, 60, 2)
        nothing = X[:, 2] == 0
        prior = np.bincount(y) / 60
        np.testing.assert_allclose(said[:, nothing] - prior, 0, atol=1e-12)
        assert (said[:, ~nothing].std(axis=0) > 0).all()
        with pytest.warns(UserWarning, match="they get the prior"):
            np.testing.assert_allclose(clf.predict_proba(X), said.mean(axis=0))

    @pytest.mark.parametrize(
        "change",
        [
            {"loss": "focal"},
            {"loss": "logit_adjusted"},
            {"optimizer": "sgd"},
            {"schedule": "one_cycle"},
            {"early_stopping": True},
            {"class_weight": {0: 1, 1: 9}},
        ],
        ids=lambda change: "-".join(map(str, next(iter(change.items())))),
    )
    def test_parameters_reach_behaviour(self, change):
        X, y = two_blocks()
        y[:20] = 0
        clf = IntermediateFusionClassifier(max_epochs=5, blocks=BLOCKS, **NET)
        before = clf.fit(X, y).predict_proba(X)
        after = clf.set_params(**change).fit(X, y).predict_proba(X)
        assert np.abs(after - before).max() > 1e-4
