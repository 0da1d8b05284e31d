"""Airflow's API of the tasks, asked in the thread that asks."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, contextmanager

import httpx
import pytest


class Direct(httpx.BaseTransport):
    """In place of Airflow's own transport, which hands each message to another thread and back."""

    def __init__(self, app, loop):
        self._asked, self._loop = httpx.ASGITransport(app=app), loop

    def handle_request(self, request):
        return self._loop.run_until_complete(self._answer(request))

    async def _answer(self, request):
        found = await self._asked.handle_async_request(request)
        return httpx.Response(
            found.status_code, headers=found.headers, content=await found.aread(), request=request
        )


def newest(lifespan):
    """The API as the tasks of this Airflow ask it, without its eight versions for older ones."""
    from airflow.api_fastapi.common.exceptions import init_error_handlers
    from airflow.api_fastapi.execution_api.routes import execution_api_router
    from fastapi import FastAPI

    app = FastAPI(lifespan=lifespan)
    app.include_router(execution_api_router)
    init_error_handlers(app)
    return app


@contextmanager
def serving():
    """Airflow's API of this process, made once, with the transport of `Direct`."""
    from airflow.api_fastapi.execution_api import app as execution_api
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    api = in_process_api_server()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution_api, "create_task_execution_api_app", newest)
        assert api.app  # made here
    loop, started = asyncio.new_event_loop(), AsyncExitStack()
    lifespan = api.app.router.lifespan_context(api.app)
    loop.run_until_complete(started.enter_async_context(lifespan))
    api.transport = Direct(api.app, loop)
    yield
    del api.transport
    loop.run_until_complete(started.aclose())
    loop.close()
