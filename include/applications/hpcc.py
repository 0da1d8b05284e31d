"""HPC Challenge: HPL, STREAM and the random ring between all ranks, from Debian's package."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import Application, Measured, with_threads
from include.applications._shell import on_each_rank
from include.applications._synthetic import printed
from include.errors import CheckFailed
from include.models import Better, FigureOfMerit, Model, MpiImplementation
from include.parsers import hpcc_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.applications import SyntheticLine
    from include.models.figures import Scalar

FIRST_LINE = "HPC Challenge begins"  # hpcc itself writes to a file, which is printed at the end
MOST_RANDOM_ERRORS = 0.01  # share of updates that RandomAccess's rules allow it to lose
UNMEASURED = -1.0  # printed for a ring of one rank
# Names in the summary, by figure.
_NAMES = {
    "hpl_gflops": "HPL_Tflops",
    "stream_triad_gb_per_s": "StarSTREAM_Triad",
    "ring_latency_us": "RandomlyOrderedRingLatency_usec",
    "ring_bandwidth_gb_per_s": "RandomlyOrderedRingBandwidth_GBytes",
    "hpl_time_s": "HPL_time",
    "ptrans_gb_per_s": "PTRANS_GBs",
    "random_access_gups": "MPIRandomAccess_GUPs",
    "fft_gflops": "MPIFFT_Gflops",
    "dgemm_gflops": "StarDGEMM_Gflops",
}
FIGURES = (
    FigureOfMerit(
        name="hpl_gflops",
        unit="GFLOP/s",
        title="HPL",
        meaning="rate of the LU factorisation over all ranks",
        better=Better.HIGHER,
        primary=True,
    ),
    FigureOfMerit(
        name="stream_triad_gb_per_s",
        unit="GB/s",
        title="STREAM triad",
        meaning="memory bandwidth of a rank while all run",
        better=Better.HIGHER,
    ),
    FigureOfMerit(
        name="ring_latency_us",
        unit="us",
        title="Random ring latency",
        meaning="8 bytes between neighbours of rings in random order",
        better=Better.LOWER,
    ),
    FigureOfMerit(
        name="ring_bandwidth_gb_per_s",
        unit="GB/s",
        title="Random ring bandwidth",
        meaning="2 MB between neighbours of rings in random order, per rank",
        better=Better.HIGHER,
    ),
    FigureOfMerit(name="hpl_time_s", unit="s", title="HPL time"),
    FigureOfMerit(name="ptrans_gb_per_s", unit="GB/s", title="PTRANS"),
    FigureOfMerit(name="random_access_gups", unit="GUP/s", title="RandomAccess"),
    FigureOfMerit(name="fft_gflops", unit="GFLOP/s", title="FFT"),
    FigureOfMerit(name="dgemm_gflops", unit="GFLOP/s", title="DGEMM of a rank"),
)
THREADS = "omp_get_max_threads"  # 0: built without OpenMP
# Values of a synthetic summary that neither the study nor the run time determines.
SYNTHETIC: dict[str, object] = {
    **dict.fromkeys(("VersionMajor", "VersionMinor", "VersionMicro"), 0),
    **dict.fromkeys(_NAMES.values(), 1.0),
    "Success": 1,
    "MPIRandomAccess_ErrorsFraction": 0,
}
# P x Q: the most nearly square grid. HPCC has defaults for whatever is not in the file.
SCRIPT = f"""\
folder=$(mktemp -d)
cd "$folder"
if [ "$rank" = 0 ]; then
  echo "{FIRST_LINE}"
  p=1
  for ((i = 1; i * i <= size; i++)); do if ((size % i == 0)); then p=$i; fi; done
  cat > hpccinf.txt << END
