"""Description of a point's job, in no operator's dialect."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    _kueue,
)
from include.models import Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.applications import Application
    from include.models import ClusterHandle, Model, Point, Study

DEADLINE_MARGIN_S = 60.0  # after it the cluster ends a job whose pipeline is gone


@dataclass(frozen=True, kw_only=True)
class Job:
    """A point's work: its operator and application with their options, and the job."""

    point: Point
    operator: K8sOperator
    operator_options: Model
    application: Application
    application_options: Model
    spec: JobSpec  # the same for every operator
    queue: Queue = Queue.NONE

    def objects(self) -> tuple[dict[str, Any], ...]:
        """The job in its operator's dialect, in order of creation."""
        objects = self.operator.objects(self.spec, self.operator_options)
        if self.queue is Queue.NONE:
            return objects
        return _kueue.put_in_queue(self.operator, objects, queue=self.point.study_id)


def job_of(point: Point, *, study: Study, handle: ClusterHandle) -> Job:
    """The job of a point on a cluster; ClusterError when the cluster lacks the point's nodes."""
    operator = k8s_operators.load(point.k8s_operator)
    given = study.options_of(point.k8s_operator)
    chosen = operator.variants(given)[point.variant]
    application, options = applications.of_study(study)
    spec = _spec(point, study, handle, application=application, options=options)
    arm = operator.arm_options(chosen)
    return Job(
        point=point,
        operator=operator,
        operator_options=operator.read_options(chosen),
        application=application,
        application_options=options,
        spec=replace(
            spec,
            image=arm.image or spec.image,
            environment={**spec.environment, **arm.environment},
        ),
        queue=arm.queue,
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
    """Host names of the planned nodes, with others instead of those that are gone.

    ClusterError when there are too few.
    """
    known = handle.worker_nodes
    there = [index for index, name in enumerate(known) if name not in handle.absent_nodes]
    is_drawn_anew = handle.may_be_smaller and bool(known)
    if len(there) < len(point.workers) or (
        not is_drawn_anew and any(index >= len(known) for index in point.workers)
    ):
        msg = (
            f"the plan chose {len(point.workers)} nodes for {point}, and of the workers that the "
            f"cluster named {len(there)} are there: use `placement: free`, or fewer nodes"
        )
        raise ClusterError(msg)
    return tuple(known[index] for index in _redrawn(point.workers, there=there))


def _redrawn(workers: tuple[int, ...], *, there: Sequence[int]) -> list[int]:
    """The drawn indexes that still exist, with others instead of the missing ones.

    The same for all points of a block, as their nodes were the same.
    """
    kept = [index for index in workers if index in there]
    spare = [index for index in there if index not in kept]
    turn = workers[0] % len(spare) if workers and spare else 0
    return [*kept, *(spare[turn:] + spare[:turn])[: len(workers) - len(kept)]]
