"""Fits of branches are shared, and nothing else than the right one is ever found."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from PIL import Image
from sklearn import decomposition, preprocessing
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.exceptions import DataConversionWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mmsk.compose import (
    ModalityTransformer,
    MultimodalClassifier,
    _shared_fits,
    _step_keys,
)
from mmsk.exceptions import MissingModalityWarning, StoreWarning
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.store import FeatureStore

N = 60
FIT, TRANSFORM = "fit", "transform"


class Logging:
    """Appends a line to a file for each fit and each transform, in any process."""

    def _log(self, what):
        with Path(self.log.removeprefix("log:")).open("a") as file:
            file.write(f"{what}\n")


class LoggingTfidf(Logging, TfidfExtractor):
    _store_id = "tests.LoggingTfidf"

    def __init__(self, log, *, lowercase=True, n_components=None, random_state=0):
        super().__init__(
            lowercase=lowercase, n_components=n_components, random_state=random_state
        )
        self.log = log

    def _fit(self, X):
        self._log(FIT)
        return super()._fit(X)

    def transform(self, X):
        self._log(TRANSFORM)
        return super().transform(X)


class LoggingPCA(Logging, PCA):
    _store_id = "tests.LoggingPCA"

    def __init__(self, log, n_components=2, random_state=0):
        super().__init__(n_components=n_components, random_state=random_state)
        self.log = log

    def fit_transform(self, X, y=None):
        self._log(FIT)
        return super().fit_transform(X, y)

    def transform(self, X):
        self._log(TRANSFORM)
        return super().transform(X)


class Echo(Logging, TransformerMixin, BaseEstimator):
    """Learns the mean of everything it is given."""

    _store_id = "tests.Echo"

    def __init__(self, log, shift=0.0):
        self.log = log
        self.shift = shift

    def fit(self, X, y=None, sample_weight=None):
        self._log(FIT)
        self.mean_ = [
            float(np.mean(each)) for each in (y, sample_weight) if each is not None
        ]
        return self

    def transform(self, X):
        self._log(TRANSFORM)
        return np.full((len(X), 1), sum(self.mean_) + self.shift)


@pytest.fixture(autouse=True)
def forget_what_was_said(monkeypatch):
    monkeypatch.setattr(_step_keys, "_said", set())


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store")


def named(log):
    """Return the log as a parameter: the name of a file would not be shared."""
    return f"log:{log}"


def counts(log):
    """Return how many fits and transforms there were, and forget them."""
    lines = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines.count(FIT), lines.count(TRANSFORM)


def texts(n=N, seed=0):
    rng = np.random.default_rng(seed)
    words = np.array(
        ["red", "blue", "green", "old", "new", "car", "cat", "dog", "boat", "house"]
    )
    return pd.DataFrame(
        {
            "title": [" ".join(rng.choice(words, 4)) for _ in range(n)],
            "a": rng.normal(size=n),
            "b": rng.normal(size=n),
            "c": rng.normal(size=n),
        }
    )


def target(n=N):
    return np.arange(n) % 2


def branch(transformer, store, columns=("title",)):
    return ModalityTransformer([("branch", transformer, list(columns))], memory=store)


def dense(values):
    return values.toarray() if sp.issparse(values) else values


class TestASearch:
    def search(self, log, store, n_jobs=1, n_candidates=4):
        model = MultimodalClassifier(
            ModalityTransformer(
                [
                    ("text", LoggingTfidf(named(log)), ["title"]),
                    (
                        "table",
                        make_pipeline(StandardScaler(), LoggingPCA(named(log))),
                        ["a", "b", "c"],
                    ),
                ],
                memory=store,
            ),
            LogisticRegression(),
        )
        grid = {"estimator__C": np.geomspace(0.1, 10, n_candidates).tolist()}
        return GridSearchCV(
            model,
            grid,
            cv=3,
            n_jobs=n_jobs,
            error_score="raise",
            return_train_score=True,
        )

    def test_without_a_store_every_candidate_fits_in_every_fold(self, log):
        self.search(log, None).fit(texts(), target())
        assert counts(log)[0] == 2 * (3 * 4 + 1)

    def test_one_process_fits_once_a_fold_and_once_for_all_rows(self, log, store):
        search = self.search(log, store).fit(texts(), target())
        # a branch, a fold: one fit, one look at its test rows and one at its own
        assert counts(log) == (2 * (3 + 1), 2 * 3 * 2)
        self.search(log, store).fit(texts(), target())
        assert counts(log) == (0, 0)
        search.predict(texts(seed=1))
        assert counts(log) == (0, 2)

    def test_two_processes_fit_at_most_twice_as_often(self, log, store):
        self.search(log, store, n_jobs=2).fit(texts(), target())
        fits, _ = counts(log)
        assert 2 * (3 + 1) <= fits <= 2 * (3 + 1) * 2
        # what a worker has fitted serves this process, if it has the same code
        home = Path(_step_keys.mmsk.__file__).parent
        if _step_keys._source_digest(home) == _step_keys.SOURCE:
            self.search(log, store, n_jobs=1).fit(texts(), target())
            assert counts(log) == (0, 0)

    def test_two_threads(self, log, store):
        with parallel_config("threading"):
            self.search(log, store, n_jobs=2).fit(texts(), target())
        assert counts(log)[0] <= 2 * (3 + 1) * 2

    def test_no_score_changes(self, log, store):
        plain = self.search(log, None).fit(texts(), target()).cv_results_
        for _ in range(2):
            shared = self.search(log, store).fit(texts(), target()).cv_results_
            for name in plain:
                if name.startswith(("split", "mean_t", "rank")) and "time" not in name:
                    assert shared[name].tolist() == plain[name].tolist()

    def test_a_searched_parameter_of_a_branch_is_another_fit(self, log, store):
        search = self.search(log, store)
        search.param_grid = {"features__text__lowercase": [True, False]}
        search.fit(texts(), target())
        # the table is fitted 3 + 1 times, the texts in 2 x 3 ways and once for all
        assert counts(log)[0] == 4 + 7


SHARED = [
    TfidfExtractor(),
    TfidfExtractor(n_components=3, random_state=0),
    TfidfExtractor(analyzer="char_wb", ngram_range=(1, 2), max_features=20),
    TfidfExtractor(join_columns=True, stop_words=["red"], min_df=2),
]
NUMERIC = [
    StandardScaler(),
    preprocessing.MinMaxScaler(),
    preprocessing.RobustScaler(),
    preprocessing.PowerTransformer(),
    preprocessing.QuantileTransformer(n_quantiles=10, random_state=0),
    preprocessing.KBinsDiscretizer(
        3, random_state=0, quantile_method="averaged_inverted_cdf"
    ),
    preprocessing.PolynomialFeatures(),
    PCA(2, random_state=0),
    PCA(2, svd_solver="randomized", random_state=0),
    TruncatedSVD(2, random_state=0),
    decomposition.FactorAnalysis(2, random_state=0),
    decomposition.KernelPCA(2, kernel="rbf", random_state=0),
    SelectKBest(k=2),
    SelectFromModel(LogisticRegression(random_state=0)),
    ColumnTransformer(
        [
            ("scale", StandardScaler(), ["a"]),
            ("pca", PCA(1, random_state=0), ["b", "c"]),
        ]
    ),
]


@pytest.mark.parametrize(
    ("transformer", "columns"),
    [(each, ["title"]) for each in SHARED]
    + [(each, ["a", "b", "c"]) for each in NUMERIC],
    ids=str,
)
def test_a_hit_is_the_fit(transformer, columns, store):
    X, new = texts(), texts(seed=1)
    plain = branch(transformer, None, columns)
    first, second = (
        branch(transformer, store, columns),
        branch(transformer, store, columns),
    )
    expected = plain.fit_transform(X, target())
    for model in (first, second):
        values = model.fit_transform(X, target())
        assert type(values) is type(expected)
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(dense(values), dense(expected))
        assert model.blocks_ == plain.blocks_
        for rows in (X, new, new, new[:3]):
            np.testing.assert_array_equal(
                dense(model.transform(rows)), dense(plain.transform(rows))
            )
        assert list(model.get_feature_names_out()) == list(
            plain.get_feature_names_out()
        )
    # the second was never fitted, and is whole all the same
    fitted = [each.named_transformers_["branch"] for each in (plain, second)]
    assert vars(fitted[0]).keys() == vars(fitted[1]).keys()
    loaded = pickle.loads(pickle.dumps(second))
    np.testing.assert_array_equal(
        dense(loaded.transform(new)), dense(plain.transform(new))
    )
    np.testing.assert_array_equal(
        dense(clone(second).fit_transform(X, target())), dense(expected)
    )


CHANGES = {
    "a cell": lambda X: X.assign(title=["other", *X["title"][1:]]),
    "the order": lambda X: X[::-1],
    "fewer rows": lambda X: X[:-1],
    "a missing cell": lambda X: X.assign(title=[None, *X["title"][1:]]),
    "another missing cell": lambda X: X.assign(title=[np.nan, *X["title"][1:]]),
    "cells cut elsewhere": lambda X: X.assign(
        title=[X["title"][0] + X["title"][1], "", *X["title"][2:]]
    ),
    "a dtype": lambda X: X.astype({"title": object}),
    "a category": lambda X: X.astype({"title": "category"}),
    "an array": lambda X: X[["title"]].to_numpy(dtype=object),
    "polars": lambda X: pl.DataFrame(X.to_dict("list")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_cells_are_another_fit(change, log, store):
    X = texts()
    model = ModalityTransformer([("t", LoggingTfidf(named(log)), [0])], memory=store)
    model.fit(X)
    assert counts(log)[0] == 1
    model.fit(change(X))
    assert counts(log)[0] == 1
    for each in (X, change(X)):
        model.fit(each)
    assert counts(log)[0] == 0


def test_another_name_is_another_fit(log, store):
    X = texts()
    for name in ("title", "heading"):
        model = branch(LoggingTfidf(named(log)), store, [name]).fit(
            X.rename(columns={"title": name})
        )
        assert counts(log)[0] == 1
        assert model.get_feature_names_out()[0].startswith(f"branch__{name}")


NUMBER_CHANGES = {
    "float32": lambda X: X.astype({"a": np.float32}),
    "the last bit": lambda X: X.assign(a=np.nextafter(X["a"], 9)),
    "minus zero": lambda X: X.assign(a=-0.0),
    "a nullable type": lambda X: X.astype({"a": "Float64"}),
    "columns swapped": lambda X: X.rename(columns={"a": "b", "b": "a"}),
}


@pytest.mark.parametrize("change", NUMBER_CHANGES.values(), ids=NUMBER_CHANGES)
def test_other_numbers_are_another_fit(change, log, store):
    X = texts().assign(a=0.0) if change is NUMBER_CHANGES["minus zero"] else texts()
    model = branch(LoggingPCA(named(log)), store, ["a", "b"])
    model.fit(X)
    model.fit(change(X))
    assert counts(log)[0] == 2


class TestTargetAndWeights:
    def test_the_target_counts(self, log, store):
        X, y = texts(), np.arange(N, dtype=float)
        model = branch(Echo(named(log)), store, ["a"])
        assert model.fit_transform(X, y)[0, 0] == y.mean()
        assert model.fit_transform(X, y + 1)[0, 0] == y.mean() + 1
        assert model.fit_transform(X, y)[0, 0] == y.mean()
        assert counts(log)[0] == 2

    def test_weights_count(self, log, store):
        X, y = texts(), np.zeros(N)
        model = branch(Echo(named(log)), store, ["a"])
        found = [
            model.fit_transform(X, y, sample_weight=weights)[0, 0]
            for weights in (None, np.ones(N), np.full(N, 2.0), np.ones(N), None)
        ]
        assert found == [0, 1, 2, 1, 0]
        assert counts(log)[0] == 3

    def test_tfidf_itself_reads_no_target(self, store):
        X = texts()
        branch(TfidfExtractor(), store).fit(X, target())
        n_entries = store.info().entries
        branch(TfidfExtractor(), store).fit(X, target()[::-1])
        assert store.info().entries == n_entries

    def test_a_class_derived_from_it_may(self, log, store):
        X = texts()
        branch(LoggingTfidf(named(log)), store).fit(X, target())
        branch(LoggingTfidf(named(log)), store).fit(X, target()[::-1])
        assert counts(log)[0] == 2


class TestParameters:
    def test_a_parameter_counts(self, log, store):
        X = texts()
        model = branch(Echo(named(log)), store, ["a"])
        for shift in (0.0, 1.0, 0.0):
            model.set_params(branch__shift=shift)
            assert model.fit_transform(X, np.zeros(N))[0, 0] == shift
        assert counts(log)[0] == 2

    def test_the_version_of_a_class_counts(self, log, store, monkeypatch):
        X = texts()
        model = branch(Echo(named(log)), store, ["a"])
        model.fit(X, target())
        monkeypatch.setattr(Echo, "_store_version", 2, raising=False)
        model.fit(X, target())
        assert counts(log)[0] == 2

    def test_what_a_class_says_of_its_versions_counts(self, log, store, monkeypatch):
        X = texts()
        model = branch(Echo(named(log)), store, ["a"])
        for version in ("1", "2", "1"):
            monkeypatch.setattr(
                Echo, "_versions", lambda _, own=version: {"own": own}, raising=False
            )
            model.fit(X, target())
        assert counts(log)[0] == 2

    @pytest.mark.parametrize("module", ["mmsk", "sklearn", "numpy", "scipy"])
    def test_the_versions_of_libraries_count(self, module, log, store, monkeypatch):
        X = texts()
        model = branch(Echo(named(log)), store, ["a"])
        model.fit(X, target())
        library = getattr(_step_keys, {"numpy": "np"}.get(module, module))
        monkeypatch.setattr(library, "__version__", "0")
        model.fit(X, target())
        assert counts(log)[0] == 2

    def test_the_version_of_unicode_counts(self, log, store, monkeypatch):
        X = texts()
        model = branch(LoggingTfidf(named(log)), store)
        for version in ("15.0.0", "16.0.0", "15.0.0"):
            monkeypatch.setattr(_step_keys.unicodedata, "unidata_version", version)
            model.fit(X)
        assert counts(log)[0] == 2

    def test_the_code_of_the_package_counts(self, log, store, monkeypatch):
        X = texts()
        model = branch(Echo(named(log)), store, ["a"])
        model.fit(X, target())
        monkeypatch.setattr(_step_keys, "SOURCE", _step_keys.SOURCE[::-1])
        model.fit(X, target())
        assert counts(log)[0] == 2

    def test_every_file_of_code_counts(self, tmp_path):
        folder = tmp_path / "package"
        (folder / "room").mkdir(parents=True)
        found = set()
        for name, code in (("a", "1"), ("a", "2"), ("room/b", "1"), ("room/c", "1")):
            (folder / f"{name}.py").write_text(code)
            found.add(_step_keys._source_digest(folder))
        (folder / "notes.txt").write_text("no code")
        found.add(_step_keys._source_digest(folder))
        assert len(found) == 4

    def test_who_sets_its_own_parameters_in_fit_is_not_shared(self, log, store):
        class Restless(Echo):
            _store_id = "tests.Restless"

            def fit(self, X, y=None):
                self.shift += 1
                return super().fit(X, y)

        for _ in range(2):
            branch(Restless(named(log)), store, ["a"]).fit(texts(), target())
        assert counts(log)[0] == 2


class Mine(Echo):
    """A class derived by a user, without an id of its own."""


class Odd(Echo):
    _store_id = "tests.Odd"

    def fit(self, X, y=None):
        self.handle_ = open
        return super().fit(X, y)


class Many(Echo):
    _store_id = "tests.Many"

    def __init__(self, log, shift=0.0, random_state=None, chosen=None):
        super().__init__(log, shift)
        self.random_state = random_state
        self.chosen = chosen


class TestNotShared:
    def fit_twice(self, transformer, log, store, match):
        X, y = texts(), target()
        model = branch(transformer, store, ["a", "b", "c"])
        with pytest.warns(StoreWarning, match=match) as caught:
            model.fit(X, y)
        assert len(caught) == 1
        model.fit(X, y)  # said once
        assert counts(log)[0] == 2
        assert store.info().entries == 0

    def test_no_seed(self, log, store):
        self.fit_twice(
            LoggingPCA(named(log), random_state=None),
            log,
            store,
            r"no number as random_state \(None\)",
        )

    def test_a_generator_as_seed(self, log, store):
        seed = np.random.RandomState(0)
        self.fit_twice(
            Many(named(log), random_state=seed), log, store, "no number as random"
        )

    def test_a_seed_that_scikit_learn_hides(self, log, store):
        encoder = preprocessing.TargetEncoder()
        with pytest.warns(StoreWarning, match=r"random_state \('deprecated'\)"):
            branch(encoder, store, ["a"]).fit(texts(), target())
        assert store.info().entries == 0

    def test_a_function(self, log, store):
        transformer = Many(named(log), random_state=0, chosen=lambda: 0)
        self.fit_twice(transformer, log, store, "'chosen'.*cannot be digested")

    def test_a_class_without_an_id_of_its_own(self, log, store):
        self.fit_twice(Mine(named(log)), log, store, "Mine .*no _store_id of its own")

    def test_a_state_that_is_no_data(self, log, store):
        self.fit_twice(Odd(named(log)), log, store, "has learned .*builtin_function")

    def test_an_estimator_of_another_kind_inside(self, log, store):
        transformer = Many(named(log), random_state=0, chosen=Mine(named(log)))
        self.fit_twice(transformer, log, store, "a Mine is inside")

    def test_cells_of_another_kind(self, log, store):
        X = pd.DataFrame({"a": [object() for _ in range(N)]})
        model = branch(Echo(named(log)), store, ["a"])
        with pytest.warns(StoreWarning, match="a cell with a object"):
            model.fit(X, target())
        model.fit(X, target())
        assert counts(log)[0] == 2

    def test_files_behind_paths(self, tmp_path, store):
        paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
        X = pd.DataFrame({"file": [str(path) for path in paths]})
        model = ModalityTransformer(
            [("t", TfidfVectorizer(input="filename"), "file")], memory=store
        )
        for words in (["red car", "blue car"], ["old cat", "new dog"]):
            for path, text in zip(paths, words, strict=True):
                path.write_text(text)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StoreWarning)
                names = model.fit(X).get_feature_names_out()
            assert f"t__{words[0].split()[0]}" in names

    def test_a_file_or_folder_as_parameter(self, tmp_path, log, store):
        (tmp_path / "words.txt").write_text("red")
        for path in (tmp_path / "words.txt", tmp_path):
            for chosen in (str(path), [str(path)], {"words": str(path)}):
                transformer = Many(named(log), random_state=0, chosen=chosen)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", StoreWarning)
                    branch(transformer, store, ["a"]).fit(texts(), target())
        assert counts(log)[0] == 6
        assert store.info().entries == 0

    def test_pictures_behind_paths_in_a_container(self, tmp_path, store):
        hog = HOGExtractor(root=tmp_path, size=8, pixels_per_cell=4, color_bins=2)
        container = ColumnTransformer([("hog", hog, ["photo"])])
        model = branch(container, store, ["photo"])
        X = pd.DataFrame({"photo": ["a.png"] * 20})
        found = []
        for level in (0, 255):
            Image.new("RGB", (8, 8), (level,) * 3).save(tmp_path / "a.png")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StoreWarning)
                found.append(model.fit_transform(X)[0].tolist())
        assert found[0] != found[1]

    def test_a_frozen_estimator_inside(self, store):
        X, y = texts(), target()
        columns = ["a", "b", "c"]
        found = []
        for column in columns:
            # same class, same parameters, another thing learned
            other = X.assign(**{name: 0.0 for name in columns if name != column})
            frozen = FrozenEstimator(LogisticRegression().fit(other[columns], y))
            select = SelectFromModel(frozen, max_features=1, threshold=-np.inf)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StoreWarning)
                model = branch(select, store, columns).fit(X, y)
            found.append(model.get_feature_names_out().tolist())
        assert found == [[f"branch__{column}"] for column in columns]

    @pytest.mark.parametrize(
        "transformer",
        [
            "passthrough",
            FunctionTransformer(lambda X: X * 2),
            preprocessing.Normalizer(),
            FrozenEstimator(StandardScaler().fit(texts()[["a", "b", "c"]])),
        ],
        ids=["passthrough", "function", "normalizer", "frozen"],
    )
    def test_what_learns_nothing_is_just_run(self, transformer, store):
        branch(transformer, store, ["a", "b", "c"]).fit(texts(), target())
        assert store.info().entries == 0

    def test_what_has_not_converged_says_so_each_time(self, store):
        model = branch(NMF(2, max_iter=1, tol=1e-9, random_state=0), store, ["a", "b"])
        X = texts()[["a", "b"]].abs()
        for _ in range(2):
            with pytest.warns(Warning, match="Maximum number of iterations"):
                model.fit(X)

    def test_unusable_cells_are_told_each_time(self, store):
        X = texts().astype({"title": object})
        X.loc[3, "title"] = 7
        model = branch(TfidfExtractor(on_error="missing"), store)
        for _ in range(2):
            with pytest.warns(MissingModalityWarning, match="1 of 60"):
                model.fit(X)
            with pytest.warns(MissingModalityWarning, match="1 of 60"):
                model.transform(X)
            (failure,) = model.named_transformers_["branch"].failures_
            assert failure.row == 3

    def test_an_unusable_cell_stops_each_time(self, store):
        X = texts().astype({"title": object})
        branch(TfidfExtractor(), store).fit(X)
        X.loc[3, "title"] = 7
        for _ in range(2):
            with pytest.raises(ValueError, match="row 3"):
                branch(TfidfExtractor(), store).fit(X)


class PrivateWarning(UserWarning):
    """A class that nobody else knows."""


class Warns(Echo):
    _store_id = "tests.Warns"

    def __init__(self, log, kind="user"):
        super().__init__(log)
        self.kind = kind

    def fit(self, X, y=None):
        warnings.warn("fit of the branch", KINDS[self.kind], stacklevel=2)
        return super().fit(X, y)

    def transform(self, X):
        warnings.warn("transform of the branch", KINDS[self.kind], stacklevel=2)
        return super().transform(X)


KINDS = {
    "user": UserWarning,
    "runtime": RuntimeWarning,
    "sklearn": DataConversionWarning,
    "mmsk": MissingModalityWarning,
    "own": PrivateWarning,
}


def heard(call):
    """Return classes and texts of the warnings of a call, each time it warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(each.category, str(each.message), each.lineno) for each in caught]


