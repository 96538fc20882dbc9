"""Make the store of one format, as the program that is installed writes it: `python make.py DIRECTORY`.

It runs a small experiment in ``/tmp/example``, and copies the runs into DIRECTORY. What is particular to a machine is
replaced by words that mean nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PLACE = Path("/tmp/example")

SCRIPT = '''
import os
import signal
from enum import Enum
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

import typedxp


class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    lr: float = Field(0.1, gt=0, description="step size")
    momentum: float = 0.0


class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    lr: float = Field(0.001, gt=0, description="step size")
    betas: tuple[float, float] = (0.9, 0.999)


class Schedule(Enum):
    FLAT = "flat"
    COSINE = "cosine"


class Config(BaseModel):
    seed: int = Field(0, description="where the random numbers begin")
    epochs: int = Field(3, ge=1)
    warmup: float | None = Field(None, description="time until the full rate", json_schema_extra={"unit": "s"})
    schedule: Schedule = Schedule.FLAT
    optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")


class Epoch:
    step: int
    loss: Annotated[float, typedxp.Unit("nats"), typedxp.Description("mean over the batches")]


class Test:
    epoch: int
    recall: typedxp.Array["class"]


class Metrics(typedxp.Metrics):
    train: typedxp.Stream[Epoch]
    test: typedxp.Stream[Test]
    accuracy: Annotated[float, typedxp.Unit("1")]
    verdict: str


@typedxp.experiment
def train(config: Config, run: typedxp.Run[Metrics]) -> None:
    """The loss is the rate, divided by the number of the epoch, plus the seed."""
    adam = config.optimizer.kind == "adam"
    for epoch in range(run.load_checkpoint(0), config.epochs):
        loss = config.optimizer.lr / (epoch + 1) + config.seed
        run.log(step=10 * epoch, loss=loss)
        run.log("test", epoch=epoch, recall=[0.5, loss])
        if adam and config.seed == 2 and epoch == 1:
            raise ValueError("the loss diverged")
        if adam and config.seed == 3 and epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if adam and config.seed == 4 and run.attempt == 1 and epoch == 1:
            raise KeyboardInterrupt
        if config.seed == 4:
            run.log_checkpoint(epoch + 1, keep=1)
    print("the last loss is", loss)
    run.log_artifact(np.array([loss, config.seed]), "weights.npy")
    run.log(accuracy=1 / (1 + config.seed), verdict="good" if config.seed == 0 else "bad")


if __name__ == "__main__":
    train.main()
'''

COMMANDS = (
    "optimizer=sgd,adam seed=0,1",
    "optimizer=adam seed=2",
    "optimizer=adam seed=3",
    "optimizer=adam seed=4",
    "xp.resume=7",
    "warmup=null,2.5 schedule=flat,cosine",
    "epochs=5 seed=0,1",
)
"""Runs 1 to 4; 5 fails; 6 is killed; 7 is interrupted, and resumed; 8 to 11; 12 and 13."""

DATES = {"GIT_AUTHOR_DATE": "2026-11-21T00:00:00Z", "GIT_COMMITTER_DATE": "2026-11-21T00:00:00Z"}
NOBODY = ("-c", "user.name=user", "-c", "user.email=user@example.org")


def main() -> None:
    """Run the commands, and keep what they leave."""
    [target] = map(Path, sys.argv[1:])
    PLACE.mkdir()
    try:
        (PLACE / "train.py").write_text(SCRIPT.lstrip())
        (PLACE / ".gitignore").write_text("logs/\n")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*NOBODY, "commit", "-q", "-m", "Train")):
            subprocess.run(("git", *words), cwd=PLACE, env=os.environ | DATES, check=True)
        for words in COMMANDS:
            # Those that end badly are meant to.
            subprocess.run((sys.executable, "train.py", *words.split()), cwd=PLACE, check=False)
        shutil.copytree(PLACE / "logs", target, ignore=shutil.ignore_patterns(".typedxp", ".drafts"))
    finally:
        shutil.rmtree(PLACE)
    for file in target.rglob("*"):
        if file.suffix in (".json", ".log"):
            file.write_text(neutral(file.read_text()))


def neutral(text: str) -> str:
    """Replace what is particular to this machine."""
    environment = {"host": "host", "user": "user", "executable": "/usr/bin/python", "platform": "Linux"}
    for key, word in environment.items():
        text = re.sub(rf'("{key}": )"[^"]*"', rf'\1"{word}"', text)
    # No process has this number on any machine, so that the killed run is not taken for one that goes on.
    text = re.sub(r'("pid": )\d+', r"\g<1>4194305", text)
    return re.sub(r'("pid_start": )"\d+"', r'\1"1"', text)


if __name__ == "__main__":
    main()
