from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.deployment import health

pytestmark = pytest.mark.sockets


@pytest.fixture
def page():
    """An HTTP server: `answer` is its status and text, `url` its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, text = self.server.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}/health"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def monitor(**states):
    return json.dumps({name: {"status": state} for name, state in states.items()})


def test_a_healthy_component(page, capsys):
    page.answer = (200, monitor(scheduler="unhealthy", dag_processor="healthy"))
    assert health.main([page.url, "dag_processor"]) == 0
    assert capsys.readouterr().out == "healthy\n"


def test_a_page_without_text_is_judged_by_its_status(page):
    page.answer = (200, "")
    assert health.problem(page.url) is None
    page.answer = (503, "")
    assert health.problem(page.url) == f"{page.url} answers 503"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, monitor(scheduler="unhealthy")), "scheduler is unhealthy"),
        ((200, monitor(scheduler=None)), "scheduler is not running"),
        ((200, monitor(other="healthy")), "does not say how scheduler is"),
        ((200, "[]"), "does not say how scheduler is"),
        ((200, "<html>"), "does not say how scheduler is"),
        ((500, monitor(scheduler="healthy")), "answers 500"),
    ],
)
def test_anything_else_is_not_healthy_and_says_why(page, capsys, answer, says):
    page.answer = answer
    assert health.main([page.url, "scheduler"]) == 1
    assert says in capsys.readouterr().out


def test_nobody_there():
    assert "does not answer" in health.problem("http://127.0.0.1:1/health")
