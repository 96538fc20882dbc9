"""What a run prints is kept in its files and seen on the terminal, whoever prints it, and whatever becomes of it."""

from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys
import threading
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pytest

from typedxp.stages.execute.capture import captured, drop_overwritten
from typedxp.store.directory import RunDirectory

VOICES = """
import ctypes, logging, os, subprocess, sys, warnings
import typedxp

@typedxp.experiment
def train(run, seed: int = 0, how: str = "all"):
    if how == "bare":
        logging.getLogger("bare").debug("shown")
        return
    if how == "configured":
        logging.basicConfig(format="own %(message)s", level=logging.DEBUG)
        logging.getLogger("a").debug("fine")
        return
    print("print")
    sys.stdout.flush()
    os.write(1, b"os.write\\n")
    subprocess.run([sys.executable, "-c", "import sys; print('child'); print('child error', file=sys.stderr)"])
    libc = ctypes.CDLL(None)
    libc.puts(b"puts")
    libc.fflush(None)
    libc.puts(b"puts without fflush")
    print("error", file=sys.stderr)
    logging.getLogger("a.b").info("information")
    logging.getLogger("a.b").debug("detail")
    sys.stdout.write("no end of line")

if __name__ == "__main__":
    train.main()
"""

OUT = "print\nos.write\nchild\nputs\nno end of lineputs without fflush\n"


@pytest.fixture(autouse=True)
def script(tmp_path):
    (tmp_path / "train.py").write_text(VOICES)


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "1").mkdir()
    return RunDirectory(tmp_path / "1")


def on_a_terminal(tmp_path, *arguments):
    """Type a command on a pseudo-terminal; return what it shows."""
    shown = bytearray()
    process, terminal = pty.fork()
    if not process:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, *arguments])
    with suppress(OSError):
        while data := os.read(terminal, 65536):
            shown.extend(data)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("jobs", ["", "-j 1"])
def test_every_voice_is_kept_and_shown_in_order(shell, run_directory, jobs):
    # What C libraries print is in buffers of their own, unless Python is told to do without.
    said = shell(f"env -u PYTHONUNBUFFERED python train.py {jobs} 2>errors")

    assert run_directory(1).stdout.read_text() == OUT
    errors = run_directory(1).stderr.read_text()
    assert re.fullmatch(r"child error\nerror\n\[[-\d ,:]+\]\[a\.b\]\[INFO\] information\n", errors)
    assert said == ("" if jobs else OUT)


def test_a_terminal_shows_everything_in_order_and_so_do_the_files(tmp_path, run_directory):
    (tmp_path / "train.py").write_text("""
import sys
import typedxp

@typedxp.experiment
def train(run):
    for number in range(20_000):
        print(number)

if __name__ == "__main__":
    train.main()
""")
    shown = on_a_terminal(tmp_path, "train.py", "xp.snapshot=off")

    numbers = "".join(f"{number}\n" for number in range(20_000))
    assert run_directory(1).stdout.read_text() == numbers
    assert shown == numbers + "[1/1] run 1 completed\n"


def test_what_is_printed_on_a_terminal_is_in_the_file_at_once_and_survives_a_kill(tmp_path, run_directory):
    (tmp_path / "train.py").write_text("""
import os, signal
import typedxp

@typedxp.experiment
def train(run):
    print("before")
    if not os.fork():
        os.kill(os.getppid(), signal.SIGKILL)

train.main()
""")
    with pytest.raises(AssertionError, match="-9"):
        on_a_terminal(tmp_path, "train.py")

    assert run_directory(1).stdout.read_text() == "before\n"


def test_a_program_may_set_up_its_own_logging_in_a_run(shell, run_directory):
    shell("python train.py how=configured,bare")

    assert run_directory(1).stderr.read_text() == "own fine\n"


def test_logging_that_was_set_up_before_is_left_alone(shell, tmp_path, run_directory):
    setup = "import logging; logging.basicConfig(format='early %(message)s')\n"
    (tmp_path / "train.py").write_text(setup + VOICES)
    shell("python train.py")

    assert "information" not in run_directory(1).stderr.read_text()


def test_capture_can_be_switched_off(shell, run_directory):
    said = shell("python train.py xp.capture=false 2>&1")

    assert "print\nos.write\nchild\n" in said
    assert not run_directory(1).stdout.exists()
    assert not run_directory(1).stderr.exists()


def test_the_output_of_one_run_does_not_get_into_the_next_nor_into_the_launchers(shell, tmp_path, run_directory):
    (tmp_path / "train.py").write_text("""
import typedxp

@typedxp.experiment
def train(run, seed: int = 0):
    print("run", run.id)
    if seed == 2:
        raise ValueError("two")

if __name__ == "__main__":
    train.sweep({"seed": [1, 2, 3]})
    print("after")
""")
    said = shell("python train.py 2>/dev/null")

    assert [run_directory(number).stdout.read_text() for number in (1, 2, 3)] == ["run 1\n", "run 2\n", "run 3\n"]
    assert said == "run 1\nrun 2\nrun 3\nafter\n"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
