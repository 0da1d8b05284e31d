"""Serialises the API server's writing requests when its database is SQLite.

Airflow stores its audit log of a request on the server's event loop. SQLite has one writer, so the
loop waits there for whoever writes. If that is another request, such as a starting task's, its
commit needs the loop: both wait until SQLite gives up, and meanwhile the server answers nobody
(seen in 3.3.2: `action_logging` commits in a coroutine, and a session ends by way of the loop).
Requests that write one after the other cannot deadlock like that. Other databases have many
writers and do not need this.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OneWriteAtATime:
    """Holds back a writing request while another one is running."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] in READING:
            await self.app(scope, receive, send)
            return
        async with self._turn:
            await self.app(scope, receive, send)


def is_sqlite() -> bool:
    """True if this Airflow's database has one writer."""
    return conf.get("database", "sql_alchemy_conn", fallback="").startswith("sqlite")


class OneWriteAtATimeOnSqlite(AirflowPlugin):
    """Puts it in front of all routes, including those for tasks."""

    name = "operator_benchmark_one_write_at_a_time"
    fastapi_root_middlewares = (
        [{"middleware": OneWriteAtATime, "args": [], "kwargs": {}, "name": "One write at a time"}]
        if is_sqlite()
        else []
    )
