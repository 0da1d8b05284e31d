"""A cluster on AWS that is made for the study: EKS with EFA, one CloudFormation stack."""

from __future__ import annotations

import functools
import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.aws import access, command_line, machines, nodes, offers, prices, removal, session
from include.aws import preflight as account_checks
from include.aws import stack as stacks
from include.aws.census import census
from include.aws.parameters import parameters_of
from include.aws.problems import explained
from include.aws.settings import Options
from include.clusters import Cluster
from include.clusters._pulling import make_namespace, named_digest, pull_secret
from include.errors import StudyError
from include.k8s_operators import LABEL_STUDY
from include.kube import installation
from include.models import ClusterHandle, Reservation
from include.project import cache_dir
from include.render import render
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from include.checks import Check, Findings
    from include.kube.client import Kube
    from include.kube.kinds import Controller
    from include.models import Study
    from include.tariff import PaidNode, Tariff

log = logging.getLogger(__name__)

# The account and the image are AWS's own, the same in all regions but China and GovCloud.
EFA_PLUGIN = "602401143452.dkr.ecr.{region}.amazonaws.com/eks/aws-efa-k8s-device-plugin:v0.5.20"
PACE = Pace(
    create_s=1130,
    nodes_while_creating=1,
    join_s=180,
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

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The stack is named by the study; StudyError when it wants more nodes, or no image."""
        chosen = self.read_options(study.cluster_options)
        workers = chosen.nodes or max(study.nodes)
        if max(study.nodes) > workers:
            msg = (
                f"study asks for {max(study.nodes)} nodes, cluster_options.nodes is {workers}: "
                "lower `nodes`, or raise `cluster_options.nodes`"
            )
            raise StudyError(msg)
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
        """What the stack needs is offered and allowed, and its name is free."""
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
        found = offers.instance_type(_client(reservation)("ec2"), name)
        return (offers.room(found, name, pod_resources),)

    def tariff(self, reservation: Reservation) -> Tariff | None:
        """Without asking AWS: the study's own price, or that of a dated table."""
        return account_checks.offline_tariff(
            _options(reservation), nodes=self.paid_nodes(reservation)
        )

    def paid_nodes(self, reservation: Reservation) -> int:
        """The workers and the launcher's node."""
        return reservation.nodes + 1

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """As EC2 charges them: from their launch, which is minutes before they are nodes."""
        return machines.paid(_client(reservation)("ec2"), reservation.study_id)

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """As in run 6, at any size: the control plane takes most of the time."""
        return PACE

    @explained
    def create(self, reservation: Reservation, study: Study) -> None:  # noqa: ARG002
        """Ask CloudFormation for the stack, in one call, or adopt it."""
        client, options = _client(reservation), _options(reservation)
        stacks.create_or_adopt(
            client("cloudformation"),
            reservation=reservation,
            owner=options.owner,
            parameters=parameters_of(reservation, options, client=client),
        )

    @explained
    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait for the stack and the launcher's node; the workers are not there yet."""
        stacks.wait_made(_client(reservation)("cloudformation"), reservation.study_id)
        kube, options = self.connect(reservation), _options(reservation)
        make_namespace(kube, reservation)
        labels = {LABEL_STUDY: reservation.study_id}
        image = EFA_PLUGIN.format(region=options.region)
        for obj in render("aws/efa_device_plugin.yaml.j2", image=image, labels=labels):
            kube.in_namespace(obj["metadata"]["namespace"]).apply(obj)
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
            launcher=nodes.LAUNCHER,
            worker=nodes.WORKER,
            notes=_notes(options),
        )

    @explained
    def add_workers(self, handle: ClusterHandle) -> ClusterHandle:
        """Scale from none to all; CapacityError, with none again, when EC2 lacks them."""
        names = nodes.add_workers(
            _client(handle)("eks"),
            self.connect(handle),
            cluster=stacks.name_of(handle.study_id),
            count=handle.nodes,
        )
        return handle.model_copy(update={"worker_nodes": names})

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
        find = functools.partial(stacks.find_own, client("cloudformation"), reservation.study_id)
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


def _notes(options: Options) -> tuple[str, ...]:
    reserved = options.capacity_reservation
    return (
        f"{options.instance_type} in {options.region}, on demand, "
        + (f"in the reservation {reserved}" if reserved else "without a reservation"),
        *(() if options.self_destruct else ("AWS would not have deleted the cluster by itself",)),
    )


ADAPTER = Eks()


if __name__ == "__main__":
    sys.exit(command_line.main(None, examine=ADAPTER.examine))
