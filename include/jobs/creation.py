"""Creates an object of a job, tolerating a webhook that lags behind."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from include import waiting
from include.errors import ClusterError

if TYPE_CHECKING:
    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube

log = logging.getLogger(__name__)
PASSES_WITHIN_S = 10.0
POLL_S = 0.05


def create(kube: Kube, operator: K8sOperator, obj: dict[str, Any]) -> dict[str, Any] | None:
    """The created object, None if one of that name exists.

    Retries a refusal that the operator calls transient; ClusterError for any other one.
    """
    refusal: ClusterError | None = None
    for _ in waiting.looks(limit_s=PASSES_WITHIN_S, poll_s=POLL_S):
        try:
            return kube.create(obj)
        except ClusterError as err:
            if not any(re.search(passes, str(err)) for passes in operator.transient_refusals):
                raise
            refusal = err
            log.debug("%s %s again: %s", obj["kind"], obj["metadata"]["name"], err)
    raise ClusterError(f"after {PASSES_WITHIN_S:.0f} s still: {refusal}") from refusal
