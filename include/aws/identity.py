"""The identity used on AWS as the cluster knows it, and the roles of the guards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws.problems import is_absent
from include.errors import ClusterError
from include.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable

SELF_DESTRUCT_ROLE = "OperatorBenchmarkSelfDestruct"
DELETION_ROLE = "OperatorBenchmarkDeletion"
_SESSION = re.compile(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/.+")


class GuardRoles(Model):
    """The roles with which AWS deletes a forgotten cluster: the schedule's and the stack's."""

    self_destruct_arn: str
    deletion_arn: str


def principal_arn(client: Callable[[str], Any]) -> str:
    """ARN of the calling IAM role or user, as a cluster's access entry needs it.

    An assumed role appears as a session; its own ARN may have a path that only IAM knows.
    ClusterError for the root user, who cannot be given access to a cluster.
    """
    caller: str = client("sts").get_caller_identity()["Arn"]
    if caller.endswith(":root"):
        raise ClusterError("AWS is used as the account's root user: use a role (docs/aws.md)")
    session = _SESSION.fullmatch(caller)
    if session is None:
        return caller
    role: str = client("iam").get_role(RoleName=session[3])["Role"]["Arn"]
    return role


def guard_roles(client: Callable[[str], Any]) -> GuardRoles:
    """The roles made by bootstrap.yaml; ClusterError when the account lacks them."""
    arns = {name: _role_arn(client("iam"), name) for name in (SELF_DESTRUCT_ROLE, DELETION_ROLE)}
    absent = sorted(name for name, arn in arns.items() if arn is None)
    if absent:
        msg = (
            f"the account has no role {' and no '.join(absent)}: make the stack of bootstrap.yaml "
            "(docs/aws.md), or set cluster_options.self_destruct to false and do without"
        )
        raise ClusterError(msg)
    return GuardRoles(
        self_destruct_arn=str(arns[SELF_DESTRUCT_ROLE]), deletion_arn=str(arns[DELETION_ROLE])
    )


def _role_arn(iam: Any, name: str) -> str | None:
    try:
        arn: str = iam.get_role(RoleName=name)["Role"]["Arn"]
    except ClientError as err:
        if is_absent(err):
            return None
        raise
    return arn
