"""CNN features of pictures: how fast, against the published package.

EfficientNet-Lite0 on pictures of 224 x 224 pixels: the package
efficientnet-lite-pytorch at its best batch and memory layout, CNNExtractor's net at
its default batch, and the same net in ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/bench_image.py [--rounds N]

One thread: CPU milliseconds a picture, pixels to features. Two workers: wall
milliseconds, CNNExtractor(n_jobs=2), whose default backend is torch, against the
package at two torch threads. End to end: JPEG files of 640 x 427 pixels to rows,
against decoding alone plus features alone. All take turns in each round; the best of
the rounds counts. The floor is the net's multiplications at the rate of a product of
matrices. Targets: at least 1.7 and 3 times the package, end to end at most 1.10
times its parts.
"""

import argparse
import os
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmsk.feature_extraction.image import CNNExtractor
from mmsk.modules import EfficientNetLite
from mmsk.modules._image_weights import read_weights, weights_path

NAME = "efficientnet_lite0"
BATCHES = (1, 2, 4, 8, 16)
N_PICTURES = 32
N_FILES = 32
SIDE = 224


def seconds(run, clock):
    """Return the seconds of one call."""
    began = clock()
    run()
    return clock() - began


def package():
    """Return the published net, or None."""
    if find_spec("efficientnet_lite_pytorch") is None:
        return None
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name("efficientnet-lite0")
    state, _ = read_weights(weights_path(NAME, "auto"))
    net.load_state_dict(state)
    return net.eval()


def package_run(net, pictures, batch, layout):
    """Return a function that computes the package's features of pictures."""

    def run():
        with torch.inference_mode():
            for start in range(0, len(pictures), batch):
                part = torch.from_numpy(pictures[start : start + batch])
                x = (part.permute(0, 3, 1, 2).float() - 127) / 128
                x = x.contiguous(memory_format=layout)
                net.extract_features(x).mean(dim=(2, 3)).numpy()

    return run


def multiplications():
    """Return the multiply-adds of a picture."""
    total, side = 0, SIDE
    for unit in EfficientNetLite().units():
        for convolution in unit.path:
            side = convolution.side(side)
            total += side**2 * convolution.weight.numel()
    return total


def gemm_rate(rounds):
    """Return multiply-adds a second of a product of matrices, one thread."""
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    best = min(seconds(lambda: a @ b, time.process_time) for _ in range(4 * rounds))
    return 1024**3 / best


def best_of(runs, clock, rounds):
    """Return the best seconds of each function; they take turns."""
    best = dict.fromkeys(runs, np.inf)
    for _ in range(rounds + 1):  # the first round warms up
        for name, run in runs.items():
            best[name] = min(best[name], seconds(run, clock))
    return best


def verdict(value, target, *, at_most=False):
    """Return a ratio beside its target."""
    met = value <= target if at_most else value >= target
    bound = "at most" if at_most else "at least"
    return f"{value:.2f} (target {bound} {target}: {'met' if met else 'MISSED'})"


def cells(pictures):
    """Return pictures as one column."""
    table = np.empty((len(pictures), 1), dtype=object)
    for row, picture in enumerate(pictures):
        table[row, 0] = picture
    return table


