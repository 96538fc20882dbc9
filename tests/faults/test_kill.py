"""A run that is killed again and again, at any moment, loses nothing, doubles nothing, and goes on to its end."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from contextlib import suppress

import pytest

from typedxp.errors import ResultsError
from typedxp.stages.record import Run
from typedxp.store.directory import RunDirectory
from typedxp.store.streams import parse
from typedxp.vocabulary.records import RunStatus, Status

KILLS = 50

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
    # A kill tears nothing: what it leaves half made has no name yet.
    pytest.mark.filterwarnings("error::typedxp.store.checkpoints.CheckpointWarning"),
]


def work(directory, attempt, end):
    """Log metrics, artifacts and checkpoints in a loop, as a training does, from where the last attempt came to."""
    run = Run(directory.path, attempt=attempt, timestamps=True)
    directory.write_status(Status(RunStatus.RUNNING, attempt=attempt))
    if attempt > 1:
        run.rewind()
    for step in range(run.load_checkpoint(0), end):
        run.log(step=step, text="x" * (step * 37 % 500))
        if step % 2:
            run.log("eval", step=step)
        if step % 3 == 0:
            run.log_artifact({"step": step, "padding": "y" * 5000}, "state.json")
        if step % 4 == 3:
            run.log_checkpoint(step + 1)
        directory.write_status(Status(RunStatus.RUNNING, attempt=attempt, cause=str(step)))
    run.close()


def fork(directory, attempt, end):
    child = os.fork()
    if not child:
        code = 1
        try:
            work(directory, attempt, end)
            code = 0
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def steps(directory, stream, data=None):
    data = directory.stream(stream).read_bytes() if data is None else data
    records, damaged = parse(data)
    assert damaged == 0
    return [record["step"] for record in records]


def check(directory):
    """Make sure that what is there is whole; return the step that the next attempt begins with."""
    with suppress(FileNotFoundError):
        found = steps(directory, "train")
        assert found == list(range(len(found)))
    with suppress(FileNotFoundError):
        found = steps(directory, "eval")
        assert found == [2 * number + 1 for number in range(len(found))]
    run = Run(directory.path)
    with suppress(ResultsError):
        artifact = run.load_artifact("state.json")
        assert artifact["step"] % 3 == 0
        assert artifact["padding"] == "y" * 5000
    assert directory.read_status().status == "running"
    newest = run._checkpoints.newest()
    if newest is None:
        return 0
    state = run.load_checkpoint()
    assert state % 4 == 0
    before = directory.stream("train").read_bytes()[: newest.streams["train"]]
    assert steps(directory, "train", before) == list(range(state))
    return state


@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_killed_fifty_times_has_every_record_once(tmp_path, seed):
    generator = random.Random(seed)
    (tmp_path / "1").mkdir()
    directory = RunDirectory(tmp_path / "1")
    directory.write_status(Status(RunStatus.RUNNING))
    reached = [0]
    for attempt in range(1, KILLS + 1):
        child = fork(directory, attempt, 10**9)
        time.sleep(generator.uniform(0, 0.12))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        reached.append(check(directory))

    end = reached[-1] + 10
    child = fork(directory, KILLS + 1, end)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert steps(directory, "train") == list(range(end))
    assert steps(directory, "eval") == list(range(1, end, 2))
    assert reached == sorted(reached)
    assert reached[-1] > 0, "The run made progress between the kills, however busy the machine."
    left = [path.name for path in (directory.path / "checkpoints").iterdir() if not path.name.isdigit()]
    assert left == []
