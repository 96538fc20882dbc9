"""``typedxp submit``: scripts as users have them become sweeps of jobs, and fail when anything in them does."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

MAIN = """
import os
import typedxp

@typedxp.experiment
def train(run, lr: float = 0.1, seed: int = 0, std: float = 0.1, method: str = "RF", note: str = ""):
    print("trained", lr, seed, os.environ.get("TYPEDXP_SUBMIT"))

if __name__ == "__main__":
    train.main()
"""

# It keeps what it was given, and answers as the real one does.
SBATCH = """#!/bin/bash
[ -e "$DESK/refuse" ] && { echo "sbatch: error: Batch job submission failed: Invalid account" >&2; exit 1; }
number=$(ls "$DESK/taken" | wc -l)
cp "${@: -1}" "$DESK/taken/$number.sh"
env >"$DESK/taken/$number.env"
echo "$((number + 1))"
"""

LISTING_3 = """#!/bin/bash

#SLURM --time=1-00:10:00
#SLURM --ntasks=1
#SLURM --cpus-per-task=1

python main.py lr=10.,1. seed=1,2
"""

LISTING_9 = r"""#!/bin/bash

#OAR -l core=1, walltime=00:30:00
#OAR -t besteffort
#OAR -p gpumem>'16000'

python main.py std=0.01,0.1,0.5,1.,5,10,100\
               seed=0,1,2,3,4\
               method=RF,GD,GN\
"""


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    code: int
    out: str
    err: str


class Desk:
    """A project in a git repository, and commands of a scheduler that only pretend, unless they are ``real``."""

    def __init__(self, path: Path, *, real: bool = False) -> None:
        self.path = path
        self.bin = path.parent / "bin"
        (self.bin.parent / "taken").mkdir()
        self.bin.mkdir()
        if not real:
            self.command("sbatch", SBATCH)
            for name in ("oarsub", "qsub"):
                self.command(name, "#!/bin/sh\nexit 1\n")
        self.command("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        self.write("main.py", MAIN)
        self.write(".gitignore", "*.sh\nlogs/\n")
        for words in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm start"):
            subprocess.run(["git", *words.split()], cwd=path, check=True)

    def command(self, name: str, text: str) -> None:
        file = self.bin / name
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def start(self, script: str, *options: str, program: str = "typedxp submit") -> subprocess.Popen[str]:
        """Start the submission of a script."""
        self.write("job.sh", script)
        words = [sys.executable, "-m", *program.split()] if program.startswith("typedxp") else [program]
        env = {**os.environ, "DESK": str(self.path.parent), "PATH": f"{self.bin}:{os.environ['PATH']}"}
        return subprocess.Popen(
            [*words, "job.sh", *options],
            cwd=self.path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def submit(self, script: str, *options: str, program: str = "typedxp submit") -> Typed:
        process = self.start(script, *options, program=program)
        out, err = process.communicate(timeout=100)
        return Typed(process.returncode, out, err)

    @property
    def taken(self) -> list[str]:
        """The job scripts that sbatch was given."""
        files = (self.path.parent / "taken").glob("*.sh")
        return [file.read_text() for file in sorted(files, key=lambda file: int(file.stem))]

    def points(self) -> list[dict[str, object]]:
        """The swept values of all runs, in the order of their ids."""
        runs = sorted((self.path / "logs").glob("[0-9]*/run.json"), key=lambda file: int(file.parent.name))
        return [json.loads(file.read_text())["point"] for file in runs]


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "project with space").mkdir()
    return Desk(tmp_path / "project with space")


def test_lines_for_the_queue_of_this_machine_are_read(desk):
    typed = desk.submit("#LOCAL --cpus=1 --time=60\npython main.py seed=1,2\n", "-n")

    assert (typed.code, desk.taken) == (0, [])
    assert "#LOCAL --time=60\n#LOCAL --cpus=1\n" in typed.out


def test_what_looks_like_a_reference_in_a_directive_stays_as_it_is(desk):
    typed = desk.submit("#SBATCH --comment='${HOME}'\npython main.py\n", "-n")

    assert typed.code == 0
    assert '#SBATCH --comment="${HOME}"\n' in typed.out


def test_listing_3_of_the_paper_is_one_array(desk):
    typed = desk.submit(LISTING_3)

    assert (typed.code, len(desk.taken)) == (0, 1)
    assert (
        "#SBATCH --array=0-3\n#SBATCH --time=1-00:10:00\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=1\n"
        in desk.taken[0]
    )
    assert desk.points() == [{"lr": lr, "seed": seed} for lr in (10.0, 1.0) for seed in (1, 2)]
    assert "submitted 4 runs of 1 sweep as 1 job" in typed.err


@pytest.mark.parametrize("listing", [LISTING_9, LISTING_9.replace("  ", ""), LISTING_9.rstrip("\n")])
def test_listing_9_of_the_paper_has_its_last_backslash(desk, listing):
    typed = desk.submit(listing, "-n")

    assert (typed.code, "105 runs as jobs of oar" in typed.out) == (0, True)
    for line in ("#OAR -l core=1,walltime=00:30:00", "#OAR -t besteffort", "#OAR -p gpumem>'16000'"):
        assert f"\n{line}\n" in typed.out


def test_the_same_script_runs_the_sweep_inside_one_job_of_the_scheduler(desk):
    typed = desk.submit(LISTING_3, program="bash")

    assert (typed.code, typed.out.count("trained"), desk.taken) == (0, 4, [])


def test_a_loop_is_a_sweep_for_each_turn_with_the_environment_of_that_turn(desk):
    desk.write("lib/env file.sh", 'export FROM_FILE="$1"')
    script = """
        #SBATCH --time=5
        where="lib"
        source "$where/env file.sh" 'a; $b'
        export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
        for lr in 1 2; do
            export LR="$lr x"
            python main.py lr=$lr seed=1,2
        done
        echo "the shell goes on: $LR"
    """
    typed = desk.submit("\n".join(line[8:] for line in script.splitlines()).lstrip())

    assert (typed.code, typed.out.endswith("the shell goes on: 2 x\n")) == (0, True)
    assert [point["seed"] for point in desk.points()] == [1, 2, 1, 2]
    for turn, text in enumerate(desk.taken, start=1):
        setup = text.partition("\ncd ")[2].partition("\nexec")[0].splitlines()[1:-1]
        assert setup == [
            'declare -- where="lib"',
            "source \"$where/env file.sh\" 'a; $b'",
            "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK",
            f'declare -- lr="{turn}"',
            'export LR="$lr x"',
        ]


def test_no_point_is_submitted_twice_and_odd_values_arrive(desk):
    desk.write("package/__init__.py", "")
    desk.write("package/train.py", MAIN)
    script = """#SBATCH -t 5
