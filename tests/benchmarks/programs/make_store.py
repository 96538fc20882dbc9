"""Make a store as `sweep.py` leaves it, without running it: `python make_store.py DIRECTORY RUNS RECORDS`.

DIRECTORY/logs is the store, of ten commands: each gives one learning rate, and sweeps ten widths and RUNS / 100 seeds.
DIRECTORY/loss.npy holds its losses, an array of learning rates, widths, seeds and steps.

Four runs are really executed. All others are written as these were: their records are those of the real ones with other
values, and the bytes are made by what makes them in a real run. That they are the same is proven in the end.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sweep import LRS, WIDTHS, curves, steps

from typedxp.stages.plan import digest
from typedxp.store import yaml
from typedxp.store.directory import RunDirectory, dump
from typedxp.store.store import Store
from typedxp.store.writer import TIME
from typedxp.vocabulary.clock import spell_time
from typedxp.vocabulary.records import RunRecord, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
OF_ITS_OWN = {"id", "sweep", "command", "created", "pid", "pid_start", "start", "end", "usage", "bytes"}
"""What no two executions of one run have in common."""


@dataclass(frozen=True)
class Point:
    """What a run is about: the place of its learning rate, and its config."""

    command: int
    config: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A run that was really executed."""

    record: RunRecord
    status: Status


def main() -> None:
    place, runs, records = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if place.exists():
        return
    draft = place.with_name(f".{place.name}")
    draft.mkdir(parents=True)
    executed = execute(draft / "executed", records)
    sample = Sample(executed[0].read_record(), executed[0].read_status())
    points = list(sweep(runs // (len(LRS) * len(WIDTHS)), records))
    losses = np.empty((len(points), records))
    for index, (directory, point) in enumerate(zip(Store(draft / "logs").allocate(len(points)), points, strict=True)):
        losses[index] = write(directory, point, sample, runs)
    for real in executed:
        prove(real, draft / "logs", points)
    np.save(draft / "loss.npy", losses.reshape(len(LRS), len(WIDTHS), -1, records))
    shutil.copytree(draft / "executed" / "documents", draft / "logs" / "documents")
    shutil.rmtree(draft / "executed")
    draft.rename(place)
    # Now, and not while something is measured.
    os.sync()


def execute(logs: Path, records: int) -> list[RunDirectory]:
    """Execute the first two seeds of the first two widths."""
    swept = f"width={WIDTHS[0]},{WIDTHS[1]}", "seed=range(2)"
    command = (sys.executable, "sweep.py", f"lr={LRS[0]}", *swept, f"records={records}", f"xp.logs={logs}")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return list(Store(logs).runs())


def sweep(seeds: int, records: int) -> Iterator[Point]:
    """Yield the points in the order of their ids."""
    for command, lr in enumerate(LRS):
        for width in WIDTHS:
            for seed in range(seeds):
                yield Point(command, {"lr": lr, "width": width, "seed": seed, "records": records})


def write(directory: RunDirectory, point: Point, sample: Sample, runs: int) -> np.ndarray:
    """Write the files of one run; return its losses."""
    columns = curves(**point.config)
    began = START + timedelta(minutes=directory.id)
    times = began.timestamp() + 0.001 * np.arange(1, len(columns["loss"]) + 1) + 0.0001 * columns["accuracy"]
    data = b"".join(orjson.dumps(step, option=orjson.OPT_APPEND_NEWLINE) for step in steps({**columns, TIME: times}))
    directory.metrics.mkdir()
    directory.stream("train").write_bytes(data)
    directory.stdout.touch()
    directory.stderr.touch()
    (directory.path / "config.yaml").write_text(yaml.dump(point.config), encoding="utf-8")
    (directory.path / "run.json").write_bytes(dump(planned(directory.id, point, sample.record, runs)))
    # Not forced to the disk, as a run does: it would take longer than all the rest.
    directory.status_file.write_bytes(dump(ended(began, len(data), sample.status)))
    return columns["loss"]


def planned(number: int, point: Point, record: RunRecord, runs: int) -> RunRecord:
    """Return what run.json says."""
    given = point.config
    widths, seeds = ",".join(map(str, WIDTHS)), f"range({runs // (len(LRS) * len(WIDTHS))})"
    return replace(
        record,
        id=number,
        sweep=f"{point.command:012x}",
        digest=digest(record.experiment.name, given),
        point={"width": given["width"], "seed": given["seed"]},
        overrides=tuple(f"{key}={value}" for key, value in given.items()),
        command=("sweep.py", f"lr={given['lr']}", f"width={widths}", f"seed={seeds}", f"records={given['records']}"),
        created=spell_time(START + timedelta(days=point.command)),
    )


def ended(began: datetime, size: int, status: Status) -> Status:
    """Return what status.json says."""
    return replace(
        status,
        start=spell_time(began),
        end=spell_time(began + timedelta(seconds=2)),
        streams={"train": replace(status.streams["train"], bytes=size)},
    )


def prove(real: RunDirectory, logs: Path, points: list[Point]) -> None:
    """Show that a run that was executed, and the same run in the store, have the same bytes in the same files.

    Raises:
        AssertionError: they do not.
    """
    number = [point.config for point in points].index(real.read_config()) + 1
    made = RunDirectory(logs / str(number))
    assert names(real) == names(made)
    for name in names(real):
        assert spoken(real.path / name) == spoken(made.path / name), f"{made.path / name} is not as {real.path / name}"


def names(directory: RunDirectory) -> list[str]:
    """Name the files of a run."""
    return sorted(str(path.relative_to(directory.path)) for path in directory.path.rglob("*") if path.is_file())


def spoken(path: Path) -> bytes:
    """Return the bytes of a file without what no two executions have in common."""
    data = path.read_bytes()
    if path.suffix != ".json":
        return re.sub(rb'"_time":[0-9.]+', b"", data)
    document = orjson.loads(data)
    assert dump(document) == data
    return dump(without(document))


def without(tree: Any) -> Any:
    """Blank out what a run has of its own."""
    if isinstance(tree, dict):
        return {key: None if key in OF_ITS_OWN else without(value) for key, value in tree.items()}
    return tree


if __name__ == "__main__":
    main()
