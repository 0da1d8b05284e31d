"""The real local cluster: skipped, with the reason, where it cannot run."""

from __future__ import annotations

import os

import pytest

from include.embedded import image, packages, removal, state
from include.embedded.binaries import is_built
from include.embedded.paths import state_root
from include.errors import BenchmarkError

STUDY_ID = f"system-test-{os.getpid()}"  # two test runs must not take each other's cluster


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


@pytest.fixture
def study_id():
    """The name by which this test run's clusters go."""
    return STUDY_ID


@pytest.fixture
def machine():
    """Skips the test where the local cluster cannot run."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def state_folder(machine):
    """The machine's own state folder; whatever a test does, nothing of it is left afterwards."""
    root = state_root()
    yield root
    with state.locked(root):
        current = state.read_or_none(root)
        if current is not None and current.study_id != STUDY_ID:
            return  # somebody's study has started since
        removal.remove_everything(root)
        root.rmdir()
    assert removal.leftovers(root) == ()
