"""SupervisedEncoder: out of fold, in one system of coordinates, for every block."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mmsk.compose import (
    Block,
    Blocks,
    BlockSelector,
    ModalityTransformer,
    MultimodalClassifier,
)
from mmsk.compose._step_keys import step_config
from mmsk.feature_extraction.image import ImageTensorizer
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TokenSequencer
from mmsk.modules import ImageCNN
from mmsk.neural_network import NeuralClassifier, NeuralRegressor, SupervisedEncoder
from mmsk.neural_network._supervised_encoder_outputs import FLOOR, aligned, log_odds
from mmsk.neural_network._supervised_encoder_training import Training

FOLDS = KFold(3)
MARKED = Blocks([Block("photo", 0, 4, indicator=4)])
KINDS = {
    "image": Block("photo", 0, 192, 192, "image", (3, 8, 8)),
    "tokens": Block("title", 0, 6, 6, "tokens", (6,)),
    "sequence": Block("clip", 0, 80, 80, "sequence", (16, 5)),
}


def make(encoder="auto", *, epochs=10, net=NeuralClassifier, **params):
    """Return a small encoder, not fitted."""
    estimator = net(8, max_epochs=epochs, batch_size=256)
    params = {"cv": FOLDS, "estimator": estimator, "random_state": 0} | params
    return SupervisedEncoder(encoder, **params)


def numbers(n=60, *, classes=("no", "yes"), seed=0, absent=0.0):
    """Return X for MARKED, and labels that its first column decides."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    X[:, 4] = rng.random(n) >= absent
    cuts = np.quantile(X[:, 0], np.arange(1, len(classes)) / len(classes))
    y = np.array(classes)[np.searchsorted(cuts, X[:, 0])]
    X[X[:, 4] == 0, :4] = 0.0
    return X, y


def raw(kind, n=24):
    """Return X of a raw block and labels; row 0 lacks the modality."""
    rng = np.random.default_rng(1)
    y = np.arange(n) % 2
    if kind == "image":
        cells = rng.random((n, 192)) / 2 + y[:, None] / 2
    elif kind == "tokens":
        cells = rng.integers(4, 9, size=(n, 6))
        cells[:, 1] = 2 + y
        cells[:, 5] = 0
    else:
        cells = rng.normal(size=(n, 16, 5)) / 4
        cells[..., 0] += np.sin(np.arange(16) * (0.5 + 2 * y[:, None]))
        cells[..., 4] = 1.0
        cells[:, 12:] = 0.0
    X = np.column_stack([cells.reshape(n, -1), np.ones(n)]).astype(np.float32)
    X[0] = 0.0
    return X, np.array(["dark", "light"])[y]


