"""Rights that the pipeline needs, read from bootstrap.yaml, and those that it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.aws import templates

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = ("PipelinePolicy", "DeletionPolicy")


@dataclass(frozen=True, kw_only=True)
class Need:
    """Actions on resources, under conditions: one statement of a policy."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: tuple[tuple[str, str], ...]  # values that the statement's conditions want


def _statements() -> tuple[dict[str, Any], ...]:
    resources = templates.resources("bootstrap.yaml")
    return tuple(
        statement
        for policy in POLICIES
        for statement in resources[policy]["Properties"]["PolicyDocument"]["Statement"]
    )


def needs(*, account: str, partition: str, region: str, study_id: str) -> tuple[Need, ...]:
    """Actions that bootstrap.yaml allows for one study; those with `*` are left out.

    Those only look, and a right to look that is missing shows in the other checks.
    """
    names = {"${AWS::Partition}": partition, "${AWS::AccountId}": account}
    return tuple(
        Need(
            actions=actions,
            resources=tuple(_resources(statement, names, region=region, study_id=study_id)),
            context=tuple(_context(statement.get("Condition", {}), names, study_id=study_id)),
        )
        for statement in _statements()
        if (actions := tuple(a for a in _listed(statement["Action"]) if "*" not in a))
    )


def missing(iam: Any, principal_arn: str, wanted: tuple[Need, ...]) -> tuple[str, ...]:
    """Actions that AWS's simulation of the principal's policies does not allow, sorted.

    Service control policies and permission boundaries are in it as far as AWS simulates them.
    """
    lacking = set()
    for need in wanted:
        entries = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in need.context
        ]
        answer = iam.simulate_principal_policy(
            PolicySourceArn=principal_arn,
            ActionNames=list(need.actions),
            ResourceArns=list(need.resources),
            ContextEntries=entries,
        )
        lacking |= {
            result["EvalActionName"]
            for result in answer["EvaluationResults"]
            if result["EvalDecision"] != "allowed"
        }
    return tuple(sorted(lacking))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def _resources(
    statement: dict[str, Any], names: dict[str, str], *, region: str, study_id: str
) -> Iterator[str]:
    """The first resource that a statement names, as it would be called in the study."""
    first = _filled(_listed(statement["Resource"])[0], names)
    if first.startswith("arn:"):
        parts = first.replace(":*:", f":{region}:").replace("benchmark-*", f"benchmark-{study_id}")
        yield parts.replace("role/*", f"role/operator-benchmark-{study_id}")
    else:
        yield "*"


def _context(
    conditions: dict[str, Any], names: dict[str, str], *, study_id: str
) -> Iterator[tuple[str, str]]:
    for operator, keys in conditions.items():
        for key, values in keys.items():
            if operator == "Null":  # the key must be there, whatever its value
                yield key, study_id
            else:
                yield key, _filled(_listed(values)[0], names)
