from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.embedded import flux, flux_check, flux_view, image, on_demand, packages, programs
from include.embedded.progress import Progress
from include.errors import ClusterError
from include.kube import installation

REFERENCE = "ghcr.io/owner/view@sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(packages, "require_root", lambda _: None)
    built = image.BuiltImage(reference="a:1", digest="b", pause_reference="c:1", size_bytes=1)
    monkeypatch.setattr(image, "built", lambda: built)
    return tmp_path / "cache"


@pytest.fixture
def unpacked(monkeypatch):
    """Archives that were unpacked, with what each goes by on the nodes."""
    calls = []

    def with_view(target, archive, reference, **_):
        (target / "containerd").mkdir()
        calls.append((archive.read_bytes(), reference))
        return "sha256:" + "d" * 64, "0.88.0"

    monkeypatch.setattr(flux_view, "_with_view", with_view)
    return calls


@pytest.fixture
def quiet():
    return Progress(lambda _: None)


def test_an_archive_is_brought_once_and_is_then_found_without_a_name(tmp_path, unpacked, quiet):
    archive = tmp_path / "view.tar"
    archive.write_bytes(b"archive")
    assert flux_view.at_hand(None) is None
    assert flux_view.at_hand(str(archive)) is None
    view = flux_view.bring(str(archive), quiet)
    assert (view.version, view.source) == ("0.88.0", str(archive))
    assert view.reference == f"docker.io/local/flux-view:{view.key}"
    assert flux_view.at_hand(None) == flux_view.at_hand(f"oci:{archive}") == view
    times = len(unpacked)
    assert flux_view.bring(str(archive), quiet) == view
    assert len(unpacked) == times


def test_another_archive_is_another_view_and_the_last_one_counts(tmp_path, unpacked, quiet):
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    views = [flux_view.bring(str(path), quiet) for path in (first, second)]
    assert views[0].key != views[1].key
    assert flux_view.at_hand(None) == views[1]
    assert flux_view.at_hand(str(first)) == views[0]


def test_an_image_of_the_application_that_changed_is_unpacked_with_the_view_again(
    tmp_path, unpacked, quiet, monkeypatch
):
    archive = tmp_path / "view.tar"
    archive.write_bytes(b"archive")
    view = flux_view.bring(str(archive), quiet)
    times = len(unpacked)
    assert flux_view.store(view, quiet) == flux_view.store(view, quiet)
    assert len(unpacked) == times
    monkeypatch.setattr(image, "cache_key", lambda: "another")
    assert "another" in str(flux_view.store(view, quiet))
    assert len(unpacked) == times + 1


def test_a_view_that_does_not_run_leaves_nothing(tmp_path, cache, quiet, monkeypatch):
    def refuse(*_, **__):
        raise ClusterError("version `GLIBC_2.38' not found")

    monkeypatch.setattr(flux_view, "_with_view", refuse)
    archive = tmp_path / "view.tar"
    archive.write_bytes(b"archive")
    with pytest.raises(ClusterError, match=r"GLIBC_2\.38"):
        flux_view.bring(str(archive), quiet)
    assert list((cache / "flux").iterdir()) == []
    assert flux_view.at_hand(None) is None


@pytest.mark.parametrize("source", ["no-such-file.tar", "flux-view", "Docker.io/a:b:c"])
def test_what_is_no_file_folder_or_reference_is_refused_with_what_to_do(source):
    with pytest.raises(
        ClusterError, match="is neither a file, a folder nor a full image reference"
    ):
        flux_view.key_of(source)


def test_a_folder_without_flux_is_no_prefix(tmp_path):
    with pytest.raises(ClusterError, match="not a Flux prefix: it has no bin/flux"):
        flux_view.key_of(str(tmp_path))


