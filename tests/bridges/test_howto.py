"""The guide to bridges is true where it needs other libraries, too; `tests/test_docs.py` runs the rest of it."""

from __future__ import annotations

import doctest
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "bridges.md").read_text()
FILES = re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^<!-- not run: needs (\w+) -->\n```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SPELLING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize(("library", "block"), BLOCKS, ids=[library for library, _ in BLOCKS])
def test_a_block_that_needs_another_library_does_what_it_shows(library, block, shell, tmp_path):
    if find_spec(library) is None:
        pytest.skip(f"needs {library}: tox -e bridges")
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    if "typedxp export" in block:
        shell("python descend.py lr=0.25,0.5")

    for typed in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = typed.partition("\n")
        printed = shell(command)
        assert doctest.OutputChecker().check_output(expected, printed, SPELLING), printed


def test_every_library_has_a_block():
    assert [library for library, _ in BLOCKS] == [
        "lightning",
        "transformers",
        "keras",
        "mlflow",
        "tensorboard",
        "wandb",
    ]
