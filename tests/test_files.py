"""Files that are whole or not there, and the one loop that waits."""

from __future__ import annotations

import os
import stat

import pytest

from include import files, waiting


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path):
    path = tmp_path / "f"
    files.write_whole(path, "é")
    files.write_whole(path, b"\x00")
    assert path.read_bytes() == b"\x00"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_replaced(tmp_path):
    (tmp_path / ".f.part").write_text("a very long half")
    files.write_whole(tmp_path / "f", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"f": "new"}


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_text("old")
    monkeypatch.setattr(os, "fdopen", lambda *_: pytest.fail("no space left"))
    with pytest.raises(pytest.fail.Exception):
        files.write_whole(path, "new")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"f": "old"}


@pytest.mark.parametrize(("mode", "expected"), [(files.PRIVATE, 0o600), (0o644, 0o644)])
def test_a_secret_gets_the_mode_that_is_asked_for(tmp_path, mode, expected):
    files.write_whole(tmp_path / "f", "secret", mode=mode)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == expected


def test_there_is_a_look_at_once_and_one_at_the_limit(monkeypatch):
    clock = iter([0.0, 0.0, 2.0, 4.0])
    slept = []
    monkeypatch.setattr(waiting.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(waiting.time, "sleep", slept.append)
    assert len(list(waiting.looks(limit_s=4.0, poll_s=2.0))) == 3
    assert slept == [2.0, 2.0]


def test_no_time_at_all_is_one_look():
    assert len(list(waiting.looks(limit_s=0.0, poll_s=9.0))) == 1


PAGE = """# A heading that is as long as it likes

Prose {words}
goes on.
- An item {words}
  goes on
1. and a numbered one
| a table | {words} |
```
code {words}
```
![an image](with-a-name)
"""


def test_a_page_keeps_its_words_and_folds_its_prose_alone(tmp_path):
    page = PAGE.replace("{words}", " ".join(["word"] * 40))
    files.write_page(tmp_path / "page.md", page)
    lines = (tmp_path / "page.md").read_text().splitlines()
    assert " ".join(lines).split() == page.split()
    long = [line.split()[0] for line in lines if len(line) > files.PROSE_COLUMNS]
    assert long == ["|", "code"]
    assert sum(line.startswith("  word") for line in lines) == 1


def test_a_folded_page_is_folded_to_itself(tmp_path):
    path = tmp_path / "page.md"
    files.write_page(path, PAGE.replace("{words}", " ".join(["word"] * 40)))
    once = path.read_text()
    files.write_page(path, once)
    assert path.read_text() == once
