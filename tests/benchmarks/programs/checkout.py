"""Put the files of a snapshot somewhere: `python checkout.py ours|clone`, in a repository of 5,000 files."""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from many_files import make_repository

from typedxp.stages.snapshot.checkout import make_checkout, remove_checkout
from typedxp.stages.snapshot.repository import load_git


def main(how: str) -> None:
    """Write the seconds that it takes to the file `seconds`."""
    root = Path("stores/repository").absolute()
    make_repository(root)
    head = subprocess.run(("git", "rev-parse", "HEAD"), cwd=root, check=True, capture_output=True, text=True)
    # The launcher has loaded it before, to make the snapshot.
    load_git()
    # Beside each other, on one disk.
    with TemporaryDirectory(dir=root.parent) as place:
        start = time.perf_counter()
        if how == "ours":
            make_checkout(Path(place), head.stdout.strip(), root)
        else:
            subprocess.run(("git", "clone", "--quiet", "--shared", str(root), f"{place}/clone"), check=True)
        Path("seconds").write_text(str(time.perf_counter() - start))
        remove_checkout(Path(place))
        Path(place).mkdir()


main(sys.argv[1])