class TestOutOfFold:
    def test_of_noise_is_at_chance_where_the_encoder_knows_all(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(150, 30))
        y = np.array(["a", "b", "c"])[rng.integers(3, size=150)]
        net = NeuralClassifier(64, max_epochs=150, lr=1e-2)
        encoder = SupervisedEncoder(estimator=net, random_state=0)
        scores = encoder.fit_transform(X, y)
        right = encoder.classes_[scores.argmax(axis=1)] == y
        known = encoder.classes_[encoder.transform(X).argmax(axis=1)] == y
        assert known.all()
        assert abs(right.mean() - 1 / 3) < 3 * np.sqrt(2 / 9 / 150)

    def targets(self, kind):
        X, y = numbers(classes=("a", "b", "c"))
        if kind == "classes":
            return X, y, NeuralClassifier
        if kind == "labels":
            return X, (X[:, :3] > 0).astype(int), NeuralClassifier
        return X, X[:, 0] if kind == "number" else X[:, :2], NeuralRegressor

    @pytest.mark.parametrize("kind", ["classes", "labels", "number", "numbers"])
    def test_a_fold_is_said_by_an_encoder_fitted_outside_of_it(self, kind):
        X, y, net = self.targets(kind)
        encoder = make(blocks=MARKED, net=net)
        scores = encoder.fit_transform(X, y)
        for train, test in FOLDS.split(X):
            outside = clone(encoder).fit(X[train], y[train])
            np.testing.assert_array_equal(outside.transform(X[test]), scores[test])

    @pytest.mark.parametrize("output", ["scores", "hidden"])
    def test_transform_is_that_of_fit(self, output):
        X, y = numbers()
        both = make(blocks=MARKED, output=output)
        both.fit_transform(X, y)
        alone = make(blocks=MARKED, output=output).fit(X, y)
        np.testing.assert_array_equal(both.transform(X), alone.transform(X))

    def test_own_labels_have_no_part_in_it(self):
        X, y = numbers()
        train, test = next(FOLDS.split(X))
        other = y.copy()
        other[test] = other[test][::-1]
        one, two = (make(blocks=MARKED).fit_transform(X, each) for each in (y, other))
        np.testing.assert_array_equal(one[test], two[test])
        assert (one[train, 0] != two[train, 0]).all()

    def test_groups_stay_together(self):
        rng = np.random.default_rng(0)
        X = np.repeat(rng.normal(size=(60, 20)), 2, axis=0)
        y = np.repeat(rng.integers(2, size=60), 2)
        groups = np.repeat(np.arange(60), 2)
        net = NeuralClassifier(32, max_epochs=100, lr=1e-2)
        encoder = SupervisedEncoder(estimator=net, random_state=0)
        twins = encoder.fit_transform(X, y)[:, 0] > 0
        apart = encoder.fit_transform(X, y, groups=groups)[:, 0] > 0
        assert np.mean(twins == y) > 0.75
        assert np.mean(apart == y) < 0.5 + 3 * np.sqrt(0.25 / 60)

    def test_groups_reach_a_splitter_and_early_stopping(self):
        X, y = numbers()
        groups = np.arange(60) // 2
        net = NeuralClassifier(8, max_epochs=4, early_stopping=True)
        encoder = make(cv=GroupKFold(2), estimator=net, blocks=MARKED)
        scores = encoder.fit_transform(X, y, groups=groups)
        ungrouped = clone(encoder).fit(X, y)
        assert not np.allclose(ungrouped.transform(X), encoder.transform(X))
        for train, test in GroupKFold(2).split(X, y, groups):
            outside = clone(encoder).fit(X[train], y[train], groups=groups[train])
            np.testing.assert_array_equal(outside.transform(X[test]), scores[test])

    def test_a_class_that_a_fold_lacks_is_improbable_there(self):
        X, y = numbers(classes=("a", "b", "c"))
        y[y == "c"] = "a"
        y[7] = "c"
        scores = make(blocks=MARKED).fit_transform(X, y)
        assert np.isfinite(scores).all()
        proba = np.exp(scores[:, :3])
        proba /= proba.sum(axis=1, keepdims=True)
        lacking = next(test for _, test in FOLDS.split(X) if 7 in test)
        assert (proba[lacking, 2] <= 1.01 * FLOOR).all()

    @pytest.mark.parametrize(
        ("cv", "words"),
        [
            (RepeatedKFold(n_splits=2, n_repeats=2), "row 0 .* 2 test folds"),
            ([(np.arange(30), np.arange(30, 60))], "row 0 .* 0 test folds"),
            ([(np.arange(0), np.arange(60))], "no row to train on"),
        ],
        ids=["twice", "never", "empty"],
    )
    def test_other_folds_are_refused(self, cv, words):
        X, y = numbers()
        with pytest.raises(ValueError, match=words):
            make(cv=cv, blocks=MARKED).fit_transform(X, y)

    def test_processes_say_the_same(self):
        X, y = numbers()
        one = make(blocks=MARKED).fit_transform(X, y)
        two = make(blocks=MARKED, n_jobs=2).fit_transform(X, y)
        np.testing.assert_allclose(two, one, rtol=1e-6)

    def test_a_seed_decides_folds_and_weights(self):
        X, y = numbers()
        runs = [make(blocks=MARKED, cv=3, random_state=seed) for seed in (0, 0, 1)]
        one, again, other = (run.fit_transform(X, y) for run in runs)
        np.testing.assert_array_equal(one, again)
        assert not np.allclose(one, other)
        own = NeuralClassifier(8, max_epochs=10, random_state=5)
        kept = make(blocks=MARKED, estimator=own).fit(X, y).estimator_
        assert kept.random_state == 5


