"""Shows how often studies that stop early are right: `make adaptive-study RUNS=…`.

Studies are resampled from the cells of recorded runs (`--runs DIR…`, folders as read by `opbench
import`), and from pairs of folders whose runs should not differ (`--alike DIR DIR…`). Compares two
rules: `include.analysis.looks`, and stopping on precision alone. Prints Markdown; the same seed
gives the same numbers.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from include.analysis.intervals import LEVEL, enclosing_rank
from include.analysis.looks import LEAST_EFFECT_PERCENT, critical_rank, schedule
from include.bench.recorded_cells import alike_in, pairs_by_size, read_cells
from include.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Times = NDArray[np.float64]  # one row per study, one column per block
    Pair = tuple[Times, Times]
    Rule = Callable[[Times, Times, int], "Ends"]

TRIALS = 3_000
REPEATS_MIN, REPEATS = 6, 20
PRECISION_LOOKS = (8, 14, 20)
PRECISION_PERCENT = 2.5
DRIFT = 0.034  # drift from first to last block, like Flux on 64 nodes in run 6
SIZES = 4  # number of sizes in run 6


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The outcome of one pair in each of many studies."""

    repeats: NDArray[np.int_]
    winner: NDArray[np.int_]  # -1: the operator is faster; 1: slower; 0: none is named
    low: NDArray[np.float64]  # interval of the shift of log times at the last look
    high: NDArray[np.float64]


def split_levels(values: Times, baseline: Times, comparisons: int) -> Ends:
    """Stop by `include.analysis.looks`: for a winner, or when no difference matters."""
    plan = schedule(repeats_min=REPEATS_MIN, repeats=REPEATS, comparisons=comparisons)
    least = np.log1p(LEAST_EFFECT_PERCENT / 100)
    ends = _nothing_yet(len(values))
    going = np.ones(len(values), dtype=bool)
    for look, n in enumerate(plan.repeats, start=1):
        if not len(at := np.flatnonzero(going)):
            break
        middle, low, high = _intervals(values[at, :n], baseline[at, :n], plan.level_at(look))
        wins = ((low > 0) | (high < 0)) & (np.abs(middle) >= least)
        same = (low > -least) & (high < least)
        ends.repeats[at], ends.low[at], ends.high[at] = n, low, high
        ends.winner[at] = np.where(wins, np.sign(middle), 0)
        going[at] = ~(wins | same)
    return ends


def precision_alone(values: Times, baseline: Times, comparisons: int) -> Ends:
    """Stop when both medians are known to ± `PRECISION_PERCENT`; then test once."""
    ends = _nothing_yet(len(values))
    going = np.ones(len(values), dtype=bool)
    for n in PRECISION_LOOKS:
        if not len(at := np.flatnonzero(going)):
            break
        _, low, high = _intervals(values[at, :n], baseline[at, :n], (1 - LEVEL) / comparisons)
        ends.repeats[at], ends.low[at], ends.high[at] = n, low, high
        ends.winner[at] = np.where(low > 0, 1, np.where(high < 0, -1, 0))
        known = [_is_known(sample[at, :n]) for sample in (values, baseline)]
        going[at] = ~(known[0] & known[1])
    return ends


def _nothing_yet(studies: int) -> Ends:
    return Ends(
        repeats=np.zeros(studies, dtype=int),
        winner=np.zeros(studies, dtype=int),
        low=np.zeros(studies),
        high=np.zeros(studies),
    )


def _is_known(sample: Times) -> NDArray[np.bool_]:
    """A mask of medians whose interval is within ± `PRECISION_PERCENT`."""
    ordered, rank = np.sort(sample, axis=1), enclosing_rank(sample.shape[1]) or 1
    middle = np.median(sample, axis=1)
    farthest = np.maximum(ordered[:, -rank] - middle, middle - ordered[:, rank - 1])
    return np.asarray(farthest / middle * 100 <= PRECISION_PERCENT)


def _intervals(values: Times, baseline: Times, level: float) -> tuple[Times, Times, Times]:
    """Shift, low and high of each row, as from `looks.shift_interval`."""
    shifts = np.log(values)[:, :, None] - np.log(baseline)[:, None, :]
    ordered = np.sort(shifts.reshape(len(values), -1), axis=1)
    middle, rank = (
        np.median(ordered, axis=1),
        critical_rank(values.shape[1], baseline.shape[1], level),
    )
    if rank == 0:
        infinite = np.full(len(values), np.inf)
        return middle, -infinite, infinite
    return middle, ordered[:, rank - 1], ordered[:, -rank]


RULES: dict[str, Rule] = {
    "split levels, looks at 6, 10, 15, 20": split_levels,
    "precision alone, looks at 8, 14, 20": precision_alone,
}


@dataclass(frozen=True, kw_only=True)
class Error:
    """The rate of winners named without a difference."""

    studies: float  # share of studies with a false winner at any size
    worst: float  # the same share for the worst single cell
    repeats: float  # mean per size


