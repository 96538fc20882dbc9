"""Owns what goes into a bundle: the files of each run, the code of each snapshot, and what several runs share.

runs/            a store, which typedxp opens as any other
  17/            run.json, config.yaml, status.json, verification.json, inputs.jsonl, metrics/, artifacts/
  documents/     what the schemas of the configs say
code/
  4f2a.../       the files of a snapshot, named by the first 12 digits of its hash
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import TypedxpError
from typedxp.results.export.finished import FinishedRun
from typedxp.runner.bundle.anonymous import Mask
from typedxp.runner.bundle.archive import FILE, LINK, PROGRAM, Part, data_part, file_part
from typedxp.stages.snapshot.contents import Entry, Snapshot
from typedxp.vocabulary.inputs import InputRecord

_LICENCES = ("LICENSE", "LICENCE", "COPYING")


@dataclass(frozen=True)
class BundledCode:
    """The files of the git tree ``tree``. ``place`` is their directory in the bundle, ``licence`` one of them."""

    place: str
    tree: str
    parts: tuple[Part, ...]
    licence: str | None

    def path(self, script: str | None) -> str | None:
        """Return where a file of the tree is in the bundle, if there is one."""
        path = f"{self.place}/{script}"
        return path if script and any(part.path == path for part in self.parts) else None


@dataclass(frozen=True)
class BundledRun:
    """A run and its files: what was planned and became of it, its config, what it logged, what it kept."""

    run: FinishedRun
    documents: tuple[Part, ...]
    config: Part
    metrics: tuple[Part, ...]
    artifacts: tuple[Part, ...]
    inputs: tuple[InputRecord, ...]
    code: BundledCode | None

    @property
    def parts(self) -> tuple[Part, ...]:
        """All files of the run."""
        return (*self.documents, self.config, *self.metrics, *self.artifacts)


def collect_run(run: FinishedRun, code: BundledCode | None, mask: Mask, *, artifacts: bool) -> BundledRun:
    """Find the files of a run. What it printed, and its checkpoints, are left out.

    Raises:
        TypedxpError: a file is damaged.
    """
    place, directory = f"runs/{run.record.id}", run.directory
    documents = [
        data_part(f"{place}/{file.name}", mask.json(file.read_bytes()))
        for file in sorted(directory.path.glob("[!.]*.json"))
    ]
    config = data_part(f"{place}/config.yaml", mask.yaml(directory.read_config_file()))
    metrics = [file_part(f"{place}/metrics/{name}.jsonl", directory.stream(name)) for name in directory.streams()]
    kept = _artifacts(directory.path / "artifacts", f"{place}/artifacts") if artifacts else ()
    inputs = (replace(given, path=mask.text(given.path)) for given in directory.read_inputs().values())
    logged = directory.path / "inputs.jsonl"
    if logged.exists():
        documents.append(data_part(f"{place}/{logged.name}", mask.lines(logged.read_bytes())))
    return BundledRun(run, tuple(documents), config, tuple(metrics), tuple(kept), tuple(inputs), code)


def collect_code(snapshot: Snapshot) -> BundledCode:
    """List the files of a snapshot.

    Raises:
        ResultsError: git refuses, or the tree is not to be trusted.
    """
    tree = snapshot.tree
    place = f"code/{tree[:12]}"
    entries = [entry for entry in snapshot.entries if not entry.submodule]
    top = sorted(entry.path for entry in entries if "/" not in entry.path)
    licence = next((path for path in top if path.partition(".")[0].upper() in _LICENCES), None)
    parts = tuple(_code_part(snapshot, entry, place) for entry in entries)
    return BundledCode(place, tree, parts, f"{place}/{licence}" if licence else None)


def _code_part(snapshot: Snapshot, entry: Entry, place: str) -> Part:
    mode = LINK if entry.link else PROGRAM if entry.executable else FILE
    return Part(f"{place}/{_text(entry.path)}", entry.size, lambda: snapshot.chunks(entry), mode)


def _artifacts(directory: Path, place: str) -> Iterator[Part]:
    """Yield the artifacts with their records; not what is being written, nor anything that a link leads to."""
    hashes = _hashes(directory)
    for above, inner, names in os.walk(directory):
        inner[:] = [name for name in inner if name != ".drafts"]
        for name in names:
            path = Path(above) / name
            if path.is_file() and not path.is_symlink():
                relative = _text(path.relative_to(directory).as_posix())
                yield file_part(f"{place}/{relative}", path, hashes.get(relative))


def _hashes(directory: Path) -> dict[str, str]:
    """Return the hash of every artifact by its name; what is damaged has none."""
    artifacts = Artifacts(directory)
    found = {}
    for name in artifacts.names():
        try:
            found[name] = artifacts.record(name).sha256
        except TypedxpError:
            continue
    return found


def _text(path: str) -> str:
    """Spell what is no text, since names in a zip file are text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
