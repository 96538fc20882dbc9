"""Owns what is hidden for a double-blind review: who ran it, where, and from which repository.

What defines a run stays as it is: the config, the point, what was typed, but for paths. Code, metrics and artifacts are
never changed: files that still mention somebody are named, and judged by their author.
"""

from __future__ import annotations

import json
import pwd
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from typedxp.runner.bundle.archive import Part
from typedxp.store import yaml
from typedxp.store.directory import dump
from typedxp.vocabulary.records import RunRecord

ANONYMOUS = "anonymous"
_DEFINING = frozenset({"point", "choices", "overrides", "command", "members", "tags"})
_TELLING = frozenset({"remote", "commit", "snapshot", "branch"})
_UNLIKELY = 5
"""Characters of a word that is not found by chance in what is no text."""


@dataclass(frozen=True)
class Mask:
    """What is replaced: ``paths`` by what stands for them, and ``words`` by "anonymous"; nothing at all without any."""

    paths: Mapping[str, str]
    words: frozenset[str]

    def json(self, data: bytes) -> bytes:
        """Hide what is to be hidden in a JSON document."""
        return dump(self._hide(json.loads(data), words=True)) if self.paths else data

    def lines(self, data: bytes) -> bytes:
        """Hide what is to be hidden in lines of JSON; a torn one is left out."""
        if not self.paths:
            return data
        hidden: list[bytes] = []
        for line in data.splitlines():
            with suppress(ValueError):
                hidden.append(dump(self._hide(json.loads(line), words=True), indent=False))
        return b"".join(hidden)

    def yaml(self, data: bytes) -> bytes:
        """Hide paths in a config."""
        if not self.paths:
            return data
        values = yaml.load(data.decode("utf-8", "surrogatepass"))
        return yaml.dump(self._hide(values, words=False)).encode("utf-8", "surrogatepass")

    def text(self, text: str, *, words: bool = True) -> str:
        """Hide what is to be hidden in a text; ``words=False`` hides paths alone."""
        for path in sorted(self.paths, key=len, reverse=True):
            text = re.sub(rf"{re.escape(path)}(?![\w.-])", self.paths[path].replace("\\", r"\\"), text)
        if words and self.words:
            text = _any_of(self.words).sub(ANONYMOUS, text)
        return text

    def _hide(self, value: Any, *, words: bool) -> Any:
        if isinstance(value, str):
            return self.text(value, words=words)
        if isinstance(value, Mapping):
            return {
                key: None if key in _TELLING and words else self._hide(item, words=words and key not in _DEFINING)
                for key, item in value.items()
            }
        return [self._hide(item, words=words) for item in value] if isinstance(value, list) else value


NO_MASK = Mask({}, frozenset())


def mask_for(records: Iterable[RunRecord], store: Path) -> Mask:
    """Make the mask for some runs of a store."""
    paths: dict[str, str] = {}
    words: set[str] = set()
    for record in records:
        user, host = record.environment.user, record.environment.host
        words |= {user, host, host.partition(".")[0]}
        for home in _homes(user, record):
            paths[home] = f"/home/{ANONYMOUS}"
        paths[record.cwd] = "/project"
        if record.code is not None:
            # A commit that was published names its author.
            words |= {name for name in (record.code.commit, record.code.snapshot) if name is not None}
            paths[record.code.root] = "/project"
            if record.cwd.startswith(f"{record.code.root}/"):
                paths[record.cwd] = f"/project{record.cwd[len(record.code.root) :]}"
    paths[str(store.absolute())] = "/runs"
    return Mask({path: name for path, name in paths.items() if path not in ("", "/")}, frozenset(words - {""}))


def mentions(parts: Iterable[Part], words: Iterable[str]) -> list[tuple[str, str]]:
    """Find the files that mention one of some words; return the path of each, with the first word found.

    What is compressed is not looked into.
    """
    wanted = {word for word in words if len(word) > 1}
    texts, others = _any_of_bytes(wanted), _any_of_bytes(word for word in wanted if len(word) >= _UNLIKELY)
    longest = max((len(word.encode()) for word in wanted), default=0)
    found = ((part.path, _first_mention(part, texts, others, longest)) for part in parts)
    return [(path, word) for path, word in found if word]


def _first_mention(part: Part, texts: re.Pattern[bytes], others: re.Pattern[bytes], longest: int) -> str:
    """Return the first word in a file, which may be larger than the memory; ``longest`` is the most bytes of one."""
    pattern, block, before = texts, b"", 0
    for chunk in part.chunks():
        # With one byte more than a word, to see whether it begins there.
        dropped = max(0, len(block) - longest - 1)
        block, before = block[dropped:] + chunk, before + dropped
        pattern = others if b"\0" in chunk else pattern
        match = pattern.search(block, min(1, before))
        # At the end it may be the beginning of a longer word.
        if match and match.end() < len(block):
            return match.group().decode()
    match = pattern.search(block, min(1, before))
    return match.group().decode() if match else ""


def telling_words(records: Iterable[RunRecord]) -> set[str]:
    """Return the words that tell who ran something: names of users, machines, and of who owns the remote."""
    words: set[str] = set()
    for record in records:
        user, host = record.environment.user, record.environment.host
        words |= {user, host, host.partition(".")[0], *_homes(user, record)}
        with suppress(KeyError):
            words.add(pwd.getpwnam(user).pw_gecos.partition(",")[0])
        if record.code is not None and record.code.remote:
            words.add(_owner(record.code.remote))
    # Half the programs of the world mention these, and nobody is called so.
    return words - {"", "root", "user", "localhost", "/root"}


def _homes(user: str, record: RunRecord) -> set[str]:
    """Return the directories of a user that a record's paths lie in."""
    homes = set()
    with suppress(KeyError):
        homes.add(pwd.getpwnam(user).pw_dir)
    for path in (record.cwd, record.environment.executable, record.experiment.file or ""):
        parts = Path(path).parts
        if user in parts:
            homes.add(str(Path(*parts[: parts.index(user) + 1])))
    return homes - {"", "/"}


def _owner(remote: str) -> str:
    """Return who owns a repository: ``alice`` of ``git@host:alice/project.git`` and of ``https://host/alice/project``."""
    path = urlsplit(remote).path if "://" in remote else remote.partition(":")[2]
    return path.strip("/").partition("/")[0] if "/" in path.strip("/") else ""


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(_spell_any_of(words))


def _any_of_bytes(words: Iterable[str]) -> re.Pattern[bytes]:
    return re.compile(_spell_any_of(words).encode())


def _spell_any_of(words: Iterable[str]) -> str:
    """Spell a pattern for any of the words, the longest first; it matches nothing if there is none."""
    listed = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or "(?!)"
    return rf"(?<![A-Za-z0-9])(?:{listed})(?![A-Za-z0-9])"
