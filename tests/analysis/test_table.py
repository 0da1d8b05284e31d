from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include import applications
from include.analysis import table
from include.models import Record, Status
from tests.analysis.synthetic import record, study_records

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
EXAMPLES = settings.default.max_examples // 4  # one takes as long as ten of other tests
MEASURED = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
RECORDS = st.lists(
    st.builds(
        record,
        error=st.one_of(st.none(), TEXT),
        loop_time_s=MEASURED,
        pot_eng=MEASURED,
        status=st.sampled_from(Status),
        created_at=st.one_of(
            st.none(),
            st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 hypothesis adds the zone
        ),
        node_names=st.lists(st.sampled_from(["node-a", "node-b.example"])).map(tuple),
        simulated=st.booleans(),
        order_seed=st.integers(0, 2**53),
    ),
    max_size=5,
)


def test_columns_are_those_of_the_record_in_their_order():
    frame = table.to_frame(study_records())
    maps = {"declared", "figures", "curves"}
    figures = [figure.name for figure in applications.load("lammps").figures]
    known = {*Record.model_fields, *figures} - maps | {"curves", "declared_figures"}
    assert set(frame.columns) == known
    assert len(frame) == 16


def test_columns_have_their_types_also_without_records():
    for frame in (table.to_frame([]), table.to_frame(study_records())):
        dtypes = frame.dtypes.astype(str)
        assert dtypes["launcher_time_s"] == "float64"
        assert dtypes["created_at"] == "datetime64[us, UTC]"
        assert dtypes["nodes"] == "Int64"
        assert dtypes["order_index"] == "int64"
        assert dtypes["is_warmup"] == "bool"
        assert {dtypes[name] for name in ("status", "error", "node_names", "binding")} == {"str"}


def test_what_was_not_measured_is_missing_and_not_zero():
    frame = table.to_frame([record(status=Status.FAILED, error="exit 137")])
    assert frame["loop_time_s"].isna().all()
    assert frame["created_at"].isna().all()
    assert frame["node_names"].tolist() == ["node-0 node-1"]


@settings(max_examples=EXAMPLES)
@given(RECORDS)
def test_records_come_back_from_the_frame(records):
    assert table.to_records(table.to_frame(records)) == tuple(records)


@settings(max_examples=EXAMPLES)
@given(RECORDS)
def test_frame_comes_back_from_parquet(records):
    frame = table.to_frame(records)
    pd.testing.assert_frame_equal(table.from_parquet(table.to_parquet(frame)), frame)


@settings(max_examples=EXAMPLES)
@given(RECORDS)
def test_frame_comes_back_from_csv(records):
    frame = table.to_frame(records)
    pd.testing.assert_frame_equal(table.from_csv(table.to_csv(frame)), frame)


def test_table_without_a_column_is_refused():
    frame = table.to_frame(study_records()).drop(columns="block")
    with pytest.raises(ValueError, match="lacks the column 'block'"):
        table.from_csv(table.to_csv(frame))
    with pytest.raises(ValueError, match="lacks the column 'block'"):
        table.from_parquet(table.to_parquet(frame))
