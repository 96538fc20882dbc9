"""Owns reading what Hydra leaves behind: the directories of the jobs of sweeps, or of single runs."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError
from typedxp.results.sources.damage import Damage, choose
from typedxp.results.sources.documents import read_mapping, read_yaml
from typedxp.results.sources.formats import SUFFIXES, summarize_file
from typedxp.results.sources.found import Found, FoundStream
from typedxp.results.sources.naming import name_streams
from typedxp.results.sources.overrides import read_choices, read_overrides, swept
from typedxp.store.files import reason
from typedxp.vocabulary.records import StreamSummary

_META = ".hydra"
_SWEEP = "multirun.yaml"
_NUMBERS = frozenset({"int", "float", "bool"})
_MOST_LOOKED_AT = 200
"""How many directories are looked into before a directory is taken for none of Hydra's."""


@dataclass(frozen=True)
class Job:
    """A job as its files in ``.hydra`` describe it; ``directory`` and ``sweep`` are paths below the root.

    ``number`` is None for what was run by itself.
    """

    directory: str
    sweep: str
    number: int | None
    config: Mapping[str, Any]
    overrides: Mapping[str, str]
    choices: Mapping[str, str | None]
    facts: Mapping[str, Any]


def recognizes(root: Path) -> bool:
    """Say whether a directory is one of Hydra's jobs, or holds some, by the names in it and somewhat below."""
    looked_at = islice(_directories(root), _MOST_LOOKED_AT)
    return any(_META in names or _SWEEP in names for _, names in looked_at)


def find(root: Path, ids: Collection[int] | None = None) -> Iterator[Found]:
    """Yield the jobs below a directory, or those with these ids, in order; warn of damaged ones at the end.

    The id is Hydra's number of the job where the directory holds one sweep, else the place in the order of names.

    Raises:
        ResultsError: there is no such run.
    """
    damage = Damage(root)
    directories = [directory for directory, names in _directories(root) if _META in names]
    jobs = _number(root, directories, _read_jobs(root, directories, damage))
    points = _points(jobs.values())
    files = {number: _files(root / job.directory) for number, job in jobs.items()}
    names = name_streams(file for found in files.values() for file in found)
    for number in choose(root, sorted(jobs), ids):
        job = jobs[number]
        yield Found(
            id=number,
            directory=job.directory,
            command=job.sweep,
            facts=job.facts,
            point=points[job.directory],
            choices=job.choices,
            config=job.config,
            streams=_streams(root, job, {file: names[file] for file in files[number]}, damage),
        )
    damage.warn()


def _directories(root: Path) -> Iterator[tuple[Path, Collection[str]]]:
    """Yield the root and what is below it, each with the names in it: what Hydra names first comes first.

    It stops at the directory of a job, and follows no links, since what they lead to is found where it is.
    """
    for directory, inner, files in os.walk(root):
        names = {*inner, *files}
        # os.walk goes where `inner` still leads.
        inner[:] = [] if _META in inner else sorted((name for name in inner if not name.startswith(".")), key=_in_order)
        yield Path(directory), names


