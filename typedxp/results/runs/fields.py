"""Owns the fields: everything that can be asked of a run by a dotted name, with a value for each run.

A field is a fact (``status``, ``code.commit``), a value of the config (``config.optimizer.lr``), or a number of a
metric (``metrics.train.loss.last``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from typedxp.errors import ResultsError, nearest
from typedxp.results.runs.commands import Commands
from typedxp.results.runs.table import Fact, Ints, Table
from typedxp.results.runs.tabulate import ARRAYS, CHOICE, COMMAND, CONFIG, DIRECTORY, POINT
from typedxp.results.sources.choose import Source

ENVIRONMENT = ("host", "user", "platform", "python", "executable", "typedxp")
FACTS = (
    *("run", "status", "experiment", "tags", "cause", "error", "exit_code", "signal", "attempt"),
    *("created", "start", "end", "wall", "user_time", "system_time", "peak_memory", "host", "job"),
    *("code", "code.commit", "code.branch", "code.dirty", "code.tree", "experiment.file", "cwd", "sweep", "digest"),
    *("schema", "rerun_of", "verified"),
    *(f"environment.{name}" for name in ENVIRONMENT),
)
"""The facts that every run may have, whether or not one here has them."""

_INTERNAL = {DIRECTORY, COMMAND, CONFIG, ARRAYS, "labels", "metrics"}
_CONFIG = "config."
_METRICS = "metrics."
_EXTREMES = ("last", "min", "max")
_NUMBERS = {"bool", "int", "float"}


class Fields:
    """The fields of the runs of a table, one of a source; metrics are read when they are asked for."""

    def __init__(self, source: Source, table: Table) -> None:
        self.source = source
        self.table = table
        self._commands = Commands(table, source.load_config)
        self._found: dict[str, Fact] = {}

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The names of the facts."""
        others = (name for name in self.table.facts if not name.startswith((POINT, CHOICE)) and name not in _INTERNAL)
        return tuple(dict.fromkeys([*FACTS, *others]))

    @cached_property
    def config(self) -> tuple[str, ...]:
        """The names of the values in the configs, and of the options of config groups."""
        return tuple(_CONFIG + key for key in self._commands.keys)

    @cached_property
    def metrics(self) -> dict[str, tuple[str, str, str]]:
        """The names of the numbers of metrics, each with its stream, its column, and which number it is."""
        return {
            f"{_METRICS}{stream}.{column}.{which}": (stream, column, which)
            for stream in self.table.streams
            for column, kinds in self.kinds(stream).items()
            for which in (_EXTREMES if not kinds.isdisjoint(_NUMBERS) else _EXTREMES[:1])
        }

    def kinds(self, stream: str) -> dict[str, set[str]]:
        """Return the columns of a stream that are no arrays, each with the kinds of its values."""
        found: dict[str, set[str]] = {}
        arrays = set()
        for columns in self.table.streams[stream].columns.used:
            for column, summary in columns.items():
                found.setdefault(column, set()).update(summary["kinds"])
                if summary["sizes"]:
                    arrays.add(column)
        return {column: kinds for column, kinds in found.items() if column not in arrays and not column.startswith("_")}

    def find(self, name: str) -> str:
        """Return the full name of a field; without ``config.`` or ``metrics.``, and by its last parts, where clear.

        Facts come before values of the config, and these before metrics.

        Raises:
            ResultsError: there is no such field, or several could be meant.
        """
        if name in self.facts or (name.startswith(_METRICS) and name in self.metrics) or self._is_swept(name):
            return name
        for known, prefix in ((self.config, _CONFIG), (tuple(self.metrics), _METRICS)):
            if found := _named(name, known, prefix):
                return found
        full = self._hidden(name.removeprefix(_CONFIG))
        if full is None:
            raise ResultsError(self._describe_absence(name))
        return full

    def fact(self, name: str, runs: Ints | None = None) -> Fact:
        """Return the values of a field, by its full name, of some runs or of all; only metrics are read anew."""
        chosen = np.arange(len(self.table)) if runs is None else runs
        if name in self.metrics:
            return self._read(name, chosen)
        if name not in self._found:
            self._found[name] = self._config(name) if name.startswith(_CONFIG) else self._fact(name)
        return self._found[name].take(chosen)

    def _fact(self, name: str) -> Fact:
        if name == "run":
            return Fact(tuple(self.table.ids.tolist()), np.arange(len(self.table)))
        return self.table.fact(COMMAND if name == "sweep" else name)

    def _config(self, name: str) -> Fact:
        return self._commands.fact(name.removeprefix(_CONFIG), thorough=True)

    def _read(self, name: str, runs: Ints) -> Fact:
        # What reads metrics is made with classes of xarray, and most questions are about something else.
        from typedxp.results.runs.extremes import read_extreme

        return read_extreme(self.table, self.source.root, self.source.cache, self.metrics[name], runs)

    def _is_swept(self, name: str) -> bool:
        """Tell whether a name is that of a key that some run has without a look into its config."""
        key = name.removeprefix(_CONFIG)
        return key != name and any(prefix + key in self.table.facts for prefix in (POINT, CHOICE))

    def _hidden(self, key: str) -> str | None:
        """Return the field of what is no value by itself: an old name of a key, a part of a list, a section."""
        if (newest := self.source.history.current(key)) != key:
            return self.find(_CONFIG + newest)
        return _CONFIG + key if self._config(_CONFIG + key).present.any() else None

    def _describe_absence(self, name: str) -> str:
        if name.startswith(_METRICS) or name.endswith(tuple(f".{which}" for which in _EXTREMES)):
            known: Sequence[str] = tuple(self.metrics)
        else:
            known = self.config if name.startswith(_CONFIG) else (*self.facts, *self.config)
        ends = Counter(field.rpartition(".")[2] for field in known)
        clear = (end for end, count in ends.items() if count == 1)
        hint = f"{nearest(name, {*known, *clear})} " if known else ""
        return (
            f"No run has a field {name!r}. {hint}`typedxp fields` and typedxp.fields({str(self.source.root)!r}) "
            "list all; text is written in quotes."
        )


def _named(name: str, known: Sequence[str], prefix: str) -> str | None:
    """Return the one of the known names that is meant, if any: the name itself, with the prefix, or ending so."""
    for full in (name, prefix + name):
        if full in known:
            return full
    ending = [full for full in known if full.endswith(f".{name}")]
    if len(ending) > 1:
        raise ResultsError(f"{name!r} may be one of {', '.join(ending)}: write more of it.")
    return ending[0] if ending else None
