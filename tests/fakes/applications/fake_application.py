"""An application without a program."""

from __future__ import annotations

from include.applications import Application
from include.models import Better, FigureOfMerit, Model


class Options(Model):
    """None."""


class FakeApplication(Application):
    name = "fake_application"
    title = "Fake application"
    options = Options
    work_dir = "/"
    first_line = "first"
    last_line = "last"
    figures = (
        FigureOfMerit(
            name="loop_time_s",
            unit="s",
            title="Loop time",
            better=Better.LOWER,
            primary=True,
            is_run_time=True,
        ),
    )

    def command(self, options):
        return ("true",)

    def problem(self, options):
        return {}

    def parse(self, lines):
        raise NotImplementedError

    def check(self, result, *, options, ranks):
        raise NotImplementedError


ADAPTER = FakeApplication()
