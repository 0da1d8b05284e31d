"""What is told when something answers that is no API server, or one that refuses."""

import contextlib
import http.server
import json
import threading

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from include.errors import ClusterError
from include.kube import answers
from include.kube import kubeconfig as kubeconfig_module
from include.kube.answers import AccessRefused
from include.kube.client import Kube
from include.kube.kinds import NODE

pytestmark = pytest.mark.sockets
JSON = "application/json"
API = "client.authentication.k8s.io/v1"


@contextlib.contextmanager
def answering(status, kind, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def kubeconfig(folder, *, server="http://127.0.0.1:1", user=None, context_user="u", **cluster):
    path = folder / "config"
    users = [{"name": "u", "user": {"token": "t"} if user is None else user}]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": users,
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": context_user}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def opened(path):
    return Kube.from_kubeconfig(path, namespace="n")


@pytest.mark.parametrize(
    ("status", "kind", "body", "text"),
    [
        (200, "text/html", b"<html><b>Sign in</b></html>", 'but text/html: "Sign in"'),
        (404, "text/html", b"<h1>Not here</h1>", 'but text/html: "Not here"'),
        (403, "text/html; charset=utf-8", b"Blocked", 'but text/html: "Blocked"'),
        (200, "text/plain", b"ok", 'but text/plain: "ok"'),
        (200, JSON, b"[]", "no Kubernetes API answers"),
        (200, JSON, b"{}", "list without items or version: it has nothing"),
        (200, JSON, b'{"metadata": {"resourceVersion": "1"}, "items": 3}', "list without items"),
        (200, JSON, b'{"metadata": {"resourceVersion": "1"}, "items": [{}]}', "no Kubernetes obj"),
        (200, JSON, b'{"kind": "Status", "status": "Failure", "message": "late"}', "late"),
    ],
)
def test_an_answer_that_is_no_list_is_one_sentence(tmp_path, status, kind, body, text):
    with answering(status, kind, body) as server:
        kube = opened(kubeconfig(tmp_path, server=server))
        with pytest.raises(ClusterError) as raised:
            kube.list(NODE)
        kube.close()
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_list_of_nothing_may_be_null(tmp_path):
    body = b'{"metadata": {"resourceVersion": "1"}, "items": null}'
    with answering(200, JSON, body) as server:
        kube = opened(kubeconfig(tmp_path, server=server))
        assert kube.list(NODE).items == ()
        kube.close()


def test_fields_that_are_null_are_as_absent_ones(tmp_path):
    node = {
        "metadata": {"name": "a", "labels": None},
        "spec": {"taints": None},
        "status": {"conditions": [{"type": "Ready", "message": None}], "addresses": None},
    }
    plain = {"metadata": {"name": "a"}, "spec": {}, "status": {"conditions": [{"type": "Ready"}]}}
    for value, ask in (
        (node, lambda kube: kube.get(NODE, "a")),
        (
            {"metadata": {"resourceVersion": "1"}, "items": [node]},
            lambda kube: kube.list(NODE).items[0],
        ),
    ):
        with answering(200, JSON, json.dumps(value).encode()) as server:
            kube = opened(kubeconfig(tmp_path, server=server))
            assert ask(kube) == plain
            kube.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_told_apart(tmp_path, status):
    with answering(status, JSON, b'{"kind": "Status", "message": "no"}') as server:
        kube = opened(kubeconfig(tmp_path, server=server))
        with pytest.raises(AccessRefused):
            kube.list(NODE)
        kube.require_answer()  # it answers, which is all that is asked
        kube.close()


def test_a_server_that_is_not_ready_is_told(tmp_path):
    with answering(500, "text/plain", b"[-]etcd failed") as server:
        kube = opened(kubeconfig(tmp_path, server=server))
        with pytest.raises(ClusterError, match="refused"):
            kube.require_answer()
        kube.close()


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("no-such-program", "program no-such-program cannot be run: it is not on this machine"),
        ("/bin/false", "program /bin/false gave no credential: exit code 1"),
        ("/bin/true", "program /bin/true gave no credential: its answer is no ExecCredential"),
        ("/bin/cat", "its answer is no ExecCredential"),  # it waits for an answer of its own
    ],
)
def test_a_credential_program_that_gives_none_is_named(tmp_path, program, text):
    user = {"exec": {"apiVersion": API, "command": program}}
    with pytest.raises(ClusterError) as raised:
        opened(kubeconfig(tmp_path, user=user))
    assert text in str(raised.value)


def script(folder, text):
    program = folder / "token"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o700)
    return {"exec": {"apiVersion": API, "command": "./token"}}


def test_a_credential_program_that_does_not_end_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(kubeconfig_module, "PROGRAM_LIMIT_S", 0.2)
    with pytest.raises(ClusterError, match=r"token gave no credential: .*timed out"):
        opened(kubeconfig(tmp_path, user=script(tmp_path, "exec sleep 60")))


