"""What the command line says of a feature store, and does to it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsk.cli import main
from mmsk.store import FeatureStore

KEYS = [bytes([number]) * 32 for number in range(10)]


@pytest.fixture
def store(tmp_path):
    store = FeatureStore(tmp_path / "store")
    store.put_many(KEYS, np.ones((10, 244), dtype=np.float32))  # 1000 bytes each
    store.get_many(KEYS[5:])
    return store


def test_it_says_what_there_is(store, capsys):
    assert main(["store", store.location]) == 0
    out = capsys.readouterr().out
    assert out == (
        f"Feature store {store.location!r}: 10 entries, 10.0 kB; 10 extracted, "
        "5 hits, 0 misses\n"
    )


def test_prune_leaves_what_was_used_last(store, capsys):
    assert main(["store", store.location, "--prune", "5kB"]) == 0
    assert capsys.readouterr().out.startswith("5 entries deleted\n")
    found = store.get_many(KEYS)
    assert [row is not None for row in found] == [False] * 5 + [True] * 5


def test_prune_alone_leaves_10_gb(store, capsys):
    assert main(["store", store.location, "--prune"]) == 0
    assert capsys.readouterr().out.startswith("0 entries deleted\n")


def test_clear(store, capsys):
    assert main(["store", store.location, "--clear"]) == 0
    assert ": 0 entries, 0 B; 0 extracted, 0 hits" in capsys.readouterr().out
    assert store.get_many(KEYS) == [None] * 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no feature store in nowhere"),
        ([".", "--prune", "--clear"], "not allowed with"),
    ],
)
def test_refused(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["store", *arguments])
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []  # nothing was made


@pytest.mark.parametrize("options", [[], ["--prune"], ["--clear"]], ids=str)
def test_a_store_that_cannot_be_used(options, tmp_path, capsys):
    file = tmp_path / "features.sqlite3"
    file.write_bytes(b"not a database " * 1000)
    assert main(["store", str(tmp_path), *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""  # no number that is none
    assert "cannot be used: file is not a database" in err
    assert file.read_bytes() == b"not a database " * 1000


def test_a_size_that_is_none(store, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["store", store.location, "--prune", "little"])
    assert "a number and a unit" in capsys.readouterr().err


def test_neither_torch_nor_lightgbm_is_loaded(store):
    code = (
        "import sys\nfrom mmsk.cli import main\n"
        f"main(['store', {store.location!r}])\n"
        "print({'torch', 'lightgbm'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.endswith("set()\n")
