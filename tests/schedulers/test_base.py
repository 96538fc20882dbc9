"""A cluster: a scheduler, and the shell that its commands are given to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.schedulers.replies import Answers, reply
from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.pbs import PbsScheduler
from typedxp.schedulers.shell import Command, Unanswered
from typedxp.schedulers.slurm import SlurmScheduler


class Limited(SlurmScheduler):
    """A scheduler that cannot hold, and complains of what is gone."""

    def hold_commands(self, names):
        return None

    def test_command(self, script):
        return None

    def gone(self, reply):
        return "no such job" in reply.err


def test_nothing_is_asked_about_nothing() -> None:
    shell = Answers()
    cluster = Cluster(SlurmScheduler(), shell)
    cluster.cancel([])

    assert cluster.statuses({}) == {}
    assert shell.asked == []


def test_what_a_scheduler_cannot_is_said() -> None:
    cluster = Cluster(Limited(), Answers())

    assert cluster.test(Path("job.sh")) is None
    with pytest.raises(SchedulerError, match="slurm has no way to hold jobs"):
        cluster.hold(["1"])


def test_a_doubt_that_nobody_answers_leaves_nothing_submitted() -> None:
    def silent(command: Command):
        raise Unanswered("no answer")

    with pytest.raises(SchedulerError, match="no answer") as error:
        Cluster(SlurmScheduler(), silent).submit(Path("job.sh"), None, after=["7"])
    assert not isinstance(error.value, Unanswered)


def test_what_is_gone_need_not_be_cancelled() -> None:
    Cluster(Limited(), Answers(reply(err="no such job", code=1))).cancel(["1"])
    with pytest.raises(SchedulerError, match="not allowed"):
        Cluster(Limited(), Answers(reply(err="not allowed", code=1))).cancel(["1"])


def test_what_one_command_is_refused_the_others_still_do() -> None:
    shell = Answers(reply(err="not allowed", code=1), reply())

    with pytest.raises(SchedulerError, match="not allowed"):
        Cluster(PbsScheduler(), shell).cancel(["1.pbshost", "2.pbshost"])
    assert shell.asked == [("qdel", "1.pbshost"), ("qdel", "2.pbshost")]


def test_a_limit_that_cannot_be_asked_for_is_unknown() -> None:
    def silent(command: Command):
        raise SchedulerError("no answer")

    assert Cluster(SlurmScheduler(), silent).array_limit() is None
    assert Cluster(SlurmScheduler(), Answers(reply("MaxArraySize = 4\n"))).array_limit() == 4


def test_a_refused_script_is_refused_when_it_is_tested() -> None:
    with pytest.raises(SchedulerError, match="Invalid partition"):
        Cluster(SlurmScheduler(), Answers(reply(err="Invalid partition", code=1))).test(Path("job.sh"))
