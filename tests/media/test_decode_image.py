import os
import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from signal import ITIMER_REAL, SIGALRM, setitimer, signal

import numpy as np
import pytest
from PIL import GifImagePlugin, Image, ImageFile, ImageOps, TiffImagePlugin

from mmsk.exceptions import MEDIA_CODES, MediaError
from mmsk.media import decode_image, read_image, resize_image
from tests._corpus import (
    BROKEN,
    ORIENTATION,
    PICTURES,
    SCENE,
    WHITE,
    WHOLE,
    encode,
    photo,
    quarters_of,
    ramp,
    scene,
    with_alpha,
)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """The whole corpus, written once: cell and root by name."""
    folder = tmp_path_factory.mktemp("corpus") / "root"
    folder.mkdir()
    return {
        picture.name: (picture.make(folder), folder if picture.rooted else None)
        for picture in PICTURES
    }


@contextmanager
def time_limit(seconds):
    def stop(number, frame):
        raise TimeoutError

    before = signal(SIGALRM, stop)
    setitimer(ITIMER_REAL, seconds)
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, before)


@pytest.mark.parametrize("picture", WHOLE, ids=str)
def test_whole_pictures(picture, cells):
    cell, root = cells[picture.name]
    image = decode_image(cell, root=root)
    assert image.dtype == np.uint8
    assert image.shape == (*picture.shape, 3)
    assert image.flags.c_contiguous
    assert image.flags.writeable
    if picture.quarters is not None:
        difference = quarters_of(image).astype(int) - picture.quarters
        assert abs(difference).max() <= picture.tolerance
    if picture.mean is not None:
        assert image.mean() == pytest.approx(picture.mean, abs=0.5)
    content = read_image(cell, root=root)
    assert type(content) is bytes
    np.testing.assert_array_equal(decode_image(content), image)


@pytest.mark.parametrize("picture", BROKEN, ids=str)
def test_broken_pictures(picture, cells):
    cell, root = cells[picture.name]
    with time_limit(2), pytest.raises(MediaError) as caught:
        decode_image(cell, root=root)
    assert caught.value.code == picture.code
    assert caught.value.path == (cell if isinstance(cell, str) else None)


def test_the_corpus_has_a_picture_for_every_code_of_pictures():
    # those of `elsewhere` have tests of their own
    elsewhere = {"PERMISSION", "FILE_TOO_LARGE", "BAD_CHANNELS", "ZERO_LENGTH"}
    elsewhere |= {"OUT_OF_MEMORY"}
    of_sound_and_text = {"TOO_LONG", "BAD_RATE", "BAD_ENCODING"}
    here = {picture.code for picture in BROKEN}
    assert here == MEDIA_CODES - elsewhere - of_sound_and_text


def outcomes(cells):
    """What every cell of the corpus gives: pixels, or a code."""
    results = []
    for cell, root in cells.values():
        try:
            results.append(decode_image(cell, root=root).tobytes())
        except MediaError as error:
            results.append(error.code)
    return results


def test_the_globals_of_pillow_are_neither_obeyed_nor_changed(cells, monkeypatch):
    expected = outcomes(cells)
    hostile = [
        (Image, "MAX_IMAGE_PIXELS", 1),
        (Image, "WARN_POSSIBLE_FORMATS", True),
        (ImageFile, "LOAD_TRUNCATED_IMAGES", True),
        (GifImagePlugin, "LOADING_STRATEGY", GifImagePlugin.LoadingStrategy.RGB_ALWAYS),
        (TiffImagePlugin, "READ_LIBTIFF", True),
    ]
    for module, name, value in hostile:
        monkeypatch.setattr(module, name, value)
    filters = list(warnings.filters)
    assert outcomes(cells) == expected
    assert [getattr(module, name) for module, name, _ in hostile] == [
        value for _, _, value in hostile
    ]
    assert warnings.filters == filters


def test_threads_give_what_one_thread_gives(cells):
    start = threading.Barrier(4)

    def run(_):
        start.wait()
        return outcomes(cells)

    expected = outcomes(cells)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [expected] * 4


MEASURE = """
import pickle, re, sys
from pathlib import Path
from mmsk.exceptions import MEDIA_CODES, MediaError
from mmsk.media import decode_image

def peak_mb():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) / 1024

cells = pickle.loads(Path(sys.argv[1]).read_bytes())
before = peak_mb()
for cell, root in cells:
    try:
        decode_image(cell, root=root)
    except MediaError:
        pass
print(peak_mb() - before)
"""


