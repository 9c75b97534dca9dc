import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests._skips import read_allowed, unlisted

HERE = Path(__file__).parent
LISTED = "tests/test_it.py::test_skipped Needs a machine that is not here."

TESTS = """
import pytest
@pytest.mark.parametrize("x", [1])
def test_fails(x): pytest.xfail("known")
def test_skipped(): pytest.skip("why not")
def test_passes(): pass
"""


def test_a_line_is_a_pattern_and_a_reason():
    lines = ["# a comment", "", "a.py::f[x] The reason, a sentence.", "b* Other."]
    assert read_allowed(lines) == [
        ("a.py::f[x]", "The reason, a sentence."),
        ("b*", "Other."),
    ]


def test_a_line_without_a_reason_is_refused():
    with pytest.raises(ValueError, match="No reason is given"):
        read_allowed(["tests/test_it.py::test_skipped "])


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("t.py::f[a b]", True),
        ("t.py::f[*]", True),
        ("*::f[*b]", True),
        ("t.py::f", False),
        ("t.py::f[ab]", False),
        ("f[a b]", False),
    ],
)
def test_only_a_star_stands_for_anything(pattern, covered):
    assert unlisted(["t.py::f[a b]"], [(pattern, "r")]) == (
        [] if covered else ["t.py::f[a b]"]
    )


@pytest.mark.parametrize(
    ("allowed", "strangers"),
    [
        ([], ["tests/test_it.py::test_skipped", "tests/test_it.py::test_fails[1]"]),
        ([LISTED], ["tests/test_it.py::test_fails[1]"]),
        ([LISTED, "tests/test_it.py::test_fails[*] A known fault."], []),
    ],
)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_run_fails_on_an_unlisted_skip(tmp_path, allowed, strangers, workers):
    folder = tmp_path / "tests"
    folder.mkdir()
    for name in ("__init__.py", "_skips.py", "conftest.py"):
        shutil.copy(HERE / name, folder)
    (folder / "allowed_skips.txt").write_text("\n".join(allowed))
    (folder / "test_it.py").write_text(TESTS)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--rootdir", "."),
            *("-n", workers, "-p", "no:cacheprovider"),
        ],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"},
        capture_output=True,
        text=True,
    )
    assert "1 passed, 1 skipped, 1 xfailed" in run.stdout
    assert run.returncode == bool(strangers)
    listed = [
        line
        for line in run.stdout.splitlines()
        if line.startswith("tests/test_it.py::")
    ]
    assert sorted(listed) == sorted(strangers)
