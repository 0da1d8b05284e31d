"""The login to a registry: made of a file, stored on the cluster alone, gone with the study."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from include.clusters import _pulling
from include.errors import ClusterError
from include.models import Reservation, Study
from tests.kube.api_server import serving

pytestmark = pytest.mark.sockets
RESERVATION = Reservation(
    study_id="demo-1",
    cluster="existing",
    namespace="default",
    nodes=1,
    expires_at=datetime(2026, 12, 1, tzinfo=UTC),
)


@pytest.fixture
def kube():
    with serving() as (state, client):
        yield state, client


def secret_of(kube, given):
    return _pulling.pull_secret(kube, RESERVATION, Study(image_pull_secret=given))


def test_file_becomes_a_secret_that_is_removed_with_the_study(kube, tmp_path):
    state, client = kube
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {"registry.test": {"auth": "eA=="}}}))
    name = secret_of(client, str(file))
    (path,) = (p for p in state.objects if p.endswith(f"/secrets/{name}"))
    assert state.objects[path]["type"] == "kubernetes.io/dockerconfigjson"
    _pulling.remove_pull_secret(client, "other-1")
    assert path in state.objects
    _pulling.remove_pull_secret(client, "demo-1")
    assert path not in state.objects


def test_name_is_that_of_a_secret_which_is_there(kube):
    assert secret_of(kube[1], "theirs") == "theirs"
    assert secret_of(kube[1], None) is None


@pytest.mark.parametrize("text", [None, "no json", "[]", "{}"])
def test_file_that_is_no_docker_configuration_is_refused(kube, tmp_path, text):
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ClusterError, match="is no Docker configuration with `auths`"):
        secret_of(kube[1], str(file))
