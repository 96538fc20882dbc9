"""Owns what worker processes execute: the checkout of a snapshot, and what a run needs that is not in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from typedxp.errors import ConfigError, ExecutionError, Problem
from typedxp.runner.planning import Launch
from typedxp.stages.execute.imports import Moved
from typedxp.stages.snapshot.checkout import make_checkout
from typedxp.stages.validate.paths import NamedPath, named_paths
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.plan import Judged, Plan
from typedxp.vocabulary.records import Code
from typedxp.vocabulary.telling import tell
from typedxp.vocabulary.tree import copy, put

_WAYS_OUT = "commit it (or have git not ignore it), name it in xp.links, or give an absolute path"


def checkout_for(what: Launch, code: Code | None) -> Path | None:
    """Make the checkout that worker processes and jobs execute; None if they execute the working tree.

    Raises:
        ExecutionError: it cannot be made, or lacks what was imported here.
    """
    settings = what.settings
    if not what.elsewhere or code is None or code.snapshot is None:
        return None
    place = (settings.checkouts or Store(settings.logs).cache / "checkouts").expanduser().absolute()
    root = Path(code.root)
    made = make_checkout(place, code.snapshot, root, relative_links(settings.links, root))
    for note in made.notes:
        tell(note)
    _check_imported(Moved(code.root, str(made.path)))
    return made.path


def restore_checkouts(links: Iterable[Path], directories: Iterable[RunDirectory]) -> None:
    """Make those checkouts again that runs need, and that are gone; ``links`` are what was linked into them.

    Raises:
        ExecutionError: the repository does not have the snapshot any more, or other links are wanted.
    """
    records = (directory.read_record() for directory in directories)
    gone = {
        (record.checkout, record.code.root, record.code.snapshot)
        for record in records
        if record.checkout is not None and record.code is not None and not Path(record.checkout).is_dir()
    }
    links = list(links)
    for checkout, root, snapshot in gone:
        if snapshot is not None:
            make_checkout(Path(checkout).parent, snapshot, Path(root), relative_links(links, Path(root)))
        if not Path(checkout).is_dir():
            raise ExecutionError(f"The checkout {checkout} is gone. Give the xp.links that it was made with.")


def settle_paths(what: Launch, code: Code, checkout: Path) -> Plan:
    """Make the paths of files that a config must have absolute, so that worker processes find them.

    A file that is in the snapshot is that of the checkout.

    Raises:
        ConfigError: a relative path is there, but not where the workers are.
    """
    schema = what.declaration.schema
    if schema is None or not any("Path" in field.type for _, field in schema.keys()):
        return what.plan
    moved = Moved(code.root, str(checkout))
    problems: dict[Problem, None] = {}
    runs = []
    for spec in what.plan.runs:
        found = [path for path in named_paths(spec.judged.config, schema) if not path.path.is_absolute()]
        problems |= dict.fromkeys(_problems(found, moved))
        runs.append(replace(spec, judged=_settled(spec.judged, [path for path in found if path.must_exist], moved)))
    if problems:
        raise ConfigError(what.declaration.name, list(problems))
    return replace(what.plan, runs=tuple(runs))


def _settled(judged: Judged, paths: list[NamedPath], moved: Moved) -> Judged:
    if not paths:
        return judged
    values = copy(judged.values)
    for named in paths:
        here = named.path.absolute()
        there = Path(moved.path(str(here)))
        ours = there.resolve().is_relative_to(Path(moved.checkout).resolve())
        put(values, named.key, str(there if ours and _holds(there, here) else here))
    return replace(judged, values=values)


def _problems(paths: Iterable[NamedPath], moved: Moved) -> Iterator[Problem]:
    cwd = str(Path.cwd())
    if moved.path(cwd) == cwd:
        # Where the workers are, too.
        return
    for named in paths:
        here = named.path.absolute()
        if named.must_exist or not here.exists():
            continue
        there = Path(moved.path(str(here)))
        if there == here or _is_placeholder(there, here):
            message = f"It is here, but not in the snapshot that worker processes execute: {_WAYS_OUT}."
            yield Problem(".".join(named.key), str(named.path), "", message)


def _holds(there: Path, here: Path) -> bool:
    """Whether everything that is here is there, too."""
    if not here.is_dir():
        return there.exists()
    for directory, inner, files in os.walk(here):
        inner[:] = [name for name in inner if name != "__pycache__"]
        if not all((there / Path(directory).relative_to(here) / name).exists() for name in (*inner, *files)):
            return False
    return True


def _is_placeholder(there: Path, here: Path) -> bool:
    """Whether a directory is in git for its name's sake only, as by a file .gitkeep."""
    return there.is_dir() and not _visible(there) and bool(_visible(here))


def _visible(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if not path.name.startswith(".")]


def relative_links(links: Iterable[Path], root: Path) -> list[str]:
    """Return what is to be linked into a checkout relative to the root of the repository, each once.

    Raises:
        ExecutionError: there is no such file, or it is outside.
    """
    return sorted({_link(link, root) for link in links})


def _link(link: Path, root: Path) -> str:
    """Return a link relative to the root of the repository."""
    here = Path(os.path.normpath(link.expanduser().absolute()))
    for place in (root, root.resolve()):
        if here.is_relative_to(place) and here != place:
            if not here.exists():
                raise ExecutionError(f"xp.links: there is no {link}.")
            return str(here.relative_to(place))
    raise ExecutionError(f"xp.links: {link} is not inside {root}. Jobs find it where it is: leave it out.")


def _check_imported(moved: Moved) -> None:
    """Make sure that what was imported here from the working tree can be imported from the checkout."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    lost = sorted(file for file in files if isinstance(file, str) and moved.lacks(file))
    if lost:
        shown = ", ".join(os.path.relpath(file, moved.root) for file in lost[:5]) + (", ..." if len(lost) > 5 else "")
        raise ExecutionError(
            f"The snapshot lacks what was imported here: {shown}. Git ignores it, so worker processes would not find "
            f"it: commit it (or have git not ignore it), or name it in xp.links=[{os.path.relpath(lost[0])}]."
        )
