"""Owns the stand-in for Grid Engine. Its words are those of Son of Grid Engine 8.1.9.

qsub, qstat, qacct, qdel, qhold, qrls and qconf understand what typedxp asks, and all options of qsub for batch jobs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from getpass import getuser
from pathlib import Path
from typing import ClassVar

from typedxp.testing.sge_words import (
    LINE,
    RESCHEDULE,
    accounting_records,
    broken,
    directives,
    element_name,
    judge_name,
    make_job,
    queue_entry,
    read_options,
    read_script,
    read_tasks,
    rejected,
    state_of,
    why,
)
from typedxp.testing.standin import Answer, FakeElement, FakeJob, Phase, Program, Refused, StandIn

_RUNNING = 'state="running"'


class FakeSge(StandIn):
    """A shell that understands Grid Engine's commands, and answers in its words.

    ``queues`` and ``environments`` (parallel ones) are those that there are; any if None. ``max_tasks`` is
    max_aj_tasks. The accounting has a record for each execution of an element; what was deleted in the queue has none.
    """

    grace: ClassVar[float] = 0.0

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        queues: Sequence[str] | None = None,
        environments: Sequence[str] | None = None,
        max_tasks: int = 75_000,
    ) -> None:
        super().__init__(slots, speed)
        self.queues = queues
        self.environments = environments
        self.max_tasks = max_tasks
        self._accounts: dict[str, FakeJob] = {}
        self._deleted: set[FakeElement] = set()

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name Grid Engine's commands."""
        return {
            "qsub": self._qsub,
            "qstat": self._qstat,
            "qacct": self._qacct,
            "qdel": self._qdel,
            "qhold": self._qhold,
            "qrls": self._qrls,
            "qconf": self._qconf,
        }

    # qsub

    def _qsub(self, words: Sequence[str]) -> Answer:
        given, rest = read_options(words, "qsub: ")
        text = read_script(rest[0])
        found, _ = read_options(list(directives(text)), "Unable to read script file because of error: ")
        options = {"N": Path(rest[0]).name, **found, **given}
        self._judge(options)
        if options.get("w") == "v":
            return Answer("verification: found suitable queue(s)\n")
        job = self.enqueue(make_job(text, options))
        self._accounts[job.number] = job
        name = job.number if job.indices is None else f"{job.number}.{options['t']}:1"
        array = "" if job.indices is None else "-array"
        return Answer(
            f"{name}\n" if "terse" in given else f'Your job{array} {name} ("{job.name}") has been submitted\n'
        )

    def _judge(self, options: Mapping[str, str]) -> None:
        judge_name(options["N"])
        if self.queues is not None and options.get("q", self.queues[0]) not in self.queues:
            raise rejected(f'Job was rejected because job requests unknown queue "{options["q"]}"')
        environment = options.get("pe", "").partition(" ")[0]
        if environment and self.environments is not None and environment not in self.environments:
            raise rejected(f'job rejected: the requested parallel environment "{environment}" does not exist')
        if "t" in options and 0 in read_tasks(options["t"]):
            raise rejected("job rejected: 0 is an invalid task id")
        if "t" in options and len(read_tasks(options["t"])) > self.max_tasks:
            raise rejected(f"job rejected: you tried to submit a job with more than {self.max_tasks} tasks")
        if ":" in options.get("o", "").lstrip(":"):
            raise rejected(f'can\'t resolve hostname "{options["o"].partition(":")[0]}"')
        if "," in options.get("o", ""):
            raise rejected("ERROR! two files are specified for the same host")

    # Questions

    def _qstat(self, words: Sequence[str]) -> Answer:
        if "-j" in words:
            return self._described(words[list(words).index("-j") + 1].split(","))
        entries = [entry for job in self.jobs.values() for entry in self._entries(job)]
        return Answer(
            "<?xml version='1.0'?>\n"
            '<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/'
            'qstat.xsd">\n'
            f"  <queue_info>\n{''.join(entry for entry in entries if _RUNNING in entry)}  </queue_info>\n"
            f"  <job_info>\n{''.join(entry for entry in entries if _RUNNING not in entry)}  </job_info>\n"
            "</job_info>\n"
        )

    def _entries(self, job: FakeJob) -> list[str]:
        """Describe the elements of a job: those that stand alike in one entry."""
        alike: dict[str, list[FakeElement]] = {}
        for element in self._present(job.number):
            alike.setdefault(state_of(element), []).append(element)
        return [queue_entry(job, word, elements) for word, elements in alike.items()]

    def _described(self, numbers: Sequence[str]) -> Answer:
        known = [self.jobs[number] for number in numbers if number in self.jobs]
        said = "".join(
            f"{LINE}\njob_number:                 {job.number}\njob_name:                   {job.name}\n"
            + "".join(
                f"error reason{element.index or 1:>11}:      01/01/2026 00:00:00 [0:1]: {why(element)}\n"
                for element in self._present(job.number)
                if broken(element)
            )
            for job in known
        )
        lost = [number for number in numbers if number not in self.jobs]
        return Answer(said, f"Following jobs do not exist: \n{', '.join(lost)}\n" if lost else "", 1 if lost else 0)

    def _qacct(self, words: Sequence[str]) -> Answer:
        number = words[list(words).index("-j") + 1]
        elements = self._accounts[number].elements if number in self._accounts else []
        records = [record for element in elements for record in accounting_records(element)]
        if not records:
            raise Refused(1, f"error: job id {number} not found\n")
        return Answer("".join(records))

    def _qconf(self, _words: Sequence[str]) -> Answer:
        return Answer(f"#global:\nmax_aj_instances             2000\nmax_aj_tasks                 {self.max_tasks}\n")

    # Acts

    def _qdel(self, words: Sequence[str]) -> Answer:
        return self._each(words, self._delete)

    def _delete(self, element: FakeElement) -> str:
        what = f"job {element_name(element)}" if element.index is None else f"job-array task {element_name(element)}"
        if element.phase is Phase.STOPPING:
            return f"job {element.job.number} is already in deletion"
        says = f"has registered the {what} for" if element.running else f"has deleted {what}"
        self._deleted.add(element)
        self.cancel(element)
        return f"{getuser()} {says}" + (" deletion" if "registered" in says else "")

    def _qhold(self, words: Sequence[str]) -> Answer:
        return self._each(words, self._held, 3)

    def _held(self, element: FakeElement) -> str:
        self.hold(element)
        return f"modified hold of job-array task {element_name(element)}"

    def _qrls(self, words: Sequence[str]) -> Answer:
        return self._each(words, self._released, 3)

    def _released(self, element: FakeElement) -> str:
        self.release(element)
        return f"modified hold of job-array task {element_name(element)}"

    def _each(self, words: Sequence[str], act: Callable[[FakeElement], str], refusal: int = 1) -> Answer:
        """Act on the elements that are named; complain of those that do not exist, but act on the others."""
        lines, code = [], 0
        for word in words:
            number, _, span = word.partition(".")
            there = [element for element in self._present(number) if not span or element.index in read_tasks(span)]
            lines += [act(element) for element in there]
            if not there:
                task = f'job "{number}" task "{span}"' if self._present(number) else f'denied: job "{number}"'
                lines, code = [*lines, f"{task} does not exist"], refusal
        return Answer("".join(f"{line}\n" for line in lines), code=code)

    def _present(self, number: str) -> list[FakeElement]:
        elements = self.jobs[number].elements if number in self.jobs else []
        return [
            element
            for element in elements
            if element.phase is not Phase.ENDED or (broken(element) and element not in self._deleted)
        ]

    # What happens by itself

    def _ended(self, element: FakeElement) -> None:
        process = element.process
        if process is not None and process.returncode == RESCHEDULE and element.cause is None:
            element.again = True
        super()._ended(element)
        element.stopped = time.monotonic()
