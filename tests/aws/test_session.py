from __future__ import annotations

import boto3

from include.aws import session
from tests.aws.account import REGION


def test_clients_have_time_limits_and_repeat_what_was_throttled(aws):
    config = aws("ec2").meta.config
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert config.retries["total_max_attempts"] == 10


def test_throttled_call_is_repeated_until_it_is_answered(aws, monkeypatch):
    from botocore import endpoint
    from botocore.awsrequest import AWSResponse

    monkeypatch.setattr(endpoint.time, "sleep", lambda _: None)
    body = b"<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"
    answers = [body, body]
    client = aws("ec2")

    def throttle(request, **_):
        if answers:
            return AWSResponse(request.url, 503, {}, _Raw(answers.pop()))
        return None

    client.meta.events.register_first("before-send.ec2.DescribeRegions", throttle)
    assert client.describe_regions()["Regions"]
    assert answers == []


class _Raw:
    def __init__(self, body):
        self._body = body

    def stream(self, **_):
        yield self._body


def test_sessions_come_from_where_they_were_told_to(monkeypatch):
    monkeypatch.setattr(session._Source, "session", session._Source.session)
    made = boto3.Session(region_name="eu-north-1")
    session.take_sessions_from(lambda region: {"eu-north-1": made}[region])
    assert session.session("eu-north-1") is made


def test_sessions_are_the_machines_own_by_default(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(session._Source, "session", staticmethod(session._ambient.__wrapped__))
    assert session.session(REGION).get_credentials().access_key == "mine"
