"""What every test has: the fake adapters, an Airflow of its own, and no network."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

gc.disable()  # modules that are loaded are no garbage
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

# Airflow reads its settings when it is imported, so they are made before any test module is.
_HOME = tempfile.mkdtemp(prefix="operator-benchmark-airflow-")
SETTINGS = {
    "AIRFLOW_HOME": _HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_PRE_PING": "False",  # a file does not go away
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{_HOME}/logs",
    "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-tests-" + "0" * 64,
    "PYTHONPATH": str(ROOT),
}
os.environ.update(SETTINGS)
# Under `make test` a make that a test starts would take that one's flags, and tell its folders.
for name in [name for name in os.environ if name.startswith(("MAKE", "MFLAGS"))]:
    del os.environ[name]

from tests import fakes  # noqa: E402  after the settings above
from tests.distribution import ByWhatTheyShare, in_order_of_length  # noqa: E402

fakes.install()

# No limit of time: the machines that run them are shared. The same examples each time: a failure
# is of the change at hand, and can be had again.
settings.register_profile(
    "shared-machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared-machine")
settings.register_profile(  # for `make test-unit`
    "few-examples", settings.get_profile("shared-machine"), max_examples=25
)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    items[:] = in_order_of_length(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadfile`, files that share what takes long to make stay together too."""
    return ByWhatTheyShare(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish():
    """Search for garbage from now on, seldom and not in modules: it takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def pytest_sessionfinish():
    shutil.rmtree(_HOME, ignore_errors=True)
    gc.freeze()  # the interpreter would search it all once more, for seconds, before it ends
    gc.disable()


@pytest.fixture(scope="session")
def airflow_home():
    """An Airflow with an empty database; made once, as that takes seconds."""
    from airflow import settings as airflow_settings
    from airflow.utils.db import initdb
    from sqlalchemy import event

    def spare_the_disk(connection, _):  # nothing here has to outlive a power cut
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")

    event.listen(airflow_settings.engine, "connect", spare_the_disk)
    initdb()
    return Path(_HOME)


@pytest.fixture(scope="session")
def object_store_server():
    """An S3 store on loopback; started once, as that takes a second."""
    from airflow.sdk.io.store import _STORE_CACHE

    from tests.object_store import CONNECTION, serving

    with serving() as store:
        yield store
    _STORE_CACHE.pop(f"s3-{CONNECTION}", None)  # it lives as long as the process


@pytest.fixture
def bucket(object_store_server, monkeypatch):
    """A new bucket's address by its Airflow connection; its test is marked `sockets`."""
    from tests.object_store import CONNECTION

    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", object_store_server.connection)
    return f"s3://{CONNECTION}@{object_store_server.new_bucket()}"


@pytest.fixture(autouse=True)
def _no_network(request, monkeypatch):
    """Refuse connections in tests, other than the system tests'."""
    if request.node.get_closest_marker("system") or request.node.get_closest_marker("sockets"):
        return
    connect = socket.socket.connect

    def refuse(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            msg = f"a unit test connects to {address}; mark it `system` or `sockets`"
            raise AssertionError(msg)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
