"""The optional frame library of the loaders."""

from typing import Any


def import_pandas(what: str, *, instead: str) -> Any:
    """Return pandas, or say how to get it.

    Parameters
    ----------
    what : str
        What needs it.
    instead : str
        What else can be done, a clause that ends the message; may be empty.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{what} makes a pandas frame and pandas is not installed. Run `pip "
            f'install "mmsk[pandas]"`{instead}.'
        ) from error
    return pandas
