"""The door to the world."""

from __future__ import annotations

import os

import pytest

from tests.schedulers.replies import reply
from typedxp.errors import SchedulerError
from typedxp.schedulers import shell
from typedxp.schedulers.shell import (
    Command,
    Unanswered,
    answered,
    batches,
    local_shell,
    refused,
    start,
    unreadable,
)


def test_a_command_is_executed_and_its_answer_is_text() -> None:
    done = local_shell(Command(("sh", "-c", r"printf 'a\377'; echo b >&2; exit 3")))

    assert (done.code, done.out, done.err) == (3, "a\\xff", "b\n")


def test_words_are_no_shell() -> None:
    assert local_shell(Command(("echo", "$HOME", "a b", ";", "'"))).out == "$HOME a b ; '\n"


def test_a_command_reads_what_it_is_given(tmp_path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("from a file")

    assert local_shell(Command(("cat",), stdin="from text")).out == "from text"
    assert local_shell(Command(("cat",), stdin_file=script)).out == "from a file"
    with pytest.raises(SchedulerError, match="cannot read its script: No such file"):
        local_shell(Command(("cat",), stdin_file=tmp_path / "nowhere"))


def test_a_command_does_not_see_what_it_must_not(monkeypatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CONF", "/etc")

    seen = local_shell(Command(("env",), without=("SLURM_J*",))).out.splitlines()
    assert "SLURM_CONF=/etc" in seen
    assert not any(line.startswith("SLURM_JOB_ID") for line in seen)


def test_a_machine_without_the_command_is_an_error() -> None:
    with pytest.raises(SchedulerError, match="no command 'no-such-scheduler' on this machine"):
        local_shell(Command(("no-such-scheduler",)))


def test_a_command_that_cannot_be_executed_is_an_error(tmp_path) -> None:
    with pytest.raises(SchedulerError, match="cannot be executed: Permission denied"):
        local_shell(Command((str(tmp_path),)))


def test_a_command_that_hangs_is_given_up(monkeypatch) -> None:
    monkeypatch.setenv(shell.PATIENCE, "0.2")

    with pytest.raises(Unanswered, match=r"`sleep 30` did not answer within 0\.2 seconds"):
        local_shell(Command(("sleep", "30")))


def test_failures_quote_what_was_said() -> None:
    assert answered(reply("fine")).out == "fine"
    with pytest.raises(SchedulerError, match="no such queue"):
        answered(reply("progress...", "no such queue\n", 2))
    assert str(refused(reply(code=2))).startswith("(no output)")
    assert "<html>" in str(unreadable(reply("<html>" * 1000)))
    assert len(str(unreadable(reply("<html>" * 1000)))) < 2100


def test_a_failure_begins_with_the_words_of_the_scheduler() -> None:
    failed = reply(err="qsub: no such queue\nqsub: see qstat -Q\n", code=2)

    assert str(refused(failed)) == f"qsub: no such queue\nqsub: see qstat -Q (`{failed.command}` exited with 2)"


def test_control_characters_reach_no_terminal() -> None:
    said = reply(err="\x1b[2J\x9bH\tgone\r\nété", code=1)

    for error in (refused(said), unreadable(said)):
        assert not {"\x1b", "\x9b", "\r"} & set(str(error))
        assert "\\x1b[2J\\x9bH\tgone\\r" in str(error)
        assert "\nété" in str(error)


def test_names_are_parted_into_lines_that_are_not_too_long(monkeypatch) -> None:
    monkeypatch.setattr(shell, "LINE", 10)

    assert batches(["1234", "5678", "9", "a" * 50, "b"]) == [("1234", "5678"), ("9",), ("a" * 50,), ("b",)]
    assert batches([]) == []


def test_a_started_program_has_its_own_session_and_appends(tmp_path) -> None:
    for _ in range(2):
        process = start(
            ["sh", "-c", "pwd; echo $A >&2"], {"A": "1", "PATH": os.environ["PATH"]}, tmp_path, tmp_path / "out"
        )
        assert os.getsid(process.pid) == process.pid
        assert process.wait() == 0

    assert (tmp_path / "out").read_text() == f"{tmp_path}\n1\n" * 2
