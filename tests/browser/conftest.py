"""One Airflow and one Chromium for all tests of the UI; a screenshot of every step is kept."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import socket
from pathlib import Path

import pytest

from include.embedded.binaries import is_built
from tests.airflow_server import serve
from tests.browser.trigger_form import TriggerForm, log_in

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"
CHROMIUM = shutil.which("chromium")
SLOW_MS = 20_000  # how long a page may take on a busy machine
_shots = itertools.count(1)


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; Playwright's own cannot be installed from a package registry."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium; as root on Debian `bin/browser` installs it")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=SLOW_MS)  # its own 5 s are too few for a busy machine
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Where the studies go."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def airflow(chromium, results, tmp_path_factory):
    """Airflow as `make ui` starts it, with a cluster state and results of its own."""
    with serve(
        tmp_path_factory.mktemp("ui"),
        OPERATOR_BENCHMARK_FAKE_POINTS="" if _can_simulate() else "1",
        OPERATOR_BENCHMARK_STATE=str(tmp_path_factory.mktemp("state") / "local"),
        OPERATOR_BENCHMARK_RESULTS=results.as_uri(),
    ) as found:
        yield found


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the study runs: on the simulated cluster, or on the fake one where that cannot run."""
    if _can_simulate():
        return {
            "operators": ("mpi_operator", "indexed_job"),
            "application": "lammps",
            "cluster": "simulated",
            "cluster_options": {"nodes": 2, "time_scale": 0.02, "run_s": 5},
        }
    return {
        "operators": ("fake_a", "fake_b"),
        "application": "fake_application",
        "cluster": "fake",
        "cluster_options": {"journal": str(tmp_path_factory.mktemp("fake") / "journal")},
    }


@functools.cache  # the server and the form must be told the same
def _can_simulate():
    """Whether the programs are built, and the port is free on which the MPI Operator insists."""
    with socket.socket() as probing:
        is_free = probing.connect_ex(("127.0.0.1", 8080)) != 0
    return is_built() and is_free


def _new_page(browser, airflow, **options):
    """A page in a context of its own."""
    context = browser.new_context(
        base_url=airflow.base, viewport={"width": 1280, "height": 1000}, **options
    )
    page = context.new_page()
    page.set_default_timeout(SLOW_MS)
    return page


@pytest.fixture
def anonymous(chromium, airflow):
    """A page of somebody who is not logged in."""
    page = _new_page(chromium, airflow)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def login(chromium, airflow):
    """What a browser keeps of the administrator's login."""
    page = _new_page(chromium, airflow)
    log_in(page, password=airflow.password)
    page.wait_for_url("**/")
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def page(chromium, airflow, login):
    """A page of the administrator."""
    page = _new_page(chromium, airflow, storage_state=login)
    yield page
    page.context.close()


@pytest.fixture
def form(page):
    """The trigger form of the DAG."""
    page.goto("/dags/operator_benchmark")
    page.get_by_test_id("trigger-dag-button").click()
    return TriggerForm(page)


@pytest.fixture
def keep(request):
    """A function that keeps a picture of a page, to be looked at by people."""
    folder = SCREENSHOTS
    folder.mkdir(parents=True, exist_ok=True)

    def screenshot(page, name):
        page.screenshot(path=folder / f"{next(_shots):02d}-{name}.png")

    return screenshot
