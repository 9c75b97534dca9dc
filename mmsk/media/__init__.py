"""Decoding: from a cell of a table to an array.

Cells are paths, bytes, open pictures or arrays; whatever is wrong with one is a
`mmsk.exceptions.MediaError` with a code. `check` goes over a whole table before
anything is trained.

Notes
-----
What decoding may take is limited file by file: `max_pixels`, `max_seconds`,
`max_values`, `max_bytes`. To limit a whole process, in which libraries that know
nothing of these work too, let joblib's workers limit themselves when they start
(Linux; the limit counts address space, so leave a few GiB for torch)::

    import resource
    from joblib import parallel_config

    def limit_memory(n_bytes):
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))

    with parallel_config("loky", initializer=limit_memory, initargs=(4 * 2**30,)):
        search.fit(X, y)

Where memory runs out, decoding then gives a MediaError with code OUT_OF_MEMORY, and
the other workers and the process that started them go on.
"""

from ._check import CheckedCell, CheckReport, check
from ._decode_audio import decode_audio
from ._decode_image import decode_image
from ._read_audio import read_audio
from ._read_image import read_image
from ._resize_image import resize_image

__all__ = [
    "CheckReport",
    "CheckedCell",
    "check",
    "decode_audio",
    "decode_image",
    "read_audio",
    "read_image",
    "resize_image",
]
