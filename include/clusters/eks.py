"""A cluster on AWS that is made for the study: EKS with EFA, one CloudFormation stack."""

from __future__ import annotations

import functools
import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.aws import (
    access,
    command_line,
    evidence,
    fabric,
    launch,
    machines,
    nodes,
    offers,
    prices,
    removal,
    reservations,
    scaling,
    session,
)
from include.aws import preflight as account_checks
from include.aws import stack as stacks
from include.aws.census import census
from include.aws.parameters import node_zone, parameters_of
from include.aws.problems import explained
from include.aws.settings import Options, notes_of
from include.clusters import Cluster
from include.clusters._pulling import make_namespace, named_digest, pull_secret
from include.errors import StudyError
from include.kube import installation
from include.models import ClusterHandle, Reservation
from include.project import cache_dir
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from include.checks import Check, Findings
    from include.kube.client import Kube
    from include.kube.kinds import Controller
    from include.models import Study
    from include.models.fabric import Traffic
    from include.tariff import PaidNode, Tariff

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
    delete_s=790,
    source="creation and deletion as in run 6, the rest a guess",
)


class Eks(Cluster[Options]):
    """Created from nothing and deleted to nothing; workers come when the operators are there."""

    name = "eks"
    title = "AWS EKS with EFA"
    options = Options
    gives_nodes_back = True

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The stack is named by the study; StudyError when it wants more nodes, or no image."""
        chosen = self.read_options(study.cluster_options)
        workers = chosen.nodes or max(study.nodes)
        if complaint := offers.misfit(study, chosen):
            raise StudyError(complaint)
        if study.image is None or named_digest(study.image) is None:
            raise StudyError(
                "image: EKS needs one that carries the application, by its digest "
                "(registry/name@sha256:…): what a tag means may change between two pulls"
            )
        return Reservation(
            study_id=study_id,
            cluster=self.name,
            namespace=study_id,
            nodes=workers,
            expires_at=datetime.now(UTC) + timedelta(hours=study.ttl_hours),
            options=chosen.to_json(),
        )

    @explained
    def preflight(self, reservation: Reservation) -> None:
        """Check that all parts of the stack are offered and allowed, and that its name is free."""
        client = _client(reservation)
        parameters_of(reservation, _options(reservation), client=client)
        stacks.refuse_stranger(client("cloudformation"), reservation.study_id)

    def examine(self, reservation: Reservation) -> Findings:
        """A row for each thing that AWS lets one know before it costs anything, and the price."""
        return account_checks.examine(
            account_checks.Look(
                reservation=reservation,
                options=_options(reservation),
                client=_client(reservation),
                pricing=session.client("pricing", prices.PRICE_LIST_REGION),
            )
        )

    @explained
    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """By what the instance type has."""
        name = _options(reservation).instance_type
        return (offers.room(launch.describe(_client(reservation)("ec2"), name), pod_resources),)

    def tariff(self, reservation: Reservation) -> Tariff | None:
        """Without asking AWS: the study's own price, or that of a dated table."""
        return account_checks.offline_tariff(
            _options(reservation), nodes=self.paid_nodes(reservation)
        )

    def paid_nodes(self, reservation: Reservation) -> int:
        """The workers, and the launcher's node unless it has a type and a price of its own."""
        return reservation.nodes + (0 if _options(reservation).has_small_launcher else 1)

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """As EC2 charges them: from their launch, which is minutes before they are nodes.

        A small launcher is in the price of what is beside the nodes.
        """
        instance_type = _options(reservation).instance_type
        ec2 = _client(reservation)("ec2")
        return machines.paid(ec2, reservation.study_id, instance_type=instance_type)

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """As in run 6, at any size: the control plane takes most of the time."""
        return PACE

    @explained
    def create(self, reservation: Reservation, study: Study) -> None:  # noqa: ARG002
        """Ask CloudFormation for the stack, in one call, or adopt it."""
        client, options = _client(reservation), _options(reservation)
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
        """Wait for the stack and the launcher's node; the workers are not there yet."""
        client, options = _client(reservation), _options(reservation)
        stacks.wait_made(client("cloudformation"), reservation.study_id)
        self.keep(reservation, work_s=0)
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
        """Scale from none to all; CapacityError, with none again, when EC2 lacks them."""
        client, options, kube = _client(handle), _options(handle), self.connect(handle)
        self.keep(handle, work_s=0)
        group = scaling.WorkerGroup(client, cluster=stacks.name_of(handle.study_id))
        if options.reserve:
            reservations.hold(client, handle, options, zone=node_zone(client("ec2"), options))
        with_efa = bool(handle.environment)
        # A machine that runs and is no ready node would be replaced by nobody.
        group.end(nodes.machines_of(kube, self.lost_workers(handle)))
        # Those that a study works with already are kept when a lost one cannot be replaced.
        least = options.min_nodes or (1 if handle.worker_nodes else None)
        names = nodes.add_workers(group, kube, count=handle.nodes, least=least, with_efa=with_efa)
        notes = nodes.with_count(handle.notes, len(names), asked=handle.nodes)
        complete = handle.model_copy(update={"worker_nodes": names, "notes": notes})
        if with_efa:
            fabric.count(kube, complete)
        return complete

    @explained
    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """End the machines of all other workers, at once."""
        others = [name for name in handle.worker_nodes if name not in names]
        group = scaling.WorkerGroup(_client(handle), cluster=stacks.name_of(handle.study_id))
        group.shrink(nodes.machines_of(self.connect(handle), others))

    @explained
    def lost_workers(self, handle: ClusterHandle) -> tuple[str, ...]:
        """Workers of the handle that are no ready nodes any more."""
        with_efa = bool(handle.environment)
        there = nodes.ready_nodes(self.connect(handle), nodes.WORKER, with_efa=with_efa)
        return tuple(name for name in handle.worker_nodes if name not in there)

    @explained
    def keep(self, reservation: Reservation, *, work_s: float) -> None:
        """Move the lease on, and with it the end of a reservation that the study made."""
        work = timedelta(seconds=work_s)
        reservations.keep(_client(reservation), reservation, _options(reservation), work=work)

    def traffic(self, handle: ClusterHandle) -> dict[str, Traffic] | None:
        """By EFA's counters; None where the pods ask for no EFA."""
        if not handle.environment:
            return None
        return fabric.read(self.connect(handle), handle.study_id)

    def evidence(self, reservation: Reservation) -> dict[str, str]:
        """Messages of AWS and the nodes about a cluster that did not become ready."""
        return evidence.collect(
            _client(reservation),
            lambda: self.connect(reservation),
            study_id=reservation.study_id,
        )

    @explained
    def connect(self, reservation: Reservation) -> Kube:
        """A client as the account's role or user, with tokens signed as needed."""
        region = _options(reservation).region
        return access.connect(
            _client(reservation)("eks"),
            session.session(region),
            cluster=stacks.name_of(reservation.study_id),
            region=region,
            namespace=reservation.namespace,
        )

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Apply the upstream manifest, for the launcher's node: workers are for ranks alone."""
        return installation.install(
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
        """Delete the stack, whatever its state, with what would hold it up; a stranger's stays."""
        client = _client(reservation)
        study_id = reservation.study_id
        find = functools.partial(stacks.find_own, client("cloudformation"), study_id)
        reservations.cancel(client("ec2"), study_id)
        removal.delete_stack(client, find)

    @explained
    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Everything in the account that carries the study's tag or name."""
        return census(_client(reservation), reservation.study_id)


def _options(reservation: Reservation) -> Options:
    return Options.model_validate(reservation.options)


def _client(reservation: Reservation) -> Callable[[str], Any]:
    region = _options(reservation).region
    return functools.cache(lambda service: session.client(service, region))


ADAPTER = Eks()


if __name__ == "__main__":
    sys.exit(command_line.main(None, examine=ADAPTER.examine, cluster=ADAPTER))
