"""Flux for the local cluster's nodes: a view image, as the Flux Operator expects it, in the cache.

Such an image has Flux below `/opt/views/._view/<name>`, `/opt/view` as a link to it, and
`/opt/software`; a pod's init container copies both to `/mnt/flux` for the application's image,
which knows nothing of Flux. The project carries none: a user gives an archive of one (OCI or
Docker), a reference in a registry, or an installed prefix, which is then put into an image of that
form. It is fetched once and goes to the nodes with the application's image.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import flux_check, image, image_store, oci, package_image, packages
from include.embedded.modules import KEY_LENGTH
from include.embedded.paths import cache_root
from include.embedded.whole import made_whole
from include.errors import ClusterError
from include.files import write_whole
from include.models import Model

if TYPE_CHECKING:
    from include.embedded.image_store import Store
    from include.embedded.progress import Progress

REPOSITORY = "docker.io/local/flux-view"
# The newest upstream view whose libc is not newer than Debian 12's.
UPSTREAM = "ghcr.io/converged-computing/flux-view-ubuntu:tag-jammy"
ADVICE = (
    f"bring one with `make flux VIEW=…`: upstream's image ({UPSTREAM}), an archive of it, or a "
    f"prefix in which Spack or conda-forge (flux-core) has installed Flux"
)
FOLDER = "flux"  # folder in the cache
NOTED = "flux_view.json"  # file in a cluster's state folder
CURRENT = "current"  # names the view fetched last
PULL_LIMIT_S = 1800.0
PREFIX_NAME = "view"  # name of an installed prefix in the image
OCI_SCHEME, DOCKER_SCHEME = "oci:", "docker-archive:"
_REFERENCE = re.compile(
    r"(?P<host>[a-z0-9.-]+(?::[0-9]+)?)/[a-z0-9._/-]+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)


class FluxView(Model):
    """A view image in the cache; `view.json` beside its archive."""

    key: str
    source: str  # source as given by the user
    reference: str  # its name on the nodes
    digest: str  # digest of the manifest
    version: str  # version of flux-core in it


def folder() -> Path:
    """Folder of the views in the cache."""
    return cache_root() / FOLDER


def at_hand(source: str | None) -> FluxView | None:
    """The view of that source, or the one fetched last; None when it is not in the cache."""
    if source is not None:
        return _read(key_of(source))
    try:
        return _read((folder() / CURRENT).read_text().strip())
    except FileNotFoundError:
        return None


def note(view: FluxView, root: Path) -> None:
    """Note the view that a cluster's nodes are started with; an existing note is kept."""
    path = root / NOTED
    if not path.exists():
        write_whole(path, view.model_dump_json(indent=2))


def noted(root: Path) -> FluxView | None:
    """The view on a cluster's nodes, whichever was fetched since; None without one."""
    try:
        return FluxView.model_validate_json((root / NOTED).read_bytes())
    except FileNotFoundError:
        return None


def _read(key: str) -> FluxView | None:
    try:
        return FluxView.model_validate_json((folder() / key / "view.json").read_bytes())
    except FileNotFoundError:
        return None


def key_of(source: str) -> str:
    """16 hex digits for a view: from an archive's content, a prefix's files, or a reference.

    ClusterError for anything else.
    """
    path = _path(source)
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:KEY_LENGTH]
    if path.is_dir():
        return _key_of_prefix(path)
    if not _REFERENCE.fullmatch(source):
        msg = f"{source} is neither a file, a folder nor a full image reference; {ADVICE}"
        raise ClusterError(msg)
    return hashlib.sha256(source.encode()).hexdigest()[:KEY_LENGTH]


def _path(source: str) -> Path:
    return Path(source.removeprefix(OCI_SCHEME).removeprefix(DOCKER_SCHEME)).expanduser()


def _key_of_prefix(prefix: Path) -> str:
    if not (prefix / "bin" / "flux").exists():
        raise ClusterError(f"{prefix} is not a Flux prefix: it has no bin/flux")
    digest = hashlib.sha256(str(prefix.resolve()).encode())
    for path in sorted(prefix.rglob("*")):
        status = path.lstat()
        digest.update(
            f"\0{path.relative_to(prefix)}\0{status.st_size}\0{status.st_mtime_ns}".encode()
        )
    return digest.hexdigest()[:KEY_LENGTH]


def bring(source: str, progress: Progress) -> FluxView:
    """Make the view of that source the one that the cluster's nodes get, and return it.

    ClusterError when it cannot be had, is not a view, or does not run in the application's image.
    """
    packages.require_root("unpacking a view image for the nodes takes root")
    image.built()
    target = folder() / key_of(source)
    with made_whole(target, progress) as partial:
        if partial is not None:
            _bring_into(partial, source, progress)
    view = _read(target.name)
    if view is None:
        raise ClusterError(f"{target} has no view.json; remove it and bring the view again")
    store(view, progress)
    write_whole(folder() / CURRENT, view.key)
    return view


