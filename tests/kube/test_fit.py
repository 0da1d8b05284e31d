from __future__ import annotations

import pytest

from include.kube.fit import lacking

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
