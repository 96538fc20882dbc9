"""``typedxp schemas``."""

from __future__ import annotations

from pathlib import Path

import click

from typedxp.vocabulary.documents import json_schemas


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def schemas(directory: Path) -> None:
    """Write the JSON Schemas of the files of a run and of the settings into DIRECTORY."""
    import json

    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in json_schemas().items():
        path = directory / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path)
