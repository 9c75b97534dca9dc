import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import get_tags

from mmsk.compose import (
    Block,
    Blocks,
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
)
from mmsk.exceptions import MissingModalityWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from tests._blocks import (
    Marked,
    Reader,
    mixed_features,
    mixed_table,
    numeric_table,
)

X, Y = mixed_table()
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


class TestFit:
    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_learns_what_takes_both_columns(self, kind):
        table = kind(X.to_dict("list"))
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier(TREE))
        assert clf.fit(table, Y).score(table, Y) == 1.0
        assert list(clf.classes_) == ["both", "none", "one"]
        proba = clf.predict_proba(table)
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_array_equal(clf.classes_[proba.argmax(axis=1)], Y)
        for name in ("text", "table"):
            alone = EarlyFusionClassifier(TREE, modalities=[name])
            assert (
                MultimodalClassifier(mixed_features(), alone).fit(X, Y).score(X, Y)
                < 0.8
            )

    def test_arrays_by_position(self):
        by_position = ModalityTransformer(
            [
                ("text", TfidfExtractor(), [0]),
                ("table", TableExtractor(), [1]),
            ]
        )
        clf = MultimodalClassifier(by_position, EarlyFusionClassifier(TREE))
        cells = X.to_numpy(dtype=object)
        assert clf.fit(cells, Y).score(cells, Y) == 1.0

    def test_is_features_then_estimator(self):
        clf = MultimodalClassifier(mixed_features(), LogisticRegression()).fit(X, Y)
        fitted = mixed_features().fit(X)
        alone = LogisticRegression().fit(fitted.transform(X), Y)
        np.testing.assert_allclose(
            clf.predict_proba(X), alone.predict_proba(fitted.transform(X)), rtol=1e-6
        )  # in float32
        sums = clf.predict_proba(X).sum(axis=1)
        np.testing.assert_allclose(sums, 1, rtol=1e-12)

    def test_reordered_and_new_columns(self):
        clf = MultimodalClassifier(mixed_features(), LogisticRegression()).fit(X, Y)
        other = X.assign(new=1)[["new", "price", "author", "title"]]
        np.testing.assert_array_equal(clf.predict(other), clf.predict(X))

    def test_the_users_objects_are_left_alone(self):
        early = EarlyFusionClassifier()
        inside = LateFusionClassifier()
        stack = StackingClassifier([("early", early), ("late", inside)])
        grid = GridSearchCV(
            Pipeline([("clf", stack)]), {"clf": [stack, clone(early)]}, cv=2
        )
        table = mixed_features()
        clf = MultimodalClassifier(table, grid).fit(X, Y)
        assert early.blocks is None
        assert inside.blocks is None
        assert grid.param_grid["clf"][1].blocks is None
        assert not hasattr(stack, "estimators_")
        assert not hasattr(table, "blocks_")
        assert clf.features_ is not table
        assert clf.estimator is grid

    def test_the_fitted_estimator_carries_its_blocks(self):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier()).fit(X, Y)
        assert clf.estimator_.blocks is clf.features_.blocks_
        again = clone(clf.estimator_).fit(clf.features_.transform(X), Y)
        np.testing.assert_array_equal(
            again.predict(clf.features_.transform(X)), clf.predict(X)
        )
        # elsewhere it says so
        other = mixed_features().set_params(text="drop")
        with pytest.raises(ValueError, match="clone the estimator it came from"):
            MultimodalClassifier(other, clf.estimator_).fit(X, Y)
        MultimodalClassifier(mixed_features(), clf.estimator_).fit(X, Y)

    def test_refit(self):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier())
        clf.fit(X[:40].assign(title="x" + X["title"][:40]), Y[:40])
        assert clf.fit(X, Y).n_features_in_ == 3
        fresh = clone(clf).fit(X, Y)
        np.testing.assert_array_equal(clf.predict_proba(X), fresh.predict_proba(X))

    def test_pickle(self):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier()).fit(X, Y)
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))

    def test_y_is_needed(self):
        with pytest.raises(ValueError, match="requires y to be passed"):
            MultimodalClassifier(mixed_features(), LogisticRegression()).fit(X, None)

    def test_lengths(self):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            MultimodalClassifier(mixed_features(), LogisticRegression()).fit(X, Y[:-1])

    def test_not_fitted(self):
        clf = MultimodalClassifier(mixed_features(), LogisticRegression())
        for call in (clf.predict, clf.predict_proba):
            with pytest.raises(NotFittedError):
                call(X)
        assert not hasattr(clf, "classes_")
        assert not hasattr(clf, "n_features_in_")

    @pytest.mark.parametrize(
        ("kind", "table", "estimator", "message"),
        [
            (MultimodalClassifier, StandardScaler(), SVC(), "must be a ModalityT"),
            (
                MultimodalClassifier,
                make_pipeline(mixed_features()),
                SVC(),
                "got Pipeline",
            ),
            (MultimodalClassifier, mixed_features(), Ridge(), "needs a classifier"),
            (MultimodalRegressor, mixed_features(), SVC(), "needs a regressor"),
        ],
    )
    def test_kinds(self, kind, table, estimator, message):
        with pytest.raises(TypeError, match=message):
            kind(table, estimator).fit(X, Y)

    def test_features_that_are_frozen_but_not_fitted(self):
        clf = MultimodalClassifier(
            FrozenEstimator(mixed_features()), LogisticRegression()
        )
        with pytest.raises(NotFittedError):
            clf.fit(X, Y)


