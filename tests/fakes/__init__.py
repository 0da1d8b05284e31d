"""Adapters that need no cluster: loaded by name like the real ones, which do not know of them."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from pathlib import Path

from include import adapters, applications, clusters, k8s_operators

HERE = Path(__file__).parent
# Kept, as an import of the folder `clusters` here takes the name `clusters` in this module.
PACKAGES = (applications, clusters, k8s_operators)


def install() -> None:
    """Let the adapters here be loaded by their names; no list of adapters has them."""
    load_real = adapters.load

    def load(package, name):
        if (_folder_of(package) / f"{name}.py").exists():
            return importlib.import_module(f"{__name__}.{_folder_of(package).name}.{name}").ADAPTER
        return load_real(package, name)

    adapters.load = load


def offer() -> None:
    """List the adapters here among the real ones, so that the form offers them."""
    for package in PACKAGES:
        if (folder := str(_folder_of(package))) not in package.__path__:
            package.__path__.append(folder)


@contextmanager
def offered():
    """As long as it lasts, the form of the DAG offers them."""
    before = {package: [*package.__path__] for package in PACKAGES}
    offer()
    yield
    for package, folders in before.items():
        package.__path__[:] = folders


def offer_only(*operators: str) -> None:
    """Offer no other operators than these: each that there is gives every run a phase more."""
    k8s_operators.available = lambda: operators


def stand_in_for_the_report(modules: dict) -> None:
    """Let the report be written by `tests.fakes.report`."""
    from tests.fakes import report

    modules["include.report.write"] = report


def _folder_of(package):
    """The folder here of what stands in for a package's adapters."""
    return HERE / package.__name__.rsplit(".", 1)[-1]