@pytest.mark.parametrize("jobs", ["", "-j 1"])
def test_outputs_that_are_closed_do_not_keep_a_run_from_printing(shell, run_directory, closed, jobs):
    shell(f"python train.py {jobs} {closed}")

    assert run_directory(1).read_status().cause is None
    out = run_directory(1).stdout.read_text()
    assert "os.write\nchild\n" in out
    assert "print\n" in out
    assert "information" in run_directory(1).stderr.read_text()


def test_code_that_closes_its_output_or_whom_nobody_listens_to_goes_on(shell, tmp_path, run_directory):
    (tmp_path / "close.py").write_text(VOICES.replace('print("print")', "sys.stdout.close(); run.log(a=1); return"))
    shell("python close.py seed=1,2")
    shell("env -u PYTHONUNBUFFERED python train.py | true")

    assert [run_directory(number).read_status().cause for number in (1, 2, 3)] == [None] * 3
    assert run_directory(3).stdout.read_text() == OUT


def test_a_stream_that_a_program_has_put_in_place_is_shown_what_is_captured(directory):
    text = StringIO()
    with redirect_stdout(text):
        with captured(directory, shown=True):
            print("print é")
            os.write(1, b"os.write\n")
        print("after")

    assert directory.stdout.read_text("utf-8") == "print é\nos.write\n"
    assert text.getvalue() == "print é\nos.write\nafter\n"


def test_a_run_in_another_thread_leaves_the_output_to_the_first(directory, tmp_path, capfd):
    (tmp_path / "2").mkdir()
    inside, done = threading.Event(), threading.Event()

    def first():
        with captured(directory, shown=False):
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with captured(RunDirectory(tmp_path / "2"), shown=False):
        done.set()
        thread.join()
        os.write(1, b"seen\n")

    assert not (tmp_path / "2" / "stdout.log").exists()
    assert capfd.readouterr().out == "seen\n"


def test_a_run_within_a_run_has_its_own_output(directory, tmp_path, capfd):
    (tmp_path / "2").mkdir()
    inner = RunDirectory(tmp_path / "2")
    with captured(directory, shown=True):
        os.write(1, b"outer\n")
        with captured(inner, shown=True):
            os.write(1, b"inner\n")
        os.write(1, b"outer again\n")

    assert inner.stdout.read_text() == "inner\n"
    assert directory.stdout.read_text() == "outer\ninner\nouter again\n"
    assert capfd.readouterr().out == "outer\ninner\nouter again\n"


def test_capturing_leaves_logging_and_descriptors_as_they_were(directory):
    def state():
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return (logging.lastResort, logging.root.level, sys.stdout, sys.stderr, descriptors)

    before = state()
    for _ in range(3):
        with captured(directory, shown=True):
            pass

    assert state() == before


def test_a_file_that_cannot_be_made_leaves_the_output_where_it_was(tmp_path, capfd):
    with pytest.raises(FileNotFoundError), captured(RunDirectory(tmp_path / "gone"), shown=True):
        raise AssertionError("not executed")
    os.write(1, b"still here\n")

    assert capfd.readouterr().out == "still here\n"


def test_progress_bars_do_not_fill_the_file(shell, tmp_path, run_directory):
    (tmp_path / "train.py").write_text("""
import sys
import typedxp

@typedxp.experiment
def train(run):
    print("epoch 1")
    for percent in range(10_001):
        print(f"\\r{percent / 100:6.2f} % [{'#' * (percent // 100):<100}]", end="", file=sys.stderr)
    print(file=sys.stderr)
    print("epoch 2")

if __name__ == "__main__":
    train.main()
""")
    said = shell("python train.py 2>&1 | tr '\\r' '@'")

    assert run_directory(1).stderr.read_text() == f"100.00 % [{'#' * 100}]\n"
    assert run_directory(1).stdout.read_text() == "epoch 1\nepoch 2\n"
    assert said.count("@") > 10_000


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"a\nb\n", b"a\nb\n"),
        (b"10%\r20%\r\n", b"20%\n"),
        (b"10%\r20%\rdone\nnext\r", b"done\nnext"),
        (b"windows\r\nlines\r\n", b"windows\nlines\n"),
        (b"\r\r\n\r", b"\n"),
        (b"\r50%\r   \r", b"50%"),
        (b"", b""),
        (b"\xff\r\xfe\n", b"\xfe\n"),
    ],
)
def test_of_each_line_the_last_state_is_kept(tmp_path, written, kept):
    file = tmp_path / "file"
    file.write_bytes(b"before\r\n" + written)

    drop_overwritten(file, start=8)

    assert file.read_bytes() == b"before\r\n" + kept


def test_a_child_that_outlives_the_run_writes_on_to_its_file(shell, tmp_path, run_directory, wait_until):
    (tmp_path / "train.py").write_text("""
import subprocess, sys
import typedxp

@typedxp.experiment
def train(run):
    subprocess.Popen(["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done; echo late"])

if __name__ == "__main__":
    train.main()
""")
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, capture_output=True, timeout=20)
    assert run_directory(1).read_status().status == "completed"
    (tmp_path / "go").touch()

    wait_until(lambda: run_directory(1).stdout.read_text() == "late\n")
