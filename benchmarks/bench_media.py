"""How fast pictures and clips are decoded, and in how much memory.

    OMP_NUM_THREADS=1 python benchmarks/bench_media.py [--pictures 20000] [--only PART]

``jpeg``: pictures of 640 x 427 and 1600 x 1068 are decoded and resized to 224 x 224
and compared with plain Pillow, in CPU time of one thread, best of 5. ``threads``:
pictures a second, decoded and resized, and through a cheap extractor, with 1 and 2
threads. ``clips``: clips a second. ``memory``: the peak of memory while files of 640
x 427 are extracted, for a tenth of their number, half of it and all, each in a process
of its own. What an extractor remembers of each picture so that none is decoded twice,
up to a limit, is measured by itself. Everything is generated; nothing is read but what
this writes into a temporary folder.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr
from PIL import Image

from mmsk.feature_extraction._cells._row_source import RowSource
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.media import decode_audio, decode_image

REPEATS = 5
SIZES = ((640, 427), (1600, 1068))
RATIO = 2.5  # the target for the large picture
ALLOWED_MB = 16  # how much the peak may differ between few pictures and many
CHEAP = {"size": 64, "pixels_per_cell": 32, "cells_per_block": 1, "color_bins": 2}
CLIPS = (
    ("WAV", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
)
RATE, NEW_RATE, SECONDS = 44_100, 16_000, 10


def photo(width, height, seed=0):
    """Return the JPEG of a picture with large shapes, detail and some noise."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for cells, weight in ((4, 120), (40, 60), (200, 30)):
        noise = rng.random((cells, cells, 3)) * 255
        layer = Image.fromarray(noise.astype(np.uint8)).resize((width, height))
        picture += weight / 210 * np.asarray(layer)
    file = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


def by_pillow(data):
    """Decode and resize as everybody does."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR))


def by_mmsk(data):
    """Decode and resize as the extractors do."""
    return decode_image(data, size=224)


def best_cpu(work, *arguments, count=20):
    """Return the CPU milliseconds of a call, best of `REPEATS` means of `count`."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(count):
            work(*arguments)
        best = min(best, (time.process_time() - start) / count)
    return 1000 * best


def verdict(met):
    """Return the word for a target."""
    return "met" if met else "MISSED"


def bench_jpeg():
    """Compare with Pillow."""
    for width, height in SIZES:
        data = photo(width, height)
        plain, ours = best_cpu(by_pillow, data), best_cpu(by_mmsk, data)
        change = np.abs(by_pillow(data).astype(int) - by_mmsk(data)).mean()
        line = (
            f"JPEG {width} x {height} ({len(data) // 1000} kB) to 224: Pillow "
            f"{plain:.2f} ms CPU, mmsk {ours:.2f}, ratio {plain / ours:.2f}, "
            f"mean difference {change:.2f} grey levels"
        )
        if width == 1600:
            line += f" (target {RATIO}: {verdict(plain / ours >= RATIO)})"
        print(line)


def write_pictures(folder, count):
    """Write pictures that decode alike and have distinct bytes."""
    data = photo(*SIZES[0])
    paths = []
    for number in range(count):
        path = Path(folder, f"{number}.jpg")
        path.write_bytes(data + number.to_bytes(8, "little"))
        paths.append(str(path))
    return np.array(paths, dtype=object)[:, None]


def bench_threads(folder):
    """Count pictures a second, decoded and resized, and through an extractor."""
    X = write_pictures(folder, 200)
    contents = [Path(path).read_bytes() for path in X[:, 0]]

    def decode(n_threads):
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(by_mmsk, contents))

    def extract(n_threads):
        HOGExtractor(**CHEAP, n_jobs=n_threads).fit_transform(X)

    for name, work in (("decode + resize", decode), ("cheap extractor", extract)):
        rates = []
        for n_threads in (1, 2):
            best = np.inf
            for _ in range(REPEATS):
                start = time.perf_counter()
                work(n_threads)
                best = min(best, time.perf_counter() - start)
            rates.append(len(X) / best)
        print(
            f"{name}, 640 x 427, wall: {rates[0]:.0f} pictures/s with 1 thread, "
            f"{rates[1]:.0f} with 2, ratio {rates[1] / rates[0]:.2f} "
            f"({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})"
        )


