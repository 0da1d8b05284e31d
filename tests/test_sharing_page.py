"""The page about results outside their folder says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from include.cli.commands import BY_NAME
from plugins.study_assets import NIGHTS, STUDIES, night_asset, study_asset

PAGE = (Path(__file__).parents[1] / "docs" / "sharing.md").read_text()


def test_its_dag_waits_for_an_asset_that_there_is():
    (skeleton,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    compile(skeleton, "sharing.md", "exec")
    assert f'Asset("{study_asset("demo").name}")' in skeleton


def test_it_names_every_asset_and_alias():
    for name in (study_asset("<name>").name, night_asset("<series>").name):
        assert f"`{name}`" in PAGE
    for alias in (STUDIES, NIGHTS):
        assert f'AssetAlias("{alias.name}")' in PAGE


def test_its_commands_have_these_options():
    for name, options in re.findall(r"^opbench (\w+)(.*)$", PAGE, re.MULTILINE):
        known = {word for each in BY_NAME[name].arguments for word in each.names}
        assert set(re.findall(r"--[a-z]+", options)) <= known
