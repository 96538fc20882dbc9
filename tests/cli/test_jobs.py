"""The subcommands for submitted runs, as typed, with commands of Slurm on PATH that a user might meet."""

from __future__ import annotations

import importlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runner.conftest import WORK
from typedxp.cli.main import main
from typedxp.runner import cleaning
from typedxp.runner.cleaning import find_waste
from typedxp.store.jobs import jobs
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus

SBATCH = r"""#!/bin/bash
[ -e refuse ] && { echo "sbatch: error: Batch job submission failed: Invalid qos specification" >&2; exit 1; }
script="${@: -1}"
number=$(($(ls -d state/* 2>/dev/null | wc -l) + 1))
last=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\).*/\1/p' "$script")
echo "${last:-alone}" > state/$number
[ -e slow ] && { touch begun; sleep 1; }
echo $number
"""

SQUEUE = r"""#!/bin/bash
echo asked >> asked
[ -e hang ] && exec sleep 60
[ -e garbage ] && { echo "<html>502 Bad Gateway</html>"; exit 0; }
for number in $(tr , ' ' <<< "${@: -1}"); do
  last=$(cat state/$number); state=$(cat states/$number 2>/dev/null || echo PENDING)
  names=$number; [ $last = alone ] || names=$(seq -f "${number}_%g" 0 $last)
  for name in $names; do echo "$name|$state|0|0|Priority|"; done
done
"""

