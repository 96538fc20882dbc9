"""One afternoon with results, told cell by cell as in a notebook: from a sweep to what goes into the paper.

The loss at epoch e is exp(-speed * e), speed being lr, or 2 * lr with Adam, plus seed / 100: every number is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from math import exp

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure
from scipy import stats

import typedxp
from typedxp.results.problems import ResultsWarning

SCRIPT = """
import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

import typedxp


class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    momentum: float = Field(0.0, ge=0, lt=1)


class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    beta: float = Field(0.9, ge=0, lt=1)


class Config(BaseModel):
    lr: float = Field(0.1, gt=0, description="step size")
    optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")
    seed: int = 0


@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    speed = config.lr * (1 if config.optimizer.kind == "sgd" else 2)
    for epoch in range(5):
        if (config.lr, config.optimizer.kind, config.seed) == (0.5, "sgd", 2) and epoch == 2:
            raise FloatingPointError("the loss is infinite")
        run.log(epoch=epoch, loss=math.exp(-speed * epoch) + config.seed / 100)
    run.log_artifact(np.full((2, 3), config.lr), "weights", dims=("layer", "unit"))


if __name__ == "__main__":
    train.main()
"""

# On a machine without typedxp: the name leads nowhere.
READ_ELSEWHERE = """
import sys
sys.modules["typedxp"] = None
import xarray
print(xarray.open_dataset("runs.nc")["train.loss"].sel(lr=0.1).mean("seed").isel({"train.step": -1}).values.tolist())
"""


def losses(lr, optimizer, epochs, seeds=(0, 1, 2)):
    """Return the mean loss at each epoch."""
    return [exp(-lr * (1 if optimizer == "sgd" else 2) * epoch) + np.mean(seeds) / 100 for epoch in epochs]


def test_from_a_sweep_to_a_paper(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    missing = "not (lr == 0.5 and optimizer == 'adam' and seed == 1)"
    shell(f"""python train.py lr=0.1,0.5 optimizer=sgd,adam 'seed=range(3)' xp.where="{missing}" """, code=1)
    shell("python train.py optimizer=sgd optimizer.momentum=0,0.9 'seed=range(2)' xp.logs=variants")
    shell("python train.py optimizer=adam optimizer.beta=0.9,0.99,0.999 'seed=range(2)' xp.logs=variants")

    ds = typedxp.open_results("logs")
    look(ds)
    average(ds)
    choose_runs()
    choose_a_step(ds)
    last = typedxp.open_results("logs", where="status == 'completed'")["train.loss"].xp.last()
    compare(last)
    tabulate(last)
    draw(ds["train.loss"])
    find_runs(ds)
    open_a_tree()
    shell("python train.py lr=0.5 optimizer=sgd seed=2", code=1)
    shell("python train.py lr=0.1 optimizer=sgd seed=0")
    choose_of_several_runs()
    open_arrays_and_chunks()
    shell("typedxp plot train.loss --over seed --where 'lr < 0.2' -o loss.pdf")
    shell("typedxp pack logs runs.nc")
    with pytest.warns(ResultsWarning, match=r"Runs that did not complete count .*: 9\. Leave them out"):
        ds.xp.mean("seed").to_netcdf("mean.nc")
    read_without_typedxp()
    ask_what_made_the_files(shell)


def look(ds):
    shown = repr(ds)
    assert "(lr: 2, optimizer: 2, seed: 3, train.step: 5" in shown
    assert "runs:        1-11" in shown
    assert ds["lr"].attrs == {"key": "lr", "long_name": "step size"}


def average(ds):
    mean = ds["train.loss"].mean("seed")
    assert mean.sel(lr=0.1, optimizer="sgd").values == pytest.approx(losses(0.1, "sgd", range(5)))
    # Run 9 failed in epoch 2: from there on, the others are averaged.
    with_run_9, without = losses(0.5, "sgd", range(2)), losses(0.5, "sgd", range(2, 5), (0, 1))
    assert mean.sel(lr=0.5, optimizer="sgd").values == pytest.approx([*with_run_9, *without])
    covered = ds.xp.coverage("seed").to_dataframe()
    assert covered["completed"].tolist() == [3, 3, 2, 2]
    assert covered["present"].tolist() == [3, 3, 3, 2]
    assert covered["expected"].tolist() == [3, 3, 3, 3]
    with pytest.raises(
        typedxp.ResultsError, match=r"2 of 12 points have no completed run:\n.*run 9 \(seed=2\) is failed"
    ):
        ds.xp.mean("seed", complete=True)


def choose_runs():
    done = typedxp.open_results("logs", where="status == 'completed' and (lr < 0.2 or seed in [0])")
    assert done.attrs["runs"] == "1-7,10"
    with pytest.raises(typedxp.ResultsError, match=r"Did you mean status\?"):
        typedxp.open_results("logs", where="statsu == 'completed'")


def choose_a_step(ds):
    loss = ds["train.loss"]
    assert float(loss.xp.last().sel(lr=0.5, optimizer="sgd", seed=2)) == pytest.approx(exp(-0.5) + 0.02)
    best = ds.xp.best("min", of="train.loss")
    assert best["train.step"].sel(lr=0.5, optimizer="sgd").values.tolist() == [4, 4, 1]
    assert best["train.loss"].sel(lr=0.5, optimizer="sgd", seed=0) == pytest.approx(exp(-2))
    assert loss.xp.at(0).mean("seed").values == pytest.approx(np.full((2, 2), 1.01))


def compare(last):
    [row] = last.xp.compare("optimizer", over=["seed", "lr"]).to_dict("records")
    # At each seed that both have, by step size.
    differences = [exp(-0.4) - exp(-0.8)] * 3 + [exp(-2) - exp(-4)]
    assert (row["a"], row["b"], row["n_a"], row["n_b"]) == ("sgd", "adam", 4, 4)
    assert row["difference"] == pytest.approx(np.mean(differences))
    assert row["effect"] == pytest.approx(np.mean(differences) / np.std(differences, ddof=1))
    assert row["p"] == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert row["p_holm"] == row["p"]


def tabulate(last):
    table = last.xp.table("lr", "optimizer", over="seed", best="min")
    assert table.mean.loc[0.1, "adam"] == pytest.approx(exp(-0.8) + 0.01)
    assert table.spread.loc[0.1, "adam"] == pytest.approx(0.01)
    assert "| 0.1 | 0.680 ± 0.010 | 0.459 ± 0.010 |" in table.to_markdown("loss.md")
    assert r"0.1 & $0.680 \pm 0.010$ & $0.459 \pm 0.010$ \\" in table.to_latex("loss.tex")


def draw(loss):
    axes = loss.sel(optimizer="adam").xp.plot.curve(hue="lr", over="seed", ax=Figure().subplots())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "train.loss")
    first, second = axes.get_lines()
    assert first.get_ydata() == pytest.approx(losses(0.1, "adam", range(5)))
    assert second.get_ydata() == pytest.approx(losses(0.5, "adam", range(5), (0, 2)))


def find_runs(ds):
    assert ds.xp.diff()["different"].to_dict() == {"seed": 3, "lr": 2, "optimizer": 2}
    assert ds.xp.runs.index.tolist() == list(range(1, 12))
    assert ds.xp.runs.loc[9, ["status", "cause"]].tolist() == ["failed", "FloatingPointError: the loss is infinite"]
    run = ds.sel(lr=0.5, optimizer="sgd", seed=2).xp.run
    assert (run.id, run.config["optimizer"], run.artifacts) == (9, {"kind": "sgd", "momentum": 0.0}, ())
    assert run.metrics()["epoch"].tolist() == [0, 1]
    assert "FloatingPointError: the loss is infinite" in run.stderr


def open_a_tree():
    tree = typedxp.open_results("variants", layout="tree")
    assert dict(tree["sgd"]["train.loss"].sizes) == {"momentum": 2, "seed": 2, "train.step": 5}
    assert dict(tree["adam"]["train.loss"].sizes) == {"seed": 2, "beta": 3, "train.step": 5}
    means = tree.mean("seed")
    assert means["adam"]["train.loss"].sel(beta=0.99).values == pytest.approx(losses(0.1, "adam", range(5), (0, 1)))
    assert not means["adam"]["train.loss"].isnull().any()
    assert tree.xp.runs.index.get_level_values("node").value_counts().to_dict() == {"/sgd": 4, "/adam": 6}


def choose_of_several_runs():
    ds = typedxp.open_results("logs")
    assert ds["run"].sel(lr=0.1, optimizer="sgd", seed=0) == 13
    assert typedxp.open_results("logs", duplicates="all").sizes["repeat"] == 2
    with pytest.raises(typedxp.ResultsError, match="2 points have several runs"):
        typedxp.open_results("logs", duplicates="error")


def open_arrays_and_chunks():
    ds = typedxp.open_results("logs")
    assert ds["weights"].sel(lr=0.5, optimizer="adam", seed=0).values.tolist() == [[0.5] * 3] * 2
    assert np.isnan(ds["weights"].sel(lr=0.5, optimizer="sgd", seed=2)).all()
    lazy = typedxp.open_results("logs", chunks={})["train.loss"].mean("seed")
    assert lazy.chunks is not None
    xarray.testing.assert_allclose(lazy.compute(), ds["train.loss"].mean("seed"))


def read_without_typedxp():
    printed = subprocess.run([sys.executable, "-c", READ_ELSEWHERE], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == pytest.approx([exp(-0.4) + 0.01, exp(-0.8) + 0.01])


def ask_what_made_the_files(shell):
    found = json.loads(shell("typedxp trace --json runs.nc mean.nc loss.md loss.tex loss.pdf"))
    assert {name: made["runs"] for name, made in found.items()} == {
        "runs.nc": "2-8,10-13",
        "mean.nc": "1-11",
        "loss.md": "1-8,10-11",
        "loss.tex": "1-8,10-11",
        "loss.pdf": "2-6,13",
    }
    assert {made["experiment"] for made in found.values()} == {"train"}