def false_winners(
    rule: Rule, alike: Sequence[Pair], *, drift: float, trials: int, seed: int
) -> Error:
    """Draw both operators from two equal cells; `SIZES` such pairs make a study."""
    random = np.random.default_rng(seed)
    alone, together, repeats = [], [], []
    for ours, theirs in alike:
        pairs = partial(_draw_pair, random, ours, theirs, drift=drift, trials=trials)
        alone.append(float(np.mean(rule(*pairs(), 1).winner != 0)))
        ends = [rule(*pairs(), SIZES) for _ in range(SIZES)]
        together.append(float(np.mean(np.any([end.winner != 0 for end in ends], axis=0))))
        repeats.append(float(np.mean([end.repeats.mean() for end in ends])))
    return Error(
        studies=float(np.mean(together)),
        worst=max(*alone, *together),
        repeats=float(np.mean(repeats)),
    )


def _draw_pair(
    random: np.random.Generator, ours: Times, theirs: Times, *, drift: float, trials: int
) -> tuple[Times, Times]:
    """Times of two operators in blocks, in random order within each; both drift alike."""
    first = random.integers(0, 2, (trials, REPEATS))
    places = 2 * np.arange(REPEATS) + first, 2 * np.arange(REPEATS) + 1 - first
    slower = [1 + drift * place / (2 * REPEATS - 1) for place in places]
    drawn = [random.choice(cell, (trials, REPEATS)) for cell in (ours, theirs)]
    return drawn[0] * slower[0], drawn[1] * slower[1]


@dataclass(frozen=True, kw_only=True)
class Power:
    """Outcomes of studies whose operators differ."""

    right: float  # share of sizes where the faster one is named
    least_right: float  # the same for the worst size
    wrong: float  # share of studies that name a slower winner anywhere
    jobs: float  # mean number of repeats in a study, of all operators and sizes
    covered: float  # share of intervals that include the true shift


def right_winners(rule: Rule, pairs: Sequence[Pair], *, trials: int, seed: int) -> Power:
    """Use each pair of cells as one size of a study."""
    random = np.random.default_rng(seed)
    right, wrong, jobs, covered = [], np.zeros(trials, dtype=bool), 0.0, []
    for ours, theirs in pairs:
        truth = float(np.median(np.subtract.outer(np.log(ours), np.log(theirs))))
        ends = rule(*_draw_pair(random, ours, theirs, drift=0.0, trials=trials), len(pairs))
        right.append(float(np.mean(ends.winner == np.sign(truth))))
        wrong |= ends.winner == -np.sign(truth)
        jobs += 2 * float(ends.repeats.mean())
        covered.append(float(np.mean((ends.low <= truth) & (truth <= ends.high))))
    return Power(
        right=float(np.mean(right)),
        least_right=min(right),
        wrong=float(wrong.mean()),
        jobs=jobs,
        covered=min(covered),
    )


def study(
    cells: Mapping[tuple[str, int], Times],
    *,
    alike: Sequence[Pair] = (),
    trials: int,
    seed: int,
) -> Iterator[str]:
    """The lines of both tables as Markdown, each as soon as it is known."""
    yield (
        f"Resampled from {len(cells)} cells of recorded runs, {trials} studies of each, seed "
        f"{seed}; {SIZES} sizes a study, at most {REPEATS} repeats, least effect "
        f"{LEAST_EFFECT_PERCENT} %."
    )
    yield ""
    yield "| no difference: rule | drift | studies with a false winner | worst cell | repeats |"
    yield "|---|---|---|---|---|"
    sources = {"": [(cell, cell) for cell in cells.values()], ", between two folders": alike}
    for source, pairs in sources.items():
        for name, rule in RULES.items():
            for drift in (0.0, DRIFT) if pairs else ():
                error = false_winners(rule, pairs, drift=drift, trials=trials, seed=seed)
                yield (
                    f"| {name}{source} | {drift:.1%} | {error.studies:.1%} | {error.worst:.1%} "
                    f"| {error.repeats:.1f} |"
                )
    yield ""
    yield "| real differences: rule | right | worst size | wrong | jobs | intervals that cover |"
    yield "|---|---|---|---|---|---|"
    different = pairs_by_size(cells)
    for name, rule in RULES.items():
        power = right_winners(rule, different, trials=trials, seed=seed)
        yield (
            f"| {name} | {power.right:.1%} | {power.least_right:.1%} | {power.wrong:.2%} "
            f"| {power.jobs:.1f} of {2 * REPEATS * len(different)} | {power.covered:.1%} |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the study was made, 2 when the folders have no runs."""
    given = _parser().parse_args(arguments)
    try:
        cells = read_cells([Path(folder) for folder in given.runs])
        twos = zip(given.alike[::2], given.alike[1::2], strict=True)
        alike = [pair for ours, theirs in twos for pair in alike_in(Path(ours), Path(theirs))]
    except (StudyError, ValueError) as err:  # an odd number of folders cannot be paired
        sys.stderr.write(f"error: {err}\n")
        return 2
    for line in study(cells, alike=alike, trials=given.trials, seed=given.seed):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.bench.adaptive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", metavar="DIR", nargs="+", required=True, help="recorded runs")
    parser.add_argument(
        "--alike",
        metavar="DIR",
        nargs="+",
        default=[],
        help="folders two by two, of which the runs of each two should not differ",
    )
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"studies of each ({TRIALS})")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
