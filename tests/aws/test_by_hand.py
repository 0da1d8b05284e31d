from __future__ import annotations

import pytest
from botocore.exceptions import NoCredentialsError

from include.aws import by_hand, reaper, session
from include.aws.command_line import main
from tests.aws.account import REGION, whole_account
from tests.aws.moto_stack import FAULTS
from tests.clusters.test_eks import CLUSTER, leak_an_interface, reservation, study


@pytest.fixture
def delete(monkeypatch):
    """The program; an account has two regions, so that no test asks seventeen."""
    monkeypatch.setattr(reaper, "all_regions", lambda: ("eu-north-1", REGION))
    return lambda *arguments: main(["delete", *arguments], examine=None)


def test_cluster_is_found_in_any_region_and_deleted_to_its_end(aws, delete, capsys):
    CLUSTER.create(reservation(), study())
    leak_an_interface(aws)
    FAULTS.deletions_that_fail = 1
    assert delete("demo-1") == 0
    assert whole_account(aws) == {}
    assert capsys.readouterr().out == f"the cluster of demo-1 in {REGION} has been deleted\n"
    assert delete("demo-1", "--region", REGION) == 0
    assert capsys.readouterr().out == "nothing to clean\n"  # as bin/demo looks for


def test_other_studies_and_strangers_stay(aws, delete):
    CLUSTER.create(reservation(), study())
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    name = "operator-benchmark-demo-2"
    aws("cloudformation").create_stack(StackName=name, TemplateBody=body)
    before = whole_account(aws)
    assert delete("demo-2") == delete("demo-3") == 0
    assert whole_account(aws) == before


def test_what_stays_is_said_with_a_code_of_its_own(aws, delete, capsys):
    CLUSTER.create(reservation(), study())
    FAULTS.deletions_that_fail = 99
    assert delete("demo-1") == 1
    said = capsys.readouterr().err
    assert "has dependencies" in said
    assert "the cluster of demo-1 may still exist and cost money" in said


def test_without_credentials_nothing_is_taken_for_clean(monkeypatch, capsys):
    def none(service, region):
        raise NoCredentialsError

    monkeypatch.setattr(session, "client", none)
    assert by_hand.delete("demo-1", region=None) == 1
    assert "there are no credentials for AWS" in capsys.readouterr().err
