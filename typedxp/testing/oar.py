"""Owns the stand-in for OAR. Its words are those of OAR 2.5.9.

oarsub, oarstat, oardel, oarhold and oarresume understand what typedxp asks, and every option that a script may have.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Program, Refused, StandIn

_TEXT, _NUMBER, _FLAG = r"\s*(.+)", r"\s*(\d+)", r"()"
# What OAR::Sub looks for in a line of a script, in this order.
_OPTIONS = {
    "resource": ("-l|--resource", _TEXT),
    "queue": ("-q|--queue", _TEXT),
    "property": ("-p|--property", _TEXT),
    "checkpoint": ("--checkpoint", _NUMBER),
    "notify": ("--notify", _TEXT),
    "type": ("-t|--type", _TEXT),
    "directory": ("-d|--directory", _TEXT),
    "name": ("-n|--name", _TEXT),
    "project": ("--project", _TEXT),
    "hold": ("--hold", _FLAG),
    "anterior": ("-a|--anterior", _NUMBER),
    "signal": ("--signal", _NUMBER),
    "stdout": ("-O|--stdout", _TEXT),
    "stderr": ("-E|--stderr", _TEXT),
    "use-job-key": ("-k|--use-job-key", _FLAG),
    "array": ("--array", _NUMBER),
}
_MANY = ("resource", "type", "anterior")
_FILE = re.compile(r"[a-zA-Z0-9_./\-%\\ ]+")
_SUBMITTED = "[ADMISSION RULE] Modify resource description with type constraints\n"
# What OAR notes down of a job that it, or somebody, puts an end to.
_EVENTS = {
    Cause.CANCELLED: ["FRAG_JOB_REQUEST"],
    Cause.TIMEOUT: ["FRAG_JOB_REQUEST", "WALLTIME"],
    Cause.PREEMPTED: ["BESTEFFORT_KILL", "FRAG_JOB_REQUEST"],
    Cause.NODE_FAILED: ["PING_CHECKER_NODE_SUSPECTED_END_JOB"],
    Cause.NO_OUTPUT: ["OUTPUT_FILES"],
}
_WORDS = {
    "FRAG_JOB_REQUEST": "User root requested to frag the job {0}",
    "WALLTIME": "[sarko] Job [{0}] from 1795241666 with 10; current time=1795241686 (Elapsed)",
    "BESTEFFORT_KILL": "[MetaSched] kill the besteffort job {0}",
    "PING_CHECKER_NODE_SUSPECTED_END_JOB": "[job_finishing_sequence] OAR suspects nodes for the job {0} : vm",
    "OUTPUT_FILES": "[bipbip {0}] Cannot create .stdout and .stderr files in / on the node vm",
    "SWITCH_INTO_ERROR_STATE": "[bipbip {0}] Ask to change the job state",
    "SWITCH_INTO_TERMINATE_STATE": "[bipbip {0}] Ask to change the job state",
}


class FakeOar(StandIn):
    """A shell that understands OAR's commands, and answers in its words.

    ``queues`` are those that there are, any if None; ``resources`` how many there are. Without ``json``, oarstat has
    only its own format.
    """

    grace: ClassVar[float] = 0.0

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        queues: Sequence[str] | None = None,
        resources: int = 1000,
        json: bool = True,
    ) -> None:
        super().__init__(slots, speed)
        self.queues = queues
        self.resources = resources
        self.json = json
        self._resubmitted: dict[str, str] = {}

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name OAR's commands."""
        return {
            "oarsub": self._oarsub,
            "oarstat": self._oarstat,
            "oardel": self._oardel,
            "oarhold": lambda words: self._change(words, self.hold, "Hold"),
            "oarresume": lambda words: self._change(words, self.release, "Resume"),
        }

    def preempt(self, element: FakeElement) -> None:
        """Take the place of a running element: an idempotent one is submitted again, under a new number."""
        self.strike(element, Cause.PREEMPTED)
        if element.job.requeues:
            heir = FakeElement(element.job, element.index, number=self.number())
            element.job.elements.append(heir)
            self._resubmitted[heir.number] = element.number

    def node_fails(self, element: FakeElement) -> None:
        """Let the node of a running element fail."""
        self.strike(element, Cause.NODE_FAILED)

    # oarsub

    def _oarsub(self, words: Sequence[str]) -> Answer:
        directory, script = _given(words)
        if not script.is_file():
            raise Refused(12, f"cat: {script}: No such file or directory\n[ERROR] Cannot open the file {script}.\n")
        text = script.read_text()
        options = _scanned(text, script)
        self._judge(options)
        # Who may not execute it hears so from the shell that was to.
        text = text if os.access(script, os.X_OK) else "exit 126\n"
        job = self.enqueue(_job(text, {"directory": directory, **options}))
        for element in job.elements:
            element.number = job.number if element is job.elements[0] else self.number()
        numbers = "".join(f"OAR_JOB_ID={element.number}\n" for element in job.elements)
        if len(job.elements) == 1:
            return Answer(_SUBMITTED + numbers)
        return Answer(f"{_SUBMITTED}{numbers}OAR_ARRAY_ID={job.number}\n", "Simple array job submission is used\n")

    def _judge(self, options: Mapping[str, str]) -> None:
        queue = options.get("queue", "default")
        if self.queues is not None and queue not in self.queues:
            raise Refused(248, f"ERROR : The queue {queue} does not exist\n", _SUBMITTED)
        for number, option in enumerate(("stdout", "stderr")):
            if option in options and not _FILE.fullmatch(options[option]):
                raise Refused(244 - number, f"/!\\ Invalid {option} file name (bad character)\n", _SUBMITTED)
        for resources in options.get("resource", "").splitlines():
            levels = re.findall(r"\w+=(\d+)", re.sub(r",?\s*walltime=.*|{.*?}", "", resources))
            if prod(map(int, levels)) > self.resources:
                raise Refused(
                    8,
                    "There are not enough resources for your request\n"
                    "[ERROR] Oarsub failed, please verify your request syntax.\n",
                    _SUBMITTED + "OAR_JOB_ID=-5\n",
                )

    def satisfied(self, job: FakeJob) -> bool | None:
        """Whether what a job was to wait for has ended, in whatever way; what is not there never does."""
        before = [element for number in job.after for element in self.elements() if element.number == number]
        ended = [element.phase is Phase.ENDED for element in before]
        return True if all(ended) and len(ended) >= len(job.after) else None

    # oarstat

    def _oarstat(self, words: Sequence[str]) -> Answer:
        if "-J" in words and not self.json:
            raise Refused(
                1, "No Perl JSON module is available on the system. If required, ask your admin to install one.\n"
            )
        facts = [self._facts(element) for element in self._where(words)]
        if "-J" in words:
            return Answer(json.dumps({str(each["Job_Id"]): each for each in facts}, indent=3) + "\n" if facts else "")
        return Answer("".join(_block(each) for each in facts))

    def _facts(self, element: FakeElement) -> dict[str, Any]:
        job, state = element.job, _state(element)
        return {
            "Job_Id": int(element.number),
            "array_id": int(job.number),
            "array_index": element.index or 1,
            "name": job.name,
            "state": state,
            "types": job.options.get("type", "").splitlines(),
            "exit_code": element.code << 8 | element.signal if state == "Terminated" else None,
            "message": f"R=1,W=0:1:0,J=B,N={job.name} (Karma=0.000,quota_ok)",
            "resubmit_job_id": int(self._resubmitted.get(element.number, 0)),
            "events": [
                {"type": kind, "description": _WORDS[kind].format(element.number), "job_id": int(element.number)}
                for kind in _events(element)
            ],
        }

    # Acts

    def _oardel(self, words: Sequence[str]) -> Answer:
        chosen = self._where(words)
        for element in chosen:
            self.cancel(element)
        said = "".join(f"Deleting the job = {element.number} ...REGISTERED.\n" for element in chosen)
        numbers = " ".join(element.number for element in chosen)
        return Answer(said + (f"The job(s) [ {numbers} ] will be deleted in the near future.\n" if chosen else ""))

    def _change(self, words: Sequence[str], act: Callable[[FakeElement], None], verb: str) -> Answer:
        chosen = self._where(words)
        for element in chosen:
            act(element)
        return Answer("".join(f"[{each.number}] {verb} request was sent to the OAR server.\n" for each in chosen))

    def _where(self, words: Sequence[str]) -> list[FakeElement]:
        """Choose elements by a condition, of the few forms that typedxp writes."""
        text = words[list(words).index("--sql") + 1]
        which = re.fullmatch(r"(.*?)array_id IN \(([\d,]+)\)(.*)|(.*?)job_id IN \(([\d,]+)\)\)(.*)", text)
        if which is None:
            raise Refused(255, f'DBD::Pg::st execute failed: ERROR:  syntax error at or near "{text}"\n')
        numbers = set((which[2] or which[5]).split(","))
        every = list(self.elements())
        if which[2]:
            chosen = [element for element in every if element.job.number in numbers]
        else:
            places = {(element.job.number, element.index) for element in every if element.number in numbers}
            chosen = [element for element in every if (element.job.number, element.index) in places]
        return [element for element in chosen if _among(_state(element), which[3] or which[6] or "")]


