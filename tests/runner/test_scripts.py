"""What the directives of a script mean, for every scheduler: which fields, and which lines stay what they are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.errors import PlanError
from typedxp.runner.scripts.reading import DIALECTS, Script, describe, kinds, read_script
from typedxp.schedulers.units import days_clock, read_walltime


def script(*lines: str) -> Script:
    return Script(Path("job.sh"), lines, ())


def read(scheduler: str, *lines: str) -> dict[str, object]:
    return describe(script(*lines), DIALECTS[scheduler]).values


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("--time=1-00:10:00", {"time": "1-00:10:00"}),
        ("--time=30", {"time": "1800s"}),
        ("-t 10:30", {"time": "630s"}),
        ("-t 2-12", {"time": "2-12:00:00"}),
        ("--time=UNLIMITED", {"directives": ["--time=UNLIMITED"]}),
        ("-n4 -c 2 -N 1", {"tasks": 4, "cpus": 2, "nodes": 1}),
        ("--nodes=2-4", {"directives": ["--nodes=2-4"]}),
        ("--mem=4000", {"mem": "4000M"}),
        ("--mem=0", {"directives": ["--mem=0"]}),
        ("--mem-per-cpu 2G # enough", {"mem_per_cpu": "2G"}),
        ("--gres=gpu:a100:2 --exclusive --qos=long", {"gres": "gpu:a100:2", "exclusive": True, "qos": "long"}),
        ("--job-name=\"my job\" --comment='a;b'", {"name": "my job", "comment": "a;b"}),
        ("--mail-type=ALL", {"directives": ["--mail-type=ALL"]}),
        ("--mail-type=ALL --mail-user=a@b.c", {"mail_type": "ALL", "mail": "a@b.c"}),
        ('--clusters="a b" -G 4', {"directives": ['--clusters="a b"', "-G 4"]}),
        ("--no-requeue --hold", {"requeue": False, "hold": True}),
        ("--mem=4000 # don't", {"mem": "4000M"}),
        ('--mem=4000 --comment="a b', {"directives": ['--mem=4000 --comment="a b']}),
    ],
)
def test_options_of_sbatch_become_fields_or_stay_what_they_are(line, values):
    assert read("slurm", f"#SBATCH {line}") == values


@pytest.mark.parametrize(
    ("scheduler", "line", "values"),
    [
        ("pbs", "-l select=1:ncpus=4:mem=4gb,walltime=1:00:00", {"cpus": 4, "mem": "4gb", "time": "3600s"}),
        ("pbs", "-l select=2:ncpus=4 -l place=excl", {"select": "2:ncpus=4", "place": "excl"}),
        ("pbs", "-l ncpus=4,mem=4gb,software=x", {"cpus": 4, "mem": "4gb", "resources": {"software": "x"}}),
        ("pbs", "-l nodes=1:ppn=2 -m abe", {"directives": ["-l nodes=1:ppn=2", "-m abe"]}),
        ("pbs", "-M a@b.c -m ae -r y", {"mail": "a@b.c", "mail_on": ["fail", "end"], "requeue": True}),
        ("local", "--cpus=2 --time=90 --warn=1:00", {"cpus": 2, "time": "90s", "warn": "60s"}),
        ("local", "--gpus 2 --gpu-ids=0,1 --no-requeue", {"gpus": 2, "gpu_ids": ["0", "1"], "requeue": False}),
        ("local", "--warn=60 --hold --array=0-9", {"directives": ["--hold", "--warn=60"]}),
        ("torque", "-l nodes=1:ppn=4,mem=2gb", {"cpus": 4, "mem": "2gb"}),
        ("torque", "-l nodes=2:ppn=4,mem=2gb", {"node_spec": "2:ppn=4", "resources": {"mem": "2gb"}}),
        ("torque", "-l walltime=90 -q long -V", {"time": "90s", "queue": "long", "directives": ["-V"]}),
        ("moab", "-l nodes=2:ppn=4,qos=high", {"nodes": 2, "tasks": 8, "qos": "high"}),
        ("sge", "-pe smp 4 -l h_rt=1:0:0", {"parallel_environment": "smp", "cpus": 4, "time": "3600s"}),
        ("sge", "-pe mpi 4-8 -p -10", {"directives": ["-pe mpi 4-8"], "priority": -10}),
        ("sge", "-l h_vmem=2G", {"memory_resource": "h_vmem", "mem_per_cpu": "2G", "resources": {}}),
        ("sge", "-l gpu=1 -soft -l fast=1", {"resources": {"gpu": "1"}, "soft_resources": {"fast": "1"}}),
        ("sge", "-tc 5 -notify -l exclusive", {"parallel": 5, "notify": True, "directives": ["-l exclusive"]}),
        ("oar", "-l core=1, walltime=00:30:00", {"resources": ["core=1"], "time": "1800s"}),
        ("oar", "-l host=1/gpu=2,walltime=2", {"resources": ["host=1/gpu=2"], "time": "7200s"}),
        ("oar", "-p gpumem>'16000'", {"properties": "gpumem>'16000'"}),
        ("oar", "-t besteffort", {"besteffort": True}),
        ("oar", "--hold", {"directives": ["--hold"]}),
        ("lsf", "-W 1:30 -n 4 -x", {"time": "5400s", "tasks": 4, "exclusive": True}),
        ("lsf", '-J "a[1-9]%2" -R "span[hosts=1]"', {"name": "a", "span": "hosts=1"}),
        (
            "lsf",
            '-R "select[a] rusage[mem=1]" -Q 3',
            {"resources": ["select[a] rusage[mem=1]"], "directives": ["-Q 3"]},
        ),
    ],
)
def test_options_of_the_others_do_too(scheduler, line, values):
    assert read(scheduler, f"{DIALECTS[scheduler].prefixes[0]} {line}") == values


def test_soft_requests_are_soft_to_the_end_of_their_line():
    assert read("sge", "#$ -soft -l a=1 -hard -l c=1", "#$ -soft -l a=2", "#$ -l b=1", "#$ -soft") == {
        "soft_resources": {"a": "2"},
        "resources": {"c": "1", "b": "1"},
    }


@pytest.mark.parametrize(
    ("scheduler", "lines", "values"),
    [
        ("pbs", ("-l walltime=1:00,ncpus=2", "-l walltime=2:00"), {"time": "60s", "cpus": 2}),
        ("pbs", ("-l walltime=1:00,walltime=2:00", "-q a", "-q b"), {"time": "60s", "queue": "b"}),
        ("pbs", ("-l select=2:ncpus=1", "-l select=1:ncpus=4"), {"select": "2:ncpus=1"}),
        ("pbs", ("-l walltime=UNLIMITED", "-l walltime=1:00"), {"directives": ["-l walltime=UNLIMITED"]}),
        ("torque", ("-l walltime=1:00", "-l walltime=2:00"), {"time": "120s"}),
        ("torque", ("-l nodes=1:ppn=4", "-l nodes=2:ppn=2"), {"node_spec": "2:ppn=2"}),
        ("torque", ("-l nodes=2:ppn=4", "-l nodes=1:ppn=2"), {"cpus": 2}),
        ("slurm", ("-t 1", "--time=2"), {"time": "120s"}),
        ("slurm", ("--mem=0", "--mem=4G"), {"directives": [], "mem": "4G"}),
        ("slurm", ("--mem=4G", "--mem=0"), {"directives": ["--mem=0"]}),
        ("slurm", ("--requeue", "--no-requeue", "--requeue"), {"requeue": True}),
        (
            "slurm",
            ("--mail-type=BEGIN --mail-user=a", "--mail-type=END"),
            {"mail_type": "BEGIN,END", "mail": "a"},
        ),
        ("slurm", ("--mail-type=A", "--mail-type=B"), {"directives": ["--mail-type=A --mail-type=B"]}),
        ("sge", ("-l h_rt=1,h_rt=2 -q a", "-l h_rt=3 -q b"), {"time": "3s", "queue": "a,b"}),
        ("sge", ("-pe mpi 2-4", "-pe smp 2"), {"directives": [], "parallel_environment": "smp", "cpus": 2}),
        ("sge", ("-hold_jid 1", "-hold_jid 2"), {"hold_jid": ["1", "2"]}),
        ("oar", ("-q a", "-q b", "-t x", "-t y"), {"queue": "b", "types": ["x", "y"]}),
        ("oar", ("-l core=1,walltime=1", "-l gpu=1,walltime=1"), {"resources": ["core=1", "gpu=1"], "time": "3600s"}),
        ("lsf", ("-W 10", "-W 10"), {"time": "600s"}),
        (
            "lsf",
            ('-R "select[a]" -R "span[hosts=1]"', '-R "select[b]"'),
            {"span": "hosts=1", "resources": ["select[a]", "select[b]"]},
        ),
        ("local", ("--time=1", "--time=2", "--after=a", "--after=b"), {"time": "2s", "after": ["a", "b"]}),
    ],
)
def test_of_what_is_said_twice_that_counts_which_counts_to_the_scheduler(scheduler, lines, values):
    assert read(scheduler, *(f"{DIALECTS[scheduler].prefixes[0]} {line}" for line in lines)) == values


def test_a_first_resource_that_counts_is_told():
    made = describe(script("#PBS -l walltime=1:00", "#PBS -l walltime=2:00", "#PBS -l walltime=1:00"), DIALECTS["pbs"])

    assert made.notes == ["line 1 says -l walltime=1:00, and line 2 -l walltime=2:00: pbs takes the first."]


@pytest.mark.parametrize(("scheduler", "option"), [("lsf", "-W {}"), ("moab", "-l walltime={}"), ("moab", "-N n{}")])
def test_what_is_said_twice_is_refused_where_nobody_knows_what_counts(scheduler, option):
    lines = [f"{DIALECTS[scheduler].prefixes[0]} {option.format(number)}" for number in (10, 20)]

    with pytest.raises(PlanError, match=r"job\.sh: line 1 says .*10, and line 3 .*20: which .* Leave one\.$"):
        describe(script(lines[0], "", lines[1]), DIALECTS[scheduler])


@pytest.mark.parametrize("scheduler", ["pbs", "torque"])
def test_qsub_takes_blanks_before_its_lines_and_lines_that_go_on(scheduler):
    lines = [
        "  #PBS -l walltime=1:00,\\",
        "nodes=2:ppn=1 \\",
        "  -q \\",
        "long",
        "\t#PBS-N x",
        "#PBSx",
        "echo",
        "#PBS -p 1",
    ]
    made = describe(script(*lines), DIALECTS[scheduler])

    nodes = {"directives": ["-l nodes=2:ppn=1"]} if scheduler == "pbs" else {"node_spec": "2:ppn=1"}
    assert made.values == {"time": "60s", "queue": "long", "name": "x", **nodes}
    assert made.rest == (2, 3, 4)
    assert made.notes == ["line 8 looks like a directive, but comes after the first command: not read."]


@pytest.mark.parametrize("scheduler", ["slurm", "sge", "oar", "local"])
def test_other_schedulers_do_not_and_that_is_told(scheduler):
    prefix = DIALECTS[scheduler].prefixes[0]
    name = {"slurm": "-J", "sge": "-N", "oar": "-n", "local": "--name"}[scheduler]
    made = describe(script(f" {prefix} {name} a"), DIALECTS[scheduler])
    close = describe(script(f"{prefix}{name} a"), DIALECTS[scheduler])

    assert (made.values, len(made.notes)) == ({}, 1)
    assert bool(close.values) == (scheduler in ("slurm", "sge")) == (not close.notes)


@pytest.mark.parametrize("line", [" #BSUB -W 5", "#BSUB-W 5"])
def test_lines_are_refused_where_nobody_knows_whether_they_count(line):
    with pytest.raises(PlanError, match=r"line 2 does not begin with #BSUB and a blank: whether lsf reads it"):
        describe(script("#!/bin/bash", line), DIALECTS["lsf"])


def test_alternatives_of_oar_with_different_times_stay_what_they_are():
    assert read("oar", "#OAR -l core=1,walltime=1", "#OAR -l core=2,walltime=2") == {
        "resources": ["core=1"],
        "time": "3600s",
        "directives": ["-l core=2,walltime=2"],
    }


@pytest.mark.parametrize("scheduler", DIALECTS)
def test_lines_behind_the_first_command_count_where_the_scheduler_reads_them(scheduler):
    dialect = DIALECTS[scheduler]
    name = "-J late" if scheduler in ("slurm", "lsf") else "-n late" if scheduler == "oar" else "-N late"
    made = describe(script("#!/bin/bash", "cat <<E", f"{dialect.prefixes[0]} {name}", "E"), dialect)

    assert made.values == ({"name": "late"} if scheduler in ("sge", "oar") else {})
    assert bool(made.notes) == (scheduler not in ("sge", "oar"))


def test_output_and_array_are_left_out_with_a_note():
    made = describe(script("#SBATCH --output=x.log", "#SBATCH -a 0-9%2"), DIALECTS["slurm"])

    assert made.values == {}
    assert [note.split(" is left out")[0] for note in made.notes] == ["line 1: --output=x.log", "line 2: -a 0-9%2"]


def test_the_lines_of_papers_are_those_of_slurm():
    assert read("slurm", "#SLURM --ntasks=1", "#SBATCHED --ntasks=2") == {"tasks": 1}
    assert kinds(script("#SLURM --ntasks=1", "#SBATCH -c 1")) == {"#SLURM": [1], "#SBATCH": [2]}


@given(st.integers(1, 10_000_000))
def test_every_time_that_sbatch_can_be_told_is_read_as_it_is(seconds):
    time = timedelta(seconds=seconds)

    assert read_walltime(read("slurm", f"#SBATCH --time={days_clock(time)}")["time"]) == time


@given(st.text(st.characters(blacklist_categories=("C", "Zl", "Zp")), max_size=60))
def test_no_line_is_too_odd_to_be_read(text):
    for dialect in DIALECTS.values():
        described = describe(script(f"{dialect.prefixes[0]} {text}"), dialect)

        assert described.scheduler == dialect.scheduler


def test_line_ends_of_windows_are_refused(tmp_path):
    (tmp_path / "job.sh").write_bytes(b"#SBATCH -t 1\r\npython main.py\r\n")

    with pytest.raises(PlanError, match="line ends of Windows"):
        read_script(tmp_path / "job.sh")


def test_a_byte_order_mark_is_refused(tmp_path):
    (tmp_path / "job.sh").write_text("\ufeff#!/bin/bash\n#SBATCH -t 1\npython main.py\n", encoding="utf-8")

    with pytest.raises(PlanError, match="byte order mark"):
        read_script(tmp_path / "job.sh")


@pytest.mark.parametrize(
    ("first", "options"),
    [("#!/bin/bash -l", ("-l",)), ("#!/usr/bin/env -S bash -eu", ("-eu",)), ("#!/bin/sh", ()), ("# hello", ())],
)
def test_the_first_line_may_ask_for_options_of_bash(tmp_path, first, options):
    (tmp_path / "job.sh").write_text(f"{first}\n")

    assert read_script(tmp_path / "job.sh").options == options


@pytest.mark.parametrize("shell", ["tcsh", "ksh"])
def test_scripts_of_other_shells_are_refused(tmp_path, shell):
    (tmp_path / "job.sh").write_text(f"#!/bin/{shell}\n")

    with pytest.raises(PlanError, match="script of bash or sh"):
        read_script(tmp_path / "job.sh")
