"""An experiment that prints."""

import typedxp


@typedxp.experiment
def train(run: typedxp.Run, lines: int = 1) -> None:
    for number in range(lines):
        print(f"epoch {number}: loss {1 / (1 + number):.6f}")


if __name__ == "__main__":
    train.main()
