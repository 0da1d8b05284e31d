"""Cases on the results' store, on other studies on the machine, and on the teardown."""

from __future__ import annotations

from include.drills import harm, neighbours
from include.drills.case import LOCAL, Case
from include.drills.outcome import Colour, Promise
from include.drills.scene import Moment

NO_SPACE = "No space left on device"


def cases() -> tuple[Case, ...]:
    """Cases in table order."""
    return (*_disks(), *_files(), *_neighbours(), *_teardowns())


def _disks() -> tuple[Case, ...]:
    handed_over = Promise(valid=1, kept=1, colour=Colour.RED, names=(NO_SPACE,), named_s=None)
    read_only = Promise(
        valid=1, kept=1, colour=Colour.RED, names=("Read-only file system",), named_s=None
    )
    return (
        Case(
            name="disk of the results full",
            does=harm.disk_full(for_s=None),
            promise=handed_over,
            disk_mib=2,
            needs_root=True,
            is_quick=True,
        ),
        Case(
            name="disk of the results full for 30 s",
            does=harm.disk_full(for_s=30.0),
            promise=handed_over,
            disk_mib=2,
            needs_root=True,
        ),
        Case(
            name="results become read-only",
            does=harm.read_only,
            promise=read_only,
            disk_mib=8,
            needs_root=True,
            is_quick=True,
        ),
    )


def _files() -> tuple[Case, ...]:
    def named(file: str) -> Promise:
        return Promise(
            colour=Colour.RED, names=(f"{file} cannot be read",), named_s=None, recovered_s=None
        )

    return (
        Case(
            name="record.json cut in half",
            does=harm.cut("points/{first}/record.json"),
            at=Moment.SECOND_AT_WORK,
            promise=named("record.json"),
            is_reported=True,
        ),
        Case(
            name="plan.json cut in half",
            does=harm.cut("plan.json"),
            at=Moment.SECOND_AT_WORK,
            promise=named("plan.json"),
        ),
        Case(  # its workers are also in the handle
            name="cluster.json cut in half",
            does=harm.cut("cluster.json"),
            promise=named("cluster.json"),
            is_reported=True,
        ),
    )


def _neighbours() -> tuple[Case, ...]:
    unharmed = Promise(recovered_s=None)
    return (
        Case(
            name="second study on the same cluster: refused, and removed",
            does=neighbours.second_study,
            promise=unharmed,
            is_quick=True,
        ),
        Case(
            name="simulated cluster made and removed beside it",
            does=neighbours.other_cluster,
            promise=unharmed,
            only=LOCAL,
        ),
        Case(
            name="`make clean` of another state folder",
            does=neighbours.clean_elsewhere,
            promise=unharmed,
        ),
    )


def _teardowns() -> tuple[Case, ...]:
    return (
        Case(
            name="cluster cannot be removed at first",
            does=harm.state_held(for_s=8.0),
            at=Moment.UNINSTALL,
            promise=Promise(recovered_s=None),
            needs_root=True,
        ),
        Case(
            name="cluster cannot be removed at all",
            does=harm.state_held(for_s=None),
            at=Moment.UNINSTALL,
            promise=Promise(
                colour=Colour.RED,
                names=("pki",),
                named_s=None,
                recovered_s=None,
                leaves=("/pki", "/state.json"),  # by it the next removal knows whose that is
            ),
            needs_root=True,
        ),
        Case(
            name="all points of the finished study cleared",
            at=Moment.DESTROY,
            promise=Promise(recovered_s=None),
            is_repeated=True,
        ),
    )
