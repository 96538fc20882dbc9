"""Where profiles come from: the site, the user, Python and the project; the nearest of a name is taken."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import typedxp
from typedxp.errors import ConfigError, ProfileError, SchedulerError
from typedxp.runner import profiles
from typedxp.runner.checking import check_profile
from typedxp.runner.judging import judge_named, named_profile
from typedxp.runner.profiles import find_profiles, profiles_from_here
from typedxp.schedulers import Slurm
from typedxp.stages.declare import registry
from typedxp.testing.slurm import FakeSlurm
from typedxp.testing.standin import Answer


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return the directories of the site, the user and the project, where we are."""
    found = {name: tmp_path / name for name in ("site", "typedxp/profiles", "project/conf/xp/profile")}
    for place in found.values():
        place.mkdir(parents=True)
    monkeypatch.setattr(profiles, "SITE", tmp_path / "site")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "project")
    return list(found.values())


def test_the_nearest_of_a_name_is_taken_and_tells_what_it_takes_over(places):
    for number, place in enumerate(places):
        (place / "gpu.yaml").write_text(f"scheduler: slurm\ncpus: {number + 1}\n")
    site, user, project = (str(place / "gpu.yaml") for place in places)

    found = profiles_from_here()["gpu"]

    assert (found.origin, found.hidden) == (project, (user, site))
    assert named_profile("gpu")["cpus"] == 3
    assert find_profiles()["gpu"].values["cpus"] == 2


def test_what_is_not_taken_over_as_a_whole_is_not_merged(places):
    (places[0] / "gpu.yaml").write_text("scheduler: slurm\ntime: 1h\n")
    (places[1] / "gpu.yml").write_text("scheduler: slurm\ncpus: 2\n")

    assert named_profile("gpu") == {"scheduler": "slurm", "cpus": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read"),
        ("a: &a [*a]", "holds itself"),
        ("null: 1", "the key None is no text"),
        ("scheduler: slurm\nenv: [{on: 1}]", "the key True is no text"),
        ("- 1", "holds no mapping"),
        ("a: \xff\xfe", "cannot be read"),
        ("a: ${b", "complete"),
    ],
)
def test_a_file_that_cannot_be_used_hurts_only_who_chooses_it(places, work, text, why):
    (places[1] / "bad.yaml").write_bytes(text.encode("latin-1"))
    (places[1] / "good.yaml").write_text("scheduler: slurm\n")
    with FakeSlurm(slots=0) as slurm:
        work.run(profile="good", shell=slurm, xp={"snapshot": "off"})

        with pytest.raises(ConfigError, match=why):
            work.run(profile="bad", shell=slurm, xp={"snapshot": "off"})
    with pytest.raises(ConfigError, match=why):
        judge_named(named_profile("bad"), "bad")


def test_references_are_resolved(places, work, monkeypatch):
    (places[1] / "mine.yaml").write_text(
        "scheduler: slurm\naccount: ${oc.env:PROJECT}\nname: of-${xp.profile.account}\n"
    )
    monkeypatch.setenv("PROJECT", "physics")
    with FakeSlurm(slots=0) as slurm:
        work.run(profile="mine", shell=slurm, xp={"snapshot": "off"})

    assert "--account=physics" in Path("logs/1/job.sh").read_text()
    assert named_profile("slurm") == {"scheduler": "slurm"}


def test_a_reference_to_nothing_is_refused_with_its_place(places):
    (places[1] / "mine.yaml").write_text("scheduler: slurm\naccount: ${oc.env:NO_SUCH_VARIABLE}\n")

    with pytest.raises(ConfigError, match=r"xp.profile.account(.|\n)*mine.yaml"):
        named_profile("mine")


def test_what_is_null_is_as_if_nobody_had_set_it(places):
    assert judge_named({"scheduler": "slurm", "time": None, "pack": None}, None) == Slurm()


def test_python_is_nearer_than_the_user(places, monkeypatch):
    (places[1] / "gpu.yaml").write_text("scheduler: slurm\n")
    monkeypatch.setattr(registry, "_registered", {})
    typedxp.register(Slurm(cpus=7), group="xp/profile", name="gpu")

    assert find_profiles()["gpu"].origin == "Python"
    assert named_profile("gpu")["cpus"] == 7
    (places[2] / "gpu.yaml").write_text("scheduler: slurm\ncpus: 8\n")
    assert named_profile("gpu")["cpus"] == 8


