"""Fetch what a text cell holds."""

from typing import Any

from mmsk.exceptions import MediaError

_REPLACEMENT = "\ufffd"


def read_text(cell: Any) -> str:
    """Return the text of a cell.

    Parameters
    ----------
    cell : str or bytes
        Bytes are UTF-8.

    Returns
    -------
    text : str

    Raises
    ------
    MediaError
        With code BAD_TYPE for anything else, BAD_ENCODING for other bytes.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes | bytearray):
        try:
            return bytes(cell).decode("utf-8")
        except UnicodeDecodeError as error:
            raise MediaError(
                "BAD_ENCODING",
                f"bytes that are not UTF-8 ({error.reason} at byte {error.start})",
                advice="Decode them first, by their own encoding.",
            ) from error
    raise MediaError(
        "BAD_TYPE",
        f"a {type(cell).__name__}, not a text",
        advice="Convert the column with astype(str), or join the parts of a list.",
    )


def without_surrogates(text: str) -> tuple[str, int]:
    """Return a text that every encoding can take, and how often it was not one.

    The two halves of a pair become their character, a lone one becomes U+FFFD.
    """
    if text.isascii():
        return text, 0
    try:
        text.encode()
    except UnicodeEncodeError:
        units = text.encode("utf-16-le", "surrogatepass")
        clean = units.decode("utf-16-le", "replace")
        return clean, clean.count(_REPLACEMENT) - text.count(_REPLACEMENT)
    return text, 0
