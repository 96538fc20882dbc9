"""A run that is killed goes on where it was: `load_checkpoint` at the start, `log_checkpoint` on the way.

$ python resume.py                            # and kill it: Ctrl-C, or `kill -9` from elsewhere
$ python resume.py xp.resume=unfinished       # goes on after the last epoch that was saved

However often it was killed, the result is the one of a run that never was.
"""

import random
import time
from typing import Annotated

from pydantic import BaseModel, Field

import typedxp


class Config(BaseModel):
    """A walk of one step per epoch."""

    seed: int = 0
    epochs: int = Field(100, ge=1)
    seconds: float = Field(0.1, ge=0, description="how long an epoch takes")


class Epoch:
    """What is logged after every epoch."""

    epoch: int
    position: Annotated[float, typedxp.Unit("m"), typedxp.Description("distance from the start")]


class Metrics(typedxp.Metrics):
    """What is logged: a stream of epochs, and once the distance in the end."""

    train: typedxp.Stream[Epoch]
    end: Annotated[float, typedxp.Unit("m")]


@typedxp.experiment
def walk(config: Config, run: typedxp.Run[Metrics]) -> None:
    """Walk at random."""
    rng = random.Random(config.seed)
    state = run.load_checkpoint(default={"epoch": 0, "position": 0.0, "rng": rng.getstate()})
    rng.setstate(state["rng"])
    for epoch in range(state["epoch"], config.epochs):
        time.sleep(config.seconds)
        state["position"] += rng.gauss()
        run.log(epoch=epoch, position=state["position"])
        run.log_checkpoint({**state, "epoch": epoch + 1, "rng": rng.getstate()})
        if run.stopping:
            return
    run.log(end=state["position"])


if __name__ == "__main__":
    walk.main()