class TestRefusals:
    """The silent traps, met where a user meets them."""

    @pytest.mark.parametrize(
        ("estimator", "message"),
        [
            (
                make_pipeline(StandardScaler(), EarlyFusionClassifier()),
                r"estimator__earlyfusionclassifier .*estimator__standardscaler",
            ),
            (
                BaggingClassifier(LateFusionClassifier(), max_features=0.5),
                r"^estimator__estimator .*draws columns",
            ),
        ],
    )
    def test_rearranged_columns(self, estimator, message):
        with pytest.raises(ValueError, match=message):
            MultimodalClassifier(mixed_features(), estimator).fit(X, Y)

    @pytest.mark.parametrize("kind", [EarlyFusionClassifier, LateFusionClassifier])
    def test_a_presence_column_that_was_scaled_by_hand(self, kind):
        fitted = mixed_features(sparse_output=False).fit(X)
        some = X.assign(title=X["title"].where(X.index % 3 > 0))
        matrix = StandardScaler().fit_transform(fitted.transform(some))
        with pytest.raises(ValueError, match="presence column 4 of modality 'text'"):
            kind(blocks=fitted.blocks_).fit(matrix, Y)
        # where every row has the text, its presence became 0
        matrix = StandardScaler().fit_transform(fitted.transform(X))
        with pytest.warns(MissingModalityWarning, match=r"No training .*\['text'\]"):
            kind(blocks=fitted.blocks_).fit(matrix, Y)

    @pytest.mark.parametrize(
        ("estimator", "path"),
        [
            (LogisticRegression(), "^estimator "),
            (BaggingClassifier(), "^estimator "),
            (EarlyFusionClassifier(), "^estimator "),
            (make_pipeline(BlockScaler(), SVC()), "^estimator__svc "),
        ],
    )
    def test_raw_blocks(self, estimator, path):
        table, y = numeric_table()
        raw = ModalityTransformer(
            [
                ("image", Marked("image", (1, 2)), ["a", "b"]),
                ("table", TableExtractor(), ["c"]),
            ]
        )
        with pytest.raises(ValueError, match=path + ".*cannot read the raw blocks"):
            MultimodalClassifier(raw, estimator).fit(table, y)
        alone = EarlyFusionClassifier(modalities=["table"])
        MultimodalClassifier(raw, alone).fit(table, y)

    @pytest.mark.parametrize(
        "estimator",
        [
            GaussianNB(),
            EarlyFusionClassifier(GaussianNB()),
            LateFusionClassifier(HistGradientBoostingClassifier(max_iter=1)),
            GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2),
        ],
        ids=["plain", "early", "late", "search"],
    )
    def test_a_sparse_matrix_for_an_estimator_of_dense_ones(self, estimator):
        clf = MultimodalClassifier(mixed_features(), estimator)
        message = r"blocks \['text'\] make of .*features__sparse_output=False"
        with pytest.raises(TypeError, match=message) as caught:
            clf.fit(X, Y)
        assert "dense data is required" in str(caught.value.__cause__)
        clf.set_params(features__sparse_output=False).fit(X, Y)
        assert clf.predict(X).shape == (80,)

    def test_other_errors_of_the_estimator_stay_as_they_are(self):
        clf = MultimodalClassifier(mixed_features(), LogisticRegression(C=-1))
        with pytest.raises(ValueError, match="'C' parameter") as caught:
            clf.fit(X, Y)
        assert "sparse_output" not in str(caught.value)

    def test_sparse_beside_raw(self):
        raw = ModalityTransformer(
            [
                ("image", Marked("image", (1, 1)), ["price"]),
                ("text", TfidfExtractor(), ["title"]),
            ]
        )
        with pytest.raises(ValueError, match="n_components="):
            MultimodalClassifier(raw, Reader()).fit(X, Y)


