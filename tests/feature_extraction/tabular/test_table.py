"""TableExtractor as a whole: names, refusals, weights, scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import check_estimator

from mmsk.feature_extraction.tabular import TableExtractor
from tests.feature_extraction.tabular._samples import mixed_frame


@pytest.mark.filterwarnings(f"ignore::{SkipTestWarning.__module__}.SkipTestWarning")
def test_scikit_learn_checks():
    results = check_estimator(TableExtractor(), on_fail="raise")
    skipped = [r["check_name"] for r in results if r["status"] == "skipped"]
    assert len(results) >= 40
    assert set(skipped) <= {"check_array_api_input"}


def test_columns_keep_their_order_and_are_named():
    table = TableExtractor().fit(mixed_frame())
    assert table.roles_ == {
        "price": "number",
        "colour": "category",
        "sold": "boolean",
        "when": "date",
    }
    assert table.get_feature_names_out().tolist() == [
        "price",
        "colour_blue",
        "colour_red",
        "colour_missing",
        "sold",
        "when_year",
        "when_month_sin",
        "when_month_cos",
        "when_day_sin",
        "when_day_cos",
        "when_weekday_sin",
        "when_weekday_cos",
        "when_elapsed_days",
    ]
    assert table.block_.parts == (
        ("price", 0, 1),
        ("colour", 1, 4),
        ("sold", 4, 5),
        ("when", 5, 13),
    )
    assert (table.block_.width, table.block_.indicator) == (13, None)
    assert table.categories_ == {"colour": ["blue", "red"]}


def test_output_is_float32_whatever_comes_in():
    assert TableExtractor().fit_transform(mixed_frame()).dtype == np.float32
    assert TableExtractor().fit_transform(np.eye(3)).dtype == np.float32


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container):
    out = TableExtractor().set_output(transform=container).fit_transform(mixed_frame())
    assert out.shape == (4, 13)
    assert list(out.columns)[:2] == ["price", "colour_blue"]


@pytest.mark.parametrize(
    "params",
    [
        {"impute": "mode"},
        {"scale": "robust"},
        {"min_frequency": 0},
        {"min_frequency": 1.5},
        {"max_categories": 0},
        {"roles": "number"},
        {"embedding": "linear"},
        {"embedding_size": 0},
        {"sigma": 0},
        {"add_indicator": "yes"},
        {"smooth": -1},
        {"target_type": "classes"},
        {"cv": "five"},
        {"identifiers": "keep"},
        {"n_hashes": 0},
    ],
)
def test_bad_parameters_are_refused(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        TableExtractor(**params).fit(mixed_frame())


def test_inf_names_column_and_row():
    frame = pd.DataFrame({"a": [1.0, np.inf, 2.0], "b": 1})
    with pytest.raises(ValueError, match="Column 'a', row 1: expected a finite number"):
        TableExtractor().fit(frame)
    good = TableExtractor().fit(frame.replace(np.inf, 3.0))
    with pytest.raises(ValueError, match=r"Column 'a', row 2: .*got .*-inf"):
        good.transform(pd.DataFrame({"a": [1.0, 2.0, -np.inf], "b": 1}))


def test_wrong_tables_are_refused():
    frame = mixed_frame()
    twice = pd.concat([frame, frame[["price"]]], axis=1)
    with pytest.raises(ValueError, match=r"unique, got twice: \['price'\]"):
        TableExtractor().fit(twice)
    with pytest.raises(ValueError, match="0 sample"):
        TableExtractor().fit(frame[:0])
    with pytest.raises(ValueError, match="0 sample"):
        TableExtractor().fit(np.empty((0, 3)))
    with pytest.raises(ValueError, match="0 feature"):
        TableExtractor().fit(frame[[]])
    with pytest.raises(TypeError, match="Sparse"):
        TableExtractor().fit(sp.csr_array(np.eye(3)))
    with pytest.raises(ValueError, match="Reshape your data"):
        TableExtractor().fit([1.0, 2.0])
    with pytest.raises(NotFittedError):
        TableExtractor().transform(frame)


def test_column_names_must_match_at_transform():
    table = TableExtractor().fit(mixed_frame())
    with pytest.raises(ValueError, match="same order"):
        table.transform(mixed_frame()[["colour", "price", "sold", "when"]])
    with pytest.raises(ValueError, match="seen at fit time"):
        table.transform(mixed_frame().drop(columns="price"))
    with pytest.raises(ValueError, match="expecting 3 features"):
        TableExtractor().fit(np.eye(3)).transform(np.eye(2))


def test_constant_and_missing_columns_are_kept_and_zero():
    frame = pd.DataFrame(
        {
            "nan": [np.nan] * 3,
            "none": [None] * 3,
            "five": [5.0] * 3,
            "five_or_nan": [5.0, np.nan, 5.0],
            "red": ["red"] * 3,
            "true": [True] * 3,
            "day": pd.to_datetime(["2020-02-02"] * 3),
        }
    )
    table = TableExtractor().fit(frame)
    assert table.roles_["none"] == "category"
    np.testing.assert_array_equal(table.transform(frame), np.zeros((3, 14)))
    # nothing was learned about other values either
    other = frame.assign(five=7.0, red="blue", true=False, nan=3.0, none="x")
    np.testing.assert_array_equal(table.transform(other), np.zeros((3, 14)))


def test_one_row():
    assert not TableExtractor().fit_transform(mixed_frame()[:1]).any()


@pytest.mark.parametrize("impute", ["mean", "median"])
def test_weights_are_repetitions(impute):
    rng = np.random.default_rng(0)
    n = 30
    frame = pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "level": np.resize(np.array([*"aaabbbbcd", None], dtype=object), n),
            "flag": rng.choice([True, False, None], n),
            "day": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 800, n), unit="D"),
        }
    )
    weights = rng.integers(0, 4, n)
    table = TableExtractor(impute=impute, min_frequency=0.2)
    repeated = clone(table).fit(frame.loc[np.repeat(np.arange(n), weights)])
    weighted = clone(table).fit(frame, sample_weight=weights)
    assert "level_infrequent" in weighted.get_feature_names_out()
    assert repeated.get_feature_names_out().tolist() == (
        weighted.get_feature_names_out().tolist()
    )
    np.testing.assert_allclose(
        weighted.transform(frame), repeated.transform(frame), atol=1e-6
    )
    unweighted = clone(table).fit(frame)
    assert not np.allclose(
        unweighted.transform(frame)[:, 0], weighted.transform(frame)[:, 0]
    )


def test_bad_weights_are_refused():
    with pytest.raises(ValueError, match="zero"):
        TableExtractor().fit(np.eye(3), sample_weight=np.zeros(3))


def test_equal_feature_names_are_told_apart():
    frame = pd.DataFrame(
        {"a": ["b_c", "infrequent", "x", None], "a_b": ["c", "d", "c", "d"]}
    )
    names = TableExtractor().fit(frame).get_feature_names_out().tolist()
    assert names == [
        "a_b_c",
        "a_infrequent",
        "a_x",
        "a_missing",
        "a_b_c_2",
        "a_b_d",
    ]


def test_names_with_json_characters():
    frame = pd.DataFrame({'a "b": [1,2]': ["{x}", "y"], "c,d": [1, 2]})
    table = TableExtractor().set_output(transform="pandas").fit(frame)
    assert list(table.transform(frame).columns) == [
        'a "b": [1,2]_y',
        'a "b": [1,2]_{x}',
        "c,d",
    ]


def test_rows_are_independent():
    frame = mixed_frame()
    table = TableExtractor().fit(frame)
    one_by_one = [table.transform(frame[i : i + 1]) for i in range(len(frame))]
    np.testing.assert_array_equal(np.vstack(one_by_one), table.transform(frame))


def test_pickle_and_fit_leaves_the_table_alone():
    frame = mixed_frame()
    before = frame.copy(deep=True)
    table = TableExtractor().fit(frame)
    again = pickle.loads(pickle.dumps(table))
    np.testing.assert_array_equal(again.transform(frame), table.transform(frame))
    pd.testing.assert_frame_equal(frame, before)


def test_refit_forgets():
    table = TableExtractor().fit(mixed_frame())
    table.fit(np.array([[1.0], [3.0]]))
    assert table.roles_ == {0: "number"}
    np.testing.assert_array_equal(table.transform([[1.0], [3.0]]), [[-1], [1]])


def test_grid_search_in_a_column_transformer():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    frame = pd.DataFrame(
        {"n": y + rng.normal(size=60), "c": np.where(y, "yes", "no"), "id": range(60)}
    )
    model = Pipeline(
        [
            ("features", ColumnTransformer([("table", TableExtractor(), ["c", "n"])])),
            ("head", LogisticRegression()),
        ]
    )
    grid = {"features__table__impute": ["mean", "median"]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(frame, y)
    assert search.best_score_ == 1.0


def test_weights_are_routed():
    with config_context(enable_metadata_routing=True):
        requests = TableExtractor().get_metadata_routing().fit.requests
    assert requests == {"groups": True, "sample_weight": True}


def test_an_array_is_read_by_position_after_a_frame():
    frame = pd.DataFrame({"price": [1.0, 2.0, 4.0], "stock": [3.0, 1.0, 2.0]})
    extractor = TableExtractor(roles={"price": "drop"}).fit(frame)
    expected = extractor.transform(frame)
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_array_equal(extractor.transform(frame.to_numpy()), expected)
    extractor = TableExtractor().fit(frame.to_numpy())
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        found = extractor.transform(frame)
    np.testing.assert_array_equal(found, extractor.transform(frame.to_numpy()))
