"""Gives the pipeline the AWS credentials of an Airflow connection."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3

CONNECTION = "OPERATOR_BENCHMARK_AWS_CONNECTION"
DEFAULT = "aws_default"


def use_aws_connection() -> None:
    """Use the connection for sessions from now on; reads nothing yet.

    The connection is `aws_default`, or the one named by OPERATOR_BENCHMARK_AWS_CONNECTION. The
    provider's hook renews the credentials of an assumed role by itself, and without a connection
    falls back to the machine's own credentials.
    """
    from include.aws import session

    session.take_sessions_from(_session_of_connection)


@functools.cache  # the connection is read once per process, and clients share their models
def _session_of_connection(region: str) -> boto3.Session:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    name = os.environ.get(CONNECTION) or DEFAULT
    hook: AwsBaseHook = AwsBaseHook(aws_conn_id=name, region_name=region, client_type="sts")
    return hook.get_session(region_name=region)