def test_a_credential_program_that_gives_no_certificates_key_is_told(tmp_path):
    user = script(tmp_path, """echo '{"status": {"clientCertificateData": "x"}}'""")
    with pytest.raises(ClusterError, match="gave neither token nor certificate"):
        opened(kubeconfig(tmp_path, user=user))


def test_a_credential_that_cannot_be_renewed_is_the_credentials_fault(tmp_path):
    status = '{"token": "a", "expirationTimestamp": "2020-01-01T00:00:00Z"}'
    answer = f"""test -e used && exit 3; touch used; echo '{{"status": {status}}}'"""
    kube = opened(kubeconfig(tmp_path, user=script(tmp_path, answer)))
    with pytest.raises(AccessRefused, match="gave no credential: exit code 3"):
        kube.list(NODE)
    kube.close()


def test_a_token_file_that_is_gone_is_the_credentials_fault(tmp_path):
    (tmp_path / "token").write_text("old")
    kube = opened(kubeconfig(tmp_path, user={"tokenFile": "token"}))
    (tmp_path / "token").unlink()
    with pytest.raises(AccessRefused, match=r"the token's file .*/token: No such file"):
        kube.list(NODE)
    kube.close()


@pytest.mark.parametrize("name", ["azure", "gcp", "oidc"])
def test_a_provider_that_gives_no_token_is_named_and_nobody_goes_on_without(tmp_path, name):
    with pytest.raises(ClusterError, match="cannot be used"):
        opened(kubeconfig(tmp_path, user={"auth-provider": {"name": name}}))


@pytest.mark.parametrize("text", ["", "[]", "word", "{}", "\0", "clusters: 3"])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path, text):
    (tmp_path / "config").write_text(text)
    with pytest.raises(ClusterError, match=r"kubeconfig .*/config cannot be used: ."):
        opened(tmp_path / "config")


def test_a_cluster_without_an_address_is_refused_and_not_taken_for_this_machine(tmp_path):
    with pytest.raises(ClusterError, match="has no `server`"):
        opened(kubeconfig(tmp_path, server=""))


@pytest.mark.parametrize("body", [b"{}", b'{"kind": "Status", "status": "Success"}'])
def test_an_answer_that_is_no_object_is_one_sentence(tmp_path, body):
    with answering(200, JSON, body) as server:
        kube = opened(kubeconfig(tmp_path, server=server))
        with pytest.raises(ClusterError, match="answered with no Kubernetes object"):
            kube.get(NODE, "a")
        kube.close()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('pods "x" is forbidden: exceeded quota: compute', "does not admit it: .*exceeded quota"),
        ('admission webhook "policy" denied the request', "does not admit it: .*denied"),
        ('pods is forbidden: User "me" cannot create resource', "credential lacks the right"),
    ],
)
def test_what_a_cluster_does_not_admit_is_told_apart_from_a_lack_of_rights(message, text):
    body = json.dumps({"message": message})
    refusal = ApiException(status=403, reason="Forbidden")
    refusal.body = body
    with pytest.raises(ClusterError, match=text):
        raise answers.refused(refusal, method="POST", path="/api/v1/pods", host="h")


def test_a_credential_programs_token_is_used(tmp_path):
    program = tmp_path / "token"
    answer = f'{{"apiVersion": "{API}", "kind": "ExecCredential", "status": {{"token": "abc"}}}}'
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o700)
    kube = opened(kubeconfig(tmp_path, user={"exec": {"apiVersion": API, "command": "./token"}}))
    assert kube.api.configuration.get_api_key_with_prefix("BearerToken") == "Bearer abc"
    kube.close()


def test_a_token_file_is_read_anew_when_it_has_changed(tmp_path):
    (tmp_path / "token").write_text("old")
    kube = opened(kubeconfig(tmp_path, user={"tokenFile": "token"}))
    (tmp_path / "token").write_text("new")
    assert kube.api.configuration.get_api_key_with_prefix("BearerToken") == "Bearer new"
    kube.close()


def test_a_context_whose_user_is_absent_is_refused(tmp_path):
    with pytest.raises(ClusterError, match="names the user nobody, which it does not have"):
        opened(kubeconfig(tmp_path, context_user="nobody"))


def test_a_certificate_file_that_is_absent_is_named(tmp_path):
    path = kubeconfig(tmp_path, server="https://x", **{"certificate-authority": "absent.crt"})
    with pytest.raises(ClusterError, match=r"absent\.crt"):
        opened(path)


def test_a_proxy_of_the_kubeconfig_is_used(tmp_path):
    kube = opened(kubeconfig(tmp_path, **{"proxy-url": "http://127.0.0.1:9"}))
    assert kube.api.configuration.proxy == "http://127.0.0.1:9"
    kube.close()


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ("", True),
        ("a=b", True),
        ("a=c", False),
        ("a", True),
        ("e", True),
        ("c", False),
        ("a=b,e=", True),
        ("a,c", False),
    ],
)
def test_an_object_is_selected_by_the_values_or_by_the_presence_of_its_labels(
    selector, is_selected
):
    obj = {"metadata": {"name": "p", "labels": {"a": "b", "e": ""}}}
    assert answers.has_labels(obj, selector) is is_selected