def test_the_corpus_decodes_in_little_memory(cells, tmp_path):
    path = tmp_path / "cells.pickle"
    path.write_bytes(pickle.dumps(list(cells.values())))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, path],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 <= float(run.stdout) < 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    data = encode(scene(), kind, exif=exif, **options)
    # the same picture stored upright, turned by Pillow
    plain = scene()
    plain.getexif()[ORIENTATION] = orientation
    upright = np.asarray(ImageOps.exif_transpose(plain))
    image = decode_image(data)
    assert image.shape == upright.shape
    difference = quarters_of(image).astype(int) - quarters_of(upright)
    assert abs(difference).max() <= 8


def test_corrupt_exif_would_make_pillow_warn(cells):
    # the control to "broken_exif.jpg": decoded above with warnings as errors
    with pytest.warns(UserWarning, match="Corrupt EXIF|Truncated|larger than file"):
        ImageOps.exif_transpose(Image.open(cells["broken_exif.jpg"][0]))


class TestTargetSize:
    def test_jpeg_is_decoded_at_twice_the_target_or_more(self):
        data = encode(photo(), "JPEG")  # 240 x 320
        shapes = {
            target: decode_image(data, target_size=target).shape[:2]
            for target in [1, (30, 40), (31, 40), 60, (60, 80), 61, 200]
        }
        assert shapes == {
            1: (30, 40),  # libjpeg shrinks by 8 at most
            (30, 40): (60, 80),
            (31, 40): (120, 160),
            60: (120, 160),
            (60, 80): (120, 160),
            61: (240, 320),
            200: (240, 320),
        }

    def test_shrunk_picture_is_the_same_picture(self):
        data = encode(photo(), "JPEG", quality=95)
        full = Image.fromarray(decode_image(data))
        draft = decode_image(data, target_size=60)
        reduced = np.asarray(full.reduce(2)).astype(int)
        assert abs(draft - reduced).mean() < 3

    def test_target_is_of_the_upright_picture(self):
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        data = encode(photo(), "JPEG", exif=exif)  # upright 320 x 240
        assert decode_image(data, target_size=(80, 40)).shape == (160, 120, 3)
        assert decode_image(data, target_size=(40, 80)).shape == (320, 240, 3)

    def test_content_gives_the_same(self):
        data = encode(photo(), "JPEG")
        np.testing.assert_array_equal(
            decode_image(data, target_size=30),
            decode_image({"bytes": data, "path": None}, target_size=30),
        )

    def test_other_formats_keep_their_size(self):
        assert decode_image(encode(scene(), "PNG"), target_size=2).shape == (40, 60, 3)

    @pytest.mark.parametrize("size", [0, -3, (0, 5), (1, 2, 3), 2.5, "32", ()])
    def test_other_sizes_are_refused(self, size):
        with pytest.raises(ValueError, match=r"A size is an int of at least 1"):
            decode_image(encode(scene(), "PNG"), target_size=size)


class TestSize:
    @pytest.mark.parametrize("size", [30, (240, 320), (61, 7), (300, 400)])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "turned", "open", "array"])
    def test_it_is_decoded_and_resized(self, kind, size):
        exif = Image.Exif()
        exif[ORIENTATION] = 6 if kind == "turned" else 1
        if kind in ("JPEG", "PNG", "turned"):
            cell = encode(photo(), "PNG" if kind == "PNG" else "JPEG", exif=exif)
        else:
            cell = photo() if kind == "open" else np.asarray(photo())
        for resample in ("bilinear", "nearest", "lanczos"):
            image = decode_image(cell, size=size, resample=resample)
            decoded = decode_image(cell, target_size=size)
            steps = resize_image(decoded, size, resample=resample)
            np.testing.assert_array_equal(image, steps)
            assert image.flags.c_contiguous
            assert image.flags.writeable

    def test_an_array_is_not_returned_itself(self):
        pixels = np.asarray(photo()).copy()
        image = decode_image(pixels, size=pixels.shape[:2])
        np.testing.assert_array_equal(image, pixels)
        assert not np.shares_memory(image, pixels)

    def test_it_goes_before_the_target(self):
        data = encode(photo(), "JPEG")
        np.testing.assert_array_equal(
            decode_image(data, size=40, target_size=200), decode_image(data, size=40)
        )

    def test_what_is_none_is_refused(self):
        with pytest.raises(ValueError, match="A size is an int of at least 1"):
            decode_image(photo(), size=0)
        with pytest.raises(ValueError, match="resample must be one of"):
            decode_image(photo(), size=5, resample="cubic")


