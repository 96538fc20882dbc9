"""Owns Hydra's global state: it is ours for a while, and afterwards what it was before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TURN = threading.RLock()
"""The state is one for the whole process: whoever composes in another thread waits."""


@contextmanager
def own_hydra() -> Iterator[None]:
    """Give Hydra a state of its own: its singletons and resolvers, with a copy of the ConfigStore."""
    with _TURN, _own_singletons(), _own_resolvers():
        yield


@contextmanager
def _own_resolvers() -> Iterator[None]:
    from hydra.core.utils import setup_globals
    from omegaconf.basecontainer import BaseContainer

    resolvers = BaseContainer._resolvers  # noqa: SLF001 - OmegaConf can only remove one by its name
    before = dict(resolvers)
    setup_globals()
    try:
        yield
    finally:
        resolvers.clear()
        resolvers.update(before)


@contextmanager
def _own_singletons() -> Iterator[None]:
    import hydra_zen
    from hydra import version
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.plugins import Plugins
    from hydra.core.singleton import Singleton
    from hydra.core.utils import JobRuntime

    # Hydra's plugins put their own nodes into the ConfigStore once, when they are looked for first.
    Plugins.instance()
    hydra_zen.store.add_to_hydra_store(overwrite_ok=True)
    ours: tuple[Any, ...] = (ConfigStore, GlobalHydra, HydraConfig, JobRuntime, version.VersionBase)
    instances = Singleton._instances  # noqa: SLF001 - there is no other way to have it for a while only
    repository = _copy_groups(ConfigStore.instance().repo)
    before = {kind: instances.pop(kind) for kind in ours if kind in instances}
    try:
        version.setbase("1.3")
        ConfigStore.instance().repo = repository
        yield
    finally:
        for kind in ours:
            instances.pop(kind, None)
        instances.update(before)


def _copy_groups(repository: dict[str, Any]) -> dict[str, Any]:
    return {name: _copy_groups(entry) if isinstance(entry, dict) else entry for name, entry in repository.items()}
