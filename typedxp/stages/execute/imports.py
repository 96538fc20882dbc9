"""Owns where the imports of a worker lead: into the checkout of the snapshot, and not into the live tree beside it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from typedxp.errors import ExecutionError

_READ_ONLY = (
    "This is the checkout of a snapshot, which all runs of it share, and nobody writes to. Write to the directory of "
    "the run (run.directory, run.log_artifact), to an absolute path, or where xp.links leads."
)
_NOT_IN_THE_SNAPSHOT = (
    "There is {} in the working tree, but not in the snapshot that this run executes: git ignores it, or it came "
    "later. Commit it (or have git not ignore it), name it in xp.links (--link of verify and rerun), or give an "
    "absolute path."
)


@dataclass(frozen=True)
class Moved:
    """A repository whose files are to be found in a checkout; all paths are absolute texts."""

    root: str
    checkout: str

    def path(self, path: str) -> str:
        """Return where a path of the repository is in the checkout; unchanged if it is not there, or elsewhere."""
        inside = self._inside(path)
        if inside is None or self._installed(path):
            return path
        place = os.path.normpath(os.path.join(self.checkout, inside))
        return place if os.path.exists(place) else path

    def lacks(self, file: str) -> bool:
        """Whether a file is in the repository, but not in the checkout."""
        inside = self._directories.get(directory := os.path.dirname(file), "")
        if inside == "":
            inside = self._directories[directory] = None if self._installed(directory) else self._inside(directory)
        return inside is not None and not os.path.exists(f"{self.checkout}/{inside}/{os.path.basename(file)}")

    @cached_property
    def _directories(self) -> dict[str, str | None]:
        """Where the directories that were asked for are in the repository: modules share a few."""
        return {}

    def _inside(self, path: str) -> str | None:
        """Return a path relative to the repository; None if it is not in there, or is in the checkout already."""
        # As it is spelled first: a link in the repository is a part of it, wherever it leads.
        for spelled in (os.path.normpath(path), os.path.realpath(path)):
            if _is_in(spelled, self.checkout):
                return None
            if _is_in(spelled, self.root):
                return os.path.relpath(spelled, self.root)
        return None

    def _installed(self, path: str) -> bool:
        """Whether a path is in the environment of Python, or another one, which may lie in the repository."""
        return "/site-packages/" in f"{path}/" or any(
            _is_in(place, self.root) and _is_in(path, place) for place in self._environments
        )

    @cached_property
    def _environments(self) -> set[str]:
        return {sys.prefix, sys.exec_prefix, sys.base_prefix}


def enter(moved: Moved, cwd: str) -> None:
    """Have this process, and those that it starts, work and import in a checkout instead of the live tree.

    What was imported before stays, with all that belongs to it: that is this package, where it is developed itself.

    Raises:
        ExecutionError: there is no such checkout.
    """
    if not os.path.isdir(moved.checkout):
        raise ExecutionError(
            f"The checkout {moved.checkout} of the code of this run is gone. "
            "Have it made again where the run was launched: xp.resume=RUN."
        )
    given = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [*map(moved.path, sys.path), *_move_setuptools(moved)]
    sys.meta_path.insert(0, _Redirection(moved, _imported(moved)))
    _hand_on([*map(moved.path, given), *(place for place in sys.path if _is_in(place, moved.checkout))])
    place = moved.path(cwd)
    if place != cwd:
        os.chdir(place)
        os.environ["PWD"] = place


@contextmanager
def explained(moved: Moved) -> Iterator[None]:
    """Tell who writes into a checkout, or misses in it what git ignores, what to do instead."""
    try:
        yield
    except (PermissionError, FileNotFoundError) as error:
        place = os.path.abspath(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
        if _is_in(place, moved.checkout):
            inside = os.path.relpath(place, moved.checkout)
            if isinstance(error, PermissionError):
                error.add_note(_READ_ONLY)
            elif os.path.lexists(os.path.join(moved.root, inside)):
                error.add_note(_NOT_IN_THE_SNAPSHOT.format(inside))
        raise


class _Redirection:
    """Asks the finders after itself, and leads what they find in the live tree to the checkout.

    It does what ``sys.path`` cannot: redirect the finders of editable installations, and paths that are added later.
    """

    def __init__(self, moved: Moved, imported: set[str]) -> None:
        self._moved = moved
        self._imported = imported

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find a module as Python does."""
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                return spec if name.partition(".")[0] in self._imported else self._lead(spec)
        return None

    def _lead(self, spec: ModuleSpec) -> ModuleSpec:
        places = spec.submodule_search_locations
        if not spec.has_location or spec.origin is None:
            if isinstance(places, list):
                places[:] = map(self._moved.path, places)
            return spec
        origin = self._moved.path(spec.origin)
        if origin == spec.origin:
            return spec
        if "." not in spec.name:
            # Where children find it before they ask the finder that led here.
            home = os.path.dirname(origin if places is None else os.path.dirname(origin))
            sys.path += [home] if home not in sys.path else []
            _hand_on([*os.environ.get("PYTHONPATH", "").split(os.pathsep), home])
        inner = None if places is None else list(map(self._moved.path, places))
        return importlib.util.spec_from_file_location(spec.name, origin, submodule_search_locations=inner) or spec


def _hand_on(places: Iterable[str]) -> None:
    """Have children search these directories before what is installed, which may lead them into the live tree."""
    if found := [place for place in dict.fromkeys(places) if place]:
        os.environ["PYTHONPATH"] = os.pathsep.join(found)


def _imported(moved: Moved) -> set[str]:
    """Name the packages of the live tree that were imported before."""
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    return {name for name, file in files.items() if "." not in name and file and moved.path(file) != file}


def _move_setuptools(moved: Moved) -> Iterator[str]:
    """Change the tables of setuptools' finders, which tell where packages are; yield the directories these lie in.

    They look whether a file is there before the redirection can see what they found, and the live tree may have moved.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__") and name.endswith("_finder"):
            mapping: dict[str, str] = getattr(module, "MAPPING", {})
            for package, place in mapping.items():
                mapping[package] = moved.path(place)
                if mapping[package] != place and "." not in package:
                    yield os.path.dirname(mapping[package])
            spaces: dict[str, Any] = getattr(module, "NAMESPACES", {})
            for package, places in spaces.items():
                spaces[package] = list(map(moved.path, places))


def _is_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