class TestFrozenFeatures:
    def test_are_used_as_they_are(self):
        fitted = mixed_features().fit(X[:40])
        clf = MultimodalClassifier(FrozenEstimator(fitted), EarlyFusionClassifier())
        clf.fit(X[40:], Y[40:])
        assert clf.features_.estimator is fitted
        assert clf.estimator_.blocks is fitted.blocks_
        matrix = fitted.transform(X)
        alone = EarlyFusionClassifier(blocks=fitted.blocks_).fit(matrix[40:], Y[40:])
        np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(matrix))
        assert clone(clf).features.estimator is fitted

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    @pytest.mark.parametrize("sparse_output", ["auto", False])
    def test_with_another_output(self, library, sparse_output):
        fitted = mixed_features(sparse_output=sparse_output).fit(X)
        clf = MultimodalClassifier(FrozenEstimator(fitted), EarlyFusionClassifier())
        expected = clf.fit(X, Y).predict_proba(X)
        with sklearn.config_context(transform_output=library):
            np.testing.assert_array_equal(clf.fit(X, Y).predict_proba(X), expected)
        if sparse_output is False:
            fitted.set_output(transform=library)
            np.testing.assert_array_equal(clf.fit(X, Y).predict_proba(X), expected)
            assert isinstance(fitted.transform(X), pd.DataFrame | pl.DataFrame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(
    "estimator",
    [
        EarlyFusionClassifier(),
        EarlyFusionClassifier(n_components=1, random_state=0),
        LateFusionClassifier(combine="stack"),
        BaggingClassifier(EarlyFusionClassifier(), 3, random_state=0),
    ],
    ids=["early", "reduced", "late", "bagging"],
)
@pytest.mark.parametrize("sparse_output", ["auto", False])
def test_the_global_output_setting_changes_nothing(library, estimator, sparse_output):
    clf = MultimodalClassifier(mixed_features(sparse_output=sparse_output), estimator)
    expected = clf.fit(X, Y).predict_proba(X)
    with sklearn.config_context(transform_output=library):
        again = clone(clf).fit(X, Y).predict_proba(X)
    assert isinstance(again, np.ndarray)
    np.testing.assert_allclose(again, expected)


class TestSearch:
    def test_paths_reach_everything(self):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier(TREE))
        search = GridSearchCV(
            clf,
            [
                {
                    "features__text__min_df": [1, 2],
                    "features__table": ["drop", TableExtractor()],
                    "estimator__estimator__max_depth": [1, 3],
                },
                {
                    "estimator": [LateFusionClassifier(TREE)],
                    "estimator__combine": ["mean", "product", "stack"],
                    "estimator__modalities": [None, ["table"]],
                },
                {"estimator": [BaggingClassifier(EarlyFusionClassifier(TREE), 3)]},
            ],
            cv=2,
            error_score="raise",
        )
        with warnings.catch_warnings():
            # text alone, where the table is dropped
            warnings.filterwarnings("ignore", message="EarlyFusion.*one block")
            search.fit(X, Y)
        results = search.cv_results_["mean_test_score"]
        assert len(results) == 8 + 6 + 1
        assert np.isfinite(results).all()
        assert search.best_score_ == 1.0
        both = search.cv_results_["param_features__table"]
        dropped = [results[i] for i in range(8) if both[i] == "drop"]
        assert max(dropped) < 0.8

    def test_a_cloned_search_gives_the_same(self):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier(TREE))
        search = GridSearchCV(clf, {"estimator__estimator__max_depth": [1, 2]}, cv=2)
        scores = [
            clone(search).fit(X, Y).cv_results_["mean_test_score"] for _ in range(2)
        ]
        np.testing.assert_array_equal(*scores)

    @pytest.mark.slow
    def test_processes_give_the_same(self):
        clf = MultimodalClassifier(
            mixed_features(),
            LateFusionClassifier(TREE, combine="stack"),
            groups="author",
        )
        grid = {
            "estimator__modalities": [None, ["table"]],
            "features__text__min_df": [1, 2],
        }
        search = GridSearchCV(clf, grid, cv=GroupKFold(2), error_score="raise")
        one = clone(search).fit(X, Y, groups=X["author"])
        two = clone(search).set_params(n_jobs=2).fit(X, Y, groups=X["author"])
        np.testing.assert_allclose(
            one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
        )
        np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))

    def test_vectorizer_of_scikit_learn(self):
        table = ModalityTransformer(
            [("text", TfidfVectorizer(), "title"), ("n", "passthrough", ["price"])]
        )
        clf = MultimodalClassifier(table, EarlyFusionClassifier(TREE))
        search = GridSearchCV(clf, {"features__text__ngram_range": [(1, 1), (1, 2)]})
        assert search.fit(X, Y).best_score_ == 1.0


