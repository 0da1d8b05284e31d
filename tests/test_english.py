"""Rules of the project's English that a program can hold (CONTRIBUTING, "English")."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path for folder in ("dags", "include", "plugins") for path in (ROOT / folder).rglob("*.py")
)
# A docstring that begins so answers a question nobody has asked yet: it names no thing and no act.
QUESTIONS = {"How", "What", "When", "Where", "Whether", "Which", "Who", "Why"}
HALVES = {"As", "At", "By", "For", "From", "If", "In", "It", "Its", "Never", "No", "None", "Not"}
HALVES |= {"Of", "On", "So", "That", "Their", "There", "To", "With"}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_begins_with_a_verb_or_a_noun_phrase(path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, DOCUMENTED)]
    first_lines = [(ast.get_docstring(node) or "-").splitlines()[0] for node in nodes]
    assert [line for line in first_lines if line.split()[0] in QUESTIONS | HALVES] == []
