"""Seeding makes random numbers the same again, of every library that is installed."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

from typedxp.stages.seed import seed_everything


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**40, -1])
def test_the_same_seed_gives_the_same_numbers(seed):
    def draw():
        seed_everything(seed)
        return random.random(), np.random.random()  # noqa: NPY002 - the generator that is seeded

    assert draw() == draw()


def test_torch_is_seeded(monkeypatch):
    class Torch:
        def __init__(self):
            self.seeds = []

        def manual_seed(self, seed):
            self.seeds.append(seed)

    torch = Torch()
    monkeypatch.setitem(sys.modules, "torch", torch)

    seed_everything(3)

    assert torch.seeds == [3]


def test_a_library_that_is_imported_later_is_seeded_as_well():
    code = "from typedxp import seed_everything; seed_everything(1); import numpy; print(numpy.random.random())"
    command = [sys.executable, "-c", code]
    said = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)}

    assert len(said) == 1
    assert said.pop().startswith("0.417")


def test_a_library_that_is_not_installed_is_passed_over(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    seed_everything(3)

    assert random.random() == random.Random(3).random()
