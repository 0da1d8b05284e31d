"""Keeps logs and database small: `python -m include.deployment.housekeeping --days 90`.

At the start and then daily it deletes older task logs and rows of Airflow's database. Results are
never touched. Airflow's own command cleans the database, so this runs where its settings are.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)
EVERY = timedelta(days=1)
MARK = Path("/tmp/housekeeping")  # noqa: S108  touched after each round that went well
LATE = EVERY + timedelta(hours=2)
AIRFLOW = "airflow"


def delete_old_logs(folder: Path, *, before: datetime) -> int:
    """Delete files last written before that time, and folders then empty; returns their number."""
    old = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and _written_at(path) < before
    ]
    for path in old:
        path.unlink(missing_ok=True)
    for parent in sorted({parent for path in old for parent in path.parents}, reverse=True):
        if folder in parent.parents and parent.exists() and not any(parent.iterdir()):
            parent.rmdir()
    return len(old)


def _written_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:  # somebody else has deleted it
        return datetime.now(UTC)


def clean_database(*, before: datetime) -> None:
    """Delete old rows; subprocess.CalledProcessError when Airflow cannot."""
    subprocess.run(  # noqa: S603
        [
            AIRFLOW,
            *("db", "clean", "--yes", "--skip-archive", "--error-on-cleanup-failure"),
            *("--clean-before-timestamp", before.isoformat(timespec="seconds")),
        ],
        check=True,
        stdout=subprocess.DEVNULL,  # one table per database table
    )


def clean(folder: Path, *, days: int) -> None:
    """One round: the logs, then the database."""
    before = datetime.now(UTC) - timedelta(days=days)
    number = delete_old_logs(folder, before=before)
    clean_database(before=before)
    log.info("deleted %d log files and the database's rows from before %s", number, before.date())


def is_late() -> bool:
    """True if no round succeeded for more than a day."""
    return not MARK.exists() or datetime.now(UTC) - _written_at(MARK) > LATE


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: clean once, or every day for ever."""
    parser = argparse.ArgumentParser(
        prog="python -m include.deployment.housekeeping", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--logs", type=Path, default=Path("/opt/airflow/logs"), help="their folder")
    parser.add_argument("--days", type=int, default=90, help="days to keep them (90)")
    parser.add_argument("--once", action="store_true", help="clean now, and end")
    parser.add_argument("--healthy", action="store_true", help="only say if all is well")
    options = parser.parse_args(arguments)
    if options.healthy:
        return int(is_late())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if options.days < 1:
        parser.error("--days: must be 1 or more, as studies at work need theirs")
    while True:
        try:
            clean(options.logs, days=options.days)
        except (OSError, subprocess.CalledProcessError) as err:
            log.error("not cleaned: %s", err)  # noqa: TRY400  no traceback for an administrator
            if options.once:
                return 1
        else:
            MARK.touch()
            if options.once:
                return 0
        time.sleep(EVERY.total_seconds())


if __name__ == "__main__":
    sys.exit(main())
