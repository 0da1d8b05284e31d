"""What is compared: an operator, and how much its controller's client may ask of the API server."""

from __future__ import annotations

from dataclasses import dataclass

from include import k8s_operators
from include.simulation.programs import ClientRate

HIGH = ClientRate(qps=200, burst=400)  # that of the control plane's own controllers here
# Of upstream's programs as they come; the Flux Operator's cannot be set.
DEFAULTS = {
    "mpi_operator": ClientRate(qps=5, burst=10),
    "flux_operator": ClientRate(qps=20, burst=30),
}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One operator at one client rate."""

    k8s_operator: str
    rate: ClientRate | None  # None: no controller but Kubernetes' own

    @property
    def name(self) -> str:
        """A word for it, as `mpi_operator-5qps`."""
        return self.k8s_operator if self.rate is None else f"{self.k8s_operator}-{self.rate.qps}qps"

    @property
    def is_default(self) -> bool:
        """Whether the client's limits are upstream's."""
        return self.rate == DEFAULTS.get(self.k8s_operator)


def arms() -> dict[str, Arm]:
    """All arms by name: each operator's default, and a high rate where one can be set."""
    found = []
    for name, rate in DEFAULTS.items():
        controller = k8s_operators.load(name).controller
        found.append(Arm(k8s_operator=name, rate=rate))
        if controller is not None and controller.rate_arguments:
            found.append(Arm(k8s_operator=name, rate=HIGH))
    found.append(Arm(k8s_operator="indexed_job", rate=None))
    return {arm.name: arm for arm in found}
