"""Owns reading the log directory of MLXP: one numbered directory per run, with metadata, metrics and artifacts."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError
from typedxp.results.names import unused
from typedxp.results.sources.damage import Damage, choose
from typedxp.results.sources.documents import read_mapping
from typedxp.results.sources.formats import summarize_file
from typedxp.results.sources.found import Found, FoundStream
from typedxp.results.sources.naming import stream_name
from typedxp.store.files import reason
from typedxp.vocabulary.clock import spell_time
from typedxp.vocabulary.records import RunStatus

# A run is STARTING from when a scheduler was given it until its job begins.
_STATUS = {
    "STARTING": RunStatus.SUBMITTED,
    "RUNNING": RunStatus.RUNNING,
    "COMPLETE": RunStatus.COMPLETED,
    "FAILED": RunStatus.FAILED,
}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_CONFIGS = ("config.yaml", "config_unresolved.yaml")
"""The config of a run, or of one that a scheduler has not started yet."""


def recognizes(root: Path) -> bool:
    """Say whether a directory holds runs of MLXP, by the names in it."""
    try:
        return any((root / str(number) / "metadata" / "info.yaml").is_file() for number in _numbers(root))
    except OSError:
        return False


def find(root: Path, ids: Collection[int] | None = None) -> Iterator[Found]:
    """Yield the runs of a log directory, or those with these ids, in order; warn of damaged ones at the end.

    Raises:
        ResultsError: the directory cannot be read, or there is no such run.
    """
    try:
        numbers = sorted(_numbers(root))
    except OSError as error:
        raise ResultsError(f"{root} cannot be read: {reason(error)}.") from error
    damage = Damage(root)
    for number in choose(root, numbers, ids):
        try:
            yield _read(root, number, damage)
        except (ResultsError, OSError) as error:
            damage.add(str(number), error)
    damage.warn()


def _numbers(root: Path) -> Iterator[int]:
    with os.scandir(root) as entries:
        for entry in entries:
            if _NUMBER.fullmatch(entry.name) and Path(entry).is_dir():
                yield int(entry.name)


def _read(root: Path, number: int, damage: Damage) -> Found:
    run = root / str(number)
    configs = [run / "metadata" / name for name in _CONFIGS]
    config = read_mapping(next((path for path in configs if path.exists()), configs[0]))
    facts = _facts(read_mapping(run / "metadata" / "info.yaml"))
    return Found(
        id=number,
        directory=str(number),
        # MLXP does not say which runs were launched together.
        command=str(number),
        facts=facts | {"artifacts": _artifacts(run)},
        config=config,
        streams=_streams(root, run, damage),
    )


def _facts(info: Mapping[str, Any]) -> dict[str, Any]:
    native = str(info.get("status"))
    start, end = _moment(info, "start"), _moment(info, "end")
    facts = {
        "status": str(_STATUS.get(native, "unknown")),
        "status.native": native,
        "experiment": Path(str(info.get("current_file_path") or "")).stem,
        "experiment.file": info.get("current_file_path"),
        "start": spell_time(start) if start else None,
        "end": spell_time(end) if end else None,
        "wall": (end - start).total_seconds() if start and end else None,
        "host": info.get("hostname"),
        "environment.host": info.get("hostname"),
        "environment.executable": info.get("executable"),
        "cwd": info.get("work_dir"),
        "job": _part(info, "scheduler").get("scheduler_job_id"),
        **_code(_part(info, "version_manager")),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _code(version: Mapping[str, Any]) -> dict[str, Any]:
    """Say which commit was run, if MLXP's version manager was used; it does not say what was changed since."""
    commit = version.get("commit_hash")
    if not isinstance(commit, str) or not commit:
        return {}
    return {"code": commit[:8], "code.commit": commit, "code.root": version.get("repo_path")}


def _part(info: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = info.get(name)
    return part if isinstance(part, dict) else {}


def _moment(info: Mapping[str, Any], which: str) -> datetime | None:
    """Return a time. MLXP writes that of the clock on the wall: it is taken for that of this machine's time zone."""
    try:
        text = f"{info.get(f'{which}_date')} {info.get(f'{which}_time')}"
        return datetime.strptime(text, "%d/%m/%Y %H:%M:%S").astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _artifacts(run: Path) -> list[str]:
    """List the files of artifacts by their paths below the run. None is opened: they may be pickles."""
    found = []
    for directory, inner, files in os.walk(run / "artifacts"):
        # What begins with a dot are MLXP's own lists.
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(directory, name).relative_to(run).as_posix() for name in files]
    return sorted(found)


def _streams(root: Path, run: Path, damage: Damage) -> dict[str, FoundStream]:
    streams: dict[str, FoundStream] = {}
    for path in sorted((run / "metrics").glob("*.json")):
        if not path.is_file():
            continue
        try:
            found = FoundStream(path.relative_to(run).as_posix(), summarize_file(path))
        except OSError as error:
            damage.add(path.relative_to(root).as_posix(), f"{path} cannot be read: {reason(error)}.")
            continue
        streams[unused(stream_name(path.stem), streams)] = found
    return streams