def test_a_prefix_that_changes_is_another_view(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/flux").write_text("1")
    before = flux_view.key_of(str(tmp_path))
    assert flux_view.key_of(str(tmp_path)) == before
    (tmp_path / "bin/flux").write_text("12")
    assert flux_view.key_of(str(tmp_path)) != before


@pytest.mark.parametrize("reference", [REFERENCE, flux_view.UPSTREAM, "127.0.0.1:5000/view:1"])
def test_a_reference_has_a_key_without_being_pulled(reference):
    assert len(flux_view.key_of(reference)) == 16


class _Registry(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def registry(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield (
        f"127.0.0.1:{server.server_port}/view:1",
        lambda status: monkeypatch.setattr(_Registry, "status", status),
    )
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.sockets
@pytest.mark.parametrize(("status", "answers"), [(200, True), (401, True), (403, False)])
def test_a_registry_that_refuses_is_known_before_anything_is_pulled(registry, status, answers):
    reference, answer_with = registry
    answer_with(status)
    if answers:
        flux_check.require_answer(reference)
        return
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:\d+ does not answer \(HTTP 403\)"):
        flux_check.require_answer(reference)


def lacking(what):
    def refuse(*_, **__):
        raise ClusterError(f"no {what}\nand more")

    return refuse


@pytest.fixture
def told():
    return []


def test_a_demo_without_flux_says_in_one_line_what_is_missing(monkeypatch, told):
    monkeypatch.setattr(flux.os, "geteuid", lambda: 0)
    monkeypatch.setattr(programs, "find", lambda *_, **__: None)
    monkeypatch.setattr(on_demand, "build", lacking("module"))
    monkeypatch.setattr(installation, "manifest", lacking("manifest"))
    monkeypatch.setattr(flux_view, "bring", lacking("view"))
    assert flux.demo({"repeats": 2}, told.append) == {"repeats": 2}
    (line,) = told
    assert "no module; no manifest; no view; bring one with `make flux VIEW=" in line
    assert "\n" not in line


def test_a_demo_with_flux_at_hand_compares_the_three_operators(monkeypatch, told, tmp_path):
    monkeypatch.setattr(flux.os, "geteuid", lambda: 0)
    found = programs.Located(path=tmp_path, version="v1", is_built_here=False)
    monkeypatch.setattr(programs, "find", lambda *_, **__: found)
    monkeypatch.setattr(installation, "manifest", lambda *_, **__: [])
    view = flux_view.FluxView(key="k", source="s", reference="r", digest="d", version="0.88.0")
    monkeypatch.setattr(flux_view, "at_hand", lambda _: view)
    conf = flux.demo({"repeats": 2}, told.append)
    assert conf == {"repeats": 2, "operators": ["mpi_operator", "flux_operator", "indexed_job"]}


@pytest.mark.parametrize("conf", [{"preset": "rehearsal"}, {"operators": ["indexed_job"]}])
def test_a_demo_that_chooses_its_study_is_left_as_it_is(conf, told, monkeypatch):
    monkeypatch.setattr(flux, "bring", lacking("looking"))
    assert flux.demo(conf, told.append) == conf
    assert told == []


def test_the_command_names_what_is_missing_and_fails(monkeypatch, capsys):
    monkeypatch.setattr(flux, "bring", lambda *_: (["view v"], ["no program"]))
    assert flux.main([]) == 1
    output = capsys.readouterr()
    assert output.out == "at hand: view v\n"
    assert output.err == "missing: no program\n"
    monkeypatch.setattr(flux, "demo", lambda conf, _: {**conf, "a": 1})
    assert flux.main(["--demo", "{}"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_a_manifest_that_is_another_one_is_refused(tmp_path, capsys):
    (tmp_path / "other.yaml").write_text("a: 1\n")
    assert flux.main(["--manifest", str(tmp_path / "other.yaml")]) == 1
    assert "is not the manifest of flux-operator" in capsys.readouterr().err


def test_a_cluster_keeps_the_view_that_it_was_started_with(tmp_path, unpacked, quiet):
    views = []
    for name in ("1.tar", "2.tar"):
        (tmp_path / name).write_bytes(name.encode())
        views.append(flux_view.bring(str(tmp_path / name), quiet))
    state = tmp_path / "state"
    state.mkdir()
    assert flux_view.noted(state) is None
    flux_view.note(views[0], state)
    flux_view.note(views[1], state)  # adopted: the nodes run
    assert flux_view.noted(state) == views[0]
