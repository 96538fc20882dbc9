"""Owns making a run that has the config of another one."""

from __future__ import annotations

from typedxp.store.directory import RunDirectory
from typedxp.store.files import replace
from typedxp.vocabulary.records import RunRecord, RunStatus, Status


def copy_plan(source: RunDirectory, target: RunDirectory, record: RunRecord) -> None:
    """Write down in ``target`` what it will be: the ``record``, and the config of ``source``, byte for byte.

    Raises:
        StoreError: the config of the source cannot be read.
        OSError: the target cannot be written.
    """
    replace(target.path / "config.yaml", source.read_config_file())
    target.write_status(Status(RunStatus.PLANNED))
    # The last, since it makes this a run.
    target.write_record(record)
