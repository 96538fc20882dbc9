"""Owns how the stand-in for Grid Engine reads the lines of scripts, and the words it answers in."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from getpass import getuser
from pathlib import Path
from xml.sax.saxutils import escape

from typedxp.testing.standin import Cause, FakeElement, FakeJob, Phase, Refused


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FLAGS = frozenset({"terse", "V", "notify", "soft", "hard", "h", "cwd", "clear"})
_VALUES = frozenset(
    _split(
        """
        A M N P R S a ac ar binding c ckpt dc dl e hold_jid hold_jid_ad i j js l m masterq now o p pe q r sc shell sync
        t tc v w wd
        """
    )
)
_BAD_LETTERS = {"@": "At", ":": "Colon", "\\": "Backslash", "*": "Asterisk", "?": "Questionmark"}
_FAILED = {
    Cause.CANCELLED: (100, 137),
    Cause.TIMEOUT: (37, 137),
    Cause.OUT_OF_MEMORY: (37, 137),
    Cause.NODE_FAILED: (19, 0),
    Cause.PREEMPTED: (25, 0),
    Cause.NO_OUTPUT: (26, 0),
}
_WORDS = {
    19: "before writing exit_status",
    25: "rescheduling",
    26: "opening input/output file",
    28: "changing into working directory",
    30: "application error returned",
    37: "qmaster enforced h_rt, h_cpu, or h_vmem limit",
    100: "assumedly after job",
}
RESCHEDULE, _ERROR = 99, 100
"""Exit codes that mean something."""
LINE = "=" * 62

# Lines of a script


def read_script(path: str) -> str:
    """Read a script, or refuse it as qsub does."""
    try:
        return Path(path).read_text()
    except OSError as error:
        said = f"Unable to read script file because of error: error opening {path}: {error.strerror}\n"
        raise Refused(14, said) from error


def directives(text: str) -> Iterator[str]:
    """Go through the words of the directives, wherever they are: quotes keep words together, nothing escapes them."""
    for line in text.splitlines():
        if line.startswith("#$"):
            words = shlex.shlex(line.removeprefix("#$"), posix=True, punctuation_chars=False)
            words.whitespace_split, words.escape = True, ""
            yield from words
            # -soft is forgotten at the end of a line.
            yield "-hard"


def read_options(words: Sequence[str], complaint: str) -> tuple[dict[str, str], list[str]]:
    """Part words into options and the rest. Requests (-l) add up; those that are soft are left out."""
    options: dict[str, str] = {}
    rest, soft = list(words), False
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name = word.removeprefix("-")
        if name not in _FLAGS | _VALUES or (name in _VALUES and not rest):
            raise Refused(2, f'{complaint}invalid option argument "{word}"\n')
        soft = name == "soft" or (soft and name != "hard")
        value = "" if name in _FLAGS else rest.pop(0)
        value += f" {rest.pop(0)}" if name == "pe" else ""
        if name == "l":
            value = ",".join(filter(None, [options.get("l"), value if not soft else None]))
        options[name] = value
    return options, rest


def rejected(said: str) -> Refused:
    """Make the refusal of a job by the master."""
    return Refused(1, f"Unable to run job: {said}\nExiting.\n")


def judge_name(name: str) -> None:
    """Refuse what the original does not take as the name of a job."""
    if "/" in name:
        raise Refused(1, "qsub: argument to -N option must not contain /\n")
    if not name.isascii() or " " in name:
        raise rejected("Error reading answer list from qmaster")
    if name[0].isdigit():
        raise rejected(f'denied: "{name}" is not a valid object name (cannot start with a digit)')
    if name.upper() in ("ALL", "NONE", "TEMPLATE"):
        raise rejected(f'Keyword ("{name.upper()}") not allowed as objectname')
    for letter, called in _BAD_LETTERS.items():
        if letter in name:
            raise rejected(f"{called} ('{letter}') not allowed in objectname")


def make_job(text: str, options: Mapping[str, str]) -> FakeJob:
    """Make the job that options speak of."""
    requests = _requests(options)
    limit, soft = requests.get("h_rt"), requests.get("s_rt")
    return FakeJob(
        script=text,
        name=options["N"],
        directory=Path(options["wd"]) if "wd" in options else Path.cwd() if "cwd" in options else Path.home(),
        output=_output,
        environ=_environ,
        indices=read_tasks(options["t"]) if "t" in options else None,
        throttle=int(options["tc"]) if "tc" in options else None,
        limit=float(limit) if limit else None,
        warning=(signal.SIGUSR1, float(limit) - float(soft)) if limit and soft else None,
        held="h" in options,
        inherits="V" in options,
        options=options,
    )


def _requests(options: Mapping[str, str]) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in options.get("l", "").split(",") if part)


def read_tasks(text: str) -> list[int]:
    """Read ``1-20``, ``7`` or ``1-9:2``."""
    match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", text)
    return list(range(int(match[1]), int(match[2] or match[1]) + 1, int(match[3] or 1))) if match else []


def _output(element: FakeElement) -> Path:
    job = element.job
    values = {
        "JOB_ID": job.number,
        "TASK_ID": str(element.index or 0),
        "JOB_NAME": job.name,
        "HOME": str(Path.home()),
        "USER": getuser(),
    }
    pattern = job.options.get("o", f"{job.name}.o$JOB_ID" + ("" if element.index is None else ".$TASK_ID"))
    named = re.sub("|".join(rf"\${name}" for name in values), lambda match: values[match[0][1:]], pattern)
    return job.directory / named.removeprefix(":")


def _environ(element: FakeElement) -> dict[str, str]:
    job, indices = element.job, element.job.indices
    first, last = (str(min(indices)), str(max(indices))) if indices is not None else ("undefined", "undefined")
    return {
        "JOB_ID": job.number,
        "JOB_NAME": job.name,
        "NSLOTS": job.options.get("pe", " 1").split()[-1],
        "RESTARTED": str(int(element.restarts > 0)),
        "SGE_TASK_ID": str(element.index) if element.index is not None else "undefined",
        "SGE_TASK_FIRST": first,
        "SGE_TASK_LAST": last,
    }


# Where elements stand


def element_name(element: FakeElement) -> str:
    """Name an element, as in 4.7, or a job that is no array."""
    return element.job.number if element.index is None else f"{element.job.number}.{element.index}"


def broken(element: FakeElement) -> bool:
    """Whether an element could not start, or has asked for the state of error."""
    asked = element.cause is None and element.code == _ERROR
    return element.phase is Phase.ENDED and (asked or element.cause is Cause.NO_OUTPUT)


def why(element: FakeElement) -> str:
    """Say why an element is in the state of error."""
    if element.code == _ERROR:
        return f"exit_status of job start = {_ERROR}"
    if not element.job.directory.is_dir():
        return f"error: can't chdir to {element.job.directory}: No such file or directory"
    return f'error: can\'t open output file "{_output(element)}": No such file or directory'


def state_of(element: FakeElement) -> str:
    """Say where an element stands, in letters."""
    if element.phase is Phase.STOPPING and not element.again:
        return "dr"
    again = "R" if element.restarts or element.again else ""
    if element.running:
        return f"{again}r"
    if element.phase is Phase.HELD:
        return f"h{again}{'q' if again else 'qw'}"
    return "Eqw" if broken(element) else "Rq" if again else "qw"


def queue_entry(job: FakeJob, word: str, elements: Sequence[FakeElement]) -> str:
    """Describe elements that stand alike."""
    tasks = ",".join(str(element.index) for element in elements)
    return (
        f'    <job_list state="{"running" if "r" in word else "pending"}">\n'
        f"      <JB_job_number>{job.number}</JB_job_number>\n"
        f"      <JAT_prio>0.50000</JAT_prio>\n"
        f"      <JB_name>{escape(job.name)}</JB_name>\n"
        f"      <JB_owner>{getuser()}</JB_owner>\n"
        f"      <state>{word}</state>\n"
        f"      <slots>{job.options.get('pe', ' 1').split()[-1]}</slots>\n"
        + (f"      <tasks>{tasks}</tasks>\n" if job.indices is not None else "")
        + "    </job_list>\n"
    )


# How elements ended


def accounting_records(element: FakeElement) -> Iterator[str]:
    """Describe each execution of an element that is over."""
    for _ in range(element.restarts):
        yield _record(element, 25, RESCHEDULE)
    never_ran = element.cause is Cause.CANCELLED and not element.signal
    if element.phase is not Phase.ENDED or never_ran:
        return
    failed, code = _FAILED[element.cause] if element.cause is not None else (0, element.code)
    if element.cause is None and element.signal:
        failed, code = 100, 128 + element.signal
    if broken(element):
        failed = 30 if code == _ERROR else failed if element.job.directory.is_dir() else 28
    yield _record(element, failed, code)


def _record(element: FakeElement, failed: int, code: int) -> str:
    job, requests = element.job, _requests(element.job.options)
    slots = job.options.get("pe", " 1").split()[-1]
    asked = ["-l " + ",".join(f"{name}={value}" for name, value in sorted(requests.items()))] if requests else []
    asked += [f"-{name} {job.options[name]}" for name in ("pe", "q") if name in job.options]
    # What was used is measured, and was more than the limit.
    most = f"{requests.get('h_vmem', '1G')}" if element.cause is Cause.OUT_OF_MEMORY else "5.266MB"
    facts = {
        "qname": "main.q",
        "hostname": "standin",
        "owner": getuser(),
        "jobname": job.name,
        "jobnumber": job.number,
        "taskid": element.index if element.index is not None else "undefined",
        "slots": 1 if element.cause is Cause.OUT_OF_MEMORY else slots,
        "failed": f"{failed:<3} : {_WORDS[failed]}" if failed else "0    ",
        "exit_status": f"{code}                  (Killed)" if code == 137 else code,
        "ru_wallclock": f"{max(0.0, element.stopped - element.started):.0f}s",
        "maxvmem": most,
        "category": " ".join(asked) or "NONE",
    }
    return f"{LINE}\n" + "".join(f"{name:<12} {value!s:<20}\n" for name, value in facts.items())
