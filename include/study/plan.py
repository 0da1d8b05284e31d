"""Study → ordered points: the matrix, its warm-ups, and the order of the operators."""

from __future__ import annotations

import hashlib
import random
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include import applications, clusters, k8s_operators
from include.errors import StudyError
from include.models import Design, NodeChoice, NodeOrder, Phase, Plan, Point, StopBy, Study
from include.models.variants import arm_name
from include.study.application_problems import application_problems
from include.study.cluster_problems import cluster_problems
from include.study.complaints import complaints
from include.study.pools import pool_of
from include.study.version_problems import version_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import JsonValue

    from include.adapters import Adapter
    from include.models import Model, Reservation

LONGEST_LABEL = 63  # characters of a DNS label, RFC 1123


def read_plan(params: Mapping[str, Any], *, run_id: str) -> tuple[Plan, Reservation]:
    """The plan of a run's study, and its cluster; StudyError with one line for each problem.

    Checks everything that can be known before a cluster exists: unknown keys, values, adapters and
    their options, names that would be too long, and the size of the cluster.
    """
    study = _validated(params)
    study_id = study_id_of(name=study.name, run_id=run_id)
    reservation = reserve(study, study_id=study_id)
    return make_plan(study, study_id=study_id, workers=reservation.nodes), reservation


def read_study(params: Mapping[str, Any]) -> Study:
    """The study of `read_plan`, with its errors."""
    plan, _ = read_plan(params, run_id="")
    return plan.study


def reserve(study: Study, *, study_id: str) -> Reservation:
    """The study's cluster before it exists; StudyError when the study cannot run there."""
    return clusters.load(study.cluster).reserve(study, study_id=study_id)


def _validated(params: Mapping[str, Any]) -> Study:
    try:
        study = Study.model_validate(dict(params))
    except ValidationError as err:
        lines = complaints(err, prefix="", known=Study.model_fields)
        raise StudyError(lines) from err
    if faults := _first_problems(study):
        raise StudyError("\n".join(faults))
    return study


def study_id_of(*, name: str, run_id: str) -> str:
    """A DNS label that is stable for one run and differs between runs."""
    return f"{name}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def make_plan(study: Study, *, study_id: str, workers: int) -> Plan:
    """The ordered points in their phases.

    `swap`: a phase per operator in the study's order; node counts in the study's order; at each,
    warm-ups before repeats, and for each of these the operator's variants in an order drawn from
    the seed. `interleaved`: one phase with all operators; blocks of every operator and variant at
    one node count, both shuffled with the study's seed; warm-ups come first. With `node_order:
    descending` the largest node count comes first with its warm-ups, then the next one.
    With `placement: paired` each block has its own nodes, drawn from the cluster's `workers` by the
    seed.
    StudyError when a name would be too long.
    """
    groups: list[tuple[tuple[str, ...], list[dict[str, Any]]]]
    if study.design is Design.SWAP:
        groups = [((operator,), _swap_points(study, operator)) for operator in study.operators]
    else:
        groups = [(study.operators, _interleaved_points(study))]
    total = sum(len(points) for _, points in groups)
    if is_paired(study):
        _draw_nodes([cell for _, cells in groups for cell in cells], study, workers)
    phases = []
    first = 1
    for number, (operators, points) in enumerate(groups, start=1):
        numbered = tuple(
            _point(study_id=study_id, phase=number, index=first + place, total=total, **point)
            for place, point in enumerate(points)
        )
        first += len(points)
        phases.append(Phase(phase=number, operators=operators, points=numbered))
    return Plan(study_id=study_id, study=study, phases=tuple(phases))


def _swap_points(study: Study, operator: str) -> list[dict[str, Any]]:
    arms = [arm for arm in k8s_operators.arms(study) if arm[0] == operator]
    order = random.Random(study.seed)  # noqa: S311  an order, not a secret
    return [
        _cell(study, arm, nodes=nodes, repeat=repeat, is_warmup=is_warmup, block=block)
        for block, nodes in enumerate(study.nodes, start=1)
        for is_warmup, repeat in _runs(study)
        for arm in order.sample(arms, k=len(arms))
    ]


def _interleaved_points(study: Study) -> list[dict[str, Any]]:
    order = random.Random(study.seed)  # noqa: S311  an order, not a secret
    arms = k8s_operators.arms(study)
    cells: list[dict[str, Any]] = []
    block = 0
    for sizes in _in_turn(study):
        for is_warmup in (True, False):
            count = study.warmups if is_warmup else study.repeats
            blocks = [(nodes, repeat) for nodes in sizes for repeat in range(1, count + 1)]
            order.shuffle(blocks)
            for nodes, repeat in blocks:
                block += 1
                cells += [
                    _cell(study, arm, nodes=nodes, repeat=repeat, is_warmup=is_warmup, block=block)
                    for arm in order.sample(arms, k=len(arms))
                ]
    return cells


def _in_turn(study: Study) -> list[tuple[int, ...]]:
    """Node counts whose blocks are mixed with each other, one group after the other."""
    if study.node_order is NodeOrder.SHUFFLED:
        return [study.nodes]
    return [(nodes,) for nodes in sorted(study.nodes, reverse=True)]


def is_paired(study: Study) -> bool:
    """True if the plan draws the nodes of each point."""
    if study.placement is None:
        return study.design is Design.INTERLEAVED
    return study.placement is NodeChoice.PAIRED


