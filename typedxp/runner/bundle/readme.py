"""Owns what a bundle says to people: what is in it, how to look at it, and how to run it again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from typedxp.runner.bundle.anonymous import Mask
from typedxp.runner.bundle.collect import BundledCode, BundledRun
from typedxp.runner.bundle.crate import Bundle
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.plan import spell
from typedxp.vocabulary.records import RunRecord

_MOST = 100
"""Runs that are listed one by one."""

_CONTENTS = """
This is an [RO-Crate](https://w3id.org/ro/crate): `ro-crate-metadata.json` describes it for programs, after the profile
[Process Run Crate](https://w3id.org/ro/wfrun/process/0.5).

- `runs/N/config.yaml`: exactly what run N was given. Secrets were never written down.
- `runs/N/run.json`: what was planned: the command, the code, the machine, the data by its hashes. What else it read is
  in `runs/N/inputs.jsonl`.
- `runs/N/status.json`: what became of it. `runs/N/verification.json`: how it compared with doing it again, if it was.
- `runs/N/metrics/*.jsonl`: what it logged, one JSON object per line. `runs/N/artifacts/`: what it kept.
- `runs/documents/`: what several runs have in common: the fields of their configs, and their environment.
"""
_LOOK = """
## Look at it

A text editor is enough. With `pip install typedxp`, `runs` is opened as any store:

    typedxp ls --logs runs
    python -c 'import typedxp; print(typedxp.open_results("runs"))'

"""


def readme(bundle: Bundle, notes: Sequence[str]) -> str:
    """Write the README.md of a bundle; ``notes`` say what is not in it."""
    parts = (
        _contents(bundle.codes),
        _LOOK.splitlines(),
        _again(bundle.runs, bundle.mask),
        _list(bundle.runs),
        _notes(notes),
    )
    return "\n".join([f"# {bundle.title}", *(line for part in parts for line in part)])


def _contents(codes: Sequence[BundledCode]) -> Iterator[str]:
    yield from _CONTENTS.splitlines()
    yield from (f"- `{code.place}/`: the files that were run, the git tree {code.tree}." for code in codes)
    yield ""


def _again(runs: Sequence[BundledRun], mask: Mask) -> Iterator[str]:
    yield "## Run it again"
    yield ""
    yield "With the versions that `runs/N/run.json` and the documents it names tell of, these commands made the runs:"
    yield ""
    commands: dict[str, list[int]] = {}
    for bundled in runs:
        record, code = bundled.run.record, bundled.code
        where = f"cd {shlex.quote(_directory(record, code))} && " if code is not None else ""
        command = f"{where}python {shlex.join(_command(record))}"
        commands.setdefault(mask.text(command, words=False), []).append(record.id)
    for command, numbers in commands.items():
        yield f"    {command}    # {listed(numbers)}"
    yield ""


def _list(runs: Sequence[BundledRun]) -> Iterator[str]:
    yield "## Runs"
    yield ""
    yield "| run | experiment | status | point |"
    yield "| ---: | --- | --- | --- |"
    for bundled in runs[:_MOST]:
        record = bundled.run.record
        point = ", ".join(f"{key}={spell(value)}" for key, value in record.point.items()).replace("|", r"\|")
        yield f"| {record.id} | {record.experiment.name} | {bundled.run.state.status} | {point} |"
    if len(runs) > _MOST:
        yield f"\n... and {len(runs) - _MOST} more: `typedxp ls --logs runs`."
    yield ""


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "## What is not here"
        yield ""
        yield from (f"- {note}" for note in notes)
        yield ""


def _directory(record: RunRecord, code: BundledCode) -> str:
    """Return where in the bundle the command was typed."""
    assert record.code is not None
    inside = os.path.relpath(record.cwd, record.code.root)
    return code.place if inside.startswith("..") else str(PurePosixPath(code.place, inside))


def _command(record: RunRecord) -> list[str]:
    program, *arguments = record.command or ("",)
    root = record.code.root if record.code else None
    if root is not None and program.startswith(f"{root}/"):
        program = os.path.relpath(program, record.cwd)
    return [program, *arguments]
