"""What pyproject.toml and the constraints promise."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mmsk

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    Requirement(line)
    for line in itertools.chain(PROJECT["dependencies"], *EXTRAS.values())
    if not line.startswith("mmsk[")
]
PINS = {
    canonicalize_name(pin.name): pin.specifier
    for pin in map(
        Requirement,
        re.findall("^[^#].*", (ROOT / "tests" / "constraints.txt").read_text(), re.M),
    )
}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_a_dependency_has_a_lower_bound_only_and_its_tested_version_is_above(
    requirement,
):
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    (pin,) = PINS[canonicalize_name(requirement.name)]
    assert bound.contains(pin.version)


def test_a_pin_is_exact_and_names_no_local_build():
    for specifier in PINS.values():
        (pin,) = specifier
        assert pin.operator == "=="
        assert "+" not in pin.version
    assert str(PINS["torch"]) == "==2.13.0"


def test_every_extra_that_is_named_exists():
    texts = [
        *(ROOT / "mmsk").rglob("*.py"),
        ROOT / "README.md",
        ROOT / "pyproject.toml",
    ]
    named = re.findall(
        r"mmsk\[([\w,-]+)\]", "".join(t.read_text("utf-8") for t in texts)
    )
    assert "pandas" in named
    assert {extra for names in named for extra in names.split(",")} <= set(EXTRAS)


def test_the_version_is_written_once():
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", mmsk.__version__)
