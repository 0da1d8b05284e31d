"""LAMMPS, ReaxFF HNS: the molecular dynamics problem of the experiments of 2023."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import (
    Application,
    Measured,
    SyntheticLine,
    _lammps_synthetic,
    with_threads,
)
from include.errors import CheckFailed, StudyError
from include.models import Better, FigureOfMerit, Model
from include.parsers import lammps_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from include.models.figures import Scalar
    from include.parsers.lammps_log import LammpsLog


class Architecture(StrEnum):
    """The processors that LAMMPS ran on, in the words of the OCI."""

    AMD64 = "amd64"
    ARM64 = "arm64"


ATOMS_PER_CELL = 304
STEPS = 100
# Potential energy per atom (kcal/mol, `thermo_modify norm yes`) at step 100, by replicas in x, y
# and z, and by architecture, which matters for small problems. 1 1 1 on amd64: our own runs with
# LAMMPS of 22 Jul 2025; all others: 1,689 public logs of LAMMPS of 29 Sep 2021.
REFERENCE_POT_ENG: dict[tuple[int, int, int], dict[Architecture, float]] = {
    (1, 1, 1): {Architecture.AMD64: -113.30058, Architecture.ARM64: -113.25816},
    (2, 2, 2): {Architecture.AMD64: -113.29357},
    (4, 4, 4): {Architecture.AMD64: -113.28857},
    (16, 8, 8): {Architecture.AMD64: -113.28423},
    (16, 16, 8): {Architecture.AMD64: -113.28495},
    (16, 16, 16): {Architecture.AMD64: -113.28495},
    (32, 16, 16): {Architecture.AMD64: -113.2853},
    (64, 8, 4): {Architecture.AMD64: -113.28595},
    (64, 16, 16): {Architecture.AMD64: -113.28532, Architecture.ARM64: -113.28522},
    (64, 32, 32): {Architecture.AMD64: -113.28522},
    (64, 64, 32): {Architecture.AMD64: -113.28525},
}
# The sum over ranks rounds differently for each decomposition; the printed energies of run 6
# agree to 5 digits over 752 to 6,016 ranks.
RATE_TOLERANCE = 0.01  # rates are printed to three decimals of a unit that fits them
PRINTED_RATE = 0.001
WALL_CUT_S = 1.0  # the wall time is truncated to whole seconds
RELATIVE_TOLERANCE = 1e-5
# Step time = atoms / (rate x ranks) + exchange x log2(ranks): a tree of messages. The two numbers
# are from run 6's medians over both operators (hpc6a.48xlarge, EFA) at 752 and 6,016 ranks; at
# 1,504 and 3,008 ranks the model is within 4 % of the measurements.
ATOM_STEPS_PER_RANK_S = 10_170.0
EXCHANGE_S = 0.00822


FIGURES = (
    FigureOfMerit(
        name="loop_time_s",
        unit="s",
        title="Loop time",
        short="loop",
        meaning="the application's own solver loop: the figure of merit",
        better=Better.LOWER,
        primary=True,
        is_run_time=True,
    ),
    FigureOfMerit(name="app_wall_time_s", unit="s", title="LAMMPS wall time"),
    FigureOfMerit(name="timesteps_per_s", unit="steps/s", title="Time steps per second"),
    FigureOfMerit(name="atom_steps_per_s", unit="atom-steps/s", title="Atom steps per second"),
    FigureOfMerit(name="cpu_use_percent", unit="%", title="CPU use"),
    FigureOfMerit(name="pot_eng", unit="kcal/mol", title="Final potential energy per atom"),
)


UNIT_STYLE = "real"  # of our input, and so of the energies above


class Options(Model):
    """`application_options` of a study with LAMMPS: replicas of the 304-atom cell."""

    x: int = Field(default=1, ge=1)
    y: int = Field(default=1, ge=1)
    z: int = Field(default=1, ge=1)
    reference_pot_eng: float | None = None  # kcal/mol per atom; for other sizes
    architecture: Architecture | None = None  # None: the energy of any architecture is accepted

    @property
    def atoms(self) -> int:
        """Atoms of the replicated problem."""
        return ATOMS_PER_CELL * self.x * self.y * self.z


class Lammps(Application[Options]):
    """`lmp` on `in.reaxc.hns` of the LAMMPS examples, 100 steps."""

    name = "lammps"
    title = "LAMMPS ReaxFF HNS"
    options = Options
    work_dir = "/opt/hns"
    first_line = "LAMMPS ("
    last_line = "Total wall time:"
    figures = FIGURES
    packages = ()  # included in the local cluster's image
    expectation = "LAMMPS as it scaled on hpc6a.48xlarge with EFA; other machines differ"

    def command(self, options: Options) -> tuple[str, ...]:
        """`lmp -v x … -in in.reaxc.hns -nocite`, as in run 6."""
        variables = [f"-v {axis} {getattr(options, axis)}".split() for axis in "xyz"]
        words = [word for variable in variables for word in variable]
        return ("lmp", *words, "-in", "in.reaxc.hns", "-nocite")

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """Atoms of the replicated cell, and steps."""
        return {"atoms": options.atoms, "steps": STEPS}

    def read_options(self, given: Mapping[str, JsonValue]) -> Options:
        """The options; StudyError for a size without a known correct result."""
        options = super().read_options(given)
        _references(options)
        return options

    def parse(self, lines: Iterable[str]) -> Measured:
        """Read LAMMPS's own log; the loop time is printed to 1e-6 s.

        More than one OpenMP thread per rank is part of the problem. Inputs other than ours may have
        no potential energy, or one in another unit.
        """
        log = lammps_log.parse(lines)
        figures = {
            "loop_time_s": log.loop_time_s,
            "app_wall_time_s": log.total_wall_time_s,
            "timesteps_per_s": log.timesteps_per_s,
            "atom_steps_per_s": log.atom_steps_per_s,
            "cpu_use_percent": log.cpu_use_percent,
            "pot_eng": log.thermo.last.get("PotEng"),
        }
        left_out = _without_energy(log) | _contradictions(log)
        return Measured(
            ranks=log.ranks,
            figures={
                name: value
                for name, value in figures.items()
                if value is not None and name not in left_out
            },
            notes=tuple(left_out.values()),
            problem=with_threads({"atoms": log.atoms, "steps": log.steps}, log.openmp_threads),
            version=log.version,
        )

    def complaint(self, lines: Iterable[str]) -> str | None:
        """LAMMPS's last line that begins with `ERROR`."""
        return lammps_log.complaint(lines)

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Check ranks, atoms and steps, and the final energy within 1e-5 of the reference."""
        expected = (ranks, options.atoms, STEPS)
        ran = (result.ranks, result.problem.get("atoms"), result.problem.get("steps"))
        if ran != expected:
            msg = f"ran {ran} instead of {expected} (ranks, atoms, steps)"
            raise CheckFailed(msg)
        known, energy = _references(options), result.figures.get("pot_eng")
        if not any(math.isclose(energy or 0.0, each, rel_tol=RELATIVE_TOLERANCE) for each in known):
            right = " or ".join(map(str, known))
            msg = f"final PotEng {energy}, the reference of this problem is {right}"
            raise CheckFailed(msg)

    def expected_run_time_s(self, options: Options, *, ranks: int) -> float:
        """Seconds of the loop by the scaling of run 6; an order of magnitude on other machines."""
        step_s = options.atoms / (ATOM_STEPS_PER_RANK_S * ranks) + EXCHANGE_S * math.log2(ranks)
        return STEPS * step_s

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """A log with the lines that `parse` reads; its energy is the reference's."""
        return _lammps_synthetic.output(
            ranks=ranks,
            atoms=options.atoms,
            steps=STEPS,
            loop_time_s=run_time_s,
            pot_eng=_references(options)[0],
        )


