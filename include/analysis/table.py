"""The table of records: one row per point, the columns of `Record` in their order and types."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd
from pydantic import AwareDatetime

from include.models import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = tuple(Record.model_fields)
NODE_SEPARATOR = " "  # no node name holds one; a list would not survive CSV
_INSTANT = "datetime64[us, UTC]"
_CHOICES = ("status", "binding", "mpi_implementation")
_COUNT = "Int64"  # a whole number that a recorded run may lack
_DTYPES: Mapping[type, str] = {
    bool: "bool",
    int: "int64",
    float: "float64",
    datetime: _INSTANT,
    AwareDatetime: _INSTANT,
    str: "str",
}


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """One row per record, all columns also when there is no record.

    Durations and rates are float64 (NaN: not measured), instants datetime64[us, UTC], statuses
    and names str, whole numbers that a recorded run may lack Int64; `node_names` is joined by
    blanks.
    """
    rows = [_row(record) for record in records]
    return _typed(pd.DataFrame.from_records(rows, columns=list(COLUMNS)))


def to_records(frame: pd.DataFrame) -> tuple[Record, ...]:
    """The records that a frame was made of; pydantic's ValidationError for wrong values."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return tuple(Record.model_validate(_values({str(k): v for k, v in r.items()})) for r in rows)


def to_parquet(frame: pd.DataFrame) -> bytes:
    """The frame as a Parquet file."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def from_parquet(data: bytes) -> pd.DataFrame:
    """The frame of a `records.parquet`; ValueError when a column is missing."""
    return _typed(_with_columns(pd.read_parquet(io.BytesIO(data))))


def to_csv(frame: pd.DataFrame) -> bytes:
    """The frame as UTF-8 CSV (RFC 4180): empty where not measured, instants in ISO 8601."""
    texts = {
        name: frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name in frame.columns
        if str(frame[name].dtype) == _INSTANT
    }
    return frame.assign(**texts).to_csv(index=False, lineterminator="\r\n").encode()


def from_csv(data: bytes) -> pd.DataFrame:
    """The frame of a `records.csv`; ValueError when a column is missing."""
    texts = pd.read_csv(
        io.BytesIO(data),
        dtype={
            column: _COUNT if _dtype(column) == _COUNT else "str"
            for column in COLUMNS
            if _dtype(column) in ("str", _INSTANT, _COUNT)
        },
        keep_default_na=False,
        na_values={column: [""] for column in COLUMNS if _optional(column)},
    )
    return _typed(_with_columns(texts))


def _row(record: Record) -> dict[str, Any]:
    return {
        **record.model_dump(mode="python"),
        **{name: str(value) for name in _CHOICES if (value := getattr(record, name)) is not None},
        "node_names": NODE_SEPARATOR.join(record.node_names),
    }


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    names = str(row["node_names"]).split(NODE_SEPARATOR)
    return {**row, "node_names": tuple(name for name in names if name)}


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    for column in COLUMNS:
        if _dtype(column) == _INSTANT:
            frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame.astype({column: _dtype(column) for column in COLUMNS})


def _with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise ValueError(f"not a table of records: it lacks the column {missing[0]!r}")
    return frame[list(COLUMNS)].copy()


def _dtype(column: str) -> str:
    annotation = Record.model_fields[column].annotation
    given = get_args(annotation) or (annotation,)
    bare = [getattr(kind, "__origin__", kind) for kind in given]  # Annotated[int, …] is an int
    kinds = [kind for kind in bare if kind in _DTYPES]
    dtype = _DTYPES[kinds[0]] if kinds else "str"
    return _COUNT if dtype == "int64" and _optional(column) else dtype


def _optional(column: str) -> bool:
    return type(None) in get_args(Record.model_fields[column].annotation)
