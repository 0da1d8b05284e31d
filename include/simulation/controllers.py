"""Controllers of a simulated cluster: upstream's programs as processes, or a declared stand-in."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.embedded import controller_files, credentials, leading, probe, processes, state
from include.embedded import controllers as embedded
from include.embedded.layout import LOOPBACK
from include.embedded.local_cluster import admin, apply
from include.errors import ClusterError
from include.simulation import programs, settings, stand_in
from include.simulation.programs import AS_IT_COMES, FIXED_HEALTH_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.embedded.state import ClusterState
    from include.kube.kinds import Controller
    from include.simulation.programs import Limits, Program

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The study's cluster while it is locked, and the controller's program on it."""

    controller: Controller
    current: ClusterState
    layout: Layout
    program: Program | None  # None: a stand-in
    running: HostProcess | None  # process recorded in the state, alive or not


@contextmanager
def _locked(controller: Controller, *, root: Path, study_id: str) -> Iterator[_Place]:
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        simulation = settings.read(root)
        yield _Place(
            controller=controller,
            current=current,
            layout=simulation.layout(root),
            program=programs.find(controller, simulation.options),
            running=current.process(controller.name),
        )


def install(
    controller: Controller, *, root: Path, study_id: str, limits: Limits = AS_IT_COMES
) -> str:
    """Start a controller or its stand-in; returns which one, with its version.

    A running one is left as it is.
    """
    with _locked(controller, root=root, study_id=study_id) as place:
        if place.program is None:
            return stand_in.install(controller, place.layout)
        if place.running is None or not processes.is_alive(place.running):
            _install(place.program, place.layout, place.current, limits=limits)
        return place.program.version


def _install(program: Program, layout: Layout, current: ClusterState, *, limits: Limits) -> None:
    if program.health_port == FIXED_HEALTH_PORT:
        require_free_port(program.controller)
    apply(layout, tuple(program.objects()))
    embedded.wait_established(program.controller, layout)
    _run(program, layout, current, limits=limits)


def _run(program: Program, layout: Layout, current: ClusterState, *, limits: Limits) -> None:
    process = _start(program, layout, limits)
    state.write(layout, current.with_process(process))
    path = program.controller.health_path
    processes.wait_for(
        program.controller.name,
        lambda: is_healthy(program.health_port, path=path),
        needs=(process,),
        timeout_s=embedded.START_LIMIT_S,
    )
    apply(layout, tuple(program.webhooks(layout)))


def restart(controller: Controller, *, root: Path, study_id: str, limits: Limits) -> None:
    """Restart an installed controller's program, discarding its backlog and its limits' debts.

    Returns when it leads. ClusterError when it is not installed as a program.
    """
    with _locked(controller, root=root, study_id=study_id) as place:
        if place.program is None or place.running is None:
            raise ClusterError(f"{controller.name} does not run as a program here")
        _stop(place)
        _run(place.program, place.layout, place.current, limits=limits)
        leading.wait(controller, place.layout)


def exchange(
    controller: Controller, *, root: Path, study_id: str, limits: Limits = AS_IT_COMES
) -> str:
    """Run a version of an installed controller in place of the one that runs, and wait for it.

    Its own definitions and role take the place of the other's; returns which one runs. ClusterError
    when there is no program of that version.
    """
    with _locked(controller, root=root, study_id=study_id) as place:
        if place.program is None:
            raise ClusterError(f"{controller.name} {controller.version} has no program here")
        _stop(place)
        _install(place.program, place.layout, place.current, limits=limits)
        leading.wait(controller, place.layout)
        return place.program.version


def _stop(place: _Place) -> None:
    """End a controller's process, and what it holds."""
    if place.running is not None:
        processes.stop((place.running,))
    leading.drop_leases(place.controller, place.layout)


def uninstall(controller: Controller, *, root: Path, study_id: str) -> None:
    """Stop a controller or its stand-in and remove what `install` made; returns when it is gone."""
    with _locked(controller, root=root, study_id=study_id) as place:
        kube = admin(place.layout, namespace=controller.namespace)
        embedded.remove_definitions(kube, controller)
        if place.program is None:
            stand_in.uninstall(kube)
        if place.running is not None:
            processes.stop((place.running,))
        state.write(place.layout, place.current.without_process(controller.name))
        controller_files.remove(controller, place.layout, kube)
        embedded.remove_rights(kube, controller)
        credentials.revoke(place.layout, (controller.name,))
        kube.close()


def require_free_port(controller: Controller) -> None:
    """ClusterError when the port that the controller insists on is in use."""
    with socket.socket() as probing:
        probing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probing.bind(("", FIXED_HEALTH_PORT))  # the controller binds it the same way
        except OSError as err:
            msg = (
                f"{controller.name} insists on port {FIXED_HEALTH_PORT}, and that is in use "
                f"({err.strerror}): end what uses it (Airflow's UI, say, which can be started on "
                f"another port) and try again"
            )
            raise ClusterError(msg) from err


def _start(program: Program, layout: Layout, limits: Limits) -> HostProcess:
    kubeconfig = credentials.issue_controller(layout, program.controller.name)
    config = controller_files.config_path(program.controller, layout)
    values = program.values(kubeconfig, config=config, limits=limits)
    own = controller_files.write(program.controller, layout, values)
    return processes.start(
        program.controller.name,
        (program.path, *program.arguments(values, limits=limits)),
        log_file=layout.logs / f"{program.controller.name}.log",
        environment={"KUBECONFIG": str(kubeconfig), **own},
    )


def is_healthy(port: int, *, path: str = "/healthz") -> bool:
    """True if a controller's health port reports it."""
    return probe.answers_in_plain(LOOPBACK, port=port, path=path)
