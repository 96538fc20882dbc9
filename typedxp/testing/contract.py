"""Owns the contract of schedulers: what is promised of each of them, as tests that stand-ins and the original pass."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import Command, Reply
from typedxp.vocabulary.jobs import JobState, JobStatus

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "time": {"time": "90m"},
    "nodes": {"nodes": 2},
    "tasks": {"tasks": 3},
    "cpus": {"cpus": 5},
    "mem": {"mem": "3G"},
    "mem_per_cpu": {"mem_per_cpu": "3G"},
    "gpus": {"gpus": 2},
    "gpu_type": {"gpus": 2, "gpu_type": "a100"},
    "account": {"account": "physics"},
    "queue": {"queue": "long"},
    "name": {"name": "sweep"},
    "parallel": {"parallel": 7},
    "after": {"after": ["12"]},
    "requeue": {"requeue": True},
    "warn": {"time": "90m", "warn": "7m"},
    "mail": {"mail": "ada@example.org"},
    "mail_on": {"mail": "ada@example.org", "mail_on": ["begin"]},
    "directives": {"directives": ["--native"]},
    "setup": {"setup": ["module load cuda"]},
    "container": {"container": ["apptainer", "exec"]},
    "env": {"env": {"A": "1"}},
}
"""A setting of each portable field that jobs hear of."""

UNHEARD = frozenset({"scheduler", "pack", "max_array", "max_requeues", "python", "secrets"})
"""The portable fields that others deal with: no scheduler hears of them."""

ODD = 'it\'s a 50% "$HOME"; [a,b] `c` & #1'
"""A name for a directory that shells, and schedulers, stumble over."""

PROGRAM = """\
while [ $# -gt 0 ]; do
  case $1 in
    --name) NAME=$2 ;;
    --element) ELEMENT=$2 ;;
  esac
  shift 2
done
wait_for() { while [ ! -e "$1" ]; do sleep 0.05; done; }
"""


@dataclass
class Place:
    """Where the jobs of a test are written, and leave what they find: a directory with an odd name."""

    path: Path

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True)

    def script(self, cluster: Cluster, body: str, count: int | None, fields: Mapping[str, Any]) -> Path:
        """Write a job script that executes ``body``, in bash: it may use $NAME, $ELEMENT, and wait_for FILE."""
        number = len(list(self.path.glob("*.job")))
        program = self.path / f"{number}.program"
        program.write_text(PROGRAM + body + "\n")
        job = Job("contract", ("/bin/bash", str(program)), self.path, self.path, count)
        script = self.path / f"{number}.job"
        script.write_text(render(cluster.scheduler, profile(cluster, fields), job))
        script.chmod(0o755)
        return script

    def output(self, cluster: Cluster, element: str) -> str:
        """Return what an element printed, as the scheduler names the file."""
        return "".join(path.read_text() for path in sorted(self.path.glob(cluster.scheduler.output_file(element))))


def profile(cluster: Cluster, fields: Mapping[str, Any]) -> Profile:
    """Make a profile of the cluster's scheduler."""
    return cluster.scheduler.profile.model_validate({"scheduler": cluster.scheduler.name, **fields})


