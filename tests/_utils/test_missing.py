import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from mmsk._utils._missing import is_missing
from tests._ids import stable


@pytest.mark.parametrize(
    "cell",
    [
        None,
        float("nan"),
        np.nan,
        np.float32("nan"),
        np.float16("nan"),
        np.float64("nan"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT"),
        np.timedelta64("NaT"),
        pd.Series(["a", None], dtype="string")[1],
        pd.Series([1, None], dtype="Int64")[1],
        pl.Series(["a", None])[1],
    ],
)
def test_missing(cell):
    assert is_missing(cell) is True


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "nan",
        np.str_(""),
        b"",
        0,
        0.0,
        float("inf"),
        np.float32(0),
        np.datetime64("2024-01-01"),
        datetime.date(2024, 1, 1),
        pd.Timestamp("2024-01-01"),
        decimal.Decimal(1),
        False,
        [],
        [None],
        (None,),
        {},
        {"bytes": None, "path": None},
        np.array([]),
        np.array(np.nan),
        np.array([np.nan]),
        np.array([None, None]),
        pd.Series([None]),
        pd.DataFrame({"a": [None]}),
        pl.Series([None]),
        Image.new("L", (1, 1)),
    ],
    ids=stable,
)
def test_present(cell):
    assert is_missing(cell) is False


def test_no_data_frame_library_is_loaded():
    code = (
        "import sys; from mmsk._utils._missing import is_missing; is_missing(object());"
        "print({'pandas', 'polars'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"
