"""HPCG: the conjugate gradient benchmark, with the program in the user's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import Application, Measured, with_threads
from include.applications._shell import on_each_rank
from include.applications._synthetic import printed
from include.errors import CheckFailed
from include.models import Better, FigureOfMerit, Model
from include.parsers import hpcg_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.applications import SyntheticLine
    from include.models.figures import Scalar

FIRST_LINE = "HPCG begins"  # xhpcg itself writes to a file, which is printed at the end
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
THREADS = "Machine Summary::Threads per processes"
TIME = "Benchmark Time Summary::Total"
FLOP_PER_CELL = 20_000.0  # work of a synthetic output


class Options(Model):
    """`application_options` of a study with HPCG."""

    program: str = "xhpcg"
    nx: int = Field(default=104, ge=16)  # local size of each rank
    ny: int = Field(default=104, ge=16)
    nz: int = Field(default=104, ge=16)
    run_s: int = Field(default=60, ge=1)  # target length of the timed part


class Hpcg(Application[Options]):
    """`xhpcg` on a grid of the study's size for each rank; prints its report at the end."""

    name = "hpcg"
    title = "HPCG"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; each rank makes a folder of its own there
    first_line = FIRST_LINE
    last_line = hpcg_output.LAST
    figures = FIGURES

    @property
    def sign(self) -> str:
        """The heading of its report."""
        return hpcg_output.FIRST

    def command(self, options: Options) -> tuple[str, ...]:
        """A script that runs `xhpcg` and prints its report on rank 0."""
        sizes = (options.nx, options.ny, options.nz)
        return on_each_rank(SCRIPT, options.program, *sizes, options.run_s)

    def program(self, options: Options) -> str:
        """The program named by the study."""
        return options.program

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The grid of a rank."""
        return {"nx": options.nx, "ny": options.ny, "nz": options.nz}

    def parse(self, lines: Iterable[str]) -> Measured:
        """Read the report; CheckFailed when HPCG calls the result invalid."""
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
            problem=with_threads(
                grid | {"nz": values.count("Local Domain Dimensions::nz")},
                values.count(THREADS) if THREADS in values.texts else None,
            ),
            version=values.text("version"),
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Check ranks and grid against the request; `parse` checks the program's own tests."""
        self.require_asked(result, options=options, ranks=ranks)

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """A report with the lines that `parse` reads; a longer run has a lower rating."""
        cells = options.nx * options.ny * options.nz * ranks
        return (
            *printed(0.0, FIRST_LINE),
            *printed(
                run_time_s,
                hpcg_output.FIRST,
                "version=0.0-synthetic",
                f"Machine Summary::Distributed Processes={ranks}",
                *(
                    f"Local Domain Dimensions::{n}={getattr(options, n)}"
                    for n in ("nx", "ny", "nz")
                ),
                *(f"{check}::Result=PASSED" for check in hpcg_output.CHECKS),
                f"{TIME}={run_time_s:.6g}",
                f"{hpcg_output.RATING}={cells * FLOP_PER_CELL / run_time_s / 1e9:.6g}",
                f"{hpcg_output.LAST}=1800",
            ),
        )


ADAPTER = Hpcg()
