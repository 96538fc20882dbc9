"""An experiment that logs four numbers at each step, which are made up from its config: the same for ever."""

from collections.abc import Iterator

import numpy as np

import typedxp

LRS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""A store of N runs has N / 100 seeds."""


def curves(lr: float, width: int, seed: int, records: int) -> dict[str, np.ndarray]:
    """Return the columns of one run, with the digits that measured numbers have."""
    noise = np.random.default_rng([round(lr * 1000), width, seed]).normal(size=(3, records))
    epoch = np.arange(records)
    loss = (1 + lr) / np.sqrt(1 + epoch) * np.exp(noise[0] / 10)
    accuracy = 1 / (1 + loss + np.abs(noise[1]) / width)
    return {"epoch": epoch, "loss": loss, "accuracy": accuracy, "grad_norm": np.abs(noise[2]) * loss}


def steps(columns: dict[str, np.ndarray]) -> Iterator[dict[str, float]]:
    """Yield the columns as records."""
    names = tuple(columns)
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(names, values, strict=True))


@typedxp.experiment
def train(run: typedxp.Run, lr: float = 0.1, width: int = 64, seed: int = 0, records: int = 1000) -> None:
    for record in steps(curves(lr, width, seed, records)):
        run.log_metrics(record, "train")


if __name__ == "__main__":
    train.main()
