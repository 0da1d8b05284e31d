"""Run 6, for the tests that compare with what was published of it."""

from tests.recorded_runs.run6 import run6  # noqa: F401  a fixture
