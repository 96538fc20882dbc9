"""The local queue with real processes: what it survives, what it never does twice, and how it ends what it started."""

from __future__ import annotations

import itertools
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.schedulers.local_queue import LocalQueue, until
from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.queue import files as queue_files
from typedxp.schedulers.queue.files import QueueFiles
from typedxp.schedulers.registry import get_scheduler
from typedxp.vocabulary.processes import process_start

WAIT = "wait_for() { while [ ! -e $1 ]; do sleep 0.02; done; }\n"


@pytest.fixture
def place(tmp_path) -> Path:
    """Where jobs are submitted, and leave what they find."""
    path = tmp_path / "place"
    path.mkdir()
    return path


@pytest.fixture
def queue_at():
    """Make queues, each in a directory of its own, that are empty again at the end."""
    made = []

    def make(state):
        made.append(LocalQueue(state))
        return made[-1]

    yield make
    for queue in made:
        if jobs := queue.files.numbers():
            queue.ask("cancel", *map(str, jobs))
            until(lambda queue=queue: queue.dispatcher is None)


@pytest.fixture
def queue(queue_at, tmp_path):
    """A queue of this machine."""
    return queue_at(tmp_path / "state")


def kill(queue: LocalQueue) -> None:
    """Kill the dispatcher, and wait until it is gone."""
    assert queue.dispatcher is not None
    os.kill(queue.dispatcher, signal.SIGKILL)
    until(lambda: queue.dispatcher is None)


def record(queue: LocalQueue, name: str) -> dict:
    """Read what the queue has written about an element."""
    return json.loads((queue.files.jobs / name.partition("_")[0] / f"{name}.json").read_bytes())


# Processes that are killed


def test_the_dispatcher_is_gone_when_nothing_is_left(queue, place):
    job = queue.submit(place, "exit 0")

    assert queue.ended(job) == ["COMPLETED"]
    until(lambda: queue.dispatcher is None)
    assert (queue.files.root / "dispatcher.log").read_text() == ""


def test_runs_go_on_without_the_dispatcher_and_their_ends_are_known(queue, place):
    job = queue.submit(place, WAIT + "touch here.$TYPEDXP_LOCAL_TASK_ID; wait_for go; exit 3", "--array=0-1 --slots=2")
    until(lambda: (place / "here.0").exists() and (place / "here.1").exists())
    kill(queue)
    (place / "go").touch()
    until(lambda: record(queue, f"{job}_1")["word"] == "FAILED" == record(queue, f"{job}_0")["word"])

    assert queue.dispatcher is None
    assert {said["exit_code"] for said in queue.ask("status", job).values()} == {3}


def test_the_next_question_replaces_a_dispatcher_that_was_killed(queue, place):
    job = queue.submit(place, WAIT + "echo x >> started; wait_for go", "--array=0-2 --slots=1")
    until((place / "started").exists)
    kill(queue)

    assert queue.words(job) == ["RUNNING", "QUEUED", "QUEUED"]
    (place / "go").touch()
    assert queue.ended(job) == ["COMPLETED"] * 3
    assert (place / "started").read_text() == "x\n" * 3


def test_what_is_queued_says_what_it_waits_for(queue, place):
    job = queue.submit(place, WAIT + "touch here; wait_for go", "--array=0-2 --slots=1")
    until((place / "here").exists)

    found = queue.ask("status", job)

    reasons = [found[f"{job}_{index}"].get("reason") for index in range(3)]
    waits = "waits for a place: 1 run already, slots=1"
    assert reasons == [None, waits, f"{waits}, 1 ahead"]


def test_a_job_whose_files_were_removed_keeps_nobody_waiting(queue, place):
    first = queue.submit(place, WAIT + "touch here; wait_for go", "--slots=1")
    until((place / "here").exists)
    second = queue.submit(place, "exit 0", "--slots=1")
    third = queue.submit(place, "exit 0", "--slots=1")
    shutil.rmtree(queue.files.jobs / second)
    shutil.rmtree(queue.files.jobs / first)
    (place / "go").touch()

    assert queue.ended(third) == ["COMPLETED"]
    until(lambda: queue.dispatcher is None)


