"""Keep a working tree of 5,000 files: `python snapshot.py ours|status|stash clean|dirty|again`."""

import subprocess
import sys
import time
from pathlib import Path

from many_files import make_repository

from typedxp.stages.snapshot.repository import load_git
from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.vocabulary.settings import Settings


def change(root: Path, state: str) -> None:
    """Bring the working tree into a state: with nothing to commit, newly changed, or changed long ago and kept."""
    subprocess.run(("git", "checkout", "--quiet", "."), cwd=root, check=True)
    for number in range(0 if state == "clean" else 20):
        file = root / f"package_{number}" / f"module_{number}.py"
        # What nobody has kept yet, or what the last time has kept.
        file.write_text(f"NUMBER = {time.time_ns() if state == 'dirty' else 'None'}\n" * 50)
    subprocess.run(("git", "status"), cwd=root, check=True, capture_output=True)
    if state == "again":
        # Files that have just changed may change once more without showing it.
        time.sleep(2.1)


def main(how: str, state: str) -> None:
    """Write the seconds that it takes to the file `seconds`."""
    root = Path("stores/snapshots").absolute()
    make_repository(root)
    change(root, state)
    # What is loaded once is measured by the row `script`.
    load_git()
    settings = Settings(logs=root / "logs")
    if state != "dirty":
        take_snapshot(root, settings)
    start = time.perf_counter()
    if how == "ours":
        assert take_snapshot(root, settings).note is None
    else:
        command = {"status": ("git", "status"), "stash": ("git", "stash", "create")}[how]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    Path("seconds").write_text(str(time.perf_counter() - start))


main(*sys.argv[1:])
