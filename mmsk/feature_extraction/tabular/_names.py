"""Names of features."""


def unique_names(names: list[str]) -> list[str]:
    """Tell equal names apart: later ones end in ``_2``, ``_3``, ..."""
    taken = set(names)
    used: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in used or (number > 1 and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        used.add(candidate)
        unique.append(candidate)
    return unique
