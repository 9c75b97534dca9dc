"""The rules of setup.cfg, and those that import contracts can't express."""

import ast
import configparser
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "mmsk").rglob("*.py"))
CONTRACT = "importlinter:contract:"

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
CONTRACTS = [s.removeprefix(CONTRACT) for s in SETUP.sections() if CONTRACT in s]
FLOORS = [
    [room.strip(" ()") for room in floor.split("|")]
    for floor in SETUP[f"{CONTRACT}floors"]["layers"].split("\n")
    if floor
]

FOLDERS = {"mmsk", "tests", "benchmarks", "docs"}
FILES = {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"}
BUILD_PRODUCTS = {"build", "dist", "mmsk.egg-info"}


def lint(folder, contract=None):
    """Run import-linter on the package in `folder`; return its exit code and words."""
    limit = [] if contract is None else ["--contract", contract]
    run = subprocess.run(
        [
            *(sys.executable, "-c"),
            "from importlinter.cli import lint_imports_command as lint; lint()",
            *("--no-cache", "--no-logo", *limit),
        ],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    return run.returncode, run.stdout


@pytest.fixture
def copy(tmp_path):
    """Make a copy of the package and its contracts, to be spoilt."""
    ignore = shutil.ignore_patterns("data", "__pycache__")
    shutil.copytree(ROOT / "mmsk", tmp_path / "mmsk", ignore=ignore)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def add_code(folder, room, code):
    """Write `code` into a new module of `room`, or to the end of a one-file room."""
    place = folder / "mmsk" / room
    if place.is_dir():
        place /= "_offender.py"
        place.write_text(code)
    else:
        with place.with_suffix(".py").open("a") as module:
            module.write(code)


def assert_breaks(folder, contract):
    code, words = lint(folder, contract)
    assert code == 1
    assert f"{SETUP[CONTRACT + contract]['name']} BROKEN" in words, words


def test_the_package_keeps_every_contract():
    cache = ROOT / ".import_linter_cache"
    before = cache.exists()
    code, words = lint(ROOT)
    assert code == 0, words
    assert f"{len(CONTRACTS)} kept, 0 broken" in words
    assert cache.exists() == before


def test_an_untouched_copy_keeps_every_contract(copy):
    assert lint(copy)[0] == 0


VIOLATIONS = [
    ("extractors", {"feature_extraction/image": "import mmsk.feature_extraction.text"}),
    ("extractors", {"feature_extraction/text": "import mmsk.feature_extraction.image"}),
    (
        "extractors",
        {"feature_extraction/tabular": "import mmsk.feature_extraction.text"},
    ),
    (
        "extractors",
        {"feature_extraction/audio": "import mmsk.feature_extraction.image"},
    ),
    (
        "cycles",
        {"compose": "import mmsk.fusion._offender", "fusion": "import mmsk.compose"},
    ),
    ("skorch", {"fusion": "import skorch"}),
    (
        "skorch",
        {"ensemble": "def fit():\n    from skorch.callbacks import LRScheduler"},
    ),
    ("lightgbm", {"compose": "import lightgbm"}),
    ("lightgbm", {"neural_network": "def fit():\n    from lightgbm import Booster"}),
    ("media", {"feature_extraction/image": "from PIL import Image"}),
    ("media", {"store": "import soundfile"}),
    ("media", {"feature_extraction/audio": "import soxr"}),
    ("modules", {"modules": "from sklearn.base import BaseEstimator"}),
    ("modules", {"modules": "import skorch"}),
    ("modules", {"modules": "import lightgbm"}),
    ("modules", {"modules": "from mmsk._utils import _param_validation"}),
]


@pytest.mark.parametrize(("contract", "files"), VIOLATIONS)
def test_a_violation_breaks_its_contract(copy, contract, files):
    for room, code in files.items():
        add_code(copy, room, f"\n{code}\n")
    assert_breaks(copy, contract)


def test_a_violation_is_shown_for_every_contract():
    assert {contract for contract, _ in VIOLATIONS} | {"floors"} == set(CONTRACTS)


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (upper, lower)
        for above, below in itertools.pairwise(FLOORS)
        for upper, lower in itertools.product(above, below)
    ],
)
def test_no_room_imports_the_floor_above(copy, upper, lower):
    add_code(copy, lower, f"\nimport mmsk.{upper}\n")
    assert_breaks(copy, "floors")


