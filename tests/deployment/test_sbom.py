"""The bill of materials has every package and module that the locks have."""

from __future__ import annotations

import re
from pathlib import Path

from include.deployment.sbom import bill

ROOT = Path(__file__).resolve().parents[2]
MADE = bill()
PURLS = {each["purl"] for each in MADE["components"]}


def test_it_is_cyclonedx_with_each_component_once():
    assert (MADE["bomFormat"], MADE["specVersion"]) == ("CycloneDX", "1.6")
    assert len(MADE["components"]) == len(PURLS)
    assert all({"type", "name", "version", "purl"} <= set(each) for each in MADE["components"])


def test_every_locked_package_is_there_with_its_version():
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==(\S+?)(?: |;|$)", lock, re.MULTILINE)
    assert len(locked) > 200
    assert not [f"{n}=={v}" for n, v in locked if f"pkg:pypi/{n}@{v}" not in PURLS]
    assert "pkg:pypi/apache-airflow@3.3.2" in PURLS


def test_every_required_go_module_is_there_with_its_version():
    lines = [
        line.strip().split()[:2]
        for file in ROOT.glob("tools/*/go.mod")
        for line in file.read_text().splitlines()
        if line.startswith("\t") and re.search(r" v\d", line) and "=>" not in line
    ]
    assert len(lines) > 100
    golang = {purl.removeprefix("pkg:golang/").replace("%2B", "+") for purl in PURLS}
    assert not [name for name, version in lines if f"{name}@{version}" not in golang]
