"""Lists the image's components: `python -m include.deployment.sbom > sbom.json`.

CycloneDX 1.6 as JSON: the Python packages of the lock and the Go modules below `tools/`, each by
its package URL, for scanners. Debian's packages come with the base image, which has its own list.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from include.project import ROOT, code_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
_MODULE = re.compile(r"^(?:require )?\t?([a-z0-9.-]+\.[a-z]+/\S+) (v\S+)", re.MULTILINE)


def bill(root: Path = ROOT) -> dict[str, Any]:
    """The bill of materials of a checkout."""
    components = [*_packages(root / "requirements.lock"), *_modules(root / "tools")]
    unique = {each["purl"]: each for each in components}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "operator-benchmark",
                "version": code_version(),
            }
        },
        "components": [unique[purl] for purl in sorted(unique)],
    }


def _packages(lock: Path) -> Iterator[dict[str, str]]:
    for name, version in _PACKAGE.findall(lock.read_text()):
        normal = re.sub("[-_.]+", "-", name).lower()
        yield _component(normal, version, purl=f"pkg:pypi/{normal}@{version}")


def _modules(tools: Path) -> Iterator[dict[str, str]]:
    for file in sorted(tools.glob("*/go.mod")):
        for name, version in _MODULE.findall(file.read_text()):
            yield _component(name, version, purl=f"pkg:golang/{name}@{quote(version, safe='')}")


def _component(name: str, version: str, *, purl: str) -> dict[str, str]:
    return {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(), indent=2) + "\n")