class TestScores:
    def test_of_three_classes_are_centred_log_probabilities(self):
        X, y = numbers(classes=("a", "b", "c"))
        encoder = make(blocks=MARKED).fit(X, y)
        scores = encoder.transform(X)[:, :3]
        log_proba = np.log(encoder.estimator_.predict_proba(X))
        np.testing.assert_allclose(scores.sum(axis=1), 0.0, atol=1e-12)
        expected = log_proba - log_proba.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-12)
        names = ["score_a", "score_b", "score_c", "modality_present"]
        assert encoder.get_feature_names_out().tolist() == names

    def test_of_two_classes_are_one_column(self):
        assert log_odds(np.array([[0.2, 0.8]]), multilabel=False) == np.log(4)
        np.testing.assert_allclose(
            log_odds(np.array([[0.2, 0.8]]), multilabel=True), [[-np.log(4), np.log(4)]]
        )
        X, y = numbers()
        encoder = make(blocks=MARKED, epochs=100).fit(X, y)
        names = ["score_yes", "modality_present"]
        assert encoder.get_feature_names_out().tolist() == names
        assert np.mean((encoder.transform(X)[:, 0] > 0) == (y == "yes")) > 0.8

    def test_stay_finite_where_a_net_is_sure(self):
        sure = np.array([[1.0, 0.0]])
        assert log_odds(sure, multilabel=False) == np.log(FLOOR)
        most = np.log1p(-FLOOR) - np.log(FLOOR)
        np.testing.assert_allclose(log_odds(sure, multilabel=True), [[most, -most]])

    def test_of_one_class_say_nothing(self):
        X, _ = numbers()
        encoder = make(blocks=MARKED)
        scores = encoder.fit_transform(X, np.full(60, "only"))
        np.testing.assert_array_equal(scores, np.column_stack([np.zeros(60), X[:, 4]]))
        assert encoder.get_feature_names_out()[0] == "score_only"

    def test_of_numbers_are_predictions_in_their_unit(self):
        X, _ = numbers()
        y = 1e4 * X[:, 0] + 5e4
        encoder = make(blocks=MARKED, net=NeuralRegressor, epochs=200)
        scores = encoder.fit_transform(X, y)
        assert np.corrcoef(scores[:, 0], y)[0, 1] > 0.9
        assert abs(scores[:, 0].mean() - y.mean()) < 3e3
        assert encoder.get_feature_names_out()[0] == "score"


class TestHidden:
    def test_a_turned_and_mirrored_system_is_turned_back(self):
        rng = np.random.default_rng(0)
        A = rng.normal(size=(40, 6))
        Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
        Q[:, 0] *= -1
        B = (A - 2.0) @ Q + 3.0
        np.testing.assert_allclose(aligned(A[:5], A[5:], B[5:]), B[:5], atol=1e-12)

    def test_folds_are_turned_towards_the_encoder_of_all_rows(self):
        X, y = numbers()
        encoder = make(blocks=MARKED, output="hidden")
        hidden = encoder.fit_transform(X, y)
        assert hidden.shape == (60, 8 + 1)
        assert encoder.get_feature_names_out()[7] == "hidden7"
        everything = encoder.transform(X)[:, :8]
        np.testing.assert_allclose(encoder.fill_, everything.mean(axis=0))
        for train, test in FOLDS.split(X):
            outside = clone(encoder).fit(X[train], y[train])
            own, said = (outside.transform(X[rows])[:, :8] for rows in (train, test))
            expected = aligned(said, own, everything[train])
            np.testing.assert_allclose(hidden[test, :8], expected, atol=1e-9)

    def test_a_model_of_them_holds_for_new_rows(self):
        X, y = numbers(200)
        X_new, y_new = numbers(200, seed=1)
        encoder = make(blocks=MARKED, output="hidden", epochs=60)
        clf = LogisticRegression().fit(encoder.fit_transform(X, y), y)
        assert clf.score(encoder.transform(X_new), y_new) > 0.9

    def test_of_an_ensemble_are_refused(self):
        X, y = numbers()
        several = NeuralClassifier(n_members=2)
        with pytest.raises(ValueError, match="n_members=1"):
            make(estimator=several, output="hidden").fit(X, y)
        scores = make(estimator=several.set_params(max_epochs=2)).fit_transform(X, y)
        assert np.isfinite(scores).all()


