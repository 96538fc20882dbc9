"""What a launch makes of a profile: as a user types it, on a scheduler that is never asked."""

from __future__ import annotations

import pytest

SCRIPT = """
from pydantic import SecretStr

import typedxp


@typedxp.experiment(config_path="conf")
def train(run: typedxp.Run, seed: int = 0, token: SecretStr = SecretStr("")) -> None:
    run.log(seed=seed)


if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def typed(shell, tmp_path, monkeypatch):
    """Type arguments of a script with a profile of the project, and one of the user, of the same name."""
    (tmp_path / "train.py").write_text(SCRIPT)
    for place, text in (("conf/xp/profile", "cpus: 3"), ("config/typedxp/profiles", "time: 5m")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "gpu.yaml").write_text(f"scheduler: slurm\n{text}\n")
    (tmp_path / "conf" / "config.yaml").write_text("seed: 1\n")
    return lambda rest, code=0: shell(f"XDG_CONFIG_HOME=config python train.py {rest}", code)


def test_the_projects_profile_takes_the_place_of_the_users_and_nothing_is_merged(typed):
    said = typed("xp/profile=gpu -n")

    assert "#SBATCH --cpus-per-task=3\n" in said
    assert "--time" not in said
    assert "Warning" not in said


def test_all_that_is_wrong_with_settings_and_profile_is_told_at_once(typed, tmp_path):
    said = typed("xp/profile=gpu xp.monitor=-1 xp.profile.time=60 xp.profile.memm=3G", code=2)

    assert "3 problems in train:" in said
    assert not (tmp_path / "logs").exists()


def test_a_profile_that_there_is_not_is_all_that_is_told_of_it(typed):
    said = typed("xp/profile=cpu xp.profile.time=2h", code=2)

    assert "1 problem in train:\n  xp/profile = 'cpu'  (command line)\n    There is no such option." in said


def test_a_wrong_setting_is_refused_even_if_it_is_to_be_unset(typed):
    said = typed("xp/profile=gpu xp.profile.memm=null -n", code=2)

    assert "xp.profile.memm" in said
    assert "Did you mean mem?" in said
    typed("xp/profile=gpu xp.profile.cpus=null -n")


def test_worker_processes_and_a_profile_exclude_each_other(typed):
    assert "leave out the one or the other (xp.jobs=null)" in typed("xp/profile=gpu -j 2", code=2)


def test_all_that_this_machine_can_never_give_is_told_at_once(typed, tmp_path):
    said = typed("seed=1,2 xp/profile=local xp.profile.cpus=99999 xp.profile.gpus=99", code=2)

    assert "2 problems in train:\n  xp.profile.cpus = 99999  (command line)\n    --cpus=99999: this machine" in said
    assert "\n  xp.profile.gpus = 99  (command line)\n    --gpus=99: there is" in said
    assert not (tmp_path / "logs").exists()


def test_a_profile_and_going_on_here_exclude_each_other(typed):
    assert "To submit runs again: typedxp retry." in typed("xp/profile=gpu xp.resume=unfinished", code=2)


def test_a_secret_cannot_be_told_by_way_of_the_profile(typed, tmp_path):
    given = "token=SEKRIT123 'xp.profile.secrets={token: HF}' 'xp.profile.env={HF: SEKRIT123}'"

    said = typed(f"xp/profile=local xp.snapshot=off {given}", code=2)

    assert "xp.profile.env" in said
    assert "It tells the secret token" in said
    assert "SEKRIT123" not in said
    assert not (tmp_path / "logs").exists()


def test_what_is_no_profile_is_refused_in_python(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT.replace('(config_path="conf")', ""))
    code = "import train, typedxp\ntry: train.train.run(profile=3)\nexcept typedxp.ConfigError as e: print(e)"
    (tmp_path / "call.py").write_text(code)

    assert "3 was given in Python, and is no profile." in shell("python call.py")


@pytest.mark.parametrize(
    ("text", "place", "key", "why"),
    [
        ("cpus: 3", "conf/xp/profile/bad.yaml:1", "xp.profile.scheduler", "`scheduler: NAME`, with one of slurm, pbs,"),
        (
            "scheduler: slrum",
            "conf/xp/profile/bad.yaml:1",
            "xp.profile.scheduler = 'slrum'",
            "mean slurm? Known: local,",
        ),
        ("scheduler: slurm\ncpus: x", "conf/xp/profile/bad.yaml:2", "xp.profile.cpus = 'x'", "valid integer"),
    ],
)
def test_a_profile_that_is_wrong_is_told_once_with_its_place_and_without_points(typed, tmp_path, text, place, key, why):
    (tmp_path / "conf/xp/profile/bad.yaml").write_text(f"{text}\n")

    said = typed("seed=1,2 xp/profile=bad", code=2)

    assert said.startswith(f"typedxp: 1 problem in train:\n  {key}  ({place})\n")
    assert why in said


def test_a_file_that_is_no_yaml_is_the_only_thing_that_is_told(typed, tmp_path):
    (tmp_path / "conf/xp/profile/bad.yaml").write_text("scheduler: [slurm\n")

    said = typed("seed=1,2 xp/profile=bad", code=2)

    assert said.startswith("typedxp: 1 problem in train:\n  composition\n")
    assert "conf/xp/profile/bad.yaml" in said


def test_settings_of_a_profile_without_one_ask_for_a_profile(typed):
    said = typed("xp.profile.time=2h", code=2)

    assert "xp.profile.scheduler  (command line)\n" in said
    assert "Choose one by xp/profile=NAME: gpu, local," in said


def test_a_line_of_a_strict_setup_that_fails_ends_the_run_with_the_evidence(typed, shell, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "config/typedxp/profiles/strict.yaml").write_text(
        "scheduler: local\nsetup: [set -e, module load nosuch]\n"
    )

    typed("xp/profile=strict xp.wait=true xp.snapshot=off", code=1)

    said = shell("typedxp status")
    assert "failed" in said
    assert "exit code 127" in said
    assert "the run never started" in said
    assert "module: command not found" in shell("typedxp logs 1 --job")