def _draw_nodes(cells: list[dict[str, Any]], study: Study, workers: int) -> None:
    """Give each point its nodes, the same in a run of a block for every operator.

    In a swap, blocks of two operators with the same number are paired as well.
    """
    for cell in cells:
        key = f"{study.seed}/{cell['block']}/{cell['is_warmup']}/{cell['repeat']}"
        source = random.Random(key)  # noqa: S311  a choice of nodes, not a secret
        pool = pool_of(study, nodes=cell["nodes"], workers=workers)
        cell["workers"] = tuple(source.sample(pool, cell["nodes"]))


def _runs(study: Study) -> Iterator[tuple[bool, int]]:
    yield from ((True, number) for number in range(1, study.warmups + 1))
    yield from ((False, number) for number in range(1, study.repeats + 1))


def _cell(study: Study, arm: tuple[str, str], **where: Any) -> dict[str, Any]:
    k8s_operator, variant = arm
    return {
        "k8s_operator": k8s_operator,
        "variant": variant,
        "ranks_per_node": study.ranks_per_node,
        **where,
    }


def _point(*, study_id: str, phase: int, index: int, total: int, **cell: Any) -> Point:
    kind = "w" if cell["is_warmup"] else "r"
    short = arm_name(cell["k8s_operator"], cell["variant"]).replace("_", "-").replace(" ", "-")
    point_id = f"{study_id}-{short}-{cell['nodes']}n-{kind}{cell['repeat']}"
    host = point_id + k8s_operators.load(cell["k8s_operator"]).longest_pod_suffix
    if len(host) > LONGEST_LABEL:
        msg = (
            f"host name {host!r} of point {point_id} has {len(host)} characters, a DNS label has "
            f"at most {LONGEST_LABEL}: choose a study name {len(host) - LONGEST_LABEL} shorter"
        )
        raise StudyError(msg)
    return Point(
        point_id=point_id,
        study_id=study_id,
        phase=phase,
        order_index=index,
        points_in_study=total,
        **cell,
    )


def _adapters_exist(study: Study) -> Iterator[str]:
    wanted: list[tuple[Callable[[str], Any], str]] = [(clusters.load, study.cluster)]
    wanted += [(k8s_operators.load, operator) for operator in study.operators]
    wanted += [(applications.load, study.application)]
    for load, name in wanted:
        try:
            load(name)
        except StudyError as err:
            yield str(err)


def _no_duplicates(study: Study) -> Iterator[str]:
    asked = study.to_json()
    for field in ("operators", "nodes", "queue"):
        values = asked[field]
        if len(set(values)) < len(values):
            yield f"{field}: {values} names one twice; every cell is measured once"


def _options_are_right(study: Study) -> Iterator[str]:
    readers: dict[str, tuple[Adapter, Mapping[str, JsonValue]]] = {
        "cluster_options": (clusters.load(study.cluster), study.cluster_options),
        "application_options": (applications.load(study.application), study.application_options),
    }
    for where, (adapter, options) in readers.items():
        yield from _complaint(where, adapter.options, partial(adapter.read_options, options))
    for name, given in study.operator_options.items():
        where = f"operator_options.{name}"
        try:
            operator = k8s_operators.load(name)
        except StudyError as err:
            yield f"{where}: {err}"
            continue
        yield from _complaint(where, operator.options, partial(operator.variant_options, given))


def _complaint(where: str, options: type[Model], read: Callable[[], Any]) -> Iterator[str]:
    """Faults in the options of one adapter; empty when they are valid."""
    try:
        read()
    except ValidationError as err:
        yield complaints(err, prefix=where, known=options.model_fields)
    except StudyError as err:
        yield f"{where}: {err}"


def _operators_can(study: Study) -> Iterator[str]:
    for name in study.operators:
        try:
            operator = k8s_operators.load(name)
            for options in operator.variant_options(study.options_of(name)):
                operator.binding(study.binding, options)
        except StudyError as err:
            yield f"{name}: {err}"


def _order_is_possible(study: Study) -> Iterator[str]:
    if study.node_order is NodeOrder.DESCENDING and study.design is not Design.INTERLEAVED:
        yield "node_order: descending needs the design interleaved; swap goes by the order of nodes"
    if study.spare_nodes and study.node_order is not NodeOrder.DESCENDING:
        yield "spare_nodes: nodes are given back only with node_order descending"


def _can_stop_early(study: Study) -> Iterator[str]:
    if study.repeats_min is None:
        if study.precision_percent is not None:
            yield "precision_percent: give repeats_min too, from which on it is looked at"
        return
    if study.repeats_min > study.repeats:
        yield f"repeats_min: {study.repeats_min} is more than the {study.repeats} repeats"
    is_compared = (
        study.design is Design.INTERLEAVED
        and study.stop_by is StopBy.DIFFERENCE
        and len(k8s_operators.arms(study)) > 1
    )
    if not is_compared and study.precision_percent is None:
        yield (
            "repeats_min: one operator alone, the design swap, or stop_by spread ends early by "
            "precision only: give precision_percent, or compare interleaved operators"
        )


def _first_problems(study: Study) -> list[str]:
    """Problems from the first failing check: later ones build on what earlier ones verified."""
    for check in (
        _adapters_exist,
        _no_duplicates,
        _options_are_right,
        application_problems,
        _operators_can,
        version_problems,
        cluster_problems,
        _order_is_possible,
        _can_stop_early,
    ):
        if faults := list(check(study)):
            return faults
    return []
