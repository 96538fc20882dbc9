"""Owns which runs and versions of the code made something: counting them, and writing that down in text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray

from typedxp.errors import ResultsError
from typedxp.vocabulary.listing import spans
from typedxp.vocabulary.version import VERSION

UNKNOWN = "unknown"

_LINE = re.compile(r'^\W*typedxp (release|experiment|store|runs|versions): ("(?:[^"\\]|\\.)*")', re.MULTILINE)
_SPAN = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_MOST_IDS = 10_000_000


def spell_ids(ids: Iterable[int]) -> str:
    """Spell ids in short, in order and each once: ``"1-20,25"``."""
    return ",".join(spans(ids))


def parse_ids(text: str) -> tuple[int, ...]:
    """Return the ids that :func:`spell_ids` spelled, in order.

    Raises:
        ResultsError: the text is something else.
    """
    ids: set[int] = set()
    for span in filter(None, text.replace(" ", "").split(",")):
        match = _SPAN.fullmatch(span)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        # A file may say anything: a few characters must not fill the memory.
        if low > high or high - low + len(ids) >= _MOST_IDS:
            raise ResultsError(f"{_shorten(text)!r} does not list ids of runs. Write them like 1-20,25.")
        ids.update(range(low, high + 1))
    return tuple(sorted(ids))


def spell_versions(versions: Mapping[str, Iterable[int]]) -> str:
    """Spell versions of the code, each with its runs: ``"1a2b3c4d+: 1-10; 2b3c4d5e: 11-20,25"``."""
    return "; ".join(f"{re.sub('[:;]', '_', name) or UNKNOWN}: {spell_ids(ids)}" for name, ids in versions.items())


def parse_versions(text: str) -> dict[str, tuple[int, ...]]:
    """Return the versions that :func:`spell_versions` spelled.

    Raises:
        ResultsError: the text is something else.
    """
    versions = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, colon, ids = part.partition(":")
        if not colon:
            raise ResultsError(
                f"{_shorten(text)!r} does not list versions. Write them like 1a2b3c4d: 1-10; 2b3c4d5e: 11."
            )
        versions[name.strip()] = parse_ids(ids)
    return versions


def describe(dataset: xarray.Dataset | xarray.DataArray) -> dict[str, str]:
    """Return the attributes ``runs`` and ``versions`` of what is there, as far as they are known.

    They are counted anew from the coordinates ``run`` and ``code``. Where a reduction left out those coordinates, they
    are the attributes that are there already, which may name more runs than those that were reduced.
    """
    known = _united_attrs(dataset)
    run = dataset.coords.get("run")
    if run is None or run.dtype.kind not in "iuf":
        return {name: known[name] for name in ("runs", "versions") if name in known}
    runs = _present(run)
    code = dataset.coords.get("code")
    versions = _group(run, code) if code is not None else _keep(known.get("versions", ""), runs)
    # Those of before are not to stay where no run is left.
    return {"runs": spell_ids(runs)} | (
        {"versions": spell_versions(versions)} if versions or "versions" in known else {}
    )


def origin(dataset: xarray.Dataset | xarray.DataArray) -> dict[str, str]:
    """Return all attributes that tell of the origin of what is there; see :func:`describe`."""
    return {**_united_attrs(dataset), **describe(dataset)}


@dataclass(frozen=True)
class Provenance:
    """What made a result: the runs of an experiment in a store, by version of the code, and the release of typedxp.

    What is not known is empty.
    """

    store: str = ""
    experiment: str = ""
    runs: tuple[int, ...] = ()
    versions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    typedxp: str = VERSION

    @classmethod
    def of(cls, dataset: xarray.Dataset | xarray.DataArray) -> Provenance:
        """Return what made a dataset or an array that this release is about to write; see :func:`describe`."""
        return cls.from_attrs({**origin(dataset), "typedxp": VERSION})

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any]) -> Provenance:
        """Read the attributes of a dataset, an array or a file.

        Raises:
            ResultsError: an attribute is there, and cannot be understood.
        """
        known = {name: value for name, value in attrs.items() if isinstance(value, str)}
        return cls(
            store=known.get("store", ""),
            experiment=known.get("experiment", ""),
            runs=parse_ids(known.get("runs", "")),
            versions=parse_versions(known.get("versions", "")),
            typedxp=known.get("typedxp", ""),
        )

    def attrs(self) -> dict[str, str]:
        """Return attributes for a dataset or an array: text that netCDF and zarr can hold."""
        attrs = {
            "typedxp": self.typedxp,
            "experiment": self.experiment,
            "store": self.store,
            "runs": spell_ids(self.runs),
            "versions": spell_versions(self.versions),
        }
        return {name: text for name, text in attrs.items() if text}

    def lines(self, prefix: str = "") -> str:
        """Return lines of text, each after a ``prefix`` that makes it a comment, as ``"# "`` and ``"% "`` do.

        They are plain ASCII, and hold neither line breaks within a value nor anything that would end a comment of HTML.
        """
        named = {("release" if name == "typedxp" else name): text for name, text in self.attrs().items()}
        return "".join(f"{prefix}typedxp {name}: {_quote(text)}\n" for name, text in named.items())

    def html_comment(self) -> str:
        """Return a comment for HTML and for Markdown."""
        return f"<!--\n{self.lines()}-->\n"

    @classmethod
    def from_lines(cls, text: str) -> Provenance | None:
        """Find the lines anywhere in a text, None if there are none; several blocks of them count together.

        Raises:
            ResultsError: there are such lines, and they cannot be understood.
        """
        blocks: list[dict[str, str]] = []
        for name, quoted in _LINE.findall(text):
            if not blocks or name in blocks[-1]:
                blocks.append({})
            blocks[-1][name] = _unquote(quoted)
        return unite(cls.from_attrs({**block, "typedxp": block.get("release", "")}) for block in blocks)


def unite(parts: Iterable[Provenance]) -> Provenance | None:
    """Return what made all of several things, None if there is none; what they do not agree on is listed."""
    found = [part for part in parts if part != Provenance(typedxp=part.typedxp)]
    if len(found) < 2:
        return found[0] if found else None
    versions: dict[str, set[int]] = {}
    for part in found:
        for name, ids in part.versions.items():
            versions.setdefault(name, set()).update(ids)
    return Provenance(
        store=_listed(part.store for part in found),
        experiment=_listed(part.experiment for part in found),
        runs=tuple(sorted({run for part in found for run in part.runs})),
        versions={name: tuple(sorted(ids)) for name, ids in versions.items()},
        typedxp=_listed(part.typedxp for part in found),
    )


def _united_attrs(dataset: xarray.Dataset | xarray.DataArray) -> dict[str, str]:
    """Return the attributes that tell of the origin; those of variables count where the dataset itself has none."""
    holders: list[Any] = [dataset, *(dataset.data_vars.values() if isinstance(dataset, xarray.Dataset) else ())]
    described = [holder.attrs for holder in holders if isinstance(holder.attrs.get("runs"), str)]
    if isinstance(dataset.attrs.get("runs"), str) or not described:
        described = [dataset.attrs]
    united = unite(map(Provenance.from_attrs, described))
    return united.attrs() if united is not None else {}


def _present(run: xarray.DataArray) -> list[int]:
    ids = np.unique(run.values)
    return [int(found) for found in ids[np.isfinite(ids)] if found >= 0]


def _group(run: xarray.DataArray, code: xarray.DataArray) -> dict[str, list[int]]:
    runs, codes = xarray.broadcast(run, code)
    groups: dict[str, list[int]] = {}
    for found, version in sorted(zip(runs.values.ravel(), codes.values.ravel(), strict=True), key=lambda pair: pair[0]):
        if found >= 0:
            groups.setdefault(str(version) or UNKNOWN, []).append(int(found))
    return groups


def _keep(versions: str, runs: Iterable[int]) -> dict[str, list[int]]:
    there = set(runs)
    kept = {name: [run for run in ids if run in there] for name, ids in parse_versions(versions).items()}
    return {name: ids for name, ids in kept.items() if ids}


def _quote(text: str) -> str:
    quoted = json.dumps(text)
    for character in "<>&\x7f":
        quoted = quoted.replace(character, f"\\u{ord(character):04x}")
    # Two hyphens may not stand in a comment of XML.
    return quoted.replace("--", "-\\u002d")


def _unquote(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError as error:
        raise ResultsError(f"{_shorten(quoted)} is not text as typedxp writes it.") from error


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, texts)))


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
