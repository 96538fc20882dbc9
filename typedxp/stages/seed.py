"""Owns the seeding of the random number generators that a run may use."""

from __future__ import annotations

import importlib
import random


def seed_everything(seed: int) -> None:
    """Seed ``random``, numpy's global generator and torch (all devices), where these are installed.

    A library that is not loaded yet is loaded to be seeded: otherwise a function that imports numpy itself would draw
    other numbers each time, and one that imports torch the same numbers for every seed.
    """
    random.seed(seed)
    # numpy takes 32 bits, torch 64.
    for module, function, seeds in (("numpy.random", "seed", 2**32), ("torch", "manual_seed", 2**63)):
        try:
            library = importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        getattr(library, function)(seed % seeds)
