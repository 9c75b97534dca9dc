"""Decode damaged files in a child process that may crash, hang or eat memory."""

import json
import os
import random
import resource
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mmsk.exceptions import MediaError

N_MUTATIONS = 2000
SECONDS = 20  # for one file; it takes milliseconds
SPARE_MEMORY = 2**30


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return a file with a few damages, most of them near its start."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        # headers are where the parsers are
        place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 200))
        kind = rng.randrange(5)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.choice([0, 1, 127, 128, 255])
        elif kind == 2:
            del data[rng.randrange(1, len(data) + 1) :]
        elif kind == 3:
            start = rng.randrange(len(data))
            data[place:place] = data[start : start + rng.randrange(1, 30)]
        elif len(data) > 40:
            del data[place : place + rng.randrange(1, 30)]
    return bytes(data)


def mutations(name: str, data: bytes, mend: Callable[[bytes], bytes] | None):
    """Yield damaged files; every other one is mended by `mend`, if there is one."""
    rng = random.Random(name)
    for i in range(N_MUTATIONS):
        damaged = mutate(data, rng)
        yield mend(damaged) if mend is not None and i % 2 else damaged


def outcomes(files, decode: Callable[[bytes], object], folder: Path) -> Counter:
    """Decode files in a forked child; return how often each code came.

    Fails for a signal (a crash; an alarm means that it hung) and for any exception
    but a MediaError, and leaves the file that did it in `folder`.
    """
    result, current = folder / "result.json", folder / "current"
    child = os.fork()
    if child == 0:
        try:
            status = _run(files, decode, result, current)
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert not os.WIFSIGNALED(status), (
        f"signal {signal.Signals(os.WTERMSIG(status)).name}, see {current}"
    )
    assert os.WEXITSTATUS(status) == 0, f"{result.read_text()}, see {current}"
    return Counter(json.loads(result.read_text()))


def _run(files, decode, result: Path, current: Path) -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + SPARE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    counts: Counter = Counter()
    handle = os.open(current, os.O_RDWR | os.O_CREAT)
    for data in files:
        os.ftruncate(handle, len(data))
        os.pwrite(handle, data, 0)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            decode(data)
        except MediaError as error:
            counts[error.code] += 1
        except BaseException as error:
            result.write_text(f"{type(error).__name__}: {error}")
            return 1
        else:
            counts["decoded"] += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    result.write_text(json.dumps(counts))
    return 0
