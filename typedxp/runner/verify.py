"""Owns verifying runs: each is made again in a scratch store, and compared with what was recorded of it."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from typedxp.errors import ExecutionError, ResultsError, StoreError
from typedxp.results.sameness.found import Tolerance
from typedxp.results.sameness.runs import compare_recorded
from typedxp.runner.launching import Started
from typedxp.runner.rerun import Repeating, Repetition, repeat
from typedxp.stages.execute.interrupt import uninterrupted
from typedxp.store import verifications
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.records import RunStatus, Status
from typedxp.vocabulary.verification import Outcome, Part, Verification, worst


@dataclass(frozen=True)
class Verifying:
    """How runs are compared with their repetitions: ``ignore`` are patterns for what is not compared."""

    tolerance: Tolerance = field(default_factory=Tolerance)
    ignore: tuple[str, ...] = ()
    keep: Path | None = None


def check_completed(runs: Sequence[RunDirectory]) -> None:
    """Make sure that there is something to compare with.

    Raises:
        ExecutionError: some of the runs did not complete.
        StoreError: the status of one cannot be read.
    """
    statuses = {run.id: run.read_status().status for run in runs}
    others = [f"run {number} {status}" for number, status in statuses.items() if status is not RunStatus.COMPLETED]
    if others:
        raise ExecutionError(f"Only completed runs can be verified: {', '.join(others)}.")


def verify(
    store: Store,
    repetitions: Sequence[Repetition],
    how: Repeating,
    compare: Verifying,
    started: Started,
) -> Generator[tuple[RunDirectory, Verification]]:
    """Make runs again, compare, and write down beside each how it went; yield that, as each ends.

    The new runs are removed in the end, however it comes, unless they are to be kept.

    Raises:
        StoreError: something cannot be written.
        KeyboardInterrupt: the user stopped it.
        Stopped: another signal stopped it.
    """
    with (
        _scratch(store, compare.keep) as place,
        closing(repeat(Store(place), repetitions, how.jobs, started)) as ended,
    ):
        for repetition, directory, status in ended:
            verification = _judge(repetition, directory, status, compare, in_place_code=how.in_place_code)
            verifications.write(repetition.old, verification)
            yield repetition.old, verification


def _judge(
    repetition: Repetition, directory: RunDirectory, status: Status, compare: Verifying, *, in_place_code: bool
) -> Verification:
    """Compare a run with its repetition, which has ended."""
    parts: tuple[Part, ...] = ()
    cause = _failure(status, directory)
    if cause is None:
        try:
            parts = compare_recorded(repetition.old, directory, compare.tolerance, compare.ignore)
        except (ResultsError, OSError) as error:
            cause = f"The two cannot be compared: {reason(error) if isinstance(error, OSError) else error}"
    code = repetition.record.code
    return Verification(
        outcome=Outcome.FAILED if cause is not None else worst([part.outcome for part in parts]),
        verified=now(),
        rtol=compare.tolerance.rtol,
        atol=compare.tolerance.atol,
        ignored=compare.ignore,
        in_place_code=in_place_code,
        code=(code.snapshot or code.commit) if code is not None else None,
        environment=repetition.differing,
        seconds=status.usage.wall if status.usage is not None else None,
        cause=cause,
        parts=parts,
    )


def _failure(status: Status, directory: RunDirectory) -> str | None:
    """Say why a repetition did not complete; None if it did."""
    if status.status is RunStatus.COMPLETED:
        return None
    if status.failure is not None:
        return status.failure.traceback.strip()
    said = directory.stderr.read_text("utf-8", "replace").strip() if directory.stderr.exists() else ""
    return "\n".join(filter(None, [f"{status.status}: {status.cause}", said[-2000:]]))


@contextmanager
def _scratch(store: Store, keep: Path | None) -> Iterator[Path]:
    """Give a directory for runs that nobody needs afterwards, or the one in which they are to be kept."""
    if keep is not None:
        yield keep
        return
    try:
        store.cache.mkdir(exist_ok=True)
        place = Path(mkdtemp(prefix="verify-", dir=store.cache))
    except OSError as error:
        raise StoreError(f"{store.cache} cannot be written: {reason(error)}.") from error
    try:
        yield place
    finally:
        with uninterrupted():
            shutil.rmtree(place, ignore_errors=True)
