"""LSF keeps the contract: its stand-in, since there is no original to be had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.lsf import FakeLsf
from typedxp.testing.standin import Cause
from typedxp.vocabulary.jobs import JobState


class TestFakeLsf(SchedulerContract):
    """LSF counts time in minutes, and its queues bring memory and GPUs of their own."""

    held = ("-H",)
    limited = {"time": "1m"}
    warned = {"time": "3m", "warn": "2m"}

    @pytest.fixture
    def lsf(self, tmp_path, monkeypatch) -> Iterator[FakeLsf]:
        monkeypatch.chdir(tmp_path)
        with FakeLsf(speed=60) as lsf:
            yield lsf

    @pytest.fixture
    def cluster(self, lsf: FakeLsf) -> Cluster:
        return Cluster(get_scheduler("lsf"), lsf)

    def test_many_jobs_are_one_command(self, cluster: Cluster, place: Place, lsf: FakeLsf) -> None:
        jobs = [self.submit(cluster, place, "exit 0", 3) for _ in range(3)]
        lsf.drain()
        lsf.commands.clear()
        found = cluster.statuses({job.job: job.elements for job in jobs})

        assert len(found) == 9
        assert [words[0] for words in lsf.commands] == ["bjobs"]

    def test_an_lsf_without_json_says_the_same(self, cluster: Cluster, place: Place, lsf: FakeLsf) -> None:
        job = self.submit(cluster, place, "exit $((ELEMENT - 1))", 3)
        lsf.drain()
        by_json = cluster.statuses({job.job: job.elements})
        lsf.knows_json = False

        assert cluster.statuses({job.job: job.elements}) == by_json
        assert [by_json[element].exit_code for element in job.elements] == [0, 1, 2]

    def test_exit_code_99_goes_back_to_the_queue(self, cluster: Cluster, place: Place) -> None:
        """That is how a run that was warned is resumed."""
        body = "[ ! -e started ] || exit 0; touch started; exit 99"
        submitted = self.submit(cluster, place, body, requeue=True)

        assert self.states(cluster, submitted) == [JobState.COMPLETED]

    def test_exit_code_99_is_a_failure_without_requeue(self, cluster: Cluster, place: Place) -> None:
        [status] = self.wait(cluster, self.submit(cluster, place, "exit 99"))

        assert (status.state, status.exit_code) == (JobState.FAILED, 99)

    @pytest.mark.parametrize(
        ("cause", "state"),
        [
            (Cause.OUT_OF_MEMORY, JobState.OUT_OF_MEMORY),
            (Cause.NODE_FAILED, JobState.NODE_FAILED),
            (Cause.PREEMPTED, JobState.PREEMPTED),
        ],
    )
    def test_what_ends_a_job_is_told_apart(
        self, cluster: Cluster, place: Place, lsf: FakeLsf, cause: Cause, state: JobState
    ) -> None:
        submitted = self.submit(cluster, place, "touch started; exec sleep 600")
        self.wait_for_file(place.path / "started")
        lsf.strike(lsf.jobs[submitted.job].elements[0], cause)

        assert self.states(cluster, submitted) == [state]

    def test_forgotten_jobs_are_absent(self, cluster: Cluster, place: Place, lsf: FakeLsf) -> None:
        submitted = self.submit(cluster, place, "exit 0")
        lsf.drain()
        lsf.forget()

        assert cluster.statuses({submitted.job: submitted.elements}) == {}

    def test_an_array_over_the_limit_is_refused(self, cluster: Cluster, place: Place, lsf: FakeLsf) -> None:
        lsf.max_array = 3

        assert cluster.array_limit() == 3
        assert len(self.submit(cluster, place, "exit 0", 3).elements) == 3
        with pytest.raises(SchedulerError, match="Bad job array index list"):
            self.submit(cluster, place, "exit 0", 4)

    def test_a_job_after_one_that_is_not_known_is_refused(self, cluster: Cluster, place: Place) -> None:
        with pytest.raises(SchedulerError, match="No matching job found"):
            self.submit(cluster, place, "exit 0", after=["4711"])