python main.py lr=1 seed=1,2
python3 main.py lr=1 seed=2,3
( SUB=1 python -m package.train lr=4 note='"a b; $HOME"' )
"""
    desk.command("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    typed = desk.submit(script)

    assert typed.code == 0
    assert [point.get("seed") for point in desk.points()] == [1, 2, 3, None]
    assert "submitted 4 runs of 3 sweeps as 3 jobs; 1 point left out that came twice" in typed.err
    assert "note: a b; $HOME" in (desk.path / "logs/4/config.yaml").read_text().replace("'", "")
    assert "\nexport SUB=1\n" in desk.taken[2]


def test_jobs_and_what_is_no_experiment_do_not_find_the_submission(desk):
    typed = desk.submit("#SBATCH -t 5\npython -c 'print(\"plain\")'\npython main.py lr=1\n")

    assert (typed.code, typed.out.startswith("plain\n")) == (0, True)
    assert "TYPEDXP_SUBMIT" not in next((desk.path.parent / "taken").glob("*.env")).read_text()


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        ("false\npython main.py lr=1", 1, "line 2 failed with exit code 1: false"),
        ("python main.py lr=1\nexit 3", 1, "submitted 1 run"),
        ("python main.py lr=ten || true\npython main.py lr=1", 2, "1 command refused"),
        ("python main.py --nonsense\npython main.py lr=1", 2, "1 command refused"),
        ("python main.py xp.resume=unfinished", 2, "typedxp retry"),
        ("echo nothing", 2, "submitted nothing"),
        ("touch ../refuse\npython main.py lr=1 | cat", 1, "Invalid account"),
    ],
)
def test_what_fails_is_told_and_makes_the_exit_code(desk, lines, code, says):
    typed = desk.submit(f"#SBATCH -t 5\n{lines}\n")

    assert (typed.code, says in typed.err) == (code, True)


@pytest.mark.parametrize(
    ("script", "options", "says"),
    [
        ("#SBATCH -t 5\n#PBS -N x\npython main.py", (), "several schedulers: #SBATCH in line 1; #PBS in line 2"),
        ("python main.py", (), "name the scheduler by --scheduler"),
        ("#SBATCH --mem=1G --mem-per-cpu=1G\npython main.py", (), "mem and mem_per_cpu exclude each other"),
        ("#SBATCH -t 5\npython main.py", ("tme=4h",), "Did you mean time?"),
        ("#!/bin/tcsh\n#SBATCH -t 5\npython main.py", (), "a script of bash or sh"),
        ("#SBATCH -t 5\npython main.py", ("--scheduler", "slrm"), "Did you mean slurm?"),
    ],
)
def test_what_cannot_be_submitted_is_refused_before_anything_is_executed(desk, script, options, says):
    typed = desk.submit(f"{script}\ntouch executed\n", *options)

    assert (typed.code, says in typed.err) == (2, True)
    assert not (desk.path / "executed").exists()


def test_the_command_line_overrules_the_script_and_a_command_of_it_overrules_both(desk):
    typed = desk.submit(
        "#SBATCH -t 5 -p slow\npython main.py lr=1\npython main.py lr=2 xp.profile.time=7h\n"
        "python main.py lr=3 xp/profile=slurm\n",
        "time=4h",
        "queue=fast",
    )

    assert typed.code == 0
    limits = [[line for line in text.splitlines() if "--time" in line or "--part" in line] for text in desk.taken]
    assert limits == [
        ["#SBATCH --time=04:00:00", "#SBATCH --partition=fast"],
        ["#SBATCH --time=07:00:00", "#SBATCH --partition=fast"],
        [],
    ]


@pytest.mark.parametrize(
    ("version", "scheduler"), [("pbs_version = 23.06.06", "pbs"), ("Version: 6.1.3\nCommit: a66", "torque")]
)
def test_qstat_says_whose_lines_those_of_pbs_are(desk, version, scheduler):
    desk.command("qstat", f"#!/bin/sh\necho '{version}' >&2\n")
    typed = desk.submit('#PBS -l walltime=1:00:00\ncd "$PBS_O_WORKDIR"\npython main.py lr=1\n', "-n")

    assert (typed.code, f"1 run as jobs of {scheduler}" in typed.out) == (0, True)


def test_a_dry_run_shows_all_and_leaves_nothing(desk):
    typed = desk.submit("#SBATCH -t 5\npython main.py lr=1\npython main.py lr=2\n", "-n")

    assert (typed.code, typed.out.count("#SBATCH --time=00:05:00"), desk.taken) == (0, 2, [])
    assert "2 runs of 2 sweeps would be submitted. Nothing was." in typed.err
    assert not (desk.path / "logs").exists()


def test_what_the_script_leaves_in_the_background_is_waited_for_once_it_has_begun(desk):
    typed = desk.submit("#SBATCH -t 5\npython main.py lr=1 &\nwhile [ ! -d logs ]; do sleep 0.05; done\n")

    assert (typed.code, len(desk.taken)) == (0, 1)
    assert "submitted 1 run" in typed.err


def test_an_interruption_ends_the_script(desk):
    process = desk.start("#SBATCH -t 5\npython main.py lr=1\n: > begun\nsleep 100\npython main.py lr=2\n")
    while not (desk.path / "begun").exists():
        time.sleep(0.05)
    # As a terminal does it: everything that belongs to the command hears of it.
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=50)

    assert (process.returncode, len(desk.taken)) == (130, 1)
    assert "submitted 1 run of 1 sweep" in err


def test_the_script_is_executed_as_if_nobody_watched(desk, monkeypatch, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("export THEIRS=1\n")
    script = """#!/bin/bash
