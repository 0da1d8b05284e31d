"""Adapters that need no cluster, put next to the real ones, which do not know of them."""

from __future__ import annotations

from pathlib import Path

from include import applications, clusters, k8s_operators

HERE = Path(__file__).parent


def install() -> None:
    """Let the adapters here be found by name next to the real ones."""
    for package in (applications, clusters, k8s_operators):
        folder = str(HERE / package.__name__.rsplit(".", 1)[-1])
        if folder not in package.__path__:
            package.__path__.append(folder)


def stand_in_for_the_report(modules: dict) -> None:
    """Let the report be written by `tests.fakes.report`."""
    from tests.fakes import report

    modules["include.report.write"] = report
