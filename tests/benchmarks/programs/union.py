"""An experiment with a config group of two options; benchmarks plan its sweeps."""

from typing import Literal

from pydantic import BaseModel, Field

import typedxp


class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    lr: float = Field(0.1, gt=0, description="step size")


class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    lr: float = Field(1e-3, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)


class Config(BaseModel):
    seed: int = 0
    epochs: int = Field(10, ge=1)
    optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")


@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    raise AssertionError("Benchmarks only plan this.")


if __name__ == "__main__":
    train.main()
