"""Clips of every kind, whole and broken, with what decoding each must give.

The corpus is written into a temporary folder by the tests that need it; nothing
binary is kept. Whole clips hold one tune, a tone that rises, so that length, level,
channels and codec can all be told from its samples.
"""

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
N_SAMPLES = 6000
HEAD = 44  # bytes of a plain WAV header


@dataclass(frozen=True)
class Clip:
    """One clip of the corpus and what decoding it must give."""

    name: str
    # writes below a folder that exists and returns the cell
    make: Callable[[Path], object]
    # the error, or None
    code: str | None = None
    # of a decoded clip: rate, and the samples with how far they may be off
    rate: int = RATE
    samples: np.ndarray | None = None
    tolerance: float = 0.0
    # decode below root=folder
    rooted: bool = False

    def __str__(self) -> str:
        return self.name


@cache
def tune(rate: int = RATE, n_samples: int = N_SAMPLES) -> np.ndarray:
    """Return a tone that rises from 200 Hz to 1.4 kHz, float64, peak 0.5."""
    seconds = np.arange(n_samples) / rate
    return 0.5 * np.sin(2 * np.pi * (200 + 1600 * seconds) * seconds)


def encode(
    samples: np.ndarray, kind: str, subtype: str, rate: int = RATE, **options: object
) -> bytes:
    """Return the file of a clip, of shape (n,) or (n, n_channels)."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype, **options)
    return file.getvalue()


def wav(
    body: bytes,
    *,
    tag: int = 1,
    n_channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    size: int | None = None,
    before: bytes = b"",
) -> bytes:
    """Return a WAV file of given samples; further chunks go before its header."""
    block = n_channels * bits // 8
    layout = struct.pack("<HHLLHH", tag, n_channels, rate, rate * block, block, bits)
    size = len(body) if size is None else size
    chunks = before + b"fmt " + struct.pack("<L", len(layout)) + layout
    return b"".join(
        [
            b"RIFF" + struct.pack("<L", 4 + len(chunks) + 8 + len(body)) + b"WAVE",
            chunks,
            b"data" + struct.pack("<L", size),
            body,
        ]
    )


def pcm16(samples: np.ndarray) -> bytes:
    """Return samples as 16-bit PCM."""
    return np.rint(samples * 32768).clip(-32768, 32767).astype("<i2").tobytes()


@cache
def plain_wav() -> bytes:
    """Return the tune as a 16-bit WAV."""
    return wav(pcm16(tune()))


@cache
def flac() -> bytes:
    """Return the tune as a FLAC."""
    return encode(tune(), "FLAC", "PCM_16")


@cache
def ogg() -> bytes:
    """Return the tune as an Ogg Vorbis."""
    return encode(tune(), "OGG", "VORBIS")


@cache
def mp3() -> bytes:
    """Return the tune as an MP3."""
    return encode(tune(), "MP3", "MPEG_LAYER_III")


def claiming(data: bytes, n_samples: int) -> bytes:
    """Return a FLAC file that claims to have so many samples, 0 for "not known"."""
    place = 4 + 4 + 13  # 36 bits, below 4 that are something else
    stated = (data[place] & 0xF0) << 32 | n_samples
    return data[:place] + stated.to_bytes(5, "big") + data[place + 5 :]


def silent_flac(n_seconds: int, rate: int = 8000) -> bytes:
    """Return a FLAC of silence, written without holding it."""
    file = io.BytesIO()
    second = np.zeros(rate, dtype=np.int16)
    kind = {"format": "FLAC", "subtype": "PCM_16"}
    with soundfile.SoundFile(file, "w", rate, 1, **kind) as out:
        for _ in range(n_seconds):
            out.write(second)
    return file.getvalue()


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


def _link(folder: Path) -> str:
    (folder / "target.wav").write_bytes(plain_wav())
    link = folder / "link.wav"
    link.unlink(missing_ok=True)
    link.symlink_to("target.wav")
    return str(link)


def _below_root(folder: Path) -> str:
    (folder / "below.wav").write_bytes(plain_wav())
    return "below.wav"


def _whole() -> list[Clip]:
    def of(name: str, content: Callable[[], bytes], **expected: object) -> Clip:
        return Clip(name, _file(name, content), **{"samples": tune(), **expected})

    def coded(name: str, kind: str, subtype: str, tolerance: float) -> Clip:
        return of(name, lambda: encode(tune(), kind, subtype), tolerance=tolerance)

    def at(rate: int) -> Clip:
        there = tune(rate, rate // 4)
        body = lambda: wav(pcm16(there), rate=rate)  # noqa: E731
        return of(f"{rate}.wav", body, rate=rate, samples=there, tolerance=2e-5)

    stereo = np.stack([tune(), tune() / 2], axis=1)
    eight = tune()[:, None] * np.arange(8) / 7
    dot = np.array([0.25])
    silence = np.zeros(N_SAMPLES)
    return [
        of("16.wav", plain_wav, tolerance=2e-5),
        coded("8.wav", "WAV", "PCM_U8", 0.008),
        coded("24.wav", "WAV", "PCM_24", 1e-6),
        coded("32.wav", "WAV", "PCM_32", 1e-7),
        coded("float.wav", "WAV", "FLOAT", 1e-7),
        coded("double.wav", "WAV", "DOUBLE", 1e-7),
        coded("mu.wav", "WAV", "ULAW", 0.02),
        coded("a.wav", "WAV", "ALAW", 0.02),
        coded("extensible.wav", "WAVEX", "PCM_24", 1e-6),
        coded("8.aiff", "AIFF", "PCM_S8", 0.008),
        coded("16.aiff", "AIFF", "PCM_16", 4e-5),
        coded("24.aiff", "AIFF", "PCM_24", 1e-6),
        coded("float.aiff", "AIFF", "FLOAT", 1e-7),
        coded("mu.aiff", "AIFF", "ULAW", 0.02),
        of("16.flac", flac, tolerance=4e-5),
        coded("24.flac", "FLAC", "PCM_24", 1e-6),
        of("streamed.flac", lambda: claiming(flac(), 0), tolerance=4e-5),
        of("vorbis.ogg", ogg, tolerance=0.1),
        coded("opus.ogg", "OGG", "OPUS", 0.35),
        of("layer3.mp3", mp3, tolerance=0.1),
        at(8000),
        at(44100),
        at(192_000),
        of(
            "stereo.wav",
            lambda: encode(stereo, "WAV", "FLOAT"),
            samples=0.75 * tune(),
            tolerance=1e-7,
        ),
        of(
            "stereo.ogg",
            lambda: encode(stereo, "OGG", "VORBIS"),
            samples=0.75 * tune(),
            tolerance=0.1,
        ),
        of(
            "stereo.mp3",
            lambda: encode(stereo, "MP3", "MPEG_LAYER_III"),
            samples=0.75 * tune(),
            tolerance=0.1,
        ),
        of(
            "8_channels.flac",
            lambda: encode(eight, "FLAC", "PCM_24"),
            samples=tune() / 2,
            tolerance=1e-6,
        ),
        of("one.wav", lambda: encode(dot, "WAV", "PCM_16"), samples=dot),
        of("one.flac", lambda: encode(dot, "FLAC", "PCM_16"), samples=dot),
        of("silence.wav", lambda: encode(silence, "WAV", "PCM_16"), samples=silence),
        of("silence.ogg", lambda: encode(silence, "OGG", "VORBIS"), samples=silence),
        of("a_wav.mp3", plain_wav, tolerance=2e-5),
        of("a_flac.wav", flac, tolerance=4e-5),
        of("no_extension", flac, tolerance=4e-5),
        *(
            of(
                f"then_garbage.{kind}",
                lambda make=make: make() + b"\0garbage" * 99,
                tolerance=tolerance,
            )
            for kind, make, tolerance in [
                ("wav", plain_wav, 2e-5),
                ("aiff", lambda: encode(tune(), "AIFF", "PCM_16"), 4e-5),
                ("flac", flac, 4e-5),
                ("ogg", ogg, 0.1),
                ("mp3", mp3, 0.1),
            ]
        ),
        of(
            "streamed.wav",
            lambda: wav(pcm16(tune()), size=0xFFFFFFFF),
            tolerance=2e-5,
        ),
        of("ünïcode 声音.wav", plain_wav, tolerance=2e-5),
        of("-rf.wav", plain_wav, tolerance=2e-5),
        Clip("symlink", _link, samples=tune(), tolerance=2e-5),
        Clip("below root", _below_root, samples=tune(), tolerance=2e-5, rooted=True),
    ]


def _pipe(folder: Path) -> str:
    path = folder / "pipe.wav"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return str(path)


def _outside(folder: Path) -> str:
    (folder.parent / "outside.wav").write_bytes(plain_wav())
    return "../outside.wav"


def _broken() -> list[Clip]:
    def of(name: str, code: str, content: Callable[[], bytes]) -> Clip:
        return Clip(name, _file(name, content), code)

    def no_file(name: str, code: str, cell: object) -> Clip:
        return Clip(name, lambda folder: cell, code)

    def floats(value: float) -> bytes:
        body = np.full(9, value, dtype="<f4").tobytes()
        return wav(body, tag=3, bits=32)

    def coded(kind: str, subtype: str) -> Callable[[], bytes]:
        return lambda: encode(tune(), kind, subtype)

    def loud() -> bytes:
        return encode(np.zeros((4000, 8)), "FLAC", "PCM_16", 192_000)

    html = b"<!DOCTYPE html><html><title>404</title></html>"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    return [
        of("less_1.wav", "TRUNCATED", lambda: plain_wav()[:-1]),
        of("half.wav", "TRUNCATED", lambda: half(plain_wav())),
        of("head.wav", "TRUNCATED", lambda: plain_wav()[:30]),
        of("claims_more.wav", "TRUNCATED", lambda: wav(bytes(99), size=10_000)),
        of("streamed_less_1.wav", "TRUNCATED", lambda: wav(b"123", size=0xFFFFFFFF)),
        of("half.aiff", "TRUNCATED", lambda: half(coded("AIFF", "PCM_16")())),
        of("less_1.ogg", "TRUNCATED", lambda: ogg()[:-1]),
        of("half.ogg", "TRUNCATED", lambda: half(ogg())),
        of("half.opus", "TRUNCATED", lambda: half(coded("OGG", "OPUS")())),
        of("less_1.mp3", "TRUNCATED", lambda: mp3()[:-1]),
        of("half.mp3", "TRUNCATED", lambda: half(mp3())),
        of("tags.flac", "TRUNCATED", lambda: flac()[:60]),
        of("less_1.flac", "CORRUPT", lambda: flac()[:-1]),
        of("half.flac", "CORRUPT", lambda: half(flac())),
        of("half_streamed.flac", "CORRUPT", lambda: half(claiming(flac(), 0))),
        of("claims_more.flac", "TRUNCATED", lambda: claiming(flac(), N_SAMPLES + 9)),
        of("flipped.flac", "CORRUPT", lambda: flip(flac(), len(flac()) // 2, 0)),
        of("flipped.ogg", "CORRUPT", lambda: flip(ogg(), len(ogg()) // 2, 0)),
        of("rate_0.wav", "CORRUPT", lambda: wav(bytes(8), rate=0)),
        of("channels_0.wav", "CORRUPT", lambda: wav(bytes(8), n_channels=0)),
        of("too_loud.wav", "CORRUPT", lambda: floats(1e30)),
        of("two_hours.flac", "TOO_LONG", lambda: silent_flac(7200)),
        of(
            "two_hours_streamed.flac",
            "TOO_LONG",
            lambda: claiming(silent_flac(7200), 0),
        ),
        of("8x192k.flac", "TOO_LONG", lambda: claiming(loud(), 600 * 192_000)),
        of("claims_31.flac", "TOO_LONG", lambda: claiming(flac(), 2**31)),
        of("claims_36.flac", "TOO_LONG", lambda: claiming(flac(), 2**36 - 1)),
        of("fast.wav", "BAD_RATE", lambda: wav(bytes(8), rate=2**31 - 1)),
        of("slow.wav", "BAD_RATE", lambda: wav(bytes(8), rate=1)),
        of("65_channels.wav", "BAD_CHANNELS", lambda: wav(bytes(130), n_channels=65)),
        of("no_sample.wav", "ZERO_LENGTH", lambda: wav(b"")),
        of(
            "no_sample.aiff", "ZERO_LENGTH", lambda: encode(tune()[:0], "AIFF", "FLOAT")
        ),
        of("nan.wav", "NOT_FINITE", lambda: floats(np.nan)),
        of("inf.wav", "NOT_FINITE", lambda: floats(-np.inf)),
        of("page.wav", "UNKNOWN_FORMAT", lambda: html),
        of("picture.wav", "UNKNOWN_FORMAT", lambda: b"\xff\xd8\xff\xe0\0\x10JFIF"),
        of("text.mp3", "UNKNOWN_FORMAT", lambda: b"RIFF and other words"),
        of("zeros.wav", "UNKNOWN_FORMAT", lambda: bytes(5000)),
        of("lfs.wav", "UNKNOWN_FORMAT", lambda: pointer),
        of("in_its_tag.mp3", "TRUNCATED", lambda: b"ID3\4\0\0\0\0\1\0tag"),
        of("tag.mp3", "UNKNOWN_FORMAT", lambda: b"ID3\4\0\0\0\0\0\4abcdno sound"),
        of("adpcm.wav", "FORMAT_NOT_ALLOWED", coded("WAV", "IMA_ADPCM")),
        of("ms_adpcm.wav", "FORMAT_NOT_ALLOWED", coded("WAV", "MS_ADPCM")),
        of("gsm.wav", "FORMAT_NOT_ALLOWED", coded("WAV", "GSM610")),
        of("gsm.aiff", "FORMAT_NOT_ALLOWED", coded("AIFF", "GSM610")),
        *(
            of(f"of_{kind}", "FORMAT_NOT_ALLOWED", coded(kind, "PCM_16"))
            for kind in ("MAT4", "MAT5", "AU", "CAF", "W64", "RF64", "VOC", "NIST")
        ),
        of("vox.voc", "FORMAT_NOT_ALLOWED", coded("VOC", "ULAW")),
        of("mp4.wav", "FORMAT_NOT_ALLOWED", lambda: b"\0\0\0 ftypM4A " + bytes(99)),
        of("empty.wav", "EMPTY_FILE", lambda: b""),
        no_file("no bytes", "EMPTY_FILE", b""),
        no_file("missing", "NOT_FOUND", "no/such/file.wav"),
        Clip("directory", str, "NOT_A_FILE"),
        Clip("pipe", _pipe, "NOT_A_FILE"),
        no_file("device", "NOT_A_FILE", "/dev/zero"),
        no_file("NUL", "BAD_PATH", "a\0.wav"),
        no_file("empty path", "BAD_PATH", ""),
        no_file("number", "BAD_TYPE", 7),
        no_file("None", "BAD_TYPE", None),
        no_file("NaN", "BAD_TYPE", float("nan")),
        no_file("array without its rate", "BAD_TYPE", np.zeros(9)),
        no_file("array of words", "BAD_TYPE", (np.array(["a"]), RATE)),
        no_file("array of 64 bits", "BAD_TYPE", (np.arange(9), RATE)),
        no_file("rate of another kind", "BAD_TYPE", (np.zeros(9), "16k")),
        no_file("dict without the keys", "BAD_TYPE", {"url": "a.wav"}),
        no_file("array of 3 dimensions", "BAD_TYPE", (np.zeros((2, 2, 2)), RATE)),
        no_file("array of many channels", "BAD_CHANNELS", (np.zeros((2, 99)), RATE)),
        no_file("array at no rate", "BAD_RATE", (np.zeros(9), 0)),
        no_file("array at a part of a Hz", "BAD_RATE", (np.zeros(9), 8000.5)),
        no_file("empty array", "ZERO_LENGTH", (np.zeros(0), RATE)),
        no_file("array with NaN", "NOT_FINITE", (np.array([0, np.nan]), RATE)),
        no_file("array above floats", "NOT_FINITE", (np.array([1e300]), RATE)),
        no_file("16 bits in floats", "BAD_TYPE", (16384.0 * np.ones(9), RATE)),
        no_file("http", "URL", "http://localhost/a.wav"),
        no_file("s3", "URL", "s3://bucket/a.wav"),
        Clip("leaves root", _outside, "OUTSIDE_ROOT", rooted=True),
        Clip("other root", lambda _: "/dev/zero", "OUTSIDE_ROOT", rooted=True),
    ]


WHOLE = _whole()
BROKEN = _broken()
CLIPS = WHOLE + BROKEN
