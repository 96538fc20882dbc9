"""The repository that snapshots and checkouts are measured in: 5,000 files."""

import os
import subprocess
from pathlib import Path

COMMANDS = (
    "init --quiet",
    "config user.name A",
    "config user.email a@example.org",
    "add .",
    "commit --quiet --message=files",
)
# Git looks once more into files that are as young as its index.
OLD = 1_600_000_000


def make_repository(root: Path) -> None:
    """Make a repository of 5,000 files in 50 directories, unless it is there."""
    if root.exists():
        return
    for number in range(5_000):
        file = root / f"package_{number % 50}" / f"module_{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"NUMBER = {number}\n" * (1 + number % 100))
        os.utime(file, (OLD, OLD))
    for command in COMMANDS:
        subprocess.run(("git", *command.split()), cwd=root, check=True)
