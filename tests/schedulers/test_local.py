"""The local scheduler: its profile, what it tells the queue, and how it reads the queue's answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.schedulers.replies import Answers, reply
from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.local import Local, LocalScheduler
from typedxp.schedulers.queue.options import output_path, read_options
from typedxp.schedulers.queue.words import Options, Word
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import local_shell
from typedxp.vocabulary.jobs import JobState

SCRIPT = Path("/somewhere/job.sh")
ODD = Path('/somewhere/it\'s a 50% "$HOME"\\; #1')
KNOWN = {3: "a job", 4: "another"}


def options(*lines: str, words=(), environment=None) -> Options:
    text = "#!/bin/bash\n" + "".join(f"#LOCAL {line}\n" for line in lines)
    return read_options(SCRIPT, text, words, environment or {}, KNOWN.get)


# The profile


def test_gpus_to_choose_from_must_be_enough():
    with pytest.raises(ValidationError, match="more than there are gpu_ids"):
        Local(gpus=2, gpu_ids=["0", "0"])


def test_gpus_to_choose_from_need_gpus():
    with pytest.raises(ValidationError, match="says nothing without gpus"):
        Local(gpu_ids=[0, 1])


def test_a_single_gpu_may_be_written_without_a_list():
    assert Local.model_validate({"gpus": 1, "gpu_ids": 3}).gpu_ids == ["3"]


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"cpus": 100000}, "cpus", "this machine has"),
        ({"gpus": 2}, "gpus", "there is only 7"),
        ({"after": ["12"]}, "after", "does not know such a job"),
        ({"after": ["7_3"]}, "after", "is no number"),
        ({"time": "2h", "directives": ["--warn=10800"]}, "directives", "less than --time"),
        ({"directives": ["#LOCAL --cups=3"]}, "directives", "--cups=3"),
        ({"directives": ["--cpus=100000"]}, "directives", "this machine has"),
    ],
)
def test_what_can_never_be_given_here_is_told_of_its_field(values, field, said, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    [(about, why)] = LocalScheduler().impossible(Local.model_validate(values), local_shell)

    assert about == field
    assert said in why


def test_all_that_can_never_be_given_here_is_told_each_of_its_field(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    wishes = Local(cpus=100000, gpus=2, after=["12", "13"], directives=["--cups=3", "--array=x", "--name 'a"])
    never = LocalScheduler().impossible(wishes, local_shell)

    assert [field for field, _ in never] == ["directives"] * 3 + ["cpus", "gpus", "after"]
    assert "--after=12,13: " in never[-1][1]


def test_what_can_be_given_here_is_not_told(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")

    assert LocalScheduler().impossible(Local(cpus=1, gpus=1, parallel=3, directives=["--hold"]), local_shell) == []


def test_what_a_profile_says_is_what_the_queue_understands(monkeypatch):
    monkeypatch.setattr("typedxp.schedulers.queue.options.cpus", lambda: 8)
    profile = Local.model_validate(
        {
            "time": "2h",
            "warn": "5m",
            "grace": "1m",
            "slots": 3,
            "cpus": 4,
            "gpus": 1,
            "gpu_ids": ["0", "GPU 1"],
            "requeue": True,
            "after": ["3", "4"],
            "parallel": 2,
            "name": "it's mine",
        }
    )
    script = render(LocalScheduler(), profile, Job("train", ("python",), ODD, ODD, 5))

    assert read_options(SCRIPT, script, (), {}, KNOWN.get) == Options(
        name="it's mine",
        output=str(ODD).replace("%", "%%") + "/%n.log",
        slots=3,
        array=(0, 1, 2, 3, 4),
        parallel=2,
        cpus=4,
        gpus=1,
        gpu_ids=("0", "GPU 1"),
        time=7200.0,
        warn=300.0,
        grace=60.0,
        requeue=True,
        after=(3, 4),
    )


def test_the_output_lands_where_the_scheduler_says(monkeypatch):
    script = render(LocalScheduler(), Local(), Job("train", ("python",), ODD, ODD, 5))
    found = read_options(SCRIPT, script, (), {}, KNOWN.get)

    assert output_path(found, "/elsewhere", "7_3") == ODD / LocalScheduler().output_file("7_3")


# What the queue reads in scripts


def test_a_script_without_lines_is_one_run_of_as_many_as_there_are_cpus(monkeypatch):
    monkeypatch.setattr("typedxp.schedulers.queue.options.cpus", lambda: 6)

    assert options() == Options(name="job.sh", output="local-%n.log", slots=6)


def test_lines_after_the_first_command_are_not_read():
    text = "#!/bin/bash\n# a comment\n\n#LOCAL --slots=3\necho\n#LOCAL --slots=5 --nonsense\n"

    assert read_options(SCRIPT, text, (), {}, KNOWN.get).slots == 3


def test_words_on_the_command_line_overrule_the_lines():
    assert options("--slots=3", words=["--slots=4"]).slots == 4


@pytest.mark.parametrize(
    ("text", "indices", "parallel"),
    [("0-3", (0, 1, 2, 3), None), ("5", (5,), None), ("3,7-9%2", (3, 7, 8, 9), 2), ("1,1-2", (1, 2), None)],
)
def test_an_array_has_these_elements(text, indices, parallel):
    found = options(f"--array={text}")

    assert (found.array, found.parallel) == (indices, parallel)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1:30", 90), ("02:00:00", 7200), ("1-00:00:01", 86401), ("1:00:00", 3600)]
)
def test_a_time_is_a_number_of_seconds_or_a_clock(text, seconds):
    assert options(f"--time={text}").time == seconds


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--no-such-option=1", "--no-such-option=1"),
        ("--slot=1", "--slot=1"),
        ("stray", "stray"),
        ("--slots=0", "0 is too few"),
        ("--slots=-1", "is no number"),
        ("--slots=²", "is no number"),
        ("--array=x", "is no array"),
        ("--array=3-1", "has no elements"),
        ("--array=0-3%0", "0 is too few"),
        ("--time=soon", "is no number"),
        ("--time=0:00", "is no time"),
        ("--after=x", "is no number"),
        ("--after=3,12", "--after=12: the queue does not know such a job"),
        ("--name='", "No closing quotation"),
        ("--cpus=100000", "this machine has"),
        ("--warn=5", "less than --time"),
        ("--time=5 --warn=5", "less than --time"),
        ("--gpus=3 --gpu-ids=0,1", "only 0, 1"),
        ("--gpus=2 --gpu-ids=0,0", "only 0"),
    ],
)
def test_a_line_that_says_nothing_sensible_is_refused(line, said):
    with pytest.raises(SchedulerError) as refusal:
        options(line)

    assert said in str(refusal.value)


# GPUs


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Stand in for the machine's own."""

    def install(*lines: str, code: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines) + f"exit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return install


