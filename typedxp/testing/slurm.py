"""Owns the stand-in for Slurm. Its words are those of Slurm 22.05.

sbatch, squeue, sacct, scancel and scontrol understand what typedxp asks, and more of sbatch's directives than matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from typedxp.testing.slurm_words import (
    accounted,
    acted,
    directives,
    element_name,
    environ,
    facts,
    output,
    read_indices,
    read_options,
    read_time,
    read_warning,
    word_after,
)
from typedxp.testing.standin import Answer, FakeElement, FakeJob, Phase, Program, Refused, StandIn


class FakeSlurm(StandIn):
    """A shell that understands Slurm's commands, and answers in its words.

    ``partitions`` are those that there are; any if None. Without ``accounting``, sacct refuses. ``max_array`` is
    Slurm's MaxArraySize.
    """

    grace: ClassVar[float] = 1.0

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        partitions: Sequence[str] | None = None,
        accounting: bool = True,
        max_array: int = 1001,
    ) -> None:
        super().__init__(slots, speed)
        self.partitions = partitions
        self.accounting = accounting
        self.max_array = max_array
        self._accounts: dict[str, FakeJob] = {}

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name Slurm's commands."""
        return {
            "sbatch": self._sbatch,
            "squeue": self._squeue,
            "sacct": self._sacct,
            "scancel": self._scancel,
            "scontrol": self._scontrol,
        }

    # sbatch

    def _sbatch(self, words: Sequence[str]) -> Answer:
        given, rest = read_options(words)
        text = Path(rest[0]).read_text() if rest else ""
        if not text.startswith("#!"):
            raise Refused(1, "sbatch: error: This does not look like a batch script.  The first\n")
        options = {**read_options(list(directives(text)))[0], **given}
        self._judge(options)
        if "test-only" in given:
            return Answer(
                err="sbatch: Job 1 to start at 2026-01-01T00:00:00 using 1 processors on nodes n1 in partition main\n"
            )
        job = self.enqueue(self._job(text, options))
        self._accounts[job.number] = job
        return Answer(f"{job.number}\n" if "parsable" in given else f"Submitted batch job {job.number}\n")

    def _judge(self, options: Mapping[str, str]) -> None:
        partition = options.get("partition")
        if partition and self.partitions is not None and partition not in self.partitions:
            raise Refused(
                1,
                f"sbatch: error: invalid partition specified: {partition}\n"
                "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
            )
        indices = read_indices(options["array"].partition("%")[0]) if "array" in options else []
        if "array" in options and (not indices or max(indices) >= self.max_array):
            raise Refused(1, "sbatch: error: Batch job submission failed: Invalid job array specification\n")

    def _job(self, text: str, options: Mapping[str, str]) -> FakeJob:
        array, _, throttle = options.get("array", "").partition("%")
        dependency = options.get("dependency", "")
        return FakeJob(
            script=text,
            name=options.get("job-name", "sbatch"),
            directory=Path(options.get("chdir", "")).absolute(),
            output=output,
            environ=environ,
            indices=read_indices(array) if array else None,
            throttle=int(throttle) if throttle else None,
            limit=read_time(options["time"]) if "time" in options else None,
            warning=read_warning(options.get("signal", "")),
            after=dependency.removeprefix("afterok:").split(":") if dependency.startswith("afterok:") else (),
            held="hold" in options,
            requeues="no-requeue" not in options,
            inherits=options.get("export", "ALL").startswith("ALL"),
            options=options,
        )

    # Questions

    def _squeue(self, words: Sequence[str]) -> Answer:
        wanted = word_after(words, "-j").split(",") if "-j" in words else list(self.jobs)
        if len(wanted) == 1 and wanted[0].partition("_")[0] not in self.jobs:
            raise Refused(1, "slurm_load_jobs error: Invalid job id specified\n")
        columns = [re.sub(r":.*", "", column) for column in word_after(words, "-O").split(",")]
        there = [each for each in self.elements() if each.job.number in wanted or element_name(each) in wanted]
        rows = [facts(element) for element in there]
        return Answer("".join("".join(f"{row[column]}|" for column in columns) + "\n" for row in rows))

    def _sacct(self, words: Sequence[str]) -> Answer:
        if not self.accounting:
            raise Refused(1, "Slurm accounting storage is disabled\n")
        wanted = word_after(words, "-j").split(",")
        columns = word_after(words, "-o").split(",")
        elements = [
            element
            for job in self._accounts.values()
            for element in job.elements
            if job.number in wanted or element_name(element) in wanted
        ]
        rows = [row for element in elements for row in accounted(element)[: 1 if "-X" in words else 2]]
        return Answer("".join("|".join(row[column] for column in columns) + "\n" for row in rows))

    # Acts

    def _scancel(self, words: Sequence[str]) -> Answer:
        for word in words:
            for element in self.named(word):
                self.cancel(element)
        return Answer()

    def _scontrol(self, words: Sequence[str]) -> Answer:
        verb, *rest = words
        if words[:2] == ["show", "config"]:
            return Answer(f"Configuration data as of 2026-01-01T00:00:00\nMaxArraySize            = {self.max_array}\n")
        acts = {"hold": self.hold, "release": self.release, "requeue": self.requeue}
        if verb not in acts:
            raise Refused(1, f"invalid keyword: {verb}\n")
        elements: list[FakeElement] = []
        for name in re.findall(r"\w+(?:\[[^]]*\])?", rest[0]):
            elements += self.named(name)
            if not self.named(name):
                raise Refused(1, f"Invalid job id specified for job {name}\n")
        over = [element.phase is Phase.ENDED for element in elements]
        for element in elements:
            acts[verb](element)
        said = "".join(map(acted, elements, over))
        return Answer(err=said, code=1) if any(over) else Answer()

    def named(self, name: str) -> list[FakeElement]:
        """Find the elements of ``7``, ``7_3`` or ``7_[1,3-5]``."""
        number, _, index = name.partition("_")
        elements = self.jobs[number].elements if number in self.jobs else []
        chosen = read_indices(index.strip("[]"))
        return [element for element in elements if not index or element.index in chosen]
