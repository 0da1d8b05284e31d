"""Checks before the first point that the study's image has what the jobs need.

A missing program or `sshd`, or another MPI than the study's, would fail each point in turn with
messages that name neither.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from include import applications, clusters
from include.checks import Check, failed, passed, stops, table, unknown
from include.errors import ClusterError, ParseError
from include.files import write_whole
from include.jobs.spec import Job, job_of
from include.k8s_operators import Launch
from include.kube import image_look
from include.kube.image_look import NothingStarts, Request
from include.models import MpiImplementation
from include.parsers.image_look import SCRIPT, ImageLook, parse
from include.project import cache_dir
from include.results import IMAGE
from include.study import stopping
from include.study.images import NEVER_PULLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from include.models import ClusterHandle, Phase, Study
    from include.results import Results

log = logging.getLogger(__name__)

LAUNCHERS = {MpiImplementation.MPICH: "mpiexec.hydra", MpiImplementation.OPENMPI: "mpirun"}
OVER_SSH = {"sshd": "/usr/sbin/sshd", "ssh": "ssh", "ssh-keygen": "ssh-keygen"}
PAGE = "docs/your_cluster.md has an image that holds all of it"


class ImageLacks(ClusterError):
    """Error for an image that lacks what the study's jobs need, naming it."""


def look_into_images(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Examine each image of the phase's jobs once, and store the findings.

    Raises ImageLacks and stops the study when jobs could not run.
    """
    looks: dict[str, Any] = results.find_json(IMAGE) or {}
    study = results.plan().study
    for image, jobs in _jobs_by_image(study, handle, phase).items():
        if image not in looks:
            checks, mpi_version = _look(study, handle, jobs)
            stored = [check.to_json() for check in checks]
            looks[image] = {"mpi_version": mpi_version, "checks": stored}
            results.write_json(IMAGE, looks)
            log.info("the image %s:\n%s", image, "\n".join(table(checks)))
            _require(results, image, checks)


def _jobs_by_image(study: Study, handle: ClusterHandle, phase: Phase) -> dict[str, list[Job]]:
    """One job of each arm of the phase, by its image."""
    jobs: dict[str, list[Job]] = defaultdict(list)
    for point in {point.arm: point for point in reversed(phase.points)}.values():
        job = job_of(point, study=study, handle=handle)
        jobs[job.spec.image].append(job)
    return dict(jobs)


def _require(results: Results, image: str, checks: Sequence[Check]) -> None:
    wrong = [check for check in checks if stops(check)]
    if wrong:
        lacks = "; ".join(f"{each.name}: {each.finding}" for each in wrong)
        msg = f"the image {image} cannot run the study: {lacks}; {PAGE}"
        stopping.stop(results, msg)
        raise ImageLacks(msg)


def _look(
    study: Study, handle: ClusterHandle, jobs: Sequence[Job]
) -> tuple[tuple[Check, ...], str | None]:
    """Findings on an image, and its MPI library."""
    cluster = clusters.load(handle.cluster)
    if not cluster.runs_images:
        stored = f"{cluster.title}: no image is run, so none was looked into"
        return (unknown("image", stored),), None
    try:
        looked = parse(_lines(study, handle, jobs[0]))
    except NothingStarts as err:
        return (failed("image", str(err)),), None
    except (ClusterError, ParseError) as err:  # says nothing about the image
        return (unknown("image", str(err)),), None
    launches = frozenset(job.operator.launch for job in jobs)
    return tuple(judged(looked, study, launches=launches)), looked.mpi_version


def _lines(study: Study, handle: ClusterHandle, job: Job) -> list[str]:
    """Output lines of the script; cached for an image pinned by digest."""
    words = (
        *(job.application.program(job.application_options), job.application.work_dir),
        LAUNCHERS[study.mpi_implementation],
    )
    key = hashlib.sha256(json.dumps([handle.image_digest, SCRIPT, *words]).encode()).hexdigest()
    kept = cache_dir() / "image-looks" / f"{key[:16]}.json"
    is_fixed = handle.image_pull_policy == NEVER_PULLED and handle.image_digest is not None
    if is_fixed and kept.exists():
        return list(json.loads(kept.read_text()))
    request = Request(
        study_id=handle.study_id,
        image=job.spec.image,
        pull_policy=handle.image_pull_policy,
        command=("sh", "-c", SCRIPT, "look", *words),
        place=handle.worker,
        environment=job.spec.environment,
        pull_secret=handle.image_pull_secret,
    )
    lines = list(image_look.look(clusters.load(handle.cluster).connect(handle), request))
    parse(lines)
    if is_fixed:
        with suppress(OSError):  # the next study looks again
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(kept, json.dumps(lines))
    return lines


def judged(look: ImageLook, study: Study, *, launches: frozenset[Launch]) -> Iterator[Check]:
    """A check for everything in the image that the study's jobs need, launched in this way."""
    yield _has(look, "bash", needed_as="bash")
    if Launch.SSH in launches:
        for name, place in OVER_SSH.items():
            yield _has(look, name, needed_as=place)
        yield _launcher(look, study.mpi_implementation)
    if Launch.FLUX in launches:
        yield _has(look, "time", needed_as="/usr/bin/time (GNU time, by which Flux is timed)")
    yield _program(look, study, over_ssh=Launch.SSH in launches)
    yield _folder(look, study)
    yield from _library(look, study)


def _has(look: ImageLook, name: str, *, needed_as: str) -> Check:
    if path := look.paths.get(name):
        return passed(name, path)
    return failed(name, f"{needed_as} is not in the image")


def _launcher(look: ImageLook, wanted: MpiImplementation) -> Check:
    name = LAUNCHERS[wanted]
    if not (path := look.paths.get(name)):
        return failed("MPI", f"{name} of {wanted} is not on the PATH that sshd gives")
    if look.launcher is None:
        return unknown("MPI", f"{path} does not tell its version")
    if look.launcher is not wanted:
        return failed("MPI", f"{path} is of {look.mpi_version}, and the study says {wanted}")
    return passed("MPI", f"{look.mpi_version}, {path}")


def _program(look: ImageLook, study: Study, *, over_ssh: bool) -> Check:
    application, options = applications.of_study(study)
    program = application.program(options)
    if path := look.paths.get("program"):
        return passed("program", path)
    own = look.paths.get("program_in_image")
    if own is None:
        return failed("program", f"{program} is not in the image")
    if not over_ssh:
        return passed("program", own)
    finding = f"{own} is on the image's PATH, and not on the one that sshd usually gives"
    return unknown("program", finding, remedy="give its whole path, or a link in /usr/local/bin")


def _folder(look: ImageLook, study: Study) -> Check:
    application, _ = applications.of_study(study)
    if "folder" in look.paths:
        return passed("folder", application.work_dir)
    return failed("folder", f"{application.work_dir}, where the program is to run, is not there")


def _library(look: ImageLook, study: Study) -> Iterator[Check]:
    wanted = study.mpi_implementation
    if look.missing_libraries:
        yield failed("libraries", f"the program lacks {', '.join(look.missing_libraries)}")
    if not look.libraries:  # a script, or MPI is linked statically
        return
    if wanted in look.libraries:
        yield passed("MPI library", f"the program is linked with that of {wanted}")
    else:
        others = ", ".join(look.libraries)
        yield failed("MPI library", f"the program is linked with {others}, the study says {wanted}")
