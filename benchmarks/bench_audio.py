"""MFCC and other features of clips: how fast, against librosa and others?

In each round every candidate computes every case in turn, a loop over its clips; the
best of all rounds counts, in CPU seconds. Cases are 32 clips of 1 s, 12 of 10 s, 2 of
60 s and 16 of 0.3 to 4 s (noise at 16 kHz); parameters are librosa's defaults. The
floor is what nobody who calls a library can do without: the real FFT of windowed
frames and the product with a banded mel matrix, the fastest calls of each that are
known here, in memory that is warm. Two others have no target: "kept plan" is the floor
with the transform that mmsk keeps a plan for, which is faster than any such call, and
"floor of clip" reads the frames from the clip too.

    OMP_NUM_THREADS=1 python benchmarks/bench_audio.py [--rounds 40]

Needs librosa and python_speech_features; that of the latter is the usual speech front
end of its own definition. The targets: MFCC at least 10 times as fast as librosa on
1 s and 5 times on 10 s, at most 1.7 times the floor, linear in seconds of sound, and
beside two busy processes no more CPU seconds than twice those alone, with the thread
settings that a user has.
"""

import argparse
import functools
import multiprocessing
import os
import subprocess
import sys
import time

import numpy as np
import scipy.fft
import scipy.signal
import torch

from mmsk.feature_extraction.audio import MFCCExtractor, SpectralExtractor
from mmsk.feature_extraction.audio._mel_filters import mel_filters
from mmsk.feature_extraction.audio._mel_spectrogram import mel_place
from mmsk.feature_extraction.audio._row_transform import row_transform
from mmsk.feature_extraction.audio._spectrum import chunk_size, frame_memory

RATE, N_FFT, HOP, N_MELS, N_MFCC = 16000, 2048, 512, 128, 20
CASES = {
    "1 s": [1.0] * 32,
    "10 s": [10.0] * 12,
    "60 s": [60.0] * 2,
    "0.3 to 4 s": list(np.geomspace(0.3, 4, 16)),
}
EXTRACTOR = MFCCExtractor()
BUSY = "--busy"


def ours(clip):
    """Compute MFCC by the extractor, without its statistics."""
    return EXTRACTOR._series(clip)


def by_librosa(clip):
    """Compute MFCC by librosa."""
    import librosa

    return librosa.feature.mfcc(y=clip, sr=RATE)


def by_speech_features(clip):
    """Compute MFCC by python_speech_features: frames of 25 ms every 10 ms."""
    import python_speech_features

    return python_speech_features.mfcc(clip, RATE)


WINDOW = scipy.signal.get_window("hann", N_FFT).astype(np.float32)
BANK = mel_filters(RATE, N_FFT, N_MELS, 0.0, RATE / 2, False, "slaney")
BANK = BANK.astype(np.float32)


