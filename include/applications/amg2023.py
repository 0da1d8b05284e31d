"""AMG2023: algebraic multigrid of hypre, with the program in the user's image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import Application, Measured
from include.applications._synthetic import printed
from include.errors import CheckFailed
from include.models import Better, FigureOfMerit, Model
from include.parsers import amg_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.applications import SyntheticLine
    from include.models.figures import Scalar

NONZEROS_PER_CELL = 50.0  # nonzeros of all levels in a synthetic output
MOST_RESIDUAL = 1e-8  # tolerance to which AMG2023 solves
FIGURES = (
    FigureOfMerit(
        name="fom_per_s",
        unit="nnz/s",
        title="AMG's figure of merit",
        meaning="nonzeros of all levels over setup time plus three times solve time",
        better=Better.HIGHER,
        primary=True,
    ),
    FigureOfMerit(name="setup_s", unit="s", title="AMG's setup"),
    FigureOfMerit(name="solve_s", unit="s", title="AMG's solve"),
    FigureOfMerit(name="iterations", unit="iterations", title="AMG's iterations"),
)


class Options(Model):
    """`application_options` of a study with AMG2023."""

    program: str = "amg"
    problem: int = Field(default=2, ge=1, le=2)
    n: tuple[int, int, int] = (64, 64, 64)  # cells of each rank
    grid: tuple[int, int, int] | None = None  # ranks in x, y, z; needed unless they are in a row


class Amg2023(Application[Options]):
    """`amg -problem 2` with the study's cells for each rank."""

    name = "amg2023"
    title = "AMG2023"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; nothing is written there
    first_line = amg_output.FIRST
    last_line = amg_output.LAST
    figures = FIGURES

    def command(self, options: Options) -> tuple[str, ...]:
        """`amg -n x y z -problem 2`, and `-P` with a grid of ranks."""
        grid = ("-P", *map(str, options.grid)) if options.grid else ()
        return (
            *(options.program, "-n", *map(str, options.n), *grid),
            *("-problem", str(options.problem)),
        )

    def program(self, options: Options) -> str:
        """The program named by the study."""
        return options.program

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The problem's number and the cells of a rank."""
        x, y, z = options.n
        return {"problem": options.problem, "nx": x, "ny": y, "nz": z}

    def parse(self, lines: Iterable[str]) -> Measured:
        """Read AMG's own lines, seven digits each."""
        output = amg_output.parse(lines)
        if output.residual > MOST_RESIDUAL:
            raise CheckFailed(f"AMG's residual is {output.residual}, above {MOST_RESIDUAL}")
        local = [n // p for n, p in zip(output.cells, output.processes, strict=True)]
        return Measured(
            ranks=math.prod(output.processes),
            figures={
                "fom_per_s": output.fom,
                "setup_s": output.setup_s,
                "solve_s": output.solve_s,
                "iterations": output.iterations,
            },
            problem={"problem": output.problem} | dict(zip(("nx", "ny", "nz"), local, strict=True)),
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Check ranks and cells against the request; `parse` checks the residual."""
        self.require_asked(result, options=options, ranks=ranks)

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """The lines that `parse` reads; a tenth of the time of the run is setup."""
        setup_s, solve_s = 0.1 * run_time_s, 0.9 * run_time_s
        grid = options.grid or (ranks, 1, 1)
        cells = [n * p for n, p in zip(options.n, grid, strict=True)]
        fom = NONZEROS_PER_CELL * math.prod(cells) / (setup_s + 3 * solve_s)
        return (
            *printed(
                0.0,
                amg_output.FIRST,
                f"  Problem ID    = {options.problem}",
                f"    (Nx, Ny, Nz) = ({', '.join(map(str, cells))})",
                f"    (Px, Py, Pz) = ({', '.join(map(str, grid))})",
            ),
            *printed(setup_s, "PCG Setup:", f"  wall clock time = {setup_s:.6f} seconds"),
            *printed(
                run_time_s,
                "PCG Solve:",
                f"  wall clock time = {solve_s:.6f} seconds",
                "Iterations = 28",
                "Final Relative Residual Norm = 1.000000e-09",
                f"{amg_output.LAST}: nnz_AP / (Setup Phase Time + 3 * Solve Phase Time) {fom:.6e}",
            ),
        )


ADAPTER = Amg2023()
