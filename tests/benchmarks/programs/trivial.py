"""The shortest experiment: one metric."""

import typedxp


@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    run.log(loss=1 / (1 + seed))


if __name__ == "__main__":
    train.main()
