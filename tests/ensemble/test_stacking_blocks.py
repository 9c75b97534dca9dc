"""Stacks of several modalities: who reads what, who lacks what, and groups."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from mmsk.compose import Block, Blocks, BlockSelector, MultimodalClassifier
from mmsk.ensemble import (
    EnsembleSelectionClassifier,
    LightGBMClassifier,
    ModalityStackingClassifier,
    ModalityStackingRegressor,
)
from mmsk.exceptions import GroupsWarning, MissingModalityWarning
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from tests._blocks import (
    BLOCKS,
    Folds,
    Reader,
    mixed_features,
    mixed_table,
    two_blocks,
)

RAW = Blocks([Block("a", 0, 4, 4, "image", (1, 2, 2)), Block("b", 5, 6)])
THREE = Blocks([Block("a", 0, 2, 2), Block("b", 3, 4, 4), Block("c", 5, 6, 6)])


def three_blocks(n=150, *, seed=0, absent=0.25, n_classes=3):
    """Return X for THREE, its blocks absent at random but never all, and y."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 7))
    score = X[:, 0] + X[:, 3] + 0.3 * X[:, 5]
    y = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))
    present = rng.random((n, 3)) >= absent
    present[~present.any(axis=1), 0] = True
    for block, has in zip(THREE, present.T, strict=True):
        X[:, block.indicator] = has
        X[~has, block.start : block.stop] = 0
    return X, y


def by_modality(names, kind=EarlyFusionClassifier, **params):
    return [(f"of_{name}", kind(modalities=[name], **params)) for name in names]


def stack(estimators=None, **params):
    estimators = by_modality("ab") if estimators is None else estimators
    return ModalityStackingClassifier(estimators, **({"blocks": BLOCKS} | params))


