"""Owns the verb: from the working tree as it is to what the record of a run says of its code."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.checks import refuse_dirty, refuse_large
from typedxp.stages.snapshot.objects import keep
from typedxp.stages.snapshot.references import note_store
from typedxp.stages.snapshot.repository import load_git, read_files, reason
from typedxp.stages.snapshot.tree import Change, Working, looked
from typedxp.vocabulary.records import Code

if TYPE_CHECKING:
    import git

    from typedxp.vocabulary.settings import Settings

_MOST = 50
"""Lines of changes in a record."""


@dataclass(frozen=True)
class Taken:
    """What is recorded of the code, and what the user has to be told of it."""

    code: Code | None
    note: str | None = None


def take_snapshot(place: Path, settings: Settings, script: Path | None = None) -> Taken:
    """Keep the code in the working tree that ``place`` lies in, as ``xp.snapshot`` asks; ``script`` is a file of it.

    The user's branch, index, stash and files are not touched.

    Raises:
        SnapshotError: the tree is refused; nothing was written.
    """
    git = load_git()
    try:
        with looked(place, settings.logs) as working:
            if working is None:
                return _without_code(settings, None, "not in a git repository")
            return _take(working, settings, script)
    except (git.GitError, OSError, ValueError) as error:
        return _without_code(settings, read_files(place), reason(error))


def require_snapshot(taken: Taken, settings: Settings) -> None:
    """Make sure that runs which start later, or elsewhere, will have the code of now.

    Raises:
        SnapshotError: nothing was kept that they could start from.
    """
    if settings.snapshot != "off" and (taken.code is None or taken.code.snapshot is None):
        note = (taken.note or "The code was not kept").rstrip(".")
        raise SnapshotError(
            f"{note}. Runs that start later would run whatever the code is then. "
            "Launch from a git repository, or accept that: xp.snapshot=off."
        )


def _take(working: Working, settings: Settings, script: Path | None) -> Taken:
    code = _describe(working, script)
    if settings.snapshot == "off":
        return Taken(code)
    if settings.snapshot == "clean":
        refuse_dirty(working)
    refuse_large(working, settings.snapshot_max_file, settings.snapshot_max_total)
    kept = keep(working)
    note_store(Path(working.repository.git.common_dir), settings.logs)
    return Taken(replace(code, tree=kept.tree, snapshot=kept.snapshot))


def _without_code(settings: Settings, code: Code | None, why: str) -> Taken:
    """Go on without a snapshot, visibly, unless one was asked for."""
    if settings.snapshot == "off":
        return Taken(code)
    if settings.snapshot in ("clean", "ask"):
        raise SnapshotError(f"xp.snapshot={settings.snapshot} cannot be had: {why}.")
    what = "the code of these runs is not recorded" if code is None else "only the commit of the code is recorded"
    return Taken(code, f"{why}: {what}")


def _describe(working: Working, script: Path | None) -> Code:
    repository = working.repository
    return Code(
        root=str(repository.root),
        commit=working.commit,
        branch=working.branch,
        dirty=working.dirty,
        remote=_remote(repository.git, working.branch),
        script=_inside(repository.root, script),
        changes=_lines(working.changes),
    )


def _lines(changes: Sequence[Change]) -> tuple[str, ...]:
    if len(changes) <= _MOST:
        return tuple(map(str, changes))
    return (*map(str, changes[: _MOST - 1]), f"... and {len(changes) - _MOST + 1} more")


def _inside(root: Path, script: Path | None) -> str | None:
    if script is None or not script.resolve().is_relative_to(root.resolve()):
        return None
    return script.resolve().relative_to(root.resolve()).as_posix()


def _remote(repository: git.Repo, branch: str | None) -> str | None:
    """Return the URL that the branch, or else the repository, comes from."""
    # Whatever is wrong with the configuration: git itself has not minded.
    with suppress(Exception), repository.config_reader("repository") as config:
        names = [section[8:-1] for section in config.sections() if section.startswith('remote "')]
        own = config.get_value(f'branch "{branch}"', "remote", default="origin")
        chosen = own if own in names else "origin" if "origin" in names else names[0] if names else None
        if chosen is not None:
            return without_credentials(str(config.get_value(f'remote "{chosen}"', "url")))
    return None


def without_credentials(url: str) -> str:
    """Take out of a URL what might be secret: passwords, tokens in the place of a user's name, queries."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    # By ssh everybody is `git`, and over the web whoever holds the token.
    kept = f"{name}{at}" if parts.scheme not in ("http", "https") else ""
    return urlunsplit((parts.scheme, f"{kept}{host}", parts.path, "", ""))