def _without_energy(log: LammpsLog) -> dict[str, str]:
    """A sentence on a log without a potential energy in kcal/mol; empty for one with it."""
    if log.unit_style not in {None, UNIT_STYLE}:
        return {"pot_eng": f"the energy is in units of the style {log.unit_style}: it is left out"}
    if "PotEng" not in log.thermo.columns:
        columns = ", ".join(log.thermo.columns)
        return {"pot_eng": f"no thermo column 'PotEng', so no final energy; there are {columns}"}
    return {}


def _contradictions(log: LammpsLog) -> dict[str, str]:
    """A sentence for each figure of the log that contradicts its loop time."""
    loop_s, work = log.loop_time_s, log.steps * log.atoms
    rates = {
        "timesteps_per_s": (log.timesteps_per_s, log.steps, "steps"),
        "atom_steps_per_s": (log.atom_steps_per_s, work, "atom-steps"),
    }
    sentences = {}
    for name, (rate, wanted, unit) in rates.items():
        if rate is None or math.isclose(rate * loop_s, wanted, rel_tol=RATE_TOLERANCE):
            continue
        if abs(rate * loop_s - wanted) > PRINTED_RATE * loop_s:
            sentences[name] = (
                f"{name} times the loop time comes to {rate * loop_s:.6g} {unit}, the log says "
                f"{wanted}: it is left out"
            )
    if loop_s > log.total_wall_time_s + WALL_CUT_S:
        sentences["app_wall_time_s"] = (
            f"the loop time of {loop_s:.1f} s is longer than LAMMPS' wall time of "
            f"{log.total_wall_time_s:.0f} s, which is left out"
        )
    return sentences


def _references(size: Options) -> tuple[float, ...]:
    """The correct energies, of the architecture or of all; StudyError when none is known."""
    by_architecture = REFERENCE_POT_ENG.get((size.x, size.y, size.z), {})
    known = tuple(
        energy
        for architecture, energy in by_architecture.items()
        if size.architecture in (None, architecture)
    )
    if size.reference_pot_eng is not None and not known:
        known = (size.reference_pot_eng,)
    if not known:
        sizes = "; ".join(f"x {x} y {y} z {z}" for x, y, z in REFERENCE_POT_ENG)
        where = f" on {size.architecture}" if size.architecture else ""
        msg = (
            f"no reference energy for x {size.x} y {size.y} z {size.z}{where}, so a wrong result "
            f"would pass: use {sizes}, or give application_options.reference_pot_eng"
        )
        raise StudyError(msg)
    return known


ADAPTER = Lammps()
