from __future__ import annotations

from tests.aws.account import aws, kubernetes

__all__ = ["aws", "kubernetes"]
