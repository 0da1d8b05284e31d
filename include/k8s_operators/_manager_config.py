"""Changes to upstream's configuration that controllers need to run as processes on this machine."""

from __future__ import annotations


def as_process(more: str = "", *, metrics: str = "", webhook: str = "") -> str:
    """A `config` of a Controller: no lead, no metrics, its own addresses; and lines of its own.

    `metrics` and `webhook` are indented lines of these parts, `more` is other parts.
    """
    return f"""\
leaderElection:
  leaderElect: false
metrics:
  bindAddress: "0"
{metrics}health:
  healthProbeBindAddress: "{{address}}:{{health_port}}"
webhook:
  host: "{{address}}"
  port: {{webhook_port}}
{webhook}{more}"""
