"""Manual work besides the pipeline: `python -m include.clusters.eks`, four commands."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include.aws import by_hand, drill
from include.aws.settings import Options
from include.checks import Check, Outcome, failed, passed, table, unknown
from include.errors import problems
from include.models import Reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from include.checks import Findings
    from include.tariff import Tariff

MODULE = "include.clusters.eks"
STUDY_ID = "preflight"  # only names the resources whose rights are simulated; nothing is made
NOT_OPTIONS = ("command", "workers", "hours", "max_usd")


def main(
    arguments: Sequence[str] | None,
    *,
    examine: Callable[[Reservation], Findings],
    cluster: Any = None,
) -> int:
    """0 when a cluster can be made or was deleted, 1 when not, 2 for invalid options."""
    given = _parser().parse_args(arguments)
    if given.command == "delete":
        return by_hand.delete(given.study, region=given.region)
    if given.command == "preflight":
        return _preflight(given, examine)
    options = Options(**({"region": given.region} if given.region else {}))
    if given.command == "drill":
        return drill.drill(by_hand.clients_in(options.region), options)
    return drill.probe(cluster, options, evidence=given.evidence)


def _preflight(given: argparse.Namespace, examine: Callable[[Reservation], Findings]) -> int:
    chosen = {
        name: value
        for name, value in vars(given).items()
        if name not in NOT_OPTIONS and value is not None
    }
    try:
        options = Options.model_validate(chosen | {"nodes": given.workers})
    except ValidationError as err:
        for problem in problems(err):
            name = problem.place.replace("_", "-")
            sys.stderr.write(f"--{name}: {problem.message} (given: {problem.given!r})\n")
        return 2
    findings = examine(_reservation(options, workers=given.workers, hours=given.hours))
    cost = _cost(findings.tariff, hours=given.hours, max_usd=given.max_usd)
    checks = (*findings.checks, cost)
    sys.stdout.write("\n".join(table(checks)) + "\n")
    return int(any(check.outcome is Outcome.FAILED for check in checks))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {MODULE}",
        description="Checks whether a cluster can be made on AWS, proves it, or deletes a study's.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_preflight(
        commands.add_parser(
            "preflight", help="run all checks and print a table; exit code 1 when one failed"
        )
    )
    delete = commands.add_parser("delete", help="delete a study's cluster now, and verify")
    delete.add_argument("study", help="the study's id, as in the name of its stack")
    delete.add_argument("--region", help="default: searched for in all of them")
    proof = commands.add_parser(
        "drill", help="prove, free of charge, that AWS deletes a forgotten cluster by itself"
    )
    proof.add_argument("--region", help=f"default: {Options().region}")
    proof = commands.add_parser(
        "probe", help="make and delete the whole stack on small machines, for cents"
    )
    proof.add_argument("--region", help=f"default: {Options().region}")
    proof.add_argument(
        "--evidence",
        type=Path,
        default=Path("aws-evidence"),
        help="folder for evidence from a failed cluster (%(default)s)",
    )
    return parser


def _add_preflight(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--workers", type=_positive(int), required=True, help="nodes that carry ranks")
    add("--hours", type=_positive(float), default=4.0, help="lifetime of the cluster (%(default)s)")
    add("--max-usd", type=_positive(float), help="fail when it would cost more")
    add("--region", help=f"default: {Options().region}")
    add("--zone", help="default: the one zone of the region that offers the type")
    add("--instance-type", help=f"default: {Options().instance_type}")
    add("--kubernetes-version", help=f"default: {Options().kubernetes_version}")
    add("--capacity-reservation", help="id of the reservation to check")
    add("--placement-group", help="the reservation's placement group")
    add("--hourly-price-usd", type=float, help="price of one node; default: AWS's price list")
    add(
        "--no-self-destruct",
        dest="self_destruct",
        action="store_false",
        default=None,
        help="do without the guard on AWS's side",
    )


def _positive(kind: type[float]) -> Callable[[str], float]:
    """A reader of numbers above zero; argparse prints the message of its error."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < float("inf"):
            noun = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun} above 0")
        return value

    return read


def _reservation(options: Options, *, workers: int, hours: float) -> Reservation:
    return Reservation(
        study_id=STUDY_ID,
        cluster="eks",
        namespace=STUDY_ID,
        nodes=workers,
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
        options=options.to_json(),
    )


def _cost(tariff: Tariff | None, *, hours: float, max_usd: float | None) -> Check:
    """Check the cost of all nodes for all hours: an upper bound, as no study gives a duration."""
    if tariff is None:
        return unknown("cost", "unknown without a price", remedy="give --hourly-price-usd")
    usd = tariff.usd(nodes=tariff.nodes, duration_s=hours * 3600)
    cost_text = f"${usd:,.2f} for all nodes during {hours:g} h"
    if max_usd is not None and usd > max_usd:
        remedy = "fewer workers or hours, or a higher --max-usd"
        return failed("cost", f"{cost_text}, --max-usd is ${max_usd:,.2f}", remedy=remedy)
    return passed("cost", cost_text)
