"""Average the loss over seeds: `python mean.py HOW DIRECTORY`.

What is called `first` starts from the files of the runs, `again` may use what earlier readers have kept. All count the
opening, except that `again` alone counts the mean only. `chunks` is by dask. `orjson` and `npy` show what the files
and one array cost, `mlxp` what MLXP takes.
"""

import sys
from pathlib import Path

import numpy as np
import orjson
from conditions import check, clock, forget, load
from sweep import LRS, WIDTHS


def _open(place, **options):
    import typedxp

    return typedxp.open_results(place / "logs", **options)["train.loss"]


def _average(loss):
    return loss.mean("seed").compute()


def _sorted(mean):
    return mean.sel(lr=list(LRS), width=list(WIDTHS)).transpose("lr", "width", "train.step").values


def first(place, **options):
    load()
    forget(place)
    with clock():
        mean = _average(_open(place, **options))
    return _sorted(mean)


def all_again(place, **options):
    load()
    with clock():
        mean = _average(_open(place, **options))
    return _sorted(mean)


def again(place):
    load()
    loss = _open(place)
    with clock():
        mean = _average(loss)
    return _sorted(mean)


def chunks_first(place):
    return first(place, chunks={})


def chunks_again(place):
    return all_again(place, chunks={})


def bare_orjson(place):
    with clock():
        runs = sorted(
            (path for path in (place / "logs").iterdir() if path.name.isdigit()), key=lambda path: int(path.name)
        )
        losses = [_losses(run / "metrics" / "train.jsonl") for run in runs]
        return np.array(losses).reshape(len(LRS), len(WIDTHS), -1, len(losses[0])).mean(axis=2)


def _losses(path):
    # As a whole: line by line takes a quarter longer.
    records = orjson.loads(b"[" + path.read_bytes().removesuffix(b"\n").replace(b"\n", b",") + b"]")
    return np.array([record["loss"] for record in records])


def bare_npy(place):
    with clock():
        return np.load(place / "loss.npy").mean(axis=2)


def mlxp_first(place):
    (place / "mlxp" / "database.json").unlink(missing_ok=True)
    return _mlxp(place, refresh=True)


def mlxp_again(place):
    return _mlxp(place, refresh=False)


def _mlxp(place, refresh):
    from mlxp.reader import Reader

    def average(curves):
        return np.mean(curves, axis=0)

    with clock():
        reader = Reader(str(place / "mlxp"), refresh=refresh)
        groups = reader.filter().groupby(["config.lr", "config.width"])
        means = groups.aggregate((average, ("train.loss",), ("loss",)))
    return np.array([[means[lr, width][0]["loss"] for width in WIDTHS] for lr in LRS])


HOW = {
    "first": first,
    "again": again,
    "all-again": all_again,
    "chunks-first": chunks_first,
    "chunks-again": chunks_again,
    "orjson": bare_orjson,
    "npy": bare_npy,
    "mlxp-first": mlxp_first,
    "mlxp-again": mlxp_again,
}

place = Path(sys.argv[2])
check(place, HOW[sys.argv[1]](place))
