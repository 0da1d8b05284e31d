"""Lines that a parser passes over may be kept from it: it says the same, of the same line."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import flux_events, gnu_time, mpi_runner_footer, posix_time
from include.recorded_runs import _logs, flux_cloud, mpi_runner
from tests.parsers.synthetic_logs import EVENTS_AFTER, EVENTS_BEFORE, FLUX_LOG, FOOTER, MPI_LOG

PARSERS = {
    "Flux events": (flux_events.parse, flux_events.SIGNS),
    "GNU time": (gnu_time.parse, gnu_time.SIGNS),
    "POSIX time": (posix_time.parse, posix_time.SIGNS),
    "footer": (mpi_runner_footer.parse, mpi_runner_footer.SIGNS),
    "submission": (_logs.first_line_with(flux_cloud.SUBMIT), flux_cloud._SUBMIT_SIGNS),
    "launch": (_logs.first_line_with(mpi_runner._LAUNCH), mpi_runner._LAUNCH_SIGNS),
    "certificate": (_logs.first_line_with(flux_cloud._GENERATED), flux_cloud._GENERATED_SIGNS),
}
LOGS = (FLUX_LOG, MPI_LOG, FOOTER, EVENTS_BEFORE, EVENTS_AFTER)
TRICKY = (
    *("", "real", "real 1.00", "user\t0m1.00s", "sys 1", "\x1b[1mreal\x1b[0m 1.00"),
    *("re\x1b[0mal 2", "FLUX\x1b[KTIME fluxsubmit wall time 0:50.21", "ƒa: x"),
    *("fLGqfV1: 1.000s start", "fLGqfV1: complete: ", "fLGqfV1: complete: status=0"),
    *("+ mpirun -np 2 lmp", "mpiexec -n 2 lmp", "# Generated on 2023-01-02 03:04:05"),
)
LINES = [*sorted({line for log in LOGS for line in log.splitlines()}), *TRICKY]
CUT = st.tuples(st.sampled_from(LINES), st.integers(0, 90), st.integers(0, 90)).map(
    lambda cut: cut[0][min(cut[1:]) : max(cut[1:])]
)
ANY = st.lists(st.one_of(st.sampled_from(LINES), CUT, st.text(max_size=20)), max_size=30)
WHOLE = st.sampled_from([log.splitlines() for log in LOGS])
TEXTS = ANY | st.tuples(ANY, WHOLE, st.lists(st.sampled_from(LINES), max_size=1)).map(
    lambda parts: [line for part in parts for line in part]
)
ENDS = st.sampled_from(["\n", "\r\n"])


def outcome(path, parse, **given_signs):
    try:
        return _logs.parsed(path, parse, **given_signs)
    except ParseError as err:
        return str(err)


@pytest.mark.parametrize("name", PARSERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, end=ENDS, is_ended=st.booleans(), chunk_bytes=st.integers(1, 200))
def test_signs_leave_out_only_what_a_parser_passes_over(
    tmp_path, name, texts, end, is_ended, chunk_bytes
):
    parse, signs = PARSERS[name]
    path = tmp_path / "log.out"
    path.write_bytes((end.join(texts) + (end if is_ended else "")).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_logs, "_CHUNK_BYTES", chunk_bytes)
        assert outcome(path, parse, signs=signs) == outcome(path, parse)


def test_line_that_is_wrong_is_numbered_among_all_lines(tmp_path):
    path = tmp_path / "log.out"
    path.write_text("a\nb\n" + "noise\n" * 1000 + "real 1.0\nc\n")
    with pytest.raises(ParseError, match=re.escape("log.out, line 1003: wrong `time -p` line")):
        _logs.parsed(path, posix_time.parse, signs=posix_time.SIGNS)
    path.write_text("a\nb\n" + "noise\n" * 1000 + "end without a line end")
    with pytest.raises(ParseError, match=re.escape("log.out, at its end, line 1003: `time -p`")):
        _logs.parsed(path, posix_time.parse, signs=posix_time.SIGNS)