class TestCells:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_bytes(self, kind):
        image = decode_image(kind(encode(scene(), "PNG")))
        np.testing.assert_array_equal(image, np.asarray(scene()))

    def test_path_object(self, tmp_path):
        scene().save(tmp_path / "a.png")
        expected = np.asarray(scene())
        np.testing.assert_array_equal(decode_image(tmp_path / "a.png"), expected)
        np.testing.assert_array_equal(decode_image("a.png", root=tmp_path), expected)

    def test_dict_of_datasets_prefers_bytes(self, tmp_path):
        path = tmp_path / "black.png"
        Image.new("RGB", (3, 2)).save(path)
        data = encode(scene(), "PNG")
        assert decode_image({"bytes": data, "path": str(path)}).shape == (40, 60, 3)
        assert decode_image({"bytes": None, "path": path}).shape == (2, 3, 3)
        assert decode_image({"path": "black.png"}, root=tmp_path).shape == (2, 3, 3)

    def test_dict_names_its_path_in_errors(self):
        with pytest.raises(MediaError, match=r"'x\.jpg'.*TRUNCATED") as caught:
            decode_image({"bytes": encode(photo(), "JPEG")[:500], "path": "x.jpg"})
        assert caught.value.path == "x.jpg"

    @pytest.mark.parametrize("picture", WHOLE, ids=str)
    def test_open_picture_gives_what_its_file_gives(self, picture, cells):
        cell, root = cells[picture.name]
        path = Path(root or "") / cell
        if picture.name in ("broken_exif.jpg", "deep_3.tif"):
            path = cells["scene.png"][0]  # Pillow warns of the one itself
        with Image.open(path) as opened:
            image = decode_image(opened)
            np.testing.assert_array_equal(read_image(opened), image)
        np.testing.assert_array_equal(image, decode_image(path))

    def test_open_picture_that_is_broken(self, cells):
        for name, code in [("half.jpg", "TRUNCATED"), ("half.gif", "TRUNCATED")]:
            path, _ = cells[name]
            with Image.open(path) as opened, pytest.raises(MediaError) as caught:
                decode_image(opened)
            assert caught.value.code == code
            assert caught.value.path == path
            assert isinstance(caught.value.__cause__, OSError)

    def test_open_picture_of_too_many_pixels(self):
        with pytest.raises(MediaError, match="60 x 40 pixels, more than max_pixels=99"):
            decode_image(scene(), max_pixels=99)


class TestArrays:
    @pytest.mark.parametrize(
        ("pixel", "expected"),
        [
            (np.uint8(7), 7),
            (np.bool_(True), 255),
            (np.uint16(65535), 255),
            (np.uint16(128), 0),
            (np.uint16(129), 1),
            (np.array(32768, dtype=">u2"), 128),
            (np.float32(0.5), 128),
            (np.float64(0.1), 26),
            (np.float16(1), 255),
            (np.float64(1 + 1e-7), 255),
        ],
    )
    def test_grey(self, pixel, expected):
        array = np.full((2, 3), pixel, dtype=pixel.dtype)
        image = decode_image(array)
        assert image.shape == (2, 3, 3)
        assert image.dtype == np.uint8
        assert (image == expected).all()

    def test_colours_are_copied(self):
        array = np.asarray(scene())
        image = decode_image(array[::-1, ::-1])
        np.testing.assert_array_equal(image, array[::-1, ::-1])
        assert image.flags.c_contiguous
        image[:] = 0
        assert array.any()

    @pytest.mark.parametrize("scale", [1, 257, 1 / 255])
    def test_alpha_is_laid_on_white(self, scale):
        array = np.asarray(with_alpha()).astype(float) * scale
        if scale >= 1:
            array = array.astype(np.uint8 if scale == 1 else np.uint16)
        expected = (SCENE[0], WHITE, (127, 127, 255), SCENE[3])
        np.testing.assert_array_equal(quarters_of(decode_image(array)), expected)

    @pytest.mark.parametrize(
        ("array", "code", "words"),
        [
            (np.zeros((2, 2), np.int64), "BAD_TYPE", 'array of int64.*astype\\("uint8'),
            (np.zeros((2, 2), "U3"), "BAD_TYPE", "array of <U3"),
            (np.zeros((2, 2), object), "BAD_TYPE", "array of object"),
            (np.zeros(4, np.uint8), "BAD_TYPE", r"shape \(4,\)"),
            (np.zeros((2, 2, 2, 3), np.uint8), "BAD_TYPE", r"\(H, W, 3\)"),
            (np.zeros((3, 8, 8), np.uint8), "BAD_CHANNELS", "moveaxis"),
            (np.zeros((0, 4, 3), np.uint8), "ZERO_LENGTH", "empty array"),
            (np.array([[0.0, np.nan]]), "NOT_FINITE", "NaN"),
            (np.array([[0.0, np.inf]]), "NOT_FINITE", "infinity"),
            (np.array([[0.0, 128.0]]), "BAD_TYPE", "from 0 to 128.*Divide"),
            (np.array([[-0.5, 0.5]]), "BAD_TYPE", r"from -0\.5 to 0\.5"),
            (np.zeros((100, 100), np.uint8), "TOO_MANY_PIXELS", "100 x 100"),
        ],
    )
    def test_refused(self, array, code, words):
        with pytest.raises(MediaError, match=words) as caught:
            decode_image(array, max_pixels=9999)
        assert caught.value.code == code


