"""Owns what a launch finds around it: environment variables, secrets left out, and the lock files of a project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase, translate
from pathlib import Path

from typedxp.vocabulary.plan import REDACTED

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|COOKIE|PRIVATE|(^|_)(PWD|PAT)$")
# As in https://user:password@host; a password may have an @ of its own.
_PASSWORD = re.compile(r"(?<=://)[^/]+(?=@)")

LOCKS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "Pipfile.lock",
    "pylock*.toml",
    "conda-lock.yml",
    "environment.yml",
    "environment.yaml",
    "requirements*.txt",
)


def variables(patterns: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables whose names match a pattern, as in ``OMP_*``; none that may hold a secret."""
    environment = os.environ if environment is None else environment
    wanted = re.compile("|".join(map(translate, patterns)))
    chosen = (name for name in sorted(environment) if wanted.fullmatch(name) and not _SECRET.search(name.upper()))
    return {name: _PASSWORD.sub(REDACTED, environment[name]) for name in chosen}


def locks(root: Path | None) -> dict[str, str]:
    """Return the SHA-256 of each lock file in the root of the repository and in the current directory, by path."""
    found: dict[str, str] = {}
    for directory in _places(root):
        for name in _lock_files(directory):
            path = directory / name
            with suppress(OSError):
                found[os.path.relpath(path, root) if root is not None else name] = _sha256(path)
    return found


def _places(root: Path | None) -> list[Path]:
    with suppress(OSError):
        return list(dict.fromkeys(path.resolve() for path in (root, Path.cwd()) if path is not None))
    return []


def _lock_files(directory: Path) -> Iterable[str]:
    try:
        names = [path.name for path in directory.iterdir()]
    except OSError:
        return []
    # Most names are none: a quick look spares the patterns.
    likely = (name for name in names if name.endswith((".lock", ".txt", ".yml", ".yaml", ".toml")))
    return sorted(name for name in likely if any(fnmatchcase(name, pattern) for pattern in LOCKS))


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
