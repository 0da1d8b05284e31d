"""Stand-ins are loaded by their names, and no list of adapters tells of them."""

from __future__ import annotations

import pytest

from include import applications, clusters, k8s_operators

FAKES = [(applications, "fake_application"), (clusters, "fake"), (k8s_operators, "fake_a")]


@pytest.mark.parametrize(("package", "name"), FAKES)
def test_a_fake_is_loaded_by_its_name_and_is_in_no_list(package, name):
    assert package.load(name).name == name
    assert name not in package.available()