def test_a_dispatcher_that_is_killed_again_and_again_starts_nothing_twice(queue, place):
    job = queue.submit(place, "echo $TYPEDXP_LOCAL_TASK_ID >> started", "--array=0-39 --slots=2")
    for _ in range(8):
        if (dispatcher := queue.dispatcher) is not None:
            os.kill(dispatcher, signal.SIGKILL)
        queue.words(job)
        time.sleep(0.05)

    assert set(queue.ended(job)) == {"COMPLETED"}
    assert sorted(map(int, (place / "started").read_text().split())) == list(range(40))


def test_a_run_that_is_cancelled_after_its_dispatcher_was_killed_ends(queue, place):
    job = queue.submit(place, "touch here; exec sleep 600")
    until((place / "here").exists)
    kill(queue)
    queue.ask("cancel", job)

    assert queue.ended(job) == ["CANCELLED"]


def test_a_run_whose_shepherd_is_killed_goes_on_but_is_never_called_completed(queue, place):
    job = queue.submit(place, WAIT + "touch here; wait_for go")
    until((place / "here").exists)
    os.kill(record(queue, job)["pid"], signal.SIGKILL)
    time.sleep(0.2)

    assert queue.word(job) == "RUNNING"
    (place / "go").touch()
    assert queue.ended(job) == ["VANISHED"]
    assert "nobody has seen how it ended" in queue.ask("status", job)[job]["reason"]


def test_a_run_whose_shepherd_is_killed_can_be_cancelled(queue, place):
    job = queue.submit(place, "touch here; sleep 600")
    until((place / "here").exists)
    before = record(queue, job)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: process_start(before["pid"]) is None)
    queue.ask("cancel", job)

    assert queue.ended(job) == ["VANISHED"]
    assert process_start(before["program"]) is None


def test_nothing_is_left_of_a_run_that_vanishes(queue, place):
    job = queue.submit(place, "setsid sleep 600 & echo $! > child; mv child here; wait")
    until(lambda: (place / "here").exists() and record(queue, job)["program"])
    for process in (record(queue, job)["pid"], record(queue, job)["program"]):
        os.kill(process, signal.SIGKILL)

    assert queue.ended(job) == ["VANISHED"]
    until(lambda: process_start(int((place / "here").read_text())) is None)


def test_a_run_that_is_killed_says_by_what(queue, place):
    job = queue.submit(place, "kill -KILL $$")

    assert queue.ended(job) == ["FAILED"]
    assert queue.ask("status", job)[job]["signal"] == signal.SIGKILL


