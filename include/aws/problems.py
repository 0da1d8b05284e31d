"""Errors of calls to AWS, in words that say what to do."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = (ClientError, BotoCoreError, ResponseParserError)  # everything that a call to AWS raises

P = ParamSpec("P")
R = TypeVar("R")

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN_KEY = {
    "AuthFailure",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
}
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
}

# EC2 has too few machines of the type, or the account's limit is too low.
SHORTAGES = {"InsufficientInstanceCapacity", "InstanceLimitExceeded", "VcpuLimitExceeded"}


class NoCredentials(ClusterError):
    """Error of a machine that has no credentials for AWS."""


def code_of(err: Exception) -> str:
    """AWS's error code, empty when AWS did not answer."""
    return str(err.response["Error"].get("Code", "")) if isinstance(err, ClientError) else ""


def is_absent(err: ClientError) -> bool:
    """True if the error only says that the resource does not exist."""
    code = code_of(err)
    if code == "ValidationError":  # CloudFormation's code for it
        return "does not exist" in str(err)
    return code in {"NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException"} or (
        code.startswith("Invalid") and code.endswith((".NotFound", ".NotFoundException"))
    )


def explain(err: ClientError | BotoCoreError | ResponseParserError) -> str:
    """The error as a sentence that says what to do."""
    if not isinstance(err, ClientError):
        return _without_answer(err)
    code, message = code_of(err), err.response["Error"].get("Message", "")
    advice = f"{code}: {message}"
    if code in EXPIRED:
        advice = "the credentials for AWS have expired; renew them"
    elif code in UNKNOWN_KEY:
        advice = (
            f"AWS does not know the credentials ({code}); check the connection, and that the "
            "account has the region turned on"
        )
    elif code in DENIED:
        advice = f"not allowed: {message or code}; the rights are listed in docs/aws.md"
    elif code in THROTTLED:
        advice = "AWS still throttles after all repeats; try again later"
    return f"{err.operation_name}: {advice}"


def _without_answer(err: BotoCoreError | ResponseParserError) -> str:
    if isinstance(err, NoCredentialsError | PartialCredentialsError):
        return (
            "there are no credentials for AWS: set the connection aws_default, or "
            "AWS_PROFILE, or give the machine a role (docs/aws.md)"
        )
    if isinstance(err, EndpointConnectionError | NoRegionError):
        return f"AWS cannot be reached: {err}; is the region right?"
    if isinstance(err, ResponseParserError):
        return f"what answered is not AWS; is there a proxy in between? {err}"
    return f"AWS gave no answer: {err}"


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap the function so that AWS's errors become ClusterErrors that say what to do."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (NoCredentialsError, PartialCredentialsError) as err:
            raise NoCredentials(explain(err)) from err
        except FAILURES as err:
            raise ClusterError(explain(err)) from err

    return call
