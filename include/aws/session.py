"""Clients of AWS services: source of their credentials, time limits, and retries.

Outside Airflow, credentials come from boto3's own chain: variables, profile, the machine's role.
Airflow's side replaces that chain by its connection with `take_sessions_from`.
Both renew short-lived credentials by themselves, so a client may outlive them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3


@functools.cache  # reads files, and its clients share the models of the services
def _ambient(region: str) -> boto3.Session:
    import boto3  # noqa: PLC0415  slow, and most clusters never need it

    return boto3.Session(region_name=region)


class _Source:
    """Source of this process's sessions."""

    session: Callable[[str], boto3.Session] = staticmethod(_ambient)


def take_sessions_from(source: Callable[[str], boto3.Session]) -> None:
    """Use `source` to make the session for a region from now on."""
    _Source.session = staticmethod(source)


def session(region: str) -> boto3.Session:
    """A session whose credentials renew themselves."""
    return _Source.session(region)


def client(service: str, region: str) -> Any:
    """A client with time limits that retries throttled and lost calls.

    Wrong or missing credentials show at the first call; see `include.aws.problems`.
    """
    from botocore.config import Config  # noqa: PLC0415  as above

    # Retries of throttled calls back off up to 20 s: a call is given up after some minutes.
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 10},
        user_agent_extra="operator-benchmark",
    )
    return session(region).client(service, region_name=region, config=config)
