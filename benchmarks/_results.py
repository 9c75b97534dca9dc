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
        A JSON file. What it holds is not computed again.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        known = path is not None and path.exists()
        self._values = json.loads(path.read_text()) if known else {}

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """Return the value of a key, computed and kept if it is new."""
        if key not in self._values:
            self._values[key] = compute()
            if self._path is not None:
                self._path.write_text(json.dumps(self._values, indent=1))
        return self._values[key]
