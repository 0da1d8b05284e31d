"""The commands of `opbench`: arguments, help, and the function of each."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


class Argument:
    """One argument, as argparse takes it."""

    def __init__(self, *names: str, **settings: Any) -> None:
        self.names = names
        self.settings = settings


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command; `run` names a function as `module:function`."""

    run: str
    help: str
    text: str
    arguments: tuple[Argument, ...]


JSON = Argument("--json", action="store_true", help="print a JSON object instead of text")
STUDY = Argument(
    "study",
    nargs="?",
    default="{}",
    metavar="STUDY",
    help="a preset's name, a JSON object, a .json or .yaml file, or - for stdin; "
    "default: the form's initial study",
)
SET = Argument(
    "--set",
    "-s",
    action="append",
    default=[],
    metavar="FIELD=VALUE",
    help="a field of the study, its value as JSON or a word: -s repeats=6 -s nodes=[1,2]",
)
ROOT = Argument(
    "--results",
    metavar="PLACE",
    help="where studies are kept; default: the installation's own folder",
)
SERVER = (
    Argument(
        "--server",
        metavar="URL",
        help="an Airflow that runs this pipeline; also OPBENCH_SERVER",
    ),
    Argument("--user", metavar="NAME", help="the login there; also OPBENCH_USER, default admin"),
    Argument(
        "--password-file",
        metavar="FILE",
        help="file with the password; default: OPBENCH_PASSWORD",
    ),
)
RECORDS = "a study's id or folder, an import's folder, or a records.parquet or .csv"
STORED = Argument("study", metavar="STUDY", help=RECORDS)
MARKDOWN = Argument("--md", action="store_true", help="as Markdown, for example for a pull request")
PLANNED = (STUDY, SET, JSON)

BY_NAME = {
    "run": Command(
        run="include.cli.studies:run",
        help="check a study and run it, here or on a server",
        text="Checks a study and runs it: here through `airflow dags test`, as `make demo`, or "
        "with --server through that Airflow's API, following its tasks to the end. Exit code 0 "
        "when the run succeeded.",
        arguments=(
            STUDY,
            SET,
            *SERVER,
            Argument("--detach", action="store_true", help="do not wait for the end (--server)"),
            JSON,
        ),
    ),
    "follow": Command(
        run="include.cli.server:follow",
        help="follow a run on a server to its end",
        text="Prints each task's state as it changes; exit code 0 when the run succeeded.",
        arguments=(Argument("run_id", metavar="RUN"), *SERVER, JSON),
    ),
    "check": Command(
        run="include.cli.studies:check",
        help="show what a study would run and what is wrong with it, in a second",
        text="Shows a study's points, time and cost, or everything that is wrong "
        "with it (exit code 2). Touches no cluster.",
        arguments=PLANNED,
    ),
    "preflight": Command(
        run="include.cli.machine:preflight",
        help="check whether a study's cluster can be made, here and now",
        text="Checks all that the cluster needs and prints the estimate; makes nothing. Exit "
        "code 1 when something speaks against starting.",
        arguments=PLANNED,
    ),
    "ls": Command(
        run="include.cli.listing:ls",
        help="list studies and imports with their results",
        text="A line per study and import, newest first.",
        arguments=(ROOT, JSON),
    ),
    "show": Command(
        run="include.cli.listing:show",
        help="print a study's answer and its table",
        text="The answer in a few lines, and a row per size with each operator's median, the "
        "difference (~: none detected), p and n, and the geometric mean.",
        arguments=(
            STORED,
            ROOT,
            MARKDOWN,
            JSON,
        ),
    ),
    "compare": Command(
        run="include.cli.comparing:run",
        help="compare two sets of records; exit code 1 when B is worse",
        text="Compares what two studies or imports measured of the same operators at the same "
        "sizes: B against A; or two variants of a study, as STUDY@release and STUDY@head. Exit "
        "code 1 when B is worse somewhere by more than --least.",
        arguments=(
            Argument("a", metavar="A", help=f"before: {RECORDS}"),
            Argument("b", metavar="B", help=f"after: {RECORDS}"),
            ROOT,
            Argument(
                "--least",
                type=float,
                default=1.0,
                metavar="PERCENT",
                help="the smallest change that counts, in percent (1)",
            ),
            MARKDOWN,
            JSON,
        ),
    ),
    "site": Command(
        run="include.cli.sharing:site",
        help="write a static page of studies and trends, with reports and badges",
        text="Copies report, tables and badge of each finished study, and trend and badge of each "
        "nightly series, into a folder for any web server; no logs and no manifests.",
        arguments=(ROOT, Argument("--out", required=True, metavar="DIR", help="where to write")),
    ),
    "export": Command(
        run="include.cli.sharing:export",
        help="print a study's medians and intervals as OpenMetrics, or send them by OTLP",
        text="The OpenMetrics text format: a gauge per quantity, with study, operator, size and "
        "n. With --otlp the same goes to an OpenTelemetry collector.",
        arguments=(
            STORED,
            ROOT,
            Argument("--otlp", metavar="URL", help="a collector, such as http://localhost:4318"),
        ),
    ),
    "clean": Command(
        run="include.cli.machine:clean",
        help="remove what a crashed study left on this machine",
        text="Ends the cluster on this machine, of any study, running or crashed. With "
        "--study, another study's running cluster is left alone.",
        arguments=(Argument("--study", metavar="ID", help="only this study's"), JSON),
    ),
    "completion": Command(
        run="include.cli.completion:run",
        help="print the shell's completion script",
        text="For bash: source <(opbench completion bash)",
        arguments=(Argument("shell", choices=["bash", "zsh", "fish"]),),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command with arguments of its own; `main` and `parser` name functions."""

    main: str
    parser: str  # quick to load, unlike the program
    help: str


PROGRAMS = {
    "report": Program(
        main="include.report.__main__:main",
        parser="include.report.arguments:parser",
        help="write a study's report again, or compare it with another study",
    ),
    "import": Program(
        main="include.recorded_runs.__main__:main",
        parser="include.recorded_runs._arguments:parser",
        help="read what other tools recorded, and report on it",
    ),
    "regression": Program(
        main="include.regression.__main__:main",
        parser="include.regression.arguments:history_parser",
        help="find regressions in a history of nights",
    ),
    "series": Program(
        main="include.regression.state:main",
        parser="include.regression.arguments:series_parser",
        help="acknowledge a change, pin the baseline, export a nightly series",
    ),
}


def load(place: str) -> Any:
    """The function that `module:function` names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
