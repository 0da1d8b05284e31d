"""A log of any length is read in the memory of a short one: counted in bytes, not in seconds."""

from __future__ import annotations

import tracemalloc

import pytest

from include.bench.analysis import write_long_log
from include.parsers import flux_events, gnu_time, lammps_log, mpi_runner_footer, posix_time
from include.recorded_runs import _logs
from tests.parsers.synthetic_logs import FLUX_LOG, MPI_LOG

CHUNK_BYTES = 1 << 12
SHORT, LONG = 1 << 16, 1 << 20
PARSERS = {
    "LAMMPS": lammps_log.parse,
    "POSIX time": posix_time.parse,
    "footer": mpi_runner_footer.parse,
    "Flux events": flux_events.parse,
    "GNU time": gnu_time.parse,
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(_logs, "_CHUNK_BYTES", CHUNK_BYTES)


def most_bytes(path, parse):
    """The most memory that was held while the file was read."""
    tracemalloc.start()
    try:
        _logs.parsed(path, parse)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def with_noise(path, text, size):
    """The log with warnings before it, as a broken name service writes them without end."""
    warning = "ssh: Could not resolve hostname worker-0: Name or service not known\n"
    path.write_text(warning * (size // len(warning)) + text)
    return path


@pytest.mark.parametrize("name", PARSERS)
def test_noise_takes_no_memory(tmp_path, name):
    text = FLUX_LOG if name in {"Flux events", "GNU time"} else MPI_LOG
    parse = PARSERS[name]
    _logs.parsed(with_noise(tmp_path / "first", text, SHORT), parse)  # what is loaded once
    short = most_bytes(with_noise(tmp_path / "short", text, SHORT), parse)
    long = most_bytes(with_noise(tmp_path / "long", text, LONG), parse)
    assert long < short + SHORT


def test_a_long_thermo_table_takes_no_memory(tmp_path):
    write_long_log(tmp_path / "a" / "short", size=2 * SHORT)
    write_long_log(tmp_path / "b" / "long", size=LONG)
    parse = lammps_log.parse
    _logs.parsed(tmp_path / "a" / "short", parse)
    short = most_bytes(tmp_path / "a" / "short", parse)
    assert most_bytes(tmp_path / "b" / "long", parse) < short + SHORT


def test_a_line_without_an_end_takes_no_memory(tmp_path):
    (tmp_path / "line").write_bytes(b"x" * LONG * 4)
    assert most_bytes(tmp_path / "line", lambda lines: sum(1 for _ in lines)) < LONG