def _in_order(name: str) -> list[tuple[int, str]]:
    """Return what puts job 10 after job 2."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"([0-9]{1,18})", name)]


def _read_jobs(root: Path, directories: Sequence[Path], damage: Damage) -> list[Job | None]:
    """Read each job: None stands for a damaged one, so that it keeps its place."""
    jobs: list[Job | None] = []
    for directory in directories:
        try:
            jobs.append(_read_job(root, directory))
        except (ResultsError, OSError) as error:
            damage.add(directory.relative_to(root).as_posix(), error)
            jobs.append(None)
    return jobs


def _read_job(root: Path, directory: Path) -> Job:
    meta = directory / _META
    settings = _part(read_mapping(meta / "hydra.yaml"), "hydra")
    overrides = read_yaml(meta / "overrides.yaml")
    job, runtime = _part(settings, "job"), _part(settings, "runtime")
    number = job.get("num")
    number = number if type(number) is int else None  # what was run by itself has "???" there
    return Job(
        directory=directory.relative_to(root).as_posix(),
        sweep=(_sweep(root, directory) if number is not None else directory).relative_to(root).as_posix(),
        number=number,
        config=read_mapping(meta / "config.yaml"),
        overrides=read_overrides(overrides if isinstance(overrides, list) else []),
        choices=read_choices(_part(runtime, "choices")),
        facts=_facts(job, runtime),
    )


def _sweep(root: Path, directory: Path) -> Path:
    """Return the directory of the sweep that a job belongs to: names of jobs may be paths themselves."""
    above = directory.parents[: len(directory.relative_to(root).parts)]
    return next((parent for parent in above if (parent / _SWEEP).is_file()), above[0] if above else directory)


def _facts(job: Mapping[str, Any], runtime: Mapping[str, Any]) -> dict[str, Any]:
    """Say what Hydra knows of a job. That is not how it ended: nothing is written then."""
    identity = job.get("id")
    facts = {
        "status": "unknown",
        "experiment": str(job.get("name") or ""),
        "cwd": runtime.get("cwd"),
        # Hydra's own launcher has no other id than the number.
        "job": identity if identity not in (str(job.get("num")), "???") else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _part(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = tree.get(name)
    return part if isinstance(part, dict) else {}


def _number(root: Path, directories: Sequence[Path], jobs: Sequence[Job | None]) -> dict[int, Job]:
    """Give each job its id: that of Hydra if all are of one sweep, else its place among all, damaged or not."""
    known = [job for job in jobs if job is not None]
    numbers = {job.number: job for job in known if job.number is not None}
    if len(numbers) == len(known) and len({_sweep(root, directory) for directory in directories}) == 1:
        return numbers
    return {place: job for place, job in enumerate(jobs) if job is not None}


def _points(jobs: Collection[Job]) -> dict[str, dict[str, Any]]:
    """Return what each job has for the keys that its sweep swept, by its directory."""
    sweeps: dict[str, list[Job]] = {}
    for job in jobs:
        sweeps.setdefault(job.sweep, []).append(job)
    return {
        job.directory: swept(job.overrides, keys, job.config, job.choices)
        for sweep in sweeps.values()
        for keys in [_differing([job.overrides for job in sweep])]
        for job in sweep
    }


def _differing(overrides: Sequence[Mapping[str, str]]) -> list[str]:
    keys = dict.fromkeys(key for found in overrides for key in found)
    return [key for key in keys if len({found.get(key) for found in overrides}) > 1]


def _files(job: Path) -> list[str]:
    """List the files of a job that may be streams, by their paths below it."""
    found = []
    for directory, inner, files in os.walk(job):
        inner[:] = [name for name in inner if not name.startswith(".")]
        paths = [Path(directory, name) for name in files if not name.startswith(".")]
        # A file that is none, such as a pipe, would keep its reader waiting.
        found += [path.relative_to(job).as_posix() for path in paths if path.suffix in SUFFIXES and path.is_file()]
    return sorted(found)


def _streams(root: Path, job: Job, names: Mapping[str, str], damage: Damage) -> dict[str, FoundStream]:
    streams = {}
    for file, name in names.items():
        path = root / job.directory / file
        try:
            summary = summarize_file(path)
        except OSError as error:
            damage.add(path.relative_to(root).as_posix(), f"{path} cannot be read: {reason(error)}.")
            continue
        if _is_stream(path, summary):
            streams[name] = FoundStream(file, summary)
    return streams


def _is_stream(path: Path, summary: StreamSummary) -> bool:
    """Say whether a file holds metrics: numbers. One object alone in a .json is more likely a result or a setting."""
    columns = summary.columns.values()
    numbers = any(column.sizes or not _NUMBERS.isdisjoint(column.kinds) for column in columns)
    return numbers and (path.suffix != ".json" or summary.records > 1)
