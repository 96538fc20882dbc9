"""Owns which variables the arrays in artifacts are: their names, dimensions and attributes, from what runs recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from typedxp.artifacts.kept import list_arrays
from typedxp.artifacts.kinds.stored import array_kind
from typedxp.results.names import unused
from typedxp.results.problems import warn
from typedxp.results.runs.table import Table
from typedxp.results.runs.tabulate import ARRAYS, DIRECTORY
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.artifacts import ArrayHeader, KeptFile, restore_kept
from typedxp.vocabulary.records import RunStatus, Status


@dataclass(frozen=True, slots=True)
class Stored:
    """One array of one run: the absolute path of its file, the kind of that, and its name in it."""

    path: str
    kind: str
    array: str
    header: ArrayHeader


@dataclass(frozen=True)
class Kept:
    """An array that runs kept as an artifact, to be a variable.

    ``dims`` and ``sizes`` are those of its own dimensions: the sizes hold the array of every run. ``stored`` has a
    place for each run, in order, with None where a run does not have it.
    """

    dims: tuple[str, ...]
    sizes: tuple[int, ...]
    attrs: Mapping[str, str]
    stored: tuple[Stored | None, ...]


Column = tuple[Stored | None, ...]
"""An array, as each of the runs has it."""


def kept_files(directory: RunDirectory, status: Status) -> dict[str, KeptFile]:
    """Return the artifacts of a run that hold arrays, by name.

    Those of a run that did not complete may not be listed in its status: then their own records are looked at.
    """
    files = status.arrays
    if not files and status.status is not RunStatus.COMPLETED:
        files = list_arrays(directory.path)
    return {name: kept for name, kept in files.items() if _stays_inside(kept.file)}


def kept_by_runs(table: Table, root: Path) -> list[dict[str, KeptFile]]:
    """Return the same of each run in a table, with absolute files."""
    fact = table.fact(ARRAYS)
    different = [{name: restore_kept(raw) for name, raw in files.items()} for files in fact.values]
    directories = table.fact(DIRECTORY).listed()
    return [
        {
            name: replace(kept, file=f"{root}/{directory}/{kept.file}")
            for name, kept in (different[place] if place >= 0 else {}).items()
        }
        for place, directory in zip(fact.places.tolist(), directories, strict=True)
    ]


def find_kept(per_run: Sequence[Mapping[str, KeptFile]], taken: Collection[str]) -> dict[str, Kept]:
    """Find the arrays that runs kept, by the names of their variables, which are not ``taken``.

    The array of ``model/weights.npy`` is called ``model.weights``, and ``bias`` in ``model.npz`` is ``model.bias``.
    Dimensions of the same name are the same, as large as the largest array along them; if their name is that of a
    variable, or taken, underscores follow it. What the dimensions are called, the last run says that has the array.
    """
    arrays = {place: _fitting(place, stored) for place, stored in sorted(_collect(per_run).items())}
    names: dict[tuple[str, str], str] = {}
    for place in arrays:
        names[place] = unused(_variable_name(*place), {*taken, *names.values()})
    dims = _dimension_names(arrays.values(), {*taken, *names.values()})
    sizes = _sizes(arrays.values())
    return {names[place]: _make(place[0], stored, dims, sizes) for place, stored in arrays.items()}


def _collect(per_run: Sequence[Mapping[str, KeptFile]]) -> dict[tuple[str, str], Column]:
    """Collect the arrays by artifact and name in it."""
    found: dict[tuple[str, str], list[Stored | None]] = {}
    for run, files in enumerate(per_run):
        for artifact, kept in files.items():
            kind = array_kind(kept.kind, artifact)
            if kind is None:
                continue
            for array, header in kept.arrays.items():
                column = found.setdefault((artifact, array), [None] * len(per_run))
                column[run] = Stored(kept.file, kind, array, header)
    return {place: tuple(column) for place, column in found.items()}


def _fitting(place: tuple[str, str], column: Column) -> Column:
    """Leave out, and tell of, the arrays with other dimensions than the last one: as many in the same order."""
    dims = _last(column).header.dims
    fitting = tuple(stored if stored is not None and _fits(stored.header.dims, dims) else None for stored in column)
    misfits = [stored for stored, fits in zip(column, fitting, strict=True) if stored is not None and fits is None]
    if misfits:
        message = (
            f"{len(misfits)} runs have an array {_variable_name(*place)!r} whose dimensions are not {', '.join(dims)}, "
            f"but {', '.join(misfits[0].header.dims)} ({misfits[0].path}): it counts as missing."
        )
        warn(message)
    return fitting


def _fits(dims: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    # The same names in another order mean another array; other names are those of before somebody named them.
    return dims == wanted or (len(dims) == len(wanted) and set(dims) != set(wanted))


def _last(column: Column) -> Stored:
    return next(stored for stored in reversed(column) if stored is not None)


def _variable_name(artifact: str, array: str) -> str:
    stem = str(PurePosixPath(artifact).with_suffix(""))
    # netCDF has no slashes in names, and trees of datasets give them a meaning.
    return ".".join(filter(None, [stem, array])).replace("/", ".")


def _dimension_names(columns: Iterable[Column], taken: Collection[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    wanted = dict.fromkeys(dim for column in columns for dim in _last(column).header.dims)
    for dim in wanted:
        others = {other for other in wanted if other != dim}
        names[dim] = unused(dim, {*taken, *others, *names.values()})
    return names


def _sizes(columns: Iterable[Column]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for dims, header in _headers(columns):
        for dim, size in zip(dims, header.shape, strict=True):
            sizes[dim] = max(size, sizes.get(dim, 0))
    return sizes


def _headers(columns: Iterable[Column]) -> Iterator[tuple[tuple[str, ...], ArrayHeader]]:
    """Yield the dimensions and the header of every array."""
    for column in columns:
        dims = _last(column).header.dims
        yield from ((dims, stored.header) for stored in column if stored is not None)


def _make(artifact: str, column: Column, names: Mapping[str, str], sizes: Mapping[str, int]) -> Kept:
    last = _last(column)
    texts = {"long_name": last.header.long_name, "units": last.header.units}
    attrs = {"artifact": artifact, "kind": last.kind} | {key: text for key, text in texts.items() if text}
    dims = last.header.dims
    return Kept(tuple(names[dim] for dim in dims), tuple(sizes[dim] for dim in dims), attrs, column)


def _stays_inside(file: str) -> bool:
    # What a status says is no reason to read anything outside of its run.
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
