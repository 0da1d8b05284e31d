"""A cluster on AWS made for the study: EKS with EFA, one CloudFormation stack."""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING

from include.aws import (
    access,
    command_line,
    evidence,
    fabric,
    launch,
    nodes,
    offers,
    removal,
    reservations,
    scaling,
    session,
)
from include.aws import stack as stacks
from include.aws.census import census
from include.aws.parameters import node_zone, parameters_of
from include.aws.problems import explained
from include.aws.settings import Options, notes_of
from include.clusters import _versions
from include.clusters._eks_outlook import Outlook
from include.clusters._pulling import make_namespace, named_digest, pull_secret
from include.errors import StudyError
from include.kube import installation
from include.models import ClusterHandle, Reservation
from include.project import cache_dir
from include.tariff import Pace

if TYPE_CHECKING:
    from datetime import datetime

    from include.kube.client import Kube
    from include.kube.kinds import Controller
    from include.models import Study
    from include.models.fabric import Traffic

log = logging.getLogger(__name__)


PACE = Pace(
    create_s=1130,
    nodes_while_creating=1,
    join_s=180,
    pull_s=300,
    install_s=30,
    uninstall_s=30,
    launch_s=15,
    between_s=10,
    end_s=60,
    delete_s=790,
    source="creation and deletion as in run 6, the rest a guess",
)


