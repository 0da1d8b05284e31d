"""The DAG `reap_clusters`: when it runs, and what turns it red."""

from __future__ import annotations

import pytest
from botocore.exceptions import NoCredentialsError

from tests.aws.account import REGION, aws, whole_account
from tests.clusters.test_eks import CLUSTER, NAME, reservation, study

__all__ = ["aws"]


@pytest.fixture(scope="module")
def reap_dag():
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag()
    assert not bag.import_errors
    return bag.dags["reap_clusters"]


@pytest.fixture
def reap(reap_dag, monkeypatch):
    """The task's function, on the account of the test instead of Airflow's connection."""
    from plugins import aws_connection

    monkeypatch.setattr(aws_connection, "use_aws_connection", lambda: None)
    return reap_dag.task_dict["reap"].python_callable


def params(**given):
    return {"owner": "operator-benchmark", "regions": [REGION], **given}


def test_it_runs_every_hour_one_at_a_time_and_makes_up_for_nothing(reap_dag):
    assert reap_dag.schedule == "@hourly"
    assert (reap_dag.catchup, reap_dag.max_active_runs) == (False, 1)
    assert dict(reap_dag.params) == params(regions=[])


def test_a_lost_connection_is_tried_again_and_what_was_left_is_told_at_once(reap_dag):
    from airflow.sdk.definitions.retry_policy import RetryAction

    from include.errors import ClustersReaped

    task = reap_dag.task_dict["reap"]
    assert task.retries == 2
    tried = [
        task.retry_policy.evaluate(error, 1, 2).action
        for error in (ConnectionError("refused"), ClustersReaped("a stack"))
    ]
    assert tried == [RetryAction.DEFAULT, RetryAction.FAIL]


def test_run_that_deletes_a_cluster_is_red_and_names_it(aws, reap, monkeypatch):
    from include.aws import stack
    from include.errors import ClustersReaped

    monkeypatch.setattr(stack, "GRACE", -stack.timedelta(hours=5))  # the study has 4 h to live
    CLUSTER.create(reservation(), study())
    with pytest.raises(ClustersReaped, match=f"{NAME} in {REGION}.*; deleted"):
        reap(params())
    assert whole_account(aws) == {}
    reap(params())


def test_what_was_left_is_told_to_the_channels_of_the_installation(reap_dag):
    from plugins.alarm import alarm

    assert alarm in reap_dag.task_dict["reap"].on_failure_callback


def test_a_wrong_setting_of_the_channels_is_told_before_any_cluster_is_left(reap, monkeypatch):
    from include.errors import StudyError
    from plugins import alarm

    monkeypatch.setenv(alarm.VARIABLE, "webhook")
    with pytest.raises(StudyError, match="OPERATOR_BENCHMARK_ALERTS"):
        reap(params())


def test_cluster_of_a_study_that_still_runs_is_left(aws, reap):
    CLUSTER.create(reservation(), study())
    before = whole_account(aws)
    reap(params())
    assert whole_account(aws) == before


def test_installation_without_credentials_skips(reap, monkeypatch):
    from airflow.sdk.exceptions import AirflowSkipException

    from include.aws import session

    def none(service, region):
        raise NoCredentialsError

    monkeypatch.setattr(session, "client", none)
    with pytest.raises(AirflowSkipException, match="no credentials for AWS"):
        reap(params(regions=[]))
