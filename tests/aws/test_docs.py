"""What docs/aws.md tells people to type, and what it promises of the smoke study."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from include.aws.command_line import _parser
from include.checks import require
from include.clusters import eks
from include.cost.estimate import duration_text
from include.cost.gate import gate
from include.project import ROOT
from include.study.plan import read_study
from tests.plans import estimate_study

GUIDE = (ROOT / "docs" / "aws.md").read_text()
COMMANDS = re.findall(
    r"python -m include\.clusters\.eks (.+?)[`\n]",
    GUIDE + (ROOT / "docs" / "aws_preflight.md").read_text(),
)


@pytest.fixture
def smoke():
    (given,) = re.findall(r"make demo DEMO='(\{.+?\})'\n", GUIDE, re.DOTALL)
    return read_study(json.loads(given.replace("…", "0", 1).replace("…", "0" * 64)))


def test_smoke_study_costs_and_takes_what_the_guide_says(smoke):
    estimate = estimate_study(smoke)
    require(gate(smoke, estimate))
    said = f"{duration_text(estimate.duration_s)} and ${estimate.usd:.0f}"
    assert said.replace(" min ", " minutes ") in GUIDE


def test_smoke_study_stays_under_ten_dollars_when_it_is_stopped_at_its_limits(smoke):
    """Two workers and a launcher from when they are there; the last point uses all its time."""
    pace, estimate = eks.PACE, estimate_study(smoke)
    with_nodes_s = smoke.ttl_hours * 3600 - pace.create_s + pace.delete_s
    most_usd = estimate.usd_per_hour * (with_nodes_s + smoke.point_timeout_s) / 3600
    of_creating = next(part.usd for part in estimate.parts if part.name == "create the cluster")
    assert most_usd + of_creating < 10
    assert estimate.usd_per_hour * (smoke.ttl_hours + 0.5) + of_creating < 15


def test_commands_of_the_guides_are_understood():
    assert COMMANDS
    for command in COMMANDS:
        assert _parser().parse_args(shlex.split(command.replace("<study>", "demo-1"))).command
