"""A cluster that is a file: it writes down what is asked of it, and fails where it is told to."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from include.clusters import Cluster
from include.errors import ClusterError, StudyError, TeardownError
from include.kube.client import Listing
from include.models import ClusterHandle, Model, Reservation
from include.tariff import Pace, PaidNode

if os.environ.get("OPERATOR_BENCHMARK_FAKE_POINTS"):  # in processes that a test has started
    from include.study import turn
    from tests.fakes.points import run_point

    turn.run_point = run_point
    turn.cancel_point = lambda point, setting: setting.kube.note(f"cancel {point}")


class Options(Model):
    """Where to write, where to fail, and how long to take."""

    journal: str
    fail: tuple[str, ...] = ()  # steps, as they are written down
    slow: dict[str, float] = Field(default_factory=dict)  # seconds by step
    points: dict[str, str] = Field(default_factory=dict)  # outcome by place in the study
    stuck_pods: tuple[str, ...] = ()
    hourly_price_usd: float | None = None


class Journal:
    """A file with a line per thing that was done."""

    def __init__(self, options: Options):
        self.options = options
        self.file = Path(options.journal)

    def note(self, line: str) -> None:
        with self.file.open("a") as file:
            file.write(line + "\n")

    def step(self, name: str, error: type[Exception] = ClusterError) -> None:
        self.note(name)
        time.sleep(self.options.slow.get(name, 0))
        if name in self.options.fail:
            raise error(f"{name} was told to fail")

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []


class FakeKube(Journal):
    """What `include.study.steps` uses of a client."""

    def list(self, kind, *, selector=""):
        names = self.options.stuck_pods
        pods = tuple({"metadata": {"name": name}} for name in names)
        return Listing(items=pods, resource_version="1", server_date=datetime.now(tz=UTC))

    def delete_all(self, kind, *, selector, grace_s=None):
        self.note(f"delete all {kind.plural}")

    def close(self):
        """There is no connection."""


def _journal(reservation: Reservation) -> Journal:
    return Journal(Options.model_validate(reservation.options))


class FakeCluster(Cluster):
    name = "fake"
    title = "Nothing"
    runs_images = False
    options = Options

    def reserve(self, study, *, study_id):
        if max(study.nodes) > 8:
            raise StudyError(f"nodes: the fake cluster has 8, not {max(study.nodes)}")
        return Reservation(
            study_id=study_id,
            cluster=self.name,
            namespace=study_id,
            nodes=max(study.nodes),
            expires_at=datetime(2099, 1, 1, tzinfo=UTC),
            options=study.cluster_options,
        )

    def preflight(self, reservation):
        _journal(reservation).step("preflight")

    def pace(self, reservation):
        return Pace(
            create_s=100,
            install_s=20,
            uninstall_s=10,
            launch_s=5,
            between_s=2,
            delete_s=60,
            source="made up",
        )

    def paid_since(self, reservation):
        now = datetime.now(tz=UTC)
        return tuple(PaidNode(name=f"node-{n}", since=now) for n in range(reservation.nodes))

    def create(self, reservation, study):
        _journal(reservation).step("create")

    def wait_ready(self, reservation, study):
        _journal(reservation).step("wait_ready")
        return ClusterHandle(
            **reservation.model_dump(),
            kubernetes_version="v1.99.0",
            instance_type=None,
            image="fake",
            image_digest=None,
            image_pull_policy="Never",
            worker_nodes=("node-1", "node-2"),
        )

    def health(self, reservation, kube, controller):
        """Nothing of it can die."""

    def connect(self, reservation):
        return FakeKube(Options.model_validate(reservation.options))

    connect_guarded = connect  # nothing of it can die

    def install(self, reservation, controller):
        _journal(reservation).step(f"install {controller.name}")
        return "v1"

    def uninstall(self, reservation, controller):
        _journal(reservation).step(f"uninstall {controller.name}", TeardownError)

    def delete(self, reservation):
        _journal(reservation).step("delete", TeardownError)

    def leftovers(self, reservation):
        return ("a fake node",) if "leftovers" in _journal(reservation).options.fail else ()


ADAPTER = FakeCluster()


def read_journal(options: dict) -> list[str]:
    return Journal(Options.model_validate(json.loads(json.dumps(options)))).lines()
