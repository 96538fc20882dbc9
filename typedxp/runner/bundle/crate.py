"""Owns the description of a bundle for machines: an RO-Crate after the profile Process Run Crate.

https://w3id.org/ro/wfrun/process/0.5: every run is a ``CreateAction``, whose instrument is the experiment, a
``SoftwareApplication`` with its code as a part, whose objects are its config and inputs, and whose results are what it
recorded.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from typedxp.results.export.finished import load
from typedxp.runner.bundle.anonymous import Mask
from typedxp.runner.bundle.archive import Part
from typedxp.runner.bundle.collect import BundledCode, BundledRun
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.version import VERSION

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
METADATA = "ro-crate-metadata.json"
_SPEC = "1.1"
# Not those of the machine, which another may not have.
_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".nc": "application/x-netcdf",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}


@dataclass(frozen=True)
class Bundle:
    """What is described. ``shared`` are the files of several runs, ``licence`` is the URL of one."""

    title: str
    runs: Sequence[BundledRun]
    codes: Sequence[BundledCode]
    shared: Sequence[Part]
    licence: str | None
    mask: Mask


def describe(bundle: Bundle) -> bytes:
    """Write the description as JSON-LD: the same bytes for the same bundle.

    Raises:
        ResultsError: the library rocrate is not installed.
    """
    made = _Crate(bundle)
    return json.dumps(made.crate.metadata.generate(), indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


class _Crate:
    """A crate that is being filled."""

    def __init__(self, bundle: Bundle) -> None:
        self._library = load("rocrate.rocrate", "bundle")
        self.crate = self._library.ROCrate(version=_SPEC)
        self.crate.metadata.extra_contexts.append(TERMS)
        self._entities: dict[str, Any] = {}
        self._bundle = bundle
        self._describe_root()
        for part in bundle.shared:
            self._file(part)
        self.crate.root_dataset["mentions"] = _one([self._action(run) for run in bundle.runs])

    def _describe_root(self) -> None:
        root, bundle = self.crate.root_dataset, self._bundle
        profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": PROFILE.rpartition("/")[2]}
        root["conformsTo"] = self._entity(PROFILE, **profile)
        root["name"] = bundle.title
        root["description"] = (
            f"{bundle.title}, recorded by typedxp {VERSION}: what each run was given, the code that it ran, where, "
            "and what it recorded. README.md tells how to look at it, and how to run it again."
        )
        # Not when this was written: the same runs make the same crate.
        root["datePublished"] = max(run.run.state.end or run.run.record.created for run in bundle.runs)
        if bundle.licence is not None:
            root["license"] = self._entity(bundle.licence, **{"@type": "CreativeWork", "name": "License"})
        elif licences := [code.licence for code in bundle.codes if code.licence]:
            root["license"] = self._path(
                licences[0], **{"@type": ["File", "CreativeWork"], "name": "License of the code"}
            )
        root["author"] = _one([self._agent(run) for run in bundle.runs])

    def _action(self, bundled: BundledRun) -> Any:
        record, state = bundled.run.record, bundled.run.state
        completed = state.status is RunStatus.COMPLETED
        facts = {
            "@type": "CreateAction",
            "name": f"Run {record.id} of {record.experiment.name}",
            "description": self._bundle.mask.text(shlex.join(record.command), words=False),
            "startTime": state.start,
            "endTime": state.end,
            "instrument": self._tool(bundled),
            "agent": self._agent(bundled),
            "object": _one([self._file(bundled.config), *map(self._input, bundled.inputs)]),
            "result": _one([self._file(part) for part in (*bundled.metrics, *bundled.artifacts) if not _hidden(part)]),
            "subjectOf": _one([self._file(part) for part in bundled.documents]),
            "actionStatus": f"http://schema.org/{'Completed' if completed else 'Failed'}ActionStatus",
            "error": None if completed else self._bundle.mask.text(state.cause or str(state.status)),
        }
        return self._entity(f"#run-{record.id}", **facts)

    def _tool(self, bundled: BundledRun) -> Any:
        record, code = bundled.run.record, bundled.code
        name = f"#{record.experiment.name}" + (f"-{code.tree[:12]}" if code else "")
        if name in self._entities:
            return self._entities[name]
        remote = record.code.remote if record.code and not self._bundle.mask.paths else None
        facts = {
            "@type": "SoftwareApplication",
            "name": record.experiment.name,
            "softwareVersion": code.tree if code else None,
            "url": {"@id": remote} if remote and remote.startswith("https://") else None,
            "hasPart": _one(self._code(code, record.code.script if record.code else None)) if code else None,
            "softwareRequirements": f"Python {record.environment.python}, typedxp {record.environment.typedxp}",
        }
        return self._entity(name, **facts)

    def _code(self, code: BundledCode, script: str | None) -> list[Any]:
        if code.place not in self._entities:
            said = f"The files of the git tree {code.tree}."
            made = self.crate.add_dataset(dest_path=code.place, properties={"name": "Code", "description": said})
            self._entities[code.place] = made
        found = [self._entities[code.place]]
        if path := code.path(script):
            facts = {"@type": ["File", "SoftwareSourceCode"], "encodingFormat": "text/x-python", "version": code.tree}
            found.append(self._path(path, **facts, name=PurePosixPath(path).name))
        return found

    def _agent(self, bundled: BundledRun) -> Any:
        user = self._bundle.mask.text(bundled.run.record.environment.user)
        return self._entity(f"#person-{user}", **{"@type": "Person", "name": user})

    def _file(self, part: Part) -> Any:
        return self._path(
            part.path,
            **{
                "@type": "File",
                "name": PurePosixPath(part.path).name,
                "contentSize": str(part.size) if part.size else None,
                "encodingFormat": _encoding(part.path),
                "sha256": part.sha256,
            },
        )

    def _path(self, path: str, /, **facts: Any) -> Any:
        """Describe a file of the crate, once."""
        if path not in self._entities:
            made = self.crate.add_file(dest_path=path, properties=_known(facts))
            self._entities[path] = made
        return self._entities[path]

    def _entity(self, name: str, /, **facts: Any) -> Any:
        """Describe something that is no file, once."""
        if name not in self._entities:
            entity = load("rocrate.model.contextentity", "bundle").ContextEntity
            self._entities[name] = self.crate.add(entity(self.crate, name, properties=_known(facts)))
        return self._entities[name]

    def _input(self, record: InputRecord) -> Any:
        """Describe data that is not in the crate: what it was called, and the hash by which it is known again."""
        facts = {
            "@type": "CreativeWork",
            "name": record.path,
            "contentSize": str(record.size),
            "identifier": f"{record.algorithm}:{record.digest}",
            "sha256": record.digest if record.algorithm == "sha256" and record.files is None else None,
        }
        return self._entity(f"#input-{record.digest[:16]}", **facts)


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _one(items: Sequence[Any]) -> Any:
    """Return the items, each once: one alone needs no list, and none is nothing."""
    unique = list({id(item): item for item in items}.values())
    return unique[0] if len(unique) == 1 else unique or None


def _hidden(part: Part) -> bool:
    """Whether it is the record of an artifact, which it lies beside."""
    return PurePosixPath(part.path).name.startswith(".")


def _encoding(path: str) -> str | None:
    return _TYPES.get(PurePosixPath(path).suffix.lower())