class TestModes:
    @pytest.mark.parametrize(
        ("values", "low", "high"),
        [
            (ramp(1, "<f4"), 0, 255),
            (ramp(0.5, "<f4"), 0, 128),
            (ramp(200, "<f4"), 0, 200),
            (ramp(257 * 90, "<f4"), 0, 90),
            (ramp(7e5, "<f4") + 1e6, 0, 255),
            (ramp(1, "<f4") - 1, 0, 255),
            (ramp(200, "<i4"), 0, 200),
            (ramp(257 * 90, "<i4"), 0, 90),
            (ramp(2e9, "<i4") - 10**9, 0, 255),
            (np.full((4, 4), -3, "<i4"), 0, 0),
        ],
    )
    def test_deep_values_are_scaled_by_the_range_that_holds_them(
        self, values, low, high
    ):
        image = decode_image(encode(Image.fromarray(values), "TIFF"))
        assert (image.min(), image.max()) == (low, high)
        assert (np.diff(image[..., 0].ravel().astype(int)) >= 0).all()

    @pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGBX", "RGBa", "La", "PA"])
    def test_rarer_modes(self, mode):
        picture = scene("LA" if mode == "La" else "RGBA" if mode == "RGBa" else "RGB")
        if mode == "PA":
            picture = scene().quantize(8)
        expected = np.asarray(picture.convert("RGB")).astype(int)
        assert abs(decode_image(picture.convert(mode)) - expected).max() <= 3

    def test_transparent_grey_of_16_bits(self):
        data = encode(Image.fromarray(ramp(65535, "<u2")), "PNG", transparency=0)
        assert tuple(decode_image(data)[0, 0]) == WHITE
        assert tuple(decode_image(data)[1, 0]) == (6, 6, 6)


def test_too_large(tmp_path):
    data = encode(scene(), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for cell in (data, path, {"bytes": data, "path": "b.png"}):
        decode_image(cell, max_bytes=len(data))
        with pytest.raises(MediaError, match=f"{len(data)} bytes") as caught:
            decode_image(cell, max_bytes=len(data) - 1)
        assert caught.value.code == "FILE_TOO_LARGE"
        paths = {"a.png", "b.png"} if cell is not data else {None}
        assert (caught.value.path and os.path.basename(caught.value.path)) in paths


@pytest.mark.parametrize("size", [(1, 1), (1, 40_000), (40_000, 1), (333, 777)])
def test_large_pictures_arrive_whole(size):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_image(Image.fromarray(pixels)), pixels)


def test_pixel_limit_counts_every_pixel():
    data = encode(scene(), "PNG")
    decode_image(data, max_pixels=2400)
    with pytest.raises(MediaError) as caught:
        decode_image(data, max_pixels=2399)
    assert caught.value.code == "TOO_MANY_PIXELS"


@pytest.mark.parametrize("cell", [encode(scene(), "PNG"), scene()], ids=["file", "PIL"])
def test_out_of_memory(cell, monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("mmsk.media._open_image.to_rgb", fail)
    with pytest.raises(MediaError, match="no memory") as caught:
        decode_image(cell)
    assert caught.value.code == "OUT_OF_MEMORY"
    assert isinstance(caught.value.__cause__, MemoryError)


def test_the_original_exception_is_kept(cells):
    with pytest.raises(MediaError) as caught:
        decode_image(cells["half.webp"][0])
    assert isinstance(caught.value.__cause__, OSError)
