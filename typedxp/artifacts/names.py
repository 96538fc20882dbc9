"""Owns which names an artifact may have: relative paths that cannot leave the directory of the artifacts."""

from __future__ import annotations

import unicodedata

from typedxp.errors import RecordError

_LONGEST_PART = 200
_LONGEST = 1000

# Control characters, invisible ones that reorder text, lone surrogates (no bytes in UTF-8), ends of lines.
_REFUSED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def parts(name: str) -> tuple[str, ...]:
    """Split a name at its slashes, after checking it.

    Raises:
        RecordError: it is no relative path with ``/``, would leave the directory, or would not be a file everywhere.
    """
    if problem := _problem(name):
        raise RecordError(
            f"An artifact cannot be called {name!r}: {problem}. Use a relative path such as 'figures/loss.png'."
        )
    return tuple(name.split("/"))


def _problem(name: object) -> str | None:
    if not isinstance(name, str):
        return f"this is a {type(name).__name__}, not text"
    if not name:
        return "it is empty"
    if name.startswith("/"):
        return "it is absolute"
    if "\\" in name or any(unicodedata.category(character) in _REFUSED for character in name):
        return "it holds a backslash or an invisible character"
    if len(name.encode()) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes"
    return next(filter(None, map(_problem_of_part, name.split("/"))), None)


def _problem_of_part(part: str) -> str | None:
    if not part:
        return "a part between its slashes is empty"
    if part.startswith("."):
        # Bookkeeping lies beside the artifacts, and is told from them by its dot.
        return "names that begin with a dot are reserved" if part.strip(".") else f"{part!r} leads elsewhere"
    if len(part.encode()) > _LONGEST_PART:
        return f"a part of it is longer than {_LONGEST_PART} bytes"
    return None
