import pytest

from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells._read_text import read_text, without_surrogates


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("", ""),
        ("a\0b", "a\0b"),
        ("größe 中文 שלום 🙂", "größe 中文 שלום 🙂"),
        ("größe".encode(), "größe"),
        (bytearray(b"abc"), "abc"),
    ],
)
def test_texts_and_their_bytes_are_read(cell, text):
    assert read_text(cell) == text


@pytest.mark.parametrize("cell", [3, 2.5, True, ["a", "b"], ("a",), {"a": 1}, object()])
def test_anything_else_is_refused_with_advice(cell):
    with pytest.raises(MediaError, match=type(cell).__name__) as caught:
        read_text(cell)
    assert caught.value.code == "BAD_TYPE"
    assert "astype(str)" in caught.value.advice


@pytest.mark.parametrize("cell", ["größe".encode("latin-1"), b"\xff\xfe", b"abc\xc3"])
def test_bytes_of_another_encoding_are_refused(cell):
    with pytest.raises(MediaError, match="not UTF-8") as caught:
        read_text(cell)
    assert caught.value.code == "BAD_ENCODING"
    assert isinstance(caught.value.__cause__, UnicodeDecodeError)


@pytest.mark.parametrize(
    ("text", "clean", "count"),
    [
        ("plain", "plain", 0),
        ("größe 🙂 \ufffd", "größe 🙂 \ufffd", 0),
        ("a\ud800b", "a\ufffdb", 1),
        ("\udc00\ud800", "\ufffd\ufffd", 2),
        ("\ufffd end \ud83d", "\ufffd end \ufffd", 1),
        ("\ud83d\ude00 and \ude00", "😀 and \ufffd", 1),
    ],
)
def test_lone_surrogates_are_replaced_and_counted(text, clean, count):
    assert without_surrogates(text) == (clean, count)
