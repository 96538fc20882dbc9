"""Grid Engine keeps the contract: its stand-in, and the original."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Command, local_shell
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.sge import FakeSge
from typedxp.testing.standin import Cause
from typedxp.vocabulary.jobs import JobState


class SgeContract(SchedulerContract):
    """What Grid Engine promises, but for what its accounting does not tell."""

    held = ("-h",)
    needs = {
        "nodes": {"parallel_environment": "mpi", "allocation_rule": 16},
        "tasks": {"parallel_environment": "smp"},
        "cpus": {"parallel_environment": "smp"},
        "mem": {"memory_resource": "h_vmem"},
        "mem_per_cpu": {"memory_resource": "h_vmem"},
        "gpus": {"gpu_resource": "gpu"},
        "gpu_type": {"gpu_type_resource": "gpu_model"},
    }

    def test_a_job_that_a_signal_kills_is_not_completed(self, cluster: Cluster, place: Place) -> None:
        """A signal is no success. Of SIGKILL, the accounting does not tell whether it was qdel that sent it."""
        [status] = self.wait(cluster, self.submit(cluster, place, "kill -TERM $$; sleep 60"))

        assert (status.state, status.signal) == (JobState.FAILED, 15)

    def test_a_queued_job_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """It never starts, and is forgotten at once."""
        submitted = self.submit(cluster, place, "touch started", directives=list(self.held))
        self.wait(cluster, submitted, JobState.HELD)
        cluster.cancel([submitted.job])

        assert cluster.statuses({submitted.job: submitted.elements}) == {}
        assert not (place.path / "started").exists()

    def test_a_running_job_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """It is not told apart from other kills, and says so; typedxp knows what it has cancelled itself."""
        submitted = self.submit(cluster, place, "touch started; exec sleep 600")
        self.wait_for_file(place.path / "started")
        cluster.cancel(submitted.elements)
        [status] = self.wait(cluster, submitted)

        assert (status.state, status.signal) == (JobState.FAILED, 9)
        assert "or deleted by qdel" in (status.reason or "")

    def test_one_element_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """The others go on."""
        submitted = self.submit(cluster, place, "touch started.$ELEMENT; wait_for go", 2)
        for index in range(2):
            self.wait_for_file(place.path / f"started.{cluster.scheduler.first + index}")
        cluster.cancel(submitted.elements[1:])
        self.wait(cluster, Submitted(submitted.job, submitted.elements[1:]), JobState.FAILED)
        (place.path / "go").touch()

        assert self.states(cluster, submitted) == [JobState.COMPLETED, JobState.FAILED]

    def test_a_whole_array_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """By the name of the job; what was queued is forgotten."""
        submitted = self.submit(cluster, place, "exec sleep 600", 3, directives=list(self.held))
        cluster.cancel([submitted.job])

        assert cluster.statuses({submitted.job: submitted.elements}) == {}

    def test_all_elements_can_be_cancelled(self, cluster: Cluster, place: Place) -> None:
        """By their names; what was queued is forgotten."""
        submitted = self.submit(cluster, place, "exec sleep 600", 3, directives=list(self.held))
        cluster.cancel(submitted.elements)

        assert cluster.statuses({submitted.job: submitted.elements}) == {}

    def test_what_cannot_start_is_failed_and_says_why(self, cluster: Cluster, place: Place) -> None:
        """It would wait for ever in the state of error."""
        submitted = self.submit(cluster, place, "exit 0", 2, directives=["-wd /no/such/directory"])
        statuses = self.wait(cluster, submitted)

        assert [(status.state, status.native) for status in statuses] == [(JobState.FAILED, "Eqw")] * 2
        assert all("can't chdir to /no/such/directory" in (status.reason or "") for status in statuses)

    def test_exit_code_99_goes_back_to_the_queue(self, cluster: Cluster, place: Place) -> None:
        """That is how a run that was warned is resumed; the last execution is what counts."""
        body = '[ -e "started.$ELEMENT" ] && exit 0; touch "started.$ELEMENT"; exit 99'
        submitted = self.submit(cluster, place, body, 2, requeue=True)

        assert self.states(cluster, submitted) == [JobState.COMPLETED] * 2


class TestFakeSge(SgeContract):
    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        with FakeSge(speed=2) as sge:
            yield Cluster(get_scheduler("sge"), sge)

    @pytest.mark.parametrize(
        ("cause", "state"),
        [
            (Cause.OUT_OF_MEMORY, JobState.OUT_OF_MEMORY),
            (Cause.NODE_FAILED, JobState.NODE_FAILED),
            (Cause.TIMEOUT, JobState.TIMEOUT),
        ],
    )
    def test_what_strikes_a_job_is_told(self, place: Place, cause: Cause, state: JobState) -> None:
        with FakeSge() as sge:
            cluster = Cluster(get_scheduler("sge"), sge)
            submitted = self.submit(cluster, place, "exec sleep 60", mem="1G", memory_resource="h_vmem")
            self.wait(cluster, submitted, JobState.RUNNING)
            [element] = sge.elements()
            sge.strike(element, cause)

            assert self.states(cluster, submitted) == [state]

    def test_what_a_site_has_not_is_refused(self, place: Place) -> None:
        with FakeSge(queues=["main.q"], environments=["smp"], max_tasks=3) as sge:
            cluster = Cluster(get_scheduler("sge"), sge)

            assert cluster.array_limit() == 3
            with pytest.raises(SchedulerError, match='unknown queue "other'):
                self.submit(cluster, place, "exit 0", queue="other.q")
            with pytest.raises(SchedulerError, match='environment "mpi" does not exist'):
                self.submit(cluster, place, "exit 0", tasks=2, parallel_environment="mpi")
            with pytest.raises(SchedulerError, match="more than 3 tasks"):
                self.submit(cluster, place, "exit 0", 4)


@pytest.mark.real("sge")
class TestRealSge(SgeContract):
    """On the original, the limits of a job are looked at every second or so."""

    pause = 0.2
    limited = {"time": "3s"}
    warned = {"time": "60s", "warn": "57s"}

    @pytest.fixture
    def cluster(self) -> Cluster:
        return Cluster(get_scheduler("sge"), local_shell)

    def test_processes_that_exceed_the_memory_together_are_out_of_memory(self, cluster: Cluster, place: Place) -> None:
        """They are killed."""
        eat = f"{sys.executable} -c 'import time; x = bytearray(60 * 2**20); time.sleep(60)' &\n"
        submitted = self.submit(cluster, place, eat * 6 + "wait; exit 3", mem="300M", memory_resource="h_vmem")

        assert self.states(cluster, submitted) == [JobState.OUT_OF_MEMORY]

    def test_a_process_gets_no_more_memory_than_the_limit(self, cluster: Cluster, place: Place) -> None:
        """It is not killed: the allocation fails, and Python says so."""
        body = f"exec {sys.executable} -c 'x = bytearray(400 * 2**20)'"
        submitted = self.submit(cluster, place, body, mem="300M", memory_resource="h_vmem")

        assert self.states(cluster, submitted) == [JobState.FAILED]
        assert "MemoryError" in place.output(cluster, submitted.elements[0])

    def test_the_memory_of_a_job_is_that_of_all_its_slots(self, cluster: Cluster, place: Place) -> None:
        """What is asked for is divided by the slots, and the scheduler multiplies it again."""
        site: dict[str, Any] = {"memory_resource": "h_vmem", "parallel_environment": "smp"}
        submitted = self.submit(cluster, place, "echo $NSLOTS slots, $(ulimit -v) kB", cpus=3, mem="900M", **site)

        assert self.states(cluster, submitted) == [JobState.COMPLETED]
        assert "3 slots, 921600 kB" in place.output(cluster, submitted.elements[0])

    def test_every_option_of_the_profile_is_one_of_qsub(self, cluster: Cluster, place: Place) -> None:
        """Those that need something of the site, or rights, apart."""
        fields: dict[str, Any] = {
            "notify": True,
            "priority": -5,
            "reservation": True,
            "begin": "203001010000",
            "hold_jid": ["1"],
            "binding": "linear:1",
            "job_share": 10,
            "validation": "w",
            "export_environment": True,
            "resources": {"gpu": "1", "arch": "lx-*"},
            "soft_resources": {"h_fsize": "1G"},
            "account": "physics",
            "queue": "main.q,short.q",
            "mail": "ada@example.org",
            "mail_on": ["begin", "end", "fail"],
            "requeue": False,
        }
        submitted = self.submit(cluster, place, "exit 0", 2, **fields, parallel=1, time="1h", warn="5m")

        assert [status.native for status in self.wait(cluster, submitted, JobState.HELD, JobState.QUEUED)] == ["qw"] * 2
        told = local_shell(Command(("qstat", "-j", submitted.elements[0].partition(".")[0]))).out
        [soft] = [line.split()[-1] for line in told.splitlines() if line.startswith("soft resource_list")]
        assert soft == "h_fsize=1G"
