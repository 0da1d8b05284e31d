"""Versions of a controller that a study may name in place of the pinned one.

That is a program on this machine, a version of its Go module, or a manifest with its digest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.kube.kinds import Origin

if TYPE_CHECKING:
    from include.kube.kinds import Controller

PINNED = "pinned"
_MODULE_VERSION = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+[-+.0-9A-Za-z]*|[0-9a-f]{12,40}")
_MANIFEST = re.compile(r"(?P<url>https://[^#\s]+)#sha256=(?P<sha256>[0-9a-f]{64})")
DIGEST_SHOWN = 12


def of(controller: Controller, wanted: str | None) -> Controller:
    """The controller in that version; StudyError for what names none."""
    if wanted in (None, PINNED, controller.version):
        return controller
    if wanted.startswith("/"):
        return replace(controller, program=wanted, origin=Origin.PROGRAM)
    if _MODULE_VERSION.fullmatch(wanted):
        return replace(controller, version=wanted, origin=Origin.MODULE)
    if manifest := _MANIFEST.fullmatch(wanted):
        url, sha256 = manifest["url"], manifest["sha256"]
        version = f"manifest sha256:{sha256[:DIGEST_SHOWN]}"
        return replace(
            controller,
            version=version,
            manifest_url=url,
            manifest_sha256=sha256,
            origin=Origin.MANIFEST,
        )
    msg = (
        f"controller: {wanted!r} names no version of {controller.name}: give a program's whole "
        f"path, a version of {controller.go_module} such as v1.2.3 or a commit, a manifest as "
        f"https://…#sha256=<64 hex digits>, or {PINNED!r}"
    )
    raise StudyError(msg)
