"""What a table may throw at the extractor, and what comes of it."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.ensemble import LightGBMClassifier
from mmsk.feature_extraction.tabular import TableExtractor
from tests.feature_extraction.tabular._samples import mixed_frame

KINDS = {
    "default": {},
    "target": {"encoding": "target", "random_state": 0},
    "ordinal": {"encoding": "ordinal", "add_indicator": True},
    "quantile, piecewise": {"scale": "quantile", "embedding": "piecewise"},
    "raw, periodic": {"scale": None, "embedding": "periodic"},
}
every_kind = pytest.mark.parametrize("params", KINDS.values(), ids=KINDS)
Y = ["one", "two", "one", "two"]


def features(params, columns=("price", "colour", "sold", "when")):
    return ModalityTransformer([("table", TableExtractor(**params), list(columns))])


@every_kind
@pytest.mark.parametrize("cell", [np.inf, -np.inf])
def test_inf_is_refused_by_name_and_row(params, cell):
    frame = mixed_frame()
    table = TableExtractor(**params).fit(frame, Y)
    frame.loc[2, "price"] = cell
    for call in (lambda: table.transform(frame), lambda: table.fit(frame, Y)):
        with pytest.raises(ValueError, match=r"Column 'price', row 2: .*finite"):
            call()


@every_kind
def test_1e300_is_clipped_with_a_warning(params):
    frame = mixed_frame()
    frame.loc[0, "price"] = 1e300
    with pytest.warns(UserWarning, match="Column 'price': 1 values lie beyond"):
        out = TableExtractor(**params).fit_transform(frame, Y)
    assert np.isfinite(out).all()


@every_kind
def test_columns_that_tell_nothing_are_kept_and_zero(params):
    frame = pd.DataFrame(
        {
            "nan": [np.nan] * 4,
            "none": [None] * 4,
            "nat": pd.to_datetime([None] * 4),
            "red": ["red"] * 4,
            "true": [True] * 4,
            "day": pd.to_datetime(["2020-02-02"] * 4),
        }
    )
    table = TableExtractor(**params)
    out = table.fit_transform(frame, Y)
    assert [part[0] for part in table.block_.parts] == list(frame)
    if params.get("scale", "standard") is None:
        # dates keep their values where nothing is scaled
        out = out[:, [not n.startswith("day") for n in table.get_feature_names_out()]]
    assert out.shape[1] >= 5
    assert not out.any()


def test_a_constant_number_is_zero_or_itself():
    frame = pd.DataFrame({"five": [5.0, np.nan, 5.0]})
    for params in KINDS.values():
        out = TableExtractor(**params).fit_transform(frame, Y[:3])[:, 0]
        scaled = params.get("scale", "standard") is not None
        assert out.tolist() == ([0] * 3 if scaled else [5] * 3)


@every_kind
def test_wrong_shapes_are_refused(params):
    table = TableExtractor(**params)
    frame = mixed_frame()
    with pytest.raises(ValueError, match=r"unique, got twice: \['price'\]"):
        table.fit(pd.concat([frame, frame[["price"]]], axis=1), Y)
    with pytest.raises(ValueError, match="0 sample"):
        table.fit(frame[:0], [])
    table.fit(frame, Y)
    with pytest.raises(ValueError, match="0 sample"):
        table.transform(frame[:0])
    with pytest.raises(ValueError, match="missing"):
        table.transform(frame.drop(columns="price"))
    with pytest.raises(ValueError, match=r"lacks the columns \['price'\]"):
        features(params).fit(frame, Y).transform(frame.drop(columns="price"))


@every_kind
@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame])
def test_reordered_and_extra_columns_work(params, frame_of):
    cells = {"price": [1.0, 2.0, None, 4.0], "colour": ["red", "blue", None, "red"]}
    frame = frame_of(cells)
    model = features(params, cells).fit(frame, Y)
    other = frame_of({"extra": [[1]] * 4} | dict(reversed(cells.items())))
    np.testing.assert_array_equal(model.transform(other), model.transform(frame))


@every_kind
def test_names_with_json_characters_work(params):
    frame = mixed_frame()
    frame.columns = ['"a": [1, 2]', "b,{c}", "d:e", "f\n"]
    table = TableExtractor(**params).fit(frame, Y)
    names = table.get_feature_names_out()
    assert sum(name.startswith(tuple(frame.columns)) for name in names) == len(names)
    model = MultimodalClassifier(
        ModalityTransformer([("t", TableExtractor(**params), list(frame.columns))]),
        LightGBMClassifier(n_estimators=2, min_child_samples=1),
    )
    assert set(model.fit(frame, Y).predict(frame)) <= set(Y)


@every_kind
def test_one_row_works(params):
    frame = mixed_frame()[:1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = TableExtractor(**params).fit_transform(frame, Y[:1])
    assert np.isfinite(out).all()


@every_kind
def test_unseen_levels_are_answered(params):
    table = TableExtractor(**params).fit(mixed_frame(), Y)
    new = mixed_frame().assign(colour=["never", "seen", None, "red"])
    out = table.transform(new)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[3], table.transform(mixed_frame())[3])
    (start, stop) = next(p[1:] for p in table.block_.parts if p[0] == "colour")
    np.testing.assert_array_equal(out[0, start:stop], out[1, start:stop])


@every_kind
@pytest.mark.parametrize("labels", [["a"] * 4, ["a", "b", "b", "a"], [1, 2, 2, 1]])
def test_labels_of_one_class_strings_and_numbers_work(params, labels):
    head = LightGBMClassifier(n_estimators=2, min_child_samples=1)
    model = MultimodalClassifier(features(params), head).fit(mixed_frame(), labels)
    assert set(model.predict(mixed_frame())) <= set(labels)
    if len(set(labels)) > 1:
        linear = MultimodalClassifier(features(params), LogisticRegression())
        assert linear.fit(mixed_frame(), labels).predict(mixed_frame()).shape == (4,)


@every_kind
def test_pandas_and_polars_agree(params):
    frame = mixed_frame()
    cells = {name: frame[name].tolist() for name in ("price", "colour", "sold")}
    cells["colour"] = ["red", "blue", None, "red"]
    cells["price"][2] = None
    cells["when"] = [None if d is pd.NaT else d.to_pydatetime() for d in frame["when"]]
    table = TableExtractor(**params)
    wanted = table.fit(frame, Y).transform(frame)
    polars = pl.DataFrame(cells, strict=False)
    np.testing.assert_array_equal(table.fit(polars, Y).transform(polars), wanted)
    np.testing.assert_array_equal(table.fit(frame, Y).transform(polars), wanted)