def test_runs_outlive_the_terminal_and_the_shell_that_launched_them(queue, place):
    (place / "job.sh").write_text("#LOCAL --array=0-1 --slots=1\ntouch here.$TYPEDXP_LOCAL_TASK_ID; sleep 0.5; tty\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place)
        line = f"{sys.executable} -P -m typedxp.schedulers.queue submit job.sh; sleep 600"
        os.execvpe("bash", ["bash", "-ic", line], queue.environment())
    until((place / "here.0").exists)
    # As when the window is closed: the terminal hangs up, and the shell is killed.
    os.close(terminal)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    job = queue.last
    assert queue.ended(job) == ["FAILED", "FAILED"]
    assert (place / f"local-{job}_1.log").read_text() == "not a tty\n"


def test_a_signal_to_the_group_that_launched_them_reaches_no_run(queue, place):
    script = place / "job.sh"
    script.write_text("touch here; sleep 0.5\n")
    line = f"{sys.executable} -P -m typedxp.schedulers.queue submit job.sh; sleep 600"
    with subprocess.Popen(
        ["bash", "-c", line],
        cwd=place,
        env=queue.environment(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as shell:
        until((place / "here").exists)
        os.killpg(shell.pid, signal.SIGINT)
        os.killpg(shell.pid, signal.SIGKILL)

    assert queue.ended(queue.last) == ["COMPLETED"]


def test_what_the_launching_shell_ignores_is_not_ignored_by_runs(queue, place):
    (place / "job.sh").write_text("kill -HUP $$; sleep 0.1; kill -INT $$; sleep 0.1; exit 0\n")
    line = f"trap '' HUP INT; {sys.executable} -P -m typedxp.schedulers.queue submit job.sh"
    subprocess.run(["bash", "-c", line], cwd=place, env=queue.environment(), check=True, stdout=subprocess.DEVNULL)

    job = queue.last
    assert queue.ended(job) == ["FAILED"]
    assert queue.ask("status", job)[job]["signal"] == signal.SIGHUP


def test_a_run_whose_record_is_removed_is_not_started_again(queue, place):
    job = queue.submit(place, WAIT + "echo x >> started; wait_for go")
    until(lambda: (place / "started").exists() and record(queue, job)["program"])
    (queue.files.jobs / job / f"{job}.json").unlink()
    queue.words(job)
    (place / "go").touch()

    assert queue.ended(job) == ["COMPLETED"]
    assert (place / "started").read_text() == "x\n"


def test_a_dispatcher_whose_queue_is_removed_goes(queue, place):
    job = queue.submit(place, WAIT + "touch here; wait_for go")
    until((place / "here").exists)
    dispatcher, shepherd = queue.dispatcher, record(queue, job)["pid"]
    shutil.rmtree(queue.state)
    (place / "go").touch()

    until(lambda: process_start(shepherd) is None)
    until(lambda: process_start(dispatcher) is None)


def test_a_dispatcher_that_cannot_start_costs_no_job(queue, place):
    files = queue.files
    files.make()
    (files.root / "dispatcher.lock").mkdir()
    (place / "job.sh").write_text("exit 0\n")
    reply = queue.say("submit", "job.sh", cwd=place)

    assert json.loads(reply.out) == {"job": queue.last, "elements": [queue.last]}
    assert "dispatcher.lock" in reply.err
    assert queue.say("status").err.startswith("The queue cannot be kept in ")
    (files.root / "dispatcher.lock").rmdir()
    assert queue.ended(queue.last) == ["COMPLETED"]


# Another start of the machine


def _restarted(queue: LocalQueue, job: str) -> None:
    """Let the files be those of an earlier start of the machine."""
    kill(queue)
    before = record(queue, job)
    os.kill(before["pid"], signal.SIGKILL)
    os.killpg(before["program"], signal.SIGKILL)
    path = queue.files.jobs / job / f"{job}.json"
    # The numbers may be those of other processes now.
    path.write_text(json.dumps({**before, "boot": "before", "pid": os.getpid(), "program": os.getpid()}))


def test_what_ran_when_the_machine_was_restarted_has_vanished(queue, place):
    job = queue.submit(place, "touch here; exec sleep 600")
    until(lambda: (place / "here").exists() and record(queue, job)["program"])
    _restarted(queue, job)

    assert queue.ask("status", job)[job]["word"] == "VANISHED"
    assert queue.ask("status", job)[job]["reason"] == "The machine was restarted."


def test_what_ran_when_the_machine_was_restarted_runs_again_if_it_was_to(queue, place):
    job = queue.submit(place, "[ ! -e here ] || exit 0; touch here; exec sleep 600", "--requeue")
    until(lambda: (place / "here").exists() and record(queue, job)["program"])
    _restarted(queue, job)

    assert queue.ended(job) == ["COMPLETED"]
    assert record(queue, job)["attempt"] == 2


# Limits


def test_what_ignores_the_end_of_its_time_is_killed(queue, place):
    job = queue.submit(place, "trap '' TERM; while :; do sleep 0.05; done", "--time=1 --grace=1")

    assert queue.ended(job) == ["TIMEOUT"]
    assert queue.ask("status", job)[job]["reason"] == "TIMEOUT after 1 s, signal 9"


def test_limits_hold_without_the_dispatcher(queue, place):
    job = queue.submit(place, "touch here; exec sleep 600", "--time=1")
    until((place / "here").exists)
    kill(queue)
    until(lambda: record(queue, job)["word"] == "TIMEOUT")

    assert queue.dispatcher is None


def test_a_run_that_saves_its_state_in_time_is_queued_again(queue, place):
    body = "[ ! -e saved ] || exit 0; trap 'touch saved; exit 99' USR1; while :; do sleep 0.05; done"
    job = queue.submit(place, body, "--time=20 --warn=19 --requeue")

    assert queue.ended(job) == ["COMPLETED"]
    assert record(queue, job)["attempt"] == 2


def test_exit_code_99_is_a_failure_of_what_is_not_to_be_queued_again(queue, place):
    job = queue.submit(place, "exit 99")

    assert queue.ended(job) == ["FAILED"]


def test_nothing_that_a_run_has_started_outlives_it(queue, place):
    # In a session of its own, and out of sight of the program's group.
    body = "setsid sh -c 'trap \"touch asked; exit\" TERM; touch here; while :; do sleep 0.05; done' & wait_for here"
    job = queue.submit(place, WAIT + body)

    assert queue.ended(job) == ["COMPLETED"]
    assert (place / "asked").exists()


def test_what_a_run_has_started_is_killed_if_it_does_not_end(queue, place):
    body = "(trap '' TERM; echo $BASHPID > child; mv child here; while :; do sleep 0.05; done) & wait_for here"
    job = queue.submit(place, WAIT + body, "--grace=1")

    assert queue.ended(job) == ["COMPLETED"]
    assert process_start(int((place / "here").read_text())) is None


def test_a_program_that_cancels_its_children_itself_is_not_disturbed(queue, place):
    body = "sleep 600 & trap 'kill -0 $! && touch in_peace; exit 0' TERM; touch here; wait"
    job = queue.submit(place, body)
    until((place / "here").exists)
    queue.ask("cancel", job)

    assert queue.ended(job) == ["CANCELLED"]
    assert (place / "in_peace").exists()


# GPUs and CPUs


def _meeting(place: Path, name: str) -> list[tuple[float, float, str]]:
    """Read when each run began and ended, and its GPUs."""
    lines = [line.split() for line in (place / name).read_text().splitlines()]
    return [(float(begin), float(end), gpu) for begin, end, gpu in lines]


def test_no_gpu_is_shared_by_two_runs(queue, place):
    body = 'B=$(date +%s.%N); sleep 0.15; echo "$B $(date +%s.%N) $CUDA_VISIBLE_DEVICES" >> seen'
    one = queue.submit(place, body, "--array=0-7 --slots=8 --gpus=1 --gpu-ids=0,1")
    two = queue.submit(place, body, "--array=0-5 --slots=8 --gpus=2 --gpu-ids=1,2,3")

    assert set(queue.ended(one) + queue.ended(two)) == {"COMPLETED"}
    seen = _meeting(place, "seen")
    assert len(seen) == 14
    assert {len(gpus.split(",")) for _, _, gpus in seen} == {1, 2}
    for gpu in "0123":
        spans = sorted((begin, end) for begin, end, gpus in seen if gpu in gpus.split(","))
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans)), gpu


def test_a_gpu_is_not_handed_out_again_while_a_dispatcher_is_replaced(queue, place):
    body = WAIT + "touch here.$CUDA_VISIBLE_DEVICES; wait_for go"
    job = queue.submit(place, body, "--array=0-2 --slots=8 --gpus=1 --gpu-ids=0,1")
    until(lambda: (place / "here.0").exists() and (place / "here.1").exists())
    kill(queue)
    other = queue.submit(place, "exit 0", "--slots=8 --gpus=1 --gpu-ids=0,1")

    assert queue.words(job) == ["RUNNING", "RUNNING", "QUEUED"]
    assert queue.word(other) == "QUEUED"
    (place / "go").touch()
    assert queue.ended(job) + queue.ended(other) == ["COMPLETED"] * 4


def test_no_gpus_are_none_and_unasked_ones_are_left_as_they_are(queue, place):
    env = {"CUDA_VISIBLE_DEVICES": "5"}
    none = queue.submit(place, 'echo "<$CUDA_VISIBLE_DEVICES>" > none', "--gpus=0", env=env)
    left = queue.submit(place, 'echo "<$CUDA_VISIBLE_DEVICES>" > left', env=env)
    queue.ended(none)
    queue.ended(left)

    assert ((place / "none").read_text(), (place / "left").read_text()) == ("<>\n", "<5>\n")


def test_cpus_are_counted(queue, place):
    every = len(os.sched_getaffinity(0))
    body = "mkdir alone || exit 1; sleep 0.1; rmdir alone"
    job = queue.submit(place, body, f"--array=0-2 --slots=8 --cpus={every}")

    assert queue.ended(job) == ["COMPLETED"] * 3


# Submitting


def test_two_submitters_at_once_get_jobs_of_their_own(queue, place):
    with ThreadPoolExecutor(6) as pool:
        bodies = [f"echo {number} >> said" for number in range(6)]
        scripts = []
        for number, body in enumerate(bodies):
            scripts.append(place / f"{number}.job")
            scripts[-1].write_text(body)
        jobs = [answer["job"] for answer in pool.map(lambda s: queue.ask("submit", str(s), cwd=place), scripts)]

    assert sorted(map(int, jobs)) == list(range(int(queue.last) - 5, int(queue.last) + 1))
    assert [queue.ended(job) for job in jobs] == [["COMPLETED"]] * 6
    assert sorted((place / "said").read_text().split()) == list("012345")


def test_a_job_may_submit_another_that_outlives_it(queue, place):
    (place / "inner.sh").write_text('sleep 0.5; echo "<$TYPEDXP_LOCAL_TASK_ID>" > inner\n')
    # The dispatcher that this starts is none of the job's own processes.
    body = WAIT + f"touch here; wait_for go; {sys.executable} -P -m typedxp.schedulers.queue submit inner.sh"
    outer = queue.submit(place, body, "--array=4")
    until((place / "here").exists)
    kill(queue)
    (place / "go").touch()
    until(lambda: queue.last != outer)

    assert queue.ended(outer) == ["COMPLETED"]
    assert (place / f"local-{outer}_4.log").read_text().startswith(f'{{"job": "{queue.last}"')
    assert queue.ended(queue.last) == ["COMPLETED"]
    assert (place / "inner").read_text() == "<>\n"


def test_the_script_of_before_is_executed_when_it_is_changed_after(queue, place):
    job = queue.submit(place, "echo before > said", "--hold")
    next(place.glob("*.sh")).write_text("echo after > said\n")
    queue.ask("release", job)

    assert queue.ended(job) == ["COMPLETED"]
    assert (place / "said").read_text() == "before\n"


def test_a_script_is_executed_by_its_own_interpreter(queue, place):
    (place / "job.py").write_text(f"#!{sys.executable} -B\nimport sys\nprint(sys.flags.dont_write_bytecode)\n")
    job = queue.ask("submit", "--output=said", "job.py", cwd=place)["job"]

    assert queue.ended(job) == ["COMPLETED"]
    assert (place / "said").read_text() == "1\n"


@pytest.mark.parametrize("options", ["--output=nowhere/said", "--output=/"])
def test_a_job_whose_output_cannot_be_written_says_so(queue, place, options):
    job = queue.submit(place, "exit 0", options)

    assert queue.ended(job) == ["FAILED"]
    assert queue.ask("status", job)[job]["reason"].startswith("It cannot be started: ")


def test_what_a_job_is_to_run_after_must_be_there(queue, place):
    (place / "job.sh").write_text("exit 0\n")
    reply = queue.say("submit", "--after=12", "job.sh", cwd=place)

    assert reply.code == 2
    assert "12: the queue does not know such a job" in reply.err


def test_everything_that_runs_after_a_failure_is_cancelled(queue, place):
    first = queue.submit(place, "exit 1", "--hold")
    second = queue.submit(place, "exit 0", f"--after={first} --array=0-1")
    third = queue.submit(place, "exit 0", f"--after={second}")
    queue.ask("release", first)

    assert queue.ended(third) == ["CANCELLED"]
    assert queue.ended(second) == ["CANCELLED"] * 2
    assert queue.ask("status", third)[third]["reason"] == f"Job {second}, which it was to run after, has not succeeded."


def test_names_that_the_queue_does_not_know_are_named_and_the_others_are_dealt_with(queue, place):
    job = queue.submit(place, "exit 0", "--hold")
    reply = queue.say("cancel", "77", job, f"{job}_3", "nonsense")

    assert (reply.code, reply.err) == (1, f"The queue of {os.uname().nodename} does not know 77, {job}_3, nonsense.\n")
    assert queue.word(job) == "CANCELLED"


@pytest.mark.parametrize("words", [(), ("dance",), ("submit",), ("submit", "--hold"), ("cancel",)], ids=" ".join)
def test_a_command_that_makes_no_sense_is_told_what_there_is(queue, words):
    reply = queue.say(*words)

    assert reply.code == 2
    assert "usage:" in reply.err


@pytest.mark.parametrize("option", ["--slot=2", "--slots=none", "--cpus=100000"])
def test_options_that_are_impossible_are_bad_input(queue, place, option):
    (place / "job.sh").write_text("exit 0\n")
    reply = queue.say("submit", option, "job.sh", cwd=place)

    assert reply.code == 2
    assert option.partition("=")[0] in reply.err


def test_a_script_that_is_not_there_is_named(queue):
    reply = queue.say("submit", "nowhere.sh")

    assert reply.code == 2
    assert "nowhere.sh cannot be read: No such file or directory" in reply.err


def test_jobs_of_two_machines_are_not_taken_for_each_other(queue, queue_at, place, tmp_path):
    other = queue_at(tmp_path / "of another machine")
    job, theirs = queue.submit(place, "exit 0", "--hold"), other.submit(place, "exit 0", "--hold")

    assert job != theirs
    here = Cluster(get_scheduler("local"), queue)
    assert here.statuses({theirs: [theirs]}) == {}
    for act in (here.cancel, here.hold, here.release):
        with pytest.raises(SchedulerError, match=f"The queue of {os.uname().nodename} does not know {theirs}"):
            act([theirs])
    assert (queue.word(job), other.word(theirs)) == ("HELD", "HELD")


def test_asking_an_empty_queue_starts_and_writes_nothing(queue):
    assert queue.ask("status") == queue.ask("status", "7") == {}
    assert not queue.state.exists()


# Files


def test_nobody_else_may_read_the_files(queue, place):
    job = queue.submit(place, "exit 0", "--hold")
    places = [queue.files.root, *queue.files.root.rglob("*")]

    assert queue.files.root.stat().st_mode & 0o777 == 0o700
    assert all((path.stat().st_mode & 0o077) == 0 for path in places if queue.files.jobs in path.parents)
    assert queue.word(job) == "HELD"


def test_the_environment_is_forgotten_when_all_has_ended(queue, place):
    job = queue.submit(place, 'echo "$TOKEN" > said', env={"TOKEN": "s3cret-value"})
    queue.ended(job)
    until(lambda: queue.files.done(int(job)))
    until(lambda: queue.dispatcher is None)

    assert (place / "said").read_text() == "s3cret-value\n"
    assert all(b"s3cret-value" not in path.read_bytes() for path in queue.files.jobs.rglob("*") if path.is_file())


def test_a_variable_that_is_no_text_is_kept_as_it_is(queue, place):
    script = place / "job.sh"
    script.write_text('printf %s "$ODD" > said\n')
    command = [sys.executable, "-P", "-m", "typedxp.schedulers.queue", "submit", "job.sh"]
    env = {os.fsencode(k): os.fsencode(v) for k, v in queue.environment().items()} | {b"ODD": b"\xff\n'"}
    subprocess.run(command, cwd=place, env=env, check=True, stdout=subprocess.DEVNULL)
    queue.ended(queue.last)

    assert (place / "said").read_bytes() == b"\xff\n'"


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "state").write_text("no directory")
    (place / "job.sh").write_text("exit 0\n")
    reply = LocalQueue(tmp_path / "state").say("submit", "job.sh", cwd=place)

    assert reply.code == 1
    assert reply.err.startswith(f"The queue cannot be kept in {tmp_path}/state/typedxp/queue/")
    assert "XDG_STATE_HOME" in reply.err


