"""Owns Hydra: the schema in its ConfigStore, the composition of one combination of group choices.

Hydra's state is global. A :class:`Composer` is a context in which it is ours, and after which it is what it was before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, Problem
from typedxp.stages.compose.complete import Completer
from typedxp.stages.compose.mirror import Mirror, groups
from typedxp.stages.compose.sources import Mark, Source, marks, remember_texts
from typedxp.stages.compose.state import own_hydra
from typedxp.vocabulary.schema import Key, Model, Option
from typedxp.vocabulary.tree import copy, leaves, put

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.defaults_list import DefaultsList
    from hydra.core.config_search_path import ConfigSearchPath


PROFILE = "xp/profile"
"""The config group of cluster profiles."""


@dataclass(frozen=True)
class Composition:
    """One combination of group choices, composed: plain values and where they came from.

    ``members`` says which model each config group holds, where that is known.
    """

    values: dict[str, Any]
    choices: Mapping[str, str | None]
    members: Mapping[Key, Model]
    marks: Mapping[Key, Mark]

    def without(self, key: Key) -> Composition:
        """Return this composition with null at the config group ``key``."""
        values = copy(self.values)
        put(values, key, None)
        group = "/".join(key)
        choices = {name: choice for name, choice in self.choices.items() if not f"{name}/".startswith(f"{group}/")}
        members = {place: model for place, model in self.members.items() if place[: len(key)] != key}
        nothing = {group: None} if group != PROFILE else {}
        return replace(self, values=values, choices={**choices, **nothing}, members=members)


@dataclass
class Composer:
    """What can be composed: a schema over YAML files. Use it as a context."""

    name: str
    schema: Model | None
    settings: Mapping[str, Any]
    directory: Path | None = None
    config_name: str | None = None
    more_directories: Sequence[Path] = ()
    options: Sequence[Option] = ()
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The options of the config group ``xp/profile``, by name; YAML files of the project take their places."""
    searchpath: tuple[str, ...] = ()
    """More places of YAML files, in Hydra's words; ``hydra.searchpath`` of the primary config unless given."""
    mirror: Mirror | None = field(default=None, init=False)

    @cached_property
    def loader(self) -> ConfigLoaderImpl:
        """Hydra's loader over our search path."""
        from hydra._internal.utils import create_config_search_path
        from hydra.core.config_search_path import SearchPathQuery

        path = create_config_search_path(str(self.directory) if self.directory else None)
        places = [("command-line", f"file://{directory.absolute()}") for directory in self.more_directories]
        for provider, place in [*places, *(("hydra.searchpath", place) for place in self.searchpath)]:
            # The schema stays last, where Hydra expects it.
            path.prepend(provider, place, SearchPathQuery(provider="schema"))
        return _loader(path, self.config_name)

    def search(self, places: Sequence[str]) -> None:
        """Look for YAML files in these places, too."""
        self.searchpath = tuple(places)
        self.__dict__.pop("loader", None)

    @property
    def main(self) -> str:
        """The name of the primary config, which holds the defaults list."""
        return f"{self.name}_main"

    @contextmanager
    def active(self) -> Iterator[Composer]:
        """Make Hydra ours for a while.

        Raises:
            ConfigError: a directory or the primary config is missing.
        """
        from hydra.core.utils import JobRuntime

        with own_hydra():
            JobRuntime.instance().set("name", self.name)
            self._check_directories()
            self._register()
            yield self

    def is_group(self, key: str) -> bool:
        """Whether Hydra knows ``key`` as a config group."""
        return bool(self.group_options(key))

    def group_options(self, group: str) -> list[str]:
        """Name the options of a config group."""
        from hydra.core.object_type import ObjectType

        # Not the loader, which copies all that it knows for each question.
        return list(self.loader.repository.get_group_options(group, ObjectType.CONFIG))

    def group_names(self, parent: str = "") -> list[str]:
        """Name all config groups, nested ones included."""
        from hydra.core.object_type import ObjectType

        names: list[str] = []
        for child in self.loader.repository.get_group_options(parent, ObjectType.GROUP):
            group = f"{parent}/{child}" if parent else child
            if not _is_hydras(group):
                names += [group] if self.is_group(group) else []
                names += self.group_names(group)
        return sorted(names)

    def compose(self, overrides: Sequence[str]) -> Composition:
        """Compose one combination of group choices.

        Raises:
            ConfigError: Hydra refuses it, or a YAML file cannot be read.
        """
        with self.translated():
            values, defaults = self._load(list(overrides))
            choices = {
                g: choice
                for g, choice in defaults.overrides.known_choices.items()
                if not _is_hydras(g) and g != PROFILE
            }
            values.pop("hydra", None)
            found = marks(self._sources(defaults))
        if self.schema is None:
            remember_texts(values, found)
            return Composition(values, choices, {}, found)
        assert self.mirror is not None
        completer = Completer(self.mirror.members, choices)
        completer.complete(values, self.schema)
        found = {self.schema.spelled(key): mark for key, mark in found.items()}
        remember_texts(values, found)
        return Composition(values, choices, completer.members, found)

    def _load(self, overrides: list[str]) -> tuple[dict[str, Any], DefaultsList]:
        """Let Hydra compose, without its own config where nothing speaks of it: that would be most of the work."""
        from hydra._internal.defaults_list import create_defaults_list
        from hydra.core.hydra_config import HydraConfig
        from hydra.errors import HydraException
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        loader = self.loader
        parsed, repository = loader._parse_overrides_and_create_caching_repo(self.main, overrides)  # noqa: SLF001
        try:
            defaults = create_defaults_list(repository, self.main, parsed, prepend_hydra=False, skip_missing=False)
            config = loader._compose_config_from_defaults_list(defaults.defaults, repository)  # noqa: SLF001
            values: Any = OmegaConf.to_container(config, resolve=False)
            if not any(isinstance(value, str) and "${hydra:" in value for _, value in leaves(values)):
                return values, defaults
        except HydraException:
            # An `override hydra/job_logging: ...` wants Hydra's config; any other mistake is one there, too.
            pass
        config = self.loader.load_configuration(self.main, overrides, RunMode.RUN)
        HydraConfig.instance().set_config(config)
        values = OmegaConf.to_container(config, resolve=False)
        return values, self.loader.compute_defaults_list(self.main, overrides, RunMode.RUN)

    def prepare_references(self, overrides: Sequence[str]) -> None:
        """Let ``${hydra:...}`` refer to Hydra's own config of a composition, which is not made where nobody asks."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        if not HydraConfig.initialized():
            with self.translated():
                config = self.loader.load_configuration(self.main, list(overrides), RunMode.RUN)
                HydraConfig.instance().set_config(config)

    def hydra_tree(self, overrides: Sequence[str]) -> dict[str, Any]:
        """Return Hydra's own part of a composed config, without the templates of its help."""
        from hydra._internal.hydra import Hydra
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        with self.translated():
            config = self.loader.load_configuration(self.main, list(overrides), RunMode.RUN)
            tree: dict[str, Any] = OmegaConf.to_container(Hydra.get_sanitized_hydra_cfg(config), resolve=False)["hydra"]  # type: ignore[index, call-overload, assignment]
        return tree

    def _check_directories(self) -> None:
        problems = [
            Problem("", str(directory), "config directory", "There is no such directory.")
            for directory in [self.directory, *self.more_directories]
            if directory is not None and not directory.is_dir()
        ]
        if problems:
            raise ConfigError(self.name, problems)

    def _register(self) -> None:
        """Put the schema and all options into Hydra's ConfigStore, by way of hydra-zen."""
        from hydra_zen import ZenStore

        store = ZenStore(name="typedxp", overwrite_ok=True, deferred_hydra_store=True)
        defaults: list[Any] = []
        chosen = self._chosen_by_user()
        if self.schema is not None:
            starts = self._mirror(self.schema)
            assert self.mirror is not None
            for node in self.mirror.nodes:
                store(node.content, group=node.group or None, name=node.name, to_config=_as_it_is)
            defaults.append(f"{self.name}_schema")
            defaults += [{group: choice} for group, choice in starts.items() if group not in chosen]
        else:
            for option in self.options:
                store(option.value, group=option.group, name=option.name, to_config=_as_it_is)
        nearer = set(self.group_options(PROFILE))
        for name, profile in self.profiles.items():
            # Hydra would merge it with a YAML file of the same name.
            if name not in nearer:
                store(dict(profile), group=PROFILE, name=name, to_config=_as_it_is)
        if PROFILE not in chosen:
            defaults.append({PROFILE: None})
        # The primary config is about everything, wherever its file lies.
        defaults += [f"{self.config_name.removesuffix('.yaml')}@_global_"] if self.config_name else []
        # The settings come first, so that YAML files may change them.
        store({"xp": dict(self.settings)}, name=f"{self.name}_settings", to_config=_as_it_is)
        main = {"defaults": [f"{self.name}_settings", *defaults, "_self_"]}
        store(main, name=self.main, to_config=_as_it_is)
        store.add_to_hydra_store(overwrite_ok=True)

    def _mirror(self, schema: Model) -> dict[str, str | None]:
        optional = {"/".join(key) for key, _ in groups(schema)}
        self.mirror = Mirror(schema, frozenset(group for group in optional if self._has_alternatives(group)))
        return self.mirror.build(f"{self.name}_schema", self.options)

    def _has_alternatives(self, group: str) -> bool:
        return any(option.group == group for option in self.options) or self.is_group(group)

    def _chosen_by_user(self) -> set[str]:
        """Name the groups for which the user's own primary config chooses an option; search where it says."""
        from omegaconf import OmegaConf

        if self.config_name is None:
            return set()
        with self.translated():
            loaded = self.loader.repository.load_config(self.config_name)
        if loaded is None:
            raise ConfigError(self.name, [Problem("", self.config_name, "config name", self._no_config())])
        places = OmegaConf.select(loaded.config, "hydra.searchpath") if OmegaConf.is_dict(loaded.config) else None
        if places and not self.searchpath:
            self.search(list(places))
        with self.translated():
            return set(self._chosen_in(self.config_name, set(), "_global_"))

    def _chosen_in(self, name: str, seen: set[str], package: str | None = None) -> Iterator[str]:
        """Name the groups that the defaults list of a YAML file chooses from, with those of the files it includes."""
        from hydra.core.default_element import ConfigDefault, GroupDefault

        seen.add(name)
        loaded = self.loader.repository.load_config(name)
        above = name.rpartition("/")[0]
        if loaded is None or (above and "_global_" not in (package, loaded.header.get("package"))):
            # What a file in a directory chooses is put into the package of that directory.
            return
        for entry in loaded.defaults_list or ():
            if isinstance(entry, GroupDefault) and not entry.override:
                yield _absolute(str(entry.group), above)
            elif isinstance(entry, ConfigDefault) and entry.path not in (None, "_self_"):
                path = _absolute(str(entry.path), above)
                yield from self._chosen_in(path, seen, entry.package) if path not in seen else ()

    def _no_config(self) -> str:
        names = sorted(name for name in self.group_options("") if not name.startswith((f"{self.name}_", "_")))
        place = f"There is no such YAML file in {self.directory}" if self.directory else "There is no such config"
        return f"{place}. There are: {', '.join(names) or 'none'}."

    def _sources(self, defaults: DefaultsList) -> list[Source]:
        """Name the YAML files that take part in a composition, in the order in which they are merged."""
        if self.directory is None and not self.more_directories:
            return []
        found: list[Source] = []
        for default in defaults.defaults:
            if default.config_path is None or _is_hydras(default.config_path):
                continue
            loaded = self.loader.repository.load_config(default.config_path)
            if loaded is not None and loaded.path.startswith("file://"):
                path = Path(loaded.path.removeprefix("file://"), f"{default.config_path.removesuffix('.yaml')}.yaml")
                found.append(Source(path, default.package or ""))
        return found

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the errors of foreign libraries into ours, where they enter."""
        from hydra.errors import HydraException
        from omegaconf.errors import OmegaConfBaseException
        from yaml import YAMLError

        try:
            yield
        except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
            cause = error.__cause__ if not str(error).strip() and error.__cause__ else error
            raise ConfigError(self.name, [self._problem(str(cause).strip())]) from error

    def _problem(self, message: str) -> Problem:
        if match := _NOT_CHOSEN.search(message):
            group = match[1]
            keys = {"/".join(key) for key, _ in groups(self.schema)} if self.schema is not None else set()
            inner = (
                "No option that is chosen above it has it." if group in keys else f"To add it, write +{group}=OPTION."
            )
            return Problem(group, "", "", f"There is no such entry in the defaults list. {inner}")
        # Hydra's own advice, and OmegaConf's facts about itself, would mislead.
        lines = [line for line in message.splitlines() if line.strip() and not _NOISE.match(line)]
        return Problem("", "composition", "", "\n".join(lines))


_NOT_CHOSEN = re.compile(r"Could not (?:override|delete) '([^']+)'")
_NOISE = re.compile(r"\s*(To append|full_key:|object_type=|reference_type=)")


def _loader(path: ConfigSearchPath, config_name: str | None) -> ConfigLoaderImpl:
    """Make Hydra's loader; the user's own primary config may do what Hydra lets only the primary one do."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    class Loader(ConfigLoaderImpl):
        def _load_single_config(self, default: Any, repo: Any) -> Any:
            if config_name is not None and default.config_path == config_name.removesuffix(".yaml"):
                default = replace(default, primary=True)
            return super()._load_single_config(default, repo)

    return Loader(path)


def _absolute(path: str, above: str) -> str:
    return path.lstrip("/") if path.startswith("/") or not above else f"{above}/{path}"


def _is_hydras(path: str) -> bool:
    return path == "hydra" or path.startswith(("hydra/", "hydra@"))


def _as_it_is(node: Any) -> Any:
    return node