class TestModalities:
    def test_one_a_modality_on_logits_is_late_fusion(self):
        X, y = three_blocks()
        cv = StratifiedKFold(4, shuffle=True, random_state=1)
        final = LogisticRegression(max_iter=10_000, tol=1e-10)
        ours = stack(
            by_modality("abc"),
            final_estimator=final,
            stack_method="logit",
            blocks=THREE,
            cv=cv,
        ).fit(X, y)
        late = LateFusionClassifier(
            combine="stack", final_estimator=final, blocks=THREE, cv=cv
        ).fit(X, y)
        np.testing.assert_allclose(ours.predict_proba(X), late.predict_proba(X))

    def test_block_selector_is_as_good_as_modalities(self):
        X, y = three_blocks()
        fusions = stack(by_modality("abc", scale=False), blocks=THREE)
        selected = stack(
            [
                (f"of_{name}", make_pipeline(BlockSelector(name), each))
                for name, each in zip("abc", [LogisticRegression()] * 3, strict=True)
            ],
            blocks=THREE,
        )
        # the fusions' own default iterates longer
        fusions.set_params(
            **{f"of_{n}__estimator": LogisticRegression() for n in "abc"}
        )
        np.testing.assert_allclose(
            fusions.fit(X, y).predict_proba(X),
            selected.fit(X, y).predict_proba(X),
            rtol=1e-4,
        )

    def test_a_grid_chooses_them(self):
        X, y = two_blocks(120)
        search = GridSearchCV(
            stack(by_modality("a")),
            {"of_a__modalities": [["a"], ["b"], ["a", "b"]]},
            cv=3,
            error_score="raise",
        ).fit(X, y)
        assert search.best_params_ == {"of_a__modalities": ["a", "b"]}

    def test_beats_its_members(self):
        X, y = two_blocks(300)
        new, truth = two_blocks(300, seed=1)
        clf = stack().fit(X, y)
        alone = [each.score(new, truth) for each in clf.estimators_]
        assert clf.score(new, truth) > max(alone) + 0.1

    def test_passthrough_by_name(self):
        X, y = two_blocks(100, absent=0.2)
        clf = stack(by_modality("a"), passthrough=["b"]).fit(X, y)
        # one probability, whether a is there, the column of b
        said = clf.transform(X)
        np.testing.assert_array_equal(said[:, 1], X[:, 2])
        np.testing.assert_array_equal(said[:, 2:], X[:, 3:])
        assert clf.final_estimator_.n_features_in_ == 3
        assert clf.get_feature_names_out().tolist() == [
            "modalitystackingclassifier_of_a",
            "modalitystackingclassifier_of_a_present",
            "x3",
        ]
        assert clf.score(X, y) > stack(by_modality("a")).fit(X, y).score(X, y) + 0.1
        both = stack(by_modality("a"), passthrough=["b", "a"]).fit(X, y)
        whole = stack(by_modality("a"), passthrough=True).fit(X, y)
        np.testing.assert_array_equal(both.transform(X), whole.transform(X))

    def test_passthrough_of_a_sparse_matrix(self):
        X, y = two_blocks(100, absent=0.2)
        for passthrough in (["b"], True):
            clf = stack(by_modality("a"), passthrough=passthrough)
            dense = clone(clf).fit(X, y).transform(X)
            sparse = clone(clf).fit(sp.csr_array(X), y).transform(sp.csr_array(X))
            assert sp.issparse(sparse)
            np.testing.assert_allclose(sparse.toarray(), dense, atol=1e-3)

    def test_passed_category_codes_are_split_as_categories(self):
        rng = np.random.default_rng(0)
        coded = Blocks([Block("a", 0, 1), Block("b", 1, 3, categorical=(1,))])
        X = np.column_stack([rng.normal(size=(400, 2)), rng.integers(8, size=400)])
        y = np.isin(X[:, 2], (1, 4, 6)).astype(int)
        trees = LightGBMClassifier(3, num_leaves=2, random_state=0)
        params = {"final_estimator": trees, "blocks": coded, "passthrough": ["b"]}
        clf = stack(by_modality("a"), **params).fit(X, y)
        shown = Blocks([Block("answers", 0, 1), Block("b", 1, 3, categorical=(1,))])
        assert clf.final_estimator_.blocks == shown
        said = clf.predict_proba(X)
        untold = clone(trees).fit(clf.transform(X), y).predict_proba(clf.transform(X))
        assert np.abs(said - untold).max() > 0.05
        categories = clf.final_estimator_.booster_.dump_model()["tree_info"]
        assert categories[0]["tree_structure"]["decision_type"] == "=="

    def test_a_fusion_on_top_reads_answers_and_modalities_apart(self):
        X, y = two_blocks(100, absent=0.2)
        names = Blocks([replace(BLOCKS[0], name="answers"), BLOCKS[1]])
        top = {"final_estimator": EarlyFusionClassifier()}
        clf = stack(by_modality("b"), **top, passthrough=True).fit(X, y)
        assert clf.final_estimator_.blocks_.names == ("answers", "a", "b")
        own = [("whole", LogisticRegression())]
        clf = stack(own, **top, blocks=names, passthrough=["answers"]).fit(X, y)
        assert clf.final_estimator_.blocks_.names == ("answers_", "answers")

    def test_columns_of_a_frame(self):
        pd = pytest.importorskip("pandas")
        X, y = two_blocks(80)
        names = ["a__x", "a__y", "a__modality_present", "b__z"]
        frame = pd.DataFrame(X, columns=names)
        clf = stack(blocks=None, passthrough=["b"]).fit(frame, y)
        assert clf.blocks_ == BLOCKS
        assert clf.get_feature_names_out()[-1] == "b__z"
        clf.set_output(transform="pandas")
        assert (
            list(clf.transform(frame).columns) == clf.get_feature_names_out().tolist()
        )
        np.testing.assert_array_equal(
            clf.predict_proba(frame),
            stack(passthrough=["b"]).fit(X, y).predict_proba(X),
        )
        with pytest.raises(ValueError, match="should match those"):
            clf.predict(frame[names[::-1]])


