"""OSU micro-benchmarks: latency or bandwidth by message size, in the user's image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from include.applications import Application, Measured
from include.applications._message_size import (
    bandwidth,
    check_sizes,
    latency,
    synthetic_latencies,
)
from include.applications._shell import on_each_rank
from include.applications._synthetic import printed
from include.errors import CheckFailed, ParseError
from include.models import Model
from include.parsers import osu

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.applications import SyntheticLine
    from include.models import FigureOfMerit
    from include.models.figures import Scalar

SUMMARY_BYTES = 8  # the size whose latency summarises the curve, or the next larger one
LAST_LINE = "OSU ends"  # the table itself has no end line
LATENCY = latency(f"of a message of {SUMMARY_BYTES} bytes, or the next larger one", primary=True)
BANDWIDTH = bandwidth("MB/s", "the greatest over all message sizes", primary=True)
SCRIPT = f"""\
"$1" -m "$2"
if [ "$rank" = 0 ]; then echo "{LAST_LINE}"; fi
"""
Program = Annotated[str, StringConstraints(pattern=r"^(/[-\w./]*/)?osu_[a-z_]+$")]


class Options(Model):
    """`application_options` of a study with an OSU micro-benchmark."""

    program: Program = "osu_latency"  # name on the image's PATH, or a full path
    least_bytes: int = Field(default=1, ge=1)
    most_bytes: int = Field(default=4 << 20, ge=1)


class Osu(Application[Options]):
    """One benchmark of the suite that prints a value per message size."""

    name = "osu"
    title = "OSU micro-benchmark"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; nothing is written there
    first_line = osu.FIRST
    last_line = LAST_LINE

    def __init__(self, figures: tuple[FigureOfMerit, ...] = LATENCY) -> None:
        self.figures = figures

    def declared_by(self, result: Measured) -> tuple[FigureOfMerit, ...]:
        """The figures of a bandwidth or a latency, whichever was measured."""
        return BANDWIDTH if BANDWIDTH[0].name in result.figures else LATENCY

    def configured(self, options: Options) -> Osu:
        """Add the figures of a bandwidth where the program measures one."""
        return Osu(BANDWIDTH if _is_bandwidth(options) else LATENCY)

    def command(self, options: Options) -> tuple[str, ...]:
        """The program with the range of its message sizes, and a last line."""
        return on_each_rank(SCRIPT, options.program, f"{options.least_bytes}:{options.most_bytes}")

    def program(self, options: Options) -> str:
        """The program named by the study."""
        return options.program

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The benchmark's name; the record of a valid run has the one in the log."""
        return {"program": options.program.rsplit("/", 1)[-1]}

    def parse(self, lines: Iterable[str]) -> Measured:
        """The curve and its summary: the latency of a small message, or the greatest bandwidth."""
        table = osu.parse(lines)
        figure, curve = BANDWIDTH if table.is_bandwidth else LATENCY
        return Measured(
            ranks=table.ranks,
            figures={figure.name: _summary(table)},
            curves={curve.name: table.values},
            problem={
                "benchmark": table.benchmark,
                "least_bytes": min(table.values),
                "most_bytes": max(table.values),
            },
            version=table.version,
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Check for the program's figure, sizes up to the end of the range, and positive values."""
        if result.ranks not in {None, ranks}:
            raise CheckFailed(f"ran with {result.ranks} ranks instead of {ranks}")
        if self.figures[0].name not in result.figures:
            raise CheckFailed(f"{options.program} printed no {self.figures[0].title.lower()}")
        check_sizes(result, most_bytes=options.most_bytes)

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """A table of values that grow with the message size, latencies with the run time too."""
        del ranks
        quantity = "Bandwidth (MB/s)" if _is_bandwidth(options) else "Latency (us)"
        rows = [
            f"{size:<10} {size / us if _is_bandwidth(options) else us:18.2f}"
            for size, us in synthetic_latencies(
                least_bytes=options.least_bytes,
                most_bytes=options.most_bytes,
                run_time_s=run_time_s,
            )
        ]
        benchmark = f"OSU MPI {quantity.partition(' ')[0]} (synthetic)"
        return (
            *printed(0.0, f"# {benchmark} Test v0.0", f"# Size          {quantity}"),
            *printed(run_time_s, *rows, LAST_LINE),
        )


def _is_bandwidth(options: Options) -> bool:
    """True for `osu_bw`, `osu_get_bibw`, and so on; `osu_mbw_mr` has another format."""
    words = options.program.rsplit("/", 1)[-1].split("_")
    return bool({"bw", "bibw"} & set(words))


def _summary(table: osu.OsuTable) -> float:
    if table.is_bandwidth:
        return max(table.values.values())
    known = [size for size in table.values if size >= SUMMARY_BYTES]
    if not known:
        raise ParseError(f"no message of {SUMMARY_BYTES} bytes or more: the table is not whole")
    return table.values[min(known)]


ADAPTER = Osu()
