"""Owns the stand-in for LSF. Its words are those of the manual of LSF 10.1: it was never compared with the original.

bsub, bjobs, bkill, bstop, bresume, brequeue and bparams understand what typedxp asks.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import split
from typing import ClassVar

from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Program, Refused, StandIn


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VALUES = _words("-J -o -oo -e -eo -W -n -R -M -gpu -m -P -G -q -app -U -sp -w -Q -wa -wt -u -cwd -env -c -b")
_FLAGS = _words("-x -r -rn -B -N -Ne -ti -H")

# The word for why an element ended, what LSF says of it, and the signal that it had used, after 128.
_REASONS: Mapping[Cause, tuple[str, int | None]] = {
    Cause.CANCELLED: ("TERM_OWNER: job killed by owner", 130),
    Cause.TIMEOUT: ("TERM_RUNLIMIT: job killed after reaching LSF run time limit", 140),
    Cause.OUT_OF_MEMORY: ("TERM_MEMLIMIT: job killed after reaching LSF memory usage limit", 137),
    Cause.NODE_FAILED: ("TERM_ZOMBI: job exited while LSF is not available", None),
    Cause.PREEMPTED: ("TERM_PREEMPT: job killed after preemption", 130),
    Cause.DEPENDENCY: ("TERM_ORPHAN_SYSTEM: orphan job terminated automatically by LSF", None),
    Cause.NO_OUTPUT: ("TERM_UNKNOWN: termination reason unknown", 1),
}


class FakeLsf(StandIn):
    """A shell that understands LSF's commands, and answers in its words.

    ``queues`` are those that there are; any if None. Without ``knows_json``, bjobs is one that prints text only.
    ``max_array`` is MAX_JOB_ARRAY_SIZE.
    """

    stop: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        queues: Sequence[str] | None = None,
        knows_json: bool = True,
        max_array: int = 1000,
    ) -> None:
        super().__init__(slots, speed)
        self.queues = queues
        self.knows_json = knows_json
        self.max_array = max_array

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name LSF's commands."""
        return {
            "bsub": self._bsub,
            "bjobs": self._bjobs,
            "bkill": lambda names: self._act(names, "terminated", self.cancel),
            "bstop": lambda names: self._act(names, "stopped", self.hold),
            "bresume": lambda names: self._act(names, "resumed", self.release),
            "brequeue": lambda names: self._act(names, "requeued", self.requeue),
            "bparams": self._bparams,
        }

    def _bsub(self, words: Sequence[str]) -> Answer:
        if not words:
            raise Refused(255, "Empty job. Job not submitted.\n")
        text = Path(words[-1]).read_text()
        options = _options([*_directives(text), *words[:-1]])
        self._judge(options)
        job = self.enqueue(_job(text, options))
        queue = f"queue <{options['-q']}>" if "-q" in options else "default queue <normal>"
        return Answer(f"Job <{job.number}> is submitted to {queue}.\n")

    def _judge(self, options: Mapping[str, str]) -> None:
        if self.queues is not None and options.get("-q", self.queues[0]) not in self.queues:
            raise Refused(255, f"{options['-q']}: No such queue. Job not submitted.\n")
        indices = _indices(options.get("-J", ""))
        if indices is not None and (not indices or max(indices) > self.max_array):
            raise Refused(255, "Bad job array index list. Job not submitted.\n")
        for number in _dependencies(options):
            if not self.named(number):
                raise Refused(255, f"{options['-w']}: No matching job found. Job not submitted.\n")

    def _bjobs(self, words: Sequence[str]) -> Answer:
        if "-json" in words and not self.knows_json:
            raise Refused(255, "bjobs: illegal option -- json\nUsage: bjobs [options] [job_ID ...]\n")
        layout = words[list(words).index("-o") + 1]
        fields = re.sub(r"delimiter='.'", "", layout).upper().split()
        found: list[dict[str, str]] = []
        names = [word for word in words if word[0].isdigit()]
        for name in names:
            elements = self.named(name)
            shown = [each for each in elements if "-a" in words or each.phase is not Phase.ENDED]
            facts = [{field: _facts(each)[field] for field in fields} for each in shown]
            found += facts if elements else [{"JOBID": name, "ERROR": f"Job <{name}> is not found"}]
        code = 0 if any("STAT" in record for record in found) else 255
        if "-json" in words:
            answer = {"COMMAND": "bjobs", "JOBS": len(found), "RECORDS": found}
            return Answer(json.dumps(answer, indent=2) + "\n", code=code)
        unknown = "".join(f"{record['ERROR']}\n" for record in found if "ERROR" in record)
        delimiter = layout.partition("delimiter='")[2][:1] or " "
        lines = (delimiter.join(value or "-" for value in record.values()) for record in found if "STAT" in record)
        return Answer("".join(f"{line}\n" for line in lines), unknown, code)

    def _act(self, names: Sequence[str], done: str, act: Callable[[FakeElement], None]) -> Answer:
        out, err = "", ""
        for name in names:
            elements = self.named(name)
            there = [element for element in elements if element.phase is not Phase.ENDED]
            for element in there:
                act(element)
            if there:
                out += f"Job <{name}> is being {done}\n"
            else:
                err += f"Job <{name}>: {'Job has already finished' if elements else 'No matching job found'}\n"
        return Answer(out, err, 255 if err else 0)

    def _bparams(self, _words: Sequence[str]) -> Answer:
        return Answer(f"The maximum size of a job array:\n MAX_JOB_ARRAY_SIZE = {self.max_array}\n")

    def _ended(self, element: FakeElement) -> None:
        status = element.process.returncode if element.process is not None else 0
        if element.cause is None and str(status) in element.job.options.get("-Q", "").split():
            element.again = True
        super()._ended(element)


