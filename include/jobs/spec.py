"""From a planned point to its job, before any operator's dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include import applications, k8s_operators
from include.errors import ClusterError
from include.k8s_operators import (
    LABEL_NODES,
    LABEL_OPERATOR,
    LABEL_POINT,
    LABEL_STUDY,
    JobSpec,
    K8sOperator,
)

if TYPE_CHECKING:
    from include.applications import Application
    from include.models import ClusterHandle, Model, Point, Study

DEADLINE_MARGIN_S = 60.0  # the cluster ends a job by itself when the pipeline is no longer there


@dataclass(frozen=True, kw_only=True)
class Job:
    """The work of a point: its operator and application with their options, and the job."""

    point: Point
    operator: K8sOperator
    operator_options: Model
    application: Application
    application_options: Model
    spec: JobSpec  # the same for every operator

    def objects(self) -> tuple[dict[str, Any], ...]:
        """The job in its operator's own dialect, in order of creation."""
        return self.operator.objects(self.spec, self.operator_options)


def job_of(point: Point, *, study: Study, handle: ClusterHandle) -> Job:
    """The job of a point on a cluster; ClusterError when that lacks the point's nodes."""
    operator = k8s_operators.load(point.k8s_operator)
    given = study.operator_options.get(point.k8s_operator, {})
    application, options = applications.of_study(study)
    return Job(
        point=point,
        operator=operator,
        operator_options=operator.read_options(operator.variants(given)[point.variant]),
        application=application,
        application_options=options,
        spec=_spec(point, study, handle, application=application, options=options),
    )


def _spec(
    point: Point, study: Study, handle: ClusterHandle, *, application: Application, options: Model
) -> JobSpec:
    return JobSpec(
        name=point.point_id,
        namespace=handle.namespace,
        labels={
            LABEL_STUDY: point.study_id,
            LABEL_POINT: point.point_id,
            LABEL_OPERATOR: point.k8s_operator,
            LABEL_NODES: str(point.nodes),
        },
        image=handle.image,
        image_pull_policy=handle.image_pull_policy,
        launcher_image=handle.launcher_image,
        nodes=point.nodes,
        ranks_per_node=point.ranks_per_node,
        command=application.command(options),
        work_dir=application.work_dir,
        mpi_implementation=study.mpi_implementation,
        binding=study.binding,
        pod_resources=study.pod_resources,
        environment=handle.environment | study.environment,
        image_pull_secret=handle.image_pull_secret,
        shared_memory=handle.shared_memory,
        launcher=handle.launcher,
        worker=handle.worker,
        timeout_s=study.point_timeout_s + DEADLINE_MARGIN_S,
        node_names=_node_names(point, handle),
    )


def _node_names(point: Point, handle: ClusterHandle) -> tuple[str, ...]:
    """Host names of the nodes that the plan chose; ClusterError when they are not all there."""
    known = handle.worker_nodes
    if handle.may_be_smaller and known:
        return tuple(known[index] for index in _redrawn(point.workers, most=len(known)))
    if any(index >= len(known) for index in point.workers):
        msg = (
            f"the plan chose nodes for {point}, and the cluster names only {len(known)} workers: "
            f"use `placement: free`"
        )
        raise ClusterError(msg)
    return tuple(known[index] for index in point.workers)


def _redrawn(workers: tuple[int, ...], *, most: int) -> list[int]:
    """The drawn indexes that there are, and others in place of those that there are not.

    The same for all points of a block, as they were given the same ones.
    """
    kept = [index for index in workers if index < most]
    spare = [index for index in range(most) if index not in kept]
    turn = workers[0] % len(spare) if workers and spare else 0
    return [*kept, *(spare[turn:] + spare[:turn])[: len(workers) - len(kept)]]
