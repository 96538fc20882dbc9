"""Owns the reading of a job script: which scheduler it is written for, and the profile that its lines describe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typedxp.errors import PlanError
from typedxp.runner.scripts.dialect import Dialect, Option
from typedxp.runner.scripts.local import LOCAL
from typedxp.runner.scripts.lsf import LSF
from typedxp.runner.scripts.oar import OAR
from typedxp.runner.scripts.pbs import MOAB, PBS, TORQUE
from typedxp.runner.scripts.sge import SGE
from typedxp.runner.scripts.slurm import SLURM

DIALECTS: Mapping[str, Dialect] = {each.scheduler: each for each in (SLURM, PBS, TORQUE, SGE, OAR, MOAB, LSF, LOCAL)}
"""How each scheduler reads a script."""

_SHELLS = frozenset({"sh", "bash", "dash"})


@dataclass(frozen=True)
class Script:
    """A script: its lines, and the options of bash that its first line asks for."""

    path: Path
    lines: tuple[str, ...]
    options: tuple[str, ...]


@dataclass
class Described:
    """The profile that a script describes.

    ``values`` are its fields, and ``lines`` the numbers of the lines that set them; ``directory`` is where the script
    wants to start; ``mode`` is how options are meant at last; ``notes`` say what was left out.
    """

    scheduler: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    directory: str | None = None
    mode: str = ""
    notes: list[str] = field(default_factory=list)


def read_script(path: Path) -> Script:
    """Read a script of bash, or sh.

    Raises:
        PlanError: it cannot be read, or is none.
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise PlanError(f"{path} is no text in UTF-8.") from None
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror or error}.") from error
    if "\r\n" in text:
        raise PlanError(f"{path} has the line ends of Windows, which bash takes for words. To remove them: dos2unix")
    lines = text.split("\n")
    return Script(path, tuple(lines), _bash_options(path, lines[0]))


def _bash_options(path: Path, first: str) -> tuple[str, ...]:
    if not first.startswith("#!"):
        return ()
    words = first[2:].split()
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    if not words or Path(words[0]).name not in _SHELLS:
        raise PlanError(f"{path} begins with {first!r}: what can be submitted is a script of bash or sh.")
    return tuple(words[1:])


def kinds(script: Script) -> dict[str, list[int]]:
    """Return the prefixes of directive lines that are in a script, and the numbers of these lines."""
    found: dict[str, list[int]] = {}
    for prefix in dict.fromkeys(prefix for dialect in DIALECTS.values() for prefix in dialect.prefixes):
        everywhere = next(each.everywhere for each in DIALECTS.values() if prefix in each.prefixes)
        last = len(script.lines) if everywhere else header(script)
        numbers = [number for number, line in enumerate(script.lines[:last], start=1) if _after(prefix, line)]
        if numbers:
            found[prefix] = numbers
    return found


def header(script: Script) -> int:
    """Return how many lines there are before the first command."""
    for number, line in enumerate(script.lines):
        if line.strip() and not line.lstrip().startswith("#"):
            return number
    return len(script.lines)


def _after(prefix: str, line: str) -> str | None:
    """Return what follows a prefix; None if the line does not begin with it."""
    return line[len(prefix) :].strip() if re.match(rf"{re.escape(prefix)}(\s|$)", line) else None


def describe(script: Script, dialect: Dialect) -> Described:
    """Read the lines that a scheduler would read."""
    made = Described(dialect.scheduler)
    last = len(script.lines) if dialect.everywhere else header(script)
    for number, line in enumerate(script.lines, start=1):
        directive = next(filter(None, (_after(prefix, line) for prefix in dialect.prefixes)), None)
        if directive is not None and number > last:
            made.notes.append(f"line {number} looks like a directive, but comes after the first command: not read.")
        elif directive is not None:
            for option in dialect.options(directive):
                _take(made, dialect, option, number)
    for name, other in dialect.needs.items():
        if name in made.values and other not in made.values:
            del made.values[name]
            _pass(made, made.texts[name], made.lines[name])
    made.values = dialect.settle(made.values)
    return made


def _take(made: Described, dialect: Dialect, option: Option, number: int) -> None:
    read = dialect.reads.get(f"{made.mode}{option.name}") or dialect.reads.get(option.name)
    taken = read(option.value) if read is not None else None
    if option.name in dialect.modes:
        made.mode = dialect.modes[option.name]
    elif taken is not None and not _other_time(made, dialect, taken):
        for name, value in taken.items():
            made.values[name] = _joined(made.values.get(name), value)
            made.lines[name], made.texts[name] = number, option.text
    elif option.name in dialect.place:
        made.directory = option.value
    elif option.name in dialect.left:
        made.notes.append(f"line {number}: {option.text} is left out: the job of a sweep has its own.")
    else:
        _pass(made, option.text, number)


def _other_time(made: Described, dialect: Dialect, taken: Mapping[str, Any]) -> bool:
    """Whether alternatives of OAR have different walltimes, which no profile can say."""
    several = dialect.style == "line" and "resources" in taken and "resources" in made.values
    return several and taken.get("time") != made.values.get("time")


def _joined(before: Any, value: Any) -> Any:
    """Put together what several lines say; of single values, the last counts."""
    if isinstance(before, dict) and isinstance(value, dict):
        return {**before, **value}
    return [*before, *value] if isinstance(before, list) and isinstance(value, list) else value


def _pass(made: Described, text: str, number: int) -> None:
    """Pass an option through as it is."""
    made.values["directives"] = [*made.values.get("directives", []), text]
    made.lines.setdefault("directives", number)