SCANCEL = '#!/bin/bash\necho "$@" >> scancelled\n'


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Go to a directory with an experiment, and commands of a Slurm that starts nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("bin", "state", "states"):
        Path(name).mkdir()
    for name, text in {"sbatch": SBATCH, "squeue": SQUEUE, "scancel": SCANCEL}.items():
        Path("bin", name).write_text(text)
        Path("bin", name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TYPEDXP_PATIENCE", "5")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.syspath_prepend(tmp_path)
    Path("submitted_work.py").write_text(WORK + '\n\nif __name__ == "__main__":\n    work.main()\n')
    yield tmp_path
    sys.modules.pop("submitted_work", None)


@pytest.fixture
def launch(place):
    """Submit so many runs."""

    def submit(count, **fields):
        work = importlib.import_module("submitted_work").work
        profile = {"scheduler": "slurm", **fields}
        return work.sweep({"seed": range(count)}, xp={"profile": profile, "snapshot": "off"})

    return submit


@pytest.fixture
def typed(place, capsys):
    """Type a subcommand; return what it prints, errors after the rest."""

    def type_in(*words, code=0):
        assert main(words) == code, capsys.readouterr()
        said = capsys.readouterr()
        return said.out + said.err

    return type_in


def end(place, word, *ids):
    for number in ids:
        run = Store(place / "logs").run(number)
        run.write_status(replace(run.read_status(), status=RunStatus(word), attempt=1, cause="it did"))


def records(place):
    return [directory.read() for directory in jobs(Store(place / "logs"))]


def test_status_shows_where_runs_stand_in_the_schedulers_words(launch, typed, place):
    launch(2)

    assert typed("status").splitlines() == [
        f"     {run}  submitted       0{'':34}seed={run - 1}  slurm 1_{run - 1}: PENDING (Priority)" for run in (1, 2)
    ]
    assert (place / "asked").read_text() == "asked\n"
    [first, _] = json.loads(typed("status", "--json"))
    assert first["element"] == {
        "scheduler": "slurm",
        "job": "1",
        "name": "1_0",
        "submitted": first["element"]["submitted"],
    }
    assert (first["id"], first["status"], first["found"]["native"]) == (1, "submitted", "PENDING")
    assert first["point"] == {"seed": 0}


def test_a_scheduler_that_hangs_is_given_up_and_the_rest_is_shown(launch, typed, place, monkeypatch):
    launch(2)
    (place / "hang").touch()
    monkeypatch.setenv("TYPEDXP_PATIENCE", "0.5")
    start = time.monotonic()

    said = typed("status")

    assert time.monotonic() - start < 10
    assert said.count("submitted") == 2
    assert "slurm cannot be asked" in said
    assert "did not answer within 0.5 seconds" in said


def test_garbage_is_shown_and_changes_nothing(launch, typed, place):
    launch(1)
    (place / "garbage").touch()

    said = typed("status")

    assert "502 Bad Gateway" in said
    assert Store(place / "logs").run(1).read_status().status == "submitted"


def test_watching_ends_with_the_sweeps_exit_code_and_tells_every_change_once(launch, typed, place):
    launch(2)
    (place / "states" / "1").write_text("CANCELLED")

    said = typed("status", "--watch", code=1)

    assert said.splitlines()[-1] == "2 cancelled"
    assert typed("status", "1", "--json", "--watch", code=1).endswith("1 cancelled\n")


def test_cancel_names_what_it_cancelled_and_leaves_the_rest(launch, typed, place):
    launch(4)

    assert typed("cancel", "2-3") == "Runs 2-3 cancelled.\n"
    assert typed("cancel", "1-4") == "Runs 1, 4 cancelled.\n"
    assert typed("cancel", "1-4") == "There is nothing to do.\n"
    assert (place / "scancelled").read_text() == "1_[1-2]\n1\n"
    assert "Name the runs" in typed("cancel", code=2)


def test_cancel_does_not_claim_what_it_cannot_know_where_the_files_of_the_jobs_were_removed(
    launch, typed, place, monkeypatch
):
    launch(3)
    shutil.rmtree(place / "logs" / "jobs")

    said = typed("cancel", "1-2", code=1)

    assert said.startswith("typedxp: Runs 1-2: not cancelled, since nothing is known of their jobs.")
    assert "as work, go by its own commands (squeue --me and scancel, for Slurm)" in said
    assert not (place / "scancelled").exists()
    assert Store(place / "logs").run(1).read_status().status == "cancelled"
    monkeypatch.setattr("typedxp.runner.following.SUBMITTING", 0.0)
    assert "No job of it is in" in typed("status", "3")


def test_what_shares_an_element_is_cancelled_too_and_named(launch, typed):
    launch(4, pack=3)

    said = typed("cancel", "2")

    assert "Runs 1, 3 cancelled, too: they share jobs with those." in said
    assert said.startswith("Runs 1-3 cancelled.")


def test_retry_takes_runs_and_fields_of_the_profile_beside_each_other(launch, typed, place):
    launch(4, time="1h", mem="1G")
    end(place, "failed", 1, 2, 3)

    said = typed("retry", "2-3", "time=4h", "mem=null", "setup=[module load a]")

    assert "runs 2-3 as an array of 2" in said
    assert records(place)[-1].profile == {"scheduler": "slurm", "time": "04:00:00", "setup": ["module load a"]}


def test_retry_refuses_what_is_underway_if_it_is_named_and_passes_over_it_in_a_sweep(launch, typed, place):
    launch(3)
    end(place, "failed", 2)
    sweep = Store(place / "logs").run(1).read_record().sweep

    assert "Runs 1, 3 are underway" in typed("retry", "1-3", code=2)
    assert "run 2 as a job" in typed("retry", sweep)


def test_retry_leaves_alone_what_completed_and_judges_what_was_asked_for_all_the_same(launch, typed, place):
    launch(2)
    end(place, "completed", 1, 2)

    assert typed("retry", "1-2") == "There is nothing to retry.\n"
    assert "xp.profile.tyme" in typed("retry", "1-2", "xp.profile.tyme=2h", code=2)
    assert "no profile 'gpu'" in typed("retry", "1-2", "--profile", "gpu", code=2)
    assert typed("retry", "1-2", "time=2h") == "There is nothing to retry.\n"


def test_rerun_submits_new_runs_of_old_ones_with_a_profile(launch, typed, place):
    launch(3)
    end(place, "completed", 1, 2, 3)

    said = typed("rerun", "1", "3", "--in-place-code", "--profile", "slurm", "--set", "time=2h")

    assert "Submitted runs 4-5 as an array of 2: slurm job 2" in said
    assert (records(place)[1].profile, records(place)[1].name) == ({"scheduler": "slurm", "time": "02:00:00"}, "work")
    runs = [Store(place / "logs").run(number) for number in (4, 5)]
    assert [run.read_record().rerun_of for run in runs] == [1, 3]
    assert [str(run.read_status().status) for run in runs] == ["submitted"] * 2
    assert "choose one by --profile" in typed("rerun", "1", "--set", "time=2h", code=2)
    assert "no profile 'gpu'" in typed("rerun", "1", "--in-place-code", "--profile", "gpu", code=2)
    (place / "refuse").touch()
    assert "Run 6 not submitted: " in typed("rerun", "1", "--in-place-code", "--profile", "slurm", code=1)


def test_retry_scales_what_ran_out(launch, typed, place):
    launch(2, time="1h", mem="1G")
    end(place, "timeout", 1)
    end(place, "out_of_memory", 2)

    typed("retry", "--scale", "time=2,mem=1.5")

    asked = [(record.profile["time"], record.profile["mem"]) for record in records(place)[1:]]
    assert asked == [("02:00:00", "1G"), ("01:00:00", "1536M")]
    for scale in ("time", "time=x", "time=0.5", "time=inf", "cpus=2"):
        assert "--scale" in typed("retry", "--scale", scale, code=2)


def test_retry_of_what_the_scheduler_refuses_quotes_it_and_keeps_it_for_later(launch, typed, place):
    launch(2)
    end(place, "failed", 1, 2)
    (place / "refuse").touch()

    assert "Invalid qos specification" in typed("retry", code=1)
    assert "not submitted" in Store(place / "logs").run(1).read_status().cause
    assert re.search(r"nothing of the kind. It is failed: .*not submitted.* qos", typed("logs", "1", "--job"))
    (place / "refuse").unlink()
    assert "runs 1-2 as an array of 2" in typed("retry", "--failed")


def test_what_a_range_names_and_there_is_not_is_told(launch, typed, place):
    launch(4)
    shutil.rmtree(place / "logs" / "2")

    said = typed("cancel", "1-3", "4-99999999999")

    assert "Of 1-3, there is no run 2." in said
    assert "Of 4-99999999999, there is no run 5-99999999999." in said
    assert "Runs 1, 3-4 cancelled." in said


@pytest.mark.parametrize("word", ["gpu", "3-", "=4h", "12x"])
def test_retry_refuses_words_that_mean_nothing(launch, typed, word):
    launch(1)

    typed("retry", word, code=2)


def test_logs_show_the_jobs_output_until_the_run_has_its_own(launch, typed, place):
    launch(1)
    assert "Run 1 has printed nothing." in typed("logs", "1")
    (place / "logs" / "jobs" / "1" / "1.log").write_text("slurmstepd: error: no such interpreter\n")
    assert typed("logs", "1") == "slurmstepd: error: no such interpreter\n"
    (place / "logs" / "1" / "stdout.log").write_text("hello\n")

    assert typed("logs", "1") == "hello\n"
    assert typed("logs", "1", "--job") == "slurmstepd: error: no such interpreter\n"
    # Nobody is asked for what lies here.
    assert not (place / "asked").exists()


def test_logs_say_where_the_errors_of_a_run_are_that_has_failed_or_printed_nothing_else(launch, typed, place):
    launch(1)
    (place / "logs" / "1" / "stderr.log").write_text("Traceback\n")
    hint = "typedxp: What it printed as errors: typedxp logs 1 --err\n"
    assert typed("logs", "1") == f"typedxp: Run 1 has printed nothing.\n{hint}"
    (place / "logs" / "1" / "stdout.log").write_text("hello\n")
    assert typed("logs", "1") == "hello\n"
    directory = Store(place / "logs").run(1)
    directory.write_status(replace(directory.read_status(), status=RunStatus.FAILED))

    assert typed("logs", "1") == f"hello\n{hint}"
    assert typed("logs", "1", "--err") == "Traceback\n"


def test_logs_are_followed_to_the_end(launch, typed, place):
    launch(1)
    (place / "logs" / "1" / "stdout.log").write_text("hello\n")
    (place / "states" / "1").write_text("CANCELLED")

    assert typed("logs", "1", "-f") == "hello\n"


def test_profiles_tell_where_they_come_from(typed, place):
    for directory in ("config/typedxp/profiles", "conf/xp/profile"):
        (place / directory).mkdir(parents=True)
        (place / directory / "gpu.yaml").write_text("scheduler: slurm\n")

    [line] = [line for line in typed("profiles").splitlines() if line.startswith("gpu ")]

    near, far = f"{place}/conf/xp/profile/gpu.yaml", f"{place}/config/typedxp/profiles/gpu.yaml"
    assert line.split(maxsplit=3) == ["gpu", "slurm", near, f"takes over {far}"]
    [found] = [row for row in json.loads(typed("profiles", "--json")) if row["name"] == "gpu"]
    assert found["hidden"] == [far]
    (place / "refuse").touch()
    said = typed("profiles", "check", "gpu", code=2)
    assert "#SBATCH --array=0-1" in said
    assert "Invalid qos specification" in said


def test_a_profile_that_is_too_large_for_this_machine_is_listed_and_only_a_check_refuses_it(typed, place):
    (place / "conf/xp/profile").mkdir(parents=True)
    (place / "conf/xp/profile/big.yaml").write_text("scheduler: local\ncpus: 99999\n")

    said = typed("profiles")
    assert "\nbig " in f"\n{said}"
    assert "99999" not in said
    assert {row["problem"] for row in json.loads(typed("profiles", "--json"))} == {None}
    assert "xp.profile.cpus = 99999" in typed("profiles", "check", "big", code=2)


def test_profiles_that_cannot_be_used_are_listed_with_the_others_and_told(typed, place):
    (place / "conf/xp/profile").mkdir(parents=True)
    texts = {"good": "scheduler: slurm", "broken": "[", "based": "defaults: [good]", "wrong": "scheduler: slrum"}
    for name, text in texts.items():
        (place / "conf/xp/profile" / f"{name}.yaml").write_text(f"{text}\n")

    said = typed("profiles")
    rows = {row["name"]: row for row in json.loads(typed("profiles", "--json"))}

    assert {line.split()[0] for line in said.splitlines() if "conf/xp/profile" in line and "(" not in line} == {*texts}
    assert f"1 problem in the profile broken:\n  xp/profile=broken  ({place}/conf/xp/profile/broken.yaml)\n" in said
    assert "Did you mean slurm?" in said
    assert (rows["good"]["problem"], rows["based"]["problem"], rows["broken"]["values"]) == (None, None, {})
    assert "line 2" in rows["broken"]["problem"]
    assert "Did you mean slurm?" in rows["wrong"]["problem"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_submission_is_completed_by_retry(typed, place, how, monkeypatch):
    (place / "slow").touch()
    words = ["submitted_work.py", "seed=range(3)", "xp/profile=slurm", "xp.profile.max_array=1", "xp.profile.time=2h"]
    launcher = subprocess.Popen([sys.executable, *words, "xp.snapshot=off"], stderr=subprocess.DEVNULL)
    while not (place / "begun").exists():
        assert launcher.poll() is None
        time.sleep(0.02)
    launcher.send_signal(how)
    assert launcher.wait() in (130, -how)
    (place / "slow").unlink()
    if how is signal.SIGKILL:
        # What sbatch has answered nobody has heard.
        time.sleep(1)
    monkeypatch.setattr("typedxp.runner.following.SUBMITTING", 0.0)

    typed("status")
    typed("retry")

    found = json.loads(typed("status", "--json"))
    assert [row["status"] for row in found] == ["submitted"] * 3
    assert len({row["element"]["name"] for row in found}) == 3
    assert {record.profile["time"] for record in records(place)} == {"02:00:00"}


def test_a_run_that_cannot_be_read_is_not_waited_for_and_is_no_success(launch, typed, place):
    launch(2)
    end(place, "completed", 1, 2)
    (place / "logs" / "2" / "status.json").write_text("{")

    said = typed("status", "--watch", code=1)
    assert "1  completed" in said
    assert "logs/2/status.json cannot be read" in said


def test_what_chooses_no_run_is_told(launch, typed, place):
    launch(1)
    (place / "empty").mkdir()

    assert typed("status", "--where", "seed > 3") == "typedxp: None of 1 run meets 'seed > 3'.\n"
    assert typed("status", "1", "--where", "seed > 3") == "typedxp: None of 1 run meets 'seed > 3'.\n"
    assert typed("status", "--logs", "empty", "--json") == "[]\ntypedxp: There are no runs in empty.\n"
    said = typed("cancel", "--logs", "empty", "--where", "seed > 3")
    assert said == "There is nothing to do.\ntypedxp: There are no runs in empty.\n"
    launch(2)
    assert "No run that is named meets 'seed > 0'." in typed("hold", "1", "--where", "seed > 0")


def test_on_a_terminal_waiting_shows_a_table(launch, place, monkeypatch):
    launch(2)
    (place / "states" / "1").write_text("CANCELLED")
    ours, theirs = pty.openpty()

    subprocess.run(
        [sys.executable, "-m", "typedxp", "status", "--watch"],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"},
        check=False,
    )

    said = os.read(ours, 100_000).decode()
    assert re.search(r"1 +cancelled .* seed=0 +slurm job 1 has ended: CANCELLED", said)
    assert "2 cancelled" in said


def test_gc_keeps_the_checkout_of_a_run_that_its_scheduler_may_go_on_with(launch, place, monkeypatch):
    launch(1)
    monkeypatch.setattr(cleaning, "_YOUNG", -1.0)
    store = Store(place / "logs")
    checkout = store.cache / "checkouts" / ("0" * 40)
    (checkout / ".git").mkdir(parents=True)
    run = store.run(1)
    planned = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**planned, "checkout": str(checkout)}))
    preempted = replace(run.read_status(), status=RunStatus.CANCELLED, job="1", signal=15)

    run.write_status(preempted)
    assert not find_waste(store).waste
    run.write_status(replace(preempted, job_state="CANCELLED"))
    assert [waste.name for waste in find_waste(store).waste] == [str(checkout)]
