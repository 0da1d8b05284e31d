"""Why a study was refused, kept where its run's note and its report's tab find it."""

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
# A lost connection is tried again; what the project itself refuses would be refused again.
AGAIN: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule(exception=BenchmarkError, action=RetryAction.FAIL)]
    ),
}


@contextmanager
def told_on_the_run(ti: TaskInstance) -> Iterator[None]:
    """Keep the sentence of an error that this project raised on purpose, and let it pass."""
    try:
        yield
    except BenchmarkError as err:
        ti.xcom_push(key=REFUSED, value=str(err))
        raise