def store(view: FluxView, progress: Progress, *, package_names: tuple[str, ...] = ()) -> Path:
    """The containerd folder with the view and what every node has; made if missing.

    With `package_names`, it holds the image of these packages instead of LAMMPS'.
    """
    base = _Base.of(package_names)
    target = folder() / f"{view.key}-{base.key}"
    with made_whole(target, progress) as partial:
        if partial is not None:
            progress.tell("unpacking the Flux view for the nodes")
            _with_view(partial, folder() / view.key / "view.tar", view.reference, base=base)
    return target / image_store.FOLDER


def _bring_into(target: Path, source: str, progress: Progress) -> None:
    archive, path = target / "view.tar", _path(source)
    scratch = target / "scratch"
    scratch.mkdir()
    if path.is_file():
        shutil.copyfile(path, archive)
    elif path.is_dir():
        progress.tell("putting the prefix into a view image")
        _image_of_prefix(path, archive, scratch=scratch)
    else:
        progress.tell(f"pulling {source}")
        _pull(source, archive, scratch=scratch)
    reference = f"{REPOSITORY}:{key_of(source)}"
    progress.tell("trying Flux in the application's image")
    digest, version = _with_view(scratch, archive, reference, base=_Base.of(()))
    view = FluxView(
        key=key_of(source), source=source, reference=reference, digest=digest, version=version
    )
    (target / "view.json").write_text(view.model_dump_json(indent=2))
    shutil.rmtree(scratch)


@dataclass(frozen=True, kw_only=True)
class _Base:
    """The application image that the view goes to the nodes with."""

    key: str
    folder: Path
    reference: str

    @classmethod
    def of(cls, names: tuple[str, ...]) -> _Base:
        """The image of these packages, or LAMMPS' without any."""
        if names:
            return cls(
                key=package_image.key(names),
                folder=package_image.folder(names),
                reference=package_image.reference(names),
            )
        return cls(key=image.cache_key(), folder=image.folder(), reference=image.reference())


def _with_view(target: Path, archive: Path, reference: str, *, base: _Base) -> tuple[str, str]:
    """Make a containerd folder with the view in it; its digest, and the version of its Flux."""
    scratch, root = target / "s", target / image_store.FOLDER
    scratch.mkdir()
    image_store.give(base.folder / image_store.FOLDER, root)
    with image_store.opened(root, scratch=scratch) as images:
        name, digest = _imported(images, archive)
        if name != reference:
            images.run("images", "tag", "--force", name, reference)
        version = flux_check.version(images, view=reference, application=base.reference)
    shutil.rmtree(scratch)
    return digest, version


def _imported(images: Store, archive: Path) -> tuple[str, str]:
    """Name and digest of the only image in an archive."""
    before = images.digests()
    images.import_archive(archive)
    new = {name: digest for name, digest in images.digests().items() if name not in before}
    if len(set(new.values())) != 1:
        count = len(set(new.values())) or "no"
        raise ClusterError(f"{archive.name} holds {count} images; a view is an archive with one")
    return next(iter(new.items()))


def _pull(reference: str, archive: Path, *, scratch: Path) -> None:
    """Pull an image on this machine: the nodes have no way out."""
    flux_check.require_answer(reference)
    apart = scratch / "pull"
    apart.mkdir()
    plain = ("--plain-http",) if flux_check.is_loopback(reference) else ()
    with image_store.opened(apart / "root", scratch=apart) as images:
        images.run("images", "pull", *plain, reference, timeout_s=PULL_LIMIT_S)
        images.run("images", "export", archive, reference)
    shutil.rmtree(apart)


def _image_of_prefix(prefix: Path, archive: Path, *, scratch: Path) -> None:
    """An image of the form above: Flux, and the application's Debian for bash and cp."""
    root, layer = scratch / "prefix", scratch / "prefix.tar"
    _unpack_application(root)
    place = root / "opt" / "views" / "._view" / PREFIX_NAME
    shutil.copytree(prefix, place, symlinks=True)
    (root / "opt" / "view").symlink_to(f"/opt/views/._view/{PREFIX_NAME}")
    software = root / "opt" / "software"  # the operator's script copies its content
    software.mkdir()
    (software / "README").write_text("All software is in the view.\n")
    oci.write_layer(root, layer, epoch_s=image.EPOCH_S)
    described = oci.Image(
        reference=f"{REPOSITORY}:{_key_of_prefix(prefix)}",
        architecture=image.architecture(),
        layer=layer,
        environment={"PATH": f"/opt/view/bin:{image.SYSTEM_PATH}"},
    )
    oci.write_archive(described, archive)


def _unpack_application(root: Path) -> None:
    """Unpack the application image's files that a view needs."""
    with tarfile.open(image.folder() / "lammps.tar") as archive:
        largest = max(archive.getmembers(), key=lambda entry: entry.size)  # its only layer
        with tarfile.open(fileobj=archive.extractfile(largest)) as layer:
            layer.extractall(root, filter="fully_trusted")  # noqa: S202  the project's own files
    for name in ("hns", "lammps", "openmpi"):
        shutil.rmtree(root / "opt" / name, ignore_errors=True)
