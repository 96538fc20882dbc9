"""Owns the reading of a job script: which scheduler it is written for, and the profile that its lines describe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typedxp.errors import PlanError
from typedxp.runner.scripts.dialect import Dialect, Option, Taken
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


@dataclass(frozen=True)
class Line:
    """A directive: where it begins, what follows the prefix, and the numbers of the lines that only go on with it."""

    number: int
    prefix: str
    text: str
    rest: tuple[int, ...]


@dataclass(frozen=True)
class _Said:
    """What an option has done: the fields that it has set; None if it was passed through."""

    number: int
    option: Option
    taken: Taken


@dataclass
class Described:
    """The profile that a script describes.

    ``values`` are its fields, and ``lines`` the numbers of the lines that set them; ``directory`` is where the script
    wants to start; ``mode`` is how options are meant just now; ``notes`` say what was left out; ``rest`` are numbers of
    lines that belong to a directive, and are no commands.
    """

    scheduler: str
    path: Path = Path()
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    said: dict[Any, _Said] = field(default_factory=dict)
    directory: str | None = None
    mode: str = ""
    notes: list[str] = field(default_factory=list)
    rest: tuple[int, ...] = ()


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
    if text.startswith("\ufeff"):
        raise PlanError(f"{path} begins with a byte order mark, which hides its first line. To remove it: dos2unix")
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
    for each in DIALECTS.values():
        numbers: dict[str, list[int]] = {}
        for line in directives(script, each):
            numbers.setdefault(line.prefix, []).append(line.number)
        found |= numbers
    return found


def directives(script: Script, dialect: Dialect) -> list[Line]:
    """Find the lines that a scheduler reads."""
    found: list[Line] = []
    lines = iter(enumerate(script.lines, start=1))
    for number, line in lines:
        parts = dialect.directive(line)
        if parts is not None:
            prefix, text = parts
            rest: list[int] = []
            while dialect.loose and text.endswith("\\") and (following := next(lines, None)):
                rest.append(following[0])
                text = text[:-1] + following[1].rstrip()
            found.append(Line(number, prefix, text, tuple(rest)))
        elif not dialect.everywhere and _command(line):
            break
    return found


def _command(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def describe(script: Script, dialect: Dialect) -> Described:
    """Read the lines that a scheduler would read.

    Raises:
        PlanError: nobody knows what counts.
    """
    made = Described(dialect.scheduler, script.path)
    read = directives(script, dialect)
    made.rest = tuple(number for line in read for number in line.rest)
    for line in read:
        made.mode = ""
        for option in dialect.options(line.text):
            _take(made, dialect, option, line.number)
    made.notes += _unread(script, dialect, {number for line in read for number in (line.number, *line.rest)})
    for name, other in dialect.needs.items():
        if name in made.values and other not in made.values:
            del made.values[name]
            _pass(made, made.texts[name], made.lines[name])
    made.values = dialect.settle(made.values)
    return made


def _unread(script: Script, dialect: Dialect, read: Collection[int]) -> Iterator[str]:
    """Tell of lines that look like directives, and are none.

    Raises:
        PlanError: nobody knows whether they are.
    """
    behind = False
    for number, line in enumerate(script.lines, start=1):
        if number not in read and dialect.resembles(line):
            if dialect.unclear and not behind:
                begins = f"{script.path}: line {number} does not begin with {dialect.prefixes[0]} and a blank"
                raise PlanError(f"{begins}: whether {dialect.scheduler} reads it is not known. Write it so.")
            why = "comes after the first command" if behind else f"does not begin as those of {dialect.scheduler} do"
            yield f"line {number} looks like a directive, but {why}: not read."
        behind = behind or (number not in read and _command(line) and not dialect.everywhere)


def _take(made: Described, dialect: Dialect, option: Option, number: int) -> None:
    if option.name in dialect.modes:
        made.mode = dialect.modes[option.name]
        return
    read = dialect.reads.get(f"{made.mode}{option.name}") or dialect.reads.get(option.name)
    if read is None:
        _leave(made, dialect, option, number)
        return
    # Other spellings of an option have the same reader.
    key = (made.mode, read, option.value.partition("=")[0] if option.name in dialect.lists else "")
    single = option.name not in dialect.adds
    if single and key in made.said and not _replaces(made, dialect, made.said[key], option, number):
        return
    taken = read(option.value)
    if taken is None or _other_time(made, dialect, taken):
        taken = None
        _leave(made, dialect, option, number)
    for name, value in (taken or {}).items():
        made.values[name] = _joined(made.values.get(name), value) if isinstance(value, dict) or not single else value
        made.lines[name] = number
        made.texts[name] = option.text if single or name not in made.texts else f"{made.texts[name]} {option.text}"
    made.said[key] = _Said(number, option, taken)


def _replaces(made: Described, dialect: Dialect, before: _Said, option: Option, number: int) -> bool:
    """Whether an option takes the place of what was said before; if so, that is forgotten."""
    both = f"line {before.number} says {before.option.text}, and line {number} {option.text}"
    if dialect.unclear and before.option.value != option.value:
        raise PlanError(f"{made.path}: {both}: which of them {dialect.scheduler} takes is not known. Leave one.")
    if option.name in dialect.first:
        if before.option.value != option.value:
            made.notes.append(f"{both}: {dialect.scheduler} takes the first.")
        return False
    if before.taken is None and before.option.text in made.values.get("directives", ()):
        made.values["directives"].remove(before.option.text)
    for name, value in (before.taken or {}).items():
        if isinstance(value, dict):
            made.values[name] = {key: each for key, each in made.values[name].items() if key not in value}
        else:
            made.values.pop(name, None)
    return True


def _leave(made: Described, dialect: Dialect, option: Option, number: int) -> None:
    """Do with an option what is to be done where no field says it."""
    if option.name in dialect.place:
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
    """Put together what several lines say."""
    if isinstance(before, dict):
        return {**before, **value}
    if isinstance(before, list):
        return [*before, *value]
    return f"{before},{value}" if before not in (None, value) else value


def _pass(made: Described, text: str, number: int) -> None:
    """Pass an option through as it is."""
    made.values["directives"] = [*made.values.get("directives", []), text]
    made.lines.setdefault("directives", number)
