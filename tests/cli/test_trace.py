"""``typedxp trace``: which runs made a file."""

from __future__ import annotations

import json


def test_each_file_is_followed_by_what_made_it(typed, tmp_path):
    typed("table", "train.loss", "--over", "seed", "-o", "t.md", "--where", "lr == 0.1")
    typed("pack", "runs.nc")

    lines = typed("trace", "t.md", "runs.nc").out.splitlines()

    assert [lines[0], lines[6]] == ["t.md", "runs.nc"]
    assert lines[2:5] == ["  experiment: train", f"  store:      {tmp_path / 'logs'}", "  runs:       1-6"]
    assert "  runs:       1-11" in lines[7:]


def test_json_is_for_programs(typed):
    typed("table", "train.loss", "--over", "seed", "-o", "t.csv")

    found = json.loads(typed("trace", "--json", "t.csv").out)

    assert (found["t.csv"]["runs"], found["t.csv"]["experiment"]) == ("1-11", "train")


def test_a_file_that_tells_nothing_is_refused_and_the_others_are_still_read(typed, tmp_path):
    typed("table", "train.loss", "--over", "seed", "-o", "t.md")
    (tmp_path / "own.md").write_text("# Mine\n")

    printed = typed("trace", "own.md", "t.md", "gone.png", "paper.doc", code=2)

    assert printed.out.startswith("t.md\n")
    first, second, third = printed.err.splitlines()
    assert first.startswith("typedxp: own.md does not say what made it.")
    assert second.startswith("gone.png cannot be read: ")
    assert third.startswith("paper.doc cannot be traced: name a file that ends in .nc,")