class TestInterface:
    def test_methods_are_those_of_the_estimator(self):
        clf = MultimodalClassifier(mixed_features(), SVC())
        for fitted in (clf, clone(clf).fit(X, Y)):
            assert not hasattr(fitted, "predict_proba")
            assert not hasattr(fitted, "predict_log_proba")
            assert hasattr(fitted, "decision_function")
        clf = MultimodalClassifier(mixed_features(), LogisticRegression()).fit(X, Y)
        matrix = clf.features_.transform(X)
        for method in ("predict_log_proba", "decision_function"):
            np.testing.assert_array_equal(
                getattr(clf, method)(X), getattr(clf.estimator_, method)(matrix)
            )
        late = MultimodalClassifier(mixed_features(), LateFusionClassifier())
        assert not hasattr(late, "decision_function")

    def test_kinds(self):
        clf = MultimodalClassifier(mixed_features(), LogisticRegression())
        assert is_classifier(clf)
        assert is_regressor(MultimodalRegressor(mixed_features(), Ridge()))
        assert get_tags(clf).input_tags.allow_nan
        assert get_tags(clf).input_tags.string

    @pytest.mark.parametrize(
        "y", [Y.astype(object), Y == "both", np.where(Y == "both", 7, -2)]
    )
    def test_labels_of_any_kind(self, y):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier(TREE)).fit(
            X, y
        )
        assert clf.predict(X).dtype == y.dtype
        assert clf.score(X, y) == 1.0

    def test_y_of_pandas(self):
        clf = MultimodalClassifier(mixed_features(), EarlyFusionClassifier(TREE))
        y = pd.Series(Y, index=np.arange(80)[::-1])
        weights = np.arange(80) % 2
        assert clf.fit(X, y).score(X, y) == 1.0
        clf.fit(X, y, sample_weight=weights)
        assert clf.score(X, y) == 1.0

    def test_one_class(self):
        for estimator in (
            EarlyFusionClassifier(),
            LateFusionClassifier(combine="stack"),
        ):
            clf = MultimodalClassifier(mixed_features(), estimator).fit(
                X, ["only"] * 80
            )
            assert set(clf.predict(X)) == {"only"}
            np.testing.assert_array_equal(clf.predict_proba(X), 1.0)


