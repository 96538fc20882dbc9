"""Owns which points of a plan need not be run, since there are runs of them: ``xp.only``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.errors import SnapshotError, StoreError
from typedxp.runner.planning import Launch
from typedxp.runner.surroundings import inputs_of
from typedxp.stages.execute.liveness import lost
from typedxp.stages.snapshot.peek import Seen, peek
from typedxp.stages.snapshot.same import Comparer
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.plan import Plan, RunSpec
from typedxp.vocabulary.records import BAD, Code, RunStatus

if TYPE_CHECKING:
    from typedxp.results.runs.points import PastRun
    from typedxp.vocabulary.settings import Settings

_SHOWN = 3


@dataclass(frozen=True)
class Reuse:
    """What is left of a plan, and the runs that stand for the points that were left out.

    ``completed`` and ``underway`` are ids, one for each point. ``notes`` are what the user should know.
    """

    what: Launch
    completed: tuple[int, ...] = ()
    underway: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def directories(self) -> list[RunDirectory]:
        """The runs that stand for points that were left out."""
        store = Store(self.what.settings.logs)
        return [RunDirectory(store.root / str(number)) for number in (*self.completed, *self.underway)]


def reuse(what: Launch, look: Callable[[], Seen]) -> Reuse:
    """Leave those points out of a plan that ``xp.only`` does not ask for. Nothing is written.

    ``look`` tells the code that the others would be run with; it is called only if that makes a difference.

    Raises:
        PlanError: ``xp.code_paths`` names nothing.
    """
    settings = what.settings
    if settings.only == "all" or settings.resume is not None:
        return Reuse(what)
    past = _past(settings, what.plan)
    # Only of points that have runs it matters what data they read.
    inputs = inputs_of(replace(what.plan, runs=tuple(spec for spec in what.plan.runs if spec.digest in past)))
    sieve = _Sieve(what, _Sameness(settings, look), past, iter(inputs))
    kept = tuple(spec for spec in what.plan.runs if sieve.keeps(spec))
    left = replace(what, plan=replace(what.plan, runs=kept))
    notes = tuple(_notes(what, sieve, len(kept)))
    return Reuse(left, tuple(sieve.completed), tuple(sieve.underway), notes)


def look_at_code(what: Launch) -> Seen:
    """Look at the code that a launch would run, without keeping it."""
    file = what.declaration.ref.file
    return peek(Path(file).parent if file is not None else Path.cwd(), what.settings.logs)


def _past(settings: Settings, plan: Plan) -> dict[str, list[PastRun]]:
    """Return the runs that there are of each point, by its digest, the newest first."""
    # It works with arrays, which take time to load.
    from typedxp.results.runs.points import runs_of_points

    if not Store(settings.logs).root.is_dir():
        return {}
    found: dict[str, list[PastRun]] = {}
    for run in reversed(runs_of_points(settings.logs, {spec.digest for spec in plan.runs})):
        found.setdefault(run.digest, []).append(run)
    return found


@dataclass
class _Sieve:
    """Decides for one point after the other, and remembers why."""

    what: Launch
    same: _Sameness
    past: dict[str, list[PastRun]]
    inputs: Iterator[Mapping[str, InputRecord]]
    completed: list[int] = field(default_factory=list)
    underway: list[int] = field(default_factory=list)
    other_data: list[int] = field(default_factory=list)
    unfailed: int = 0

    def __post_init__(self) -> None:
        file = self.what.declaration.ref.file
        self._file = Path(file).name if file is not None else None
        self._alive: dict[int, bool] = {}

    def keeps(self, spec: RunSpec) -> bool:
        """Whether a point is to be run."""
        runs = [run for run in self.past.get(spec.digest, ()) if self._is_of_this_file(run)]
        inputs = next(self.inputs) if spec.digest in self.past else {}
        for run in runs:
            if run.status is RunStatus.COMPLETED and self.same(run) and self._read_the_same(run, inputs):
                self.completed.append(run.id)
                return False
        for run in runs:
            if not run.status.final and self._is_alive(run) and self.same(run) and self._read_the_same(run, inputs):
                self.underway.append(run.id)
                return False
        if self.what.settings.only == "failed" and not (runs and self._failed(runs[0])):
            self.unfailed += 1
            return False
        return True

    def _is_of_this_file(self, run: PastRun) -> bool:
        """Whether a run is of an experiment in a file of the same name: two scripts may name theirs alike."""
        return self.what.settings.ignore_code or run.file is None or Path(run.file).name == self._file

    def _read_the_same(self, run: PastRun, inputs: Mapping[str, InputRecord]) -> bool:
        """Whether the data that a config names is what it was when the run was launched."""
        if not inputs:
            return True
        with suppress(StoreError):
            before = self._directory(run).read_record().inputs
            if {key: one.digest for key, one in before.items()} == {key: one.digest for key, one in inputs.items()}:
                return True
        self.other_data.append(run.id)
        return False

    def _directory(self, run: PastRun) -> RunDirectory:
        return RunDirectory(Store(self.what.settings.logs).root / str(run.id))

    def _failed(self, run: PastRun) -> bool:
        dead = run.status is RunStatus.RUNNING and not self._is_alive(run)
        return dead or run.status in BAD or run.status is RunStatus.PREEMPTED

    def _is_alive(self, run: PastRun) -> bool:
        """Whether somebody is still at work on a run; one that waits is, if another run of its command is executed."""
        if run.status is not RunStatus.PLANNED:
            return self._is_running(run)
        others = (other for runs in self.past.values() for other in runs if other.sweep == run.sweep)
        return any(other.status is RunStatus.RUNNING and self._is_running(other) for other in others)

    def _is_running(self, run: PastRun) -> bool:
        if run.id not in self._alive:
            directory = self._directory(run)
            try:
                status = directory.read_status()
                self._alive[run.id] = not status.status.final and lost(directory, status) is None
            except (StoreError, OSError):
                self._alive[run.id] = False
        return self._alive[run.id]


class _Sameness:
    """Says whether a run was made with the code of now, and remembers which runs were not."""

    def __init__(self, settings: Settings, look: Callable[[], Seen]) -> None:
        self._settings = settings
        self._look = look
        self._asked: tuple[Code | None, Comparer | None] | None = None
        self._known: dict[str, list[str] | None] = {}
        self.unknown: list[int] = []
        self.gone: list[int] = []
        self.others: dict[int, list[str]] = {}
        self.nowhere = False

    def __call__(self, run: PastRun) -> bool:
        """Compare the code of a run with that of now.

        Raises:
            PlanError: ``xp.code_paths`` names nothing.
        """
        if self._settings.ignore_code:
            return True
        now, comparer = self._now()
        if now is None and not run.code:
            # Where there is no git, nobody can tell, and everything would be run again for ever.
            self.nowhere = True
            return True
        then, name = _name(run.tree, run.commit, run.dirty), _name_of(now)
        if then is None or name is None or comparer is None:
            self.unknown.append(run.id)
            return False
        if then not in self._known:
            self._known[then] = _differing(comparer, then, name)
        differing = self._known[then]
        if differing is None:
            self.gone.append(run.id)
        elif differing:
            self.others[run.id] = differing
        return differing == []

    def _now(self) -> tuple[Code | None, Comparer | None]:
        if self._asked is None:
            seen = self._look()
            code, name = seen.code, _name_of(seen.code)
            known = {name: seen.files} if name is not None and seen.files else {}
            comparer = Comparer(Path(code.root), self._settings.code_paths, known) if code is not None else None
            if comparer is not None and name is not None and self._settings.code_paths:
                comparer.check(name)
            self._asked = code, comparer
        return self._asked


def _name_of(code: Code | None) -> str | None:
    return _name(code.tree, code.commit, code.dirty) if code is not None else None


def _name(tree: str | None, commit: str | None, dirty: bool | None) -> str | None:
    """Return what git knows a state of the code by; None if it was never kept."""
    return tree or (commit if dirty is False else None)


def _differing(comparer: Comparer, then: str, now: str) -> list[str] | None:
    try:
        return comparer.differing(then, now)
    except SnapshotError:
        return None


def _notes(what: Launch, sieve: _Sieve, kept: int) -> Iterable[str]:
    points, same = len(what.plan.runs), sieve.same
    if sieve.completed:
        verb = "is" if len(sieve.completed) == 1 else "are"
        yield (
            f"{_of(len(sieve.completed), points)} {verb} completed already ({listed(sieve.completed)}): left out. "
            f"xp.only=all runs {'it' if len(sieve.completed) == 1 else 'them'} again."
        )
    if sieve.underway:
        verb = "is" if len(sieve.underway) == 1 else "are"
        yield f"{_of(len(sieve.underway), points)} {verb} being run already ({listed(sieve.underway)}): left out."
    if sieve.unfailed:
        yield f"{_of(sieve.unfailed, points)} did not fail: left out. xp.only=missing runs what is missing."
    if same.nowhere:
        yield "The code is in no git repository: whether it is the code of those runs is not known."
    if kept:
        yield from _code_notes(same)
    if sieve.other_data:
        yield f"Not counted, since the data that they read has changed: {listed(sieve.other_data)}."


def _code_notes(same: _Sameness) -> Iterable[str]:
    """Say which completed runs do not count, and why."""
    advice = "xp.ignore_code=true lets them count."
    if same.others:
        files = list(dict.fromkeys(file for differing in same.others.values() for file in differing))
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        files_named = ", ".join(files[:_SHOWN]) + more
        yield f"Not counted, since the code has changed ({files_named}): {listed(list(same.others))}. {advice}"
    if same.unknown:
        yield f"Not counted, since their code was not kept: {listed(same.unknown)}. {advice}"
    if same.gone:
        yield f"Not counted, since git does not have their code any more: {listed(same.gone)}. {advice}"


def _of(count: int, points: int) -> str:
    return f"{count} of {points} point{'' if points == 1 else 's'}"
