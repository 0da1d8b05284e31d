"""A health check of Airflow's parts: `python -m include.deployment.health URL [COMPONENT]`.

For containers' health checks: it starts in a twentieth of the time of `airflow jobs check`, which
loads all of Airflow every time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT_S = 8.0
OK = 200


def problem(url: str, *, component: str | None = None) -> str | None:
    """The fault on Airflow's health page, None when all is well.

    The scheduler's own page (`/health`) only has a status code. The API server's
    (`/api/v2/monitor/health`) is `{"<component>": {"status": "healthy", ...}, ...}`.
    """
    try:
        status, text = _get(url)
        if status != OK:
            return f"{url} answers {status}"
        state = json.loads(text)[component]["status"] if component else "healthy"
    except (OSError, http.client.HTTPException) as err:
        return f"{url} does not answer: {type(err).__name__}"
    except (ValueError, KeyError, TypeError):
        return f"{url} does not say how {component} is"
    return None if state == "healthy" else f"{component} is {state or 'not running'}"


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "localhost", parts.port, timeout=LIMIT_S
    )
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: exit code 0 when healthy, otherwise 1 with the reason."""
    parser = argparse.ArgumentParser(
        prog="python -m include.deployment.health", description=__doc__.splitlines()[0]
    )
    parser.add_argument("url", help="a health page of Airflow")
    parser.add_argument("component", nargs="?", help="a component on that page")
    options = parser.parse_args(arguments)
    wrong = problem(options.url, component=options.component)
    sys.stdout.write(f"{wrong or 'healthy'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