class TestWarnings:
    """A hit warns of what the fit or transform itself has warned of."""

    @pytest.mark.parametrize("kind", ["user", "runtime", "sklearn", "mmsk"])
    def test_they_are_told_again(self, kind, log, store):
        X, y, new = texts(), target(), texts(seed=1)
        found = []
        for folder in (store, store, FeatureStore(store.location)):
            model = branch(Warns(named(log), kind), folder, ["a"])
            found.append(
                heard(lambda model=model: model.fit(X, y))
                + heard(lambda model=model: model.transform(new))
            )
        assert found[0] == found[1] == found[2]
        said = [(category, text) for category, text, _ in found[0]]
        assert (KINDS[kind], "fit of the branch") in said
        assert (KINDS[kind], "transform of the branch") in said
        assert counts(log) == (1, 2)

    def test_a_class_of_ones_own_is_fitted_again(self, log, store):
        X, y = texts(), target()
        model = branch(Warns(named(log), "own"), store, ["a"])
        for _ in range(2):
            said = [each[:2] for each in heard(lambda: model.fit(X, y))]
            assert (PrivateWarning, "fit of the branch") in said
        assert counts(log)[0] == 2

    def test_filters_of_the_user_hold(self, log, store):
        X, y = texts(), target()
        for _ in range(2):  # a fit, a hit
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.filterwarnings("ignore", "(fit|transform) of the branch")
                branch(Warns(named(log), "user"), store, ["a"]).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="fit of the branch"):
                branch(Warns(named(log), "user"), store, ["a"]).fit(X, y)
        assert counts(log)[0] == 1

    def test_of_scikit_learn(self, store):
        X = texts()
        new = X.assign(title="unseen")
        for _ in range(2):
            model = ModalityTransformer(
                [
                    (
                        "one",
                        preprocessing.OneHotEncoder(
                            handle_unknown="warn", sparse_output=False
                        ),
                        ["title"],
                    ),
                    (
                        "two",
                        preprocessing.QuantileTransformer(
                            n_quantiles=1000, random_state=0
                        ),
                        ["a"],
                    ),
                ],
                memory=store,
            )
            with pytest.warns(UserWarning, match="n_quantiles"):
                model.fit(X)
            with pytest.warns(UserWarning, match="unknown categories"):
                model.transform(new)