class TestBlocks:
    def test_are_handed_to_the_estimators(self):
        X, y = two_blocks()
        clf = stack([("one", Reader()), ("bag", BaggingClassifier(Reader(), 2))])
        clf.fit(X, y)
        assert clf.estimators_[0].blocks is BLOCKS or (
            clf.estimators_[0].blocks == BLOCKS
        )
        assert clf.estimators_[1].estimators_[0].blocks == BLOCKS

    def test_behind_a_selector_are_those_that_are_left(self):
        X, y = two_blocks()
        clf = stack([("one", make_pipeline(BlockSelector("b"), Reader()))]).fit(X, y)
        assert clf.estimators_[0][-1].blocks.names == ("b",)

    def test_a_step_that_rearranges_is_refused(self):
        X, y = two_blocks()
        with pytest.raises(ValueError, match=r"one__reader .Reader. reads blocks, but"):
            stack([("one", make_pipeline(PCA(1), Reader()))]).fit(X, y)

    def test_raw_ones_are_for_encoders(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 6)).astype(np.float32)
        X[:, 4] = 1
        y = (X[:, 5] > 0).astype(int)
        with pytest.raises(ValueError, match=r"lr .LogisticRegression. cannot read"):
            stack([("lr", LogisticRegression())], blocks=RAW).fit(X, y)
        net = IntermediateFusionClassifier(max_epochs=2, random_state=0)
        table = ("table", EarlyFusionClassifier(modalities=["b"]))
        members = [("net", net), table]
        clf = stack(members, blocks=RAW, passthrough=["b"], cv=2).fit(X, y)
        assert clf.predict_proba(X).shape == (60, 2)
        with pytest.raises(ValueError, match=r"cannot read the raw blocks \['a'\]"):
            stack(members, blocks=RAW, passthrough=True).fit(X, y)

    def test_in_a_multimodal_classifier(self):
        X, y = mixed_table(120)
        members = [
            ("words", EarlyFusionClassifier(modalities=["text"])),
            ("price", make_pipeline(BlockSelector("table"), LogisticRegression())),
        ]
        clf = MultimodalClassifier(
            mixed_features(), stack(members, blocks=None), groups="author"
        ).fit(X, y)
        new, truth = mixed_table(60, seed=1)
        assert clf.score(new, truth) > 0.9
        lacking = new.assign(title=None)
        assert np.isfinite(clf.predict_proba(lacking)).all()
        chosen = EnsembleSelectionClassifier([*members, ("all", LogisticRegression())])
        clf = MultimodalClassifier(mixed_features(), chosen, groups="author").fit(X, y)
        assert clf.score(new, truth) > 0.9

    def test_inside_other_ensembles(self):
        X, y = two_blocks(120)
        for outer in (
            BaggingClassifier(stack(cv=2), 2, random_state=0),
            CalibratedClassifierCV(stack(cv=2), cv=2),
            stack([("inner", stack(cv=2)), ("b", by_modality("b")[0][1])], cv=2),
        ):
            assert outer.fit(X, y).score(X, y) > 0.8


