"""Extractors and tables that the tests of several packages use."""

import numpy as np
from PIL import Image
from sklearn.utils.estimator_checks import check_estimator

from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import RowExtractor


class MeanColor(RowExtractor):
    """A small extractor of arrays (H, W, 3): three values a picture.

    What it reads and computes is taken down in `read` and `extracted`.
    """

    _store_id = "tests.MeanColor"
    _batch_size = 4
    read: list
    extracted: list

    def __init__(
        self,
        *,
        gain=1.0,
        cell_pooling="mean",
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
        memory=None,
        n_jobs=None,
    ):
        self.gain = gain
        self.cell_pooling = cell_pooling
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.memory = memory
        self.n_jobs = n_jobs

    def _read_cell(self, cell):
        type(self).read.append(cell)
        if not isinstance(cell, np.ndarray):
            raise MediaError("BAD_TYPE", f"a {type(cell).__name__}", advice="Mend it.")
        return cell

    def _decode(self, content):
        if content.size == 0:
            raise MediaError("ZERO_LENGTH", "nothing in it")
        return content

    def _extract(self, decoded):
        type(self).extracted.extend(decoded)
        means = [picture.mean(axis=(0, 1)) for picture in decoded]
        return self.gain * np.array(means, dtype=np.float32)

    def _row_names(self):
        return ["red", "green", "blue"]


def color(*rgb):
    """Return a picture of 2 x 2 equal pixels."""
    return np.full((2, 2, 3), rgb, dtype=np.float32)


def table(*rows):
    """Return rows of cells as an object array, arrays and lists untouched."""
    cells = np.empty((len(rows), len(rows[0])), dtype=object)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            cells[i, j] = cell
    return cells


def noise(n, size=16, seed=0):
    """Return n different pictures (size, size, 3)."""
    rng = np.random.default_rng(seed)
    return list(rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8))


def save_pictures(folder, n, size=16, seed=0):
    """Write n different PNG files; return their names."""
    names = [f"{position}.png" for position in range(n)]
    for name, picture in zip(names, noise(n, size, seed), strict=True):
        Image.fromarray(picture).save(folder / name)
    return names


def assert_passes_all_checks(estimator):
    """Run scikit-learn's suite; there is nothing to skip but what it needs itself."""
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    failed = {
        result["check_name"]: repr(result["exception"])
        for result in results
        if result["status"] not in ("passed", "skipped")
    }
    assert not failed
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}  # SCIPY_ARRAY_API is not set
    assert len(results) - len(skipped) >= 40
