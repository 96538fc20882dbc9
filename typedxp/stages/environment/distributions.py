"""Owns what is known of installed packages; a directory is read again only when something is installed in it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from typedxp.store.cache import cached, keep, settled
from typedxp.vocabulary.environment import Distribution

if TYPE_CHECKING:
    from importlib.metadata import Distribution as Installed

# Not by the parser of mail that importlib.metadata has for them: it reads the whole description, and is slow.
_NAME = re.compile(r"^Name:[ \t]*(\S+)", re.MULTILINE)
_VERSION = re.compile(r"^Version:[ \t]*(\S+)", re.MULTILINE)


def installed(places: Iterable[str] | None = None) -> dict[str, Distribution]:
    """Return the packages in these directories, or those on ``sys.path``, by name; of each name the first counts."""
    found: dict[str, Distribution] = {}
    for place in dict.fromkeys(map(os.path.abspath, sys.path if places is None else places)):
        for name, distribution in _in(place).items():
            found.setdefault(name, distribution)
    return dict(sorted(found.items()))


def _in(place: str) -> dict[str, Distribution]:
    try:
        changed = Path(place).stat().st_mtime_ns
    except OSError:
        return {}
    known = cached("distributions", place)
    if isinstance(known, dict) and known.get("changed") == changed:
        with suppress(TypeError):
            return {name: Distribution(**one) for name, one in known["found"].items()}
    found = dict(_scan(place))
    if settled(changed):
        kept = {name: asdict(one) for name, one in found.items()}
        keep("distributions", place, {"place": place, "changed": changed, "found": kept})
    return found


def _scan(place: str) -> Iterator[tuple[str, Distribution]]:
    # A late import: it is slow, and seldom needed.
    from importlib.metadata import distributions

    for item in distributions(path=[place]):
        try:
            header = item.read_text("METADATA") or item.read_text("PKG-INFO") or ""
        except ValueError:
            # Of old packages, a few are not in UTF-8.
            continue
        name, version = _NAME.search(header), _VERSION.search(header)
        # Half of a package, as a killed installer leaves it, has no name.
        if name is not None and version is not None:
            yield _normal(name[1]), _described(version[1], item)


def _normal(name: str) -> str:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    return re.sub(r"[-_.]+", "-", name).lower()


def _described(version: str, item: Installed) -> Distribution:
    # https://packaging.python.org/en/latest/specifications/direct-url/
    try:
        direct = json.loads(item.read_text("direct_url.json") or "{}")
        url, editable = direct.get("url"), bool(direct.get("dir_info", {}).get("editable", False))
        commit = direct.get("vcs_info", {}).get("commit_id")
        return Distribution(version, _origin(url) if isinstance(url, str) else None, editable, commit)
    except (ValueError, AttributeError):
        # It is not as it should be.
        return Distribution(version)


def _origin(url: str) -> str:
    """Return a URL without credentials, which may be in its query; of a local file or directory the path."""
    parts: Any = urlsplit(url)
    if parts.scheme == "file":
        return unquote(parts.path)
    return str(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="")))