HPLinpack benchmark input file
of a study
HPL.out
8
1
$1
1
$2
0
1
$p
$((size / p))
16.0
1
2
1
4
1
2
1
1
1
1
1
1
2
64
0
0
1
8
END
fi
hpcc
if [ "$rank" = 0 ]; then cat hpccoutf.txt; fi
rm -r "$folder"
"""


class Options(Model):
    """`application_options` of a study with HPC Challenge."""

    n: int = Field(default=1000, ge=100, le=1_000_000)  # order of HPL's matrix
    nb: int = Field(default=80, ge=1, le=1024)  # size of its blocks


class Hpcc(Application[Options]):
    """`hpcc` with an input of the study's size; prints its output at the end."""

    name = "hpcc"
    title = "HPC Challenge"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; each rank makes a folder of its own there
    first_line = FIRST_LINE
    last_line = hpcc_output.LAST
    figures = FIGURES
    packages = ("hpcc", "openmpi-bin")
    mpi_implementations = (MpiImplementation.OPENMPI,)

    @property
    def sign(self) -> str:
        """The heading of its output file."""
        return hpcc_output.FIRST

    def command(self, options: Options) -> tuple[str, ...]:
        """A script that writes the input, runs `hpcc`, and prints its output on rank 0."""
        return on_each_rank(SCRIPT, options.n, options.nb)

    def program(self, options: Options) -> str:
        """Debian's name of HPC Challenge."""
        del options
        return "hpcc"

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """Order of the matrix and size of the blocks."""
        return {"n": options.n, "nb": options.nb}

    def parse(self, lines: Iterable[str]) -> Measured:
        """Read the summary, which gives HPL's rate with six digits."""
        output = hpcc_output.parse(lines)
        if output.failed:
            raise CheckFailed(f"HPC Challenge's own test of {' and '.join(output.failed)} failed")
        summary = output.summary
        values = {name: summary.number(key) for name, key in _NAMES.items()}
        unmeasured = [key for name, key in _NAMES.items() if values[name] == UNMEASURED]
        if summary.count("Success") != 1:
            raise CheckFailed("HPC Challenge says that it did not succeed")
        if summary.number("MPIRandomAccess_ErrorsFraction") > MOST_RANDOM_ERRORS:
            raise CheckFailed("RandomAccess lost more than 1 % of its updates")
        parts = ("VersionMajor", "VersionMinor", "VersionMicro")
        return Measured(
            ranks=summary.count("CommWorldProcs"),
            # Decimal, as 0.00457387 in binary times 1000 would show 4.573869999999999.
            figures={name: value for name, value in values.items() if value != UNMEASURED}
            | {"hpl_gflops": float(Decimal(summary.text("HPL_Tflops")) * 1000)},
            notes=tuple(f"{key} is -1, which is no measurement: left out" for key in unmeasured),
            problem=with_threads(
                {"n": summary.count("HPL_N"), "nb": summary.count("HPL_NB")},
                summary.count(THREADS) if THREADS in summary.texts else None,
            ),
            version=".".join(summary.text(part) for part in parts),
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Check ranks and sizes against the request; `parse` checks the program's own tests."""
        self.require_asked(result, options=options, ranks=ranks)

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """The lines that `parse` reads; HPL takes all of the run time."""
        rate = (2 / 3 * options.n**3 + 3 / 2 * options.n**2) / run_time_s / 1e12
        summary = SYNTHETIC | {
            "CommWorldProcs": ranks,
            "HPL_N": options.n,
            "HPL_NB": options.nb,
            "HPL_Tflops": f"{rate:.6g}",
            "HPL_time": f"{run_time_s:.6g}",
        }
        return (
            *printed(0.0, FIRST_LINE),
            *printed(
                run_time_s,
                f"{hpcc_output.FIRST} version 0.0.0 (synthetic)",
                "||Ax-b||_oo/(eps*(||A||_oo*||x||_oo+||b||_oo)*N)= 0.001 ...... PASSED",
                hpcc_output.BEGIN,
                *(f"{name}={value}" for name, value in summary.items()),
                hpcc_output.END,
                hpcc_output.LAST,
            ),
        )


ADAPTER = Hpcc()
