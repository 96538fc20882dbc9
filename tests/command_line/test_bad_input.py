"""What can go wrong before the first run, each typed for real: exit code 2, one message, nothing written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

SCHEMA = """
    class SGD(BaseModel):
        kind: Literal["sgd"] = "sgd"
        lr: float = Field(0.1, gt=0)

    class Adam(BaseModel):
        kind: Literal["adam"] = "adam"
        lr: float = Field(1e-3, gt=0)

    class Config(BaseModel):
        need: int
        epochs: int = Field(10, ge=1)
        low: int = 0
        high: int = 9
        optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")

        @model_validator(mode="after")
        def ordered(self):
            if self.low > self.high:
                raise ValueError("low is above high")
            return self
"""


@pytest.fixture(autouse=True)
def schema(desk):
    desk.script(SCHEMA)


def test_every_problem_of_a_command_is_told_at_once(desk):
    message = desk.refused(
        "epochs=ten",
        "optimizer=adam",
        "optimizer.lr=-1,2",
        "optimizr=sgd",
        "sed=3",
        "epoch=[1",
        "xp.jobs=x",
        "xp.nope=1",
    )

    assert message.splitlines()[0] == "8 problems in train:"
    for line in (
        # What is the same for all points does not speak of them.
        "epoch=[1  (command line)\n",
        "xp.jobs = 'x'  (command line)\n",
        "xp.nope = 1  (command line)\n",
        "optimizr = 'sgd'  (command line)  in 2 of 2 points\n    There is no such key. Did you mean optimizer?",
        "sed = 3  (command line)  in 2 of 2 points",
        "need  (default)  in 2 of 2 points\n    A value is required: give need=VALUE.",
        "epochs = 'ten'  (command line)  in 2 of 2 points",
        "optimizer.lr = -1  (command line)  in 1 of 2 points\n    Input should be greater than 0",
    ):
        assert line in message, line


def test_a_broken_rule_across_fields_has_no_misleading_key(desk):
    assert desk.refused("need=1", "low=10") == "1 problem in train:\n  the config as a whole\n    low is above high"


def test_a_directory_that_cannot_be_written_is_refused(desk, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "mkdir", refuse)

    assert "Permission denied" in desk.refused("need=1", "xp.logs=forbidden")


def test_logs_that_are_a_file_are_refused(desk):
    desk.write("occupied", "something else")

    assert "occupied" in desk.refused("need=1", "xp.logs=occupied")
    assert "occupied" in desk.refused("need=1", "xp.logs=occupied/below")


def test_a_directory_made_by_something_else_is_refused(desk):
    desk.write("results/notes.txt", "mine")
    desk.write("results/0/thing.bin", "mine")

    assert "results" in desk.refused("need=1", "xp.logs=results")


def test_a_real_process_exits_with_2_and_writes_nothing(desk):
    desk.script(
        SCHEMA, "@typedxp.experiment\ndef train(config: Config): ...\n\nif __name__ == '__main__':\n    train.main()\n"
    )

    done = subprocess.run(
        [sys.executable, "train.py", "need=1", "epochs=0,1"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "typedxp: 1 problem in train:\n"
        "  epochs = 0  (command line)  in 1 of 2 points\n"
        "    Input should be greater than or equal to 1\n"
    )
    assert desk.written() == set()


def test_flags_that_there_are_not_are_refused(desk, capsys):
    for flag in ("--nope", "--cfg=nope", "--info=nope"):
        with pytest.raises(SystemExit) as stopped:
            desk.type(flag)
        assert stopped.value.code == 2
    assert desk.written() == set()
