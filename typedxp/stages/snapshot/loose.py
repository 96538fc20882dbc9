"""Owns writing into a repository without git: one object, one reference, each a file that is there whole or not at all.

.git/
  objects/4f/2a...c1          an object: its kind, its size and its bytes, compressed, under the hash of them
  refs/typedxp/COMMIT         a reference: the hash of a commit

What is less simple is left to git; but to start it costs as much as to write thirty objects.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

_ALGORITHMS = {40: "sha1", 64: "sha256"}


@dataclass(frozen=True)
class Objects:
    """The objects in a ``directory`` of git, named by a hash of ``algorithm``."""

    directory: Path
    algorithm: str

    @classmethod
    def beside(cls, common: Path, known: str) -> Objects | None:
        """Return those of the repository whose directory is ``common``, in which ``known`` is the name of an object.

        None if objects are kept elsewhere, or are shared with other users: how, is for git to know.
        """
        directory = common / "objects"
        if "GIT_OBJECT_DIRECTORY" in os.environ or _is_shared(directory):
            return None
        return cls(directory, _ALGORITHMS[len(known)])

    def name(self, kind: str, data: bytes) -> str:
        """Return the name of an object, which need not be there."""
        return hashlib.new(self.algorithm, _content(kind, data), usedforsecurity=False).hexdigest()

    def write(self, kind: str, data: bytes) -> str:
        """Add an object, if it is not there; return its name.

        Raises:
            OSError: it cannot be written.
        """
        name = self.name(kind, data)
        directory = f"{self.directory}/{name[:2]}"
        path = f"{directory}/{name[2:]}"
        try:
            # Whoever collects garbage at this moment sees that it is wanted.
            os.utime(path)
        except OSError:
            # Trees are hardly smaller when compressed.
            content = _compressed(_content(kind, data), 0 if kind == "tree" else 1)
            # Git removes by itself what is called so, should we be killed.
            draft = f"{directory}/tmp_obj_{os.urandom(6).hex()}"  # noqa: S108 - not there
            try:
                _write(draft, path, content, 0o444)
            except FileNotFoundError:
                Path(directory).mkdir(exist_ok=True)
                _write(draft, path, content, 0o444)
        return name


def write_reference(common: Path, name: str, commit: str) -> bool:
    """Let the reference ``name`` be a commit; False if that has to be left to git, or somebody else is at it.

    Raises:
        OSError: it cannot be written.
    """
    # In some repositories they are no files.
    if not (common / "refs" / "heads").is_dir() or _is_shared(common / "refs"):
        return False
    path = common / name
    path.parent.mkdir(exist_ok=True)
    try:
        _write(f"{path}.lock", str(path), f"{commit}\n".encode(), 0o666, lasting=True)
    except FileExistsError:
        return False
    return True


def _content(kind: str, data: bytes) -> bytes:
    return b"%s %d\0%s" % (kind.encode(), len(data), data)


def _compressed(content: bytes, level: int) -> bytes:
    # In a small window, since to get memory for the usual one takes longer than all the rest.
    compressor = zlib.compressobj(level, zlib.DEFLATED, wbits=12, memLevel=5)
    return compressor.compress(content) + compressor.flush()


def _is_shared(directory: Path) -> bool:
    """Whether a directory is open to others than those whom a directory that we make would be open to."""
    return bool(stat.S_IMODE(directory.stat().st_mode) & ~(0o777 & ~umask()))


def umask() -> int:
    """Return the permissions that this process does not give."""
    # Another thread that makes a file at this moment gives rather less than was wanted.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _write(draft: str, path: str, content: bytes, mode: int, *, lasting: bool = False) -> None:
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            if lasting:
                # Of a reference that is empty, after a failure of power, git complains each time.
                stream.flush()
                os.fsync(file)
        Path(draft).replace(path)
    except BaseException:
        # After Ctrl-C it may have been renamed already.
        Path(draft).unlink(missing_ok=True)
        raise