class TestAfterAHit:
    def test_a_changed_transformer_is_not_taken_for_the_one_that_was_fitted(
        self, store
    ):
        X, new = texts(), texts(seed=1)
        model = branch(StandardScaler(), store, ["a"]).fit(X)
        before = model.transform(new)
        scaler = model.named_transformers_["branch"]
        scaler.mean_ = scaler.mean_ + 5
        np.testing.assert_allclose(
            model.transform(new)[:, 0], before[:, 0] - 5 / scaler.scale_[0], rtol=1e-4
        )
        again = branch(StandardScaler(), store, ["a"]).fit(X)
        np.testing.assert_array_equal(again.transform(new), before)

    def test_what_is_found_is_the_finders_own(self, store):
        X, new = texts(), texts(seed=1)
        branch(StandardScaler(), store, ["a"]).fit(X)
        first = branch(StandardScaler(), store, ["a"])
        expected = first.fit_transform(X).copy()
        rows = first.transform(new)
        unchanged = rows.copy()
        rows += 1
        first.named_transformers_["branch"].mean_[:] = 99
        second = branch(StandardScaler(), store, ["a"])
        np.testing.assert_array_equal(second.fit_transform(X), expected)
        assert second.named_transformers_["branch"].mean_[0] != 99
        np.testing.assert_array_equal(second.transform(new), unchanged)

    def test_a_copy_leaves_the_store_alone(self, log, store):
        X, new = texts(), texts(seed=1)
        model = branch(LoggingPCA(named(log)), store, ["a", "b"]).fit(X)
        loaded = pickle.loads(pickle.dumps(model))
        expected = model.transform(new)
        n_entries = store.info().entries
        counts(log)
        np.testing.assert_array_equal(loaded.transform(new), expected)
        np.testing.assert_array_equal(loaded.transform(new[::-1]), expected[::-1])
        assert counts(log) == (0, 2)
        assert store.info().entries == n_entries

    def test_counts_of_the_last_table_are_right(self, store):
        odd = texts().assign(title=lambda X: "\ud800" + X["title"])
        for _ in range(2):
            model = branch(TfidfExtractor(), store).fit(odd)
            for X, count in ((texts(), 0), (odd, N), (texts(), 0)):
                model.transform(X)
                assert model._fitted[0]._transformer.n_replaced_ == count

    def test_names_are_still_checked(self, store):
        X = texts()
        for _ in range(2):
            model = branch(StandardScaler(), store, ["a"]).fit(X)
            with pytest.raises(ValueError, match=r"lacks the columns \['a'\]"):
                model.transform(X.rename(columns={"a": "z"}))

    def test_a_pruned_store_is_fitted_again(self, log, store):
        X = texts()
        expected = branch(LoggingPCA(named(log)), store, ["a", "b"]).fit_transform(X)
        store.prune(1)
        found = branch(LoggingPCA(named(log)), store, ["a", "b"]).fit_transform(X)
        assert counts(log)[0] == 2
        np.testing.assert_array_equal(found, expected)

    def test_a_damaged_store_is_fitted_again(self, log, store):
        X = texts()
        expected = branch(LoggingPCA(named(log)), store, ["a", "b"]).fit_transform(X)
        (file,) = Path(store.location).glob("*.rows")
        file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))
        found = branch(LoggingPCA(named(log)), store, ["a", "b"]).fit_transform(X)
        assert counts(log)[0] == 2
        np.testing.assert_array_equal(found, expected)

    def test_large_results_are_not_kept(self, log, store, monkeypatch):
        monkeypatch.setattr(_shared_fits, "_MAX_BYTES", 100)
        for _ in range(2):
            branch(LoggingPCA(named(log)), store, ["a", "b"]).fit(texts())
        assert counts(log)[0] == 2
        assert store.info().entries == 0


def test_a_class_whose_code_has_changed_does_not_find_what_it_gave(tmp_path):
    X = pd.DataFrame({"t": ["a bb ccc", "dd"]})

    def counts(how):
        code = f"""
class Counter(BaseEstimator):
    _store_id = "tests.Counter"

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.array([[float(len({how}))] for (cell,) in X.to_numpy()])
"""
        space = {"__name__": "user", "np": np, "BaseEstimator": BaseEstimator}
        exec(code, space)
        branches = [("words", space["Counter"](), ["t"])]
        features = ModalityTransformer(branches, memory=tmp_path)
        return features.fit_transform(X).ravel().tolist()

    assert counts("cell.split()") == [3, 1]
    assert counts("cell") == [8, 2]
