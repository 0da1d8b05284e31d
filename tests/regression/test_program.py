"""`opbench regression HISTORY.csv`: its output and its exit codes."""

from __future__ import annotations

import json

import pytest

from include.regression.__main__ import main
from tests.regression.histories import csv_of, times


@pytest.fixture
def history(tmp_path):
    def write(*tables):
        path = tmp_path / "history.csv"
        path.write_text(tables[0] + "".join(tables[1:]))
        return str(path)

    return write


def test_json_lists_suspects_and_change_points_with_their_intervals(history, capsys):
    slow = csv_of(times(nights=40, steps=[(30, 1.05)]))
    tonight = csv_of(times(nights=40, seed=2, steps=[(39, 1.08)]), group="b", header=False)
    assert main([history(slow, tonight), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    change, suspect = found["change_points"][0], found["suspects"][0]
    assert (change["night"], change["group"], change["kind"]) == (30, "a", "regression")
    assert change["interval"][0] < change["relative_effect"] < change["interval"][1]
    assert (suspect["night"], suspect["group"]) == (39, "b")
    assert suspect["interval"][0] < suspect["relative_effect"] < suspect["interval"][1]


def test_a_quiet_history_gives_empty_lists_and_0(history, capsys):
    assert main([history(csv_of(times())), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["suspects"] == found["change_points"] == []


def test_an_improvement_gives_0(history):
    assert main([history(csv_of(times(steps=[(30, 0.94)])))]) == 0


def test_the_table_is_for_people(history, capsys):
    assert main([history(csv_of(times(steps=[(30, 1.05)])))]) == 1
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["what", "night", "group"]
    assert row.split()[:3] == ["regression", "30", "a"]
    assert "10 nights since" in row
    assert main([history(csv_of(times()))]) == 0
    assert capsys.readouterr().out == "No suspect and no change of level up to night 39.\n"


def test_nights_without_data_are_told_in_both_forms(history, capsys):
    rows = csv_of(times()).replace("\n12,a,", "\n112,a,")
    path = history(rows)
    assert main([path, "--json"]) == 0
    shown = capsys.readouterr()
    gaps = [{"group": "a", "first": 12, "last": 12}, {"group": "a", "first": 40, "last": 111}]
    assert json.loads(shown.out)["no_data"] == gaps
    assert "no data: a, night 12\n" in shown.err
    assert main([path]) == 0
    assert "no data: a, 72 nights from 40 to 111" in capsys.readouterr().out


def test_acknowledged_regressions_give_0(history, tmp_path, capsys):
    words = tmp_path / "known.json"
    words.write_text(json.dumps([{"group": "a", "night": 30, "reason": "new compiler"}]))
    path = history(csv_of(times(steps=[(30, 1.05)])))
    assert main([path, "--acknowledged", str(words)]) == 0
    assert "regression, known" in capsys.readouterr().out
    words.write_text('[{"group": "a", "night": 30}]')
    assert main([path, "--acknowledged", str(words)]) == 2
    assert "0.reason: Field required" in capsys.readouterr().err


def test_bad_input_gives_2_and_a_line_that_names_the_file(history, tmp_path, capsys):
    assert main([history("")]) == 2
    assert "history.csv is empty" in capsys.readouterr().err
    assert main([str(tmp_path / "none.csv")]) == 2
    assert "none.csv cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert main([str(tmp_path / "binary"), "--json"]) == 2
    assert "no UTF-8 text" in capsys.readouterr().err
