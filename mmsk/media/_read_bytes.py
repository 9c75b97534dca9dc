"""The one door through which files are read."""

import errno
import os
import re
import stat
from contextlib import suppress

from ..exceptions import MediaError

_URL = re.compile(r"[a-z][a-z0-9+.\-]+://|data:[a-z]+/", re.IGNORECASE)

# a name that is a pipe must not block, and a terminal must not become ours
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)

_OPEN_FAILURES = {
    errno.ENOENT: ("NOT_FOUND", "no such file"),
    errno.ENOTDIR: ("NOT_FOUND", "no such file (a part of the path is a file)"),
    errno.EACCES: ("PERMISSION", "the file may not be read"),
    errno.EPERM: ("PERMISSION", "the file may not be read"),
    errno.EISDIR: ("NOT_A_FILE", "a directory, not a file"),
    errno.ENXIO: ("NOT_A_FILE", "a socket or device, not a file"),
    errno.ENODEV: ("NOT_A_FILE", "a device, not a file"),
    errno.ENAMETOOLONG: ("BAD_PATH", "the path is too long"),
    errno.ELOOP: ("BAD_PATH", "symbolic links that lead in a circle"),
    errno.EINVAL: ("BAD_PATH", "not a path on this system"),
    errno.ENOMEM: ("OUT_OF_MEMORY", "no memory to read the file"),
}
# the process is out of handles: no fault of the cell, so not turned into one
_OWN_FAULTS = (errno.EMFILE, errno.ENFILE)


def read_bytes(
    path: str | os.PathLike,
    *,
    root: str | os.PathLike | None = None,
    max_bytes: int = 64 * 2**20,
) -> bytes:
    """Read a whole regular file, or say why not.

    The file is opened without blocking and judged by its handle, so a pipe or a
    device neither hangs nor can be slipped in between a check and the opening.

    Parameters
    ----------
    path : str or os.PathLike
        The file. A URL is refused.
    root : str or os.PathLike, default=None
        Folder against which a relative path is resolved and which the file may
        not leave, symbolic links and ``..`` included.
    max_bytes : int, default=64 * 2**20
        Largest file that is read.

    Returns
    -------
    content : bytes
        What the file holds, at least one byte.

    Raises
    ------
    MediaError
        With code URL, BAD_PATH, OUTSIDE_ROOT, NOT_FOUND, PERMISSION, NOT_A_FILE,
        EMPTY_FILE, FILE_TOO_LARGE, OUT_OF_MEMORY, or CORRUPT for a medium that
        cannot be read.
    ValueError
        If `root` is not a folder, which is no fault of the file.
    """
    name = os.fspath(path)
    if not isinstance(name, str):
        raise MediaError(
            "BAD_TYPE", "a path made of bytes", advice="Decode it with os.fsdecode."
        )
    try:
        return _read(name, root, max_bytes)
    except MediaError as error:
        error.path = name
        raise
    except MemoryError as error:
        raise MediaError(
            "OUT_OF_MEMORY", "no memory to read the file", path=name
        ) from error
    except OSError as error:
        if error.errno in _OWN_FAULTS:
            raise
        code, reason = _OPEN_FAILURES.get(
            error.errno, ("CORRUPT", f"the file cannot be read ({error.strerror})")
        )
        if code == "NOT_FOUND":
            reason += _searched(name, root)
        raise MediaError(code, reason, path=name) from error
    except UnicodeError as error:
        raise MediaError(
            "BAD_PATH", "a path that this system cannot encode", path=name
        ) from error


def _read(name: str, root: str | os.PathLike | None, max_bytes: int) -> bytes:
    if _URL.match(name):
        raise MediaError(
            "URL",
            "a URL, and mmsk opens no network connection",
            advice="Download it first and pass the path of the file.",
        )
    if not name:
        raise MediaError("BAD_PATH", "an empty path", advice="Pass None if missing.")
    if "\0" in name:
        raise MediaError("BAD_PATH", "a path with a NUL character")
    place, flags = name, _FLAGS
    if root is not None:
        place = _inside(name, root)
        flags |= getattr(os, "O_NOFOLLOW", 0)  # resolved already
    handle = os.open(place, flags)
    size = _checked_size(handle, max_bytes)
    with os.fdopen(handle, "rb") as file:
        content = file.read(size + 1)
        if content is None:  # the kernel's log is such a file
            raise MediaError("NOT_A_FILE", "a file that waits to be written, as a pipe")
        if len(content) > size:  # it grew since it was asked
            content += file.read(max_bytes + 1 - len(content)) or b""
    if not content:
        raise MediaError("EMPTY_FILE", "an empty file")
    if len(content) > max_bytes:
        raise too_large(len(content), max_bytes)
    return content


def _searched(name: str, root: str | os.PathLike | None) -> str:
    """Say where a file was looked for: mostly it is root= that is wrong."""
    if root is None:
        return "" if os.path.isabs(name) else " in the current folder (root=None)"
    return f" under root={os.fspath(root)!r}"


def _checked_size(handle: int, max_bytes: int) -> int:
    """Return the size of an open regular file; close and refuse anything else."""
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            kind = "directory" if stat.S_ISDIR(state.st_mode) else "pipe or device"
            raise MediaError("NOT_A_FILE", f"a {kind}, not a file")
        if state.st_size > max_bytes:
            raise too_large(state.st_size, max_bytes)
    except BaseException:
        os.close(handle)
        raise
    return state.st_size


def _inside(name: str, root: str | os.PathLike) -> str:
    """Resolve a path and refuse one that leads out of the root."""
    _check_root(root, name)
    top = os.path.realpath(root)
    place = os.path.realpath(os.path.join(top, name))
    with suppress(ValueError):  # different drives
        if os.path.commonpath([top, place]) == top:
            return place
    raise MediaError(
        "OUTSIDE_ROOT",
        f"a path that leads out of root={os.fspath(root)!r}",
        advice="Move the file there or choose another root.",
    )


def _check_root(root: str | os.PathLike, name: str) -> None:
    """Refuse a root that is not a folder: no cell is to blame, and none is usable."""
    if os.path.isdir(os.fspath(root) or os.curdir):
        return
    try:
        here = repr(os.getcwd())
    except OSError:
        here = "one that was removed"
    raise ValueError(
        f"root={os.fspath(root)!r} is not a folder, so that neither {name!r} nor any "
        f"other file can be read (working directory: {here}). Set root to the folder "
        "that the paths start from, as it is called from here, or better absolute; "
        "of an extractor that is fitted too, by set_params(root=...)."
    )


def too_large(size: int, max_bytes: int, path: str | None = None) -> MediaError:
    """Return the error for content above the limit."""
    return MediaError(
        "FILE_TOO_LARGE",
        f"{size} bytes, more than max_bytes={max_bytes}",
        path=path,
        advice="Raise max_bytes to accept it.",
    )