@pytest.mark.parametrize(
    ("room", "neighbour"),
    [pair for floor in FLOORS for pair in itertools.permutations(floor, 2)],
)
def test_no_room_imports_its_neighbour(copy, room, neighbour):
    add_code(copy, room, f"\nimport mmsk.{neighbour}\n")
    assert_breaks(copy, "floors")


@pytest.mark.parametrize(
    ("contract", "parent"), [("floors", ""), ("extractors", "feature_extraction")]
)
def test_a_room_without_a_floor_is_noticed(copy, contract, parent):
    room = copy / "mmsk" / parent / "annexe"
    room.mkdir()
    (room / "__init__.py").touch()
    assert_breaks(copy, contract)


def is_private(dotted):
    return any(
        part.startswith("_") and not part.endswith("__") for part in dotted.split(".")
    )


def private_sklearn(code):
    """List the private names of scikit-learn that `code` imports or reaches into."""
    found, bound = [], set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [(alias.name, alias.asname) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [
                (f"{node.module}.{a.name}", a.asname or a.name) for a in node.names
            ]
        else:
            continue
        for dotted, name in names:
            if dotted.split(".")[0] == "sklearn":
                bound.add(name or "sklearn")
                found += [dotted] if is_private(dotted) else []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            owner, *attributes = ast.unparse(node).split(".")
            if owner in bound and is_private(".".join(attributes)):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import sklearn.utils._param_validation",
        "from sklearn.utils._param_validation import Interval",
        "from sklearn.utils import _param_validation",
        "from sklearn.utils.validation import _num_samples as count",
        "def fit():\n    from sklearn.base import _fit_context",
        "import sklearn.utils\nsklearn.utils._tags.Tags()",
        "import sklearn.utils.validation as v\nv._num_samples(3)",
        "from sklearn.utils import validation\nvalidation._num_samples(3)",
    ],
)
def test_a_private_name_of_sklearn_is_noticed(code):
    assert private_sklearn(code)


@pytest.mark.parametrize(
    "code",
    [
        "from sklearn.base import BaseEstimator",
        "import sklearn\nsklearn.__version__",
        "from mmsk._utils._param_validation import Interval",
        "from sklearn.utils import Bunch\nself._bunch = Bunch()",
    ],
)
def test_a_public_name_of_sklearn_is_allowed(code):
    assert not private_sklearn(code)


def test_private_sklearn_has_one_door():
    door = ROOT / "mmsk" / "_utils" / "_param_validation.py"
    users = {path for path in SOURCES if private_sklearn(path.read_text())}
    assert users == {door}


OPTIONAL = {"pandas", "polars", "matplotlib", "safetensors", "transformers"}


def import_time_packages(code):
    """Name the packages that `code` imports when it is itself imported."""
    packages, todo = set(), [ast.parse(code)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            packages.add(node.module.split(".")[0])
        todo += ast.iter_child_nodes(node)
    return packages


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import pandas as pd", True),
        ("from matplotlib.pyplot import subplots", True),
        ("try:\n    import polars\nexcept ImportError:\n    polars = None", True),
        ("class A:\n    import pandas", True),
        ("if TYPE_CHECKING:\n    import pandas", False),
        ("def load():\n    import pandas", False),
    ],
)
def test_an_optional_package_at_import_time_is_noticed(code, found):
    assert bool(import_time_packages(code) & OPTIONAL) == found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_optional_packages_are_imported_where_they_are_used(path):
    assert not import_time_packages(path.read_text()) & OPTIONAL


def top_level_entries():
    """List what the repository holds at its top, or the folder where git is absent."""
    git = shutil.which("git") if (ROOT / ".git").exists() else None
    if git is None:
        return {path.name for path in ROOT.iterdir()} - BUILD_PRODUCTS
    listed = subprocess.run(
        [git, "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {line.split("/")[0] for line in listed.splitlines()}


def test_the_top_level_holds_only_what_belongs_there():
    strangers = top_level_entries() - FOLDERS - FILES
    assert not {entry for entry in strangers if not entry.startswith(".")}
