"""A sweep as runs leave it, and a command that is typed without starting a process."""

from __future__ import annotations

import warnings

import pytest

from tests.results.conftest import StoreBuilder
from typedxp.cli.main import main
from typedxp.vocabulary.records import Label, RunStatus

SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, lr: float = 0.1) -> None:
    run.log(loss=lr)

if __name__ == "__main__":
    train.main()
"""

COMMIT = "git init --quiet -b main && git add . && git -c user.name=A -c user.email=a@b commit --quiet -m x"


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Two step sizes by two optimizers by three seeds in ``logs``: run 6 failed, and the point after it was not run.

    The loss at the steps 0, 1, 2 is ``10 * lr + seed - step``, and with adam ``0.5`` less; run 6 logged one record.
    """
    monkeypatch.chdir(tmp_path)
    builder = StoreBuilder(tmp_path / "logs")
    labels = {"lr": Label("step size")}
    for lr in (0.1, 0.2):
        for optimizer in ("sgd", "adam"):
            for seed in (0, 1, 2):
                point = {"lr": lr, "optimizer": optimizer, "seed": seed}
                if (lr, optimizer, seed) == (0.2, "sgd", 0):
                    continue
                failed = (lr, optimizer, seed) == (0.1, "adam", 2)
                start = 10 * lr + seed - 0.5 * (optimizer == "adam")
                records = [{"loss": start - step} for step in range(1 if failed else 3)]
                status = RunStatus.FAILED if failed else RunStatus.COMPLETED
                builder.add(point, records, status, config=point, labels=labels)
    return builder


@pytest.fixture
def typed(sweep, capsys):
    """Type a command; return what it prints, and what it says as errors, after checking its exit code."""

    def run(*arguments, code=0):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            assert main([str(argument) for argument in arguments]) == code
        return capsys.readouterr()

    return run
