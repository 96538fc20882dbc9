"""Worker processes: they load what the launcher ran, and what happens to one of them is no business of the others."""

from __future__ import annotations

import pytest

from typedxp.errors import ExecutionError

SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    run.log(seed=seed)
    print("seed", seed)

if __name__ == "__main__":
    train.main()
"""

STATUSES = "python -m typedxp ls | awk '{print $1, $2}' | paste -sd ' '"


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "The worker was ended by signal 9 (SIGKILL)."),
        ("ctypes.string_at(0)", "The worker was ended by signal 11 (SIGSEGV)."),
        ("os._exit(3)", "The worker exited with code 3."),
    ],
)
def test_a_worker_that_dies_fails_alone(declared, statuses, how, cause, capfd):
    declared(f"""
        import ctypes, faulthandler, os, signal
        @typedxp.experiment
        def train(run, seed: int = 0):
            run.log(loss=1.0)
            print("before")
            if seed == 1:
                {how}
    """).sweep({"seed": [0, 1, 2]}, xp={"jobs": 2})

    found = statuses()
    assert [status.status for status in found.values()] == ["completed", "failed", "completed"]
    assert found[2].cause == cause
    assert found[2].signal == {"9": 9, "11": 11}.get(cause.split()[-2])
    assert found[2].exit_code == (3 if "code" in cause else None)
    assert found[2].end is not None
    assert f"run 2 failed: {cause}" in capfd.readouterr().err


def test_what_a_worker_printed_before_it_was_killed_is_kept(declared, run_directory, capfd):
    declared("""
        import os, signal, sys
        @typedxp.experiment
        def train(run):
            print("on its way")
            os.kill(os.getpid(), signal.SIGKILL)
    """).run(xp={"jobs": 1})

    assert run_directory(1).stdout.read_text() == "on its way\n"


def test_workers_may_print_what_they_like_or_close_their_output(declared, statuses, run_directory):
    declared("""
        import os, sys
        @typedxp.experiment
        def train(run, how: str = ""):
            if how == "bytes":
                sys.stdout.buffer.write(b"\\xff\\xfe")
            elif how == "close":
                sys.stdout.close()
                sys.stderr.close()
            elif how == "input":
                assert sys.stdin.read() == ""
            run.log(loss=1.0)
    """).sweep({"how": ["bytes", "close", "input"]}, xp={"jobs": 2})

    assert [status.status for status in statuses().values()] == ["completed"] * 3
    assert run_directory(1).stdout.read_bytes() == b"\xff\xfe"


def test_thirty_runs_in_two_workers_are_all_there(declared, statuses):
    declared("""
        @typedxp.experiment
        def train(run, seed: int = 0):
            run.log(loss=seed)
    """).sweep({"seed": range(30)}, xp={"jobs": 2})

    found = statuses()
    assert list(found) == list(range(1, 31))
    assert {(status.status, status.streams["train"].records) for status in found.values()} == {("completed", 1)}
    assert len({status.pid for status in found.values()}) == 30


def test_secrets_reach_workers_but_nothing_that_others_can_read(declared, statuses, tmp_path):
    train = declared("""
        import os
        from pathlib import Path
        from pydantic import BaseModel, SecretStr
        class Config(BaseModel):
            token: SecretStr = SecretStr("")
            seed: int = 0
        @typedxp.experiment
        def train(config: Config, run):
            run.log(length=len(config.token.get_secret_value()))
            seen = Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes()
            assert config.token.get_secret_value().encode() not in seen
    """)
    train.sweep({"seed": [1, 2]}, token="s3cr3t-t0k3n", xp={"jobs": 2, "timestamps": False})

    assert [status.cause for status in statuses().values()] == [None, None]
    assert (tmp_path / "logs" / "1" / "metrics" / "train.jsonl").read_text() == '{"length":12}\n'
    for file in (tmp_path / "logs").rglob("*"):
        assert not file.is_file() or b"s3cr3t-t0k3n" not in file.read_bytes()


@pytest.mark.parametrize("jobs", [None, 2])
def test_an_exception_that_tells_a_secret_is_recorded_without_it(declared, statuses, tmp_path, capfd, jobs):
    train = declared("""
        from pydantic import BaseModel, SecretStr
        class Config(BaseModel):
            token: SecretStr = SecretStr("")
            seed: int = 0
        @typedxp.experiment
        def train(config: Config, run):
            raise ConnectionError("refused for " + config.token.get_secret_value())
    """)
    train.sweep({"seed": [1, 2]}, token="s3cr3t-t0k3n", xp={"jobs": jobs})

    assert statuses()[1].cause == "ConnectionError: refused for **********"
    assert "s3cr3t-t0k3n" not in "".join(capfd.readouterr())
    for file in (tmp_path / "logs").rglob("*"):
        assert not file.is_file() or b"s3cr3t-t0k3n" not in file.read_bytes()


def test_workers_find_an_experiment_wherever_its_script_lies(shell, tmp_path):
    (tmp_path / "other place").mkdir()
    (tmp_path / "other place" / "my-train.py").write_text("import beside\n" + SCRIPT)
    (tmp_path / "other place" / "beside.py").write_text("")
    (tmp_path / "beside.py").write_text("raise RuntimeError('the wrong one')")

    shell("python 'other place/my-train.py' seed=1,2 -j 2")

    assert shell(STATUSES) == "1 completed 2 completed\n"
    assert (tmp_path / "logs" / "2" / "stdout.log").read_text() == "seed 2\n"


def test_workers_find_an_experiment_in_a_package(shell, tmp_path):
    (tmp_path / "pkg" / "sub").mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "values.py").write_text("SCALE = 2\n")
    (tmp_path / "pkg" / "sub" / "train.py").write_text("from ..values import SCALE\n" + SCRIPT)
    (tmp_path / "pkg" / "__main__.py").write_text("from .sub.train import train\ntrain.main()\n")

    shell("python -m pkg.sub.train -j 1")
    shell("python -m pkg -j 1")

    assert shell(STATUSES) == "1 completed 2 completed\n"


def test_workers_find_an_experiment_that_was_imported_from_a_place_on_the_launchers_path(shell, tmp_path):
    (tmp_path / "lib" / "pkg").mkdir(parents=True)
    (tmp_path / "lib" / "pkg" / "__init__.py").write_text("from .train import train")
    (tmp_path / "lib" / "pkg" / "train.py").write_text("from . import __name__ as package\n" + SCRIPT)
    (tmp_path / "launch.py").write_text("import sys; sys.path.append('lib')\nimport pkg\npkg.train.main()")

    shell("python launch.py -j 1")

    assert shell(STATUSES) == "1 completed\n"


@pytest.mark.parametrize("name", ["code.py", "test.py", "worker.py"])
def test_a_script_may_be_called_like_a_module_of_the_standard_library_or_of_ours(shell, tmp_path, name):
    (tmp_path / name).write_text(SCRIPT)

    shell(f"python {name} -j 1")

    assert shell(STATUSES) == "1 completed\n"


def test_one_file_may_hold_several_experiments(shell, tmp_path):
    (tmp_path / "both.py").write_text("""
