"""A study's result in a few lines, stored beside its report: for lists, that need no tables."""

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
    """What a list says of a study or an import."""

    name: str
    kind: Literal["study", "import"]
    application: str
    operators: tuple[str, ...]  # as the report titles them
    nodes: tuple[int, ...]
    cluster: str
    simulated: bool
    began_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    planned: int
    valid: int
    usd: float | None
    node_s: float | None  # paid for, the whole study
    is_verdict: bool  # at every size
    effect: tuple[str, ...]
    cause: str
    cost: str
    settle: str

    @property
    def duration_s(self) -> float | None:
        """From the first run's begin to the last one's end."""
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
    """The digest of a folder, None when it has none that can be read."""
    stored = results.find_bytes(FILE)
    if stored is None:
        return None
    try:
        return Digest.model_validate_json(stored)
    except ValidationError as err:
        log.warning("%s/%s cannot be read: %s", results, FILE, err.errors()[0]["msg"])
        return None
