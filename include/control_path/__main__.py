"""`python -m include.control_path`: measures the cost of each operator's control path."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.control_path.arms import arms
from include.control_path.study import Matrix, Store, measure
from include.errors import BenchmarkError
from include.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = """\
Runs zero-length jobs on simulated nodes under each operator, with the real control plane and the
real controllers, and measures each step from the job's creation to its verified deletion. Results
are kept after each job; run it again with the same folder to resume."""
NODES = (8, 16, 32, 64, 128, 256, 512, 1024)
MANY = (10, 50, 100, 200, 500)
OUT = ROOT / "results" / "control-path"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every job succeeded, 1 when one failed or nothing could be measured."""
    known = arms()
    parser = _parser(tuple(known))
    given = parser.parse_args(arguments)
    if not given.nodes and not given.many:
        parser.error("give numbers of --nodes, or of jobs at once (--many)")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("include.control_path").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _interrupt)  # the cluster is deleted on SIGTERM too
    matrix = Matrix(
        arms=tuple(known[name] for name in given.arms),
        nodes=tuple(given.nodes),
        repeats=given.repeats,
        cell_limit_s=given.cell_limit_s,
        least_repeats=given.least_repeats,
        job_limit_s=given.job_limit_s,
        cluster_nodes=given.cluster_nodes,
        flux_operator=given.flux_operator,
        control_plane_qps=given.control_plane_qps,
        many=tuple(given.many),
        nodes_per_job=given.nodes_per_job,
        many_limit_s=given.many_limit_s,
        is_anew=given.anew,
    )
    try:
        store = Store(given.out)
        failed = 0 if given.only_write else measure(matrix, store)
        if given.write:
            from include.control_path.document import write  # noqa: PLC0415  seconds to load

            write(store, matrix, given.write, load=given.load)
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped; results so far are in {given.out}; run again to resume\n")
        return 1
    kept = f"{len(store.runs)} jobs and {len(store.batches)} batches in {store.folder}"
    sys.stdout.write(f"{kept}, {failed} of them failed now\n")
    return 1 if failed else 0


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _parser(names: tuple[str, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.control_path",
        description=DESCRIPTION,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--arms", nargs="+", choices=names, default=list(names), help="operators")
    parser.add_argument(
        "--nodes",
        nargs="*",
        type=_count,
        default=list(NODES),
        help="sizes of single jobs; no value: none",
    )
    parser.add_argument(
        "--many",
        nargs="*",
        type=_count,
        default=list(MANY),
        help="numbers of jobs submitted together; no value: none",
    )
    parser.add_argument(
        "--nodes-per-job", type=_count, default=2, help="nodes per job when many are submitted"
    )
    parser.add_argument(
        "--many-limit-s",
        type=float,
        default=300.0,
        help="skip larger numbers of jobs once the last job of one ended later than this",
    )
    parser.add_argument("--repeats", type=_count, default=5, help="maximum jobs of each size")
    parser.add_argument(
        "--cell-limit-s",
        type=float,
        default=60.0,
        help="no further repeat of a size, or of a batch, once its jobs took this many seconds",
    )
    parser.add_argument(
        "--least-repeats",
        type=_count,
        default=3,
        help="minimum jobs of each size, however long they take",
    )
    parser.add_argument(
        "--cluster-nodes", type=_count, help="simulated workers; default: the largest size"
    )
    parser.add_argument(
        "--job-limit-s", type=float, default=1200.0, help="time limit of a single job"
    )
    parser.add_argument("--flux-operator", help="the Flux Operator's program; default: from PATH")
    parser.add_argument(
        "--control-plane-qps",
        type=_count,
        default=200,
        help="requests/s allowed to each built-in controller and to the scheduler",
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the raw data")
    parser.add_argument(
        "--anew",
        action="store_true",
        help="measure what the folder already has of these arms and sizes once more; its rows go "
        "when the arm's turn comes",
    )
    parser.add_argument("--write", type=Path, help="document to write, with tables and figure")
    parser.add_argument(
        "--load", default="", help="for the document: what else the machine was doing"
    )
    parser.add_argument(
        "--only-write", action="store_true", help="measure nothing, write the document"
    )
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a number from 1 on")
    return value


if __name__ == "__main__":
    sys.exit(main())
