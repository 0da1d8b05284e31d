"""The second tier: tonight's configuration against the last good one, on the same warm cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.regression.rules import LEVEL
from include.regression.series import centre, centres_of, effect_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_BLOCKS = 7  # fewest blocks that allow a one-sided p below 0.01
P = 0.01
LEAST_EFFECT = 0.01
RESAMPLES = 4000
MOST_ENUMERATED = 12  # maximum blocks for trying all swaps; above it, a sample


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two arms in blocks of one run each; the effect is tonight's relative to the last good."""

    blocks: int
    relative_effect: float
    low: float
    high: float
    p_value: float  # one-sided: tonight's is slower
    rate_unit: str = ""  # unit of a figure that should be large; empty: a time

    @property
    def is_slower(self) -> bool:
        """True if the regression is confirmed."""
        return (
            self.blocks >= LEAST_BLOCKS
            and self.p_value < P
            and self.relative_effect >= LEAST_EFFECT
            and self.low > 0
        )


def compare_blocks(
    tonight: Sequence[float], last_good: Sequence[float], *, rate_unit: str = "", seed: int = 1
) -> Comparison:
    """Both arms' times, block by block; ValueError without a block or with unequal numbers.

    For a rate, the times are per unit of work.

    A randomisation test: if nothing differs, the order in a block was a coin toss, so swapping
    its two runs was equally likely. It assumes no distribution, and anything common to a
    block's runs, such as the night, cancels. The interval is a bootstrap over the blocks.
    Source: Edgington and Onghena, Randomization Tests, chapter 6; Efron and Tibshirani, chapter
    13.
    """
    if not tonight or len(tonight) != len(last_good):
        raise ValueError("each block needs a run of both arms")
    pairs = np.array([tonight, last_good], dtype=np.float64)
    random = np.random.default_rng(seed)
    effect = centre(tonight) - centre(last_good)
    swapped = _effects_of(_swaps(len(tonight), random), pairs)
    chosen = random.integers(0, len(tonight), (RESAMPLES, len(tonight)))
    resampled = centres_of(pairs[0][chosen]) - centres_of(pairs[1][chosen])
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Comparison(
        blocks=len(tonight),
        relative_effect=effect_of(effect, is_rate=bool(rate_unit)),
        low=effect_of(low, is_rate=bool(rate_unit)),
        high=effect_of(high, is_rate=bool(rate_unit)),
        rate_unit=rate_unit,
        p_value=float(np.mean(swapped >= effect - 1e-12)),
    )


def _swaps(blocks: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Masks of swapped blocks, a row per try; the first swaps none."""
    if blocks <= MOST_ENUMERATED:
        numbers = np.arange(2**blocks)[:, None]
        return np.asarray((numbers >> np.arange(blocks)) % 2 == 1)
    drawn: NDArray[np.bool_] = random.random((RESAMPLES, blocks)) < 0.5  # noqa: PLR2004  a coin
    drawn[0] = False
    return drawn


def _effects_of(swaps: NDArray[np.bool_], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    ours = np.where(swaps, pairs[1], pairs[0])
    theirs = np.where(swaps, pairs[0], pairs[1])
    return centres_of(ours) - centres_of(theirs)
