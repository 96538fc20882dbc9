"""Owns tables: CSV, and parquet by pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.artifacts.kinds.kind import Kind, is_a

if TYPE_CHECKING:
    import pandas as pd


def _is_table(value: Any) -> bool:
    return is_a(value, "pandas.DataFrame")


def _save_csv(value: pd.DataFrame, path: Path) -> None:
    """Write the columns, after those of an index that is more than a count of the rows: CSV has no index."""
    import pandas as pd

    counted = isinstance(value.index, pd.RangeIndex) and value.index.name is None
    (value if counted else value.reset_index()).to_csv(path, index=False)


def _load_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    release = tuple(map(int, pd.__version__.split(".")[:2]))
    # Later ones read floats exactly, and warn if asked to.
    return pd.read_csv(path) if release >= (3, 1) else pd.read_csv(path, float_precision="round_trip")


def _save_parquet(value: pd.DataFrame, path: Path) -> None:
    value.to_parquet(path, engine="pyarrow")


def _load_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(path, engine="pyarrow")


KINDS = (
    Kind("csv", (".csv",), _is_table, _save_csv, _load_csv, sequential=True),
    Kind("parquet", (".parquet",), _is_table, _save_parquet, _load_parquet),
)
