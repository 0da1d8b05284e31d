from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.parsers import ResponseParserError

from include.aws import problems
from include.errors import ClusterError


def refused(code, message="said"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateStack")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("ExpiredToken"), "CreateStack: the credentials for AWS have expired; renew them"),
        (refused("InvalidClientTokenId"), "AWS does not know the credentials"),
        (refused("AccessDenied", "role x may not eks:CreateCluster"), "may not eks:CreateCluster"),
        (refused("Throttling"), "still throttles"),
        (refused("LimitExceeded", "too many VPCs"), "CreateStack: LimitExceeded: too many VPCs"),
        (EndpointConnectionError(endpoint_url="https://x"), "is the region right?"),
        (NoCredentialsError(), "no credentials for AWS"),
        (ResponseParserError("invalid XML: <html>"), "not AWS; is there a proxy in between"),
    ],
)
def test_errors_of_aws_become_cluster_errors_that_say_what_to_do(error, words):
    @problems.explained
    def call():
        raise error

    with pytest.raises(ClusterError, match=words):
        call()


@pytest.mark.parametrize(
    ("code", "message", "absent"),
    [
        ("ValidationError", "Stack with id x does not exist", True),
        ("ValidationError", "Template format error", False),
        ("ResourceNotFoundException", "No cluster found", True),
        ("InvalidVpcID.NotFound", "", True),
        ("NoSuchEntity", "", True),
        ("AccessDenied", "x does not exist", False),
        ("Throttling", "", False),
    ],
)
def test_only_what_aws_calls_absent_counts_as_absent(code, message, absent):
    assert problems.is_absent(refused(code, message)) is absent
