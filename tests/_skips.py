"""A skip or an expected failure is allowed when it is listed with a reason."""

import re
from collections.abc import Iterable


def read_allowed(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Split each line that is no comment into a pattern and its reason.

    Raises
    ------
    ValueError
        If a line gives no reason.
    """
    allowed = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.strip().partition(" ")
            if not reason:
                raise ValueError(f"No reason is given for the skip of {pattern!r}.")
            allowed.append((pattern, reason))
    return allowed


def unlisted(test_ids: Iterable[str], allowed: list[tuple[str, str]]) -> list[str]:
    """Return the tests that no pattern covers, in the order given."""
    patterns = [
        re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
        for pattern, _ in allowed
    ]
    return [
        test_id
        for test_id in test_ids
        if not any(pattern.fullmatch(test_id) for pattern in patterns)
    ]