def _directives(text: str) -> list[str]:
    lines = (line.removeprefix("#BSUB") for line in text.splitlines() if line.startswith("#BSUB"))
    return [word for line in lines for word in split(line, comments=True)]


def _options(words: Sequence[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word not in _VALUES | _FLAGS or (word in _VALUES and not rest):
            raise Refused(255, f"bsub: illegal option {word}\nUsage: bsub [options] command\nJob not submitted.\n")
        options[word] = rest.pop(0) if word in _VALUES else ""
    return options


def _job(text: str, options: Mapping[str, str]) -> FakeJob:
    throttle = options.get("-J", "").partition("]%")[2]
    return FakeJob(
        script=text,
        name=options.get("-J", "bsub").partition("[")[0],
        directory=Path.cwd(),
        output=_output,
        environ=_environ,
        indices=_indices(options.get("-J", "")),
        throttle=int(throttle) if throttle else None,
        limit=_seconds(options["-W"]) if "-W" in options else None,
        warning=(signal.Signals[f"SIG{options['-wa']}"], _seconds(options["-wt"])) if "-wa" in options else None,
        after=_dependencies(options),
        held="-H" in options,
        requeues="-r" in options,
        options=options,
    )


def _indices(name: str) -> list[int] | None:
    """Read ``name[1-3,7]%2``; None if it is no array."""
    match = re.search(r"\[([^\]]*)\]", name)
    if match is None:
        return None
    ends = [part.partition("-") for part in match[1].split(",")]
    return [index for low, _, high in ends for index in range(int(low), int(high or low) + 1)]


def _dependencies(options: Mapping[str, str]) -> list[str]:
    return re.findall(r"done\(([^)]+)\)", options.get("-w", ""))


def _seconds(text: str) -> int:
    """Read ``[hours:]minutes``."""
    hours, _, minutes = text.rpartition(":")
    return (int(hours or 0) * 60 + int(minutes)) * 60


def _output(element: FakeElement) -> Path:
    pattern = element.job.options.get("-o", "/dev/null")
    named = pattern.replace("%J", element.job.number).replace("%I", str(element.index or 0))
    return element.job.directory / named


def _environ(element: FakeElement) -> dict[str, str]:
    job = element.job
    return {"LSB_JOBID": job.number, "LSB_JOBINDEX": str(element.index or 0), "LSB_JOBNAME": job.name}


def _facts(element: FakeElement) -> dict[str, str]:
    stat, code, reason = _status(element)
    pending = stat == "PEND"
    waits = "Job dependency condition not satisfied;" if element.job.after else "New job is waiting for scheduling;"
    return {
        "JOBID": element.job.number,
        "JOBINDEX": str(element.index or 0),
        "STAT": stat,
        "EXIT_CODE": str(code) if code else "",
        "EXIT_REASON": reason,
        "PEND_REASON": waits if pending else "",
    }


def _status(element: FakeElement) -> tuple[str, int | None, str]:
    """Return LSF's word for where an element stands, its exit code, and why it ended."""
    if element.phase is not Phase.ENDED:
        return {Phase.QUEUED: "PEND", Phase.HELD: "PSUSP"}.get(element.phase, "RUN"), None, ""
    if element.cause is not None:
        reason, code = _REASONS[element.cause]
        return "EXIT", code if element.started else None, reason
    code = 128 + element.signal if element.signal else element.code
    return "EXIT" if code else "DONE", code, ""
