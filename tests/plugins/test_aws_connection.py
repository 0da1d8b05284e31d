from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.credentials import RefreshableCredentials
from moto import mock_aws

from include.aws import session
from plugins import aws_connection


@pytest.fixture
def connection(monkeypatch):
    """The pipeline takes its sessions from a connection with this key."""
    monkeypatch.setattr(session._Source, "session", session._Source.session)
    aws_connection._session_of_connection.cache_clear()
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://default:secret@")
    monkeypatch.setenv("AIRFLOW_CONN_PAID", "aws://paid:secret@")
    aws_connection.use_aws_connection()
    yield
    aws_connection._session_of_connection.cache_clear()


def key():
    return session.session("us-east-2").get_credentials().access_key


def test_credentials_are_those_of_the_connection(connection):
    assert key() == "default"
    assert session.session("us-east-2").region_name == "us-east-2"


def test_installation_may_name_another_connection(connection, monkeypatch):
    monkeypatch.setenv("OPERATOR_BENCHMARK_AWS_CONNECTION", "paid")
    assert key() == "paid"


def test_credentials_of_an_assumed_role_are_renewed_while_a_study_runs(connection, monkeypatch):
    role = {"role_arn": "arn:aws:iam::123456789012:role/benchmark", "region_name": "us-east-2"}
    given = {"conn_type": "aws", "login": "key", "password": "testing", "extra": role}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(given))
    with mock_aws():
        found = session.session("us-east-2").get_credentials()
        assert isinstance(found, RefreshableCredentials)
        first = found.access_key
        assert first not in {"key", None}
        found._expiry_time = datetime.now(UTC)
        assert found.access_key != first
