"""Target encoding: scikit-learn's numbers, out of fold in fit_transform."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import GroupKFold, KFold
from sklearn.preprocessing import TargetEncoder
from sklearn.utils.estimator_checks import check_estimator

from mmsk.feature_extraction.tabular import TableExtractor, _plan

LEVELS = ["a", "b", "c", "d", None]


def sample(n=60, kind="continuous", seed=0):
    rng = np.random.default_rng(seed)
    cells = rng.choice(np.array(LEVELS, dtype=object), n)
    X = pd.DataFrame({"c": cells, "n": rng.normal(size=n)})
    y = {
        "continuous": rng.normal(3, 5, n),
        "binary": rng.choice(["no", "yes"], n),
        "multiclass": rng.choice(["u", "v", "w"], n),
    }[kind]
    return X, y


def raw(**params):
    """Return an extractor that gives the means themselves."""
    return TableExtractor(encoding="target", scale=None, random_state=0, **params)


@pytest.mark.parametrize("kind", ["continuous", "binary", "multiclass"])
@pytest.mark.parametrize("smooth", ["auto", 3.0])
def test_agrees_with_target_encoder(kind, smooth):
    X, y = sample(kind=kind)
    new = pd.DataFrame({"c": ["b", "never", None], "n": 0.0})
    table = raw(smooth=smooth).fit(X, y)
    oracle = TargetEncoder(smooth=smooth).fit(X[["c"]].to_numpy(dtype=object), y)
    for rows in (X, new):
        wanted = oracle.transform(rows[["c"]].to_numpy(dtype=object))
        got = table.transform(rows)[:, :-1]
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    names = {
        "continuous": ["c_target"],
        "binary": ["c_target"],
        "multiclass": ["c_target_u", "c_target_v", "c_target_w"],
    }
    assert table.get_feature_names_out().tolist() == [*names[kind], "n"]
    assert table.block_.parts == (
        ("c", 0, len(names[kind])),
        ("n", *[len(names[kind]), len(names[kind]) + 1]),
    )
    assert table.categories_ == {"c": LEVELS[:4]}


def test_missing_is_unseen_where_fit_did_not_see_it():
    X = pd.DataFrame({"c": ["a", "a", "b", "b"]})
    table = raw().fit(X, [1.0, 2.0, 3.0, 4.5])
    out = table.transform(pd.DataFrame({"c": [None, "z"]}))
    np.testing.assert_allclose(out[:, 0], 2.625)


def test_distance_from_the_mean_in_standard_deviations():
    X, y = sample()
    means = raw().fit(X, y).transform(X)[:, 0]
    scaled = TableExtractor(encoding="target").fit(X, y).transform(X)[:, 0]
    np.testing.assert_allclose(scaled, (means - y.mean()) / y.std(), atol=1e-6)
    X, y = sample(kind="binary")
    means = raw().fit(X, y).transform(X)[:, 0]
    shares = TableExtractor(encoding="target").fit(X, y).transform(X)[:, 0]
    np.testing.assert_allclose(shares, means - (y == "yes").mean(), atol=1e-6)


@pytest.mark.parametrize("kind", ["continuous", "binary", "multiclass"])
def test_fit_transform_is_out_of_fold(kind):
    """Each row is encoded by a fit to the other folds."""
    X, y = sample(kind=kind)
    splits = list(KFold(3, shuffle=True, random_state=1).split(X))
    got = raw(cv=splits).fit_transform(X, y)[:, :-1]
    for train, held_out in splits:
        oracle = TargetEncoder().fit(X[["c"]].iloc[train], y[train])
        wanted = oracle.transform(X[["c"]].iloc[held_out])
        np.testing.assert_allclose(got[held_out], wanted, rtol=1e-6)
    # and the other columns are those of transform
    np.testing.assert_array_equal(
        raw(cv=splits).fit_transform(X, y)[:, -1], raw().fit(X, y).transform(X)[:, -1]
    )


def test_noise_is_not_learned():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": rng.integers(0, 150, 300).astype(str)})
    y = rng.normal(size=300)
    table = TableExtractor(encoding={"c": "target"}, random_state=0)
    out_of_fold = table.fit_transform(X, y)[:, 0]
    in_fold = table.transform(X)[:, 0]
    assert np.corrcoef(in_fold, y)[0, 1] > 0.5
    assert abs(np.corrcoef(out_of_fold, y)[0, 1]) < 0.15


def test_folds_are_seeded_and_keep_groups_together():
    X, y = sample(200)
    first, again = raw().fit_transform(X, y), raw().fit_transform(X, y)
    np.testing.assert_array_equal(first, again)
    other = raw().set_params(random_state=1).fit_transform(X, y)
    assert not np.array_equal(first, other)
    groups = np.repeat(np.arange(20), 10)
    grouped = raw().fit_transform(X, y, groups=groups)
    assert not np.array_equal(grouped, first)
    splitter = GroupKFold(4)
    given = raw(cv=list(splitter.split(X, y, groups))).fit_transform(X, y)
    np.testing.assert_array_equal(
        raw(cv=splitter).fit_transform(X, y, groups=groups), given
    )
    # two groups are two folds: the level of a group of its own is unseen
    alone = pd.DataFrame({"c": ["a"] * 5 + ["b"] * 5})
    out = raw().fit_transform(alone, np.arange(10.0), groups=alone["c"])[:, 0]
    np.testing.assert_allclose(out, [7] * 5 + [2] * 5)


@pytest.mark.parametrize("kind", ["continuous", "binary", "multiclass"])
def test_weights_are_repetitions(kind):
    X, y = sample(kind=kind)
    weights = np.random.default_rng(5).integers(0, 4, len(X))
    weighted = raw().fit(X, y, sample_weight=weights).transform(X)
    rows = np.repeat(np.arange(len(X)), weights)
    repeated = raw().fit(X.iloc[rows], y[rows]).transform(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6)
    assert not np.allclose(weighted, raw().fit(X, y).transform(X))


def test_rows_of_weight_0_are_absent_from_the_folds():
    X, y = sample()
    weights = np.ones(len(X))
    weights[::3] = 0
    kept = weights > 0
    got = raw().fit_transform(X, y, sample_weight=weights)
    np.testing.assert_array_equal(got[kept], raw().fit_transform(X[kept], y[kept]))
    new = raw().fit(X[kept], y[kept]).transform(X[~kept])
    np.testing.assert_array_equal(got[~kept], new)
    # nor do they make classes
    labels = np.where(kept, np.where(y > 3, "high", "low"), "absent")
    table = raw().fit(X, labels, sample_weight=weights)
    assert table.get_feature_names_out().tolist() == ["c_target", "n"]


@pytest.mark.parametrize("weights", [[0.5, 1.5], [2e7, 1.0]])
def test_other_weights_are_ignored_with_a_warning(weights):
    X, y = sample()
    weights = np.resize(weights, len(X))
    with pytest.warns(UserWarning, match="ignores other weights"):
        table = raw().fit(X, y, sample_weight=weights)
    plain = raw().fit(X, y).transform(X)
    np.testing.assert_array_equal(table.transform(X)[:, 0], plain[:, 0])
    # nothing is lost where all weigh the same
    raw().fit(X, y, sample_weight=np.full(len(X), 0.3))


def test_targets_of_several_columns():
    X, y = sample()
    Y = np.column_stack([y, -2 * y])
    out = raw().fit(X, Y).transform(X)
    np.testing.assert_allclose(out[:, 1], -2 * out[:, 0], rtol=1e-5)
    table = raw(cv=3)
    labels = np.column_stack([y > 0, y > 3]).astype(int)
    assert table.fit_transform(X, labels).shape == (len(X), 3)
    assert table.get_feature_names_out().tolist() == ["c_target_0", "c_target_1", "n"]
    column = raw().fit_transform(X, y[:, None])
    np.testing.assert_array_equal(column, raw().fit_transform(X, y))


def test_ratings_are_classes_unless_said_otherwise():
    X, y = sample()
    ratings = np.clip(np.round(y), 1, 4).astype(int)
    assert raw().fit(X, ratings).block_.width == 5
    numbers = raw(target_type="continuous").fit(X, ratings)
    assert numbers.block_.width == 2
    wanted = TargetEncoder(target_type="continuous").fit(X[["c"]], ratings)
    np.testing.assert_allclose(
        numbers.transform(X)[:, [0]], wanted.transform(X[["c"]]), rtol=1e-6
    )
    floats = raw().fit(X, ratings.astype(float))
    np.testing.assert_array_equal(floats.transform(X), numbers.transform(X))
    many = np.arange(300) * 2 // 3
    frame = pd.DataFrame({"c": np.resize(["a", "b"], 300)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, of many classes
        with pytest.raises(
            ValueError, match="200 different whole numbers: pass target"
        ):
            raw().fit(frame, many)


def test_bad_targets_are_refused():
    X, y = sample()
    with pytest.raises(ValueError, match="requires y to be passed"):
        raw().fit(X)
    with pytest.raises(ValueError, match="NaN"):
        raw().fit(X, np.where(y > 0, y, np.nan))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        raw().fit(X, y[1:])
    with pytest.raises(ValueError, match="Unknown label type"):
        raw().fit(X, np.arange(120).reshape(60, 2) % 7)
    # where nothing is target encoded, y is not looked at
    TableExtractor().fit(X, y[1:])
    TableExtractor(encoding="target").fit(X[["n"]])


@pytest.mark.parametrize("cells", [["a"] * 6, [None] * 6])
def test_constant_columns_are_zero(cells):
    X = pd.DataFrame({"c": pd.Series(cells, dtype=object), "n": range(6)})
    for table in (raw(), TableExtractor(encoding="target")):
        assert not table.fit_transform(X, np.arange(6.0))[:, 0].any()
        other = pd.DataFrame({"c": ["z"], "n": [1]})
        assert not table.transform(other)[:, 0].any()


def test_one_row_and_one_class():
    X, y = sample()
    assert np.isfinite(raw().fit_transform(X[:1], y[:1])).all()
    one_class = TableExtractor(encoding="target").fit_transform(X, ["same"] * len(X))
    assert not one_class[:, 0].any()


def test_string_and_number_labels_encode_alike():
    X, y = sample(kind="binary")
    numbers = np.where(y == "yes", 2, 1)
    np.testing.assert_array_equal(
        raw().fit_transform(X, y), raw().fit_transform(X, numbers)
    )


def test_tags_say_that_y_is_needed():
    def required(encoding):
        tags = TableExtractor(encoding=encoding).__sklearn_tags__()
        return tags.target_tags.required

    assert required("target")
    assert required({"c": "target"})
    assert not required({"c": "ordinal"})
    assert not required("onehot")


@pytest.mark.filterwarnings(f"ignore::{SkipTestWarning.__module__}.SkipTestWarning")
def test_scikit_learn_checks_of_target_encoding(monkeypatch):
    """scikit-learn's tables are all numbers: here they are categories."""
    monkeypatch.setattr(_plan, "decide_role", lambda *arguments: "category")
    table = TableExtractor(encoding="target", random_state=0)
    results = check_estimator(table, on_fail=None)
    failed = {r["check_name"] for r in results if r["status"] == "failed"}
    # target encoding is out of fold in fit_transform
    assert failed == {
        "check_transformer_general",
        "check_transformer_data_not_an_array",
    }
    assert sum(r["status"] == "failed" for r in results) == 3
    assert len(results) >= 45


def test_house_contracts():
    """Those of tests/test_common.py that hold out of fold too."""
    X, y = sample()
    before = X.copy(deep=True)
    table = TableExtractor(encoding="target", random_state=0)
    features = table.fit_transform(X, y)
    pd.testing.assert_frame_equal(X, before)
    again = clone(table)
    np.testing.assert_array_equal(again.fit_transform(X, y), features)
    whole = table.transform(X)
    single = np.vstack([table.transform(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(single, whole)
    loaded = pickle.loads(pickle.dumps(table))
    np.testing.assert_array_equal(loaded.transform(X), whole)
    assert features.dtype == whole.dtype == np.float32
    frame = table.set_output(transform="pandas").fit_transform(X, y)
    np.testing.assert_array_equal(frame, features)
    assert list(frame.columns) == ["c_target", "n"]