@pytest.mark.parametrize(
    ("told", "ids"),
    [("0,1", ("0", "1")), (" 2 , 3", ("2", "3")), ("1,-1,2", ("1",)), ("MIG-a/1/0", ("MIG-a/1/0",))],
)
def test_gpus_are_those_that_cuda_may_see(told, ids):
    assert options("--gpus=1", environment={"CUDA_VISIBLE_DEVICES": told}).gpu_ids == ids


def test_gpus_are_those_that_nvidia_smi_lists(nvidia_smi):
    nvidia_smi("0, GPU-8d3f", "1, GPU-77aa")

    assert options("--gpus=2").gpu_ids == ("0", "1")


def test_gpus_have_one_name_only(nvidia_smi):
    nvidia_smi("0, GPU-8d3f", "1, GPU-77aa")

    assert options("--gpus=1 --gpu-ids=GPU-77").gpu_ids == ("1",)
    assert options("--gpus=1 --gpu-ids=GPU-77,1,0").gpu_ids == ("1", "0")


def test_a_machine_without_gpus_says_so(nvidia_smi):
    nvidia_smi("NVIDIA-SMI has failed", code=9)

    with pytest.raises(SchedulerError, match="none that CUDA_VISIBLE_DEVICES or nvidia-smi tell of"):
        options("--gpus=1")
    with pytest.raises(SchedulerError, match="--gpu-ids"):
        options("--gpus=1", environment={"CUDA_VISIBLE_DEVICES": ""})


def test_a_job_chooses_from_the_gpus_of_its_profile_not_only_from_its_own():
    environment = {"CUDA_VISIBLE_DEVICES": "1", "TYPEDXP_LOCAL_GPU_IDS": "0,1"}

    assert options("--gpus=1", environment=environment).gpu_ids == ("0", "1")


# What the scheduler reads in answers


def test_every_word_of_the_queue_has_a_meaning():
    assert set(LocalScheduler.states) == set(Word)
    assert {word for word in Word if word.final} == {w for w, state in LocalScheduler.states.items() if state.final}


def test_a_submission_names_the_job_and_its_elements():
    answer = reply(json.dumps({"job": "7", "elements": ["7_0", "7_1"]}))

    assert LocalScheduler().read_submitted(answer, 2) == Submitted("7", ("7_0", "7_1"))


@pytest.mark.parametrize(
    "said", ["", "[]", "7", '{"job": 7, "elements": ["7"]}', '{"job": "7"}', '{"job": "7", "elements": []}']
)
def test_an_answer_to_a_submission_that_makes_no_sense_is_quoted(said):
    with pytest.raises(SchedulerError, match="cannot be read"):
        LocalScheduler().read_submitted(reply(said), None)


def test_states_are_asked_of_whole_jobs_in_one_question():
    said = {"7_0": {"word": "FAILED", "exit_code": 3, "reason": "exit code 3"}, "7_1": {"word": "NEW WORD"}}
    shell = Answers(reply(json.dumps({**said, "8": {"word": "RUNNING"}})))

    found = LocalScheduler().ask({"7": ["7_0", "7_1"], "9": ["9"]}, shell)

    assert [words[-3:] for words in shell.asked] == [("status", "7", "9")]
    assert (found["7_0"].state, found["7_0"].exit_code, found["7_0"].reason) == (JobState.FAILED, 3, "exit code 3")
    assert (found["7_1"].state, found["7_1"].native) == (JobState.UNKNOWN, "NEW WORD")
    assert set(found) == {"7_0", "7_1"}


@pytest.mark.parametrize("said", ["", "[]", '{"7": {}}', '{"7": 1}', '{"7": null}'])
def test_an_answer_about_states_that_makes_no_sense_is_quoted(said):
    with pytest.raises(SchedulerError, match="cannot be read"):
        LocalScheduler().ask({"7": ["7"]}, Answers(reply(said)))


def test_a_queue_that_fails_is_quoted():
    with pytest.raises(SchedulerError, match="no room"):
        LocalScheduler().ask({"7": ["7"]}, Answers(reply(err="no room", code=1)))
