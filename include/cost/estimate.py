"""An estimate of duration and cost, before anything is created.

It is free and offline, based on the plan, the application's scaling and past durations of each kind
of cluster. It is for deciding whether to start, not for the report.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from include import applications, clusters
from include.jobs import controllers
from include.models import Model, NodeOrder

if TYPE_CHECKING:
    from include.models import Phase, Plan, Point, Reservation, Study
    from include.tariff import Pace, Tariff

SHORT = 90  # limit for durations in seconds and in minutes
CENTS_MATTER_USD = 1000
SMALL_USD = 0.1
EARLY = "from repeats_min to all repeats: points that the answer does not need are not needed"
CREATE, DELETE = "create the cluster", "delete the cluster"


class Part(Model):
    """One stretch of a study; parts follow each other."""

    name: str
    duration_s: float
    nodes: int  # paid for meanwhile
    usd: float | None  # None: the cluster has no known price


class Estimate(Model):
    """Estimated duration and cost of a study, in total and by part."""

    parts: tuple[Part, ...]
    points: int
    points_least: int  # points needed in any case, in a study that may end early
    nodes: int  # paid for when all exist
    duration_s: float
    usd: float | None
    duration_least_s: float
    usd_least: float | None
    usd_per_hour: float | None  # hourly price with all nodes
    usd_at_expiry: float | None  # cost if it lives for its full time to live
    is_upper_bound: bool  # each point counts with its time limit, for lack of better knowledge
    basis: tuple[str, ...]  # sources of the numbers

    def lines(self) -> tuple[str, ...]:
        """A plain table with a row per part and the total."""
        rows = [*self.parts, Part(name="total", **self._total())]
        width = max(len(row.name) for row in rows)
        return tuple(
            f"{row.name:<{width}}  {duration_text(row.duration_s):>9}  {row.nodes:>4} nodes"
            + ("" if row.usd is None else f"  {usd_text(row.usd):>10}")
            for row in rows
        )

    def _total(self) -> dict[str, float | None]:
        return {"duration_s": self.duration_s, "nodes": self.nodes, "usd": self.usd}

    def sentence(self) -> str:
        """Duration and cost in one line, for a form or a log."""
        about = "at most" if self.is_upper_bound else "about"
        points = _range(f"{self.points_least}", f"{self.points}")
        lasting = _range(duration_text(self.duration_least_s), duration_text(self.duration_s))
        if self.usd is None or self.usd_least is None:
            return f"{points} points, {about} {lasting}, at no known price"
        money = _range(usd_text(self.usd_least), usd_text(self.usd))
        return f"{points} points, {about} {lasting}, for {about} {money}"


def estimate_plan(
    plan: Plan, *, reservation: Reservation, tariff: Tariff | None = None
) -> Estimate:
    """The estimate for a plan; without a `tariff` the cluster's own price counts."""
    study = plan.study
    cluster = clusters.load(study.cluster)
    pace = cluster.pace(reservation)
    tariff = tariff or cluster.tariff(reservation)
    nodes = tariff.nodes if tariff else cluster.paid_nodes(reservation)
    beside = nodes - reservation.nodes if cluster.gives_nodes_back(reservation) else None
    price = partial(_priced, pace=pace, nodes=nodes, beside=beside, tariff=tariff)
    parts, least, needed = price(plan), price(_needed(plan)), _needed(plan).points
    hourly = tariff.usd_per_hour if tariff else None
    at_expiry_s = study.ttl_hours * 3600 + pace.delete_s
    return Estimate(
        parts=parts,
        points=len(plan.points),
        points_least=len(needed),
        nodes=nodes,
        duration_s=sum(part.duration_s for part in parts),
        usd=sum(part.usd or 0.0 for part in parts) if tariff else None,
        duration_least_s=sum(part.duration_s for part in least),
        usd_least=sum(part.usd or 0.0 for part in least) if tariff else None,
        usd_per_hour=hourly,
        usd_at_expiry=tariff.usd(nodes=nodes, duration_s=at_expiry_s) if tariff else None,
        is_upper_bound=_run_time_s(plan.points[0], study, pace=pace) is None,
        basis=_basis(study, pace, tariff),
    )


def _needed(plan: Plan) -> Plan:
    """The plan with only the repeats that are needed in any case."""
    least = plan.study.repeats_min
    if least is None:
        return plan
    phases = (
        phase.model_copy(
            update={
                "points": tuple(p for p in phase.points if p.is_warmup or p.repeat <= least),
            }
        )
        for phase in plan.phases
    )
    return plan.model_copy(update={"phases": tuple(phases)})


def _priced(
    plan: Plan, *, pace: Pace, nodes: int, beside: int | None, tariff: Tariff | None
) -> tuple[Part, ...]:
    return tuple(
        _part(name, duration_s, nodes=paid, tariff=tariff)
        for name, duration_s, paid in _stretches(plan, pace=pace, nodes=nodes, beside=beside)
    )


