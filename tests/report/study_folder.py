"""The folder of a made-up study, as a finished or broken run leaves it."""

from pathlib import Path

from include.models import ClusterHandle, Phase, Plan, Point, Record, Study
from include.results import Results
from tests.analysis.synthetic import START

NOTE = "Both nodes share the machine's 2 cores: compare operators, not node counts."


def plan_of(records, **study) -> Plan:
    points = [
        Point(
            **{
                name: getattr(record, name)
                for name in Point.model_fields
                if name not in {"points_in_study", "workers"}
            },
            points_in_study=len(records),
        )
        for record in records
    ]
    operators = tuple(dict.fromkeys(record.k8s_operator for record in records))
    phases = tuple(
        Phase(
            phase=number,
            operators=(operator,),
            points=tuple(point for point in points if point.k8s_operator == operator),
        )
        for number, operator in enumerate(operators, start=1)
    )
    nodes = tuple(sorted({record.nodes for record in records}))
    return Plan(
        study_id=records[0].study_id,
        study=Study(**{"operators": operators, "nodes": nodes} | study),
        phases=phases,
    )


def cluster_of(plan: Plan, **changes) -> ClusterHandle:
    values = {
        "study_id": plan.study_id,
        "cluster": plan.study.cluster,
        "namespace": plan.study_id,
        "nodes": 2,
        "expires_at": START,
        "kubernetes_version": "v1.35.0",
        "instance_type": None,
        "image": "localhost/lammps:synthetic",
        "image_digest": None,
        "image_pull_policy": "Never",
        "notes": (NOTE,),
    }
    return ClusterHandle.model_validate(values | changes)


def write_record(results: Results, record: Record) -> None:
    folder = f"points/{record.point_id}"
    results.write_json(f"{folder}/record.json", record.to_json())
    results.write_text(f"{folder}/job.log", "synthetic\n")
    results.write_text(f"{folder}/manifest.yaml", "kind: Synthetic\n")


def write_study(root: Path, records, *, plan=None, cluster=None) -> Results:
    results = Results(root)
    plan = plan or plan_of(records)
    results.write_json("plan.json", plan.to_json())
    results.write_json("cluster.json", (cluster or cluster_of(plan)).to_json())
    for record in records:
        write_record(results, record)
    return results
