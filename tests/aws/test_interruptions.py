"""Whatever ends the process or its credentials, and when: the account is empty in the end."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from include.aws import reaper, session, stack
from include.aws.settings import OWNER
from include.errors import ClusterError
from tests.aws.account import REGION, whole_account
from tests.aws.moto_stack import FAULTS
from tests.clusters.test_eks import CLUSTER, deleted, leak_an_interface, reservation, study

pytestmark = pytest.mark.sockets


class Killed(BaseException):
    """As by SIGKILL: nothing that the process would still do on AWS is done."""


class Line:
    """The way from the process to AWS."""

    def __init__(self):
        self.calls = Counter()
        self.dies_after = None  # the name of a call, and which one of them
        self.is_dead = False
        self.has_expired = False

    def before(self, model, **_):
        if self.is_dead:
            raise Killed
        if self.has_expired:
            answer = {"Error": {"Code": "ExpiredToken", "Message": "The token has expired"}}
            raise ClientError(answer, model.name)

    def after(self, model, **_):
        self.calls[model.name] += 1
        if (model.name, self.calls[model.name]) == self.dies_after:
            self.is_dead = True
            raise Killed


@pytest.fixture
def line(aws, monkeypatch):
    found, client, watched = Line(), session.client, {}

    def watch(service, region):
        made = client(service, region)
        if made not in watched:
            watched[made] = made.meta.events
            made.meta.events.register("before-call", found.before)
            made.meta.events.register("after-call", found.after)
        return made

    monkeypatch.setattr(session, "client", watch)
    yield found
    for events in watched.values():  # other tests have the same clients
        events.unregister("before-call", found.before)
        events.unregister("after-call", found.after)


def live(mine, client):
    """A cluster's life, with an interface that the network plugin leaks and one failed deletion."""
    FAULTS.polls_until_made = 3
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    CLUSTER.add_workers(handle)
    leak_an_interface(client)
    FAULTS.deletions_that_fail = 1
    CLUSTER.delete(mine)


STEPS = [
    ("CreateStack", 1),  # taken by AWS, and the answer was never read
    ("DescribeStacks", 3),  # while it is made
    ("DescribeNodegroup", 1),  # made, and no worker is asked for yet
    ("UpdateNodegroupConfig", 1),  # workers asked for, and paid from now on
    ("DeleteNetworkInterface", 1),  # in the sweep before the deletion
    ("DeleteStack", 1),  # a deletion that fails
    ("DeleteStack", 2),  # the one that does not
]


@pytest.fixture(params=STEPS, ids="{0[0]} {0[1]}".format)
def killed(request, aws, kubernetes, line):
    """The reservation of a study whose process was killed right after that call."""
    mine = reservation()
    line.dies_after = request.param
    with pytest.raises(Killed):
        live(mine, aws)
    line.is_dead = False  # from here on it is another process
    line.dies_after = None
    FAULTS.deletions_that_fail = 0
    assert (whole_account(aws) == {}) == (request.param == STEPS[-1])
    return mine


def test_airflow_that_is_killed_and_never_comes_back_leaves_it_to_the_reaper(aws, killed):
    late = killed.expires_at + stack.GRACE + timedelta(minutes=1)
    with contextlib.suppress(reaper.ClustersReaped):
        reaper.reap([REGION], owner=OWNER, now=late)
    assert whole_account(aws) == {}


def test_airflow_that_comes_back_adopts_what_is_there_and_tears_it_down(aws, killed, line):
    made = line.calls["CreateStack"]
    if CLUSTER.leftovers(killed) and not line.calls["DeleteStack"]:
        CLUSTER.create(killed, study())
        CLUSTER.add_workers(CLUSTER.wait_ready(killed, study()))
    deleted(aws, killed)
    assert line.calls["CreateStack"] == made == 1


def test_credentials_that_expire_are_named_and_nothing_is_taken_for_gone(aws, kubernetes, line):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    line.has_expired = True
    for step in (
        lambda: CLUSTER.wait_ready(mine, study()),
        lambda: CLUSTER.add_workers(handle),
        lambda: CLUSTER.delete(mine),
        lambda: CLUSTER.leftovers(mine),
    ):
        with pytest.raises(ClusterError, match="credentials for AWS have expired; renew them"):
            step()
    line.has_expired = False
    deleted(aws, mine)


def test_reaper_whose_credentials_have_expired_says_so(aws, line):
    mine = reservation()
    CLUSTER.create(mine, study())
    line.has_expired = True
    late = mine.expires_at + stack.GRACE + timedelta(minutes=1)
    with pytest.raises(reaper.ClustersReaped, match=r"could not be examined: .*have expired"):
        reaper.reap([REGION], owner=OWNER, now=late)
    line.has_expired = False
    deleted(aws, mine)
