"""Owns what a script that is being submitted, and the experiments that it starts, say to each other: by files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.errors import PlanError, ProfileError
from typedxp.runner.planning import Launch
from typedxp.runner.scripts.prologue import POSITION, PROLOGUE
from typedxp.runner.scripts.tracing import noted, setup_of
from typedxp.runner.submitting import Submission
from typedxp.vocabulary.plan import Assignment
from typedxp.vocabulary.telling import tell
from typedxp.vocabulary.tree import literal

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

VARIABLE = "TYPEDXP_SUBMIT"
"""The environment variable by which an experiment finds the script that it is to be submitted for."""

_CHOOSES = ("xp/profile", "xp.profile", "xp.profile.scheduler")

_LAUNCHED = ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "TORCHELASTIC_RUN_ID")
"""What srun, Open MPI, MPICH and torchrun tell each process that they start."""


@dataclass(frozen=True)
class Entry:
    """What became of one command of the script: its exit code, the runs and jobs that were submitted or planned."""

    code: int
    runs: int = 0
    jobs: int = 0
    duplicates: int = 0


@dataclass
class Session:
    """A script that is being submitted, as an experiment in it sees it."""

    file: Path
    position: str
    entry: Entry = field(default_factory=lambda: Entry(0))
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be submitted."""
        return bool(self.said["dry_run"])

    def assignments(self, given: Sequence[Assignment]) -> list[Assignment]:
        """Put the profile of the script before what was typed, unless that chooses one itself."""
        if any(item.key in _CHOOSES for item in given):
            return list(given)
        # The lines of a script mean every character as it is.
        profile = literal(self.said["profile"])
        origin = str(self.said["script"])
        return [Assignment("replace", "xp.profile", (profile,), f"xp.profile={profile!r}", origin=origin), *given]

    def adopt(self, what: Launch) -> Launch:
        """Make a plan what the script wants: with its environment, and without points that it has had.

        Raises:
            PlanError: it goes on with earlier runs, which is not submitted.
            ProfileError: a line of its environment cannot be part of a job.
        """
        if what.settings.resume is not None:
            raise PlanError("xp.resume goes on with runs here. To submit them again: typedxp retry")
        if what.profile is None:
            return what
        if _level() > self.said["level"]:
            tell(
                f"a script that {self.said['script']} started began this: what it exports or sources, the job does not."
            )
        lines = noted(self.file.parent / "trace", self.position)
        setup = setup_of(lines, self.said["lines"], os.environ)
        return replace(what, profile=_dressed(what.profile, setup))

    def fresh(self, what: Launch) -> Launch:
        """Leave out the points that another command of the script has had already."""
        place = self.file.parent / "points"
        runs = tuple(run for run in what.plan.runs if _claimed(place, what, run.digest, run.judged.secrets.values()))
        left = len(what.plan.runs) - len(runs)
        if left:
            noun = "point was" if left == 1 else "points were"
            print(f"{left} {noun} submitted by this script before: left out.", file=sys.stderr)
        self.entry = replace(self.entry, runs=len(runs), duplicates=left)
        return replace(what, plan=replace(what.plan, runs=runs))

    def submitted(self, made: Submission) -> None:
        """Note what was submitted."""
        taken = [record for _, record in made.jobs if record.refused is None]
        runs = sum(len(element.runs) for record in taken for element in record.elements)
        self.entry = replace(self.entry, runs=runs, jobs=len(taken))

    def ended(self, code: int) -> None:
        """Tell how the command ended."""
        line = json.dumps(asdict(replace(self.entry, code=code))) + "\n"
        with suppress(FileNotFoundError):
            descriptor = os.open(self.file.parent / "journal", os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, line.encode())
            os.close(descriptor)


@contextmanager
def current() -> Iterator[Session | None]:
    """Find the script that this process was started by to be submitted; None if there is none, as nearly always.

    What this process starts in turn, and the jobs, do not find it.

    Raises:
        PlanError: its submission has ended, or this is one of several processes of a parallel program.
    """
    name = os.environ.pop(VARIABLE, None)
    if name is None:
        yield None
        return
    session = Session(Path(name), os.environ.pop(POSITION, ""))
    try:
        file = session.file.open(encoding="utf-8")
    except OSError:
        raise PlanError(
            "The script that started this is not being submitted any more, or not from this machine.\n"
            "Let it `wait` for what it puts into the background, and start experiments without srun or mpirun. "
            f"To run here: unset {VARIABLE}"
        ) from None
    with file:
        # The submission ends when all that share this have ended.
        fcntl.flock(file, fcntl.LOCK_SH)
        session.said = json.load(file)
        try:
            _alone(session.said["launched"])
            yield session
        except BaseException as error:
            # A flag that there is not, or a mistake of ours.
            session.ended(2 if isinstance(error, SystemExit | PlanError) else 1)
            raise


def _alone(before: Mapping[str, str]) -> None:
    for name, value in _launched().items():
        if before.get(name) != value:
            raise PlanError(
                f"{name} is set: this was started by srun, mpirun or the like. Leave that out of the script. "
                "What stands before the program in the job is container of the profile, as in container=[srun]"
            )


def _launched() -> dict[str, str]:
    return {name: os.environ[name] for name in _LAUNCHED if name in os.environ}


def _level() -> int:
    """Return how many shells this is in: every bash adds one, but no subshell."""
    try:
        return int(os.environ.get("SHLVL", "0"))
    except ValueError:
        return 0


def begin(directory: Path, script: str, lines: Sequence[str], profile: Profile, *, dry_run: bool) -> dict[str, str]:
    """Write what experiments are told; return the environment variables by which they find it."""
    said = {"script": script, "lines": list(lines), "profile": profile.plain(), "dry_run": dry_run}
    said |= {"launched": _launched(), "level": _level() + 1}
    for name in ("trace", "points"):
        (directory / name).mkdir()
    (directory / "journal").touch()
    (directory / "prologue").write_text(PROLOGUE)
    file = directory / "session.json"
    file.write_text(json.dumps(said))
    file.chmod(0o600)
    return {VARIABLE: str(file), "BASH_ENV": str(directory / "prologue")}


def finish(directory: Path) -> list[Entry]:
    """Wait for the experiments that are still at it, and return what became of all."""
    with (directory / "session.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = (directory / "journal").read_text().splitlines()
    return [Entry(**json.loads(line)) for line in lines]


def _claimed(place: Path, what: Launch, digest: str, secrets: Any) -> bool:
    """Take a point of a store, if nobody has yet."""
    name = "\0".join([str(what.settings.logs.absolute()), digest, *secrets])
    try:
        (place / hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _dressed(profile: Profile, setup: Sequence[str]) -> Profile:
    if not setup:
        return profile
    from pydantic import ValidationError

    values = {**profile.plain(), "setup": [*setup, *profile.setup]}
    try:
        return type(profile).model_validate(values)
    except ValidationError as error:
        raise ProfileError(
            f"The environment of the script cannot be that of a job: {error.errors()[0]['msg']}"
        ) from error
