"""HPCG: the conjugate gradient benchmark, with the program of the user's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import Application, Measured
from include.applications._shell import on_each_rank
from include.errors import CheckFailed
from include.models import Better, FigureOfMerit, Model
from include.parsers import hpcg_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.models.figures import Scalar

FIRST_LINE = "HPCG begins"  # xhpcg itself writes into a file, which is shown at the end
FIGURES = (
    FigureOfMerit(
        name="hpcg_gflops",
        unit="GFLOP/s",
        title="HPCG",
        meaning="HPCG's own rating of a valid result",
        better=Better.HIGHER,
        primary=True,
    ),
    FigureOfMerit(name="optimisation_s", unit="s", title="HPCG's benchmark time"),
)
SCRIPT = f"""\
folder=$(mktemp -d)
cd "$folder"
if [ "$rank" = 0 ]; then echo "{FIRST_LINE}"; fi
"$1" --nx="$2" --ny="$3" --nz="$4" --rt="$5"
if [ "$rank" = 0 ]; then cat HPCG-Benchmark*.txt; fi
rm -r "$folder"
"""
TIME = "Benchmark Time Summary::Total"


class Options(Model):
    """`application_options` of a study with HPCG."""

    program: str = "xhpcg"
    nx: int = Field(default=104, ge=16)  # of each rank
    ny: int = Field(default=104, ge=16)
    nz: int = Field(default=104, ge=16)
    run_s: int = Field(default=60, ge=1)  # how long the timed part is to take


class Hpcg(Application[Options]):
    """`xhpcg` on a grid of the study's size for each rank, its report shown at the end."""

    name = "hpcg"
    title = "HPCG"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; each rank makes a folder of its own there
    first_line = FIRST_LINE
    last_line = hpcg_output.LAST
    figures = FIGURES

    def command(self, options: Options) -> tuple[str, ...]:
        """A script that runs `xhpcg`, and shows its report on rank 0."""
        sizes = (options.nx, options.ny, options.nz)
        return on_each_rank(SCRIPT, options.program, *sizes, options.run_s)

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The grid of a rank."""
        return {"nx": options.nx, "ny": options.ny, "nz": options.nz}

    def parse(self, lines: Iterable[str]) -> Measured:
        """From the report; CheckFailed when HPCG calls the result invalid."""
        output = hpcg_output.parse(lines)
        if output.failed:
            raise CheckFailed(f"HPCG's own test failed: {'; '.join(output.failed)}")
        values = output.values
        grid = {name: values.count(f"Local Domain Dimensions::{name}") for name in ("nx", "ny")}
        return Measured(
            ranks=values.count("Machine Summary::Distributed Processes"),
            figures={
                "hpcg_gflops": values.number(hpcg_output.RATING),
                "optimisation_s": values.number(TIME),
            },
            problem=grid | {"nz": values.count("Local Domain Dimensions::nz")},
            version=values.text("version"),
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Ranks and grid as asked; `parse` has seen to the program's own tests."""
        ran = (result.ranks, dict(result.problem))
        asked = (ranks, dict(self.problem(options)))
        if ran != asked:
            raise CheckFailed(f"ran {ran} instead of {asked} (ranks, grid of a rank)")


ADAPTER = Hpcg()
