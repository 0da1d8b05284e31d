"""An account on moto, with stand-ins for what moto 5.2.5 does not have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace

import boto3
from botocore.exceptions import ClientError

from include.aws.identity import DELETION_ROLE, SELF_DESTRUCT_ROLE
from include.aws.preflight import Look
from include.aws.settings import Options
from include.models import Reservation

REGION = "us-east-2"
VERSIONS = {"1.34": "EXTENDED_SUPPORT", "1.35": "STANDARD_SUPPORT", "1.36": "STANDARD_SUPPORT"}


def error(code, operation, message="said AWS"):
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@cache  # to make one takes longer than all that is asked of it
def moto(service, region=REGION):
    return boto3.client(service, region_name=region)


@cache
def instance_types(region, *names):
    return moto("ec2", region).describe_instance_types(InstanceTypes=list(names))


def make_guard_roles():
    """The roles of bootstrap.yaml that are not there."""
    there = {role["RoleName"] for role in moto("iam").list_roles()["Roles"]}
    for name in {SELF_DESTRUCT_ROLE, DELETION_ROLE} - there:
        moto("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")


class Beside:
    """A client of moto with some calls of our own."""

    def __init__(self, client, **calls):
        self._client = client
        self._calls = calls

    def __getattr__(self, name):
        return self._calls.get(name) or getattr(self._client, name)


class Account:
    """What the account grants; a test changes what it is about."""

    def __init__(self):
        self.quotas = {"L-F7808C92": 6240.0, "L-1216C47A": 640.0, "L-F678F1CE": 5.0}
        self.quotas |= {"L-0263D0A3": 5.0}
        self.price = 2.88
        self.versions = dict(VERSIONS)
        self.denied = set()
        self.simulated = []
        self.reservation = None
        self.raises = {}  # error by name of a call
        self.region = REGION
        self.caller = "arn:aws:iam::123456789012:user/airflow"

    def client(self, service):
        stand_ins = {
            "service-quotas": self._quotas,
            "eks": self._eks,
            "ssm": self._ssm,
            "iam": self._iam,
            "ec2": self._ec2,
            "sts": self._sts,
        }
        return stand_ins[service]() if service in stand_ins else moto(service)

    def look(self, *, nodes=64, **options):
        chosen = Options.model_validate(options)
        reservation = Reservation(
            study_id="demo-1",
            cluster="eks",
            namespace="demo-1",
            nodes=nodes,
            expires_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
            options=options,
        )
        pricing = SimpleNamespace(get_products=self._guarded("get_products", self._products))
        return Look(reservation=reservation, options=chosen, client=self.client, pricing=pricing)

    def _guarded(self, name, call):
        def guarded(**kwargs):
            if name in self.raises:
                raise self.raises[name]
            return call(**kwargs)

        return guarded

    def _sts(self):
        answer = {"Account": "123456789012", "Arn": self.caller}
        call = self._guarded("get_caller_identity", lambda: answer)
        return SimpleNamespace(get_caller_identity=call)

    def _quotas(self):
        def quota(*, ServiceCode, QuotaCode):  # noqa: N803  AWS's names
            if QuotaCode not in self.quotas:
                raise error("NoSuchResourceException", "GetServiceQuota")
            return {"Quota": {"Value": self.quotas[QuotaCode]}}

        def default(**_):
            return {"Quota": {"Value": 0.0}}

        return SimpleNamespace(
            get_service_quota=self._guarded("get_service_quota", quota),
            get_aws_default_service_quota=default,
        )

    def _eks(self):
        rows = [{"clusterVersion": v, "versionStatus": s} for v, s in self.versions.items()]
        pages = [{"clusterVersions": rows[:1]}, {"clusterVersions": rows[1:]}]
        paginate = self._guarded("describe_cluster_versions", lambda: pages)
        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))

    def _ssm(self):
        answer = {"Parameter": {"Value": "ami-12c6146b"}}
        return SimpleNamespace(get_parameter=self._guarded("get_parameter", lambda **_: answer))

    def _iam(self):
        def simulate(*, ActionNames, **more):  # noqa: N803
            self.simulated.append({"ActionNames": ActionNames, **more})
            decisions = (
                (name, "implicitDeny" if name in self.denied else "allowed") for name in ActionNames
            )
            results = [{"EvalActionName": n, "EvalDecision": decision} for n, decision in decisions]
            return {"EvaluationResults": results}

        call = self._guarded("simulate_principal_policy", simulate)
        return Beside(moto("iam"), simulate_principal_policy=call)

    def _ec2(self):
        calls = {
            "describe_instance_types": lambda *, InstanceTypes: instance_types(  # noqa: N803
                self.region, *InstanceTypes
            )
        }
        if self.reservation:
            answer = {"CapacityReservations": [self.reservation]}
            calls["describe_capacity_reservations"] = lambda **_: answer
        if "run_instances" in self.raises:
            calls["run_instances"] = self._guarded("run_instances", None)
        return Beside(moto("ec2", self.region), **calls)

    def _products(self, **_):
        dimension = {"pricePerUnit": {"USD": f"{self.price:.10f}"}}
        free = {"pricePerUnit": {"USD": "0.0000000000"}}
        terms = {"OnDemand": {"a": {"priceDimensions": {"b": dimension, "c": free}}}}
        return {"PriceList": [json.dumps({"terms": terms})]}
