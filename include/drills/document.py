"""The page on faults: each table is a section, replaced when it is measured again."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from include.files import write_page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SECTION = "\n## "


def replace_section(path: Path, heading: str, body: str) -> None:
    """Put the body under that heading of the page, replacing the old one, or at the end."""
    head, *sections = path.read_text().rstrip().split(SECTION)
    new = f"{heading}\n\n{body.strip()}\n"
    at = next((i for i, each in enumerate(sections) if each.splitlines()[0] == heading), None)
    if at is None:
        sections.append(new)
    else:
        sections[at] = new
    write_page(path, SECTION.join([f"{head.rstrip()}\n", *(f"{s.rstrip()}\n" for s in sections)]))


def table(head: str, rows: Iterable[str]) -> str:
    """A Markdown table from a header and rows that already have their bars."""
    return "\n".join([head, _rule(head), *rows])


def _rule(head: str) -> str:
    return "|---" * (head.count("|") - 1) + "|"


def rows_of(path: Path, heading: str, head: str) -> list[str]:
    """Rows of the table with that head in a section of the page; none where there is no such."""
    sections = path.read_text().rstrip().split(SECTION)
    text = next((each for each in sections if each.splitlines()[0] == heading), "")
    _, _, below = text.partition(f"{head}\n{_rule(head)}\n")
    return list(takewhile(lambda line: line.startswith("|"), below.splitlines()))
