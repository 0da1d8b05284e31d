"""A second operator with a controller that exists by name only."""

from __future__ import annotations

import dataclasses

from tests.fakes.k8s_operators import fake_a


class FakeOperator(fake_a.FakeOperator):
    name = "fake_b"
    title = "Fake operator B"
    controller = dataclasses.replace(
        fake_a.FakeOperator.controller,
        name="fake-b",
        namespace="fake-b",
        crd_name="fakes.b.test",
        go_module="example.org/fake-b",
        cluster_role="fake-b",
    )


ADAPTER = FakeOperator()
