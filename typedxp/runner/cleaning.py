"""Owns what can be deleted without losing anything: checkouts, snapshots of deleted runs, and old files of caches.

Whatever a run that has not ended may need is kept, and so is what is so young that a launch may be about to use it. The
files of runs are never touched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from typedxp.errors import StoreError, TypedxpError
from typedxp.runner.following import unsettled
from typedxp.stages.snapshot.checkout import remove_checkout
from typedxp.stages.snapshot.references import drop_snapshots, kept_snapshots, stores_of
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunRecord

_YOUNG = 3600.0
"""Seconds within which whatever was made may still be on its way into the record of a run."""
_LAUNCH = 600.0
"""Seconds that a launch may take from its snapshot to its records."""
_OLD = 90 * 24 * 3600.0
_SCRATCH = 7 * 24 * 3600.0
_MISSING = "runs in there may need them. If it was deleted: --forget DIR."


@dataclass(frozen=True)
class Waste:
    """Something that nobody needs: ``size`` is in bytes, 0 where only git can tell."""

    what: str
    name: str
    size: int
    remove: Callable[[], None]


@dataclass(frozen=True)
class Found:
    """What can be deleted, and why other things cannot."""

    waste: tuple[Waste, ...]
    notes: tuple[str, ...]


def find_waste(store: Store, checkouts: Iterable[Path] = ()) -> Found:
    """Look through a store, the repositories that its runs come from, and the given directories of ``checkouts``.

    Raises:
        StoreError: there is no such directory.
    """
    records = _records(store)
    roots = _roots(records)
    notes: list[str] = []
    others = {known for root in roots for known in stores_of(root)} | {store.root}
    waste = [
        *_checkouts([store.cache / "checkouts"], _needed([store.root, *_scratch_stores(store.cache)])),
        *_scratch(store.cache),
        *_cached(store.cache),
    ]
    missing = sorted(str(path) for path in others if not path.is_dir())
    if missing:
        notes.append(f"Snapshots and shared checkouts are kept, since {', '.join(missing)} is not here: {_MISSING}")
        return Found(tuple(waste), tuple(notes))
    places = [place.absolute() for place in checkouts]
    waste += _checkouts(places, _needed(others))
    for root in roots:
        waste += _snapshots(root, store, notes)
    return Found(tuple(waste), tuple(notes))


def _records(store: Store) -> list[RunRecord]:
    """Read what was planned of every run; one that is damaged is none of those that are asked."""
    return [record for directory in store.runs() if (record := _record(directory)) is not None]


def _record(directory: RunDirectory) -> RunRecord | None:
    with suppress(StoreError):
        return directory.read_record()
    return None


def _roots(records: Iterable[RunRecord]) -> list[Path]:
    """Return the repositories that runs come from, and the one that the user stands in."""
    roots = dict.fromkeys(Path(record.code.root) for record in records if record.code is not None)
    return [root for root in dict.fromkeys([*roots, Path.cwd()]) if root.is_dir()]


def _needed(stores: Iterable[Path]) -> set[Path]:
    """Return the checkouts that some run needs which has not ended, or of which that cannot be said."""
    needed = set()
    for path in stores:
        for directory in Store(path).runs():
            record = _record(directory)
            if record is not None and record.checkout is not None and not _ended(directory):
                needed.add(Path(record.checkout))
    return needed


def _ended(directory: RunDirectory) -> bool:
    try:
        status = directory.read_status()
        # What was stopped may be about to go on: its scheduler knows.
        return status.status.final and not unsettled(status)
    except TypedxpError:
        return False


def _checkouts(places: Iterable[Path], needed: set[Path]) -> Iterator[Waste]:
    for place in places:
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.is_dir() and not path.is_symlink() and path not in needed and _age(path) > _YOUNG:
                draft = path.name.startswith(".draft.")
                if draft or _is_checkout(path):
                    what = "half-made checkout" if draft else "checkout"
                    yield Waste(what, str(path), _size(path), partial(remove_checkout, path))


def _is_checkout(path: Path) -> bool:
    name = path.name.partition("-")[0]
    return len(name) in (40, 64) and set(name) <= set("0123456789abcdef") and (path / ".git").is_dir()


def _scratch_stores(cache: Path) -> list[Path]:
    """Return the stores that verifications work in, or have left behind when they were killed."""
    return sorted(path for path in cache.glob("verify-*") if path.is_dir())


def _scratch(cache: Path) -> Iterator[Waste]:
    for path in _scratch_stores(cache):
        files = [path, *path.rglob("*")]
        if min(map(_age, files)) > _SCRATCH:
            yield Waste("scratch store", str(path), _size(path), partial(remove_checkout, path))


def _cached(cache: Path) -> Iterator[Waste]:
    """Yield what was read long ago from the files of runs, and can be read again."""
    for name in ("index", "packed"):
        for path in sorted((cache / name).rglob("*")):
            if path.is_file() and _age(path) > _OLD:
                yield Waste("cache", str(path), _size(path), partial(_unlink, path))


def _snapshots(root: Path, store: Store, notes: list[str]) -> Iterator[Waste]:
    """Yield the snapshots of deleted runs.

    Stores that runs of a repository went to are written down in it: what no run in any of them names, nobody needs. A
    repository that does not know this store is left alone.
    """
    stores = stores_of(root)
    kept = kept_snapshots(root) if store.root in stores else {}
    if not kept:
        return
    named = set()
    for path in stores:
        for directory in Store(path).runs():
            record = _record(directory)
            if record is None:
                notes.append(f"Snapshots in {root} are kept, since {directory.path} is damaged and may need one.")
                return
            named.add(record.code.snapshot if record.code is not None else None)
    unnamed = [name for name, since in kept.items() if name not in named and time.time() - since > _YOUNG]
    if unnamed and time.time() - max(stores.values()) < _LAUNCH:
        notes.append(f"Snapshots in {root} are kept for now: runs were launched from there within ten minutes.")
        return
    for snapshot in unnamed:
        yield Waste("snapshot", f"{snapshot} in {root}", 0, partial(_drop, root, snapshot))


def _unlink(path: Path) -> None:
    """Remove a file; one that another process removed, or that cannot be, is left."""
    with suppress(OSError):
        path.unlink()


def _drop(root: Path, snapshot: str) -> None:
    if drop_snapshots(root, [snapshot]):
        raise StoreError(f"git refuses to drop the snapshot {snapshot} in {root}.")


def _age(path: Path) -> float:
    """Return the seconds since something was made or changed."""
    with suppress(OSError):
        stat = path.lstat()
        return time.time() - max(stat.st_mtime, stat.st_ctime)
    return 0.0


def _size(path: Path) -> int:
    """Return the bytes that a file, or all files in a directory, take on the disk."""
    total = 0
    for file in [path, *(Path(above, name) for above, _, names in os.walk(path) for name in names)]:
        with suppress(OSError):
            total += file.lstat().st_blocks * 512 if not file.is_dir() else 0
    return total
