"""Seeding makes random numbers the same again, as far as the libraries are loaded."""

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


def test_torch_is_seeded_where_it_is_loaded(monkeypatch):
    class Torch:
        def __init__(self):
            self.seeds = []

        def manual_seed(self, seed):
            self.seeds.append(seed)

    torch = Torch()
    monkeypatch.setitem(sys.modules, "torch", torch)

    seed_everything(3)

    assert torch.seeds == [3]


def test_nothing_is_loaded_in_order_to_be_seeded():
    code = "import sys; from typedxp import seed_everything; seed_everything(1); print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == "False\n"