class TestMissingRows:
    @pytest.mark.parametrize("absent", [0.0, 0.3])
    def test_get_the_prior_and_are_not_trained_on(self, absent):
        X, y = numbers(absent=absent)
        has = X[:, 4] == 1
        encoder = make(blocks=MARKED, cv=3)
        scores = encoder.fit_transform(X, y)
        share = np.mean(y[has] == "yes")
        assert encoder.fill_ == pytest.approx([np.log(share / (1 - share))])
        np.testing.assert_array_equal(scores[:, 1], X[:, 4])
        assert (scores[~has, 0] == encoder.fill_).all()
        assert (encoder.transform(X)[~has, 0] == encoder.fill_).all()
        without = clone(encoder).fit_transform(X[has], y[has])
        np.testing.assert_array_equal(scores[has], without)

    def test_get_the_mean_of_numbers(self):
        X, _ = numbers(absent=0.3)
        y, weights = np.arange(60.0), np.arange(60) % 3
        encoder = make(blocks=MARKED, net=NeuralRegressor)
        scores = encoder.fit_transform(X, y, sample_weight=weights)
        has = X[:, 4] == 1
        mean = np.average(y[has], weights=weights[has])
        np.testing.assert_allclose(scores[~has, 0], mean)

    def test_alone_are_refused(self):
        X, y = numbers()
        X[:, 4] = 0
        with pytest.raises(ValueError, match=r"modality 'photo': .* nothing to train"):
            make(blocks=MARKED).fit(X, y)

    def test_new_rows_may_all_be_missing(self):
        X, y = numbers()
        encoder = make(blocks=MARKED).fit(X, y)
        X[:, 4] = 0
        assert (encoder.transform(X)[:, 0] == encoder.fill_).all()


class TestWeights:
    def test_rows_of_weight_zero_are_not_learned_from(self):
        X, y = numbers()
        weights = np.ones(60)
        weights[::4] = 0
        kept = weights > 0
        encoder = make(blocks=MARKED, cv=3)
        scores = encoder.fit_transform(X, y, sample_weight=weights)
        without = clone(encoder).fit_transform(X[kept], y[kept])
        np.testing.assert_allclose(scores[kept], without, rtol=1e-12)
        np.testing.assert_array_equal(scores[~kept], encoder.transform(X[~kept]))

    def test_reach_every_fold(self):
        X, _ = numbers()
        y = np.where(np.arange(60) % 2, "yes", "no")
        weights = np.where(y == "yes", 9.0, 1.0)
        encoder = make(blocks=MARKED, epochs=40)
        scores = encoder.fit_transform(X, y, sample_weight=weights)
        assert encoder.fill_ == pytest.approx([np.log(9)])
        assert abs(np.median(scores[:, 0]) - np.log(9)) < 1.0


class TestTask:
    @pytest.mark.parametrize(
        ("y", "task"),
        [
            (np.array(["a", "b"] * 30), "classification"),
            (np.arange(60) % 3, "classification"),
            (np.arange(60) % 2 == 0, "classification"),
            (np.arange(60) % 2.0, "classification"),
            (np.eye(2, dtype=int)[np.arange(60) % 2], "classification"),
            (sp.csr_array(np.eye(2, dtype=int)[np.arange(60) % 2]), "classification"),
            (np.arange(60) % 3.0, "regression"),
            (np.arange(60) / 7, "regression"),
            (np.ones((60, 2)) * np.arange(60)[:, None] / 7, "regression"),
            (np.arange(60)[:, None] / 7, "regression"),
        ],
        ids=range(10),
    )
    def test_is_told_by_the_target(self, y, task):
        X, _ = numbers()
        encoder = make(estimator=None).fit(X, y)
        assert encoder.task_ == task
        assert hasattr(encoder, "classes_") == (task == "classification")

    def test_is_as_told(self):
        X, _ = numbers()
        counts = np.arange(60) % 5
        encoder = make(estimator=None, task="regression").fit(X, counts)
        assert encoder.fill_ == [2.0]
        assert make(net=NeuralRegressor).fit(X, counts).task_ == "regression"
        with pytest.raises(ValueError, match="made for classification"):
            make(task="regression").fit(X, counts)

    def test_that_cannot_be_told_must_be_said(self):
        X, _ = numbers(120)
        with pytest.raises(ValueError, match="120 different whole numbers"):
            make(estimator=None).fit(X, np.arange(120))

    @pytest.mark.parametrize("y", [[None, "a"] * 30, [np.nan, 1.0] * 30])
    def test_needs_a_target(self, y):
        X, _ = numbers()
        with pytest.raises(ValueError, match="NaN"):
            make().fit(X, np.array(y, dtype=object))


