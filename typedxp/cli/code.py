"""``typedxp code``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from typedxp.cli.options import json_option, store_option
from typedxp.runner.snapshots import open_code, snapshot_of
from typedxp.stages.snapshot.contents import write_files
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunRecord
from typedxp.vocabulary.telling import tell
from typedxp.vocabulary.terminal import show

repository_option = click.option(
    "--repository",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the git repository is now, if it moved.",
)


@click.command()
@click.argument("run", type=click.IntRange(min=1))
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@store_option
@repository_option
@json_option
def code(run: int, directory: Path | None, store: Path, repository: Path | None, *, as_json: bool) -> None:
    """Get the code that RUN was launched from into DIRECTORY, which is empty or not there; or say which code it was."""
    record = Store(store).run(run).read_record()
    if directory is not None:
        with open_code(record, repository) as snapshot:
            write_files(snapshot, directory)
            for note in snapshot.notes:
                tell(note)
        print(directory)
    elif as_json:
        print(dump({"run": run, "code": asdict(record.code) if record.code else None}).decode(), end="")
    else:
        _print(record)


def _print(record: RunRecord) -> None:
    found = record.code
    if found is None:
        print(f"Run {record.id} was not launched from a git repository.")
        return
    known = {
        "repository": found.root,
        "remote": found.remote,
        "branch": found.branch,
        "commit": found.commit,
        "tree": found.tree,
        "snapshot": found.snapshot,
        "script": found.script,
        "changes": {True: f"{len(found.changes) or 'some'} since the commit", False: "none"}.get(found.dirty is True),
    }
    for name, value in known.items():
        if value is not None:
            print(f"{name + ':':<12}{show(value)}")
    for line in found.changes:
        print(f"    {show(line)}")
    if snapshot_of(record) is not None:
        print(f"To get the files: typedxp code {record.id} DIRECTORY")
