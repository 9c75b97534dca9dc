import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from mmsk.compose import (
    Block,
    Blocks,
    ModalityTransformer,
    MultimodalClassifier,
)
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning
from mmsk.fusion import IntermediateFusionClassifier
from mmsk.fusion._mechanisms import MECHANISMS
from mmsk.modules import WeightedSumFusion
from tests._blocks import BLOCKS, RAW, Marked, two_blocks

BOTH = Blocks([Block("a", 0, 2, indicator=2), Block("b", 3, 4, indicator=4)])


def fusion(mechanism="concat", **params):
    small = {
        "hidden_layer_sizes": (8,),
        "fusion_size": 8,
        "max_epochs": 5,
        "random_state": 0,
        "blocks": BLOCKS,
    }
    return IntermediateFusionClassifier(mechanism, **(small | params))


def maybe_absent(n=80, *, absent=0.3):
    """Return X for BOTH, each row with one block at least, and y."""
    X, y = two_blocks(n)
    rng = np.random.default_rng(1)
    X = np.column_stack([X, rng.random(n) >= absent])
    X[:, 2] = (rng.random(n) >= absent) | (X[:, 4] == 0)
    return X, y


@pytest.mark.parametrize("mechanism", MECHANISMS)
class TestMechanisms:
    def test_learns_what_no_sum_can(self, mechanism):
        X, _ = two_blocks(300)
        y = np.where(X[:, 0] * X[:, 3] > 0, "same", "opposite")
        params = {
            "hidden_layer_sizes": (32,),
            "fusion_size": 32,
            "max_epochs": 80,
            "lr": 0.02,
        }
        clf = fusion(mechanism, **params).fit(X[:200], y[:200])
        score = clf.score(X[200:], y[200:])
        # sums of what the modalities say by themselves
        additive = mechanism in ("sum", "mean", "weighted_sum")
        assert score < 0.6 if additive else score > 0.75

    def test_what_stands_in_for_an_absent_block_changes_nothing(self, mechanism):
        X, y = maybe_absent()
        clf = fusion(mechanism, blocks=BOTH).fit(X, y)
        expected = clf.predict_proba(X)
        other = X.copy()
        other[X[:, 2] == 0, :2] = 77.0
        other[X[:, 4] == 0, 3] = -5.0
        np.testing.assert_array_equal(clf.predict_proba(other), expected)
        again = clone(clf).fit(other, y)
        np.testing.assert_array_equal(again.predict_proba(X), expected)

    def test_a_row_without_any_gets_the_prior(self, mechanism):
        X, y = maybe_absent()
        weights = np.arange(1.0, 81)
        clf = fusion(mechanism, blocks=BOTH).fit(X, y, sample_weight=weights)
        expected = clf.predict_proba(X)
        prior = np.average(y[:, None] == [0, 1], axis=0, weights=weights)
        gone = X.copy()
        gone[[3, 8]] = 0
        with pytest.warns(MissingModalityWarning, match=r"2 of 80 .*rows \[3, 8\]"):
            proba = clf.predict_proba(gone)
        np.testing.assert_allclose(proba[[3, 8]], [prior, prior])
        rest = np.delete(np.arange(80), [3, 8])
        np.testing.assert_allclose(proba[rest], expected[rest])

    @pytest.mark.parametrize("names", [["a"], ["b"], ["b", "a"]])
    def test_modalities(self, mechanism, names):
        X, y = two_blocks()
        clf = fusion(mechanism, modalities=names).fit(X, y)
        other = X.copy()
        unread = sorted(set(range(4)) - set(BLOCKS.select(names).columns))
        other[:, unread] = 1 - X[:, unread]
        expected = clf.predict_proba(X)
        np.testing.assert_array_equal(clf.predict_proba(other), expected)
        again = clone(clf).fit(other, y)
        np.testing.assert_array_equal(again.predict_proba(X), expected)

    def test_clone_and_pickle(self, mechanism):
        X, y = two_blocks(absent=0.2)
        clf = fusion(mechanism).fit(X, y)
        expected = clf.predict_proba(X)
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(X), expected)
        np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), expected)

    def test_batch_is_one_by_one(self, mechanism):
        X, y = two_blocks(absent=0.2)
        clf = fusion(mechanism).fit(X, y)
        rows = [clf.predict_proba(X[[i]]) for i in range(60)]
        np.testing.assert_allclose(np.vstack(rows), clf.predict_proba(X))

    def test_sparse_is_dense(self, mechanism):
        X, y = two_blocks()
        # of mean 0 and variance 1, so that shifting does not tell them apart
        X[:, [0, 1, 3]] -= X[:, [0, 1, 3]].mean(axis=0)
        X[:, [0, 1, 3]] /= X[:, [0, 1, 3]].std(axis=0)
        dense = fusion(mechanism).fit(X, y)
        sparse = fusion(mechanism).fit(sp.csr_array(X), y)
        np.testing.assert_allclose(
            sparse.predict_proba(sp.csr_array(X)), dense.predict_proba(X), rtol=1e-6
        )

    def test_weight_2_is_a_row_twice_and_0_is_none(self, mechanism):
        X, y = two_blocks(absent=0.2)
        weights = np.arange(60) % 3
        rows = np.repeat(np.arange(60), weights)
        clf = fusion(mechanism, batch_size=200)  # all rows a step: no order
        weighted = clone(clf).fit(X, y, sample_weight=weights)
        plain = clone(clf).fit(X[rows], y[rows])
        np.testing.assert_allclose(
            weighted.predict_proba(X), plain.predict_proba(X), rtol=1e-4
        )