#SBATCH -t 5
set -x
mkdir -p made && echo $_
[[ abc =~ (b) ]]; echo ${BASH_REMATCH[1]} $? $#
echo "$THEIRS ${BASH_ENV##*/} $0"
set +x
python main.py lr=1
"""
    monkeypatch.setenv("BASH_ENV", str(theirs))
    typed = desk.submit(script)

    assert typed.out.splitlines()[:3] == ["made", "b 0 0", f"1 theirs {desk.path / 'job.sh'}"]
    assert "__typedxp" not in typed.err


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(LISTING_3.replace("1-00:10:00", "00:02:00"), marks=pytest.mark.real("slurm")),
        pytest.param("#$ -l h_rt=120 -cwd\npython main.py lr=10.,1. seed=1,2\n", marks=pytest.mark.real("sge")),
        # The one of the tests has neither cores nor a memory of GPUs.
        pytest.param(
            "#!/bin/bash\n#OAR -l resource_id=1, walltime=00:02:00\n#OAR -t besteffort\n#OAR -p resource_id>'0'\n"
            "python main.py lr=10.,1.\\\n   seed=1,2\\\n",
            marks=pytest.mark.real("oar"),
        ),
    ],
    ids=["slurm", "sge", "oar"],
)
def test_the_scripts_of_the_paper_run_on_real_clusters(tmp_path, script):
    (tmp_path / "project").mkdir()
    desk = Desk(tmp_path / "project", real=True)
    typed = desk.submit(script.replace("seed=1,2", "seed=1,2 xp.wait=true"))

    assert (typed.code, len(desk.points())) == (0, 4), typed.err
    printed = [(desk.path / "logs" / str(run) / "stdout.log").read_text() for run in range(1, 5)]
    assert printed == [f"trained {lr} {seed} None\n" for lr in (10.0, 1.0) for seed in (1, 2)]
