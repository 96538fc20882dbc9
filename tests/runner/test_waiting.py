"""How it is shown where runs stand while their end is waited for: a live table on a terminal, else a line at a time."""

from __future__ import annotations

import io
import re
import sys

import pytest

from typedxp.runner import standings
from typedxp.runner.following import follow
from typedxp.runner.standings import Lines, points_of
from typedxp.runner.waiting import Watch

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WIDTH = 100


class Terminal(io.StringIO):
    """A terminal of which everything is kept that was ever written to it."""

    def isatty(self) -> bool:
        """Be one."""
        return True

    def lines(self) -> list[str]:
        """Return the lines that were written, whatever became of them."""
        return re.split(r"[\r\n]+", _CONTROLS.sub("", self.getvalue()))


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that lets errors go to a terminal of eight lines: what sets up a test cannot."""
    for name, text in {"TERM": "xterm", "COLUMNS": str(_WIDTH), "LINES": "8"}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def opened():
        monkeypatch.setattr(sys, "stderr", found := Terminal())
        return found

    return opened


@pytest.fixture
def standing(launch, busy, store):
    """Submit so many runs; return a function that tells where they stand."""

    def submit(count):
        launch(busy, count)
        return lambda: follow(store, store.runs(), pytest.fail, busy)

    return submit


def test_the_live_table_has_the_lines_of_status_with_points_that_are_read_once(standing, terminal, monkeypatch):
    look, read = standing(3), []
    monkeypatch.setattr(standings, "show_point", lambda point: read.append(point) or f"seed={point['seed']}")
    screen, table = terminal(), Watch()
    table(look())
    table(look())
    table.close()

    assert read == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    assert screen.lines()[:4] == [
        *(
            f"     {run}  submitted       0{'':34}seed={run - 1}  slurm 1_{run - 1}: PENDING (Resources)"
            for run in (1, 2, 3)
        ),
        "3 submitted",
    ]
    assert "\x1b[1A" in screen.getvalue()


def test_the_live_table_neither_wraps_nor_is_higher_than_the_terminal(standing, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    look = standing(8)
    screen, table = terminal(), Watch()
    table(look())
    table.close()

    assert screen.lines()[:7] == [
        *(f"     {run}  submitted       0{'':34}seed={run - 1}  sl…" for run in range(1, 6)),
        "        and 3 more",
        "8 submitted",
    ]


def test_a_table_that_something_follows_in_its_place_is_cleared(standing, terminal):
    look, erased = standing(1), []
    for clear in (False, True):
        screen, table = terminal(), Watch()
        table(look())
        table.close(clear=clear)
        erased.append(screen.getvalue().count("\x1b[2K"))

    # What is left was drawn twice, and erased once in between; what is cleared is erased for good.
    assert erased[1] > erased[0]


def test_a_terminal_that_cannot_go_back_is_told_counts(standing, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    look, screen = standing(1), terminal()
    Watch()(look())

    assert screen.getvalue() == "1 submitted\n"


def test_who_has_closed_the_errors_is_told_nothing(standing, capsys, monkeypatch):
    look = standing(1)
    monkeypatch.setattr(sys, "stderr", None)
    Watch()(look())

    assert capsys.readouterr().out == ""


def test_without_a_terminal_counts_are_told_when_they_change_and_lines_are_never_cut(standing, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    look = standing(2)
    table = Watch()
    table(look())
    table(look())
    table.close()

    assert capsys.readouterr().err == "2 submitted\n"
    line = Lines(points_of(look())).line(look()[0])
    assert line.endswith("seed=0  slurm 1_0: PENDING (Resources)")
