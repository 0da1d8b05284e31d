"""Everything that can be checked before a cluster on AWS costs anything. Read-only and free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws import (
    capacity,
    identity,
    launch,
    offers,
    parameters,
    prices,
    quotas,
    registries,
    rights,
    stack,
)
from include.aws.problems import DENIED, FAILURES, code_of, explain
from include.checks import Check, Findings, Outcome, failed, passed, unknown
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.aws.launch import InstanceType
    from include.aws.settings import Options
    from include.models import Reservation
    from include.tariff import Tariff

LAUNCHERS = 1


@dataclass(frozen=True, kw_only=True)
class Look:
    """The request to check, and the clients to check it with."""

    reservation: Reservation
    options: Options
    client: Callable[[str], Any]  # client of a service in the study's region
    pricing: Any

    @property
    def nodes(self) -> int:
        """Machines charged at a worker's price."""
        return self.reservation.nodes + (0 if self.options.has_small_launcher else LAUNCHERS)

    @cached_property
    def instance_type(self) -> InstanceType:
        """Properties of the type; ClusterError for an unusable one."""
        return launch.describe(self.client("ec2"), self.options.instance_type)


def examine(look: Look) -> Findings:
    """A row per check. Without valid credentials the rest is skipped, as each would repeat that."""
    who = check(look, "identity")
    if who.outcome is Outcome.FAILED:
        return Findings(checks=(who,), tariff=offline_tariff(look.options, nodes=look.nodes))
    others = [check(look, name) for name in CHECKS if name != who.name]
    tariff = tariff_of(look)
    return Findings(checks=(who, *others, price(tariff)), tariff=tariff)


def check(look: Look, name: str) -> Check:
    """The check of that name; a failed one with the reason when it could not be made."""
    try:
        return CHECKS[name](look)
    except ClusterError as err:
        return failed(name, str(err))
    except FAILURES as err:
        return failed(name, explain(err))


def _identity(look: Look) -> Check:
    account = look.client("sts").get_caller_identity()["Account"]
    return passed("identity", f"account {account}, {identity.principal_arn(look.client)}")


def _rights(look: Look) -> Check:
    principal = identity.principal_arn(look.client)
    _, partition, _, _, account, _ = principal.split(":", 5)
    wanted = rights.needs(
        account=account,
        partition=partition,
        region=look.options.region,
        study_id=look.reservation.study_id,
    )
    try:
        lacking = rights.missing(look.client("iam"), principal, wanted)
    except ClientError as err:
        if code_of(err) not in DENIED:
            raise
        return unknown("rights", "the role may not simulate its own policies", remedy=explain(err))
    count = len({action for need in wanted for action in need.actions})
    if lacking:
        remedy = f"attach the policies of bootstrap.yaml to {principal} (docs/aws.md)"
        missing_text = f"{len(lacking)} of {count} are missing: {', '.join(lacking)}"
        return failed("rights", missing_text, remedy=remedy)
    return passed("rights", f"all {count} of bootstrap.yaml, by AWS's simulation")


def _guards(look: Look) -> Check:
    if not look.options.self_destruct:
        return unknown(
            "self-destruct", "the study does without: if Airflow dies, the cluster stays"
        )
    roles = identity.guard_roles(look.client)
    return passed("self-destruct", f"AWS deletes the cluster by itself with {roles.deletion_arn}")


def _of_the_type(
    name: str, check_type: Callable[[Look, InstanceType], Check]
) -> Callable[[Look], Check]:
    """A check that is skipped for an unusable type; the type's own row reports that."""

    def made(look: Look) -> Check:
        try:
            instance_type = look.instance_type
        except (ClusterError, *FAILURES):
            return unknown(name, "depends on the instance type")
        return check_type(look, instance_type)

    return made


def _vcpus(look: Look, machine: InstanceType) -> Check:
    name = look.options.instance_type
    return quotas.vcpus(look.client, instance_type=name, needed=look.nodes * machine.vcpus)


def _instance_type(look: Look) -> Check:
    if look.instance_type.has_efa:
        registries.device_plugin(look.options.region)
    return offers.network_cards(look.instance_type)


