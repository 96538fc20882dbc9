"""What imports load: heavy libraries come late, our own modules never do."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"git", "hydra", "hydra_zen", "numpy", "omegaconf", "pandas", "pydantic", "xarray"}

PACKAGE = Path(importlib.util.find_spec("typedxp").origin).parent

# To load these is to load pydantic, numpy or xarray.
MADE_OF_FOREIGN_CLASSES = {
    "typedxp.results.analysis.reports",
    "typedxp.results.analysis.trace",
    "typedxp.results.archive.write",
    "typedxp.results.backend",
    "typedxp.results.runs.differences",
    "typedxp.results.runs.extremes",
    "typedxp.results.runs.listing",
    "typedxp.results.runs.points",
    "typedxp.vocabulary.settings",
}

# To load these is to be about to launch something, which a worker that declares the experiment never is.
MADE_TO_LAUNCH = {"typedxp.runner.calls", "typedxp.runner.commands"}

DECLARATION = """
import typedxp
@typedxp.experiment
def train(run, lr: float = 0.1, seed: int = 0): ...
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import typedxp",
        "import typedxp.cli.main",
        "from typedxp import experiment",
        "from typedxp import open_results",
        "from typedxp import Run, seed_everything",
        DECLARATION,
    ],
)
def test_loads_nothing_heavy(statement):
    code = f"{statement}\nimport sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert HEAVY.isdisjoint(loaded.split())


def test_the_help_of_the_command_loads_nothing_heavy():
    exit_with_modules = "import atexit, sys; atexit.register(lambda: print(*sys.modules))"
    code = f"{exit_with_modules}; from typedxp.cli.main import main; main(['--help'])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout

    assert "Usage" in loaded
    assert HEAVY.isdisjoint(loaded.split())


SCRIPT = """
import json, sys
from pathlib import Path
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, lr: float = 0.1) -> None:
    Path("loaded.json").write_text(json.dumps(sorted(sys.modules)))

if __name__ == "__main__":
    train.main()
"""


def test_a_worker_loads_neither_composition_nor_results_nor_git(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)

    shell("python train.py lr=0.2 -j 1")

    loaded = set(json.loads((tmp_path / "loaded.json").read_text()))
    assert "typedxp.worker" in loaded or "__main__" in loaded
    assert {"git", "hydra", "hydra_zen", "pandas", "xarray"}.isdisjoint(loaded)
    assert MADE_TO_LAUNCH.isdisjoint(loaded)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_foreign_libraries_are_imported_late(file):
    late = {
        name
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(function)
        for name in imported_by(statement)
    }

    # A late import of our own means that the layers are wrong.
    allowed = MADE_OF_FOREIGN_CLASSES | MADE_TO_LAUNCH
    assert not {name for name in late - allowed if name.partition(".")[0] in {"typedxp", ""}}


def imported_by(statement: ast.AST) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        return ["" if statement.level else str(statement.module)]
    return []