def test_a_field_that_there_is_not_names_the_file_and_what_was_meant(places):
    (places[1] / "gpu.yaml").write_text("scheduler: slurm\npartitoin: gpu\n")

    with pytest.raises(ConfigError, match=r"partition(.|\n)*") as error:
        judge_named(named_profile("gpu"), "gpu")
    assert str(places[1] / "gpu.yaml") in str(error.value)


def test_what_is_wrong_with_a_file_names_it_and_its_line(places):
    (places[2] / "bad.yaml").write_text("scheduler: [slurm\n")

    with pytest.raises(ConfigError) as error:
        check_profile("bad", print)

    assert str(error.value) == (
        f"1 problem in the profile bad:\n  xp/profile=bad  ({places[2]}/bad.yaml)\n"
        "    It cannot be read: line 2: expected ',' or ']', but got '<stream end>'."
    )


def test_the_projects_profiles_have_the_suffix_that_hydra_knows(places):
    (places[2] / "gpu.yml").write_text("scheduler: slurm\n")

    assert "gpu" not in profiles_from_here()


def test_a_profile_made_in_python_means_every_character_as_it_is(places, work, monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})
    profile = Slurm(setup=["cd ${HOME}"], env={"A": r"\${B}"})
    typedxp.register(profile, group="xp/profile", name="mine")
    with FakeSlurm(slots=0) as slurm:
        for given in (profile, profile.plain(), "mine"):
            work.run(profile=given, shell=slurm, xp={"snapshot": "off"})

    for number in "123":
        script = Path("logs", number, "job.sh").read_text()
        assert "\ncd ${HOME}\nexport A='\\${B}'\n" in script


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_profile_with_a_defaults_list_is_left_to_experiments(places, where):
    (places[where] / "gpu.yaml").write_text("defaults: [base]\nscheduler: slurm\n")

    with pytest.raises(ConfigError, match="only an experiment reads"):
        judge_named(named_profile("gpu"), "gpu")


def test_a_profile_is_checked_by_its_scheduler_and_its_script_is_shown_first(places, capsys):
    (places[2] / "gpu.yaml").write_text("scheduler: slurm\npartition: gpu\n")
    with FakeSlurm(partitions=["gpu"]) as slurm:
        assert re.match(r"slurm says: sbatch: Job \d+ to start at ", check_profile("gpu", print, slurm))
        assert "#SBATCH --partition=gpu" in capsys.readouterr().out
        slurm.breaks("sbatch", Answer(err="Invalid partition name specified", code=1))
        with pytest.raises(SchedulerError, match="Invalid partition"):
            check_profile("gpu", print, slurm)
        slurm.breaks("sbatch", Answer(out="lorem ipsum"))
        assert check_profile("gpu", print, slurm) == "slurm says: lorem ipsum"
    assert "#SBATCH" in capsys.readouterr().out
    with pytest.raises(ProfileError, match="no profile 'gpv'"):
        check_profile("gpv", print)


def test_times_and_accounts_are_what_was_typed_whatever_yaml_takes_them_for(places, work, monkeypatch):
    text = "scheduler: slurm\ntime: 12:00:00\naccount: 0123\ncpus: 4\n"
    (places[1] / "mine.yaml").write_text(text)
    (places[2] / "ours.yaml").write_text(text)
    (places[2].parents[1] / "config.yaml").write_text("seed: 1\n")
    project = typedxp.experiment(config_path=str(places[2].parents[1]))(work.function)
    monkeypatch.setattr(sys.modules[work.function.__module__], "project", project, raising=False)
    with FakeSlurm(slots=0) as slurm:
        work.run(profile="mine", shell=slurm, xp={"snapshot": "off"})
        project.run(profile="ours", shell=slurm, xp={"snapshot": "off"})

    scripts = [Path("logs", run, "job.sh").read_text() for run in "12"]
    assert all("--time=12:00:00" in script and "--account=0123" in script for script in scripts)
    monkeypatch.chdir(places[2].parents[2])
    assert judge_named(named_profile("ours"), "ours") == Slurm(time="12h", account="0123", cpus=4)
