"""The project's pages as Airflow's own server mounts them, behind an auth manager with logins."""

from __future__ import annotations

from contextlib import contextmanager

from airflow.api_fastapi import app as server
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import FastAPI
from fastapi.testclient import TestClient

from plugins.report_view import PREFIX


class ByDag(SimpleAuthManager):
    """Lets a user read the runs of some DAGs only, which Airflow's simple one cannot."""

    readable = None  # ids of DAGs; None: all
    asked = ()  # method and entity of each question

    def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
        self.asked = (*self.asked, (method, access_entity.name))
        if self.readable is not None and details.id not in self.readable:
            return False
        return super().is_authorized_dag(
            method=method, user=user, access_entity=access_entity, details=details
        )


@contextmanager
def mounted(monkeypatch):
    """Airflow's server less its own pages, and the auth manager that it asks."""
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{__name__}.{ByDag.__name__}")
    monkeypatch.setattr(server._AuthManagerState, "instance", None)
    app = FastAPI()
    server.init_plugins(app)
    yield app, server.init_auth_manager(app)


def client_of(app, *, token=None):
    """A browser; with a token, that of somebody who is logged in."""
    cookies = {"_token": token} if token else None
    return TestClient(app, base_url=f"http://testserver/{PREFIX}", cookies=cookies)


def token_of(manager, *, role="VIEWER"):
    """What Airflow gives a user at the login."""
    return manager.generate_jwt(SimpleAuthManagerUser(username="somebody", role=role))
