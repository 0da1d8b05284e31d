"""A study's result in a few lines, stored beside its report, for lists without tables."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, ValidationError

from include.models import Model

if TYPE_CHECKING:
    from include.results import Results

log = logging.getLogger(__name__)
FILE = "digest.json"


class Digest(Model):
    """Summary of a study or an import for a list."""

    name: str
    kind: Literal["study", "import"]
    application: str
    operators: tuple[str, ...]  # titles as in the report
    nodes: tuple[int, ...]
    cluster: str
    simulated: bool
    began_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    planned: int
    valid: int
    usd: float | None
    node_s: float | None  # paid for the complete study
    is_verdict: bool  # True: every size has one
    effect: tuple[str, ...]
    cause: str
    cost: str
    settle: str

    @property
    def duration_s(self) -> float | None:
        """Seconds from the start of the first run to the end of the last."""
        if self.began_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.began_at).total_seconds()

    @property
    def verdict(self) -> str:
        """One word for a column."""
        if self.simulated:
            return "simulated"
        return "verdict" if self.is_verdict else "no verdict"


def read_digest(results: Results) -> Digest | None:
    """The digest of a folder, None without a readable one."""
    stored = results.find_bytes(FILE)
    if stored is None:
        return None
    try:
        return Digest.model_validate_json(stored)
    except ValidationError as err:
        log.warning("%s/%s cannot be read: %s", results, FILE, err.errors()[0]["msg"])
        return None
