"""What the tests of this package share."""

import numpy as np
import pandas as pd


def mixed_frame():
    """Return four rows with one column of each role."""
    return pd.DataFrame(
        {
            "price": [1.0, 2.0, np.nan, 4.0],
            "colour": ["red", "blue", None, "red"],
            "sold": [True, False, True, True],
            "when": pd.to_datetime(["2024-01-01", "2024-02-03", None, "2025-03-04"]),
        }
    )
