from __future__ import annotations

import pytest

from include.embedded import control_plane, processes
from include.embedded.layout import Layout
from include.errors import ClusterError


@pytest.fixture
def arguments(layout):
    def of(component):
        return dict(
            word.removeprefix("--").partition("=")[::2] for word in component(layout).arguments
        )

    return of


COMPONENTS = (
    control_plane.etcd,
    control_plane.api_server,
    control_plane.controller_manager,
    control_plane.scheduler,
)


def test_the_api_server_lets_nobody_in_unknown(arguments):
    found = arguments(control_plane.api_server)
    assert found["anonymous-auth"] == "false"
    assert found["authorization-mode"] == "Node,RBAC"
    assert found["enable-admission-plugins"] == "NodeRestriction"
    assert found["client-ca-file"].endswith("/ca.crt")
    assert found["kubelet-certificate-authority"].endswith("/ca.crt")
    assert found["etcd-cafile"].endswith("/etcd-ca.crt")


@pytest.mark.parametrize("component", COMPONENTS)
def test_everything_listens_with_tls_on_a_named_address(component, layout):
    text = " ".join(component(layout).arguments)
    assert "address=0" not in text
    assert "http://" not in text
    assert "insecure" not in text
    assert "127.0.0.1" in text


def test_etcd_asks_clients_and_peers_for_its_own_authoritys_certificate(arguments):
    found = arguments(control_plane.etcd)
    assert {"client-cert-auth", "peer-client-cert-auth"} <= found.keys()
    assert found["trusted-ca-file"].endswith("/etcd-ca.crt")


def test_the_api_server_binds_to_the_clusters_address(tmp_path):
    layout = Layout(root=tmp_path, api_address="10.99.0.1")
    assert "--bind-address=10.99.0.1" in control_plane.api_server(layout).arguments


def test_each_controller_has_an_account_of_its_own(arguments):
    found = arguments(control_plane.controller_manager)
    assert found["use-service-account-credentials"] == "true"
    assert "job-controller" in found["controllers"]
    assert "node-lifecycle-controller" in found["controllers"]


def test_a_component_that_dies_is_named_with_the_end_of_its_log(layout, programs, monkeypatch):
    (programs / "etcd").write_text("#!/bin/sh\necho the disk is full\nexit 1\n")
    monkeypatch.setattr(control_plane, "_accepts", lambda _port: False)
    known = []
    with pytest.raises(ClusterError, match=r"(?s)etcd.*the disk is full"):
        control_plane.start(layout, known.append)
    assert len(known) <= 1
    processes.stop(known)
