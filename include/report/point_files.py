"""The readable files of a point, and the links to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class PointFile(StrEnum):
    """The readable files of a point."""

    LOG = "log"
    MANIFEST = "manifest"
    EVENTS = "events"
    TIMELINE = "timeline"
    RECORD = "record"


_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
# The file's name in the results, and its title.
POINT_FILES = {
    PointFile.LOG: ("job.log", _TEXT),
    PointFile.MANIFEST: ("manifest.yaml", _TEXT),
    PointFile.EVENTS: ("events.json", _JSON),
    PointFile.TIMELINE: ("timeline.json", _JSON),
    PointFile.RECORD: ("record.json", _JSON),
}


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link beside a run."""

    text: str
    href: str  # relative to the report


def links_of(
    point_id: str, stored: Collection[tuple[str, str]], *, above: str = ""
) -> tuple[Link, ...]:
    """Links to the stored files of a point; `above` leads from the report to the study's folder."""
    return tuple(
        Link(text=kind.value, href=f"{above}points/{point_id}/{name}")
        for kind, (name, _) in POINT_FILES.items()
        if (point_id, name) in stored
    )
