"""Rights that the pipeline needs, read from bootstrap.yaml, and those that it lacks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.aws import templates
from include.aws.identity import DELETION_ROLE, SELF_DESTRUCT_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator

# The guard's roles by their resource in the template, not by name.
ROLES = {
    f"{resource}.Arn": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}"
    for resource, name in (
        ("SelfDestructRole", SELF_DESTRUCT_ROLE),
        ("DeletionRole", DELETION_ROLE),
    )
}
POLICIES = ("PipelinePolicy", "DeletionPolicy")


@dataclass(frozen=True, kw_only=True)
class Need:
    """Actions on resources, under conditions: one statement of a policy."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: tuple[tuple[str, str], ...]  # values that satisfy the statement's conditions


def _statements() -> tuple[dict[str, Any], ...]:
    resources = templates.resources("bootstrap.yaml")
    return tuple(
        statement
        for policy in POLICIES
        for statement in resources[policy]["Properties"]["PolicyDocument"]["Statement"]
    )


def needs(*, account: str, partition: str, region: str, study_id: str) -> tuple[Need, ...]:
    """Actions that bootstrap.yaml allows for one study; those on `*` are left out.

    Those only read, and a missing right to read shows in the other checks.
    """
    names = {"${AWS::Partition}": partition, "${AWS::AccountId}": account}
    return tuple(
        Need(actions=actions, resources=(resource,), context=context)
        for statement in _statements()
        if (actions := tuple(a for a in _listed(statement["Action"]) if "*" not in a))
        for resource in _resources(statement, names, region=region, study_id=study_id)
        for context in _contexts(statement.get("Condition", {}), names, study_id=study_id)
    )


def missing(iam: Any, principal_arn: str, wanted: tuple[Need, ...]) -> tuple[str, ...]:
    """Actions that AWS's simulation of the principal's policies does not allow, sorted.

    Includes service control policies and permission boundaries, as far as AWS simulates them.
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
    """The resources that a statement names, with the names used in the study.

    At least the first one; of the others those with a complete name.
    """
    for place, given in enumerate(_listed(statement["Resource"])):
        text = _filled(ROLES.get(given, given), names)
        if not text.startswith("arn:"):
            yield "*"
            continue
        parts = text.replace(":*:", f":{region}:").replace("benchmark-*", f"benchmark-{study_id}")
        named = parts.replace("role/*", f"role/operator-benchmark-{study_id}")
        if place == 0 or "*" not in named:
            yield named


def _contexts(
    conditions: dict[str, Any], names: dict[str, str], *, study_id: str
) -> Iterator[tuple[tuple[str, str], ...]]:
    """Each way to meet a statement's conditions: one for each service that a role is passed to."""
    keys = {
        # A key that only has to be present may have any value.
        key: [study_id] if operator == "Null" else [_filled(v, names) for v in _listed(values)]
        for operator, each in conditions.items()
        for key, values in each.items()
    }
    for chosen in itertools.product(*keys.values()):
        yield tuple(zip(keys, chosen, strict=True))
