"""Runs whole studies on the fake cluster, as `airflow dags test` does."""

from __future__ import annotations

import copy
import functools
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from include.results import Results
from plugins.study_context import locate
from tests import fakes
from tests.fakes import report
from tests.fakes.clusters.fake import read_journal
from tests.fakes.points import run_point
from tests.fakes.studies import two_phases

NIGHTLY = Path(__file__).parents[1] / "fakes" / "nightly.yaml"  # its operators are fake as well


@dataclass
class Ended:
    """A run that has ended."""

    state: str
    tasks: dict  # state by task id, with [index] behind a mapped one
    journal: list
    results: Results
    verdict: str  # what the verdict said against the run
    dag_run: object


@pytest.fixture(scope="module")
def operators():
    """Those that there are, for a phase each."""
    return ("fake_a", "fake_b")


@pytest.fixture(scope="module", autouse=True)
def _nothing_done_twice(operators):
    """Spare what Airflow repeats in every `dag.test()`: most of the time of a run.

    The schema of a form's field is checked once, instead of thousands of times; a DAG is parsed,
    stored and read back once; and what a request to the API depends on is found out once. One
    request comes at a time, so what serves it need not be handed from thread to thread, nor does
    it need an id of its own or a new token.
    """
    from airflow.api_fastapi.execution_api import app as task_api
    from airflow.dag_processing import dagbag
    from airflow.models import dagbag as stored_dags
    from anyio import to_thread
    from fastapi.dependencies import utils as dependencies
    from jsonschema.validators import Draft202012Validator

    from include import k8s_operators
    from include.regression import settings

    checked = set()
    stored = set()
    check, store = Draft202012Validator.check_schema, dagbag.sync_bag_to_db

    def check_once(schema, **options):
        if (text := repr(schema)) not in checked:
            check(schema, **options)
            checked.add(text)

    def store_once(bag, bundle_name, *args, **kwargs):
        if bundle_name not in stored:
            store(bag, bundle_name, *args, **kwargs)
            stored.add(bundle_name)

    with fakes.offered(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", check_once)
        patch.setattr(dagbag, "BundleDagBag", functools.cache(dagbag.BundleDagBag))
        patch.setattr(dagbag, "sync_bag_to_db", store_once)
        patch.setattr(stored_dags, "DBDagBag", functools.cache(stored_dags.DBDagBag))
        patch.setattr(to_thread, "run_sync", _in_this_thread)
        patch.setattr(dependencies, "get_dependant", _once(dependencies.get_dependant))
        for middleware in (task_api.CorrelationIdMiddleware, task_api.JWTReissueMiddleware):
            patch.setattr(middleware, "__call__", _pass_on)
        patch.setattr(k8s_operators, "available", lambda: operators)
        patch.setattr(settings, "FILE", NIGHTLY)
        yield


async def _in_this_thread(function, *args, **_options):
    return function(*args)


async def _pass_on(middleware, scope, receive, send):
    await middleware.app(scope, receive, send)


def _once(function):
    """The function, asked once for the same keywords; lists in them are compared by content."""
    known = {}

    def ask(**options):
        key = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in options.items())
        if key not in known:
            known[key] = function(**options)
        return known[key]

    return ask


@pytest.fixture(scope="module")
def parsed_dag(airflow_home):
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag()
    assert not bag.import_errors
    found = bag.dags["operator_benchmark"]
    found.task_dict["destroy"].retry_delay = timedelta(0)
    for task_id in ("phase_1.points", "phase_2.points"):
        found.task_dict[task_id].partial_kwargs["retry_delay"] = timedelta(0)
    return found


@pytest.fixture
def dag(parsed_dag):
    """The DAG with its own defaults: a test run leaves its values in the params."""
    params = copy.deepcopy(parsed_dag.params)
    yield parsed_dag
    parsed_dag.params = params


@pytest.fixture
def params(tmp_path):
    """A small study on the fake cluster."""
    return two_phases(tmp_path)


@pytest.fixture
def run(dag, params, monkeypatch):
    """A function that runs a study to its end; keywords are options of the fake cluster."""
    from include.jobs import cleanup
    from include.study import steps, turn

    said = []
    check = steps.check_complete
    sleep = time.sleep

    def check_complete(*args, **kwargs):
        try:
            check(*args, **kwargs)
        except Exception as err:
            said.append(str(err))
            raise

    monkeypatch.setattr(steps, "check_complete", check_complete)
    monkeypatch.setattr(turn, "run_point", run_point)
    monkeypatch.setattr(turn, "cancel_point", lambda _, setting: setting.kube.note("cancel"))
    monkeypatch.setattr(cleanup, "GONE_S", 0.0)
    monkeypatch.setattr(cleanup, "FORCED_GONE_S", 0.0)
    idle = iter(range(2000))

    def short_sleep(_seconds):  # dag.test() idles in seconds, and waits for ever
        assert next(idle, None) is not None, "the run does not end"
        sleep(0.01)

    monkeypatch.setattr(time, "sleep", short_sleep)
    monkeypatch.setitem(sys.modules, "include.report.write", report)

    def run_study(**options):
        params["cluster_options"].update(options)
        dag_run = dag.test(run_conf=params)
        return _ended(dag_run, params, "\n".join(said))

    return run_study


def _ended(dag_run, params, verdict):
    states = {
        ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state)
        for ti in dag_run.get_task_instances()
    }
    folders = list(locate(params["results"]).glob("*/plan.json"))
    return Ended(
        state=str(dag_run.state),
        tasks=states,
        journal=read_journal(params["cluster_options"]),
        results=Results(folders[0].parent) if folders else None,
        verdict=verdict,
        dag_run=dag_run,
    )
