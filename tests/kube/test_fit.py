from __future__ import annotations

import pytest

from include.checks import Outcome
from include.kube.fit import check, lacking

NODE = {"cpu": "95690m", "memory": "390Gi", "vpc.amazonaws.com/efa": "1"}


@pytest.mark.parametrize(
    "requests",
    [
        {},
        {"cpu": "94", "memory": "340G", "vpc.amazonaws.com/efa": "1"},
        {"cpu": "95690m", "memory": "399360Mi"},
        {"cpu": "0.5"},
    ],
)
def test_what_fits_lacks_nothing(requests):
    assert lacking(requests, NODE) == ()


def test_each_resource_that_is_too_little_is_named_with_what_there_is():
    requests = {"cpu": "96", "memory": "1Ti", "nvidia.com/gpu": "1"}
    assert lacking(requests, NODE) == (
        "cpu 96 of 95690m",
        "memory 1Ti of 390Gi",
        "nvidia.com/gpu 1 of 0",
    )


def test_the_check_says_what_is_asked_of_what_there_is():
    fits = check({"cpu": "94", "memory": "340G"}, NODE, whose="hpc6a.48xlarge")
    assert (fits.outcome, fits.finding) == (
        Outcome.PASSED,
        "cpu 94 of 95690m, memory 340G of 390Gi",
    )
    refused = check({"cpu": "96"}, NODE, whose="hpc6a.48xlarge")
    assert refused.outcome is Outcome.FAILED
    assert refused.finding == "a pod asks for cpu 96 of 95690m that hpc6a.48xlarge has for pods"
    assert refused.remedy == "lower pod_resources"


def test_no_requests_fit_anywhere():
    assert check({}, {}, whose="a node").finding == "a pod asks for nothing"
