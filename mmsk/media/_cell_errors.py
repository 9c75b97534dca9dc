"""What all cells of bytes have in common, whatever they hold."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..exceptions import MediaError
from ._read_bytes import too_large


def checked_bytes(
    content: bytes | bytearray | memoryview, max_bytes: int, path: str | None
) -> bytes:
    """Return the content of a cell of bytes, or refuse it by its size.

    Raises
    ------
    MediaError
        With code FILE_TOO_LARGE or EMPTY_FILE, and the path.
    """
    n_bytes = memoryview(content).nbytes
    if n_bytes > max_bytes:
        raise too_large(n_bytes, max_bytes, path)
    if not n_bytes:
        raise MediaError("EMPTY_FILE", "no bytes", path=path)
    return bytes(content)


@contextmanager
def naming(path: str | None, *, what: str, limit: str) -> Iterator[None]:
    """Let every error that leaves be a MediaError with the path of its file.

    Parameters
    ----------
    path : str or None
    what : str
        What is decoded, for the message when memory runs out.
    limit : str
        The parameter that would have kept it out.
    """
    try:
        yield
    except MediaError as error:
        error.path = error.path or path
        raise
    except MemoryError as error:
        raise MediaError(
            "OUT_OF_MEMORY",
            f"no memory to decode the {what}",
            path=path,
            advice=f"Lower {limit}, or n_jobs.",
        ) from error
