"""Read one metric of one run, all others being without theirs: `python one_run.py first|again|orjson DIRECTORY`."""

import sys
from pathlib import Path

import numpy as np
import orjson
from conditions import alone, clock, forget, load
from sweep import LRS, WIDTHS

LR, WIDTH, SEED = 4, 5, 6
"""Places of its values."""

how, place = sys.argv[1], Path(sys.argv[2])
losses = np.load(place / "loss.npy", mmap_mode="r")
run = place / "logs" / str(1 + (LR * len(WIDTHS) + WIDTH) * losses.shape[2] + SEED)
if how == "orjson":
    with clock():
        found = [orjson.loads(line)["loss"] for line in (run / "metrics" / "train.jsonl").read_bytes().splitlines()]
else:
    import typedxp

    load()
    if how == "first":
        forget(place)
    dataset = typedxp.open_results(place / "logs")
    with alone(run), clock():
        found = dataset["train.loss"].sel(lr=LRS[LR], width=WIDTHS[WIDTH], seed=SEED).values
np.testing.assert_array_equal(found, losses[LR, WIDTH, SEED])
