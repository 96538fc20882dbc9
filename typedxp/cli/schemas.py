"""``typedxp schemas``."""

from __future__ import annotations

from pathlib import Path

import click

from typedxp.errors import StoreError
from typedxp.schedulers.schemas import profile_schemas
from typedxp.store.files import reason
from typedxp.vocabulary.documents import json_schemas


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def schemas(directory: Path) -> None:
    """Write the JSON Schemas of the files of a run, of the settings and of the profiles into DIRECTORY.

    Those of the profiles are for editors. With this line in a YAML file, they complete and check it:

    # yaml-language-server: $schema=DIRECTORY/profiles/slurm.schema.json
    """
    import json

    profiles = {f"profiles/{name}": schema for name, schema in profile_schemas().items()}
    files = {directory / f"{name}.schema.json": schema for name, schema in {**json_schemas(), **profiles}.items()}
    try:
        (directory / "profiles").mkdir(parents=True, exist_ok=True)
        for path, schema in files.items():
            path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{directory} cannot be written: {reason(error)}.") from error
    print(*files, sep="\n")
