"""The local cluster's image of an application packaged by Debian, besides that of LAMMPS.

A small Debian of this machine's release with ssh and the application's packages, made when a study
first needs it and cached under the packages' names.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from include.embedded import application_files, image, image_store, oci, packages
from include.embedded.commands import run
from include.embedded.modules import KEY_LENGTH
from include.embedded.paths import cache_root
from include.embedded.whole import made_whole

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.image import BuiltImage
    from include.embedded.progress import Progress

REPOSITORY = "docker.io/local/debian"
FOLDER = "package-images"  # folder in the cache
RECIPE = 1  # raised when the image is made differently


def key(names: tuple[str, ...]) -> str:
    """16 hex digits for the release, the packages, the recipe and the LAMMPS image beside it."""
    parts = (application_files.codename(), image.cache_key(), str(RECIPE), *sorted(names))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:KEY_LENGTH]


def reference(names: tuple[str, ...]) -> str:
    """Name of the image on the nodes."""
    return f"{REPOSITORY}:{key(names)}"


def folder(names: tuple[str, ...]) -> Path:
    """Folder of the image, whether built yet or not."""
    return cache_root() / FOLDER / key(names)


def built(names: tuple[str, ...]) -> BuiltImage:
    """The image in the cache; FileNotFoundError before `build`."""
    return image.BuiltImage.model_validate_json((folder(names) / "image.json").read_bytes())


def build(names: tuple[str, ...], progress: Progress) -> BuiltImage:
    """Build the image if it is missing, and return it; ClusterError when a package is missing."""
    packages.require_root("making the image from a small Debian takes root")
    with made_whole(folder(names), progress) as partial:
        if partial is not None:
            _build_into(partial, names, progress)
    return built(names)


def _build_into(target: Path, names: tuple[str, ...], progress: Progress) -> None:
    scratch = target / "scratch"
    scratch.mkdir()
    root, layer, archive = scratch / "root", scratch / "layer.tar", target / "application.tar"
    progress.tell(f"image: a small Debian with {', '.join(names)}")
    _bootstrap(root, names)
    application_files.slim(root)
    progress.tell("image: packing")
    oci.write_layer(root, layer, epoch_s=image.EPOCH_S)
    described = oci.Image(
        reference=reference(names),
        architecture=image.architecture(),
        layer=layer,
        environment={"PATH": image.SYSTEM_PATH, "LANG": "C.UTF-8"},
        working_folder="/tmp",  # noqa: S108  in the container
    )
    digest = oci.write_archive(described, archive)
    pause = image.folder() / "pause.tar"
    progress.tell("unpacking the image for the nodes")
    image_store.create(
        target / image_store.FOLDER, archives=(pause, archive), scratch=scratch / "containerd"
    )
    made = image.BuiltImage(
        reference=reference(names),
        digest=digest,
        pause_reference=image.built().pause_reference,
        size_bytes=archive.stat().st_size,
    )
    (target / "image.json").write_text(made.model_dump_json(indent=2))
    shutil.rmtree(scratch)


def _bootstrap(root: Path, names: tuple[str, ...]) -> None:
    """Run `application_files.bootstrap` with the application's packages."""
    wanted = ",".join((*application_files.PACKAGES, *names))
    sources = [path for place in application_files.SOURCES for path in _files(place)]
    options = ("--quiet", "--mode=root", "--variant=essential", f"--include={wanted}")
    apart = ("unshare", "--mount", "--propagation", "private")
    program = (*apart, "env", f"SOURCE_DATE_EPOCH={image.EPOCH_S}", "mmdebstrap")
    words: list[str | Path] = [*program, *options, application_files.codename(), root, *sources]
    run(words, timeout_s=application_files.BOOTSTRAP_LIMIT_S)


def _files(place: Path) -> list[Path]:
    """The package source files: the given file, or those in the given folder."""
    if place.is_file():
        return [place]
    return sorted(p for p in place.glob("*") if p.suffix in {".list", ".sources"})
