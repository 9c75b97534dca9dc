"""What happens where memory runs out, and how to limit it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PIL import Image

import mmsk.media
from mmsk.media import decode_image
from tests._corpus import encode, packed_zeros, png
from tests.media import _fuzz
from tests.media._fuzz import outcomes

needs_limits = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="RLIMIT_AS"
)

SIDE = 20_000  # 400 MB as grey levels, 1.6 GB as colours

# in place of a search: each worker decodes one picture
WORK = """
import sys
from joblib import Parallel, delayed
from mmsk.exceptions import MediaError
from mmsk.media import decode_image


def code_of(path):
    try:
        decode_image(path, max_pixels=10**9)
    except MediaError as error:
        return error.code


class search:
    def fit(X, y):
        codes = Parallel(n_jobs=2)(delayed(code_of)(path) for path in X)
        print(codes, resource.getrlimit(resource.RLIMIT_AS)[0])
"""


def recipe():
    """Return the code of the docstring, with the search and a lower limit."""
    block = mmsk.media.__doc__.split("::\n")[1].split("\n\nWhere")[0]
    code = textwrap.dedent(block)
    assert "4 * 2**30" in code
    return code.replace("4 * 2**30", "2 * 2**30")


@pytest.mark.slow
@needs_limits
def test_memory_runs_out_in_the_worker_alone(tmp_path):
    (tmp_path / "large.png").write_bytes(
        png(SIDE, SIDE, packed_zeros(SIDE * (SIDE + 1)))
    )
    (tmp_path / "small.png").write_bytes(png(9, 9, packed_zeros(90)))
    paths = [str(tmp_path / name) for name in ("large.png", "small.png")]
    script = tmp_path / "script.py"
    script.write_text(f"{WORK}\nX, y = {paths!r}, None\n{recipe()}")
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout == "['OUT_OF_MEMORY', None] -1\n", run.stderr


# whose decoders do not say that they lacked memory
SILENT = {
    "progressive": ("JPEG", {"progressive": True}),
    "webp": ("WEBP", {"method": 0}),
    "lossless": ("WEBP", {"lossless": True, "method": 0}),
}


@needs_limits
@pytest.mark.parametrize("name", SILENT)
def test_a_whole_picture_without_memory_is_not_called_damaged(
    name, tmp_path, monkeypatch
):
    kind, options = SILENT[name]
    data = encode(Image.new("RGB", (4000, 3000)), kind, **options)
    decode_image(data)  # what is needed once is there
    codes = []
    for megabytes in (1, 25, 50, 75, 100, 125, 800):
        monkeypatch.setattr(_fuzz, "SPARE_MEMORY", megabytes * 2**20)
        (code,) = outcomes([data], decode_image, tmp_path)
        codes.append(code)
    assert codes[0] == "OUT_OF_MEMORY"
    assert codes[-1] == "decoded"
    assert set(codes) == {"OUT_OF_MEMORY", "decoded"}
