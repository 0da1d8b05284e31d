"""An alert with made-up evidence."""

from __future__ import annotations

from include.regression.alerts import Alert

ALERT = Alert(
    group="mpi_operator 2n 12345678",
    night="2026-01-21",
    kind="regression",
    source="change point",
    relative_effect=0.051,
    low=0.042,
    high=0.06,
    p_value=1e-6,
    told_by="nightly-1",
    differs=("image: a → b",),
)
