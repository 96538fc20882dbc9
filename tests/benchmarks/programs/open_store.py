"""Open a store and look at what it has: `python open_store.py first|again|imports|read|stat DIRECTORY`.

`read` reads the two JSON files of each run instead, and `stat` asks the system for the state of one of them.
"""

import sys
from pathlib import Path

import orjson
from conditions import clock, forget, load


def open_results(place):
    import typedxp

    dataset = typedxp.open_results(place / "logs")
    assert {"lr", "width", "seed"} <= set(dataset.coords)
    assert "train.loss" in dataset
    return dataset.sizes["lr"] * dataset.sizes["width"] * dataset.sizes["seed"]


def first(place):
    load()
    forget(place)
    with clock():
        return open_results(place)


def again(place):
    load()
    with clock():
        return open_results(place)


def imports(place):
    load()


def read(place):
    with clock():
        runs = [path for path in (place / "logs").iterdir() if path.name.isdigit()]
        for run in runs:
            for name in ("run.json", "status.json"):
                orjson.loads((run / name).read_bytes())
        return len(runs)


def stat(place):
    with clock():
        runs = [path for path in (place / "logs").iterdir() if path.name.isdigit()]
        for run in runs:
            (run / "status.json").stat()
        return len(runs)


HOW = {"first": first, "again": again, "imports": imports, "read": read, "stat": stat}

place = Path(sys.argv[2])
found = HOW[sys.argv[1]](place)
assert found in (None, int(place.name)), f"{found} runs were found in {place}"
