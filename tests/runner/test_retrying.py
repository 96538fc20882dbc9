"""Runs that are submitted again: just those, where they are, as one array for all that ask for the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from typedxp.errors import ConfigError, ExecutionError, ProfileError, SchedulerError
from typedxp.runner.acting import cancel
from typedxp.runner.retrying import Retrying, ended_as, retry
from typedxp.schedulers.shell import Command, local_shell
from typedxp.store.jobs import jobs
from typedxp.vocabulary.records import RunStatus
from typedxp.worker.job import execute_job


@pytest.fixture
def ended(launch, busy, look, store):
    """Launch with a profile, and let the runs end as they are told; return where they stand."""

    def end(*words, **fields):
        launch(busy, len(words), **fields)
        cancel(list(look(busy).values()), busy)
        for number, word in enumerate(words, start=1):
            status = replace(store.run(number).read_status(), status=RunStatus(word), attempt=1, cause="it did")
            store.run(number).write_status(status)
        return list(look(busy).values())

    return end


def made(standings, shell, *arguments, **named):
    return [record for _, record in retry(standings, Retrying(*arguments, **named), shell)]


def runs_of(record):
    return [run for element in record.elements for run in element.runs]


def test_runs_are_submitted_again_as_one_array_in_their_directories(ended, busy, store):
    found = ended("failed", "completed", "lost", "timeout")

    [record] = made([found[0], found[2], found[3]], busy)

    assert runs_of(record) == [1, 3, 4]
    assert [run.id for run in store.runs()] == [1, 2, 3, 4]
    status = store.run(1).read_status()
    assert (status.status, status.attempt, status.cause, status.job) == ("submitted", 1, None, None)
    assert record.attempts == 1


def test_the_job_of_before_does_not_begin_with_them_any_more(ended, busy, store):
    found = ended("lost", "lost")
    made(found[:1], busy)

    first = next(iter(jobs(store)))

    assert execute_job(first, "1_0", "0") == 1
    assert store.run(1).read_status().attempt == 1


def test_what_ran_out_is_raised_by_cause(ended, busy):
    found = ended("timeout", "out_of_memory", "failed", time="90m", mem="1000K")

    records = made(found, busy, scale={"time": 1.5, "mem": 1.3331})

    asked = {runs_of(record)[0]: (record.profile["time"], record.profile["mem"]) for record in records}
    assert asked == {1: ("02:15:00", "1000K"), 2: ("01:30:00", "1334K"), 3: ("01:30:00", "1000K")}


@pytest.mark.parametrize(("fields", "time"), [({"warn": "5m"}, "02:00:00"), ({}, "01:00:00")])
def test_what_was_stopped_by_the_warning_ahead_of_its_limit_ran_out_of_time(ended, busy, fields, time):
    found = ended("preempted", time="1h", **fields)

    assert ended_as(found[0]) == ("timeout" if fields else "preempted")
    [record] = made(found, busy, scale={"time": 2})
    assert record.profile["time"] == time


def test_a_time_is_raised_to_whole_seconds_and_none_too_few(ended, busy):
    [record] = made(ended("timeout", time="3s"), busy, scale={"time": 1.1})

    assert record.profile["time"] == "00:00:04"


def test_memory_for_each_cpu_is_raised_too(ended, busy):
    [record] = made(ended("out_of_memory", mem_per_cpu="2G"), busy, scale={"mem": 2})

    assert record.profile["mem_per_cpu"] == "4G"


@pytest.mark.parametrize(("word", "hint"), [("timeout", "time=4h"), ("out_of_memory", "mem=16G")])
def test_what_ran_out_of_something_that_no_profile_sets_cannot_be_scaled(ended, busy, store, word, hint):
    found = ended(word)

    with pytest.raises(ExecutionError, match=hint):
        made(found, busy, scale={"time": 2, "mem": 2})
    assert store.run(1).read_status().status == word


def test_runs_are_packed_before_it_is_judged_how_many_arrays_there_are(ended, busy):
    found = ended("failed", "failed", "failed", "failed", max_array=2, parallel=1, pack=2)

    with pytest.raises(ProfileError, match="4 elements are 2 arrays of 2 at most"):
        made(found, busy, overrides={"pack": 1})
    [record] = made(found, busy)
    assert [element.runs for element in record.elements] == [(1, 2), (3, 4)]


def test_what_is_set_is_not_scaled(ended, busy):
    [record] = made(ended("timeout", time="1h"), busy, overrides={"time": "5h"}, scale={"time": 2})

    assert record.profile["time"] == "05:00:00"


def test_fields_are_changed_and_unset(ended, busy):
    [record] = made(ended("failed", time="1h", mem="2G"), busy, overrides={"time": None, "mem": "4G", "qos": "long"})

    assert record.profile == {"scheduler": "slurm", "mem": "4G", "qos": "long"}


@pytest.mark.parametrize("overrides", [{"tme": "4h"}, {"time": "soon"}, {"warn": "5m"}])
def test_a_profile_that_is_not_valid_is_refused_before_anything_is_written(ended, busy, store, overrides):
    found = ended("failed")

    with pytest.raises(ConfigError, match=next(iter(overrides))):
        made(found, busy, overrides=overrides)
    assert len(list(jobs(store))) == 1
    assert store.run(1).read_status().status == "failed"


def test_another_profile_is_taken_by_name(ended, busy, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = tmp_path / "typedxp" / "profiles"
    place.mkdir(parents=True)
    (place / "big.yaml").write_text("scheduler: slurm\npartition: ${oc.env:PARTITION}\n")
    monkeypatch.setenv("PARTITION", "fat")

    [record] = made(ended("failed"), busy, profile="big")

    assert record.profile == {"scheduler": "slurm", "partition": "fat"}
    with pytest.raises(ProfileError, match=r"no profile 'bih'.*big"):
        made(ended("failed"), busy, profile="bih")


def test_runs_that_had_different_profiles_become_an_array_each(launch, busy, look):
    launch(busy, 2, time="1h")
    launch(busy, 2, time="2h")
    cancel(list(look(busy).values()), busy)

    records = made(list(look(busy).values()), busy)

    assert list(map(runs_of, records)) == [[1, 2], [3, 4]]
    assert [record.profile["time"] for record in records] == ["01:00:00", "02:00:00"]


def test_what_completed_or_is_underway_is_refused_with_its_id(ended, launch, busy, look):
    found = ended("completed", "failed")
    with pytest.raises(ExecutionError, match=r"Run 1 completed\."):
        made(found, busy)

    launch(busy, 2)
    with pytest.raises(ExecutionError, match="Runs 3-4 are underway"):
        made(list(look(busy).values())[1:], busy)


def test_what_a_run_waited_for_has_been_if_it_ever_started(launch, busy, look, store, tmp_path):
    (tmp_path / "before.sh").write_text("#!/bin/bash\n")
    before = busy(Command(("sbatch", "--parsable", str(tmp_path / "before.sh")))).out.strip()
    launch(busy, 2, after=[before])
    cancel(list(look(busy).values()), busy)
    store.run(1).write_status(replace(store.run(1).read_status(), attempt=1))

    records = made(list(look(busy).values()), busy)

    assert {runs_of(record)[0]: record.profile.get("after") for record in records} == {1: None, 2: [before]}


def test_nothing_is_written_on_a_machine_without_the_scheduler(ended, store, monkeypatch):
    found = ended("failed")
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(SchedulerError, match="no command 'sbatch' on this machine"):
        made(found, local_shell)
    assert store.run(1).read_status().status == "failed"
    assert len(list(jobs(store))) == 1


def test_a_run_that_was_made_here_needs_to_be_told_a_profile(work, busy, look):
    work.sweep({"seed": [1], "flaky": True}, xp={"snapshot": "off"})

    with pytest.raises(ExecutionError, match="Run 1 had no job yet: say with what --profile NAME"):
        made(list(look(busy).values()), busy)
    [record] = made(list(look(busy).values()), busy, profile="slurm")
    assert runs_of(record) == [1]


SECRET = """
from pydantic import SecretStr
import typedxp

@typedxp.experiment
def hidden(token: SecretStr = SecretStr("")) -> None:
    raise ValueError("once")
"""


def test_secrets_have_to_be_found_by_the_job(busy, look, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "hidden_work.py").write_text(SECRET)
    from hidden_work import hidden

    hidden.run(token="12345", xp={"snapshot": "off"})

    with pytest.raises(ConfigError, match=r"xp.profile.secrets=\{token: VARIABLE\}"):
        made(list(look(busy).values()), busy, profile="slurm")
    [record] = made(list(look(busy).values()), busy, profile="slurm", overrides={"secrets": {"token": "TOKEN"}})
    assert record.profile["secrets"] == {"token": "TOKEN"}


def test_the_interpreter_of_the_profile_is_taken(ended, busy):
    [record] = made(ended("failed"), busy, overrides={"python": "/opt/python"})

    assert record.python == "/opt/python"
