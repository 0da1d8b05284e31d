"""Requests that write to SQLite do not meet in the API server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from plugins.one_write_at_a_time import OneWriteAtATime

LIMIT_S = 5.0


class Server:
    """An application that notes how many requests are at work at once."""

    def __init__(self):
        self.now = self.most = 0

    async def __call__(self, scope, receive, send):
        if scope.get("fails"):
            raise RuntimeError("broken")
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1


def most_at_once(*methods):
    """Most requests that are at work at once, when all come at once."""
    server = Server()
    middleware = OneWriteAtATime(server)

    async def all_of_them():
        requests = (middleware({"type": "http", "method": m}, None, None) for m in methods)
        await asyncio.wait_for(asyncio.gather(*requests), LIMIT_S)

    asyncio.run(all_of_them())
    return server.most


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_requests_that_write_follow_each_other(method):
    assert most_at_once(method, method, "POST") == 1


def test_requests_that_read_wait_for_nobody():
    assert most_at_once("GET", "GET", "POST", "HEAD") == 4


def test_a_request_that_fails_lets_the_next_one_in():
    middleware = OneWriteAtATime(Server())

    async def two():
        with pytest.raises(RuntimeError):
            await middleware({"type": "http", "method": "POST", "fails": True}, None, None)
        await asyncio.wait_for(middleware({"type": "http", "method": "POST"}, None, None), LIMIT_S)

    asyncio.run(two())


def test_the_start_and_end_of_the_server_pass():
    async def lifespan():
        await asyncio.wait_for(OneWriteAtATime(Server())({"type": "lifespan"}, None, None), LIMIT_S)

    asyncio.run(lifespan())


def test_airflow_loads_every_plugin_that_there_is():
    folder = Path(__file__).parents[2] / "plugins"
    lines = (folder / ".airflowignore").read_text().splitlines()
    loaded = {line.removeprefix("!") for line in lines if line.startswith("!")}
    plugins = {p.name for p in folder.glob("*.py") if "(AirflowPlugin):" in p.read_text()}
    assert loaded == plugins


def test_the_server_has_it_in_front_of_all_routes_where_the_database_is_sqlite(airflow_home):
    from airflow.plugins_manager import get_fastapi_plugins

    _, middlewares = get_fastapi_plugins()
    assert [each["middleware"].__name__ for each in middlewares] == ["OneWriteAtATime"]
