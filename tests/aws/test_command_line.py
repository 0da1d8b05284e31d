"""The checks of an AWS account from a terminal."""

from __future__ import annotations

import pytest

from include.aws.command_line import main
from include.checks import Findings, failed, passed
from include.tariff import Tariff

TARIFF = Tariff(nodes=65, node_usd_per_hour=2.88, other_usd_per_hour=0.15, source="a test")


def run(*arguments, findings=None):
    """Exit code and the reservation that was examined."""
    seen = []

    def examine(reservation):
        seen.append(reservation)
        return findings or Findings(checks=(passed("identity", "somebody"),), tariff=TARIFF)

    return main(["preflight", *arguments], examine=examine), seen


def test_what_passes_is_a_table_with_the_most_it_can_cost(capsys):
    code, (reservation,) = run("--workers", "64", "--zone", "us-east-2b", "--hours", "8")
    assert code == 0
    assert reservation.nodes == 64
    assert reservation.options["zone"] == "us-east-2b"
    assert reservation.options["self_destruct"] is True
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "identity  ok         somebody"
    assert printed[1] == "cost      ok         $1,498.80 for all nodes during 8 h"


def test_a_failed_check_is_the_exit_code(capsys):
    bad = Findings(checks=(failed("zone", "wrong"),), tariff=None)
    code, _ = run("--workers", "2", findings=bad)
    assert code == 1
    assert "zone  FAILED     wrong" in capsys.readouterr().out


def test_a_cluster_above_the_budget_fails(capsys):
    code, _ = run("--workers", "64", "--max-usd", "100")
    assert code == 1
    assert "--max-usd is $100.00" in capsys.readouterr().out


def test_a_wrong_option_is_named_before_anything_is_asked(capsys):
    code, seen = run("--workers", "2", "--region", "Ohio")
    assert (code, seen) == (2, [])
    assert "--region" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--workers"),
        (("--workers", "0"), "'0' is not a whole number above 0"),
        (("--workers", "2", "--hours", "nan"), "'nan' is not a number above 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(capsys, arguments, said):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)
    assert said in capsys.readouterr().err
