"""Owns the warning of runs that different programs made: of several versions of the code, or of the schema."""

from __future__ import annotations

from collections.abc import Collection

from typedxp.results.analysis.provenance import spell_versions
from typedxp.results.problems import warn
from typedxp.results.runs.history import SCHEMA, History
from typedxp.results.runs.table import Fact, Table

_SHOWN = 3


def warn_of_versions(table: Table, history: History, dims: Collection[str]) -> None:
    """Warn if what is shown was made by different programs, and no dimension keeps them apart."""
    code, schema = table.fact("code").compact(), table.fact(SCHEMA).compact()
    several = {}
    if len(code.values) > 1 and "code" not in dims:
        several["code"] = f"{len(code.values)} versions of the code ({_name(code, table)})"
    changes = history.changes()
    if len(schema.values) > 1 and changes and SCHEMA not in dims:
        several[SCHEMA] = f"{len(schema.values)} schemas ({_name(schema, table)}; {changes})"
    for fact in list(several)[:1]:
        message = (
            f"The runs come from {' and '.join(several.values())}: averages may mix them. Choose by "
            f"where=\"{fact} == '{table.fact(fact).used[-1]}'\", or keep them apart by dims=[..., {fact!r}]."
        )
        warn(message)


def _name(fact: Fact, table: Table) -> str:
    runs = {name: table.ids[fact.places == place].tolist() for place, name in enumerate(fact.values)}
    shown = {name: runs[name] for name in list(runs)[:_SHOWN]}
    return spell_versions(shown) + (f"; and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else "")
