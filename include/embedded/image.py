"""Builds the application image of the local cluster, and the store that its nodes start from.

An image is kept twice in the cache: as an OCI archive, and as a containerd folder that already
holds it unpacked. A node starts from names (hard links) of the latter's files, so that no node
unpacks anything and the page cache holds each file once.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import application_files, image_store, oci, packages
from include.embedded.binaries import binary
from include.embedded.modules import KEY_LENGTH
from include.embedded.paths import TOOLS, cache_root
from include.embedded.progress import Progress, run_program
from include.embedded.whole import made_whole
from include.errors import ClusterError
from include.models import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = "docker.io/local/lammps"
PAUSE_REPOSITORY = "docker.io/local/pause"
EPOCH_S = 1_760_000_000  # no file of the image is younger: equal content, equal digest
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RECIPE = (
    "application_files.py",
    "image.py",
    "image_store.py",
    "oci.py",
)


class BuiltImage(Model):
    """An image in the cache; `image.json` beside the archive."""

    reference: str
    digest: str  # digest of the manifest
    pause_reference: str
    size_bytes: int  # size of the archive


def cache_key() -> str:
    """16 hex digits for what the image is made of: the locks, the recipe, the pause program."""
    digest = hashlib.sha256(application_files.codename().encode())
    recipe = [Path(__file__).parent / name for name in RECIPE]
    for path in (
        *sorted((TOOLS / "image").iterdir()),
        *sorted((TOOLS / "pause").iterdir()),
        *recipe,
    ):
        digest.update(f"\0{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:KEY_LENGTH]


def reference() -> str:
    """The name of the image on the nodes, once built."""
    return f"{REPOSITORY}:{cache_key()}"


def folder() -> Path:
    """Folder of the image, built or still to be built."""
    return cache_root() / "image" / cache_key()


def built() -> BuiltImage:
    """The image in the cache; ClusterError when it has not been built."""
    path = folder() / "image.json"
    try:
        return BuiltImage.model_validate_json(path.read_bytes())
    except FileNotFoundError as err:
        msg = f"the application image is not in the cache ({folder()}); build it with `make setup`"
        raise ClusterError(msg) from err


def build(progress: Progress) -> BuiltImage:
    """Build the image when it is missing, and return it.

    ClusterError when not root, or when a package cannot be had; nothing is then left behind.
    """
    target = folder()
    if target.is_dir():
        return built()
    packages.require_root("the image is made of a small Debian, which takes root")
    with made_whole(target, progress) as partial:
        if partial is not None:
            _build_into(partial, progress)
    return built()


def _build_into(target: Path, progress: Progress) -> None:
    pause_reference = f"{PAUSE_REPOSITORY}:{cache_key()}"
    scratch = target / "scratch"
    scratch.mkdir()
    archive = target / "lammps.tar"
    digest = _application(scratch, archive, reference=reference(), progress=progress)
    pause = target / "pause.tar"
    _pause(scratch, pause, reference=pause_reference)
    progress.tell("unpacking the image for the nodes")
    image_store.create(
        target / image_store.FOLDER, archives=(pause, archive), scratch=scratch / "containerd"
    )
    described = BuiltImage(
        reference=reference(),
        digest=digest,
        pause_reference=pause_reference,
        size_bytes=archive.stat().st_size,
    )
    (target / "image.json").write_text(described.model_dump_json(indent=2))
    shutil.rmtree(scratch)


def _application(scratch: Path, archive: Path, *, reference: str, progress: Progress) -> str:
    root = scratch / "root"
    progress.tell("image: installing a small Debian")
    application_files.bootstrap(root, epoch_s=EPOCH_S)
    progress.tell("image: adding LAMMPS and MPICH")
    application_files.add_application(root, scratch=scratch)
    progress.tell("image: adding Open MPI")
    application_files.add_open_mpi(root, scratch=scratch)
    progress.tell("image: adding the HNS input")
    application_files.add_input(root, scratch=scratch)
    application_files.slim(root)
    progress.tell("image: packing")
    layer = scratch / "layer.tar"
    oci.write_layer(root, layer, epoch_s=EPOCH_S)
    image = oci.Image(
        reference=reference,
        architecture=architecture(),
        layer=layer,
        environment={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"},
        working_folder=f"/{application_files.INPUT}",
    )
    return oci.write_archive(image, archive)


def _pause(scratch: Path, archive: Path, *, reference: str) -> None:
    root = scratch / "pause"
    root.mkdir()
    shutil.copy(binary("pause"), root / "pause")
    layer = scratch / "pause-layer.tar"
    oci.write_layer(root, layer, epoch_s=EPOCH_S)
    image = oci.Image(
        reference=reference,
        architecture=architecture(),
        layer=layer,
        environment={"PATH": "/"},
        entrypoint=("/pause",),
    )
    oci.write_archive(image, archive)


def architecture() -> str:
    """Architecture of this machine in the words of the OCI; ClusterError for an unknown one."""
    machine = platform.machine()
    if machine not in oci.ARCHITECTURES:
        raise ClusterError(f"no image can be made for {machine}; use x86_64 or aarch64")
    return oci.ARCHITECTURES[machine]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: build the image; exit code 1 with the reason when that fails."""

    def step(progress: Progress) -> str:
        built_image = build(progress)
        return f"image {built_image.reference} ({built_image.digest}) is in {folder()}"

    return run_program(
        step,
        arguments,
        module="include.embedded.image",
        description="Build the application image of the local cluster into the cache (as root). "
        "Nothing is done when it is there.",
    )


if __name__ == "__main__":
    sys.exit(main())
