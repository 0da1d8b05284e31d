"""`python -m include.embedded.flux`: fetches what the Flux Operator needs on the local cluster.

That is the controller's program, its manifest and a view image of Flux. Whatever is on PATH or in
the cache is used; the rest is requested from the Go module proxy and upstream's registry.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include import k8s_operators
from include.embedded import flux_view, on_demand, programs
from include.embedded.progress import Progress, to_terminal
from include.errors import BenchmarkError, ClusterError
from include.kube import installation
from include.project import cache_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from include.kube.kinds import Controller

NAME = "flux_operator"
VIEW_VARIABLE = "FLUX_VIEW"  # the demo's view when the cache has none
# Without any of these, a demo compares what is available on the local cluster.
OWN_CHOICE = frozenset({"operators", "preset", "cluster"})
ALL = ("mpi_operator", NAME, "indexed_job")


def controller() -> Controller:
    """The Flux Operator's."""
    wanted = k8s_operators.load(NAME).controller
    if wanted is None:
        raise ClusterError("the Flux Operator has a controller")
    return wanted


def bring(source: str | None, progress: Progress) -> tuple[list[str], list[str]]:
    """Fetch each of the three; lines of what is there, and lines of what cannot be had."""
    steps = (bring_program, bring_manifest, lambda progress: bring_view(source, progress))
    there, lacking = [], []
    for step in steps:
        try:
            there.append(step(progress))
        except ClusterError as err:
            lacking.append(str(err))
    return there, lacking


def bring_program(progress: Progress) -> str:
    """The controller's program: the existing one, or else built from its module."""
    wanted = controller()
    program = programs.find(wanted)
    if program is None:
        on_demand.build(wanted, progress)
        program = programs.find(wanted)
    if program is None:
        raise ClusterError(f"no program {wanted.name} on PATH or in the cache")
    return f"controller {program.path} ({program.version})"


def bring_manifest(_: Progress) -> str:
    """The controller's manifest, downloaded unless cached."""
    wanted = controller()
    installation.manifest(wanted, cache=cache_dir())
    return f"manifest of {wanted.version}"


def bring_view(source: str | None, progress: Progress) -> str:
    """The view image: from the source, or else the cache, or else upstream."""
    view = None if source else flux_view.at_hand(None)
    if view is None:
        view = flux_view.bring(source or flux_view.UPSTREAM, progress)
    return f"view {view.source} ({view.digest}) with Flux {view.version}"


def demo(conf: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """The demo's params, with the Flux Operator among its operators where available.

    A demo that chooses its own study is left as it is.
    """
    if OWN_CHOICE & set(conf) or os.geteuid() != 0:
        return conf
    _, lacking = bring(os.environ.get(VIEW_VARIABLE), Progress(tell))
    if lacking:
        tell(f"without the Flux Operator: {_one_line(lacking)}; {flux_view.ADVICE}")
        return conf
    return {**conf, "operators": list(ALL)}


def _one_line(lacking: list[str]) -> str:
    """The missing parts, one line each."""
    return "; ".join(each.partition("\n")[0].rstrip(":") for each in lacking)


def _to_error_output(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: fetch what is asked for; exit code 1 when something cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m include.embedded.flux", description=__doc__)
    parser.add_argument("view", nargs="?", help="archive, image reference or installed prefix")
    parser.add_argument("--manifest", type=Path, help="the operator's manifest, from a file")
    parser.add_argument("--demo", metavar="JSON", help="print the params of a demo with Flux")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.demo is not None:
            conf = demo(json.loads(chosen.demo), _to_error_output)
            to_terminal(json.dumps(conf))
            return 0
        if chosen.manifest is not None:
            installation.keep_manifest(controller(), chosen.manifest, cache=cache_dir())
        there, lacking = bring(chosen.view or None, Progress(to_terminal))
    except (BenchmarkError, ValueError) as err:
        _to_error_output(f"error: {err}")
        return 1
    for line in there:
        to_terminal(f"at hand: {line}")
    for line in lacking:
        _to_error_output(f"missing: {line}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