def _among(state: str, condition: str) -> bool:
    words = re.findall(r"'(\w+)'", condition)
    return not words or (state in words) is not ("NOT IN" in condition)


def _given(words: Sequence[str]) -> tuple[str, Path]:
    """Read ``-d DIRECTORY -S SCRIPT``: shells read how the script is spelled."""
    directory = words[words.index("-d") + 1] if "-d" in words else str(Path.cwd())
    spelled = words[-1].replace('"${IFS%${IFS#?}}"', "\0")
    return directory, Path(re.sub(r"\\(.)", r"\1", spelled.split()[0]).replace("\0", " "))


def _scanned(text: str, script: Path) -> dict[str, str]:
    """Read the options of a script; those that may be given several times are lines."""
    options: dict[str, str] = {}
    errors = ""
    lines = [line.rstrip() for line in text.splitlines()[1:] if re.match(r"#OAR\s", line)]
    for line in lines:
        for name, (spelled, value) in _OPTIONS.items():
            if match := re.fullmatch(rf"#OAR\s+(?:{spelled}){value}", line):
                before = f"{options[name]}\n" if name in _MANY and name in options else ""
                options[name] = before + match[1]
                break
        else:
            errors += f"/!\\ Not able to scan file line: {line}. at /usr/share/perl5/OAR/Sub.pm line 144.\n"
    if errors:
        count = len(errors.splitlines())
        raise Refused(12, f"{errors}[ERROR] {count} error(s) encountered while parsing the file {script}.\n")
    return options


