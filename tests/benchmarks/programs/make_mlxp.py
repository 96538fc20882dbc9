"""Make the log directory that MLXP leaves of the runs of a store: `python make_mlxp.py DIRECTORY`.

DIRECTORY/logs is the store (see `make_store.py`), DIRECTORY/mlxp is made. Directories, configs and the names of metrics
are written by MLXP's own logger. It opens the file anew for each record: here, all records are written at once. That
they are the same is proven in the end.
"""

import json
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from mlxp.logger import DefaultLogger
from omegaconf import OmegaConf
from sweep import LRS, WIDTHS, curves, steps


def main() -> None:
    place = Path(sys.argv[1])
    logs, draft = place / "mlxp", place / ".mlxp"
    if logs.exists():
        return
    _, _, seeds, records = np.load(place / "loss.npy", mmap_mode="r").shape
    for number, (lr, width, seed) in enumerate(product(LRS, WIDTHS, range(seeds)), start=1):
        write(draft, number, {"lr": lr, "width": width, "seed": seed, "records": records})
    with TemporaryDirectory() as proof:
        prove(draft, Path(proof), {"lr": LRS[0], "width": WIDTHS[0], "seed": 0, "records": records})
    draft.rename(logs)


def write(logs: Path, number: int, config: dict[str, float]) -> None:
    """Write the files of one run."""
    logger = DefaultLogger(str(logs), number)
    logger._log_configs(OmegaConf.create(config))
    logger._log_configs(OmegaConf.create(about(logger)), "info")
    records = list(steps(curves(**config)))
    logger._log_metrics_key(records[0], "train")
    lines = "".join(json.dumps(record) + "\n" for record in records)
    Path(logger.metrics_dir, "train.json").write_text(lines, encoding="utf-8")


def about(logger: DefaultLogger) -> dict[str, object]:
    """Return what MLXP writes down of a run."""
    return {
        "status": "COMPLETE",
        "current_file_path": "/home/user/train.py",
        "executable": sys.executable,
        "hostname": "host",
        "process_id": 1,
        "start_date": "01/01/2026",
        "start_time": "00:00:00",
        "end_date": "01/01/2026",
        "end_time": "00:00:02",
        "work_dir": "/home/user",
        "logger": logger.get_info(),
        "scheduler": None,
        "version_manager": None,
    }


def prove(logs: Path, proof: Path, config: dict[str, float]) -> None:
    """Show that MLXP leaves the same metrics of the first run.

    Raises:
        AssertionError: it does not.
    """
    logger = DefaultLogger(str(proof), 1)
    for record in steps(curves(**config)):
        logger.log_metrics(record, "train")
    for name in ("metrics/train.json", "metrics/.keys/train.yaml"):
        assert (logs / "1" / name).read_bytes() == (proof / "1" / name).read_bytes()


if __name__ == "__main__":
    main()