class TestEncoders:
    def test_a_module_reads_raw_blocks_in_their_shape(self):
        shapes = []

        class Mean(nn.Module):
            out_size = 3

            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(4, 3)

            def forward(self, block):
                shapes.append(tuple(block.shape[1:]))
                return self.layer(block.flatten(1))

        X = np.random.default_rng(0).normal(size=(80, 6))
        X[:, 4] = 1
        y = (X[:, :4].sum(axis=1) + X[:, 5] > 0).astype(int)
        given = Mean()
        before = given.layer.weight.detach().clone()
        clf = fusion(blocks=RAW, encoders={"a": given}, max_epochs=60, lr=0.01)
        assert clf.fit(X, y).score(X, y) > 0.85
        assert set(shapes) == {(2, 2)}
        assert torch.equal(given.layer.weight, before)
        np.testing.assert_array_equal(
            clone(clf).fit(X, y).predict_proba(X), clf.predict_proba(X)
        )

    def test_by_the_name_of_the_modality(self):
        X, y = two_blocks()
        named = fusion(encoders={"a": "mlp"}).fit(X, y)
        auto = fusion().fit(X, y)
        np.testing.assert_array_equal(named.predict_proba(X), auto.predict_proba(X))

    @pytest.mark.parametrize(
        ("encoders", "message"),
        [
            ({"c": "mlp"}, r"encoders names the modalities \['c'\]"),
            ({"a": nn.Linear(2, 3)}, "attribute out_size"),
            ("all", "'encoders' parameter"),
        ],
        ids=str,
    )
    def test_refused(self, encoders, message):
        X, y = two_blocks()
        with pytest.raises(ValueError, match=message):
            fusion(encoders=encoders).fit(X, y)