class TestEncoders:
    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("image", "cnn"),
            ("tokens", "rnn"),
            ("tokens", "mean"),
            ("tokens", "transformer"),
            ("sequence", "crnn"),
            ("sequence", "cnn"),
        ],
    )
    def test_of_raw_blocks(self, kind, name):
        X, y = raw(kind)
        net = NeuralClassifier(dropout=0.1, max_epochs=12, lr=1e-2)
        blocks = Blocks([KINDS[kind]])
        encoder = make(name, estimator=net, blocks=blocks, cv=2)
        scores = encoder.fit_transform(X, y)
        assert scores.shape == (24, 2)
        assert scores.dtype == np.float32
        assert scores[0].tolist() == [np.float32(encoder.fill_[0]), 0.0]
        loaded = pickle.loads(pickle.dumps(encoder))
        said = encoder.transform(X)
        np.testing.assert_array_equal(loaded.transform(X), said)
        np.testing.assert_array_equal(clone(encoder).fit_transform(X, y), scores)
        singly = np.concatenate([encoder.transform(row[None]) for row in X[:6]])
        np.testing.assert_allclose(singly, said[:6], atol=1e-5)
        assert np.mean((said[1:, 0] > 0) == (y[1:] == "light")) > 0.9

    def test_auto_is_the_first_of_the_kind(self):
        X, y = raw("image")
        encoder = make(blocks=Blocks([KINDS["image"]]), epochs=1).fit(X, y)
        assert isinstance(encoder.estimator_._module.encoder, ImageCNN)

    def test_modules_and_what_makes_them(self):
        X, y = raw("image")
        module = ImageCNN((3, 8, 8), widths=(8,), out_size=4)
        before = {name: value.clone() for name, value in module.state_dict().items()}

        def from_shape(shape, generator):
            return ImageCNN(shape, widths=(8,), out_size=4, generator=generator)

        for given in (module, from_shape):
            encoder = make(
                given, blocks=Blocks([KINDS["image"]]), output="hidden", epochs=2
            )
            assert encoder.fit_transform(X, y).shape == (24, 5)
        for name, value in module.state_dict().items():
            assert torch.equal(value, before[name])

    def test_identity_is_a_linear_model(self):
        X, y = numbers(200)
        encoder = make("identity", epochs=200).fit(X, y)
        assert encoder.estimator_.state_["head.weight"].shape == (2, 5)
        assert np.mean((encoder.transform(X)[:, 0] > 0) == (y == "yes")) > 0.95

    def test_others_are_refused(self):
        X, y = numbers()
        with pytest.raises(ValueError, match=r"does not read the vector .* blocks="):
            make("cnn").fit(X, y)
        sound, label = raw("sequence")
        blocks = Blocks([KINDS["sequence"]])
        with pytest.raises(ValueError, match="choose another one"):
            make("identity", blocks=blocks).fit(sound, label)
        with pytest.raises(ValueError, match="out_size"):
            make(nn.Linear(5, 2)).fit(X, y)
        with pytest.raises(ValueError, match="leave module='mlp'"):
            make(estimator=NeuralClassifier(module="residual_mlp")).fit(X, y)

    def test_of_several_blocks_are_refused(self):
        X, y = numbers()
        two = Blocks([Block("a", 0, 2), Block("b", 2, 5)])
        with pytest.raises(ValueError, match=r"one block.*BlockSelector\(\['a'\]\)"):
            make(blocks=two).fit(X, y)
        assert make_pipeline(
            BlockSelector(["b"], blocks=two), make(epochs=1), LogisticRegression()
        ).fit(X, y)