class TestAbsent:
    @pytest.mark.parametrize(
        "method", ["auto", "logit", "decision_function", "predict"]
    )
    @pytest.mark.parametrize("passthrough", [False, ["c"]])
    def test_what_stands_in_for_it_changes_nothing(self, method, passthrough):
        X, y = three_blocks()
        members = by_modality("ab")
        clf = stack(members, stack_method=method, blocks=THREE, passthrough=passthrough)
        clf.set_params(final_estimator=LogisticRegression(max_iter=1000))
        expected = clf.fit(X, y).predict_proba(X)
        rng = np.random.default_rng(1)
        other = X.copy()
        for block in THREE[0], THREE[1]:
            absent = X[:, block.indicator] == 0
            other[absent, block.start : block.stop] = rng.normal(
                scale=1e3, size=(absent.sum(), block.width)
            )
        np.testing.assert_array_equal(clf.predict_proba(other), expected)
        again = clone(clf).fit(other, y)
        np.testing.assert_array_equal(again.predict_proba(X), expected)

    def test_who_cannot_see_it_says_the_prior(self):
        X, y = three_blocks()
        weights = np.arange(1.0, 151)
        prior = np.bincount(y, weights) / weights.sum()
        expected = {
            "predict_proba": prior,
            "logit": [0, 0, 0],
            "decision_function": [0, 0, 0],
            "predict": [prior.argmax()],
        }
        absent = X[:, 2] == 0
        for method, answer in expected.items():
            clf = stack(by_modality("abc"), stack_method=method, blocks=THREE)
            said = clf.fit(X, y, sample_weight=weights).transform(X)
            width = len(answer)
            np.testing.assert_allclose(
                said[absent, :width], np.tile(answer, (absent.sum(), 1)), atol=1e-12
            )
            np.testing.assert_array_equal(said[:, -3:], X[:, [2, 4, 6]])

    def test_regressors_say_the_mean(self):
        X, _ = three_blocks()
        y = X[:, 0] + X[:, 3] + 5
        clf = ModalityStackingRegressor(
            by_modality("abc", EarlyFusionRegressor), blocks=THREE
        ).fit(X, y)
        absent = X[:, 2] == 0
        np.testing.assert_allclose(clf.transform(X)[absent, 0], y.mean())
        assert clf.score(X, y) > 0.7

    def test_it_is_not_learned_from(self):
        X, y = three_blocks()
        clf = stack(by_modality("ab"), blocks=THREE).fit(X, y)
        has = X[:, 2] == 1
        alone = EarlyFusionClassifier(modalities=["a"], blocks=THREE)
        np.testing.assert_allclose(
            clf.estimators_[0].predict_proba(X[has]),
            alone.fit(X[has], y[has]).predict_proba(X[has]),
        )

    def test_no_column_says_what_is_always_so(self):
        X, y = two_blocks(80)
        clf = stack().fit(X, y)
        assert clf.transform(X).shape == (80, 2)
        X[:, 2] = 0  # none lacked it in training
        p, q = clf.class_prior_
        np.testing.assert_allclose(clf.transform(X)[:, 0], q)
        assert np.isfinite(clf.predict_proba(X)).all()
        assert p + q == 1

    @pytest.mark.parametrize("kind", ["classifier", "regressor"])
    def test_a_row_without_any_gets_the_prior(self, kind):
        X, y = three_blocks()
        gone = X.copy()
        gone[[3, 8]] = 0
        said = "prior" if kind == "classifier" else "training mean"
        match = rf"2 of 150 .*rows \[3, 8\].*{said}"
        if kind == "classifier":
            clf = stack(by_modality("abc"), blocks=THREE).fit(X, y)
            prior = np.bincount(y) / 150
            expected = {
                "predict_proba": prior,
                "decision_function": np.log(prior),
                "predict": prior.argmax(),
            }
        else:
            members = by_modality("abc", EarlyFusionRegressor)
            clf = ModalityStackingRegressor(members, blocks=THREE).fit(X, y)
            expected = {"predict": y.mean()}
        for method, answer in expected.items():
            with pytest.warns(MissingModalityWarning, match=match):
                found = getattr(clf, method)(gone)
            np.testing.assert_allclose(found[[3, 8]], np.array([answer, answer]))
            kept = np.delete(np.arange(150), [3, 8])
            np.testing.assert_allclose(found[kept], getattr(clf, method)(X)[kept])

    def test_a_row_without_any_with_two_classes_or_labels(self):
        X, y = three_blocks(n_classes=2)
        gone = np.zeros((1, 7))
        clf = stack(by_modality("abc"), blocks=THREE).fit(X, y)
        with pytest.warns(MissingModalityWarning):
            odds = clf.decision_function(gone)
        np.testing.assert_allclose(odds, np.log(y.mean() / (1 - y.mean())))
        Y = np.stack([y, X[:, 3] > 1], axis=1).astype(int)
        knn = [("knn", KNeighborsClassifier())]
        clf = stack(knn, blocks=THREE, final_estimator=KNeighborsClassifier())
        clf.fit(X, Y)
        with pytest.warns(MissingModalityWarning):
            np.testing.assert_allclose(clf.predict_proba(gone), [Y.mean(axis=0)])
        with pytest.warns(MissingModalityWarning):
            np.testing.assert_array_equal(clf.predict(gone), [Y.mean(axis=0) > 0.5])

    def test_rows_without_any_do_not_teach(self):
        X, y = three_blocks()
        X[:20] = 0
        clf = stack(by_modality("abc"), blocks=THREE, cv=KFold(3)).fit(X, y)
        assert np.isnan(clf.oof_predictions_["of_a"][:20]).all()
        assert not np.isnan(clf.oof_predictions_["of_a"][20:]).any()
        np.testing.assert_allclose(clf.class_prior_, np.bincount(y) / 150)

    @pytest.mark.parametrize("last", [LinearSVC(), LogisticRegression()])
    def test_a_modality_that_no_training_row_has(self, last):
        X, y = three_blocks(absent=0)
        lacking = X.copy()
        lacking[:, :3] = 0
        clf = stack(by_modality("abc", estimator=last), blocks=THREE, cv=3)
        with pytest.warns(MissingModalityWarning, match=r"No training .* \['a'\]"):
            clf.fit(lacking, y)
        assert clf.estimators_[0] is None
        # at predict nothing is known of it
        np.testing.assert_array_equal(clf.transform(X), clf.transform(lacking))
        assert clf.score(X, y) > 0.4

    @pytest.mark.parametrize("last", [LinearSVC(), LogisticRegression()])
    def test_folds_that_lack_a_modality(self, last):
        X, y = three_blocks(absent=0)
        X[15:, :3] = 0  # who has it stands in one fold
        folds = PredefinedSplit(np.repeat(np.arange(10), 15))
        clf = stack(by_modality("abc", estimator=last), blocks=THREE, cv=folds)
        clf.fit(X, y)
        assert clf.transform(X).shape == (150, 10)
        assert clf.score(X, y) > 0.5

    def test_a_modality_of_one_class(self):
        X, y = three_blocks(absent=0)
        X[y != 1, :3] = 0
        clf = stack(by_modality("abc"), blocks=THREE).fit(X, y)
        assert list(clf.estimators_[0].classes_) == [1]
        assert clf.score(X, y) > 0.7  # that it is there says which


