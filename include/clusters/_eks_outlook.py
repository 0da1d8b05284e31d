"""A cluster on EKS before it is made: checks, price and pace."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from include.aws import launch, machines, offers, prices, registries, session
from include.aws import preflight as account_checks
from include.aws import stack as stacks
from include.aws.parameters import parameters_of
from include.aws.problems import explained
from include.aws.settings import Options
from include.clusters import Cluster
from include.kube import installation
from include.project import cache_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from include.checks import Check, Findings
    from include.kube.kinds import Controller
    from include.models import Reservation
    from include.tariff import PaidNode, Tariff


class Outlook(Cluster[Options]):
    """Checks, price and pace of a cluster on EKS."""

    def client_of(self, reservation: Reservation) -> Callable[[str], Any]:
        """A cached maker of clients for AWS's services in the study's region."""
        region = self.options_of(reservation).region
        return functools.cache(lambda service: session.client(service, region))

    @explained
    def preflight(self, reservation: Reservation) -> None:
        """Check that all parts of the stack are offered and allowed, and that its name is free."""
        client = self.client_of(reservation)
        parameters_of(reservation, self.options_of(reservation), client=client)
        stacks.refuse_stranger(client("cloudformation"), reservation.study_id)

    def examine(self, reservation: Reservation) -> Findings:
        """A row for each check that AWS allows before anything costs money, and the price."""
        return account_checks.examine(
            account_checks.Look(
                reservation=reservation,
                options=self.options_of(reservation),
                client=self.client_of(reservation),
                pricing=session.client("pricing", prices.PRICE_LIST_REGION),
            )
        )

    @explained
    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """Check room for pods against the instance type."""
        name = self.options_of(reservation).instance_type
        return (
            offers.room(launch.describe(self.client_of(reservation)("ec2"), name), pod_resources),
        )

    @explained
    def cores_per_node(self, reservation: Reservation) -> int:
        """Physical cores of the instance type, which are what Flux counts."""
        name = self.options_of(reservation).instance_type
        return launch.describe(self.client_of(reservation)("ec2"), name).cores

    def controller_check(
        self,
        reservation: Reservation,  # noqa: ARG002
        controller: Controller,
    ) -> tuple[Check, ...]:
        """The controller's manifest; the nodes pull its image."""
        return (installation.manifest_check(controller, cache=cache_dir()),)

    def image_checks(self, reservation: Reservation, images: tuple[str, ...]) -> tuple[Check, ...]:
        """Check where the nodes pull the jobs' images from."""
        region = self.options_of(reservation).region
        return (registries.images(images, region=region, nodes=reservation.nodes),)

    def tariff(self, reservation: Reservation) -> Tariff | None:
        """Tariff without asking AWS: the study's own price, or that of a dated table."""
        return account_checks.offline_tariff(
            self.options_of(reservation), nodes=self.paid_nodes(reservation)
        )

    def paid_nodes(self, reservation: Reservation) -> int:
        """The workers, plus the launcher's node unless it has its own type and price."""
        return reservation.nodes + (0 if self.options_of(reservation).has_small_launcher else 1)

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """Instants from which EC2 charges them: their launch, minutes before they are nodes.

        A small launcher is included in the price of everything besides the nodes.
        """
        instance_type = self.options_of(reservation).instance_type
        ec2 = self.client_of(reservation)("ec2")
        return machines.paid(ec2, reservation.study_id, instance_type=instance_type)
