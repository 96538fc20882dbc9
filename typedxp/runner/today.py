"""Owns what of today goes into runs that are made again: the code in the working tree, and the environment."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from typedxp.errors import StoreError, TypedxpError
from typedxp.runner.surroundings import environment_of
from typedxp.stages.allocate import this_environment
from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.differing import differing_environments, differing_facts
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.records import Code, Environment, RunRecord


class Today:
    """Looks at today's code and environment, at each once for all runs that are made again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._codes: dict[Path, Code | None] = {}
        self._environments: dict[tuple[str | None, tuple[str, ...]], EnvironmentDocument] = {}
        self.facts = this_environment()

    def code(self, record: RunRecord) -> Code | None:
        """Keep the code that the experiment of a run has now; None if it cannot be kept."""
        # To load it is to load pydantic.
        from typedxp.vocabulary.settings import Settings

        script = Path(record.experiment.file) if record.experiment.file is not None else None
        place = script.parent if script is not None else Path(record.cwd)
        if place not in self._codes:
            self._codes[place] = None
            with suppress(TypedxpError):
                self._codes[place] = take_snapshot(place, Settings(logs=self._store.path), script).code
        return self._codes[place]

    def environment(self, record: RunRecord, before: EnvironmentDocument | None) -> EnvironmentDocument:
        """Describe the environment that a run has now, with the variables that were recorded ``before``."""
        # To load it is to load pydantic.
        from typedxp.vocabulary.settings import Settings

        names = tuple(before.variables) if before is not None else ()
        key = (record.code.root if record.code is not None else None, names)
        if key not in self._environments:
            settings = Settings(logs=self._store.path, env=list(names))
            self._environments[key] = environment_of(settings, record.code)
        return self._environments[key]


def environment_before(store: Store, directory: RunDirectory, record: RunRecord) -> EnvironmentDocument | None:
    """Return what was written of the environment in which a run was executed; None if nothing was, or it is gone."""
    with suppress(StoreError):
        digest = directory.read_status().environment or record.environment.document
        return store.read_environment(digest) if digest is not None else None
    return None


def differing(
    before: tuple[Environment, EnvironmentDocument | None], after: tuple[Environment, EnvironmentDocument]
) -> tuple[str, ...]:
    """Say in lines what differs between two environments, as far as it is known of the first."""
    facts, document = before
    if document is None:
        return tuple(differing_facts(facts, after[0]))
    return (*differing_facts(facts, after[0], ("host", "typedxp")), *differing_environments(document, after[1]))