def test_a_full_disk_leaves_nothing_of_a_job(tmp_path, monkeypatch):
    files = QueueFiles(tmp_path / "queue")
    files.make()
    written = []

    def full(path, data):
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(queue_files, "write", full)
    options = queue_files.Options(name="x", output="y", slots=1)
    with pytest.raises(OSError, match="No space left"):
        files.add("/", 0o022, options, b"", {})

    assert list(files.jobs.iterdir()) == []
    assert files.numbers() == []


def test_jobs_count_up_and_old_ones_are_removed(tmp_path, monkeypatch):
    files = QueueFiles(tmp_path / "queue")
    files.make()
    options = queue_files.Options(name="x", output="y", slots=1)
    numbers = [files.add("/", 0o022, options, b"", {}) for _ in range(3)]
    for number in numbers[1:]:
        job = files.job(number)
        assert job is not None
        files.mark_done(job)
    os.utime(files.jobs / str(numbers[2]) / "done", (0, 0))
    files.prune()

    first = numbers[0]
    assert numbers == [first, first + 1, first + 2]
    assert files.numbers() == numbers[:2]
    assert files.add("/", 0o022, options, b"", {}) == first + 3


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"word": "DANCING", "gpus": []}', '{"word": "QUEUED"}'])
def test_a_record_that_is_damaged_is_no_success(tmp_path, damage):
    files = QueueFiles(tmp_path / "queue")
    files.make()
    job = files.job(files.add("/", 0o022, queue_files.Options(name="x", output="y", slots=1), b"", {}))
    assert job is not None
    name = str(job.id)
    (files.jobs / name / f"{name}.json").write_text(damage)

    assert files.record(job, name).word == "VANISHED"


def test_the_state_directory_is_of_this_user_and_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert queue_files.default_directory() == tmp_path / ".local/state/typedxp/queue" / os.uname().nodename
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert queue_files.default_directory() == tmp_path / "state/typedxp/queue" / os.uname().nodename


# Cost


def test_a_slot_is_taken_again_within_a_moment(queue, place):
    job = queue.submit(place, "exit 0", "--array=0-20 --slots=1")
    queue.ended(job)
    times = sorted((said["started"], said["ended"]) for said in queue.ask("status", job).values())
    pauses = sorted(begin - end for (_, end), (begin, _) in itertools.pairwise(times))

    assert pauses[len(pauses) // 2] < 0.2


def test_an_idle_dispatcher_does_nothing(queue, place):
    job = queue.submit(place, "touch here; exec sleep 600")
    until((place / "here").exists)
    time.sleep(0.3)
    pid = queue.dispatcher
    before = Path(f"/proc/{pid}/stat").read_text().split()[13:15]
    time.sleep(1.5)

    assert Path(f"/proc/{pid}/stat").read_text().split()[13:15] == before
    assert queue.word(job) == "RUNNING"
