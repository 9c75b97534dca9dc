"""What importing mmsk costs, and where its public names live."""

import importlib
import pkgutil
import subprocess
import sys
from collections import Counter
from types import ModuleType

import pytest

import mmsk

HEAVY = ["torch", "lightgbm", "skorch", "sklearn", "numpy", "PIL"]
OPTIONAL = ["pandas", "polars", "matplotlib", "transformers"]


def run(code):
    """Run `code` in a fresh interpreter; return the words it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def public_modules():
    """Import every module whose dotted name has no private part."""
    names = [mmsk.__name__]
    for module in pkgutil.walk_packages(mmsk.__path__, "mmsk."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            names.append(module.name)
    return {name: importlib.import_module(name) for name in names}


MODULES = public_modules()
PACKAGES = {name: m for name, m in MODULES.items() if name != "mmsk"}


def test_import_loads_no_heavy_library():
    code = (
        f"import sys, mmsk; print(*[m for m in {HEAVY + OPTIONAL} if m in sys.modules])"
    )
    assert run(code) == []


def test_a_room_is_loaded_when_it_is_first_used():
    code = (
        "import sys, mmsk; print('mmsk.exceptions' in sys.modules);"
        "mmsk.exceptions.MediaError; print('mmsk.exceptions' in sys.modules)"
    )
    assert run(code) == ["False", "True"]


def test_dir_lists_the_rooms_before_they_are_loaded():
    assert "datasets" in run("import mmsk; print(*dir(mmsk))")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fussion'"):
        mmsk.fussion  # noqa: B018


def test_the_root_knows_every_room():
    rooms = {name.split(".")[1] for name in PACKAGES}
    assert {*rooms, "__version__"} == set(mmsk.__all__)


def test_only_packages_are_public():
    files = {name for name, m in PACKAGES.items() if not hasattr(m, "__path__")}
    assert files == {"mmsk.exceptions"}


@pytest.mark.parametrize("name", MODULES)
def test_all_resolves(name):
    module = MODULES[name]
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_of_ours_is_public_by_accident(name):
    module = MODULES[name]
    ours = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", "").startswith("mmsk")
    }
    assert ours <= set(module.__all__)


def test_each_name_has_one_public_path():
    names, objects = Counter(), Counter()
    for module in PACKAGES.values():
        for name in module.__all__:
            value = getattr(module, name)
            if not isinstance(value, ModuleType):
                names[name] += 1
                objects[id(value)] += 1
    assert [name for name, count in names.items() if count > 1] == []
    assert max(objects.values()) == 1
