import subprocess
import sys

import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression

from mmsk._utils._code_digest import code_digest
from mmsk.feature_extraction.image import HOGExtractor

SOURCE = """
from functools import cached_property
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if

class Helper:
    def help(self):
        return 4

class Mine(Helper, TransformerMixin, BaseEstimator):
    count = 0

    def __init__(self, *, size=3):
        self.size = size

    def transform(self, X):
        if X in {"a", "b", "c"}:
            return [len(x) for x in X]

    @property
    def half(self):
        return 5 / 2

    @staticmethod
    def fixed():
        return "fixed"

    @classmethod
    def made(cls):
        return cls(size=7)

    @cached_property
    def kept(self):
        return 8

    @available_if(lambda self: True)
    def score(self, X):
        return 9.5
"""


def digest_of(source):
    names = {"__name__": "user"}
    exec(source, names)
    return code_digest(names["Mine"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 4", "return 40"),
        ("size=3", "size=30"),
        ("len(x)", "len(x.split())"),
        ('"b"', '"bb"'),
        ("5 / 2", "5 // 2"),
        ('"fixed"', '"other"'),
        ("size=7", "size=8"),
        ("return 8", "return 80"),
        ("return 9.5", "return 9.6"),
        ("def help", "def helps"),
    ],
)
def test_a_change_of_the_code_is_seen(old, new):
    assert SOURCE.count(old) == 1
    assert digest_of(SOURCE.replace(old, new)) != digest_of(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("count = 0", "count = 1"), ("class Helper", "# a remark\n\nclass Helper")],
)
def test_what_computes_the_same_is_the_same(old, new):
    assert digest_of(SOURCE.replace(old, new)) == digest_of(SOURCE)


def test_another_process_finds_the_same():
    show = "from tests._utils.test_code_digest import *; print(digest_of(SOURCE))"
    found = {
        subprocess.run(
            [sys.executable, "-c", show],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {digest_of(SOURCE)}


def test_classes_of_a_library_are_known_by_its_version():
    for kind in (HOGExtractor, LogisticRegression, TransformerMixin, BaseEstimator):
        assert code_digest(kind) == ""
    derived = type("Mine", (HOGExtractor,), {"__module__": __name__})
    assert code_digest(derived) != ""
