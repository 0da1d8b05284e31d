import pytest

from tests.kube.api_server import serving


@pytest.fixture
def server():
    with serving() as (state, kube):
        yield state, kube