def one_thread(peer, pictures, rounds):
    """Print CPU time a picture; return the package's best setting."""
    rate, floor = gemm_rate(rounds), multiplications()
    floor_ms = 1e3 * floor / rate
    print(
        f"floor: {floor / 1e6:.0f} M multiply-adds a picture at "
        f"{rate / 1e9:.0f} G a second: {floor_ms:.1f} ms"
    )
    layouts = {"rows": torch.contiguous_format, "channels last": torch.channels_last}
    runs = {
        (batch, name): package_run(peer, pictures, batch, layout)
        for batch in BATCHES
        for name, layout in layouts.items()
    }
    own = CNNExtractor().fit(cells(pictures[:1]))
    net, batch_size = own._net(), own.batch_size
    runs["mmsk"] = lambda: net(pictures)
    if find_spec("onnxruntime") and find_spec("onnx"):
        fast = CNNExtractor(backend="onnxruntime").fit(cells(pictures[:1]))._net()
        runs["onnxruntime"] = lambda: fast(pictures)
    best = best_of(runs, time.process_time, rounds)
    each = {name: 1e3 * value / len(pictures) for name, value in best.items()}
    for batch in BATCHES:
        print(
            f"package, batch {batch:2d}: "
            + "  ".join(f"{each[batch, name]:5.1f} ms {name}" for name in layouts)
        )
    peers = {name: value for name, value in each.items() if isinstance(name, tuple)}
    setting = min(peers, key=peers.get)
    for name in runs:
        if not isinstance(name, tuple):
            print(
                f"{name}, batch {batch_size}: {each[name]:.1f} ms, "
                f"{peers[setting] / each[name]:.2f} times the package, "
                f"{floor_ms / each[name]:.0%} of it arithmetic"
            )
    ratio = peers[setting] / each["mmsk"]
    print(f"one thread, package at batch {setting[0]}: {verdict(ratio, 1.7)}")
    return setting[0], layouts[setting[1]]


def two_workers(peer, setting, pictures, rounds):
    """Print wall time a picture with two threads of either kind."""
    table = cells(pictures)
    runs = {"package": package_run(peer, pictures, *setting)}
    for backend in ("torch", "onnxruntime"):
        if backend == "torch" or (find_spec("onnxruntime") and find_spec("onnx")):
            extractor = CNNExtractor(backend=backend, n_jobs=2).fit(table[:1])
            runs[backend] = lambda extractor=extractor: extractor.transform(table)
    torch.set_num_threads(2)
    best = best_of(runs, time.perf_counter, rounds)
    torch.set_num_threads(1)
    each = {name: 1e3 * value / len(pictures) for name, value in best.items()}
    print(
        "two workers, wall: "
        + ", ".join(f"{name} {value:.1f} ms" for name, value in each.items())
    )
    if "onnxruntime" in each:
        ratio = each["package"] / each["onnxruntime"]
        print(f"two workers, backend onnxruntime: {ratio:.2f} times the package")
    ratio = each["package"] / each["torch"]
    print(f"two workers, backend torch (the default): {verdict(ratio, 3)}")


def end_to_end(rounds):
    """Print what a whole transform costs beside its parts."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{position}.jpg" for position in range(N_FILES)]
        for name in names:
            noise = rng.integers(0, 256, (54, 80, 3), dtype=np.uint8)
            picture = Image.fromarray(noise).resize((640, 427))
            picture.save(Path(folder) / name, quality=90)
        extractor = CNNExtractor(root=folder).fit([[names[0]]])
        contents = [extractor._read_cell(name) for name in names]
        decoded = np.stack([extractor._decode(content) for content in contents])
        net = extractor._net()
        table = [[name] for name in names]
        runs = {
            "decode": lambda: [
                extractor._decode(extractor._read_cell(name)) for name in names
            ],
            "features": lambda: net(decoded),
            "whole": lambda: extractor.transform(table),
        }
        best = best_of(runs, time.process_time, rounds)
    each = {name: 1e3 * value / N_FILES for name, value in best.items()}
    print(", ".join(f"{name} {value:.1f} ms" for name, value in each.items()))
    ratio = each["whole"] / (each["decode"] + each["features"])
    print(f"end to end: {verdict(ratio, 1.1, at_most=True)}")


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    try:
        weights_path(NAME, "auto")
    except ImportError as error:
        print(f"skipped: {error}")
        return
    peer = package()
    if peer is None:
        print("skipped: efficientnet-lite-pytorch is not installed")
        return
    began = time.perf_counter()
    print(f"torch {torch.__version__}, best of {rounds}, load {os.getloadavg()[0]:.1f}")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (N_PICTURES, SIDE, SIDE, 3), dtype=np.uint8)
    setting = one_thread(peer, pictures, rounds)
    two_workers(peer, setting, pictures, rounds)
    end_to_end(rounds)
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
