"""The report's text on image pulls: before the first job, and in jobs that were timed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from include.kube.node_image import NodeImage
from include.report.labels import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.results import Results

NAMED = 5  # points that a note names


def image_notes(results: Results, records: pd.DataFrame) -> tuple[str, ...]:
    """A sentence per phase whose images were brought to the nodes, and one on timed pulls."""
    paths = sorted(results.path("images").glob("*.json"), key=str)
    brought = [
        _sentence([NodeImage.model_validate(each) for each in json.loads(path.read_bytes())])
        for path in paths
    ]
    return (*dict.fromkeys(brought), *_timed(records))


def _sentence(images: Sequence[NodeImage]) -> str:
    nodes = {each.node for each in images}
    names = ", ".join(
        f"{image} ({digest or 'no digest'})"
        for image, digest in dict.fromkeys((each.image, each.digest) for each in images)
    )
    starts = [each.pulling_at for each in images if each.pulling_at]
    ends = [each.pulled_at for each in images if each.pulled_at and each.pulling_at]
    took = ""
    if starts and ends:
        pulled = count(len({each.node for each in images if each.pulling_at}), "node")
        took = f"; {pulled} pulled, in {(max(ends) - min(starts)).total_seconds():.0f} s"
    return f"Before the first job {count(len(nodes), 'node')} had {names}{took}."


def _timed(records: pd.DataFrame) -> tuple[str, ...]:
    pulled = records[records["image_pulls"].fillna(0) > 0]
    if pulled.empty:
        return ()
    names = list(pulled["point_id"])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    what = "pulled an image while timed, so their pods started later"
    return (f"{count(len(names), 'run')} {what}: {', '.join(names[:NAMED])}{more}.",)