def by_scipy(clip):
    """Compute MFCC by scipy and numpy, as one would write it down."""
    padded = np.pad(clip, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    spectrum = scipy.fft.rfft(frames * WINDOW, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    level = 10 * np.log10(np.maximum(power @ BANK.T, 1e-10))
    level = np.maximum(level, level.max() - 80)
    return scipy.fft.dct(level, axis=1, norm="ortho")[:, :N_MFCC].T


def make_floor(of_clip=False, kept_plan=False):
    """Return what computes the transform and the filters alone, of so many frames.

    The frames are the same few again and again, in the cache, or those of the clip,
    overlapping where they lie. The transform is that of torch, or our own.
    """
    config = EXTRACTOR._config_of_mel
    size = chunk_size(config)

    @functools.cache
    def prepared(count):
        memory = frame_memory(config, count).normal_()
        frames = memory[:, :N_FFT]
        return frames, mel_place(config, count).products, row_transform(memory, N_FFT)

    padded = {}

    def floor(clip):
        n_frames = 1 + len(clip) // HOP
        n_chunks = -(-n_frames // size)
        if of_clip and id(clip) not in padded:
            padded[id(clip)] = torch.from_numpy(np.pad(clip, N_FFT // 2))
        start = 0
        for chunk in range(n_chunks):
            count = (n_frames + chunk) // n_chunks
            frames, products, transform = prepared(count)
            if of_clip:
                shape = count, N_FFT
                frames = padded[id(clip)].as_strided(shape, (HOP, 1), start * HOP)
            if kept_plan:
                transform()
            else:
                torch.fft.rfft(frames)
            for powers, weights, sums in products:
                torch.mm(powers, weights, out=sums)
            start += count

    return floor


def measure(candidates, clips, rounds):
    """Return the best CPU seconds of each candidate on each case."""
    best = {(who, case): np.inf for who in candidates for case in clips}
    for _ in range(rounds):
        for case, parts in clips.items():
            for who, function in candidates.items():
                for clip in parts[:3]:  # the caches hold what the others left
                    function(clip)
                began = time.process_time()
                for clip in parts:
                    function(clip)
                spent = time.process_time() - began
                best[who, case] = min(best[who, case], spent)
    return best


def spectral_ratio(clip, rounds):
    """Return CPU seconds of our spectral measures and of librosa's, of one clip."""
    import librosa

    extractor = SpectralExtractor()

    def theirs():
        librosa.feature.spectral_centroid(y=clip, sr=RATE)
        librosa.feature.spectral_bandwidth(y=clip, sr=RATE)
        librosa.feature.spectral_rolloff(y=clip, sr=RATE)
        librosa.feature.spectral_flatness(y=clip)
        librosa.feature.zero_crossing_rate(clip)
        librosa.feature.rms(y=clip)
        librosa.yin(clip, fmin=65, fmax=2093, sr=RATE)

    best = measure(
        {"ours": lambda clip: extractor._series(clip), "librosa": lambda _: theirs()},
        {"clip": [clip]},
        rounds,
    )
    return best["ours", "clip"], best["librosa", "clip"]


def in_own_process():
    """Extract 20 clips of 10 s; print CPU and wall seconds of the best of 7 runs."""
    cells = np.empty((20, 1), dtype=object)
    random = np.random.default_rng(0)
    for row in range(len(cells)):
        cells[row, 0] = random.normal(0, 0.1, 10 * RATE).astype(np.float32), RATE
    extractor = MFCCExtractor().fit(cells[:1])
    spent = []
    for _ in range(7):
        cpu, wall = time.process_time(), time.perf_counter()
        extractor.transform(cells)
        spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    print(*min(spent))


def spin(stop):
    """Keep a processor busy."""
    while not stop.is_set():
        sum(range(10_000))


def alone_and_busy():
    """Return CPU and wall seconds of the extractor alone and beside two others."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {k: v for k, v in os.environ.items() if k not in limits}
    results = []
    for n_others in (0, 2):
        stop = multiprocessing.Event()
        others = [
            multiprocessing.Process(target=spin, args=(stop,)) for _ in range(n_others)
        ]
        for other in others:
            other.start()
        run = subprocess.run(
            [sys.executable, __file__, BUSY],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        stop.set()
        for other in others:
            other.join()
        results.append([float(word) for word in run.stdout.split()])
    return results


def judge(what, value, target, at_least):
    """Print a value, its target and whether it is met."""
    met = value >= target if at_least else value <= target
    sign = ">=" if at_least else "<="
    print(f"{what:<44} {value:6.2f} (target {sign} {target}: {_word(met)})")


def _word(met):
    return "met" if met else "MISSED"


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    try:
        import librosa  # noqa: F401
        import python_speech_features  # noqa: F401
    except ImportError as error:
        print(f"skipped: {error}")
        return
    torch.set_num_threads(1)
    began = time.perf_counter()
    random = np.random.default_rng(0)
    clips = {
        case: [
            random.normal(0, 0.1, int(seconds * RATE)).astype(np.float32)
            for seconds in lengths
        ]
        for case, lengths in CASES.items()
    }
    error = abs(ours(clips["10 s"][0]) - by_librosa(clips["10 s"][0])).max()
    error /= abs(by_librosa(clips["10 s"][0])).max()
    candidates = {
        "mmsk": ours,
        "floor": make_floor(),
        "floor, kept plan": make_floor(kept_plan=True),
        "floor of clip": make_floor(of_clip=True),
        "librosa": by_librosa,
        "speech_features": by_speech_features,
        "scipy": by_scipy,
    }
    best = measure(candidates, clips, rounds)
    print(
        f"MFCC, us of CPU a second of sound, one thread, best of {rounds}; largest "
        f"difference to librosa {error:.0e} of the largest"
    )
    print(f"{'':<16}" + "".join(f"{case:>12}" for case in CASES))
    for who in candidates:
        cells = [best[who, case] * 1e6 / sum(CASES[case]) for case in CASES]
        print(f"{who:<16}" + "".join(f"{value:12.0f}" for value in cells))
    for case, target in (("1 s", 10), ("10 s", 5)):
        ratio = best["librosa", case] / best["mmsk", case]
        judge(f"librosa / mmsk, {case}", ratio, target, at_least=True)
    for case in ("1 s", "10 s"):
        ratio = best["mmsk", case] / best["floor", case]
        judge(f"mmsk / floor, {case}", ratio, 1.7, at_least=False)
    ratio = best["mmsk", "60 s"] / best["mmsk", "10 s"]
    judge("a second of 60 s / one of 10 s", ratio, 1.2, at_least=False)
    mine, theirs = spectral_ratio(clips["10 s"][0], max(3, rounds // 10))
    print(
        f"spectral measures and pitch, 10 s: {mine * 1e3:.1f} ms, librosa "
        f"{theirs * 1e3:.1f} ms, ratio {theirs / mine:.1f}"
    )
    alone, busy = alone_and_busy()
    print(
        f"20 clips of 10 s, default threads, CPU and wall s: alone {alone[0]:.3f} "
        f"{alone[1]:.3f}, beside two busy processes {busy[0]:.3f} {busy[1]:.3f}"
    )
    judge("CPU seconds busy / alone", busy[0] / alone[0], 2.0, at_least=False)
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if BUSY in sys.argv:
        in_own_process()
    else:
        main()
