import errno
import os
import threading
from pathlib import Path

import pytest

from mmsk.exceptions import MediaError
from mmsk.media._read_bytes import read_bytes


@pytest.fixture
def folder(tmp_path):
    """A root with a file, a folder with a file, and a file next to the root."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.bin").write_bytes(b"a")
    (root / "sub" / "b.bin").write_bytes(b"b")
    (tmp_path / "out.bin").write_bytes(b"out")
    (tmp_path / "root_too").mkdir()
    (tmp_path / "root_too" / "c.bin").write_bytes(b"c")
    return root


def code_of(path, **options):
    with pytest.raises(MediaError) as caught:
        read_bytes(path, **options)
    assert caught.value.path == os.fspath(path)
    return caught.value.code


def test_reads_every_byte(tmp_path):
    content = os.urandom(300_000)
    (tmp_path / "a").write_bytes(content)
    assert read_bytes(tmp_path / "a") == content
    assert read_bytes("a", root=tmp_path, max_bytes=300_000) == content


def test_leaves_no_file_open(folder):
    before = os.listdir("/proc/self/fd")
    read_bytes(folder / "a.bin")
    code_of(folder)
    code_of(folder / "sub" / "b.bin", max_bytes=0)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    "path", ["a.bin", "./a.bin", "sub/../a.bin", "sub/link_up", "{root}/a.bin"]
)
def test_inside_root(folder, path):
    (folder / "sub" / "link_up").symlink_to("../a.bin")
    assert read_bytes(path.format(root=folder), root=folder) == b"a"


def test_root_may_be_a_link_itself(folder):
    link = folder.parent / "link_to_root"
    link.symlink_to("root")
    assert read_bytes("a.bin", root=link) == b"a"
    assert read_bytes(link / "a.bin", root=folder) == b"a"


@pytest.mark.parametrize(
    "path",
    [
        "../out.bin",
        "sub/../../out.bin",
        "{root}/../out.bin",
        "{root}_too/c.bin",  # the same letters, another folder
        "/etc/hostname",
        "file_link",
        "folder_link/out.bin",
        "dangling_link",
        "..",
    ],
)
def test_outside_root(folder, path):
    (folder / "file_link").symlink_to("../out.bin")
    (folder / "folder_link").symlink_to("..")
    (folder / "dangling_link").symlink_to("../nothing")
    assert code_of(path.format(root=folder), root=folder) == "OUTSIDE_ROOT"


@pytest.mark.parametrize("root", ["nowhere", "a.bin", Path("sub", "none"), "a\0b"])
@pytest.mark.parametrize("path", ["a.bin", "{folder}/a.bin", "../out.bin"])
def test_a_root_that_is_no_folder_is_no_fault_of_the_file(
    folder, path, root, monkeypatch
):
    monkeypatch.chdir(folder)
    name = path.format(folder=folder)
    with pytest.raises(ValueError, match="is not a folder") as caught:
        read_bytes(name, root=root)
    assert not isinstance(caught.value, MediaError)
    for word in (f"root={str(root)!r}", repr(name), repr(os.getcwd()), "set_params"):
        assert word in str(caught.value)


def test_a_cell_that_asks_for_no_file_is_told_so_under_any_root():
    assert code_of("https://a.org/b", root="nowhere") == "URL"
    assert code_of("", root="nowhere") == "BAD_PATH"


def test_an_empty_root_is_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert read_bytes("a.bin", root="") == b"a"
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()
    with pytest.raises(ValueError, match="working directory: one that was removed"):
        read_bytes("a.bin", root="sub")


def test_link_put_in_after_the_check_is_not_followed(folder, monkeypatch):
    def resolve(path):
        result = original(path)
        if result.endswith("a.bin"):  # the attacker is as fast as can be
            os.unlink(result)
            os.symlink("../out.bin", result)
        return result

    original = os.path.realpath
    monkeypatch.setattr("os.path.realpath", resolve)
    assert code_of("a.bin", root=folder) == "BAD_PATH"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, "PERMISSION"),
        (errno.EPERM, "PERMISSION"),
        (errno.ENOTDIR, "NOT_FOUND"),
        (errno.ENXIO, "NOT_A_FILE"),
        (errno.ENOMEM, "OUT_OF_MEMORY"),
        (errno.EIO, "CORRUPT"),
    ],
)
def test_what_the_system_refuses(monkeypatch, number, code):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.open", refuse)  # root may read everything
    with pytest.raises(MediaError) as caught:
        read_bytes("a.bin")
    assert caught.value.code == code
    assert caught.value.__cause__.errno == number


def test_too_many_open_files_is_no_fault_of_the_cell(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        read_bytes("a.bin")


class File:
    """A file that can be opened and gives nothing, or one piece and then nothing."""

    def __init__(self, handle, mode):
        self.handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *args):
        os.close(self.handle)

    pieces = ()

    def read(self, size):
        if not self.pieces:
            return None  # as if one had to wait
        piece, *self.pieces = self.pieces
        if piece is MemoryError:
            raise MemoryError
        return piece


@pytest.mark.parametrize(
    ("pieces", "code"), [((MemoryError,), "OUT_OF_MEMORY"), ((), "NOT_A_FILE")]
)
def test_a_file_that_cannot_be_read(folder, monkeypatch, pieces, code):
    monkeypatch.setattr("os.fdopen", File)
    monkeypatch.setattr(File, "pieces", pieces)
    assert code_of(folder / "a.bin") == code


def test_what_there_is_of_a_file_that_waits(folder, monkeypatch):
    monkeypatch.setattr("os.fdopen", File)
    monkeypatch.setattr(File, "pieces", (b"log",))
    assert read_bytes(folder / "a.bin") == b"log"


def test_pipe_with_a_writer_is_refused_too(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    try:
        os.write(writer, b"content")
        assert code_of(pipe) == "NOT_A_FILE"
    finally:
        os.close(writer)


def test_path_of_bytes_is_refused():
    class Path:
        def __fspath__(self):
            return b"a.bin"

    with pytest.raises(MediaError, match=r"os\.fsdecode") as caught:
        read_bytes(Path())
    assert caught.value.code == "BAD_TYPE"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("HTTPS://localhost/a.png", "URL"),
        ("git+ssh://host/a", "URL"),
        ("c://a.png", "NOT_FOUND"),  # one letter is a drive, not a scheme
        ("what: // is this", "NOT_FOUND"),
    ],
)
def test_what_counts_as_a_url(path, code):
    assert code_of(path) == code


def test_file_that_grows_is_read_to_its_limit(folder, monkeypatch):
    path = folder / "a.bin"
    original = os.fdopen

    def grow_then_open(handle, mode):
        path.write_bytes(b"a" * 50)
        return original(handle, mode)

    monkeypatch.setattr("os.fdopen", grow_then_open)
    assert read_bytes(path, max_bytes=50) == b"a" * 50
    path.write_bytes(b"a")
    assert code_of(path, max_bytes=49) == "FILE_TOO_LARGE"


def test_endless_device_does_not_hang():
    done = threading.Thread(target=lambda: code_of("/dev/zero"), daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()