class TestRegressor:
    TARGET = X["price"].to_numpy() * np.where(X["title"] == "red car", 1.0, -1.0)

    @pytest.mark.parametrize(
        "estimator",
        [
            DecisionTreeRegressor(random_state=0),
            BaggingRegressor(DecisionTreeRegressor(), 5, random_state=0),
            TransformedTargetRegressor(
                DecisionTreeRegressor(random_state=0), transformer=StandardScaler()
            ),
            make_pipeline(BlockScaler(), DecisionTreeRegressor(random_state=0)),
        ],
        ids=["tree", "bagging", "target", "pipeline"],
    )
    def test_learns_what_takes_both_columns(self, estimator):
        reg = MultimodalRegressor(mixed_features(), estimator).fit(X, self.TARGET)
        assert reg.score(X, self.TARGET) > 0.95
        assert reg.predict(X).dtype == np.float64
        again = pickle.loads(pickle.dumps(reg))
        np.testing.assert_array_equal(again.predict(X), reg.predict(X))

    def test_weights(self):
        weights = np.arange(80) % 3
        reg = MultimodalRegressor(mixed_features(), Ridge(1e-3))
        weighted = clone(reg).fit(X, self.TARGET, sample_weight=weights)
        plain = clone(reg).fit(X, self.TARGET)
        assert not np.allclose(weighted.predict(X), plain.predict(X))

    def test_blocks_reach_the_scaler(self):
        reg = MultimodalRegressor(
            mixed_features(), make_pipeline(BlockScaler(), Ridge())
        )
        reg.fit(X, self.TARGET)
        assert reg.estimator_[0].blocks is reg.features_.blocks_
        assert reg.features_.blocks_ == Blocks(
            [
                Block("text", 0, 4, 4, parts=(("title", 0, 4),)),
                Block("table", 5, 6, parts=(("price", 0, 1),)),
            ]
        )


def test_an_answer_for_each_of_several_outputs():
    X = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    y = np.column_stack([X["a"] > 9, X["b"] > 0]).astype(int)
    features = ModalityTransformer(
        [("a", TableExtractor(), ["a"]), ("b", TableExtractor(), ["b"])]
    )
    forest = RandomForestClassifier(5, random_state=0)
    clf = MultimodalClassifier(features, forest).fit(X, y)
    proba = clf.predict_proba(X)
    assert [each.shape for each in proba] == [(20, 2), (20, 2)]
    assert clf.predict(X).shape == (20, 2)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.r_[np.nan, np.arange(79) % 2], "y contains NaN"),
        (["a", None] * 40, "y contains NaN"),
        (np.linspace(0, 1, 80), "Unknown label type: continuous"),
        (Y[1:], "inconsistent numbers of samples"),
    ],
)
def test_a_wrong_target_is_refused_before_features_are_made(y, message):
    class Never(Marked):
        def fit(self, X, y=None):
            raise AssertionError("made features")

    features = ModalityTransformer([("a", Never(), ["price"])])
    with pytest.raises(ValueError, match=message):
        MultimodalClassifier(features, LogisticRegression()).fit(X, y)
