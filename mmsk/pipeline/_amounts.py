"""Numbers in strings that float() does not read: prices, shares, foreign points."""

import re

_MONEY = r"(?:[A-Z]{0,2}[$¢£¤¥฿\u20a0-\u20cf]|EUR|USD|GBP|CHF|JPY|CNY|INR|kr|zł)"
_SIGN = r"[-+\u2212]?"
_NO_BREAK = "'\u2019\u00a0\u202f"
_PLAIN = r"(?:\d+\.?\d*|\.\d+)"
_COMMAS = r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?"
_DECIMAL_COMMA = rf"(?:\d+|\d{{1,3}}(?:[. {_NO_BREAK}]\d{{3}})+),\d+"
_QUOTES = rf"\d{{1,3}}(?:[{_NO_BREAK}]\d{{3}})+(?:\.\d+)?"
# groups between spaces or points may be those of a telephone number or a version
_SPACES = r"\d{1,3}(?:[. ]\d{3})+(?:\.\d+)?"
_BARE = rf"(?:{_COMMAS}|{_DECIMAL_COMMA}|{_QUOTES})"
_ANY = rf"(?:{_BARE}|{_SPACES}|{_PLAIN})"
_AMOUNT = re.compile(
    rf"{_SIGN}\s*(?:{_MONEY}\s*{_SIGN}\s*{_ANY}|{_ANY}\s*(?:{_MONEY}|[%‰])|{_BARE})"
)
_COMMA_IS_DECIMAL = re.compile(rf"\D*(?!{_COMMAS}(?!\d)){_DECIMAL_COMMA}\D*")


def is_amount(cell: str) -> bool:
    """Tell whether signs and separators alone keep a string from being a number.

    Parameters
    ----------
    cell : str
        For example ``"$12.50"``, ``"5 %"``, ``"1,234.50"`` or ``"12,5"``.
    """
    return _AMOUNT.fullmatch(cell.strip()) is not None


def decimal_mark(cells: list[str]) -> str:
    """Return ``","`` if that is what divides the fractions of amounts, else ``"."``."""
    return "," if any(map(_COMMA_IS_DECIMAL.fullmatch, cells)) else "."
