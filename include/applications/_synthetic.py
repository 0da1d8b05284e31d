"""Lines of a synthetic output."""

from __future__ import annotations

from include.applications import SyntheticLine


def printed(at_s: float, *texts: str) -> tuple[SyntheticLine, ...]:
    """Lines printed in the same second of the run."""
    return tuple(SyntheticLine(at_s=at_s, text=text) for text in texts)