class TestTables:
    def test_every_kind_gives_the_same(self):
        X, y = numbers()
        X = X.round(2)
        expected = make().fit_transform(X, y)
        names = [f"c{i}" for i in range(5)]
        for table in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
            encoder = make()
            np.testing.assert_array_equal(encoder.fit_transform(table, y), expected)
            assert encoder.feature_names_in_.tolist() == names
        sparse = make().fit_transform(sp.csr_array(X), y)
        np.testing.assert_allclose(sparse, expected, rtol=1e-9)

    def test_blocks_are_read_from_names(self):
        X, y = numbers(absent=0.2)
        names = [*(f"photo__{i}" for i in range(4)), "photo__modality_present"]
        encoder = make().set_output(transform="pandas")
        frame = encoder.fit_transform(pd.DataFrame(X, columns=names), y)
        assert list(frame) == ["score_yes", "modality_present"]
        np.testing.assert_array_equal(
            frame.to_numpy(), make(blocks=MARKED).fit_transform(X, y)
        )

    def test_a_pipeline_of_noise_is_at_chance(self):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(120, 20)), rng.integers(2, size=120)
        net = NeuralClassifier(32, max_epochs=60, lr=1e-2)
        encoder = SupervisedEncoder(estimator=net, cv=3, random_state=0)
        pipe = make_pipeline(StandardScaler(), encoder, LogisticRegression())
        right = cross_val_predict(pipe, X, y, cv=3) == y
        assert abs(right.mean() - 0.5) < 3 * np.sqrt(0.25 / 120)
        # a model of what the encoder says of its own rows would trust it
        inside = LogisticRegression().fit(pipe[:-1].fit_transform(X, y), y)
        known = LogisticRegression().fit(pipe[:-1].fit(X, y).transform(X), y)
        assert abs(inside.coef_[0, 0]) < known.coef_[0, 0] / 3