def _stretches(
    plan: Plan, *, pace: Pace, nodes: int, beside: int | None
) -> list[tuple[str, float, int]]:
    """Name, seconds and paid nodes of each part.

    `beside` are the nodes paid for without any worker, such as the launcher's; None for a
    cluster that gives back no worker before it is deleted.
    """
    while_creating = nodes if pace.nodes_while_creating is None else pace.nodes_while_creating
    stretches = [(CREATE, pace.create_s, while_creating)]
    if pace.join_s:
        stretches.append(("nodes join", pace.join_s, nodes))
    if pace.pull_s:
        stretches.append(("pull the image", pace.pull_s, nodes))
    for phase in plan.phases:
        stretches += _phase_stretches(plan, phase, pace=pace, nodes=nodes, beside=beside)
    last = stretches[-1][2]
    if beside is None:
        return [*stretches, (DELETE, pace.delete_s, last)]
    return [*stretches, ("end the workers", pace.end_s, last), (DELETE, pace.delete_s, beside)]


def _phase_stretches(
    plan: Plan, phase: Phase, *, pace: Pace, nodes: int, beside: int | None
) -> list[tuple[str, float, int]]:
    """One stretch, or one per size where nodes are given back in between."""
    study = plan.study
    if study.node_order is not NodeOrder.DESCENDING or beside is None:
        return [(_title(phase), _phase_s(phase, study, pace=pace), nodes)]
    around_s = _around_s(phase, study, pace=pace)
    stretches = [("install and remove the operators", around_s, nodes)]
    before = nodes
    for size in sorted(study.nodes, reverse=True):
        paid = min(nodes, size + study.spare_nodes + beside)
        if paid < before:
            stretches.append((f"give {before - paid} nodes back", pace.end_s, before))
        points = [point for point in phase.points if point.nodes == size]
        duration_s = sum(_point_s(point, study, pace=pace) for point in points)
        stretches.append((f"{size} nodes: {', '.join(phase.operators)}", duration_s, paid))
        before = paid
    return stretches


def _title(phase: Phase) -> str:
    return f"phase {phase.phase}: {', '.join(phase.operators)}"


def _phase_s(phase: Phase, study: Study, *, pace: Pace) -> float:
    return _around_s(phase, study, pace=pace) + sum(
        _point_s(point, study, pace=pace) for point in phase.points
    )


def _around_s(phase: Phase, study: Study, *, pace: Pace) -> float:
    """Installation and removal of the operators, and of the queue where there is one."""
    installed = len(phase.operators) + controllers.has_queue(study, phase.operators)
    return (pace.install_s + pace.uninstall_s) * installed


def _point_s(point: Point, study: Study, *, pace: Pace) -> float:
    run_time_s = _run_time_s(point, study, pace=pace)
    if run_time_s is None:
        return study.point_timeout_s + pace.between_s
    job_s = pace.time_scale * (run_time_s + pace.launch_s)
    return min(job_s, study.point_timeout_s) + pace.between_s


def _run_time_s(point: Point, study: Study, *, pace: Pace) -> float | None:
    if point.nodes in pace.run_times_s:
        return pace.run_times_s[point.nodes]
    application, options = applications.of_study(study)
    return application.expected_run_time_s(options, ranks=point.ranks)


def _part(name: str, duration_s: float, *, nodes: int, tariff: Tariff | None) -> Part:
    usd = tariff.usd(nodes=nodes, duration_s=duration_s) if tariff else None
    return Part(name=name, duration_s=duration_s, nodes=nodes, usd=usd)


def _basis(study: Study, pace: Pace, tariff: Tariff | None) -> tuple[str, ...]:
    price = f"price: {tariff.source}" if tariff else "price: none is known for this cluster"
    job = f"times of the job: {_job_basis(study, pace)}"
    early = () if study.repeats_min is None else (EARLY,)
    return (price, f"times of the cluster: {pace.source}", job, *early)


def _job_basis(study: Study, pace: Pace) -> str:
    if pace.run_times_s:
        return "those that the cluster plays"
    application = applications.load(study.application)
    return application.expectation or (
        f"nobody knows how {application.title} scales, so each point counts with its time limit"
    )


def _range(least: str, most: str) -> str:
    return most if least == most else f"{least} to {most}"


def duration_text(duration_s: float) -> str:
    """`45 s`, `12 min`, `3 h 05 min`."""
    if duration_s < SHORT:
        return f"{duration_s:.0f} s"
    minutes = round(duration_s / 60)
    return f"{minutes} min" if minutes < SHORT else f"{minutes // 60} h {minutes % 60:02d} min"


def usd_text(usd: float) -> str:
    """`$0.0042`, `$12.30`, `$1,498`."""
    if usd < SMALL_USD:
        return f"${usd:.4f}"
    return f"${usd:,.2f}" if usd < CENTS_MATTER_USD else f"${usd:,.0f}"
