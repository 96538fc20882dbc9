"""A sweep for a cluster: how well chance finds pi, whatever stops it on the way.

$ python pi.py points=1e6,1e7 'seed=range(10)' xp/profile=slurm_cpu -n     # the plan, and the job script
$ python pi.py points=1e6,1e7 'seed=range(10)' xp/profile=slurm_cpu        # one array of 20, and back at the prompt
$ typedxp status                                                           # where each of them stands

The profiles lie in conf/xp/profile/, one per scheduler: take the one of your cluster, and change what is your site's.
"""

import random
import time
from typing import Annotated

from pydantic import BaseModel, Field

import typedxp


class Config(BaseModel):
    """How much chance there is."""

    seed: int = 0
    points: Annotated[float, Field(ge=1, description="how many points are thrown at a square")] = 1e6
    batch: Annotated[int, Field(ge=1, description="how many are thrown between two checkpoints")] = 100_000
    seconds: Annotated[float, Field(ge=0, description="how long to sleep after each batch, for a longer run")] = 0.0


@typedxp.experiment(config_path="conf")
def pi(config: Config, run: typedxp.Run) -> None:
    """Throw points at a square, and count those in the circle."""
    rng = random.Random(config.seed)
    state = run.load_checkpoint(default={"thrown": 0, "inside": 0, "rng": rng.getstate()})
    rng.setstate(state["rng"])
    while state["thrown"] < config.points:
        inside = sum(rng.random() ** 2 + rng.random() ** 2 < 1 for _ in range(config.batch))
        state = {
            "thrown": state["thrown"] + config.batch,
            "inside": state["inside"] + inside,
            "rng": rng.getstate(),
        }
        time.sleep(config.seconds)
        run.log(thrown=state["thrown"], pi=4 * state["inside"] / state["thrown"])
        run.log_checkpoint(state)
        if run.stopping:
            return


if __name__ == "__main__":
    pi.main()
