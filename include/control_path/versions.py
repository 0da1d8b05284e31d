"""`python -m include.control_path.versions`: two builds of one controller on the same nodes.

For a maintainer without a cloud: compares HEAD with the last release, one job after the other in
mixed order, each under a freshly started controller; gives an exit code and a pull-request comment.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include import k8s_operators
from include.control_path import lab, versions_text
from include.control_path.arms import Arm
from include.control_path.study import NOT_MEASURED, Matrix, Store
from include.control_path.versions_text import BASE, HEAD
from include.embedded import programs
from include.embedded.progress import Progress
from include.errors import BenchmarkError, ClusterError
from include.files import write_whole
from include.kube import controller_versions
from include.models import Status
from include.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from include.kube.kinds import Controller

log = logging.getLogger(__name__)
OUT = ROOT / "results" / "versions"
WORSE, CANNOT = 1, 2  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when HEAD is nowhere worse, 1 when it is worse or loses jobs, 2 when undecided."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("include.control_path").setLevel(logging.INFO)
    try:
        store = Store(given.out)
        matrix = _matrix(given)
        if not given.only_write:
            measure(matrix, store, seed=given.seed)
        outcome = versions_text.compare(store.runs, least_percent=given.least)
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return CANNOT
    text = versions_text.markdown(outcome, operator=given.operator)
    sys.stdout.write(text)
    if given.markdown:
        write_whole(given.markdown, text)
    if outcome.is_worse:
        return WORSE
    return 0 if outcome.rows else CANNOT


def measure(matrix: Matrix, store: Store, *, seed: int) -> None:
    """Run what the store lacks: blocks of one job per build, in an order drawn from the seed."""
    store.refuse_other(matrix)
    order = random.Random(seed)  # noqa: S311  an order, not a secret
    blocks = [(nodes, r) for nodes in matrix.nodes for r in range(1, matrix.repeats + 1)]
    order.shuffle(blocks)
    operator = matrix.arms[0].k8s_operator
    controllers = k8s_operators.controllers((operator,))
    builds = (arm.of(controllers[-1]) for arm in matrix.arms)
    programs.build((*controllers, *builds), Progress(log.info))
    named = {arm.name: _version(controllers[-1], arm, matrix) for arm in matrix.arms}
    _refuse_other_builds(store, named)
    due = [
        (arm, nodes, repeat)
        for nodes, repeat in blocks
        for arm in order.sample(matrix.arms, k=len(matrix.arms))
        if repeat not in {run.repeat for run in store.valid(arm, nodes)}
    ]
    if not due:
        return
    with lab.ready(matrix.options()) as place, place.installed(matrix.arms[0]) as version:
        warm_up = {"nodes": min(matrix.nodes), "repeat": matrix.repeats + 1}
        for arm in matrix.arms:  # not stored: fills the caches
            place.measure(arm, **warm_up, version=version, limit_s=matrix.job_limit_s)
        for arm, nodes, repeat in due:
            run, requests = place.measure(
                arm,
                nodes=nodes,
                repeat=repeat,
                version=named[arm.name],
                limit_s=matrix.job_limit_s,
            )
            store.add(run, requests)
            ending = run.error or f"terminal after {run.terminal_s} s"
            log.info("%s, %d nodes, repeat %d: %s", arm.name, nodes, repeat, ending)
            if run.status is not Status.VALID and arm.name == BASE:
                raise ClusterError(f"the base itself fails with {nodes} nodes: {run.error}")


def _refuse_other_builds(store: Store, named: Mapping[str, str]) -> None:
    """ClusterError when the folder has jobs of other builds: those are not repeats."""
    for run in store.runs:
        if run.operator_version != (wanted := named.get(run.arm)):
            msg = (
                f"{store.folder} has jobs of {run.arm} {run.operator_version}, not {wanted}: "
                f"delete it, or give another --out"
            )
            raise ClusterError(msg)


def _version(controller: Controller, arm: Arm, matrix: Matrix) -> str:
    located = lab.program_of(controller, arm, matrix.options())
    if located is None:
        raise ClusterError(f"{controller.name}: {NOT_MEASURED}")
    return located.version


def _matrix(given: argparse.Namespace) -> Matrix:
    builds = {BASE: _named(given.base), HEAD: _named(given.head)}
    controller = k8s_operators.controllers((given.operator,))[-1]
    for version in builds.values():
        controller_versions.of(controller, version)
    return Matrix(
        arms=tuple(
            Arm(
                name=name,
                title=name.upper(),
                k8s_operator=given.operator,
                version=version,
            )
            for name, version in builds.items()
        ),
        nodes=tuple(given.nodes),
        repeats=given.repeats,
        cell_limit_s=float("inf"),
        job_limit_s=given.job_limit_s,
    )


def _named(given: str) -> str:
    """A version as a study names it: a program by its whole path."""
    path = Path(given)
    if path.is_file():
        return str(path.resolve())
    if path.name != given:
        raise ClusterError(f"there is no program {path}")
    return given


def _parser() -> argparse.ArgumentParser:
    operators = [n for n in k8s_operators.available() if k8s_operators.load(n).controller]
    parser = argparse.ArgumentParser(
        prog="python -m include.control_path.versions",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--operator", choices=operators, default=operators[0], help="whose builds")
    parser.add_argument("--head", required=True, help="program of the new build, or a version")
    parser.add_argument(
        "--base", default=controller_versions.PINNED, help="program or version of the old build"
    )
    parser.add_argument("--nodes", nargs="+", type=int, default=[16, 64], help="sizes of the jobs")
    parser.add_argument("--repeats", type=int, default=10, help="jobs of each size and build")
    parser.add_argument(
        "--least",
        type=float,
        default=5.0,
        help="smallest difference that counts as worse, in percent",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the order")
    parser.add_argument(
        "--job-limit-s", type=float, default=300.0, help="time limit of a single job"
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the raw data")
    parser.add_argument("--markdown", type=Path, help="file for the comment")
    parser.add_argument("--only-write", action="store_true", help="measure nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