class Eks(Outlook):
    """Created from nothing and deleted completely; workers come after the operators."""

    name = "eks"
    title = "AWS EKS with EFA"
    options = Options

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The stack, named after the study; StudyError for too many nodes or a missing image."""
        chosen = self.read_options(study.cluster_options)
        workers = chosen.nodes or max(study.nodes)
        if complaint := offers.misfit(study, chosen):
            raise StudyError(complaint)
        if study.image is None or named_digest(study.image) is None:
            raise StudyError(
                "image: EKS needs one that carries the application, by its digest "
                "(registry/name@sha256:…): what a tag means may change between two pulls"
            )
        _versions.require_manifests(study)
        return self._reservation(study, study_id=study_id, nodes=workers, options=chosen)

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """Pace of run 6 at any size: the control plane takes most of the time."""
        return PACE

    @explained
    def create(self, reservation: Reservation, study: Study) -> None:  # noqa: ARG002
        """Ask CloudFormation for the stack, in one call, or adopt it."""
        client, options = self.client_of(reservation), self.options_of(reservation)
        parameters = parameters_of(reservation, options, client=client)
        machine = launch.describe(client("ec2"), options.instance_type)
        stacks.create_or_adopt(
            client("cloudformation"),
            reservation=reservation,
            owner=options.owner,
            parameters=parameters,
            template=launch.body(launch.stack_template(machine, parameters)),
        )

    @explained
    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait for the stack and the launcher's node; the workers come later."""
        client, options = self.client_of(reservation), self.options_of(reservation)
        stacks.wait_made(client("cloudformation"), reservation.study_id)
        self.keep(reservation)
        kube = self.connect(reservation)
        make_namespace(kube, reservation)
        has_efa = launch.describe(client("ec2"), options.instance_type).has_efa
        if has_efa:
            fabric.offer(kube, region=options.region, study_id=reservation.study_id)
        nodes.wait_launcher(kube)
        image = study.image or ""
        return ClusterHandle(
            **reservation.model_dump(),
            kubernetes_version=kube.server_version(),
            instance_type=options.instance_type,
            image=image,
            image_digest=named_digest(image),
            image_pull_policy="IfNotPresent",
            image_pull_secret=pull_secret(kube, reservation, study),
            environment=fabric.environment(study) if has_efa else {},
            shared_memory=options.shared_memory,
            may_be_smaller=options.min_nodes is not None,
            launcher=nodes.LAUNCHER,
            worker=nodes.WORKER,
            notes=notes_of(options, has_efa=has_efa),
        )

    @explained
    def add_workers(self, handle: ClusterHandle) -> ClusterHandle:
        """Scale from zero to all; CapacityError, back at zero, when EC2 lacks machines."""
        client, options = self.client_of(handle), self.options_of(handle)
        kube = self.connect(handle)
        self.keep(handle)
        group = scaling.WorkerGroup(client, cluster=stacks.name_of(handle.study_id))
        if options.reserve:
            reservations.hold(client, handle, options, zone=node_zone(client("ec2"), options))
            self.keep(handle)  # waiting may have used half of the lease
        with_efa = bool(handle.environment)
        # A running machine that is not a ready node would never be replaced.
        group.end(nodes.machines_of(kube, self.lost_workers(handle)))
        # Workers already in use are kept when a lost one cannot be replaced.
        least = options.min_nodes or (1 if handle.worker_nodes else None)
        names = nodes.add_workers(group, kube, count=handle.nodes, least=least, with_efa=with_efa)
        notes = nodes.with_count(handle.notes, len(names), asked=handle.nodes)
        complete = handle.model_copy(update={"worker_nodes": names, "notes": notes})
        if with_efa:
            fabric.count(kube, complete)
        return complete

    def gives_nodes_back(self, reservation: Reservation) -> bool:  # noqa: ARG002
        """True: the workers are the study's own node group."""
        return True

    @explained
    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """End the machines of all other workers at once."""
        group = scaling.WorkerGroup(self.client_of(handle), cluster=stacks.name_of(handle.study_id))
        nodes.keep_workers(group, self.connect(handle), handle.worker_nodes, kept=names)

    @explained
    def lost_workers(self, handle: ClusterHandle) -> tuple[str, ...]:
        """Workers of the handle that are no longer ready nodes."""
        with_efa = bool(handle.environment)
        there = nodes.ready_nodes(self.connect(handle), nodes.WORKER, with_efa=with_efa)
        return tuple(name for name in handle.worker_nodes if name not in there)

    @explained
    def keep(self, reservation: Reservation) -> None:
        """Extend the lease, and with it the end of the study's own reservation."""
        reservations.keep(self.client_of(reservation), reservation, self.options_of(reservation))

    def ends_at(self, reservation: Reservation) -> datetime:
        """Instant of the guards: the latest end of a lease, and the reaper's."""
        return stacks.guards_end_at(reservation)

    def traffic(self, handle: ClusterHandle) -> dict[str, Traffic] | None:
        """Traffic from EFA's counters; None when the pods request no EFA."""
        if not handle.environment:
            return None
        return fabric.read(self.connect(handle), handle.study_id)

    def evidence(self, reservation: Reservation) -> dict[str, str]:
        """Messages of AWS and the nodes about a cluster that did not become ready."""
        return evidence.collect(
            self.client_of(reservation),
            lambda: self.connect(reservation),
            study_id=reservation.study_id,
        )

    @explained
    def connect(self, reservation: Reservation) -> Kube:
        """A client with the account's role or user, with tokens signed as needed."""
        region = self.options_of(reservation).region
        return access.connect(
            self.client_of(reservation)("eks"),
            session.session(region),
            cluster=stacks.name_of(reservation.study_id),
            region=region,
            namespace=reservation.namespace,
        )

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Apply the upstream manifest on the launcher's node: workers are for ranks alone."""
        return installation.install(
            self.connect(reservation),
            controller,
            study_id=reservation.study_id,
            cache=cache_dir(),
            place=nodes.LAUNCHER,
        )

    def exchange(self, reservation: Reservation, controller: Controller) -> str:
        """Apply another version's manifest, or the same one anew."""
        return installation.exchange(
            self.connect(reservation),
            controller,
            study_id=reservation.study_id,
            cache=cache_dir(),
            place=nodes.LAUNCHER,
        )

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Remove what `install` applied."""
        installation.uninstall(
            self.connect(reservation),
            controller,
            study_id=reservation.study_id,
            cache=cache_dir(),
        )

    @explained
    def delete(self, reservation: Reservation) -> None:
        """Delete the stack in any state, with everything that blocks it; others' stacks stay."""
        client = self.client_of(reservation)
        study_id = reservation.study_id
        find = functools.partial(stacks.find_own, client("cloudformation"), study_id)
        reservations.cancel(client("ec2"), study_id)
        removal.delete_stack(client, find)

    @explained
    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Everything in the account that has the study's tag or name."""
        return census(self.client_of(reservation), reservation.study_id)


ADAPTER = Eks()


if __name__ == "__main__":
    sys.exit(command_line.main(None, examine=ADAPTER.examine, cluster=ADAPTER))