class SchedulerContract:
    """The promises of schedulers. A subclass says which cluster, and the words that are the scheduler's own.

    For a stand-in::

        class TestFakeSlurm(SchedulerContract):
            held = ("--hold",)

            @pytest.fixture
            def cluster(self):
                with FakeSlurm() as slurm:
                    yield Cluster(get_scheduler("slurm"), slurm)

    and for the original, the same with ``Cluster(get_scheduler("slurm"), local_shell)``.
    """

    patience: ClassVar[float] = 60.0
    """Seconds after which something that should happen is given up."""
    pause: ClassVar[float] = 0.02
    """Seconds between two questions."""
    fields: ClassVar[Mapping[str, Any]] = {}
    """What a profile for a small job must have on this cluster."""
    needs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """The words of a site without which a portable field says nothing, by that field."""
    held: ClassVar[tuple[str, ...]]
    """Native options by which a job is held from the beginning."""
    refused: ClassVar[tuple[str, ...]] = ("--no-such-option=1",)
    """Native options that the scheduler refuses."""
    limited: ClassVar[Mapping[str, Any] | None] = {"time": "2s"}
    """A profile with a time limit that is soon over; None if limits cannot be waited for."""
    warned: ClassVar[Mapping[str, Any] | None] = {"time": "20s", "warn": "18s"}
    """A profile with a warning that comes soon; None if it cannot be waited for."""

    starved: ClassVar[Mapping[str, Any] | None] = None
    """A profile with less than 400 MB of memory; None if the cluster does not enforce it."""

    @pytest.fixture
    def cluster(self) -> Cluster:
        """Return the scheduler and the shell that are tested."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """Return where the jobs of a test are."""
        return Place(tmp_path / ODD)

    @pytest.fixture(autouse=True)
    def nothing_is_left(self) -> Iterator[None]:
        """Cancel what a test has left in the queue."""
        self._submitted: list[tuple[Cluster, Submitted]] = []
        yield
        for cluster, submitted in self._submitted:
            cluster.cancel([submitted.job])

    def submit(self, cluster: Cluster, place: Place, body: str, count: int | None = None, **fields: Any) -> Submitted:
        """Submit a job that executes ``body``."""
        script = place.script(cluster, body, count, {**self.fields, **fields})
        submitted = cluster.submit(script, count, fields.get("after", ()))
        self._submitted.append((cluster, submitted))
        return submitted

    def wait(self, cluster: Cluster, submitted: Submitted, *states: JobState) -> list[JobStatus]:
        """Wait until all elements have ended, or are in one of the states; return where each stands."""
        end = time.monotonic() + self.patience
        while True:
            found = cluster.statuses({submitted.job: submitted.elements})
            known = [found[element] for element in submitted.elements if element in found]
            if len(known) == len(submitted.elements) and all(
                status.state in states if states else status.state.final for status in known
            ):
                return known
            assert time.monotonic() < end, f"waited {self.patience:.0f} s for {states or 'the end'}: {found}"
            time.sleep(self.pause)

    def wait_for_file(self, path: Path) -> None:
        """Wait until a job has left a file."""
        end = time.monotonic() + self.patience
        while not path.exists():
            assert time.monotonic() < end, f"waited {self.patience:.0f} s for {path.name}"
            time.sleep(self.pause)

    def states(self, cluster: Cluster, submitted: Submitted) -> list[JobState]:
        """Wait until all elements have ended; return how."""
        return [status.state for status in self.wait(cluster, submitted)]

    def expresses(self, cluster: Cluster, *fields: str) -> None:
        """Pass over a test if the scheduler has no words for something; that it refuses it is another test."""
        lost = set(fields) - profile(cluster, self.fields).expressed()
        if lost:
            pytest.skip(f"{cluster.scheduler.name} cannot express {', '.join(sorted(lost))}")

    # How jobs end

    def test_a_job_that_exits_0_is_completed(self, cluster: Cluster, place: Place) -> None:
        """Zero is success."""
        [status] = self.wait(cluster, self.submit(cluster, place, "exit 0"))

        assert (status.state, status.exit_code) == (JobState.COMPLETED, 0)

    def test_a_job_that_exits_3_is_failed_with_that_code(self, cluster: Cluster, place: Place) -> None:
        """The exit code of the program is that of the job."""
        [status] = self.wait(cluster, self.submit(cluster, place, "exit 3"))

        assert (status.state, status.exit_code, status.signal) == (JobState.FAILED, 3, None)

    def test_a_job_that_a_signal_kills_is_not_completed(self, cluster: Cluster, place: Place) -> None:
        """A signal is no success, whatever the scheduler says of it."""
        [status] = self.wait(cluster, self.submit(cluster, place, "kill -KILL $$; sleep 60"))

        assert status.state is JobState.FAILED

    def test_a_job_over_its_time_is_timeout(self, cluster: Cluster, place: Place) -> None:
        """A time limit is told apart from a failure."""
        if self.limited is None:
            pytest.skip("time limits of this cluster cannot be waited for")
        [status] = self.wait(cluster, self.submit(cluster, place, "exec sleep 600", **self.limited))

        assert status.state is JobState.TIMEOUT

    def test_a_job_over_its_memory_is_out_of_memory(self, cluster: Cluster, place: Place) -> None:
        """Where it is enforced, it is told apart from a failure."""
        if self.starved is None:
            pytest.skip("this cluster does not enforce memory")
        body = f"exec {sys.executable} -c 'import time; x = bytearray(400 * 2**20); time.sleep(60)'"
        [status] = self.wait(cluster, self.submit(cluster, place, body, **self.starved))

        assert status.state is JobState.OUT_OF_MEMORY

    # Arrays

    def test_elements_know_their_own_index_in_the_order_of_the_names(self, cluster: Cluster, place: Place) -> None:
        """The first element has the first index, and the file of its output is its own."""
        submitted = self.submit(cluster, place, 'echo "element $ELEMENT"', 4)

        assert self.states(cluster, submitted) == [JobState.COMPLETED] * 4
        first = cluster.scheduler.first
        said = [place.output(cluster, element) for element in submitted.elements]
        assert [re.findall(r"element (\d+)", text) for text in said] == [[str(first + i)] for i in range(4)]

    def test_elements_end_each_in_their_own_way(self, cluster: Cluster, place: Place) -> None:
        """One that fails does not fail the others."""
        first = cluster.scheduler.first
        submitted = self.submit(cluster, place, f"[ $ELEMENT -ne {first + 1} ] || exit 4", 3)
        statuses = self.wait(cluster, submitted)

        assert [status.state for status in statuses] == [JobState.COMPLETED, JobState.FAILED, JobState.COMPLETED]
        assert statuses[1].exit_code == 4

    def test_an_array_may_have_one_element(self, cluster: Cluster, place: Place) -> None:
        """A sweep may have one point."""
        submitted = self.submit(cluster, place, 'echo "element $ELEMENT"', 1)

        assert self.states(cluster, submitted) == [JobState.COMPLETED]
        assert f"element {cluster.scheduler.first}\n" in place.output(cluster, submitted.elements[0])

    def test_no_more_elements_run_at_a_time_than_parallel_says(self, cluster: Cluster, place: Place) -> None:
        """With one at a time, none meets another."""
        self.expresses(cluster, "parallel")
        submitted = self.submit(cluster, place, "mkdir alone || exit 1; sleep 0.2; rmdir alone", 3, parallel=1)

        assert self.states(cluster, submitted) == [JobState.COMPLETED] * 3

    def test_the_limit_of_an_array_is_a_number_or_unknown(self, cluster: Cluster) -> None:
        """A site's limit is asked for."""
        limit = cluster.array_limit()

        assert limit is None or limit >= 1

    # What a job sees

    @pytest.mark.parametrize("count", [None, 2])
    def test_the_name_in_the_script_is_the_name_of_the_submission(
        self, cluster: Cluster, place: Place, count: int | None
    ) -> None:
        """A run can tell what its scheduler calls it."""
        submitted = self.submit(cluster, place, 'echo "name <$NAME>"', count)
        self.wait(cluster, submitted)

        said = [place.output(cluster, element) for element in submitted.elements]
        assert [re.findall("name <(.*)>", text) for text in said] == [[element] for element in submitted.elements]

    def test_output_and_errors_land_in_the_directory_in_the_named_file(self, cluster: Cluster, place: Place) -> None:
        """What a job prints is found, whatever the directory is called."""
        submitted = self.submit(cluster, place, "echo to stdout; echo to stderr >&2")
        self.wait(cluster, submitted)

        said = place.output(cluster, submitted.elements[0])
        assert "to stdout\n" in said
        assert "to stderr\n" in said

    def test_a_job_starts_in_its_directory(self, cluster: Cluster, place: Place) -> None:
        """The directory's name may have spaces, quotes, and what shells expand."""
        self.wait(cluster, self.submit(cluster, place, 'printf %s "$PWD" > here'))

        assert (place.path / "here").read_text() == str(place.path)

    def test_a_job_has_the_variables_of_the_profile(self, cluster: Cluster, place: Place) -> None:
        """Their values are text, not shell."""
        env = {"GREETING": 'it\'s a "$HOME" `x`; \\d'}
        self.wait(cluster, self.submit(cluster, place, 'printf %s "$GREETING" > said', env=env))

        assert (place.path / "said").read_text() == env["GREETING"]

    def test_a_job_has_nothing_of_the_job_that_submits_it(
        self, cluster: Cluster, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job may submit others."""
        task = cluster.scheduler.task
        monkeypatch.setenv(task, "7777")
        self.wait(cluster, self.submit(cluster, place, f'printf %s "${{{task}-}}" > task'))

        assert (place.path / "task").read_text() != "7777"

    def test_a_job_is_warned_before_its_time_is_over(self, cluster: Cluster, place: Place) -> None:
        """The program itself gets a signal that the worker knows."""
        self.expresses(cluster, "warn")
        if self.warned is None:
            pytest.skip("warnings of this cluster cannot be waited for")
        body = "trap 'touch warned; exit 0' INT TERM USR1 USR2; touch ready; while :; do sleep 0.05; done"
        submitted = self.submit(cluster, place, body, **self.warned)

        assert self.states(cluster, submitted) == [JobState.COMPLETED]
        assert (place.path / "warned").exists()

    # Dependencies and requeues

    def test_a_job_starts_after_another_has_succeeded(self, cluster: Cluster, place: Place) -> None:
        """Not before."""
        self.expresses(cluster, "after")
        before = self.submit(cluster, place, "wait_for go; touch done")
        after = self.submit(cluster, place, "[ -e done ]", after=[before.job])
        self.wait(cluster, after, JobState.QUEUED, JobState.HELD)
        (place.path / "go").touch()

        assert self.states(cluster, after) == [JobState.COMPLETED]

    def test_a_job_does_not_start_after_another_has_failed(self, cluster: Cluster, place: Place) -> None:
        """It ends, without having run."""
        self.expresses(cluster, "after")
        before = self.submit(cluster, place, "wait_for go; exit 1")
        after = self.submit(cluster, place, "touch started", after=[before.job])
        (place.path / "go").touch()

        assert self.states(cluster, after) != [JobState.COMPLETED]
        assert not (place.path / "started").exists()

    def test_a_requeued_job_runs_again_under_its_name(self, cluster: Cluster, place: Place) -> None:
        """It can resume from a checkpoint."""
        self.expresses(cluster, "requeue")
        body = "[ ! -e started ] || exit 0; touch started; exec sleep 600"
        submitted = self.submit(cluster, place, body, requeue=True)
        command = cluster.scheduler.requeue_command(submitted.elements[0])
        if command is None:
            pytest.skip(f"users of {cluster.scheduler.name} cannot requeue")
        self.wait_for_file(place.path / "started")

        assert cluster.shell(command).code == 0
        assert self.states(cluster, submitted) == [JobState.COMPLETED]

    # Hold, release, cancel

    def test_a_job_that_is_held_starts_when_it_is_released(self, cluster: Cluster, place: Place) -> None:
        """Where the scheduler can."""
        submitted = self.submit(cluster, place, "exit 0", directives=list(self.held))
        if cluster.scheduler.release_commands(submitted.elements) is None:
            pytest.skip(f"{cluster.scheduler.name} cannot release")
        self.wait(cluster, submitted, JobState.HELD)
        cluster.release(submitted.elements)

        assert self.states(cluster, submitted) == [JobState.COMPLETED]

    def test_a_queued_element_can_be_held_and_released(self, cluster: Cluster, place: Place) -> None:
        """Only that element."""
        self.expresses(cluster, "parallel")
        body = f"[ $ELEMENT -ne {cluster.scheduler.first} ] || wait_for go"
        submitted = self.submit(cluster, place, body, 3, parallel=1)
        first, second, third = (Submitted(submitted.job, (element,)) for element in submitted.elements)
        if cluster.scheduler.hold_commands(second.elements) is None:
            pytest.skip(f"{cluster.scheduler.name} cannot hold")
        self.wait(cluster, first, JobState.RUNNING)
        cluster.hold(second.elements)
        (place.path / "go").touch()

        assert self.states(cluster, first) == self.states(cluster, third) == [JobState.COMPLETED]
        self.wait(cluster, second, JobState.HELD)
        cluster.release(second.elements)
        assert self.states(cluster, second) == [JobState.COMPLETED]

    def test_a_queued_job_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """It never starts."""
        submitted = self.submit(cluster, place, "touch started", directives=list(self.held))
        self.wait(cluster, submitted, JobState.HELD, JobState.QUEUED)
        cluster.cancel([submitted.job])

        assert self.states(cluster, submitted) == [JobState.CANCELLED]
        assert not (place.path / "started").exists()

    def test_a_running_job_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """It is told apart from a failure."""
        submitted = self.submit(cluster, place, "touch started; exec sleep 600")
        self.wait_for_file(place.path / "started")
        cluster.cancel(submitted.elements)

        assert self.states(cluster, submitted) == [JobState.CANCELLED]

    def test_one_element_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """The others go on."""
        submitted = self.submit(cluster, place, "touch started.$ELEMENT; wait_for go", 2)
        for index in range(2):
            self.wait_for_file(place.path / f"started.{cluster.scheduler.first + index}")
        cluster.cancel(submitted.elements[1:])
        self.wait(cluster, Submitted(submitted.job, submitted.elements[1:]), JobState.CANCELLED)
        (place.path / "go").touch()

        assert self.states(cluster, submitted) == [JobState.COMPLETED, JobState.CANCELLED]

    def test_a_whole_array_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """By the name of the job."""
        submitted = self.submit(cluster, place, "exec sleep 600", 3, directives=list(self.held))
        cluster.cancel([submitted.job])

        assert self.states(cluster, submitted) == [JobState.CANCELLED] * 3

    def test_all_elements_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """By their names."""
        submitted = self.submit(cluster, place, "exec sleep 600", 3, directives=list(self.held))
        cluster.cancel(submitted.elements)

        assert self.states(cluster, submitted) == [JobState.CANCELLED] * 3

    def test_cancelling_what_has_ended_is_no_error(self, cluster: Cluster, place: Place) -> None:
        """Jobs end while we look away."""
        submitted = self.submit(cluster, place, "exit 0")
        self.wait(cluster, submitted)
        cluster.cancel(submitted.elements)
        cluster.cancel([])

        assert self.states(cluster, submitted) == [JobState.COMPLETED]

    def test_holding_what_has_ended_is_no_error(self, cluster: Cluster, place: Place) -> None:
        """Nor is releasing it."""
        submitted = self.submit(cluster, place, "exit 0")
        if cluster.scheduler.hold_commands(submitted.elements) is None:
            pytest.skip(f"{cluster.scheduler.name} cannot hold")
        self.wait(cluster, submitted)
        cluster.hold(submitted.elements)
        cluster.release(submitted.elements)

        assert self.states(cluster, submitted) == [JobState.COMPLETED]

    # Answers

    def test_jobs_that_the_scheduler_never_heard_of_are_absent(self, cluster: Cluster, place: Place) -> None:
        """Alone, and among others."""
        submitted = self.submit(cluster, place, "exit 0", 2)
        self.wait(cluster, submitted)
        unheard = [re.sub(r"\d+", lambda match: str(int(match[0]) + 500_000), submitted.job, count=1)]
        jobs: dict[str, Sequence[str]] = {unheard[0]: unheard}

        assert cluster.statuses(jobs) == {}
        assert set(cluster.statuses({**jobs, submitted.job: submitted.elements})) == set(submitted.elements)

    def test_many_jobs_are_one_question(self, cluster: Cluster, place: Place) -> None:
        """Each answers for itself."""
        jobs = [self.submit(cluster, place, f"exit {code}") for code in range(3)]
        for job in jobs:
            self.wait(cluster, job)
        found = cluster.statuses({job.job: job.elements for job in jobs})

        assert [found[job.elements[0]].exit_code for job in jobs] == [0, 1, 2]

    def test_a_refusal_quotes_the_scheduler(self, cluster: Cluster, place: Place) -> None:
        """Nobody can say it better."""
        heard: list[Reply] = []

        def shell(command: Command) -> Reply:
            heard.append(cluster.shell(command))
            return heard[-1]

        with pytest.raises(SchedulerError) as refusal:
            self.submit(Cluster(cluster.scheduler, shell), place, "exit 0", directives=list(self.refused))

        assert heard[-1].said not in ("", "(no output)")
        assert heard[-1].said in str(refusal.value)

    def test_a_script_can_be_judged_without_being_submitted(self, cluster: Cluster, place: Place) -> None:
        """Where the scheduler can."""
        good = place.script(cluster, "exit 0", None, self.fields)
        if cluster.scheduler.test_command(good) is None:
            pytest.skip(f"{cluster.scheduler.name} cannot judge a script")
        assert cluster.test(good) is not None

        bad = place.script(cluster, "exit 0", None, {**self.fields, "directives": list(self.refused)})
        with pytest.raises(SchedulerError):
            cluster.test(bad)

    # Profiles

    @pytest.mark.parametrize("field", sorted(set(Profile.model_fields) - UNHEARD))
    def test_a_setting_is_written_or_refused_never_dropped(self, cluster: Cluster, field: str) -> None:
        """A field that Profile gains needs a sample here."""
        sample = SAMPLES[field]
        needed = {key: value for name in sample for key, value in self.needs.get(name, {}).items()}
        without = {key: value for key, value in sample.items() if key != field}

        assert field in sample
        try:
            written = self.written(cluster, {**needed, **sample})
        except (ProfileError, ValidationError):
            return
        assert written != self.written(cluster, {**needed, **without})

    def written(self, cluster: Cluster, fields: Mapping[str, Any]) -> str:
        """Return the script of an array with a profile."""
        job = Job("contract", ("python",), Path("/somewhere"), Path("/somewhere"), 20)
        return render(cluster.scheduler, profile(cluster, fields), job)
