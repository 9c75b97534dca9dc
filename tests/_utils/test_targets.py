import numpy as np
import pytest

from mmsk._utils._targets import (
    check_known,
    kind_of_target,
    mean_and_scale,
    refuse_strings,
)


class TestMeanAndScale:
    def test_weighted(self):
        y = np.array([[1.0, 10.0], [3.0, 10.0], [8.0, 50.0]])
        mean, scale = mean_and_scale(y, np.array([1.0, 1.0, 0.0]))
        np.testing.assert_allclose(mean, [2.0, 10.0])
        np.testing.assert_allclose(scale, [1.0, 1.0])
        mean, scale = mean_and_scale(y, None)
        np.testing.assert_allclose(mean, y.mean(axis=0))
        np.testing.assert_allclose(scale, y.std(axis=0))

    def test_rounding_is_no_spread(self):
        # three times 0.1 is not 0.3
        _, scale = mean_and_scale(np.full((3, 1), 1e9 + 0.1), np.full(3, 0.1))
        assert scale.tolist() == [1.0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan], "Input y contains NaN"),
        ([1.0, np.inf], "Input y contains infinity"),
        (np.array(["a", None], dtype=object), "first at position 1"),
        (["a", "b", np.nan], "first at position 2"),
    ],
    ids=["nan", "infinity", "none", "nan in a list"],
)
def test_check_known(y, message):
    with pytest.raises(ValueError, match=message):
        check_known(y)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (["a", "b", "c"], "multiclass"),
        ([3, 1, 2], "multiclass"),
        ([3.0, 1.0, 2.0], "continuous"),
        ([1.0, 0.0, 1.0], "binary"),
        ([0.5, 0.0, 1.0], "continuous"),
        ([[0, 1], [1, 1]], "multilabel-indicator"),
    ],
    ids=str,
)
def test_kind_of_target(y, kind):
    assert kind_of_target(np.array(y), "advice") == kind


def test_very_many_whole_numbers_are_of_no_kind():
    y = np.repeat(np.arange(101), 3)
    assert kind_of_target(y[:300], "task='...'") == "multiclass"
    with pytest.raises(ValueError, match="101 different whole numbers: pass task="):
        kind_of_target(y, "task='...'")


@pytest.mark.parametrize("y", [["a", "b"], [["1", "2"]], np.array(["a", 2], object)])
def test_strings_are_no_numbers(y):
    with pytest.raises(ValueError, match=r"needs numbers as y, got strings such as"):
        refuse_strings(np.asarray(y))
    refuse_strings(np.array([1.0, 2.0]))
