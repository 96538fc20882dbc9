"""Owns what is written in run.json and status.json: the words that runner, worker and readers exchange on disk.

The classes are plain dataclasses so that reading and writing them loads nothing. Field names are the keys in the files;
a change that an older reader would misread raises ``FORMAT``. A field that is only added does not: older readers pass
over it, and newer ones take its default where it was not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from typedxp.vocabulary.artifacts import KeptFile
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.metrics import Variable

FORMAT = 1
"""Version of the files of a run."""


class RunStatus(StrEnum):
    """Where a run stands."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    PREEMPTED = "preempted"
    LOST = "lost"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the run by itself."""
        return self not in (RunStatus.PLANNED, RunStatus.SUBMITTED, RunStatus.RUNNING)


BAD = frozenset({RunStatus.FAILED, RunStatus.TIMEOUT, RunStatus.OUT_OF_MEMORY, RunStatus.LOST})
"""The ends that are nobody's wish."""


@dataclass(frozen=True)
class ExperimentRef:
    """Where a worker finds the experiment: a module to import, or a file to load, and the name of the object in it.

    ``module`` is None for a script; ``file`` is an absolute path, or None for what was typed into a notebook.
    """

    name: str
    module: str | None
    file: str | None
    function: str


@dataclass(frozen=True)
class Code:
    """The state of the git repository that a run was launched from.

    ``commit`` is None before the first one, ``branch`` where HEAD is detached. ``dirty`` counts untracked files, too;
    it is None where git could not be asked. ``tree`` is the hash of the git tree of all that was in the working tree,
    ``snapshot`` that of a commit that holds it: HEAD's if the tree is clean. Both are None where nothing was kept.
    ``remote`` is the URL the repository came from, without credentials; ``script`` the path of the script, relative to
    ``root``; ``changes`` are lines that tell how the tree was dirty, at most 50.
    """

    root: str
    commit: str | None
    branch: str | None
    dirty: bool | None
    tree: str | None = None
    snapshot: str | None = None
    remote: str | None = None
    script: str | None = None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Environment:
    """The machine and the versions that a run was launched with: ``document`` is the digest of all that is known."""

    host: str
    user: str
    platform: str
    python: str
    executable: str
    typedxp: str
    document: str | None = None


@dataclass(frozen=True)
class Label:
    """What is known of a swept key: the description and the unit of its field."""

    description: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Recording:
    """How a run is recorded. ``monitor`` is the number of seconds between two samples of the machine."""

    capture: bool = True
    timestamps: bool = True
    monitor: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json: what was planned. Written once, before the run starts.

    ``sweep`` is the same for all runs of one command. ``digest`` names the experiment and its config by content, so
    equal points are recognisable for ever. ``point`` maps each swept key to this run's value, in sweep order; the value
    of a config group is the name of the option. ``choices`` holds the option chosen for every config group, ``members``
    the class that each union without a discriminator holds; both by dotted key. ``secrets`` are the keys whose values
    are not written down. ``metrics`` are those that were declared, by stream. ``tags`` are the user's own words for the
    run. ``schema`` is the digest of the document that tells what the fields of the config mean: none if the config has
    no schema. ``rerun_of`` is the id of the run that this one repeats. ``checkout`` is the directory of the code that a
    worker process executes: none if that is what lies in the working tree. Times are ISO 8601 in UTC.
    """

    format: int = field(default=FORMAT, kw_only=True)
    id: int
    sweep: str
    experiment: ExperimentRef
    digest: str
    point: Mapping[str, Any]
    choices: Mapping[str, str | None]
    members: Mapping[str, str]
    secrets: tuple[str, ...]
    labels: Mapping[str, Label]
    overrides: tuple[str, ...]
    command: tuple[str, ...]
    cwd: str
    created: str
    environment: Environment
    code: Code | None = None
    recording: Recording = Recording()
    metrics: Mapping[str, Mapping[str, Variable]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    schema: str | None = None
    inputs: Mapping[str, InputRecord] = field(default_factory=dict)
    checkout: str | None = None
    rerun_of: int | None = None


@dataclass(frozen=True)
class Column:
    """One metric of a stream: the kinds of value it took and the number of records that have it.

    A kind is one of ``bool``, ``int``, ``float``, ``str``, ``null`` and ``other``. ``sizes`` are those of the smallest
    array that holds each array of it: none if all its values are scalars.
    """

    kinds: tuple[str, ...]
    records: int
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Steps:
    """The whole numbers that a stream is counted by: what ``key`` holds, which increases from record to record.

    Each of the ``pieces`` is the first value, the difference from one to the next, and the number of values.
    """

    key: str
    pieces: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class StreamSummary:
    """What a reader needs to know of a finished stream without opening it. Valid while the file has ``bytes`` bytes.

    ``steps`` are there if all records have ``step``, ``global_step``, ``iteration`` or ``epoch``, and it increases in
    few pieces; earlier versions did not write them.
    """

    records: int
    bytes: int
    columns: Mapping[str, Column]
    steps: Steps | None = None


@dataclass(frozen=True)
class Failure:
    """The exception that ended a run."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True)
class Usage:
    """What a run used: seconds of wall, user and system time, and the most memory of its process, in bytes."""

    wall: float
    user: float
    system: float
    peak_memory: int


@dataclass(frozen=True)
class Status:
    """The content of status.json: where a run stands. Replaced whole whenever that changes.

    ``pid_start`` tells the process from a later one of the same number. ``attempt`` counts how often the run was
    started. ``exit_code`` and ``signal`` are those that ended it, where known. ``cause`` says in words why a run did
    not complete. ``job`` is what a scheduler calls it, ``job_state`` the scheduler's own word for how that ended.
    ``arrays`` are the artifacts that hold arrays, by name; only the end of a run lists them. ``environment`` is the
    digest of the environment where the run is executed, if that is not the one it was launched from. Times are ISO 8601
    in UTC.
    """

    format: int = field(default=FORMAT, kw_only=True)
    status: RunStatus
    host: str | None = None
    pid: int | None = None
    pid_start: str | None = None
    start: str | None = None
    end: str | None = None
    attempt: int = 0
    exit_code: int | None = None
    signal: int | None = None
    cause: str | None = None
    failure: Failure | None = None
    job: str | None = None
    usage: Usage | None = None
    streams: Mapping[str, StreamSummary] = field(default_factory=dict)
    arrays: Mapping[str, KeptFile] = field(default_factory=dict)
    environment: str | None = None
    job_state: str | None = None
