"""What an open project has: a licence, a release, a way to cite it, and an index of decisions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from include.files import PROSE_COLUMNS

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def test_the_licence_is_the_same_everywhere():
    assert PROJECT["license"] == CITATION["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_newest_release_is_dated_and_is_the_version_to_cite():
    released = re.findall(
        r"^## (\d\S*) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    version, date = released[0]
    assert version == PROJECT["version"] == CITATION["version"]
    assert f"{CITATION['date-released']:%-d %B %Y}" == date


def test_both_experiments_are_cited():
    notes = [reference.get("notes", "") for reference in CITATION["references"]]
    for run in ("run4", "run6"):
        assert any(f"kubecon/{run} " in note for note in notes)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_every_source_of_a_page_is_cited(page):
    sources = page.read_text().partition("## Sources\n")[2].partition("\n## ")[0]
    first_authors = re.findall(r"(?:^|· )\s*([A-Z]\w+(?: [A-Z]\w+)?)(?= and| et al|,)", sources)
    known = {author.get("family-names") for r in CITATION["references"] for author in r["authors"]}
    assert set(first_authors) <= known


def test_the_index_has_every_decision_and_every_number():
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", index, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    listed = dict(re.findall(r"\[(.+)\]\((\d{4}-.+\.md)\)", index))
    titles = {path.read_text().splitlines()[0].partition(". ")[2]: path.name for path in ADRS}
    assert listed == titles
    for number, text in rows:
        is_there = any(path.name.startswith(f"{int(number):04d}-") for path in ADRS)
        assert is_there or text.startswith("not used")


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: page.stem)
def test_the_prose_of_a_page_keeps_to_120_characters(page):
    no_code = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    long = [line for line in no_code.splitlines() if len(line) > PROSE_COLUMNS]
    assert [line for line in long if not line.startswith(("|", "#", "!["))] == []
