"""Owns what a scheduler is: a table, and a few functions on text. A cluster is a scheduler and a shell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.shell import Command, Reply, Shell, Unanswered, answered
from typedxp.vocabulary.jobs import JobState, JobStatus

if TYPE_CHECKING:
    from typedxp.schedulers.job import Job
    from typedxp.schedulers.profile import Profile


@dataclass(frozen=True)
class Submitted:
    """What a scheduler calls a job that it took, and each of its elements, in their order."""

    job: str
    elements: tuple[str, ...]


class Scheduler(ABC):
    """One kind of scheduler. Nothing here starts a process or touches a file: it says what to do, and reads answers."""

    name: ClassVar[str]
    profile: ClassVar[type[Profile]]
    states: ClassVar[Mapping[str, JobState]]
    """The scheduler's words for where a job stands. One that is not here is UNKNOWN, and shown as it is."""
    first: ClassVar[int] = 0
    """The index of the first element of an array."""
    task: ClassVar[str]
    """The environment variable that tells an element of an array its index."""
    own_name: ClassVar[tuple[str, str]]
    """How a job script spells, for bash, what the scheduler calls the job: of no array, and of an element."""
    inherited: ClassVar[tuple[str, ...]] = ()
    """Patterns of the variables of a job that must not reach the submission of another one."""
    memory_words: ClassVar[tuple[str, ...]] = ()
    """What the scheduler writes into the output of a job that it kills for its memory, if it says so only there."""
    holds_arrays: ClassVar[bool] = False
    """Whether only whole arrays can be held and released, whatever of them runs."""
    requeue_code: ClassVar[int | None] = None
    """The exit code by which a job goes back to the queue, if there is one."""

    def state(self, native: str) -> JobState:
        """Translate the scheduler's word for a state; a word that we do not know is UNKNOWN, not an error."""
        return self.states.get(native, JobState.UNKNOWN)

    def directives(self, profile: Profile, job: Job) -> list[str]:
        """Write the native lines of a job script.

        Raises:
            ProfileError: the scheduler cannot express something.
        """
        options = [*self.job_options(profile, job), *profile.options(job)]
        if broken := [option for option in options if not option.isprintable()]:
            raise ProfileError(
                f"A line of a job script cannot hold {broken[0]!r}.\n"
                "An experiment, or a directory of runs, cannot be called so: it has a line break or control character."
            )
        return [f"{profile.prefix} {option}" for option in options]

    def impossible(self, profile: Profile, shell: Shell) -> list[tuple[str, str]]:  # noqa: ARG002 - for those that can
        """Name the fields of a profile that can never be given, each with the reason.

        Every profile that is chosen is judged by this: it is for schedulers that can tell at once, and for certain.
        """
        return []

    @abstractmethod
    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write the options of the job itself: its name, where its output goes, and its array."""

    def opening(self, job: Job) -> list[str]:  # noqa: ARG002 - for those that need it
        """Write the lines of shell that a job script begins with: what the scheduler has no option for."""
        return []

    @abstractmethod
    def output_file(self, element: str) -> str:
        """Name the file, in the directory of the outputs, that holds what an element printed; it may be a pattern."""

    def check_after(self, names: Sequence[str], shell: Shell) -> None:  # noqa: B027 - for those that must ask
        """Make sure that a job that comes after these does not start before they have succeeded.

        Nothing is asked by default: most schedulers refuse, or never start, what comes after a job they do not know.

        Raises:
            SchedulerError: one of them is not known, or did not succeed.
        """

    @abstractmethod
    def submit_command(self, script: Path) -> Command:
        """Return the command that submits a job script."""

    @abstractmethod
    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read what the scheduler calls a job of ``count`` elements that was submitted.

        Raises:
            SchedulerError: it was refused, or the answer cannot be read.
        """

    def test_command(self, script: Path) -> Command | None:  # noqa: ARG002 - for those that can
        """Return the command that lets the scheduler judge a script without submitting it; None if it cannot."""
        return None

    def limit_command(self) -> Command | None:
        """Return the command that asks how large an array may be; None if there is none."""
        return None

    def read_limit(self, reply: Reply) -> int | None:  # noqa: ARG002 - for those that can
        """Read how many elements an array may have; None if the scheduler does not say."""
        return None

    @abstractmethod
    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask once where all elements of some jobs stand; return what is known, by the name of the element.

        ``jobs`` maps each job to its elements. What the scheduler has forgotten is not in the answer.

        Raises:
            SchedulerError: it does not answer.
        """

    @abstractmethod
    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Return the commands that cancel elements, or whole jobs, in as few as possible."""

    def hold_commands(self, names: Sequence[str]) -> list[Command] | None:  # noqa: ARG002 - for those that can
        """Return the commands that keep queued elements from starting; None if the scheduler has none."""
        return None

    def release_commands(self, names: Sequence[str]) -> list[Command] | None:  # noqa: ARG002 - for those that can
        """Return the commands that let held elements start; None if the scheduler has none."""
        return None

    def requeue_command(self, name: str) -> Command | None:  # noqa: ARG002 - for those that can
        """Return the command by which a running element goes back to the queue; None if there is none for users."""
        return None

    def gone(self, reply: Reply) -> bool:  # noqa: ARG002 - for those that complain
        """Whether a command that acts on jobs failed only because some have ended; it has acted on the others."""
        return False


