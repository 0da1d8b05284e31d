"""NetPIPE: latency and bandwidth between two ranks by message size, Debian's package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import Application, Measured
from include.applications._shell import on_each_rank
from include.errors import CheckFailed
from include.models import Better, FigureOfMerit, Model, MpiImplementation
from include.parsers import netpipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.models.figures import Scalar

RANKS = 2
LAST_LINE = "NetPIPE ends"
FIGURES = (
    FigureOfMerit(
        name="latency_us",
        unit="us",
        title="Latency",
        meaning="one way between the two ranks, of the smallest message",
        better=Better.LOWER,
        primary=True,
        scales=False,
    ),
    FigureOfMerit(
        name="bandwidth_mbit_per_s",
        unit="Mbit/s",
        title="Bandwidth",
        meaning="the greatest over all message sizes",
        better=Better.HIGHER,
        scales=False,
    ),
    FigureOfMerit(
        name="latency_by_size_us",
        unit="us",
        title="Latency",
        better=Better.LOWER,
        axis="message_bytes",
        scales=False,
    ),
    FigureOfMerit(
        name="bandwidth_by_size_mbit_per_s",
        unit="Mbit/s",
        title="Bandwidth",
        better=Better.HIGHER,
        axis="message_bytes",
        scales=False,
    ),
)
# NetPIPE prints a row in two parts, between which the other rank's words would stand.
SCRIPT = f"""\
if [ "$rank" != 0 ]; then exec > /dev/null 2>&1; fi
NPopenmpi -p 0 -u "$1" -o /dev/null 2>&1
echo "{LAST_LINE}"
"""


class Options(Model):
    """`application_options` of a study with NetPIPE."""

    most_bytes: int = Field(default=65536, ge=64, le=1 << 30)  # of a message


class Netpipe(Application[Options]):
    """`NPopenmpi` between two ranks, messages growing to the size that the study asks for."""

    name = "netpipe"
    title = "NetPIPE"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; nothing is written there
    first_line = netpipe.FIRST
    last_line = LAST_LINE
    figures = FIGURES
    packages = ("netpipe-openmpi", "openmpi-bin")
    mpi_implementations = (MpiImplementation.OPENMPI,)
    exact_ranks = RANKS

    def command(self, options: Options) -> tuple[str, ...]:
        """NetPIPE without the sizes between, which perturb each by a few bytes."""
        return on_each_rank(SCRIPT, options.most_bytes)

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The size up to which messages grow."""
        return {"most_bytes": options.most_bytes}

    def parse(self, lines: Iterable[str]) -> Measured:
        """Both curves, the latency of the smallest message and the greatest bandwidth."""
        output = netpipe.parse(lines)
        return Measured(
            ranks=RANKS,
            figures={
                "latency_us": output.latency_us[min(output.latency_us)],
                "bandwidth_mbit_per_s": max(output.mbit_per_s.values()),
            },
            curves={
                "latency_by_size_us": output.latency_us,
                "bandwidth_by_size_mbit_per_s": output.mbit_per_s,
            },
            problem={"most_bytes": max(output.latency_us)},
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Two ranks, sizes up to the greatest that NetPIPE takes within the limit, all above 0."""
        if ranks != RANKS:
            raise CheckFailed(f"ran with {ranks} ranks; NetPIPE measures between {RANKS}")
        largest = int(result.problem["most_bytes"])
        if not options.most_bytes / 2 < largest <= options.most_bytes:
            raise CheckFailed(f"ended at messages of {largest} of {options.most_bytes} bytes")
        if any(value <= 0 for curve in result.curves.values() for value in curve.values()):
            raise CheckFailed("a latency or bandwidth is 0: too few repeats for this clock")


ADAPTER = Netpipe()
