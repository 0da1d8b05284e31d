"""Reason of a study's refusal, stored for its run's note and its report's tab."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule

from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

REFUSED = "refused"  # the XCom's key
# A lost connection is retried; the project's own refusals would be repeated.
AGAIN: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule(exception=BenchmarkError, action=RetryAction.FAIL)]
    ),
}


@contextmanager
def shown_on_the_run(ti: TaskInstance) -> Iterator[None]:
    """Store the message of an error that this project raised on purpose, and let it pass."""
    try:
        yield
    except BenchmarkError as err:
        ti.xcom_push(key=REFUSED, value=str(err))
        raise
