"""OSU micro-benchmarks: latency or bandwidth over message size, with the user's image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from include.applications import Application, Measured
from include.errors import CheckFailed, ParseError
from include.models import Better, FigureOfMerit, Model
from include.parsers import osu

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.models.figures import Scalar

SUMMARY_BYTES = 8  # the message whose latency stands for the curve, or the next larger one
LATENCY = (
    FigureOfMerit(
        name="latency_us",
        unit="us",
        title="Latency",
        meaning=f"of a message of {SUMMARY_BYTES} bytes, or the next larger one",
        better=Better.LOWER,
        primary=True,
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
)
BANDWIDTH = (
    FigureOfMerit(
        name="bandwidth_mb_per_s",
        unit="MB/s",
        title="Bandwidth",
        meaning="the greatest over all message sizes",
        better=Better.HIGHER,
        primary=True,
        scales=False,
    ),
    FigureOfMerit(
        name="bandwidth_by_size_mb_per_s",
        unit="MB/s",
        title="Bandwidth",
        better=Better.HIGHER,
        axis="message_bytes",
        scales=False,
    ),
)
Program = Annotated[str, StringConstraints(pattern=r"^(/[-\w./]*/)?osu_[a-z_]+$")]


class Options(Model):
    """`application_options` of a study with an OSU micro-benchmark."""

    program: Program = "osu_latency"  # on the PATH of the image, or its whole path
    least_bytes: int = Field(default=1, ge=1)
    most_bytes: int = Field(default=4 << 20, ge=1)


class Osu(Application[Options]):
    """One benchmark of the suite that prints a value over message size."""

    name = "osu"
    title = "OSU micro-benchmark"
    options = Options
    work_dir = "/tmp"  # noqa: S108  in the container; nothing is written there
    first_line = "# OSU"
    last_line = ""  # the table has no end line: the application's last line is the launcher's

    def __init__(self, figures: tuple[FigureOfMerit, ...] = LATENCY) -> None:
        self.figures = figures

    def configured(self, options: Options) -> Osu:
        """With the figures of a bandwidth where the program measures one."""
        is_bandwidth = "bw" in options.program.rsplit("/", 1)[-1].split("_")
        is_bandwidth |= "bibw" in options.program
        return Osu(BANDWIDTH if is_bandwidth else LATENCY)

    def command(self, options: Options) -> tuple[str, ...]:
        """The program with the range of its message sizes."""
        return (options.program, "-m", f"{options.least_bytes}:{options.most_bytes}")

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """The benchmark's name; that of the log stands in the record of a valid run."""
        return {"program": options.program.rsplit("/", 1)[-1]}

    def parse(self, lines: Iterable[str]) -> Measured:
        """The curve and its summary: the latency of a small message, or the greatest bandwidth."""
        table = osu.parse(lines)
        name = "bandwidth_mb_per_s" if table.is_bandwidth else "latency_us"
        curve = "bandwidth_by_size_mb_per_s" if table.is_bandwidth else "latency_by_size_us"
        return Measured(
            figures={name: _summary(table)},
            curves={curve: table.values},
            problem={
                "benchmark": table.benchmark,
                "least_bytes": min(table.values),
                "most_bytes": max(table.values),
            },
            version=table.version,
        )

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """The figure that the program measures, sizes to the end of the range, all above 0."""
        del ranks  # OSU does not print them
        if self.figures[0].name not in result.figures:
            raise CheckFailed(f"{options.program} printed no {self.figures[0].title.lower()}")
        largest = int(result.problem["most_bytes"])
        if not options.most_bytes / 2 < largest <= options.most_bytes:
            raise CheckFailed(f"ended at messages of {largest} of {options.most_bytes} bytes")
        if any(value <= 0 for curve in result.curves.values() for value in curve.values()):
            raise CheckFailed("a latency or bandwidth is 0")


def _summary(table: osu.OsuTable) -> float:
    if table.is_bandwidth:
        return max(table.values.values())
    known = [size for size in table.values if size >= SUMMARY_BYTES]
    if not known:
        raise ParseError(f"no message of {SUMMARY_BYTES} bytes or more: the table is not whole")
    return table.values[min(known)]


ADAPTER = Osu()