class TestGroups:
    def grouped(self):
        """Return rows of which a recognises the group, and b something of y."""
        rng = np.random.default_rng(0)
        groups = np.repeat(np.arange(40), 5)
        y = rng.integers(2, size=40)[groups]
        X = np.ones((200, 4))
        X[:, :2] = rng.normal(size=(40, 2))[groups]
        X[:, 3] = y + rng.normal(scale=1.2, size=200)
        return X, y, groups

    def members(self):
        return [
            ("knn", EarlyFusionClassifier(KNeighborsClassifier(1), modalities=["a"])),
            ("b", EarlyFusionClassifier(modalities=["b"])),
        ]

    @pytest.mark.parametrize("method", ["auto", "logit"])
    def test_stand_on_one_side(self, method):
        X, y, groups = self.grouped()
        clf = stack(self.members(), stack_method=method)
        told = clone(clf).fit(X, y, groups=groups).final_estimator_.coef_[0]
        untold = clone(clf).fit(X, y).final_estimator_.coef_[0]
        assert abs(told[0]) < 0.3 * told[1]
        assert untold[0] > untold[1] / 2

    def test_reach_a_splitter_of_the_users_as_given(self):
        X, y = two_blocks()
        groups = np.arange(60) % 6
        Folds.asked.clear()
        stack(cv=Folds(3)).fit(X, y, np.arange(60) % 2, groups)
        (asked,) = Folds.asked
        np.testing.assert_array_equal(asked, groups)

    def test_reach_estimators_and_the_final_one(self):
        X, y = two_blocks(absent=0.3)
        groups = np.arange(60) % 6
        clf = stack([("r", Reader())], final_estimator=Reader(), cv=GroupKFold(3))
        clf.fit(X, y, groups=groups)
        np.testing.assert_array_equal(clf.estimators_[0].groups_, groups)
        np.testing.assert_array_equal(clf.final_estimator_.groups_, groups)

    def test_the_warning_names_whom_they_do_not_reach(self):
        X, y = two_blocks()
        groups = np.arange(60) % 6
        inner = LogisticRegressionCV(
            Cs=1,
            cv=2,
            l1_ratios=(0,),
            use_legacy_attributes=False,
            scoring="neg_log_loss",
        )
        with pytest.warns(GroupsWarning, match="LogisticRegressionCV"):
            stack([("inner", inner)]).fit(X, y, groups=groups)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            stack().fit(X, y, groups=groups)

    def test_the_outer_one_is_told_that_it_needs_them(self):
        X, y = mixed_table(80)
        alone = [("words", EarlyFusionClassifier(modalities=["text"]))]
        inside = BaggingClassifier(stack(alone, blocks=None, cv=2), 2)
        clf = MultimodalClassifier(mixed_features(), inside, groups="author")
        with pytest.warns(GroupsWarning, match="ModalityStackingClassifier"):
            clf.fit(X, y)

    def test_one_group_cannot_be_held_out(self):
        X, y = two_blocks()
        with pytest.raises(ValueError, match="at least two groups, got 1"):
            stack().fit(X, y, groups=["g"] * 60)


def test_ridge_of_a_row_twice():
    """Weights are repetitions down to the final estimator, presence included."""
    X, _ = three_blocks(60)
    y = X[:, 0] + X[:, 3]
    weights = np.random.default_rng(0).integers(3, size=60)
    rows = np.arange(60).repeat(weights)
    fold = np.arange(60) % 3
    model = ModalityStackingRegressor(
        by_modality("abc", EarlyFusionRegressor, estimator=Ridge()), blocks=THREE
    )
    weighted = clone(model).set_params(cv=PredefinedSplit(fold)).fit(X, y, weights)
    repeated = clone(model).set_params(cv=PredefinedSplit(fold[rows]))
    repeated.fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-9)
