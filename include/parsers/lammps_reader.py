"""Reads a LAMMPS log line by line and keeps its figures, in bounded memory."""

from __future__ import annotations

import re

from include.errors import ParseError
from include.parsers import lammps_lines
from include.parsers.flux_events import holds_event, is_event, is_logged
from include.parsers.lammps_tables import BreakdownReader
from include.parsers.lammps_thermo import ThermoReader, thermo_reader
from include.parsers.lines import holds_figures_only, shown

ERROR = "ERROR"  # start of lines with LAMMPS's reason to end, including `ERROR on proc 0: …`
BANNER = "LAMMPS ("
_BANNER = re.compile(r"LAMMPS \(([^()]+)\)\s*")
_BANNER_WITHIN = re.compile(r"\S.*\bLAMMPS \([0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}")
_PARTITIONS = re.compile(r"Running on [0-9]+ partitions of processors")
_FRAGMENT = re.compile(r"[-+.eE0-9\s]*[0-9][-+.eE0-9\s]*")  # figures that belong to no line
_GRID_BEGUN = re.compile(r"\s*[0-9]+ by\b")  # the last of two grids counts and must be complete
_KINDS = {kind.marker: kind for kind in lammps_lines.FIGURES}
_PERFORMANCE = ("Performance:", "timesteps/s", "atom-step/s")
_SPREADS = tuple(f"{name}:" for name in lammps_lines.SPREADS)
_OTHERS = ("Unit style", "MPI task timing breakdown", "Total wall time", *_PERFORMANCE, *_SPREADS)
_MARKER = re.compile("|".join(map(re.escape, (*_KINDS, *_OTHERS))))
_LOOP = "Loop time of"
# Lines before the loop time of a run; after it they belong to another one.
_NEXT_RUN = re.compile(
    r"Per MPI rank memory|Memory usage per processor|Setting up |\s*(?:Unit style|Current step|"
    r"read_data CPU|replicate CPU|[0-9]+ by [0-9]+ by [0-9]+ MPI processor grid)"
)
_THREADS = "Thread timings breakdown"  # a second breakdown, of rank 0's threads: not used


class Reader:
    """The state of reading so far, which `lammps_log` turns into the result."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.figures: dict[str, float] = {}
        self.histograms: dict[str, tuple[int, ...]] = {}  # ranks per bin, by quantity
        self._open_spread: str | None = None
        self.thermo: ThermoReader | None = None
        self._breakdown: BreakdownReader | None = None
        self._has_threads = False
        self.unit_style: str | None = None
        self.error: str | None = None  # LAMMPS's last message about a failed run
        self.tagged: str | None = None  # the banner, in a line with an unknown prefix
        self.partitions = ""  # line of a partitioned run, whose parts have their own logs
        self.last_text = ""  # the log's last line that is not blank
        self.further_runs: list[float] = []  # steps of the runs after the first, during reading
        self._is_further = False

    def feed(self, line: str) -> None:
        """Take the next cleaned line; ParseError when it is cut or mixed with another."""
        if (table := self._open_table) and holds_figures_only(line):
            table.feed(line)  # first of all: a log may have millions of these
            return
        begins = line.startswith(BANNER)
        if self.version is None and not begins:
            self._before(line)
            return
        if is_event(line):
            return
        if holds_event(line) or ("ƒ" in line and not is_logged(line)):
            raise ParseError(f"a Flux event is mixed with a line of LAMMPS: {shown(line)}")
        if begins:
            self._begin(line)
        elif line.startswith(ERROR):
            self.error = line
        elif _PARTITIONS.fullmatch(line.rstrip()):
            self.partitions = line
        elif self._is_further or self._begins_another(line):
            self._further(line)
        else:
            self._content(line)

    def _before(self, line: str) -> None:
        self.last_text = line if line.strip() else self.last_text
        if self.tagged is None and BANNER in line and _BANNER_WITHIN.match(line):
            self.tagged = line

    def _begins_another(self, line: str) -> bool:
        """True if a second `run` of the same LAMMPS begins here, or ends without a beginning."""
        has_loop = "loop_time_s" in self.figures
        self._is_further = has_loop and (_NEXT_RUN.match(line) is not None or _LOOP in line)
        return self._is_further

    def _further(self, line: str) -> None:
        """Record the steps of the runs after the first, to name them."""
        if _LOOP in line:
            values = lammps_lines.figures(_KINDS[_LOOP], line)
            self.further_runs.append(values["steps"])

    def _begin(self, line: str) -> None:
        match = _BANNER.fullmatch(line)
        if match is None:
            raise ParseError(f"the version line is not whole: {shown(line)}")
        if self.version is not None:
            raise ParseError(
                "two LAMMPS runs in one log; did every rank start a run of its own? "
                f"The second begins with {shown(line)}"
            )
        self.version = match[1]

    def _content(self, line: str) -> None:
        marker = _MARKER.search(line)
        if marker is not None:
            self._marked(marker[0], line)
        elif line.startswith("Histogram:"):
            self._histogram(line)
        elif table := self._open_table:
            table.feed(line)
        elif "total_wall_time_s" in self.figures:
            return  # the rest is the launcher's
        elif _FRAGMENT.fullmatch(line) or _GRID_BEGUN.match(line):
            raise ParseError(f"figures without their line, which was cut: {shown(line)}")
        elif self.thermo is None:
            self.thermo = thermo_reader(line)
        elif line.startswith(_THREADS):
            self._has_threads = True
        elif self._breakdown is not None:
            self._breakdown_line(line)

    @property
    def _open_table(self) -> ThermoReader | None:
        """The thermo table, from its header to the loop time."""
        return self.thermo if "loop_time_s" not in self.figures else None

    def _breakdown_line(self, line: str) -> None:
        is_below = self.histograms or self._open_spread or self._has_threads
        if self._breakdown is not None and not is_below:
            self._breakdown.feed(line)

    @property
    def has_further_runs(self) -> bool:
        """True if a second run begins in the log, complete or not."""
        return self._is_further

    def _marked(self, marker: str, line: str) -> None:
        if marker in _KINDS:
            values = lammps_lines.figures(_KINDS[marker], line)
            self._keep(values, line, again=marker == lammps_lines.REPEATED)
        elif marker in _PERFORMANCE:
            self._keep(lammps_lines.performance(line), line)
        elif marker in _SPREADS:
            self._spread(line)
        elif marker == "Unit style":
            self.unit_style = lammps_lines.unit_style(line)
        elif marker == "Total wall time":
            self._keep({"total_wall_time_s": lammps_lines.total_wall_time_s(line)}, line)
        elif self._breakdown is None and line.rstrip() == "MPI task timing breakdown:":
            self._breakdown = BreakdownReader()
        else:
            raise ParseError(f"the timing breakdown comes twice or not whole: {shown(line)}")

    def _keep(self, values: dict[str, float], line: str, *, again: bool = False) -> None:
        if not again and any(name in self.figures for name in values):
            raise ParseError(f"a line that must come once comes twice: {shown(line)}")
        self.figures.update(values)

    def _spread(self, line: str) -> None:
        if self._open_spread is not None:
            raise ParseError(f"no histogram after {self._open_spread}, before {shown(line)}")
        self._open_spread = lammps_lines.spread(line)

    def _histogram(self, line: str) -> None:
        if self._open_spread is None or self._open_spread in self.histograms:
            raise ParseError(f"a histogram of nothing, or a second one: {shown(line)}")
        self.histograms[self._open_spread] = lammps_lines.histogram(line)
        self._open_spread = None