def by_soundfile(data):
    """Decode, mix and resample with the bare libraries."""
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, NEW_RATE)


def bench_clips():
    """Count clips a second."""
    moments = np.arange(SECONDS * RATE) / RATE
    tune = 0.4 * np.sin(2 * np.pi * (200 + 40 * moments) * moments)
    stereo = np.stack([tune, 0.5 * tune], axis=1)
    for kind, subtype in CLIPS:
        file = io.BytesIO()
        soundfile.write(file, stereo, RATE, format=kind, subtype=subtype)
        data = file.getvalue()
        ours = best_cpu(lambda x: decode_audio(x, sample_rate=NEW_RATE), data, count=5)
        plain = best_cpu(by_soundfile, data, count=5)
        print(
            f"{kind} {SECONDS} s stereo {RATE} to {NEW_RATE} Hz: "
            f"{1000 / ours:.0f} clips/s a core, soundfile + soxr {1000 / plain:.0f}"
        )


def peak_of(folder, count, n_jobs):
    """Return (MB above that of a first picture, output MB, seconds) in a process."""
    run = subprocess.run(
        [sys.executable, __file__, "--child", folder, str(count), str(n_jobs)],
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(map(float, run.stdout.split()))


def child(folder, count, n_jobs):
    """Extract pictures and print by how much the peak of memory has grown."""
    paths = [str(Path(folder, f"{number}.jpg")) for number in range(int(count))]
    X = np.array(paths, dtype=object)[:, None]
    extractor = HOGExtractor(**CHEAP, n_jobs=int(n_jobs))
    extractor.fit_transform(X[:2])
    before, start = peak_mb(), time.perf_counter()
    output = extractor.fit_transform(X)
    seconds = time.perf_counter() - start
    print(peak_mb() - before, output.nbytes / 2**20, seconds)


def peak_mb():
    """Return the largest resident set so far."""
    status = Path("/proc/self/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def remembered_bytes(count, width=45):
    """Return how many bytes are remembered of each of `count` distinct pictures."""
    source = RowSource(
        lambda contents: [np.zeros(width, dtype=np.float32) for _ in contents],
        width=width,
        config=b"",
        store=None,
        batch_size=16,
        n_batches=16,
        n_jobs=1,
    )
    output = np.zeros((count, width), dtype=np.float32)
    contents = ((row, 0, None, row.to_bytes(8, "little")) for row in range(count))
    tracemalloc.start()
    for outcome in source.outcomes(contents, output.__getitem__):
        source.remember(outcome.key, outcome.value, outcome.row)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / count


def bench_memory(folder, count):
    """Measure the peak for few pictures and for many."""
    write_pictures(folder, count)
    few, *_, many = counts = (count // 10, count // 2, count)
    beyond = {}
    for some in counts:
        peak, output, seconds = peak_of(folder, some, 2)
        beyond[some] = peak - output
        print(
            f"{some} JPEGs of 640 x 427, 2 threads: peak {peak:.1f} MB above the "
            f"start, output {output:.1f} MB, {peak - output:.1f} MB beyond it; "
            f"{seconds:.0f} s"
        )
    growth = beyond[many] - beyond[few]
    print(
        f"of each picture {remembered_bytes(count):.0f} bytes are remembered, of the "
        f"first million\n"
        f"beyond the output the peak grows by {growth:+.1f} MB from {few} to {many} "
        f"pictures (target {ALLOWED_MB}: {verdict(growth <= ALLOWED_MB)})"
    )


def main():
    """Run all."""
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    parts = {
        "jpeg": lambda folder: bench_jpeg(),
        "threads": bench_threads,
        "clips": lambda folder: bench_clips(),
        "memory": lambda folder: bench_memory(folder, arguments.pictures),
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    arguments = parser.parse_args()
    print(f"best of {REPEATS}, one thread unless said, load {os.getloadavg()[0]:.1f}")
    for part in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            parts[part](folder)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
