"""Owns the seeding of the random number generators that a run may use."""

from __future__ import annotations

import random
import sys


def seed_everything(seed: int) -> None:
    """Seed ``random``, numpy's global generator and torch (all devices), as far as they are loaded.

    Libraries that are not loaded yet are left alone: whoever imports one later creates its generators from its own
    entropy, so import it at the top of the script.
    """
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        # numpy takes 32 bits.
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
