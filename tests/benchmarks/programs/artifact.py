"""Save an array of 100 MB again and again: `python artifact.py typedxp|bare TIMES`."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np


def typedxp_save(directory, array):
    import typedxp

    typedxp.Run(directory, None, id=1).log_artifact(array, "array.npy")


def bare_save(directory, array):
    with Path(directory, "array.npy").open("wb") as file:
        np.save(file, array)
        os.fsync(file.fileno())


SAVES = {"typedxp": typedxp_save, "bare": bare_save}

array = np.random.default_rng(0).normal(size=100_000_000 // 8)
for _ in range(int(sys.argv[2])):
    # On the disk that the project lies on: what is in memory only costs nothing to force to it.
    with tempfile.TemporaryDirectory(dir=".") as directory:
        SAVES[sys.argv[1]](directory, array)