class TestFit:
    def test_modality_dropout(self):
        X, y = two_blocks()
        with_it, again, without = (
            fusion(modality_dropout=share).fit(X, y).predict_proba(X)
            for share in (0.5, 0.5, 0.0)
        )
        np.testing.assert_array_equal(with_it, again)
        assert not np.allclose(with_it, without)

    def test_groups_reach_the_held_out_rows(self):
        X, y = two_blocks()
        clf = fusion(early_stopping=True)
        clf.fit(X, y, groups=np.arange(60) % 6)
        with pytest.raises(ValueError, match="at least two groups"):
            clf.fit(X, y, groups=["g"] * 60)

    def test_what_only_a_held_out_group_has_does_not_drown_its_loss(self):
        """As a component of the words of one author, which all features know."""
        X, y = two_blocks(400, seed=1)
        groups = np.arange(400) % 10
        columns = []
        for own in range(10):  # each may be the one that is held out
            columns.append(np.where(groups == own, 1.0, 1e-6) * X[:, 1])
        X = np.column_stack([X[:, [0]], *columns, X[:, 2:]])
        blocks = Blocks([Block("a", 0, 11, indicator=11), Block("b", 12, 13)])
        clf, plain = (
            fusion(early_stopping=stop, blocks=blocks, max_epochs=20, lr=0.01)
            for stop in (True, False)
        )
        clf.fit(X, y, groups=groups)
        plain.fit(X, y)
        np.testing.assert_array_equal(clf.scaler_.scale_, plain.scaler_.scale_)
        losses = [epoch["valid_loss"] for epoch in clf.history_]
        assert losses[0] < 1.5
        assert min(losses) < 0.5

    def test_rows_of_no_weight_are_not_seen(self):
        X, y = two_blocks()
        weights = np.r_[np.zeros(10), np.ones(50)]
        X[:10, [0, 1, 3]] = 1e6
        clf = fusion().fit(X, y, sample_weight=weights)
        alone = fusion().fit(X[10:], y[10:], sample_weight=weights[10:])
        np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))

    def test_labels(self):
        X, y = two_blocks()
        named = np.array(["no", "yes"])[y]
        clf = fusion().fit(X, named)
        assert list(clf.classes_) == ["no", "yes"]
        assert clf.predict(X).dtype == named.dtype
        one = fusion().fit(X, ["only"] * 60)
        assert set(one.predict(X)) == {"only"}

    def test_blocks_from_the_names_of_a_frame(self):
        X, y = two_blocks(absent=0.2)
        names = ["a__0", "a__1", "a__modality_present", "b__0"]
        frame = pd.DataFrame(X, columns=names)
        clf = fusion(blocks=None).fit(frame, y)
        assert clf.blocks_ == BLOCKS
        np.testing.assert_allclose(
            clf.predict_proba(frame), fusion().fit(X, y).predict_proba(X)
        )

    def test_one_block_is_nothing_to_fuse(self):
        X, y = two_blocks()
        with pytest.warns(SingleBlockWarning, match="IntermediateFusion") as caught:
            fusion(blocks=None).fit(X, y)
        assert len(caught) == 1

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"modalities": ["c"]}, "Unknown modalities"),
            ({"mechanism": "median"}, "'mechanism' parameter"),
            ({"blocks": BOTH}, "describe 5 columns, X has 4"),
        ],
        ids=str,
    )
    def test_refused(self, params, message):
        X, y = two_blocks()
        with pytest.raises(ValueError, match=message):
            fusion().set_params(**params).fit(X, y)

    def test_a_presence_column_that_was_changed(self):
        X, y = two_blocks()
        clf = fusion().fit(X, y)
        X[0, 2] = 0.3
        for call in (clf.predict_proba, clf.predict):
            with pytest.raises(ValueError, match="presence column 2 of modality 'a'"):
                call(X)
        with pytest.raises(ValueError, match="presence column 2 of modality 'a'"):
            clf.fit(X, y)

    def test_no_training_row_has(self):
        X, y = two_blocks()
        with pytest.raises(ValueError, match="No sample has any"):
            fusion(blocks=BOTH).fit(np.zeros((60, 5)), y)
        X[:, 2] = 0
        with pytest.warns(MissingModalityWarning, match=r"No training .* \['a'\]"):
            fusion().fit(X, y)

    def test_not_fitted(self):
        with pytest.raises(NotFittedError):
            fusion().predict(np.zeros((1, 4)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("sparse", [False, True])
def test_inside_a_multimodal_classifier(library, sparse):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    table.loc[::7, "a"] = np.nan
    y = table["c"].to_numpy() > 0
    features = ModalityTransformer(
        [("m", Marked(sparse=sparse), ["a", "b"]), ("t", "passthrough", ["c"])]
    )
    clf = MultimodalClassifier(features, fusion(blocks=None)).fit(table, y)
    assert clf.estimator_.blocks_.names == ("m", "t")
    with sklearn.config_context(transform_output=library):
        again = clone(clf).fit(table, y).predict_proba(table)
    np.testing.assert_array_equal(again, clf.predict_proba(table))


def test_classes_and_prior_are_of_all_rows():
    X, y = two_blocks(absent=0.4)
    y = np.where(X[:, 2] == 0, 2, y)
    clf = IntermediateFusionClassifier(
        modalities=["a"], blocks=BLOCKS, max_epochs=3, random_state=0
    ).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(clf.class_prior_, np.bincount(y) / 60)
    with pytest.warns(MissingModalityWarning):
        proba = clf.predict_proba(X)
    np.testing.assert_allclose(
        proba[y == 2], np.tile(clf.class_prior_, (sum(y == 2), 1))
    )


@pytest.mark.parametrize(
    "change",
    [{"mechanism": "gated"}, {"hidden_layer_sizes": (3,)}, {"modalities": ["b"]}],
    ids=lambda change: next(iter(change)),
)
def test_parameters_set_after_fit_wait_for_the_next_fit(change):
    X, y = two_blocks()
    clf = IntermediateFusionClassifier(blocks=BLOCKS, max_epochs=3, random_state=0)
    before = clf.fit(X, y).predict_proba(X)
    clf.set_params(**change)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), before)
    assert np.abs(clf.fit(X, y).predict_proba(X) - before).max() > 1e-4


def test_a_weight_for_each_feature():
    X, y = two_blocks()
    make = partial(WeightedSumFusion, weights="feature")
    clf = fusion(make, max_epochs=1).fit(X, y)
    shapes = {name: value.shape for name, value in clf.state_.items()}
    (scores,) = (s for name, s in shapes.items() if name.endswith("fusion.scores"))
    assert scores == (8, 2)
    assert clf.predict_proba(X).shape == (len(X), 2)


@pytest.mark.parametrize(
    ("name", "value"), [("modalities", ["a"]), ("block_norm", 1.0)]
)
def test_what_the_training_goes_on_with_must_not_change(name, value):
    X, y = two_blocks()
    clf = fusion(warm_start=True, max_epochs=1, modalities=["a", "b"]).fit(X, y)
    before = clf.get_params()[name]
    with pytest.raises(ValueError, match=rf"\['{name}'\] changed since"):
        clf.set_params(**{name: value}).fit(X, y)
    assert clf.set_params(**{name: before}).fit(X, y).n_iter_ == 2


def test_modalities_changed_in_place_are_a_change():
    X, y = two_blocks()
    names = ["a", "b"]
    clf = fusion(warm_start=True, max_epochs=1, modalities=names).fit(X, y)
    names.pop()
    with pytest.raises(ValueError, match=r"\['modalities'\] changed since"):
        clf.fit(X, y)
