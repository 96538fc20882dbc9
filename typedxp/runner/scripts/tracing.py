"""Owns what happens in a script while bash executes it: which lines change the environment of jobs, and which fail.

A trap of bash's notes such commands before they are executed: as they stand in the script, with the variables of the
shell that they speak of. So what a job repeats is what was executed, also in loops, functions and subshells; and what
refers to variables of the job, such as SLURM_CPUS_PER_TASK, has its value there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

POSITION = "TYPEDXP_SUBMIT_AT"
"""The variable that tells a command behind which note it was started."""
OWN = "TYPEDXP_SUBMIT_BASH_ENV"
"""The variable that holds what BASH_ENV was before."""

_FUNCTIONS = "module ml conda mamba micromamba spack"

# Nothing here starts a process, changes a variable of the script or is shown by `set -x`. Names are odd since functions
# of bash see each other's variables.
PROLOGUE = r"""
if [ -n "${TYPEDXP_SUBMIT_BASH_ENV-}" ]; then
  BASH_ENV=$TYPEDXP_SUBMIT_BASH_ENV
  unset TYPEDXP_SUBMIT_BASH_ENV
  . "$BASH_ENV"
else
  unset BASH_ENV TYPEDXP_SUBMIT_BASH_ENV
fi

__typedxp_own() {
  local __typedxp_each
  for __typedxp_each in "${BASH_SOURCE[@]:2}"; do
    [ "$__typedxp_each" = "$0" ] || return 1
  done
  for __typedxp_each in "${FUNCNAME[@]:2}"; do
    case $__typedxp_each in module | ml | conda | mamba | micromamba | spack) return 1 ;; esac
  done
}

__typedxp_names() {
  local __typedxp_rest=$1 __typedxp_name
  while :; do
    __typedxp_rest=${__typedxp_rest#"${__typedxp_rest%%[A-Za-z_]*}"}
    __typedxp_name=${__typedxp_rest%%[!A-Za-z0-9_]*}
    __typedxp_rest=${__typedxp_rest#"$__typedxp_name"}
    case $__typedxp_name in
      '') return 0 ;;
      __typedxp*) ;;
      *) declare -p "$__typedxp_name" && printf '\0' ;;
    esac
  done
}

__typedxp_variables() {
  local __typedxp_rest=$1
  case $1 in
    *=*) ;;
    export\ * | declare\ * | typeset\ *) __typedxp_names "$1" ;;
  esac
  case $1 in *\$[0-9@*#]* | *\${[0-9@*]* | *\${#[@*}]*)
    printf 'set --'
    [ $# = 1 ] || printf ' %q' "${@:2}"
    printf '\0'
    ;;
  esac
  while [[ $__typedxp_rest == *\$* ]]; do
    __typedxp_rest=${__typedxp_rest#*\$}
    case $__typedxp_rest in
      # There, names have values without being asked for them.
      '(('* | '{'*'['*) __typedxp_names "$__typedxp_rest" && return 0 ;;
      [A-Za-z_]*) __typedxp_names "${__typedxp_rest%%[!A-Za-z0-9_]*}" ;;
      '{'*) __typedxp_names "${__typedxp_rest%%\}*}" ;;
    esac
  done
}

__typedxp_chain() {
  local __typedxp_theirs
  __typedxp_theirs=$(trap -p ERR)
  case $__typedxp_theirs in *__typedxp_failed*) return ;; esac
  eval "set -- ${__typedxp_theirs#trap -- }"
  trap "{ __typedxp_failed \"\$?\" \"\$LINENO\" \"\$BASH_COMMAND\"; } 2>/dev/null || { ${1:-:}
}" ERR
}

__typedxp_trace() {
  case ${__typedxp_trapped-} in 1) __typedxp_trapped= && __typedxp_chain ;; esac
  case ${BASH_COMMAND%%[[:space:]]*} in
    trap) __typedxp_trapped=1 && return 0 ;;
    module | ml | conda | mamba | micromamba | spack | source | . | export | declare | typeset) ;;
    unset | ulimit | umask | eval | deactivate | set | env | [A-Za-z_]*=*) ;;
    *) return 0 ;;
  esac
  __typedxp_own || return 0
  local __typedxp_at=${BASHPID:-$$}-$RANDOM$RANDOM$RANDOM
  {
    printf '%s\0' "${TYPEDXP_SUBMIT_AT-}" "$1" "$PWD" "$BASH_COMMAND"
    __typedxp_variables "$BASH_COMMAND" "${@:2:$#-2}"
  } >"${TYPEDXP_SUBMIT%/*}/trace/$__typedxp_at"
  export TYPEDXP_SUBMIT_AT=$__typedxp_at
}

__typedxp_failed() {
  __typedxp_own && printf '%s\0' "$1" "$2" "$3" >>"${TYPEDXP_SUBMIT%/*}/failed"
  return "$1"
}

set -T -E
trap '{ __typedxp_failed "$?" "$LINENO" "$BASH_COMMAND" || :; } 2>/dev/null' ERR
trap '{ __typedxp_trace "$LINENO" "$@" "$_" || :; } 2>/dev/null' DEBUG
"""
"""What bash reads before the script, by BASH_ENV."""

_ENVIRONMENT = re.compile(
    rf"({_FUNCTIONS.replace(' ', '|')}|source|\.|export|unset|ulimit|umask|deactivate)(\s|$)"
    r"|(declare|typeset)\s+-\w*x|set\s+[-+]a(\s|$)|set\s+[-+]o\s+allexport"
    rf"|eval\s.*(\b(modulecmd|lmod|pyenv|direnv|{_FUNCTIONS.replace(' ', '|')})\b)"
)
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=", re.ASCII)
_EXPORTS = re.compile(r"(export|declare|typeset)\s|[A-Za-z_]\w*\+?=", re.ASCII)


_BASH = frozenset(
    """
    _ BASHOPTS BASHPID BASH_VERSINFO BASH_VERSION EPOCHREALTIME EPOCHSECONDS EUID GROUPS HOSTNAME HOSTTYPE LINENO MACHTYPE
    OSTYPE PPID RANDOM SECONDS SHELLOPTS SRANDOM UID
    """.split()  # noqa: SIM905 - a line for each would be longer than all the rest
)
"""Variables that bash sets itself, in the job as well."""


@dataclass(frozen=True)
class Noted:
    """A command that was executed: its line, its directory, how it is written, and declarations of what it uses."""

    line: int
    directory: str
    command: str
    variables: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """A command that failed."""

    code: int
    line: int
    command: str


def noted(directory: Path, position: str) -> list[Noted]:
    """Return what was noted before a position, in the order of its execution."""
    found = []
    while position and "/" not in position:
        try:
            text = (directory / position).read_bytes().decode(errors="surrogateescape")
        except OSError:
            break
        position, line, place, command, *variables = text.rstrip("\0").split("\0")
        found.append(Noted(int(line), place, command, tuple(variables)))
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
    for note in _without_repetitions([each for each in notes if _genuine(each, script)]):
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


def _kept(command: str, environment: Mapping[str, str]) -> str | None:
    """Return what a job does in place of a command; None if that is nothing."""
    if _ENVIRONMENT.match(command):
        return command
    words = list(_words(command.removeprefix("env ")))
    given = [word for word in _leading(words) if environment.get(_name(word)) is not None]
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
