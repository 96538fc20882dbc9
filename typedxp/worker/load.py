"""Owns how a worker finds the experiment of a run: a module to import, or a file to load."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from typedxp.errors import ExecutionError
from typedxp.stages.declare.declaration import Declaration
from typedxp.vocabulary.records import ExperimentRef


def load(ref: ExperimentRef) -> Declaration:
    """Import the experiment that a run is of.

    Raises:
        ExecutionError: its module does not hold it, or cannot be imported without being run.
    """
    try:
        module = _import(ref)
    except SystemExit as error:
        raise ExecutionError(
            f"{ref.file or ref.module} exits when it is imported, which every worker process does. "
            f'Call {ref.name}.main() under `if __name__ == "__main__":` only.'
        ) from error
    for value in vars(module).values():
        if isinstance(value, Declaration) and value.name == ref.name and value.ref.function == ref.function:
            return value
    raise ExecutionError(f"{ref.file or ref.module} holds no experiment called {ref.name!r}.")


def _import(ref: ExperimentRef) -> ModuleType:
    if ref.module is not None:
        if ref.file is not None:
            _find(ref.module, Path(ref.file))
        return importlib.import_module(ref.module)
    if ref.file is None:
        raise ExecutionError(f"{ref.name} was typed into a notebook: a worker has no file to load it from.")
    return _import_file(Path(ref.file))


def _find(module: str, file: Path) -> None:
    """Put the directory that a module was imported from on the path, if it is not there."""
    names = module.split(".")
    place = file.parent if file.name == "__init__.py" else file.with_suffix("")
    if list(place.parts[-len(names) :]) == names:
        root = str(place.parents[len(names) - 1])
        if root not in sys.path:
            sys.path.insert(0, root)


def _import_file(path: Path) -> ModuleType:
    """Load a script under its own name, so that what it defines can be pickled and imported by its children."""
    sys.path.insert(0, str(path.parent))
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"typedxp_script_{path.stem}"
    # Said explicitly: a script may have any suffix, or none.
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or not path.exists():
        raise ExecutionError(f"{path} cannot be loaded: there is no such file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module