import sys, typedxp

@typedxp.experiment(name="same")
def first(run): run.log(which=1)

@typedxp.experiment(name="same")
def second(run): run.log(which=2)

if __name__ == "__main__":
    second.main()
""")
    shell("python both.py -j 1 xp.timestamps=false")

    assert (tmp_path / "logs" / "1" / "metrics" / "train.jsonl").read_text() == '{"which":2}\n'


def test_a_script_that_fails_when_it_is_imported_is_the_runs_failure(shell, tmp_path):
    (tmp_path / "train.py").write_text("if __name__ != '__main__': raise OSError('no such device')\n" + SCRIPT)

    assert "run 1 failed: OSError: no such device" in shell("python train.py -j 1", code=1)
    assert "no such device" in (tmp_path / "logs" / "1" / "stderr.log").read_text()


def test_a_script_that_runs_when_it_is_imported_is_told_so(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))

    said = shell("python train.py -j 1", code=1)

    assert "train.py exits when it is imported" in said
    assert "if __name__" in said


@pytest.mark.parametrize("typed", ['python -c "$SOURCE" -j 2', 'echo "$SOURCE" | python - -j 2'])
def test_what_was_typed_into_a_prompt_is_refused_workers(shell, tmp_path, typed):
    source = SCRIPT.replace('"', "'")

    said = shell(f'SOURCE="{source}"; {typed}', code=2)

    assert "train was typed into a notebook or a prompt, where worker processes cannot find it." in said
    assert "leave out xp.jobs" in said
    assert not (tmp_path / "logs").exists()


def test_an_experiment_inside_a_function_is_refused_workers(declared, tmp_path):
    train = declared("""
        def make():
            @typedxp.experiment
            def train(run): ...
            return train
        train, hidden = None, make()
        class train:
            hidden = make()
        """).hidden

    with pytest.raises(ExecutionError, match="is no variable of the module"):
        train.run(xp={"jobs": 1})
    assert not (tmp_path / "logs").exists()


def test_a_worker_that_cannot_be_started_fails_its_run(declared, statuses, monkeypatch, capfd):
    train = declared("""
        @typedxp.experiment
        def train(run): ...
    """)
    monkeypatch.setattr("sys.executable", "/does/not/exist")

    run = train.run(xp={"jobs": 1})

    assert run.status == "failed"
    assert statuses()[1].cause.startswith("The worker cannot be started: ")
    capfd.readouterr()
