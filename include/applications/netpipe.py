"""NetPIPE: latency and bandwidth between two ranks by message size, from Debian's package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from include.applications import Application, Measured
from include.applications._message_size import (
    bandwidth,
    check_sizes,
    latency,
    synthetic_latencies,
)
from include.applications._shell import on_each_rank
from include.applications._synthetic import printed
from include.errors import CheckFailed
from include.models import Model, MpiImplementation
from include.parsers import netpipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.applications import SyntheticLine
    from include.models.figures import Scalar

RANKS = 2
PROGRAM = "NPopenmpi"
LAST_LINE = "NetPIPE ends"
LATENCY = latency("one way between the two ranks, of the smallest message", primary=True)
BANDWIDTH = bandwidth("Mbit/s", "the greatest over all message sizes", primary=False)
# NetPIPE prints a row in two parts, which the other rank's output could split.
SCRIPT = f"""\
if [ "$rank" != 0 ]; then exec > /dev/null 2>&1; fi
{PROGRAM} -p 0 -u "$1" -o /dev/null 2>&1
echo "{LAST_LINE}"
"""


class Options(Model):
    """`application_options` of a study with NetPIPE."""

    most_bytes: int = Field(default=65536, ge=64, le=1 << 30)  # largest message


class Netpipe(Application[Options]):
    """`NPopenmpi` between two ranks, with messages growing to the study's size."""

    name = "netpipe"
    title = "NetPIPE"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; nothing is written there
    first_line = netpipe.FIRST
    last_line = LAST_LINE
    figures = (LATENCY[0], BANDWIDTH[0], LATENCY[1], BANDWIDTH[1])
    packages = ("netpipe-openmpi", "openmpi-bin")
    mpi_implementations = (MpiImplementation.OPENMPI,)
    exact_ranks = RANKS

    def command(self, options: Options) -> tuple[str, ...]:
        """NetPIPE without the intermediate sizes, which differ by a few bytes."""
        return on_each_rank(SCRIPT, options.most_bytes)

    def program(self, options: Options) -> str:
        """Debian's name of NetPIPE with Open MPI."""
        del options
        return PROGRAM

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The largest message size."""
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
        """Check for two ranks, all of NetPIPE's sizes within the limit, and positive values."""
        if (result.ranks, ranks) != (RANKS, RANKS):
            raise CheckFailed(f"ran with {ranks} ranks; NetPIPE measures between {RANKS}")
        check_sizes(result, most_bytes=options.most_bytes)

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """Rows of latencies that grow with the message size and the run time."""
        del ranks
        sizes = synthetic_latencies(
            least_bytes=1, most_bytes=options.most_bytes, run_time_s=run_time_s
        )
        rows = [
            f"{place:3}: {size:7} bytes   1000 times --> {8 * size / us:9.2f} Mbps"
            f" in {us:10.2f} usec"
            for place, (size, us) in enumerate(sizes)
        ]
        return (
            *printed(0.0, netpipe.FIRST),
            *printed(run_time_s, *rows, LAST_LINE),
        )


ADAPTER = Netpipe()