def _launcher_vcpus(look: Look) -> Check:
    if not look.options.has_small_launcher:
        return passed("quota of the launcher", "it is of the workers' type, and counted there")
    machine = launch.describe(look.client("ec2"), look.options.launcher)
    checked = quotas.vcpus(look.client, instance_type=machine.name, needed=machine.vcpus)
    return checked.model_copy(update={"name": "quota of the launcher"})


def _zones(look: Look) -> Check:
    ec2 = look.client("ec2")
    parameters.require_launcher(ec2, look.options, parameters.node_zone(ec2, look.options))
    return offers.zones(look.client, look.options)


def _reservation(look: Look) -> Check:
    return capacity.reservation(
        look.client("ec2"),
        look.options,
        nodes=look.reservation.nodes,
        until=look.reservation.expires_at,
        is_placed=look.instance_type.has_efa,
    )


def _stack_name(look: Look) -> Check:
    study_id = look.reservation.study_id
    stack.refuse_stranger(look.client("cloudformation"), study_id)
    return passed("stack", f"{stack.name_of(study_id)} is free, or the study's own")


CHECKS: dict[str, Callable[[Look], Check]] = {
    "identity": _identity,
    "rights": _rights,
    "self-destruct": _guards,
    "stack": _stack_name,
    "zone": _zones,
    "instance type": _instance_type,
    "quota of vCPUs": _of_the_type("quota of vCPUs", _vcpus),
    "quota of the launcher": _launcher_vcpus,
    "subnet": lambda look: offers.subnets(nodes=look.nodes),
    "quota of VPCs": lambda look: quotas.vpcs(look.client),
    "quota of Elastic IPs": lambda look: quotas.addresses(look.client),
    "Kubernetes version": lambda look: offers.kubernetes(
        look.client, look.options.kubernetes_version
    ),
    "launch (dry run)": lambda look: capacity.dry_run(look.client, look.options),
    "capacity reservation": _reservation,
}


def tariff_of(look: Look) -> Tariff | None:
    """The study's own price, or else AWS's list, or else the table; None without any."""
    options = look.options
    if options.hourly_price_usd is not None:
        return offline_tariff(options, nodes=look.nodes)
    today = datetime.now(UTC).date().isoformat()

    def listed(instance_type: str, nodes: int) -> Tariff | None:
        return prices.look_up(
            look.pricing,
            instance_type=instance_type,
            region=options.region,
            nodes=nodes,
            today=today,
        )

    return _with_launcher(options, listed(options.instance_type, look.nodes), price_of=listed)


def offline_tariff(options: Options, *, nodes: int) -> Tariff | None:
    """The study's own price or the table's, which need no call to AWS."""

    def tabled(instance_type: str, nodes: int) -> Tariff | None:
        return prices.from_table(instance_type=instance_type, region=options.region, nodes=nodes)

    if options.hourly_price_usd is not None:
        workers = prices.of_study(options.hourly_price_usd, nodes=nodes)
        return _with_launcher(options, workers, price_of=tabled)
    return _with_launcher(options, tabled(options.instance_type, nodes), price_of=tabled)


def _with_launcher(
    options: Options, workers: Tariff | None, *, price_of: Callable[[str, int], Tariff | None]
) -> Tariff | None:
    """The tariff including a launcher of another type at that type's price."""
    if workers is None or not options.has_small_launcher:
        return workers
    launcher = price_of(options.launcher, LAUNCHERS)
    if launcher is None:
        source = (
            f"{workers.source}; WITHOUT the launcher's {options.launcher}, whose price is unknown"
        )
        return workers.model_copy(update={"source": source})
    beside = workers.other_usd_per_hour + launcher.node_usd_per_hour
    return workers.model_copy(update={"other_usd_per_hour": beside})


def price(tariff: Tariff | None) -> Check:
    """The row of the price."""
    if tariff is None:
        remedy = "set cluster_options.hourly_price_usd, otherwise max_usd cannot be enforced"
        return unknown("price", "neither AWS's list nor our table has one", remedy=remedy)
    node, total = tariff.node_usd_per_hour, tariff.usd_per_hour
    hourly = f"${node:g} per hour and node, ${total:,.2f} for {tariff.nodes} with all else"
    return passed("price", f"{hourly}; {tariff.source}")
