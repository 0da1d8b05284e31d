"""Figures of merit in words."""

from __future__ import annotations

import pytest

from include.models.figures import in_a_sentence


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Loop time", "loop time"),
        ("STREAM triad", "STREAM triad"),
        ("Random ring latency", "random ring latency"),
        ("HPL", "HPL"),
        ("AMG's figure of merit", "AMG's figure of merit"),
    ],
)
def test_title_in_a_sentence_keeps_its_abbreviations(title, words):
    assert in_a_sentence(title) == words
