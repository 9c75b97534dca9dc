"""Pictures of every kind, whole and broken, with what decoding each must give.

The corpus is written into a temporary folder by the tests that need it; nothing
binary is kept. Whole pictures show one scene: a red, a green, a blue and a yellow
quarter, so that four pixels tell colours, rotation and frame apart.
"""

import errno
import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 40, 60
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SCENE = (RED, GREEN, BLUE, YELLOW)
GREYS = tuple((level,) * 3 for level in (76, 150, 29, 226))  # ITU-R 601 luma
ORIENTATION = 274


@dataclass(frozen=True)
class Picture:
    """One picture of the corpus and what decoding it must give."""

    name: str
    # writes below a folder that exists and returns the cell
    make: Callable[[Path], object]
    # the error, or None
    code: str | None = None
    # of a decoded picture: shape, colours of the quarters, mean of all values
    shape: tuple[int, int] = (HEIGHT, WIDTH)
    quarters: tuple | None = SCENE
    mean: float | None = None
    tolerance: int = 0
    # decode below root=folder
    rooted: bool = False

    def __str__(self) -> str:
        return self.name


def quarters_of(image: np.ndarray) -> np.ndarray:
    """Return the colours in the middle of the quarters, clockwise by rows."""
    height, width = image.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return image[np.ix_(rows, columns)].reshape(4, -1)


def scene(mode: str = "RGB") -> Image.Image:
    """Return the scene of four quarters."""
    small = np.array(SCENE, dtype=np.uint8).reshape(2, 2, 3)
    large = small.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)
    return Image.fromarray(large).convert(mode)


def with_alpha() -> Image.Image:
    """Return the scene with quarters of alpha 255, 0, 128 and 255."""
    alpha = np.array([[255, 0], [128, 255]], dtype=np.uint8)
    alpha = alpha.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)
    picture = scene("RGBA")
    picture.putalpha(Image.fromarray(alpha))
    return picture


def photo() -> Image.Image:
    """Return a picture with detail everywhere, so that its files are long."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)


def ramp(top: float, dtype: str) -> np.ndarray:
    """Return grey values from 0 to a maximum, spread evenly."""
    levels = np.linspace(0, top, HEIGHT * WIDTH).astype(dtype)
    return levels.reshape(HEIGHT, WIDTH)


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Return the file of a picture."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def animation(kind: str) -> bytes:
    """Return a file whose first frame is the scene and whose second is black."""
    options = {"lossless": True} if kind == "WEBP" else {}
    frames = [Image.new("RGB", (WIDTH, HEIGHT))]
    return encode(scene(), kind, save_all=True, append_images=frames, **options)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    size, checksum = len(body), zlib.crc32(kind + body)
    return struct.pack(">L", size) + kind + body + struct.pack(">L", checksum)


def png(
    width: int,
    height: int,
    packed: bytes,
    *extra: bytes,
    depth: int = 8,
    colour: int = 0,
    interlace: int = 0,
) -> bytes:
    """Return a PNG file with given picture data; further chunks go before it."""
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, interlace)
    chunks = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", packed))
    return b"".join([b"\x89PNG\r\n\x1a\n", *chunks, chunk(b"IEND", b"")])


def interlaced_png(picture: Image.Image) -> bytes:
    """Return an RGB picture as a PNG in Adam7 order, which Pillow can't write."""
    pixels = np.array(picture)
    rows = []
    for top, left, down, right in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        part = pixels[top::down, left::right]
        if part.size:
            rows += [b"\0" + row.tobytes() for row in part]
    packed = zlib.compress(b"".join(rows))
    return png(*picture.size, packed, colour=2, interlace=1)


def packed_zeros(n_bytes: int) -> bytes:
    """Return a zlib stream of zeros without making them all."""
    block = 2**20
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    # a full flush forgets what came before, so the piece may be repeated
    piece = deflate.compress(bytes(block)) + deflate.flush(zlib.Z_FULL_FLUSH)
    rest = deflate.compress(bytes(n_bytes % block)) + deflate.flush()
    checksum = struct.pack(">L", n_bytes % 65521 << 16 | 1)
    return b"\x78\xda" + piece * (n_bytes // block) + rest + checksum


def flip(data: bytes, position: int, bit: int) -> bytes:
    """Return a file with one bit turned."""
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]


