"""Owns what bash has noted of a script: which lines make the environment of a job, and which have failed.

Commands are noted before they are executed: as they stand in the script, with the variables of the shell that they
speak of. So what a job repeats is what was executed, also in loops, functions and subshells; and what
refers to variables of the job, such as SLURM_CPUS_PER_TASK, has its value there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

_FUNCTIONS = "module|ml|conda|mamba|micromamba|spack"
_ENVIRONMENT = re.compile(
    rf"({_FUNCTIONS}|source|\.|export|unset|ulimit|umask|deactivate)(\s|$)"
    r"|(declare|typeset)\s+-\w*x|set\s+[-+]a(\s|$)|set\s+[-+]o\s+allexport"
    rf"|eval\s.*(\b(modulecmd|lmod|pyenv|direnv|{_FUNCTIONS})\b)"
)
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=", re.ASCII)
_EXPORTS = re.compile(r"(export|declare|typeset)\s|[A-Za-z_]\w*\+?=", re.ASCII)
_BASH = frozenset(
    """
    _ BASHOPTS BASHPID BASH_VERSINFO BASH_VERSION EPOCHREALTIME EPOCHSECONDS EUID GROUPS HOSTNAME HOSTTYPE LINENO
    MACHTYPE OSTYPE PPID RANDOM SECONDS SHELLOPTS SRANDOM UID
    """.split()  # noqa: SIM905 - a line for each would be longer than all the rest
)
"""Variables that bash sets itself, in the job as well."""


@dataclass(frozen=True)
class Noted:
    """A command that was executed: its line, its directory, how it is written, and declarations of what it uses.

    ``itself`` tells that it has not ended: it is the one that asks, or the function that this is in.
    """

    line: int
    directory: str
    command: str
    variables: tuple[str, ...]
    itself: bool = False


@dataclass(frozen=True)
class Failed:
    """A command that failed."""

    code: int
    line: int
    command: str


def noted(directory: Path, position: str) -> list[Noted]:
    """Return what was noted before a position, in the order of its execution."""
    found: list[Noted] = []
    name, _, depth = position.partition(".")
    # Of all that came later, how far out of functions it was; nothing if the last one is the command that asks.
    later = [int(depth)] if depth else []
    while name and "/" not in name:
        try:
            text = (directory / name).read_bytes().decode(errors="surrogateescape")
        except OSError:
            break
        position, line, depth, place, command, *variables = text.rstrip("\0").split("\0")
        itself = all(each > int(depth) for each in later)
        found.append(Noted(int(line), place, command, tuple(variables), itself))
        later = [min(int(depth), *later)] if later else [int(depth)]
        name = position.partition(".")[0]
    return found[::-1]


def failures(file: Path) -> list[Failed]:
    """Return which commands failed."""
    try:
        parts = file.read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []
    rows = zip(parts[::3], parts[1::3], parts[2::3], strict=False)
    return [Failed(int(code), int(line), command) for code, line, command in rows]


def setup_of(notes: Sequence[Noted], script: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return the lines by which a job gets the environment that a command was started in.

    ``environment`` is that of the command: assignments count if they have reached it.
    """
    lines: list[str] = []
    known: dict[str, str] = {}
    counting = [each for each in notes if _genuine(each, script) and (each.itself or not _passing(each.command))]
    for note in _without_repetitions(counting):
        kept = _kept(note.command, environment)
        if kept is None:
            continue
        # Where jobs start differs between schedulers.
        needed = {"": f"cd {quote(note.directory)}"}
        needed |= {_declared(text): text for text in map(_declaration, note.variables) if text}
        lines += [text for name, text in needed.items() if known.get(name) != text]
        known |= needed
        lines.append(kept)
    return lines


def _genuine(note: Noted, script: Sequence[str]) -> bool:
    """Whether a command stands in the script: what `eval` executes does not."""
    word = re.split(r"[\s=]", note.command, maxsplit=1)[0]
    return 0 < note.line <= len(script) and word in script[note.line - 1]


def _without_repetitions(notes: Sequence[Noted]) -> list[Noted]:
    """Leave out assignments that the next turn of a loop has made again: only the last one counts."""
    kept: list[Noted] = []
    for note in notes:
        if _EXPORTS.match(note.command) and _says_all(note.command):
            at = len(kept)
            while at and _EXPORTS.match(kept[at - 1].command):
                at -= 1
                if (kept[at].line, kept[at].command) == (note.line, note.command):
                    del kept[at]
                    break
        kept.append(note)
    return kept


def _says_all(command: str) -> bool:
    """Whether assignments neither go on from what there is, nor are to names that other turns may have otherwise."""
    names = _ASSIGNED.findall(command)
    itself = "+=" in command or any(re.search(rf"\$\{{?{name}\b", command) for name in names)
    return not itself and not any(mark in word.partition("=")[0] for word in _words(command) for mark in "$`")


def _passing(command: str) -> bool:
    """Whether assignments are for one command alone, as in `A=1 python main.py`."""
    words = _assigning(command)
    return 0 < len(list(_leading(words))) < len(words)


def _assigning(command: str) -> list[str]:
    """Part a command into words, without what may stand before assignments."""
    return list(_words(re.sub(r"^((exec|nohup)\s+)*(env\s+)?", "", command)))


def _kept(command: str, environment: Mapping[str, str]) -> str | None:
    """Return what a job does in place of a command; None if that is nothing."""
    if _ENVIRONMENT.match(command):
        return command
    given = [word for word in _leading(_assigning(command)) if environment.get(_name(word)) is not None]
    return f"export {' '.join(given)}" if given else None


def _leading(words: Sequence[str]) -> Iterator[str]:
    """Yield the assignments that a command begins with."""
    for word in words:
        if not _ASSIGNED.match(word) or _name(word) in ("IFS", "_"):
            return
        yield word


def _name(word: str) -> str:
    return word.partition("=")[0].removesuffix("+")


def _words(command: str) -> Iterator[str]:
    """Part a command into words as bash does: quotes, parentheses and braces hold together."""
    word, depth, quote, escaped = "", 0, "", False
    for character in command:
        if character.isspace() and not depth and not quote and not escaped:
            if word:
                yield word
            word = ""
            continue
        word += character
        if escaped or (character == "\\" and quote != "'"):
            escaped = not escaped
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character
        else:
            depth += (character in "({") - (character in ")}")
    if word:
        yield word


def _declared(declaration: str) -> str:
    """Return the name of a variable that was declared; of arguments, there is only one declaration."""
    return _name(" ".join(declaration.split(" ", 2)[2:])) if declaration.startswith("declare") else "set"


def _declaration(noted: str) -> str:
    """Return how a job declares what was noted; empty if it has its own, or gets it by another line."""
    match = re.match(r"declare -(\S+) (\w+)", noted)
    if match is None:
        return noted if noted.startswith("set --") else ""
    if "x" in match[1] or match[2] in _BASH:
        return ""
    return f"declare -{match[1].replace('r', '') or '-'} {noted[match.start(2) :]}"
