"""Which lines of a script a job repeats, by what bash has noted."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from hypothesis import given
from hypothesis import strategies as st

from typedxp.runner.scripts.tracing import Noted, _words, setup_of


def note(line: int, command: str, *variables: str) -> Noted:
    return Noted(line, "/here", command, variables)


def setup(script: str, *notes: Noted, **environment: str) -> list[str]:
    lines = setup_of(notes, script.split("\n"), environment)
    return [line for line in lines if line != "cd /here"]


def test_a_job_starts_where_the_lines_were_executed():
    assert setup_of([note(1, "module load a")], ["module load a"], {}) == ["cd /here", "module load a"]


def test_variables_of_the_shell_come_with_what_speaks_of_them_and_those_of_the_environment_do_not():
    found = setup("source $V/x $HOME", note(1, "source $V/x $HOME", 'declare -- V="a b"', 'declare -x HOME="/home"'))

    assert found == ['declare -- V="a b"', "source $V/x $HOME"]


def test_only_the_last_turn_of_a_loop_counts_for_exports():
    turns = [note(1, "export A=$a", f'declare -- a="{turn}"') for turn in range(3)]

    assert setup("export A=$a", *turns, A="2") == ['declare -- a="2"', "export A=$a"]


def test_every_turn_counts_where_names_differ():
    lines = ['export "$l"', "export ${n}_X=1"]
    turns = [note(1 + at, line, f'declare -- l="V{turn}=1"') for turn in range(2) for at, line in enumerate(lines)]

    found = setup("\n".join(lines), *turns)
    assert [line for line in found if line.startswith("export")] == lines * 2


def test_read_only_variables_can_be_declared_again_and_those_of_bash_are_left_alone():
    noted = [
        'declare -r A="1"',
        'declare -air B=([0]="2")',
        'declare -ir UID="0"',
        'declare -- HOSTNAME="login"',
        'declare -rx C="3"',
        "set -- 4 5",
    ]

    assert setup("export D=$A", note(1, "export D=$A", *noted)) == [
        'declare -- A="1"',
        'declare -ai B=([0]="2")',
        "set -- 4 5",
        "export D=$A",
    ]


def test_what_extends_a_variable_is_repeated():
    turns = [note(1, "export P=$p:$P", f'declare -- p="{turn}"') for turn in range(2)]

    assert setup("export P=$p:$P", *turns) == [
        'declare -- p="0"',
        "export P=$p:$P",
        'declare -- p="1"',
        "export P=$p:$P",
    ]


def test_modules_in_a_loop_are_all_loaded():
    turns = [note(1, "module load $m", f'declare -- m="{turn}"') for turn in "ab"]

    assert setup("module load $m", *turns)[1::2] == ["module load $m", "module load $m"]


def test_assignments_count_if_the_program_has_seen_them():
    script = 'X=1\nY="a b" python main.py\nenv Z=$(date) W=4 python main.py\nU=2'
    ended = [note(1, "X=1"), note(2, 'Y="a b" python main.py'), note(3, "env Z=$(date) W=4 python"), note(4, "U=2")]
    seen = {"X": "1", "Y": "a b", "Z": "x", "W": "4"}

    assert setup(script, *ended, **seen) == ["export X=1"]
    assert setup(script, *ended[:2], replace(ended[2], itself=True), **seen) == ["export X=1", "export Z=$(date) W=4"]


def test_what_only_eval_has_executed_is_not_repeated():
    script = 'eval "$(conda shell.bash hook)"'

    assert setup(script, note(1, script), note(1, "export CONDA_EXE=/x")) == [script]


def test_settings_of_the_shell_itself_are_not_those_of_the_job():
    assert setup("set -euo pipefail\neval echo", note(1, "set -euo pipefail"), note(2, "eval echo")) == []


@given(st.lists(st.text(st.characters(blacklist_categories=("C",)), min_size=1), max_size=5))
def test_words_are_parted_as_bash_does(words):
    assert list(_words(" ".join(map(quote, words)))) == [quote(word) for word in words]
