"""Owns checkouts: a snapshot made into files, once for all the runs of it, which nobody writes to.

checkouts/
  .gitignore                 says that none of this is code
  4f2a...c1/                 the files of a snapshot
  4f2a...c1-8d01e6f3a2b4/    the same with links to data that is not in git
  .draft.HOST.PID.TOKEN/     one that is being made; renamed when it is whole
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typedxp.errors import ExecutionError
from typedxp.stages.snapshot.borrowing import git_errors, write_snapshot
from typedxp.stages.snapshot.repository import reason

_FORGOTTEN = 24 * 3600.0
"""Seconds after which a draft of another machine is nobody's any more."""


@dataclass(frozen=True)
class Checkout:
    """Where the files of a snapshot are, and what the user should know about them."""

    path: Path
    notes: tuple[str, ...] = ()


def checkout_path(place: Path, snapshot: str, root: Path, links: Sequence[str] = ()) -> Path:
    """Name the checkout of a snapshot in ``place``; ``links`` are relative to ``root``, the repository's directory."""
    if not re.fullmatch(r"[0-9a-f]{40,64}", snapshot):
        raise ExecutionError(f"{snapshot!r} is not the hash of a snapshot.")
    if not links:
        return place / snapshot
    targets = "\0".join(sorted(str(root / link) for link in links))
    return place / f"{snapshot}-{hashlib.sha256(os.fsencode(targets)).hexdigest()[:12]}"


def make_checkout(place: Path, snapshot: str, root: Path, links: Sequence[str] = ()) -> Checkout:
    """Make the files of a snapshot in ``place``, unless they are there already. Any number of processes may do so.

    Raises:
        ExecutionError: the repository, or an object, is gone, or the files cannot be written.
    """
    path = checkout_path(place, snapshot, root, links)
    if path.is_dir():
        with suppress(OSError):
            # Whoever cleans up at this moment sees that it is wanted.
            os.utime(path)
        return Checkout(path)
    draft = place / f".draft.{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        _prepare(place)
        draft.mkdir()
        notes = list(write_snapshot(draft, snapshot, root))
        for link in links:
            _link(draft, link, root / link)
        _seal(draft, root)
        _publish(draft, path)
    except git_errors() as error:
        raise ExecutionError(
            f"The files of the snapshot {snapshot[:10]} cannot be put into {place}: {reason(error)}. "
            "Choose another directory by xp.checkouts=DIR, or run the code as it is now by xp.snapshot=off."
        ) from error
    finally:
        remove_checkout(draft)
    return Checkout(path, tuple(notes))


def remove_checkout(path: Path) -> None:
    """Remove a checkout, or half of one; what cannot be removed is left."""
    for directory, _, _ in os.walk(path):
        with suppress(OSError):
            Path(directory).chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def _prepare(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    ignore = place / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    for draft in place.glob(".draft.*"):
        if _abandoned(draft):
            remove_checkout(draft)


def _abandoned(draft: Path) -> bool:
    """Whether nobody is at work on a draft any more."""
    host, _, rest = draft.name.removeprefix(".draft.").rpartition(".")[0].rpartition(".")
    if host != socket.gethostname() or not rest.isdigit():
        with suppress(OSError):
            return time.time() - draft.stat().st_mtime > _FORGOTTEN
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _publish(draft: Path, path: Path) -> None:
    try:
        draft.rename(path)
    except OSError:
        # Somebody else was faster: theirs is as good.
        if not path.is_dir():
            raise


def _link(draft: Path, link: str, target: Path) -> None:
    """Put a link to what is not in git into a checkout, in the place of what git has there."""
    place = draft / link
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.parent.resolve().is_relative_to(draft.resolve()):
        raise ExecutionError(
            f"xp.links: {link} lies behind a link that is in git. Link the directory that it leads to."
        )
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(target)


def _seal(draft: Path, root: Path) -> None:
    """Take the right to write from all files and directories, but for those in which Python keeps what it compiled."""
    for directory, inner, files in os.walk(draft, topdown=False):
        for name in (*inner, *files):
            path = f"{directory}/{name}"
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                _lead_out(Path(path), draft, root)
            else:
                os.chmod(path, mode & 0o555)  # noqa: PTH101 - once per file, where pathlib takes twice as long
        if any(name.endswith(".py") for name in files):
            # Else each of a thousand jobs would compile everything for itself.
            Path(directory, "__pycache__").mkdir(exist_ok=True)
    draft.chmod(draft.stat().st_mode & 0o555)


def _lead_out(link: Path, draft: Path, root: Path) -> None:
    """Have a relative link that leads out of the repository lead to the same place from here."""
    target = link.readlink()
    if not target.is_absolute() and not Path(os.path.normpath(link.parent / target)).is_relative_to(draft):
        link.unlink()
        link.symlink_to(os.path.normpath(root / link.parent.relative_to(draft) / target))
