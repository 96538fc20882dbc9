"""The documentation is true: its code runs as shown, and it leaves out no public name, command or setting.

A page is a story in a git repository of its own, told by its code blocks in order:

- a file, if its first line is a comment that names it: `# train.py`, `# conf/config.yaml`, `# ~/.config/a.yaml`;
- `console`: what is typed after `$`, in bash, and what that prints; `...` stands for anything;
- `python` with `>>>`: a Python session that begins with nothing defined;
- `text` and MyST directives are only read;
- on the pages of schedulers, the first `yaml` is a profile, and the first `bash` what a job script with it begins with.

A comment before a block tells what is special: `<!-- exit code 2 -->`, `<!-- not run: why -->`.
"""

from __future__ import annotations

import doctest
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest

import typedxp
from tests.schedulers.cases import own
from typedxp import schedulers
from typedxp.cli.main import COMMANDS
from typedxp.runner.flags import parser
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.registry import OURS, get_scheduler
from typedxp.schedulers.script import render
from typedxp.store.yaml import load
from typedxp.vocabulary.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]

CLUSTERS = [DOCS / "schedulers" / f"{name}.md" for name in OURS]

BLOCK = re.compile(
    r"^(?:<!-- (?P<note>.*?) -->\n+)?^```(?P<language>.*?)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FILE = re.compile(r"# (?P<home>~/)?(?P<path>[\w./-]+\.(py|ya?ml|sh))\n")
SPELLING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Numbers are compared to as many digits as are shown. Plugins would take longer to load than most sessions last.
SESSIONS = (
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q -p no:cacheprovider --doctest-glob=*.session .sessions/"
    " -o doctest_optionflags='ELLIPSIS NORMALIZE_WHITESPACE NUMBER'"
)


@dataclass(frozen=True)
class Block:
    """A code block of a page; ``note`` is the comment before it."""

    note: str
    language: str
    text: str

    @property
    def code(self) -> int:
        return int(self.note.removeprefix("exit code ")) if self.note.startswith("exit code ") else 0

    @property
    def readable_only(self) -> bool:
        return self.language == "text" or self.language.startswith("{") or self.note.startswith("not run: ")

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield each command with the output that is shown for it."""
        for typed in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, output = typed.partition("\n")
            yield command, output


def blocks(page: Path) -> list[Block]:
    found = [Block(match["note"] or "", match["language"], match["text"]) for match in BLOCK.finditer(page.read_text())]
    passed_over = {"yaml", "bash"} if page in CLUSTERS else set()
    return [
        block
        for block in found
        if not block.readable_only and block.note not in {"quickstart", "tests"} and block.language not in passed_over
    ]


@pytest.fixture
def home(tmp_path_factory, monkeypatch) -> Path:
    """Give typedxp a home of its own for this test, with its profiles and its queue."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    return home


# The home comes first, for the shell to find it.
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_does_what_it_shows(page, home, shell, tmp_path):
    shell("git init --quiet")
    for sessions, told in groupby(blocks(page), lambda block: ">>>" in block.text and block.language == "python"):
        if sessions:
            run_sessions(list(told), shell, tmp_path / ".sessions")
            continue
        for block in told:
            if named := FILE.match(block.text):
                file = (home if named["home"] else tmp_path) / named["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
            else:
                assert block.language == "console", f"{page.name} has a block that no test can run:\n{block.text}"
                for command, output in block.commands():
                    check(command, output, shell(command, block.code))


def run_sessions(told: list[Block], shell, place: Path) -> None:
    """Run sessions that follow each other in one process: most of the time goes into imports."""
    place.mkdir()
    for number, block in enumerate(told):
        (place / f"{number:02}.session").write_text(block.text)
    shell(SESSIONS)
    shutil.rmtree(place)


def check(command: str, expected: str, printed: str) -> None:
    # Output is shown where it tells something.
    if expected.strip() and not doctest.OutputChecker().check_output(expected, printed, SPELLING):
        pytest.fail(f"`{command}` is shown to print\n\n{expected}\nbut prints\n\n{printed}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_has_one_command_to_try_and_one_to_test():
    text = (ROOT / "README.md").read_text()
    commands = {match["note"]: match["text"].strip() for match in BLOCK.finditer(text) if match["note"]}

    assert "tox run" in commands["tests"]
    assert "quickstart" in commands["quickstart"]
    assert not any("\n" in commands[name] for name in ("quickstart", "tests"))


@pytest.mark.parametrize("name", typedxp.__all__)
def test_every_public_name_is_in_the_reference(name):
    assert re.search(rf"^\.\. auto\w+:: typedxp\.{name}$", (DOCS / "reference.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", CLUSTERS, ids=lambda page: page.stem)
def test_a_worked_profile_makes_the_script_that_is_shown(page):
    shown = list(BLOCK.finditer(page.read_text()))
    profile, script = (next(block["text"] for block in shown if block["language"] == kind) for kind in ("yaml", "bash"))
    scheduler = get_scheduler(page.stem)
    model = scheduler.profile.model_validate(load(profile))
    job = Job("train", ("python",), Path("/home/ada"), Path("/home/ada/logs/jobs/7"), 100)

    written = render(scheduler, model, job)
    assert written[: len(script)] == script
    assert not written[len(script) :].startswith(model.prefix), "a directive is not shown"


@pytest.mark.parametrize("page", CLUSTERS, ids=lambda page: page.stem)
def test_a_page_names_every_setting_that_its_scheduler_alone_has(page):
    alone = set(get_scheduler(page.stem).profile.model_fields) - set(Profile.model_fields)

    assert sorted(field for field in alone if not re.search(rf"`[^`\n]*\b{field}\b[^`\n]*`", page.read_text())) == []


def test_the_table_of_what_schedulers_can_express_is_that_of_the_models():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / "schedulers/index.md").read_text().splitlines()
        if line.startswith(("| |", "| `"))
    ]
    said = {name.strip("`"): cells for name, *cells in rows[1:] if name.startswith("`")}

    assert rows[0] == ["", *OURS]
    fields = [field for field in Profile.model_fields if field not in Profile.portable]
    assert {name: said.get(name) for name in fields} == {
        field: [_sayable(name, field) for name in OURS] for field in fields
    }
    assert said["typedxp hold"] == ["yes" if get_scheduler(name).hold_commands(["1"]) else "" for name in OURS]
    script = Path("job.sh")
    assert said["typedxp profiles check"] == [
        "yes" if get_scheduler(name).test_command(script) else "" for name in OURS
    ]


def _sayable(scheduler, field):
    """Whether a scheduler can express a field; ``site`` if it needs the site's words for that."""
    if field not in get_scheduler(scheduler).profile(scheduler=scheduler).expressed():
        return ""
    return "site" if field in own(scheduler)["needs"] else "yes"


NAMES = {
    "slurm": "Slurm",
    "pbs": "PBS",
    "torque": "TORQUE",
    "sge": "Grid Engine",
    "oar": "OAR",
    "moab": "Moab",
    "lsf": "LSF",
    "local": "this machine",
}


@pytest.mark.parametrize("name", OURS)
def test_the_page_on_preemption_says_how_a_scheduler_is_asked_for_a_warning_and_another_turn(name):
    row = re.search(rf"^\| {NAMES[name]} \|(.*)", (DOCS / "how-to/preemption.md").read_text(), re.MULTILINE)
    scheduler = get_scheduler(name)
    empty = scheduler.profile(scheduler=name)
    asked = {"time": "4h", "requeue": True} | ({"warn": "5m"} if "warn" in empty.expressed() else {})
    job = Job("train", ("python",), Path("/home/ada"), Path("/home/ada/logs/jobs/7"), 100)
    script = render(scheduler, scheduler.profile.model_validate({"scheduler": name, **asked}), job)

    assert ("cannot be said" in row[1]) == ("warn" not in asked)
    assert [words for words in re.findall("`(.*?)`", row[1]) if words not in script] == []
    assert ("exit code 99" in row[1]) == (scheduler.requeue_code == 99)


def test_every_portable_field_of_profiles_is_in_the_reference_and_the_reverse():
    documented = re.findall(r"^\| `xp\.profile\.(\w+)`", (DOCS / "reference.md").read_text(), re.MULTILINE)

    assert sorted(documented) == sorted(Profile.model_fields)


@pytest.mark.parametrize("name", schedulers.__all__)
def test_every_public_name_of_schedulers_is_in_the_reference(name):
    text = (DOCS / "reference.md").read_text()

    assert re.search(rf"^\.\. auto\w+:: typedxp\.schedulers\.{name}(\(.*\))?$|^- `{name}`: ", text, re.MULTILINE)


def test_every_setting_is_in_the_reference_and_the_reverse():
    documented = re.findall(r"^\| `xp\.(\w+)`", (DOCS / "reference.md").read_text(), re.MULTILINE)

    assert sorted(documented) == sorted(Settings.model_fields)


def test_every_flag_is_in_the_reference():
    flags = {flag for action in parser("train.py")._actions for flag in action.option_strings}
    documented = set(re.findall(r"`(--?[a-z-]+)", (DOCS / "reference.md").read_text()))

    assert documented == flags


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_mentions_a_setting_that_does_not_exist(page):
    # `ds.xp.mean` is the accessor, not a setting.
    mentioned = set(re.findall(r"(?<!\.)\bxp\.(\w+)", page.read_text()))

    assert mentioned <= set(Settings.model_fields)


def test_every_command_has_its_section_and_the_reverse():
    documented = re.findall(r"^## `typedxp ([\w-]+)`$", (DOCS / "cli.md").read_text(), re.MULTILINE)

    assert sorted(documented) == sorted(COMMANDS)
