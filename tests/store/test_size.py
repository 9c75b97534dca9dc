import numpy as np
import pytest

from mmsk.store._size import format_size, parse_size


@pytest.mark.parametrize(
    "size, n_bytes",
    [
        ("10GB", 10_000_000_000),
        ("500MB", 500_000_000),
        ("1.5 kB", 1500),
        ("2gib", 2 * 2**30),
        ("3T", 3 * 10**12),
        ("77", 77),
        ("77B", 77),
        (1500, 1500),
        (np.int64(8), 8),
    ],
)
def test_sizes_in_bytes(size, n_bytes):
    assert parse_size(size) == n_bytes


@pytest.mark.parametrize("size", ["", "GB", "10 XB", "-1MB", "5i", "1e3", 0, -5, "0MB"])
def test_bad_sizes_are_refused(size):
    with pytest.raises(ValueError, match=r"A size is .*, got"):
        parse_size(size)


@pytest.mark.parametrize("size", [True, 1.5, None, b"1GB", [1]])
def test_other_types_are_refused(size):
    with pytest.raises(TypeError, match="of type"):
        parse_size(size)


@pytest.mark.parametrize(
    "n_bytes, text",
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (4_101_120, "4.1 MB"),
        (10**10, "10.0 GB"),
        (5 * 10**16, "50000.0 TB"),
    ],
)
def test_sizes_for_people(n_bytes, text):
    assert format_size(n_bytes) == text
