"""Writes a container image as an OCI archive, the same bytes for the same content.

Format: the OCI image format specification 1.0 (image layout, manifest, configuration).
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"  # not compressed: it is read far more often
CHUNK_BYTES = 1 << 20
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Image:
    """The parts of an image."""

    reference: str  # fully qualified, with its tag
    architecture: str
    layer: Path  # a tar archive
    environment: dict[str, str]
    entrypoint: tuple[str, ...] = ()
    working_folder: str = "/"


def write_layer(root: Path, target: Path, *, epoch_s: int) -> None:
    """Store a folder as a tar archive: sorted, owned by root's numbers, no time after `epoch_s`.

    Device nodes and sockets are left out: a container gets its own.
    """
    first_names: dict[tuple[int, int], str] = {}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            status = path.lstat()
            if not (stat.S_ISREG(status.st_mode) or path.is_dir() or path.is_symlink()):
                continue
            entry = _entry(path, name, status, first_names)
            entry.mtime = min(int(status.st_mtime), epoch_s)
            if entry.isreg():
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            else:
                archive.addfile(entry)


def _entry(
    path: Path, name: str, status: Any, first_names: dict[tuple[int, int], str]
) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.uid, entry.gid = status.st_uid, status.st_gid
    if path.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif path.is_dir():
        entry.type = tarfile.DIRTYPE
    elif (first := first_names.setdefault((status.st_dev, status.st_ino), name)) != name:
        entry.type, entry.linkname = tarfile.LNKTYPE, first
    else:
        entry.size = status.st_size
    return entry


def write_archive(image: Image, target: Path) -> str:
    """Store the image as an OCI archive and return its manifest's digest, as `sha256:…`."""
    diff_id, size = _file_digest(image.layer), image.layer.stat().st_size
    config = _json(_config(image, diff_id=diff_id))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, **_described(config)},
            "layers": [{"mediaType": LAYER_TYPE, "digest": diff_id, "size": size}],
        }
    )
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json(_index(image, manifest)))
        for blob in (config, manifest):
            _add(archive, _blob_name(_digest(blob)), blob)
        entry = tarfile.TarInfo(_blob_name(diff_id))
        entry.size = size
        with image.layer.open("rb") as content:
            archive.addfile(entry, content)
    return _digest(manifest)


def _config(image: Image, *, diff_id: str) -> dict[str, Any]:
    return {
        "architecture": image.architecture,
        "os": "linux",
        "config": {
            "Env": [f"{name}={value}" for name, value in image.environment.items()],
            "Entrypoint": list(image.entrypoint),
            "WorkingDir": image.working_folder,
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created_by": "operator-benchmark"}],
    }


def _index(image: Image, manifest: bytes) -> dict[str, Any]:
    described = {
        "mediaType": MANIFEST_TYPE,
        **_described(manifest),
        "annotations": {
            "io.containerd.image.name": image.reference,
            "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2],
        },
        "platform": {"architecture": image.architecture, "os": "linux"},
    }
    return {"schemaVersion": 2, "manifests": [described]}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _described(blob: bytes) -> dict[str, Any]:
    return {"digest": _digest(blob), "size": len(blob)}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"