def _job(text: str, options: Mapping[str, str]) -> FakeJob:
    walltime = re.search(r"walltime=(\d+):(\d+):(\d+)", options.get("resource", ""))
    hours, minutes, seconds = (int(part) for part in walltime.groups()) if walltime else (2, 0, 0)
    types = options.get("type", "").splitlines()
    return FakeJob(
        script=text,
        name=options.get("name", ""),
        directory=Path(options["directory"]),
        output=_output,
        environ=_environ,
        indices=range(1, int(options["array"]) + 1) if "array" in options else None,
        limit=hours * 3600 + minutes * 60 + seconds,
        warning=(
            (signal.Signals(int(options.get("signal", "12"))), float(options["checkpoint"]))
            if "checkpoint" in options
            else None
        ),
        after=options.get("anterior", "").splitlines(),
        held="hold" in options,
        requeues={"besteffort", "idempotent"} <= set(types),
        inherits=False,
        options=options,
    )


def _output(element: FakeElement) -> Path:
    name = f"OAR.{element.job.name}.%jobid%.stdout"
    return element.job.directory / element.job.options.get("stdout", name).replace("%jobid%", element.number)


def _environ(element: FakeElement) -> dict[str, str]:
    return {
        "OAR_JOB_ID": element.number,
        "OAR_ARRAY_ID": element.job.number,
        "OAR_ARRAY_INDEX": str(element.index or 1),
        "OAR_JOB_NAME": element.job.name,
        "OAR_WORKDIR": str(element.job.directory),
    }


def _state(element: FakeElement) -> str:
    if element.phase is Phase.ENDED:
        return "Error" if element.cause in _EVENTS else "Terminated"
    return {Phase.QUEUED: "Waiting", Phase.HELD: "Hold"}.get(element.phase, "Running")


def _events(element: FakeElement) -> list[str]:
    if element.phase is not Phase.ENDED:
        return []
    if element.cause is None or element.cause not in _EVENTS:
        return ["SWITCH_INTO_TERMINATE_STATE"]
    return [*_EVENTS[element.cause], "SWITCH_INTO_ERROR_STATE"]


def _block(facts: Mapping[str, Any]) -> str:
    """Write a job in oarstat's own format."""
    code = facts["exit_code"]
    lines = [
        f"Job_Id: {facts['Job_Id']}",
        f"    job_array_id = {facts['array_id']}",
        f"    name = {facts['name']}",
        f"    state = {facts['state']}",
        f"    types = {', '.join(facts['types'])}",
        *([f"    exit_code = {code} ({code >> 8},{code & 127},0)"] if code is not None else []),
        f"    message = {facts['message']}",
        f"    resubmit_job_id = {facts['resubmit_job_id']}",
        "    events = ",
        *(f"2026-11-21 06:08:11> {event['type']}:{event['description']}" for event in facts["events"]),
    ]
    return "\n".join(lines) + "\n\n"
