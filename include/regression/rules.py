"""The thresholds of both tiers. `docs/regression.md` shows their power and their cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from include.models import Model

Share = Annotated[float, Field(gt=0, lt=1)]


class Rules(Model):
    """Thresholds of a suspect night and of a changed level. Effects are relative: 0.01 is 1 %."""

    # A suspect: one night against those before it.
    suspect_effect: Share = 0.015  # smaller effects are ignored
    suspect_rank_p: Share = 0.01  # one-sided rank test over the repeats
    suspect_night_p: Share = 0.005  # one-sided t-test against the spread of the nights
    reference_nights: Annotated[int, Field(ge=2)] = 10  # nights whose repeats the rank test uses
    noise_nights: Annotated[int, Field(ge=2)] = 30  # nights whose spread counts
    least_nights: Annotated[int, Field(ge=3)] = 5  # fewest nights for any finding
    # A change point: the nights since against the nights before.
    window_nights: Annotated[int, Field(ge=10)] = 50
    change_effect: Share = 0.01
    change_p: Share = 0.0003
    nights_after: Annotated[int, Field(ge=1)] = 2  # one night alone is a suspect, not a level
    same_shift_nights: Annotated[int, Field(ge=0)] = 5  # tolerance for a date that may still move


DEFAULT = Rules()
LEVEL = 0.95  # confidence level of all intervals
