"""The real local cluster, shared where tests leave it as it was; skipped where it cannot run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from include import clusters
from include.embedded import image, packages, removal, state
from include.embedded.binaries import is_built
from include.embedded.node import KERNEL_PARAMETERS
from include.embedded.paths import state_root
from include.errors import BenchmarkError
from include.models import Study

STUDY_ID = f"system-test-{os.getpid()}"  # two test runs must not take each other's cluster
LOCAL = clusters.load("local")
STUDY = Study(nodes=(1, 2))


def why_not():
    if os.geteuid() != 0:
        return "the local cluster needs root"
    if packages.missing():
        return f"missing packages: {', '.join(packages.missing())}; run `make setup`"
    if not is_built():
        return "the programs are not built; run `make setup`"
    try:
        image.built()
    except BenchmarkError as err:
        return str(err)
    if (current := state.read_or_none(state_root())) and current.study_id != STUDY_ID:
        return f"the cluster of study {current.study_id} is here; it is not the tests' to end"
    return None


@pytest.fixture(scope="session")
def machine():
    """Skips the test where the local cluster cannot run."""
    if reason := why_not():
        pytest.skip(reason)


class OneCluster:
    """The local cluster of this test run: made when a test needs it, kept until one must not."""

    def __init__(self):
        self.reservation = LOCAL.reserve(STUDY, study_id=STUDY_ID)
        self.handle = None
        self.kernel_parameters = None
        self.study = STUDY

    def with_view(self, view):
        """Give the nodes of the next cluster a view of Flux too, or none."""
        operators = ("mpi_operator", "flux_operator") if view else STUDY.operators
        self.study = STUDY.model_copy(update={"operators": operators})

    def running(self):
        """The cluster's handle, of the cluster that is there or of a new one."""
        if self.handle is None:
            self.kernel_parameters = kernel_parameters()
            LOCAL.create(self.reservation, self.study)
            self.handle = LOCAL.wait_ready(self.reservation, self.study)
        return self.handle

    def end(self):
        """Delete the cluster, and assert that nothing of it is left."""
        if self.handle is not None:
            self.handle = None
            LOCAL.delete(self.reservation)
            assert LOCAL.leftovers(self.reservation) == ()
            assert kernel_parameters() == self.kernel_parameters

    def remove_whatever_is_left(self):
        """Remove all of it, whatever state a test has left it in."""
        self.handle = None
        root = state_root()
        with state.locked(root):
            current = state.read_or_none(root)
            if current is not None and current.study_id != STUDY_ID:
                return  # somebody's study has started since
            removal.remove_everything(root)
            root.rmdir()
        assert removal.leftovers(root) == ()


def kernel_parameters():
    return {name: (Path("/proc/sys") / name).read_text() for name in KERNEL_PARAMETERS}


@pytest.fixture(scope="session")
def one_cluster(machine):
    cluster = OneCluster()
    yield cluster
    try:
        cluster.end()
    finally:
        cluster.remove_whatever_is_left()


@pytest.fixture
def reservation(one_cluster):
    return one_cluster.reservation


@pytest.fixture(scope="module")
def handle(one_cluster):
    """A running cluster that is shared: its test takes away what it has put there."""
    return one_cluster.running()


@pytest.fixture
def state_folder(one_cluster):
    """The machine's own state folder."""
    return state_root()


@pytest.fixture
def no_cluster(one_cluster):
    """Ends the shared cluster; whatever the test does, nothing is left afterwards."""
    one_cluster.end()
    yield
    one_cluster.remove_whatever_is_left()


@pytest.fixture
def own_handle(one_cluster):
    """A running cluster that its test may break; whatever it does, nothing is left afterwards."""
    yield one_cluster.running()
    try:
        one_cluster.end()
    finally:
        one_cluster.remove_whatever_is_left()
