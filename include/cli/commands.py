"""The commands of `opbench`: their arguments, their help, and where each one's function is."""

from __future__ import annotations

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
    "without it, the study that the form starts with",
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
    help="where studies are kept; without it, the installation's own place",
)
SERVER = (
    Argument(
        "--server",
        metavar="URL",
        help="an Airflow that runs this pipeline; also OPBENCH_SERVER",
    ),
    Argument("--user", metavar="NAME", help="the login there; also OPBENCH_USER, else admin"),
    Argument(
        "--password-file",
        metavar="FILE",
        help="holds the password; otherwise OPBENCH_PASSWORD does",
    ),
)
RECORDS = "a study's id or folder, an import's folder, or a records.parquet or .csv"

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
        text="Tells each task's state as it changes; exit code 0 when the run succeeded.",
        arguments=(Argument("run_id", metavar="RUN"), *SERVER, JSON),
    ),
    "check": Command(
        run="include.cli.studies:check",
        help="say what a study would run and what is wrong with it, in a second",
        text="Says what a study comes to, its points, time and cost, or each thing that is wrong "
        "with it (exit code 2). Touches no cluster.",
        arguments=(STUDY, SET, JSON),
    ),
    "preflight": Command(
        run="include.cli.machine:preflight",
        help="look whether a study's cluster can be made, here and now",
        text="Everything that the cluster needs, looked at, with the estimate; makes nothing. Exit "
        "code 1 when something speaks against starting.",
        arguments=(STUDY, SET, JSON),
    ),
    "ls": Command(
        run="include.cli.listing:ls",
        help="list studies and imports with what they found",
        text="A line per study and import, the newest first.",
        arguments=(ROOT, JSON),
    ),
    "show": Command(
        run="include.cli.listing:show",
        help="print a study's answer and its table",
        text="The answer in a few lines, and a row per size with each operator's median, how far "
        "they are apart (~: not told apart), p and n, and the geometric mean.",
        arguments=(
            Argument("study", metavar="STUDY", help=RECORDS),
            ROOT,
            Argument("--md", action="store_true", help="as Markdown"),
            JSON,
        ),
    ),
    "compare": Command(
        run="include.cli.comparing:run",
        help="compare two sets of records; exit code 1 when B is worse",
        text="Compares what two studies or imports measured of the same operators at the same "
        "sizes: B against A. Exit code 1 when B is worse somewhere by more than --least.",
        arguments=(
            Argument("a", metavar="A", help=f"before: {RECORDS}"),
            Argument("b", metavar="B", help=f"after: {RECORDS}"),
            ROOT,
            Argument(
                "--least",
                type=float,
                default=1.0,
                metavar="PERCENT",
                help="the least change that counts, in percent (1)",
            ),
            Argument("--md", action="store_true", help="as Markdown for a pull request's comment"),
            JSON,
        ),
    ),
    "site": Command(
        run="include.cli.sharing:site",
        help="write a static page of all studies, with reports and badges",
        text="Copies report, tables and badge of each finished study into a folder that any web "
        "server can show; no logs and no manifests.",
        arguments=(ROOT, Argument("--out", required=True, metavar="DIR", help="where to write")),
    ),
    "export": Command(
        run="include.cli.sharing:export",
        help="print a study's medians and intervals as OpenMetrics",
        text="The OpenMetrics text format: a gauge per quantity, with study, operator, size and n.",
        arguments=(Argument("study", metavar="STUDY", help=RECORDS), ROOT),
    ),
    "clean": Command(
        run="include.cli.machine:clean",
        help="remove what a crashed study left on this machine",
        text="Ends the cluster on this machine, whichever study's, running or crashed. With "
        "--study, another study's running cluster is left alone.",
        arguments=(Argument("--study", metavar="ID", help="only this study's"), JSON),
    ),
    "completion": Command(
        run="include.cli.completion:run",
        help="print what the shell needs for the Tab key",
        text="For bash: source <(opbench completion bash)",
        arguments=(Argument("shell", choices=["bash", "zsh", "fish"]),),
    ),
}

# Programs that read arguments of their own.
PASSED_ON = {
    "import": "include.recorded_runs.__main__",
    "regression": "include.regression.__main__",
}
PASSED_ON_HELP = {
    "import": "read what other tools recorded, and report on it",
    "regression": "find regressions in a history of nights",
}
