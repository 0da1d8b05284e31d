"""Airflow's login and trigger form as a person uses them."""

from __future__ import annotations

import json

from tests.airflow_server import wait


def log_in(page, *, password):
    """Log in as the administrator."""
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


class TriggerForm:
    """The open form. Fields are found by the names of a study's fields."""

    def __init__(self, page):
        self.page = page
        self.dialog = page.get_by_role("dialog")

    def open(self, section):
        """Open one of the sections."""
        self.dialog.get_by_role("button", name=section).click()

    def choose(self, name, *values):
        """Choose from a list; several values take the place of those that are there."""
        field = self.dialog.locator(f"#element_{name}")
        field.click()
        for _ in range(5 if len(values) > 1 else 0):
            self.page.keyboard.press("Backspace")
        for value in values:
            self.page.keyboard.type(value)
            self.page.keyboard.press("Enter")
        self.dialog.get_by_role("heading", name="Trigger Dag").click()  # closes the list

    def fill(self, name, value):
        """Type into a field of one line."""
        self.dialog.locator(f"input[name=element_{name}]").fill(str(value))

    def write(self, name, value):
        """Paste JSON into an editor: what is typed there gets brackets and quotes of its own."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("text => navigator.clipboard.writeText(text)", json.dumps(value))
        editor = self.dialog.locator(f"#element_{name}")
        editor.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Control+V")
        lines = editor.locator(".view-line")
        wait(lambda: _without_space("".join(lines.all_inner_texts())) == _compact(value), 10)

    def shown(self, name):
        """What a field shows."""
        return self.dialog.locator(f"#element_{name}").inner_text()

    def trigger(self):
        """Press the button."""
        self.dialog.get_by_test_id("trigger-dag-submit").click()


def _compact(value):
    return _without_space(json.dumps(value))


def _without_space(text):
    return "".join(text.split())