@dataclass(frozen=True)
class Cluster:
    """A scheduler, and the shell that its commands are given to."""

    scheduler: Scheduler
    shell: Shell

    def submit(self, script: Path, count: int | None, after: Sequence[str] = ()) -> Submitted:
        """Submit a job script of ``count`` elements, or of one job that is no array.

        ``after`` are the jobs that the script waits for.

        Raises:
            SchedulerError: the scheduler refused it, or gave no answer.
        """
        try:
            if after:
                self.scheduler.check_after(after, self.shell)
        except Unanswered as error:
            # It is known what has become of the submission: nothing.
            raise SchedulerError(str(error)) from error
        return self.scheduler.read_submitted(self.shell(self.scheduler.submit_command(script)), count)

    def test(self, script: Path) -> str | None:
        """Let the scheduler judge a script; return what it says, or None if it cannot.

        Raises:
            SchedulerError: it refuses the script.
        """
        command = self.scheduler.test_command(script)
        return answered(self.shell(command)).said if command is not None else None

    def array_limit(self) -> int | None:
        """Return how many elements an array may have, if the scheduler says so."""
        command = self.scheduler.limit_command()
        if command is None:
            return None
        try:
            return self.scheduler.read_limit(self.shell(command))
        except SchedulerError:
            return None

    def statuses(self, jobs: Mapping[str, Sequence[str]]) -> dict[str, JobStatus]:
        """Ask once where all elements of some jobs stand.

        Raises:
            SchedulerError: the scheduler does not answer.
        """
        return self.scheduler.ask(jobs, self.shell) if jobs else {}

    def cancel(self, names: Sequence[str]) -> None:
        """Cancel elements, or whole jobs. What has ended already is passed over.

        Raises:
            SchedulerError: the scheduler refuses, or does not answer.
        """
        self._act(self.scheduler.cancel_commands(names) if names else [])

    def hold(self, names: Sequence[str]) -> None:
        """Keep queued elements from starting. What has ended already is passed over.

        Raises:
            SchedulerError: the scheduler cannot, refuses, or does not answer.
        """
        self._act(self._possible(self.scheduler.hold_commands(names), "hold"))

    def release(self, names: Sequence[str]) -> None:
        """Let held elements start. What has ended already is passed over.

        Raises:
            SchedulerError: the scheduler cannot, refuses, or does not answer.
        """
        self._act(self._possible(self.scheduler.release_commands(names), "release"))

    def _possible(self, commands: list[Command] | None, verb: str) -> list[Command]:
        if commands is None:
            raise SchedulerError(f"{self.scheduler.name} has no way to {verb} jobs.")
        return commands

    def _act(self, commands: Sequence[Command]) -> None:
        replies = [self.shell(command) for command in commands]
        # What one command was refused is no reason to leave out the others.
        for reply in replies:
            if reply.code != 0 and not self.scheduler.gone(reply):
                answered(reply)
