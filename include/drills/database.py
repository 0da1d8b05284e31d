"""Airflow databases that can be made unresponsive for a while."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from include.bench import scheduler
from include.embedded.commands import run
from include.simulation.settings import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SETTING = "OPERATOR_BENCHMARK_DATABASE"  # read by bin/airflow
USER = "postgres"  # the server refuses to run as root
PROGRAMS = ("initdb", "pg_ctl", "postgres", "runuser")


@dataclass(frozen=True, kw_only=True)
class Database:
    """A running database."""

    silence: Callable[[float], None]  # makes it unresponsive for that many seconds
    settings: Mapping[str, str] = field(default_factory=dict)  # of Airflow


@contextmanager
def sqlite() -> Iterator[Database]:
    """The file in Airflow's home, as `make ui` uses it."""
    yield Database(silence=_lock_sqlite)


def _lock_sqlite(for_s: float) -> None:
    connection = sqlite3.connect(scheduler.HOME / "airflow.db", timeout=60, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    time.sleep(for_s)
    connection.execute("ROLLBACK")
    connection.close()


def has_postgresql() -> bool:
    """True if a PostgreSQL server can be started here."""
    return os.geteuid() == 0 and all(map(shutil.which, PROGRAMS))


@contextmanager
def postgresql() -> Iterator[Database]:
    """A PostgreSQL server on loopback from this machine's packages; removed at the end."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="drill-database-") as name:
        folder = Path(name) / "data"
        shutil.chown(name, USER)
        _as_user("initdb", "--auth=trust", "--no-sync", "-D", str(folder))
        listen = f"-p {port} -k {name} -c fsync=off"
        log = str(Path(name) / "log")
        _as_user("pg_ctl", "-w", "-D", str(folder), "-l", log, "-o", listen, "start")
        server = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        address = f"postgresql+psycopg2://{USER}@127.0.0.1:{port}/{USER}"
        try:
            yield Database(
                silence=lambda for_s: _stop_for(server, for_s), settings={SETTING: address}
            )
        finally:
            _as_user("pg_ctl", "-D", str(folder), "-m", "immediate", "stop")


def _as_user(*command: str) -> None:
    run(["runuser", "-u", USER, "--", *command], timeout_s=120.0, cwd=Path("/"))


def _stop_for(server: psutil.Process, for_s: float) -> None:
    family = [server, *server.children(recursive=True)]
    _send(family, signal.SIGSTOP)
    time.sleep(for_s)
    _send(family, signal.SIGCONT)


def _send(family: list[psutil.Process], number: signal.Signals) -> None:
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
