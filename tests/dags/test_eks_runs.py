"""Whole studies on the cluster `eks`, under a real scheduler and against moto."""

from __future__ import annotations

import pytest
import requests
from moto.server import ThreadedMotoServer

from include.aws import session
from include.aws.identity import DELETION_ROLE, SELF_DESTRUCT_ROLE
from include.models import Status
from include.results import Results
from tests.airflow_server import FAKE_REPORT, SITE, THREE_OPERATORS, serve, wait
from tests.aws import moto_stack
from tests.aws.account import REGION, follow_workers, whole_account
from tests.aws.moto_stack import FAULTS
from tests.fakes.eks import FAILING, KUBE
from tests.kube.api_server import serving

pytestmark = [pytest.mark.scheduler, pytest.mark.sockets]
IMAGE = "registry.test/lammps@sha256:" + "c" * 64
EKS = "from tests.fakes import eks\neks.install()\n"
CREDENTIALS = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def api_server():
    with serving() as (state, kube):
        yield state, kube.api.configuration.host


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, moto, api_server):
    home = tmp_path_factory.mktemp("ui")
    site = SITE + THREE_OPERATORS + FAKE_REPORT + EKS
    settings = {"AWS_ENDPOINT_URL": moto, KUBE: api_server[1], **CREDENTIALS}
    with serve(home, site=site, **settings) as found:
        yield found


@pytest.fixture
def account(moto, api_server, monkeypatch):
    """A function for clients of an empty account that has the roles of bootstrap.yaml."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    requests.post(f"{moto}/moto-api/reset", timeout=30)
    moto_stack.reset()
    follow_workers(api_server[0])
    made = session._ambient.__wrapped__(REGION)

    def client(service, region=REGION):
        return made.client(service, region_name=region)

    for role in (SELF_DESTRUCT_ROLE, DELETION_ROLE):
        client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    yield client
    moto_stack.reset()


@pytest.fixture
def study(tmp_path):
    return {
        "cluster": "eks",
        "image": IMAGE,
        "application": "fake_application",
        "operators": ["indexed_job"],
        "nodes": [2],
        "repeats": 1,
        "warmups": 1,
        "results": str(tmp_path / "results"),
    }


def stack_status(client):
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    return stacks[0]["StackStatus"] if stacks else None


def test_good_study_is_green_on_workers_that_came_late_and_leaves_an_empty_account(
    airflow, account, study, tmp_path
):
    FAULTS.polls_until_made = 2
    asked = []
    FAULTS.on_scale.append(asked.append)
    run_id = airflow.trigger(study)
    assert airflow.end(run_id, 120) == "success"
    assert asked[0] == 2  # the last phase ends them
    (folder,) = (tmp_path / "results").iterdir()
    records = Results(folder).records()
    assert [record.node_names for record in records] == [("worker-0", "worker-1")] * 2
    assert whole_account(account) == {}


def test_study_whose_work_fails_is_red_keeps_its_records_and_leaves_an_empty_account(
    airflow, account, study, tmp_path
):
    run_id = airflow.trigger(study | {"name": FAILING})
    assert airflow.end(run_id, 120) == "failed"
    assert airflow.tasks(run_id)["destroy", -1] == "success"
    (folder,) = (tmp_path / "results").iterdir()
    assert [record.status for record in Results(folder).records()] == [Status.FAILED] * 2
    assert whole_account(account) == {}


def test_run_marked_failed_while_the_stack_is_made_leaves_an_empty_account(airflow, account, study):
    FAULTS.polls_until_made = 1_000_000
    run_id = airflow.trigger(study)
    airflow.until_running(run_id, ("wait_ready", -1))
    wait(lambda: stack_status(account) == "CREATE_IN_PROGRESS")
    airflow.cancel(run_id)
    assert airflow.end(run_id, 120) == "failed"
    assert airflow.tasks(run_id)["destroy", -1] == "success"
    assert whole_account(account) == {}
