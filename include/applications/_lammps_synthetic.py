"""Synthetic LAMMPS output: the lines of a run of the HNS benchmark with made-up times.

Layout and thermo values are those of the public logs of run 6; loop time, ranks and the final
energy are given, and the rates follow from them.
"""

from __future__ import annotations

import math

from include.applications import SyntheticLine
from include.applications._synthetic import printed

SETUP_S = 1.2  # reading, replicating, neighbour lists: wall time minus loop time in run 6
FEMTOSECONDS_PER_STEP = 0.1
FEMTOSECONDS_PER_NS = 1e6
SECONDS_PER_DAY = 86400.0
# Step, Temp, PotEng, Press, E_vdwl, E_coul of run 6, x 64 y 16 z 16; the last step is given.
THERMO = (
    "0          300   -113.27833     439.0198   -111.57687   -1.7014647",
    "10    300.78686   -113.28051    827.36848   -111.57907   -1.7014353",
    "20    302.44845   -113.28532    1713.1411   -111.58399   -1.7013238",
    "30    302.57357   -113.28556    4309.4667   -111.58447    -1.701095",
    "40    300.60957   -113.27964    6382.2549   -111.57887   -1.7007685",
    "50    297.41258   -113.27006    6487.7531   -111.56966   -1.7004036",
    "60    294.73455   -113.26203    6223.0422     -111.562   -1.7000353",
    "70    294.66561   -113.26178    6861.6826   -111.56212   -1.6996621",
    "80    297.77718   -113.27104    8253.0125   -111.57175   -1.6992888",
    "90     301.6809   -113.28267     9374.894   -111.58372   -1.6989576",
)
VOLUME_PER_ATOM = 11.274205


def output(
    *, ranks: int, atoms: int, steps: int, loop_time_s: float, pot_eng: float
) -> tuple[SyntheticLine, ...]:
    """The lines of a complete run, each with its second from the first line."""
    volume = f"{atoms * VOLUME_PER_ATOM:.8g}"
    final = f"{steps}    302.58672   {pot_eng:.8g}    10369.063    -111.5866   -1.6987204"
    thermo = [f"{row:>78}   {volume:>10}" for row in (*THERMO, final)]
    table = [
        SyntheticLine(at_s=SETUP_S + loop_time_s * place / (len(thermo) - 1), text=text)
        for place, text in enumerate(thermo)
    ]
    done = SETUP_S + loop_time_s
    return (
        *printed(0.0, *_opening(ranks=ranks, atoms=atoms)),
        *printed(SETUP_S, *_heading()),
        *table,
        *printed(done, *_closing(ranks=ranks, atoms=atoms, steps=steps, loop_time_s=loop_time_s)),
    )


def _opening(*, ranks: int, atoms: int) -> list[str]:
    x, y, z = grid(ranks)
    return [
        "LAMMPS (29 Sep 2021 - Update 2)",
        "  using 1 OpenMP thread(s) per MPI task",
        "Reading data file ...",
        f"  {x} by {y} by {z} MPI processor grid",
        "  reading atoms ...",
        "  304 atoms",
        "  read_data CPU = 0.034 seconds",
        "Replicating atoms ...",
        f"  {x} by {y} by {z} MPI processor grid",
        f"  {atoms} atoms",
        "  replicate CPU = 0.041 seconds",
    ]


def _heading() -> list[str]:
    return [
        "Setting up Verlet run ...",
        "  Unit style    : real",
        "  Current step  : 0",
        "  Time step     : 0.1",
        "Per MPI rank memory allocation (min/avg/max) = 405.1 | 408.8 | 413.9 Mbytes",
        "Step Temp PotEng Press E_vdwl E_coul Volume ",
    ]


def _closing(*, ranks: int, atoms: int, steps: int, loop_time_s: float) -> list[str]:
    rate = steps / loop_time_s
    ns_per_day = rate * FEMTOSECONDS_PER_STEP * SECONDS_PER_DAY / FEMTOSECONDS_PER_NS
    hours = 24 / ns_per_day
    wall = round(SETUP_S + loop_time_s)
    return [
        f"Loop time of {loop_time_s:.6g} on {ranks} procs for {steps} steps with {atoms} atoms",
        "",
        f"Performance: {ns_per_day:.3f} ns/day, {hours:.3f} hours/ns, {rate:.3f} timesteps/s",
        f"99.8% CPU use with {ranks} MPI tasks x 1 OpenMP threads",
        f"Total wall time: {wall // 3600}:{wall // 60 % 60:02d}:{wall % 60:02d}",
    ]


def grid(ranks: int) -> tuple[int, int, int]:
    """Three factors of a rank count, the largest first, as close to each other as possible."""
    z = max(n for n in range(1, round(ranks ** (1 / 3)) + 1) if ranks % n == 0)
    rest = ranks // z
    y = max(n for n in range(1, math.isqrt(rest) + 1) if rest % n == 0)
    return max(rest // y, y, z), y, z
