"""Owns the repository of a checkout: it borrows its objects from the user's, and git writes the files of a snapshot.

It has a configuration of its own. Nothing that the configuration of the user's repository would have git execute is
executed here: no hook, no monitor, and of the filters only those that the user or the machine has set up.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typedxp.stages.snapshot.repository import load_git, quoted

_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_TAKEN = r"core\.(autocrlf|eol|symlinks|precomposeunicode|sparsecheckout(cone)?)|extensions\.objectformat"
"""Those settings that decide which files there are, and which bytes are in them."""


def git_errors() -> tuple[type[Exception], ...]:
    """Return what is raised if git refuses or is not there, or the disk is full."""
    git = load_git()
    return (OSError, git.GitCommandError, git.GitCommandNotFound)


def write_snapshot(draft: Path, snapshot: str, root: Path) -> Iterator[str]:
    """Make the files of a snapshot, with those of the submodules in it; yield what the user should know.

    Raises:
        OSError: they cannot be written, or there is no such repository.
        git.GitCommandError: an object is gone.
    """
    git = load_git()
    try:
        with git.Repo(root, expand_vars=False) as repository:
            own, common = Path(repository.git_dir), Path(repository.common_dir)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise FileNotFoundError(errno.ENOENT, f"there is no git repository at {root}") from error
    config, filters = _read_config(own)
    _borrow(draft / ".git", snapshot, own, common, config)
    command = _command(draft)
    command.execute(["git", *_QUIET, "read-tree", "-m", "-u", f"{snapshot}^{{tree}}"], env=_environment(draft))
    for name in filters:
        files = command.execute(["git", "ls-files", "-z", f":(attr:filter={name})"], env=_environment(draft))
        if files:
            yield (
                f"the filter {name} is configured in the repository itself, and was not run: {_shown(files)} "
                "are as git stores them. To have it run, configure it for yourself: git config --global."
            )
    for name, commit in _submodules(draft, command):
        # A submodule that was never fetched is an empty directory, here as there.
        if (root / name / ".git").exists():
            yield from write_snapshot(draft / name, commit, root / name)


def _command(draft: Path) -> Any:
    return load_git().Git(draft)


def _environment(draft: Path) -> dict[str, str]:
    """Have git look at nothing but the draft, also where it was a hook of git that started us."""
    return {
        "GIT_DIR": str(draft / ".git"),
        "GIT_WORK_TREE": str(draft),
        "GIT_INDEX_FILE": str(draft / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(draft / ".git" / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        # A large file that was never downloaded stays the pointer that it is.
        "GIT_LFS_SKIP_DOWNLOAD_ERRORS": "1",
    }


def _read_config(directory: Path) -> tuple[dict[str, str], list[str]]:
    """Return those settings of a repository that decide about bytes, and the filters that it defines itself."""
    keys = rf"^({_TAKEN}|filter\..*\.(smudge|process))$"
    command = ["git", f"--git-dir={directory}", "config", "--null", "--show-scope", "--get-regexp", keys]
    _, text, _ = load_git().Git().execute(command, with_extended_output=True, with_exceptions=False)
    words = text.split("\0")
    config: dict[str, str] = {}
    own: dict[str, None] = {}
    trusted: set[str] = set()
    for scope, entry in zip(words[::2], words[1::2], strict=False):
        key, _, value = entry.partition("\n")
        if not key.startswith("filter."):
            config[key] = value
            continue
        name = key.removeprefix("filter.").rpartition(".")[0]
        if scope not in ("local", "worktree"):
            trusted.add(name)
        elif value not in ("", "cat"):
            own[name] = None
    safe = {key: value for key, value in config.items() if re.fullmatch(r"\w*", value)}
    return safe, [name for name in own if name not in trusted]


def _borrow(made: Path, snapshot: str, own: Path, common: Path, config: dict[str, str]) -> None:
    """Make a repository with no objects of its own, in which the snapshot is what is checked out."""
    for name in ("objects/info", "refs/heads", "info"):
        (made / name).mkdir(parents=True)
    lines = ["[core]", "\tbare = false", f"\trepositoryformatversion = {int('extensions.objectformat' in config)}"]
    for key, value in config.items():
        section, _, name = key.partition(".")
        lines += [f"[{section}]", f"\t{name} = {value or 'true'}"]
    (made / "config").write_text("\n".join(lines) + "\n")
    (made / "HEAD").write_text(f"{snapshot}\n")
    (made / "objects" / "info" / "alternates").write_bytes(quoted(os.fsencode(common / "objects")) + b"\n")
    for source, target in (
        (common / "info" / "attributes", made / "info" / "attributes"),
        (own / "info" / "sparse-checkout", made / "info" / "sparse-checkout"),
        (common / "shallow", made / "shallow"),
    ):
        if source.exists():
            shutil.copyfile(source, target)


def _submodules(draft: Path, command: Any) -> Iterator[tuple[str, str]]:
    """Yield the commit of each submodule by its path: git makes an empty directory of one, and of nothing else."""
    empty = [Path(name).relative_to(draft) for name, inner, files in os.walk(draft) if not inner and not files]
    paths = [str(path) for path in empty if path.parts[0] != ".git"]
    if not paths:
        return
    # By standard input there would be no limit; so many submodules nobody has.
    listed = command.execute(
        ["git", "--literal-pathspecs", "ls-files", "--stage", "-z", "--", *paths], env=_environment(draft)
    )
    for entry in filter(None, listed.split("\0")):
        facts, _, name = entry.partition("\t")
        mode, commit, _ = facts.split(" ")
        if mode == "160000":
            yield name, commit


def _shown(files: str) -> str:
    names = files.strip("\0").split("\0")
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