def shop(n=24):
    """Return a table with pictures and titles, some missing, and labels."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    pictures = np.empty(n, dtype=object)
    for row in range(n):
        pictures[row] = rng.random((8, 8, 3)) / 2 + y[row] / 2
    titles = np.array([f"{'red' if each else 'blue'} car" for each in y], dtype=object)
    pictures[3] = titles[5] = None
    X = pd.DataFrame({"photo": pictures, "title": titles, "price": rng.random(n)})
    return X.assign(author=np.arange(n) // 2), np.array(["dark", "light"])[y]


class TestBranches:
    def test_end_with_an_encoder(self):
        X, y = shop()
        encoder = make(cv=2, epochs=3)
        features = ModalityTransformer(
            [
                ("image", make_pipeline(ImageTensorizer(size=8), encoder), ["photo"]),
                ("text", make_pipeline(TokenSequencer(), encoder), ["title"]),
                ("table", TableExtractor(), ["price"]),
            ]
        )
        matrix = features.fit_transform(X, y)
        assert repr(features.blocks_) == "Blocks(image: 1, text: 1, table: 1)"
        image, text = features.blocks_["image"], features.blocks_["text"]
        assert (image.indicator, text.indicator, image.kind) == (1, 3, "vector")
        assert features.get_feature_names_out().tolist() == [
            "image__score_light",
            "image__modality_present",
            "text__score_light",
            "text__modality_present",
            "table__price",
        ]
        assert np.flatnonzero(matrix[:, 1] == 0).tolist() == [3]
        assert np.flatnonzero(matrix[:, 3] == 0).tolist() == [5]
        tensorizer = ImageTensorizer(size=8)
        pixels = tensorizer.fit_transform(X[["photo"]])
        alone = clone(encoder).set_params(blocks=Blocks([tensorizer.block_]))
        np.testing.assert_array_equal(alone.fit_transform(pixels, y), matrix[:, :2])
        again = pickle.loads(pickle.dumps(features)).transform(X)
        np.testing.assert_array_equal(features.transform(X), again)
        np.testing.assert_array_equal(again[:, :2], alone.transform(pixels))

    def test_presence_passes_by_the_steps_before(self):
        X, y = shop()
        steps = ImageTensorizer(size=8), PCA(3, random_state=0), make(cv=2, epochs=3)
        features = ModalityTransformer([("image", make_pipeline(*steps), ["photo"])])
        matrix = features.fit_transform(X, y)
        assert matrix.shape == (24, 2)
        assert np.flatnonzero(matrix[:, 1] == 0).tolist() == [3]
        fitted = features.transformers_[0][1][-1]
        assert fitted.blocks_ == Blocks([Block("image", 0, 3, indicator=3)])
        assert matrix[3, 0] == np.float32(fitted.fill_[0])
        assert features.get_feature_names_out().tolist() == [
            "image__score_light",
            "image__modality_present",
        ]

    def test_without_an_extractor(self):
        X, y = shop()
        features = ModalityTransformer([("table", make(epochs=2), ["price"])])
        assert features.fit_transform(X, y).shape == (24, 1)
        assert features.blocks_ == Blocks([Block("table", 0, 1)])

    def test_groups_and_weights_reach_them(self):
        X, y = shop()
        encoder = make(cv=GroupKFold(3), epochs=3)
        branch = make_pipeline(TableExtractor(), encoder)
        clf = MultimodalClassifier(
            ModalityTransformer([("table", branch, ["price"])]),
            LogisticRegression(),
            groups="author",
        )
        weights = np.where(y == "light", 3.0, 1.0)
        fitted = clf.fit(X, y, sample_weight=weights).features_.transformers_[0][1][-1]
        assert fitted.fill_ == pytest.approx([np.log(3)])
        with pytest.raises(ValueError, match="'groups' parameter should not be None"):
            clone(clf).set_params(groups=None).fit(X.drop(columns="author"), y)

    @pytest.mark.parametrize("output", ["scores", "hidden"])
    def test_with_a_store_a_search_trains_once_a_fold(
        self, output, tmp_path, monkeypatch
    ):
        X, y = shop()
        encoder = make(cv=3, epochs=3, output=output)
        branch = make_pipeline(ImageTensorizer(size=8), encoder)
        features = ModalityTransformer([("image", branch, ["photo"])])
        expected = features.fit_transform(X, y)
        new = features.transform(X[:20])
        trained = []
        run = Training.run
        monkeypatch.setattr(
            Training, "run", lambda *given: trained.append(1) or run(*given)
        )
        kept = clone(features).set_params(memory=tmp_path)
        clf = MultimodalClassifier(kept, LogisticRegression())
        search = GridSearchCV(clf, {"estimator__C": [0.1, 1.0, 10.0]}, cv=KFold(2))
        search.fit(X, y)
        assert len(trained) == (2 + 1) * (3 + 1)
        again = clone(kept)
        np.testing.assert_array_equal(again.fit_transform(X, y), expected)
        np.testing.assert_array_equal(again.transform(X[:20]), new)
        assert len(trained) == (2 + 1) * (3 + 1)
        other = clone(kept).set_params(image__supervisedencoder__estimator__lr=0.1)
        assert not np.allclose(other.fit_transform(X, y), expected)

    def test_the_layout_is_a_part_of_the_key_in_the_store(self):
        unmarked = Blocks([Block("photo", 0, 4)], 5)
        keys = {
            step_config(SupervisedEncoder(blocks=blocks, random_state=0))
            for blocks in (None, MARKED, unmarked)
        }
        assert len(keys - {None}) == 3

    def test_a_search_reaches_its_parameters(self):
        X, y = shop()
        branch = make_pipeline(ImageTensorizer(size=8), make(cv=2))
        features = ModalityTransformer([("image", branch, ["photo"])])
        features.set_params(image__supervisedencoder__estimator__max_epochs=2)
        fitted = features.fit(X, y).transformers_[0][1][-1]
        assert fitted.estimator_.n_iter_ == 2


def test_rows_drawn_again_keep_their_targets():
    """A fold may train on rows in any order, even on as many as there are."""
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    folds = []
    for test in np.array_split(np.arange(60), 3):
        train = np.setdiff1d(np.arange(60), test)
        folds.append((random.choice(train, 60), test))
    encoder = SupervisedEncoder("mlp", cv=folds, random_state=0)
    scores = encoder.fit_transform(X, y)
    assert np.mean((scores[:, 0] > 0) == y) > 0.9


def test_folds_that_train_on_what_they_hold_out_are_refused():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.tile([0, 1], 20)
    every = np.arange(40)
    folds = [(every, every[:20]), (every, every[20:])]
    with pytest.raises(ValueError, match="cv must hold rows out"):
        SupervisedEncoder("mlp", cv=folds, random_state=0).fit_transform(X, y)
