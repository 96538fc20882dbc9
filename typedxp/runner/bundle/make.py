"""Owns the way from runs to a bundle: collect, mask, describe, write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from typedxp.results.export.finished import FinishedRun, find_finished, load
from typedxp.runner.bundle.anonymous import NO_MASK, Mask, mask_for, mentions, telling_words
from typedxp.runner.bundle.archive import Part, data_part, write_zip
from typedxp.runner.bundle.collect import BundledCode, BundledRun, collect_code, collect_run
from typedxp.runner.bundle.crate import METADATA, Bundle, describe
from typedxp.runner.bundle.readme import readme
from typedxp.runner.snapshots import open_code, snapshot_of
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunRecord

_LARGE = 1_000_000_000
"""Bytes of artifacts that are worth a word, since journals take less."""
_SHOWN = 10


@dataclass(frozen=True)
class Wish:
    """What a bundle should be like. ``licence`` is a URL, or a short name that SPDX knows."""

    artifacts: bool = True
    code: bool = True
    anonymous: bool = False
    licence: str | None = None
    repository: Path | None = None


@dataclass(frozen=True)
class Bundled:
    """A bundle that was written: its size in bytes, and what the user should know of it."""

    size: int
    notes: tuple[str, ...]


def make_bundle(store: Path, ids: Sequence[int], target: Path, wish: Wish) -> Bundled:
    """Write runs of a store that have ended, with all that made them, into one zip file: whole, or not at all.

    The same runs make the same bytes.

    Raises:
        StoreError: one of the runs is not there, or damaged.
        SnapshotError: the code of one is gone.
        ResultsError: one has not ended, the library rocrate is missing, or the file cannot be written.
    """
    # Before anything is read: without it, all would be for nothing.
    load("rocrate.rocrate", "bundle")
    runs = find_finished(store, ids)
    mask = mask_for([run.record for run in runs], store) if wish.anonymous else NO_MASK
    with ExitStack() as opened:
        notes: list[str] = []
        authors: set[str] = set()
        codes = _codes(runs, wish, opened, notes, authors)
        collected = [
            collect_run(run, codes.get(snapshot_of(run.record) or ""), mask, artifacts=wish.artifacts) for run in runs
        ]
        trees = list({code.tree: code for code in codes.values()}.values())
        left_out = _left_out(collected, wish)
        files = [
            *_documents(Store(store), runs, mask),
            *(part for run in collected for part in run.parts),
            *(part for code in trees for part in code.parts),
        ]
        bundle = Bundle(_title(runs), collected, trees, [], _licence(wish), mask)
        text = data_part("README.md", readme(bundle, [*notes, *left_out]).encode("utf-8", "replace"))
        shared = [text, *(part for part in files if part.path.startswith("runs/documents/"))]
        files += [text, data_part(METADATA, describe(replace(bundle, shared=shared)))]
        warnings = _mentions(files, [run.record for run in runs], authors) if wish.anonymous else []
        return Bundled(write_zip(target, files), (*notes, *_large(collected), *warnings))


def _title(runs: Sequence[FinishedRun]) -> str:
    names = sorted({run.record.experiment.name for run in runs})
    numbers = [run.record.id for run in runs]
    if len(numbers) == 1:
        return f"Run {numbers[0]} of {names[0]}"
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    listed = f"{numbers[0]} to {numbers[-1]}" if whole else ", ".join(map(str, numbers))
    return f"Runs {listed} of {', '.join(names)}"


def _codes(
    runs: Sequence[FinishedRun], wish: Wish, opened: ExitStack, notes: list[str], authors: set[str]
) -> dict[str, BundledCode]:
    """Return the code of the runs by the names of their snapshots; add what is to be said of it, and who wrote it."""
    if not wish.code:
        notes.append("The code, which was left out on request.")
        return {}
    found: dict[str, BundledCode] = {}
    without = [str(run.record.id) for run in runs if snapshot_of(run.record) is None]
    if without:
        notes.append(f"The code of run {', '.join(without)}, of which no snapshot was kept.")
    for run in runs:
        name = snapshot_of(run.record)
        if name is not None and name not in found:
            snapshot = opened.enter_context(open_code(run.record, wish.repository))
            found[name] = collect_code(snapshot)
            authors |= snapshot.authors()
            notes += (note for note in snapshot.notes if note not in notes)
    return found


def _documents(store: Store, runs: Iterable[FinishedRun], mask: Mask) -> list[Part]:
    """Return what several runs have in common: what their schemas say, and their environments."""
    digests = {
        digest
        for run in runs
        for digest in (run.record.schema, run.record.environment.document, run.state.environment)
        if digest is not None
    }
    files = ((digest, store.documents / f"{digest}.json") for digest in sorted(digests))
    return [
        data_part(f"runs/documents/{digest}.json", mask.json(file.read_bytes()))
        for digest, file in files
        if file.exists()
    ]


def _left_out(runs: Sequence[BundledRun], wish: Wish) -> list[str]:
    """Say to the readers of a bundle what they will not find in it."""
    notes = ["What the runs printed, and their checkpoints."]
    inputs = sorted({given.path for run in runs for given in run.inputs})
    if inputs:
        more = f" and {len(inputs) - _SHOWN} more" if len(inputs) > _SHOWN else ""
        notes.append(
            f"The data, whose hashes are in `run.json` and `inputs.jsonl`: {', '.join(inputs[:_SHOWN])}{more}."
        )
    if not wish.artifacts:
        notes.append("The artifacts, which were left out on request.")
    return notes


def _large(runs: Sequence[BundledRun]) -> list[str]:
    size = sum(part.size for run in runs for part in run.artifacts)
    return [f"The artifacts are {size / 1e9:.1f} GB: --no-artifacts leaves them out."] if size > _LARGE else []


def _licence(wish: Wish) -> str | None:
    if wish.licence is None or "://" in wish.licence:
        return wish.licence
    return f"https://spdx.org/licenses/{wish.licence}"


def _mentions(files: Sequence[Part], records: Sequence[RunRecord], authors: set[str]) -> list[str]:
    """Say which files still tell who somebody is."""
    found = mentions(files, telling_words(records) | authors)
    more = f", and {len(found) - _SHOWN} more files" if len(found) > _SHOWN else ""
    listed = ", ".join(f"{path} ({word})" for path, word in found[:_SHOWN])
    return [f"Not anonymous yet, since code, metrics and artifacts are never changed: {listed}{more}."] if found else []
