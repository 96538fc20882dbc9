"""``typedxp gc``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from typedxp.cli.options import json_option, store_option
from typedxp.runner.cleaning import Waste, find_waste
from typedxp.stages.snapshot.references import forget_store
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.vocabulary.telling import tell

_directories: dict[str, Any] = {"type": click.Path(path_type=Path), "multiple": True, "metavar": "DIR"}


@click.command()
@store_option
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be deleted.")
@click.option(
    "--checkouts", **_directories, help="Look into this xp.checkouts as well, which several stores may share."
)
@click.option("--forget", **_directories, help="This directory of runs was deleted: keep no snapshots for it.")
@json_option
def gc(*, store: Path, dry_run: bool, checkouts: tuple[Path, ...], forget: tuple[Path, ...], as_json: bool) -> None:
    """Delete what no run needs: checkouts, snapshots of deleted runs, old files of caches. Runs are never touched."""
    for other in forget if not dry_run else ():
        forget_store(Path.cwd(), other)
    found = find_waste(Store(store), checkouts)
    for waste in found.waste if not dry_run else ():
        waste.remove()
    if as_json:
        rows = [{"what": waste.what, "name": waste.name, "bytes": waste.size} for waste in found.waste]
        print(dump({"deleted": not dry_run, "waste": rows, "notes": found.notes}).decode(), end="")
        return
    for note in found.notes:
        tell(note)
    for waste in found.waste:
        print(_line(waste))
    total = sum(waste.size for waste in found.waste)
    done = "This is a dry run: nothing was deleted." if dry_run else "deleted."
    print(f"{len(found.waste)} thing{'' if len(found.waste) == 1 else 's'}, {_bytes(total)}: {done}")


def _line(waste: Waste) -> str:
    return f"{waste.what:<20}{_bytes(waste.size) if waste.size else '-':>10}  {waste.name}"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
