"""Many launchers and readers share one directory at the same time, and none of them comes to harm."""

from __future__ import annotations

import subprocess
import sys
import time

from typedxp.results.open import open_results
from typedxp.store.store import Store

LAUNCHERS, RUNS, READERS = 8, 25, 4

TRAIN = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, launcher: int = 0, seed: int = 0) -> None:
    for step in range(5):
        run.log_metrics({"loss": launcher * 1000 + seed + step / 10}, step=step)

if __name__ == "__main__":
    train.main()
"""

READ = """
import sys
from pathlib import Path
import numpy as np
from typedxp.results.open import open_results

opened = 0
while not Path("done").exists():
    if not any(Path("logs").glob("*/run.json")):
        continue
    ds = open_results("logs")
    opened += 1
    if "train.loss" not in ds or "seed" not in ds.dims or "launcher" not in ds.coords:
        continue
    loss = ds["train.loss"]
    found = loss.values
    expected = (ds["launcher"] * 1000 + ds["seed"] + ds["train.step"] / 10).broadcast_like(loss).transpose(*loss.dims)
    whole = ~np.isnan(found)
    np.testing.assert_allclose(found[whole], expected.values[whole])
print(opened)
"""


def test_eight_launchers_of_25_runs_and_four_readers(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "read.py").write_text(READ)
    (tmp_path / "logs").mkdir()

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    readers = [start("-W", "error", "read.py") for _ in range(READERS)]
    launchers = [start("train.py", f"launcher={number}", f"seed=range({RUNS})") for number in range(LAUNCHERS)]
    said = [launcher.communicate(timeout=120)[1] for launcher in launchers]
    time.sleep(0.5)
    (tmp_path / "done").touch()
    read = [reader.communicate(timeout=60) for reader in readers]

    assert [launcher.returncode for launcher in launchers] == [0] * LAUNCHERS, said
    assert [(reader.returncode, errors) for reader, (_, errors) in zip(readers, read, strict=True)] == [
        (0, "")
    ] * READERS
    assert sum(int(out) for out, _ in read) >= READERS
    runs = list(Store(tmp_path / "logs").runs())
    assert [run.id for run in runs] == list(range(1, LAUNCHERS * RUNS + 1))
    assert {run.read_status().status for run in runs} == {"completed"}
    assert {run.read_status().streams["train"].records for run in runs} == {5}
    taken = [[run.id for run in runs if f"launcher={number}" in run.read_record().overrides] for number in range(8)]
    assert [len(ids) for ids in taken] == [RUNS] * LAUNCHERS
    assert open_results(tmp_path / "logs")["train.loss"].count() == LAUNCHERS * RUNS * 5
