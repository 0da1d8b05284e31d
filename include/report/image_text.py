"""The report's text on image pulls: before the first job, and during timed jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from include.analysis.labels import count
from include.checks import Check, Outcome
from include.errors import ParseError
from include.kube.node_image import NodeImage
from include.results import IMAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.results import Results

NAMED = 5  # maximum points named in a note


def image_notes(results: Results, records: pd.DataFrame) -> tuple[str, ...]:
    """A sentence per phase whose images were pre-pulled, and one on timed pulls."""
    names = sorted(str(path).rpartition("/")[2] for path in results.path("images").glob("*.json"))
    brought = [_brought(results, f"images/{name}") for name in names]
    return (*dict.fromkeys(brought), *_timed(records))


def image_rows(results: Results) -> tuple[tuple[str, str], ...]:
    """Names and findings of the image check before the first point; empty without one."""
    if (looks := results.find_json(IMAGE)) is None:
        return ()
    return tuple(
        (
            check.name if len(looks) == 1 else f"{image}: {check.name}",
            check.finding if check.outcome is Outcome.PASSED else _doubted(check),
        )
        for image, look in looks.items()
        for check in map(Check.model_validate, look["checks"])
    )


def _doubted(check: Check) -> str:
    return f"{check.outcome.value}: {check.finding}" + (f"; {check.remedy}" if check.remedy else "")


def _brought(results: Results, name: str) -> str:
    """Sentence on one phase, or on its file if damaged, as nothing depends on it."""
    try:
        return _sentence([NodeImage.model_validate(each) for each in results.read_json(name)])
    except ParseError as err:
        return f"Nothing is known of the images of a phase: {err}."
    except ValidationError:
        return f"Nothing is known of the images of a phase: {results.damaged(name, 'its format')}."


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