def half(data: bytes) -> bytes:
    """Return the first half of a file."""
    return data[: len(data) // 2]


def _file(name: str, content: Callable[[], bytes]) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        path = folder / name
        path.write_bytes(content())
        return str(path)

    return make


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def _keyed_palette() -> Image.Image:
    picture = scene().quantize(8)
    picture.info["transparency"] = picture.getpixel((WIDTH - 1, 0))  # the green
    return picture


def _faded_palette() -> Image.Image:
    picture = scene().quantize(8)
    alpha = bytearray(b"\xff" * 8)
    alpha[picture.getpixel((0, HEIGHT - 1))] = 128  # the blue
    picture.info["transparency"] = bytes(alpha)
    return picture


def _flipped_in_frame_header() -> bytes:
    data = encode(photo(), "JPEG")
    return flip(data, data.index(b"\xff\xc0") + 1, 7)


def _flipped_in_data() -> bytes:
    data = encode(photo(), "PNG")
    return flip(data, len(data) // 2, 0)


def _text_bomb() -> bytes:
    bomb = b"Comment\0\0" + packed_zeros(100 * 2**20)
    return png(1, 1, zlib.compress(b"\0\0"), chunk(b"zTXt", bomb))


def _zeros_png(width: int, height: int, depth: int) -> bytes:
    row = 1 + (width * depth + 7) // 8
    return png(width, height, packed_zeros(row * height), depth=depth)


def _huge_gif() -> bytes:
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, 65535, 65535, 0)
    screen = struct.pack("<6sHHBBB", b"GIF89a", 65535, 65535, 0, 0, 0)
    return screen + frame + b"\x02\x02\x4c\x01\x00;"


def _whole() -> list[Picture]:
    def of(name: str, content: Callable[[], bytes], **expected: object) -> Picture:
        return Picture(name, _file(name, content), **expected)

    jpeg = {"quality": 95, "subsampling": 0}
    half_red, half_blue = (255, 127, 127), (127, 127, 255)
    luma = [level[0] for level in GREYS]
    grey_alpha = (luma[0], 255, (luma[2] * 128 + 255 * 127) // 255, luma[3])
    return [
        of("scene.jpg", lambda: encode(scene(), "JPEG", **jpeg), tolerance=4),
        of(
            "progressive.jpg",
            lambda: encode(scene(), "JPEG", progressive=True, **jpeg),
            tolerance=4,
        ),
        of("scene.png", lambda: encode(scene(), "PNG")),
        of("interlaced.png", lambda: interlaced_png(scene())),
        of("scene.gif", lambda: encode(scene(), "GIF")),
        of("scene.webp", lambda: encode(scene(), "WEBP", lossless=True)),
        of("lossy.webp", lambda: encode(scene(), "WEBP", quality=95), tolerance=12),
        of("scene.bmp", lambda: encode(scene(), "BMP")),
        of("scene.tif", lambda: encode(scene(), "TIFF")),
        of("lzw.tif", lambda: encode(scene(), "TIFF", compression="tiff_lzw")),
        of("deflate.tif", lambda: encode(scene(), "TIFF", compression="tiff_deflate")),
        of("packed.tif", lambda: encode(scene(), "TIFF", compression="packbits")),
        of(
            "jpeg.tif",
            lambda: encode(scene(), "TIFF", compression="jpeg", quality=95),
            tolerance=4,
        ),
        of("big.tif", lambda: encode(scene(), "TIFF", big_tiff=True)),
        of(
            "rotated.jpg",
            lambda: encode(
                scene().transpose(Image.Transpose.ROTATE_90),
                "JPEG",
                exif=_exif(6),
                **jpeg,
            ),
            tolerance=4,
        ),
        of(
            "broken_exif.jpg",
            # one entry of 60,000, and it points out of the block
            lambda: encode(
                scene(),
                "JPEG",
                exif=b"Exif\0\0II*\0\x08\0\0\0\x60\xea"
                + struct.pack("<HHLL", 270, 2, 4000, 9000),
                **jpeg,
            ),
            tolerance=4,
        ),
        of("cmyk.jpg", lambda: encode(scene("CMYK"), "JPEG", **jpeg), tolerance=4),
        of("cmyk.tif", lambda: encode(scene("CMYK"), "TIFF")),
        of(
            "grey.jpg",
            lambda: encode(scene("L"), "JPEG", **jpeg),
            quarters=GREYS,
            tolerance=2,
        ),
        of("grey.png", lambda: encode(scene("L"), "PNG"), quarters=GREYS),
        *(
            of(
                f"deep_{i}.{kind}",
                lambda array=array, kind=kind: encode(
                    Image.fromarray(array), "PNG" if kind == "png" else "TIFF"
                ),
                quarters=None,
                mean=127.5,
            )
            for i, (array, kind) in enumerate(
                [
                    (ramp(65535, "<u2"), "png"),
                    (ramp(65535, "<u2"), "tif"),
                    (ramp(65535, ">u2"), "tif"),
                    (ramp(65535, "<i4"), "tif"),
                    (ramp(1, "<f4"), "tif"),
                    (ramp(65535, "<f4"), "tif"),
                    (ramp(1e6, "<f4") - 5e5, "tif"),
                ]
            )
        ),
        of("palette.png", lambda: encode(scene().quantize(8), "PNG")),
        of(
            "keyed.png",
            lambda: encode(_keyed_palette(), "PNG"),
            quarters=(RED, WHITE, BLUE, YELLOW),
        ),
        of(
            "faded.png",
            lambda: encode(_faded_palette(), "PNG"),
            quarters=(RED, GREEN, half_blue, YELLOW),
        ),
        of(
            "keyed.gif",
            lambda: encode(_keyed_palette(), "GIF"),
            quarters=(RED, WHITE, BLUE, YELLOW),
        ),
        of(
            "alpha.png",
            lambda: encode(with_alpha(), "PNG"),
            quarters=(RED, WHITE, half_blue, YELLOW),
        ),
        of(
            "alpha.webp",
            lambda: encode(with_alpha(), "WEBP", lossless=True),
            quarters=(RED, WHITE, half_blue, YELLOW),
        ),
        of(
            "alpha.tif",
            lambda: encode(with_alpha(), "TIFF"),
            quarters=(RED, WHITE, half_blue, YELLOW),
        ),
        of(
            "grey_alpha.png",
            lambda: encode(with_alpha().convert("LA"), "PNG"),
            quarters=tuple((level,) * 3 for level in grey_alpha),
            tolerance=1,
        ),
        of(
            "half_red.png",
            lambda: encode(Image.new("RGBA", (2, 2), (255, 0, 0, 128)), "PNG"),
            shape=(2, 2),
            quarters=(half_red,) * 4,
        ),
        of(
            "one_bit.png",
            lambda: encode(Image.fromarray(ramp(2, "u1") > 0), "PNG"),
            quarters=(BLACK, BLACK, WHITE, WHITE),
        ),
        of(
            "fax.tif",
            lambda: encode(
                Image.fromarray(ramp(2, "u1") > 0), "TIFF", compression="group4"
            ),
            quarters=(BLACK, BLACK, WHITE, WHITE),
        ),
        of(
            "dot.png",
            lambda: encode(Image.new("RGB", (1, 1), RED), "PNG"),
            shape=(1, 1),
            quarters=(RED,) * 4,
        ),
        of(
            "line.png",
            lambda: encode(Image.new("RGB", (5000, 1), RED), "PNG"),
            shape=(1, 5000),
            quarters=(RED,) * 4,
        ),
        of(
            "column.jpg",
            lambda: encode(Image.new("RGB", (1, 5000), RED), "JPEG", **jpeg),
            shape=(5000, 1),
            quarters=(RED,) * 4,
            tolerance=4,
        ),
        of("animation.gif", lambda: animation("GIF")),
        of("animation.png", lambda: animation("PNG")),
        of("animation.webp", lambda: animation("WEBP")),
        of("pages.tif", lambda: animation("TIFF")),
        of("a_png.jpg", lambda: encode(scene(), "PNG")),
        of("no_extension", lambda: encode(scene(), "PNG")),
        of("then_garbage.png", lambda: encode(scene(), "PNG") + b"\xff\xd8gar" * 99),
        of("then_garbage.gif", lambda: encode(scene(), "GIF") + b"\0garbage" * 99),
        of(
            "then_garbage.jpg",
            lambda: encode(scene(), "JPEG", **jpeg) + b"\0garbage" * 99,
            tolerance=4,
        ),
        of("ünïcode 图片.png", lambda: encode(scene(), "PNG")),
        of("new\nline.png", lambda: encode(scene(), "PNG")),
        of("-rf.png", lambda: encode(scene(), "PNG")),
        Picture("symlink", _link),
        Picture("below root", lambda folder: _below_root(folder, "."), rooted=True),
        Picture("link in root", _link, rooted=True),
        Picture(
            "absolute below root",
            lambda folder: str(folder / _below_root(folder, ".")),
            rooted=True,
        ),
    ]


def _below_root(folder: Path, part: str) -> str:
    (folder / part / "below.png").write_bytes(encode(scene(), "PNG"))
    return f"{part}/below.png"


def _link(folder: Path) -> str:
    (folder / "target.png").write_bytes(encode(scene(), "PNG"))
    link = folder / "link.png"
    link.unlink(missing_ok=True)
    link.symlink_to("target.png")
    return str(link)


def _link_to(name: str, target: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        return str(link)

    return make


def _pipe(folder: Path) -> str:
    path = folder / "pipe.png"
    try:
        os.mkfifo(path)
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
    return str(path)


def _outside(folder: Path) -> str:
    (folder.parent / "outside.png").write_bytes(encode(scene(), "PNG"))
    return "../outside.png"


def _link_outside(folder: Path) -> str:
    _outside(folder)
    link = folder / "way_out.png"
    link.unlink(missing_ok=True)
    link.symlink_to("../outside.png")
    return "way_out.png"


def _broken() -> list[Picture]:
    def of(name: str, code: str, content: Callable[[], bytes]) -> Picture:
        return Picture(name, _file(name, content), code)

    def no_file(name: str, code: str, cell: object) -> Picture:
        return Picture(name, lambda folder: cell, code)

    html = b"<!DOCTYPE html><html><title>404</title></html>"
    svg = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"
    return [
        of("half.jpg", "TRUNCATED", lambda: half(encode(photo(), "JPEG"))),
        of("less_2.jpg", "TRUNCATED", lambda: encode(photo(), "JPEG")[:-2]),
        of("first_100.jpg", "TRUNCATED", lambda: encode(photo(), "JPEG")[:100]),
        of(
            "closed_early.jpg",
            "TRUNCATED",
            lambda: half(encode(photo(), "JPEG")) + b"\xff\xd9",
        ),
        of(
            "half_progressive.jpg",
            "TRUNCATED",
            lambda: half(encode(photo(), "JPEG", progressive=True)),
        ),
        of("half.png", "TRUNCATED", lambda: half(encode(photo(), "PNG"))),
        of("less_12.png", "TRUNCATED", lambda: encode(photo(), "PNG")[:-12]),
        of(
            "ends_early.png",  # whole but for the picture's last rows
            "TRUNCATED",
            lambda: png(100, 100, zlib.compress(bytes(101 * 60))),
        ),
        of(
            "claims_7000.png",
            "TRUNCATED",
            lambda: png(7000, 7000, zlib.compress(bytes(9))),
        ),
        of("half.gif", "TRUNCATED", lambda: half(encode(photo(), "GIF"))),
        of("half.bmp", "TRUNCATED", lambda: half(encode(photo(), "BMP"))),
        of("half.tif", "TRUNCATED", lambda: half(encode(photo(), "TIFF"))),
        of("less_1.tif", "TRUNCATED", lambda: encode(photo(), "TIFF")[:-1]),
        of(
            "half_lzw.tif",
            "TRUNCATED",
            lambda: half(encode(photo(), "TIFF", compression="tiff_lzw")),
        ),
        of("half.webp", "CORRUPT", lambda: half(encode(photo(), "WEBP"))),
        of("flipped.jpg", "CORRUPT", _flipped_in_frame_header),
        of("flipped.png", "CORRUPT", _flipped_in_data),
        of("text_bomb.png", "CORRUPT", _text_bomb),
        of("no_frame.gif", "CORRUPT", lambda: _huge_gif()[:13] + b";"),
        of("no_palette.png", "CORRUPT", lambda: png(1, 1, b"xxxxx", colour=3)),
        of("50k.png", "TOO_MANY_PIXELS", lambda: _zeros_png(50_000, 50_000, 1)),
        of("12k.png", "TOO_MANY_PIXELS", lambda: _zeros_png(12_000, 12_000, 8)),
        of(
            "claims_9000.png",
            "TOO_MANY_PIXELS",
            lambda: png(9000, 9000, zlib.compress(bytes(3))),
        ),
        of("65535.gif", "TOO_MANY_PIXELS", _huge_gif),
        of("zeros.jpg", "UNKNOWN_FORMAT", lambda: bytes(5000)),
        of("page.jpg", "UNKNOWN_FORMAT", lambda: html),
        of("drawing.png", "UNKNOWN_FORMAT", lambda: svg),
        of("text.png", "UNKNOWN_FORMAT", lambda: b"BMW and other words"),
        of("lfs.jpg", "UNKNOWN_FORMAT", lambda: pointer),
        of("eps.jpg", "UNKNOWN_FORMAT", lambda: eps),
        of("avif.jpg", "FORMAT_NOT_ALLOWED", lambda: b"\0\0\0 ftypavif" + bytes(99)),
        of("icon.png", "FORMAT_NOT_ALLOWED", lambda: encode(scene(), "ICO")),
        of("lab.tif", "FORMAT_NOT_ALLOWED", lambda: encode(_lab(), "TIFF")),
        of("nan.tif", "NOT_FINITE", lambda: encode(_not_a_number(), "TIFF")),
        of("empty.jpg", "EMPTY_FILE", lambda: b""),
        no_file("no bytes", "EMPTY_FILE", b""),
        no_file("missing", "NOT_FOUND", "no/such/file.jpg"),
        Picture("file as folder", _file_as_folder, "NOT_FOUND"),
        Picture("dangling link", _link_to("dangling.png", "nothing.png"), "NOT_FOUND"),
        Picture("directory", str, "NOT_A_FILE"),
        Picture("pipe", _pipe, "NOT_A_FILE"),
        no_file("device", "NOT_A_FILE", "/dev/zero"),
        no_file("NUL", "BAD_PATH", "a\0.jpg"),
        no_file("long path", "BAD_PATH", "a" * 5000),
        no_file("empty path", "BAD_PATH", ""),
        no_file("lone surrogate", "BAD_PATH", "\ud800.png"),
        Picture("link to itself", _link_to("circle.png", "circle.png"), "BAD_PATH"),
        no_file("number", "BAD_TYPE", 7),
        no_file("None", "BAD_TYPE", None),
        no_file("NaN", "BAD_TYPE", float("nan")),
        no_file("list of cells", "BAD_TYPE", ["a.png", "b.png"]),
        no_file("nested list", "BAD_TYPE", [[0, 1], [2, 3]]),
        no_file("dict without the keys", "BAD_TYPE", {"url": "a.png"}),
        no_file("dict of None", "BAD_TYPE", {"bytes": None, "path": None}),
        no_file("http", "URL", "http://localhost/a.png"),
        no_file("s3", "URL", "s3://bucket/a.png"),
        no_file("file URL", "URL", "file:///etc/hostname"),
        no_file("data URL", "URL", "data:image/png;base64,iVBORw0KGgo="),
        Picture("leaves root", _outside, "OUTSIDE_ROOT", rooted=True),
        Picture("link leaves root", _link_outside, "OUTSIDE_ROOT", rooted=True),
        Picture("other root", lambda _: "/dev/zero", "OUTSIDE_ROOT", rooted=True),
    ]


def _lab() -> Image.Image:
    return Image.new("LAB", (WIDTH, HEIGHT))


def _not_a_number() -> Image.Image:
    values = ramp(1, "<f4")
    values[3, 3] = np.nan
    return Image.fromarray(values)


def _file_as_folder(folder: Path) -> str:
    return _file("a_file", lambda: b"x")(folder) + "/a.png"


WHOLE = _whole()
BROKEN = _broken()
PICTURES = WHOLE + BROKEN
