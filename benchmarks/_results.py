"""Results of a table that takes long, kept as they come."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Results:
    """What has been computed, by key; also in a file, if there is one.

    Parameters
    ----------
    path : Path or None
        A JSON file. What it holds is not computed again, nor what another process
        has added to it meanwhile.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        self._read()

    def _read(self) -> None:
        if self._path is not None and self._path.exists():
            self._values |= json.loads(self._path.read_text())

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """Return the value of a key, computed and kept if it is new."""
        self._read()
        if key not in self._values:
            value = compute()
            self._read()
            self._values[key] = value
            if self._path is not None:
                self._path.write_text(json.dumps(self._values, indent=1))
        return self._values[key]
