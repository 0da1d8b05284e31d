"""The table of records: one row per point, the columns of `Record` in their order and types."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd
from pydantic import AwareDatetime

from include.analysis.quantities import STATED, shipped, stated
from include.models import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MAPS = ("declared", "figures", "curves", "problem")  # fields that need more than one column
_TEXTS = ("problem", "curves", STATED)  # columns of JSON, empty for nothing
_SCALARS = tuple(name for name in Record.model_fields if name not in _MAPS)
_FIGURES_AFTER = "error"  # the applications' figures follow this column
NODE_SEPARATOR = " "  # not part of any node name; a list would not survive CSV
_INSTANT = "datetime64[us, UTC]"
_CHOICES = ("status", "binding", "mpi_implementation")
_JSON: tuple[tuple[str, str, Any], ...] = (
    ("problem", "problem", {}),
    ("curves", "curves", {}),
    ("declared", STATED, ()),
)
_COUNT = "Int64"  # a whole number that a recorded run may lack
_DTYPES: Mapping[type, str] = {
    bool: "bool",
    int: "int64",
    float: "float64",
    datetime: _INSTANT,
    AwareDatetime: _INSTANT,
    str: "str",
}


def columns(figures: Iterable[str] = ()) -> tuple[str, ...]:
    """The columns of a table of records, with those of the applications' figures."""
    place = _SCALARS.index(_FIGURES_AFTER) + 1
    return (*_SCALARS[:place], *figures, *_SCALARS[place:], *_TEXTS)


def figure_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns of a table of records that are figures of applications."""
    return tuple(name for name in frame.columns if name not in {*_SCALARS, *_TEXTS})


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """One row per record, with all columns even without records.

    Durations, rates and figures are float64 (NaN: not measured), instants datetime64[us, UTC],
    statuses and names str, whole numbers that a recorded run may lack Int64; `node_names` is
    joined by spaces; problem, curves and declared figures are JSON, empty where there is none.
    """
    kept = list(records)
    names = [
        name
        for record in kept
        for name in (
            *(f.name for f in record.declared or shipped(record.application) if not f.axis),
            *record.figures,
        )
    ]
    rows = [_row(record) for record in kept]
    every = columns(dict.fromkeys(names))
    return _typed(pd.DataFrame.from_records(rows, columns=list(every)))


def to_records(frame: pd.DataFrame) -> tuple[Record, ...]:
    """The records of a frame; pydantic's ValidationError for invalid values."""
    figures = figure_columns(frame)
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return tuple(
        Record.model_validate(_values({str(k): v for k, v in row.items()}, figures)) for row in rows
    )


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Several tables as one, with the figures of all."""
    figures = dict.fromkeys(name for frame in frames for name in figure_columns(frame))
    table = pd.concat(frames, ignore_index=True)
    return _typed(table.reindex(columns=list(columns(figures))))


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
            for column in (*_SCALARS, *_TEXTS)
            if _dtype(column) in ("str", _INSTANT, _COUNT)
        },
        keep_default_na=False,
        na_values={name: [""] for name in _can_lack(data)},
    )
    return _typed(_with_columns(texts))


def _can_lack(data: bytes) -> list[str]:
    """The columns of a CSV file that are empty where a value is unknown."""
    names = pd.read_csv(io.BytesIO(data), nrows=0).columns
    fixed = {*_SCALARS, *_TEXTS}
    return [n for n in names if n not in fixed or (n in _SCALARS and _optional(n))]


def _row(record: Record) -> dict[str, Any]:
    return {
        **record.model_dump(mode="python", exclude=set(_MAPS)),
        **{name: str(value) for name in _CHOICES if (value := getattr(record, name)) is not None},
        **record.figures,
        "node_names": NODE_SEPARATOR.join(record.node_names),
        "problem": _json(record.problem),
        "curves": _json(record.curves),
        STATED: stated(record.declared),
    }


def _json(value: Mapping[Any, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) if value else ""


def _values(row: Mapping[str, Any], figures: Sequence[str]) -> dict[str, Any]:
    names = str(row["node_names"]).split(NODE_SEPARATOR)
    given = {name: row[name] for name in figures if row[name] is not None}
    kept = {name: value for name, value in row.items() if name not in {*figures, *_TEXTS}}
    maps = {field: json.loads(row[column] or "null") or empty for field, column, empty in _JSON}
    return {
        **kept,
        **maps,
        "figures": given,
        "node_names": tuple(name for name in names if name),
    }


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    for column in _SCALARS:
        if _dtype(column) == _INSTANT:
            frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    dtypes = {column: _dtype(column) for column in (*_SCALARS, *_TEXTS)}
    return frame.astype(dtypes | dict.fromkeys(figure_columns(frame), "float64"))


def _with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame's columns in order; tables of release 0.1 lack the newest ones."""
    later = dict.fromkeys((*_TEXTS, "workarounds"), "") | {"program_version": None}
    frame = frame.assign(**{name: v for name, v in later.items() if name not in frame.columns})
    missing = [column for column in _SCALARS if column not in frame.columns]
    if missing:
        raise ValueError(f"not a table of records: it lacks the column {missing[0]!r}")
    return frame[list(columns(figure_columns(frame)))].copy()


def _dtype(column: str) -> str:
    if column in _TEXTS:
        return "str"
    annotation = Record.model_fields[column].annotation
    given = get_args(annotation) or (annotation,)
    bare = [getattr(kind, "__origin__", kind) for kind in given]  # Annotated[int, …] is an int
    kinds = [kind for kind in bare if kind in _DTYPES]
    dtype = _DTYPES[kinds[0]] if kinds else "str"
    return _COUNT if dtype == "int64" and _optional(column) else dtype


def _optional(column: str) -> bool:
    return type(None) in get_args(Record.model_fields[column].annotation)
