"""The page about a program and a cluster of one's own holds what the project does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from include import adapters, applications
from include.applications.command import Options
from include.study.plan import read_study

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "your_cluster.md").read_text()
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_study_of_the_page_is_planned_and_its_output_read():
    study = json.loads(BLOCKS[-1].replace("sha256:…", "sha256:" + "0" * 64))
    planned = read_study(study)
    application, options = applications.of_study(planned)
    result = application.parse(["STREAM 5.10", "Triad:   12.5", "Solution Validates: yes"])
    application.check(result, options=options, ranks=16)
    assert result.figures == {"triad_gb_per_s": 12.5}


def test_the_placement_of_the_page_is_read():
    read_study(
        {
            "cluster": "existing",
            "image": "registry.example/app@sha256:" + "0" * 64,
            "operators": ["indexed_job"],
            "cluster_options": json.loads(BLOCKS[0]),
        }
    )


def test_every_key_of_a_command_is_on_the_page():
    assert [name for name in Options.model_fields if f"`{name}`" not in PAGE] == []


def test_the_dockerfile_has_the_packages_of_the_applications_that_debian_has():
    (dockerfile,) = re.findall(r"```dockerfile\n(.*?)```", PAGE, flags=re.DOTALL)
    needed = {
        package
        for name in applications.available()
        for package in applications.load(name).packages or ()
    }
    assert [package for package in needed if package not in dockerfile.split()] == []
    assert {"bash", "time", "openssh-server", "openssh-client"} <= set(dockerfile.split())


def test_the_variable_of_the_page_is_the_one_that_is_read():
    assert f"`{adapters.OWN_FOLDER}`" in PAGE
