"""Whether this machine has what real Flux needs; nothing of it is part of the project."""

from __future__ import annotations

import pytest

from include import k8s_operators
from include.embedded import flux_view, programs
from include.errors import ClusterError
from include.kube import installation
from include.project import cache_dir


def flux_at_hand():
    """Program and view of the Flux arm; skips where one is missing, and says which."""
    controller = k8s_operators.load("flux_operator").controller
    try:
        program, view = programs.find(controller), flux_view.at_hand(None)
        installation.manifest(controller, cache=cache_dir())
    except ClusterError as err:
        pytest.skip(str(err))
    if program is None or view is None:
        pytest.skip(f"no {'program flux-operator' if program is None else 'view of Flux'} here")
    return program.path, view
