"""The services of docker-compose.yaml, up in a daemon of the test's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from include.embedded import binaries, go
from include.embedded.paths import cache_root
from tests.airflow_server import Airflow, free_port, wait
from tests.deployment.docker import BUILD_LIMIT_S, HERE, ROOT

PROJECT = "operatorbenchmarktest"
BASE, PROGRAMS, IMAGE, POSTGRES, STORE = (
    f"{PROJECT}/{name}" for name in ("debian", "programs", "airflow", "postgres", "store")
)
STORE_MODULE = "github.com/versity/versitygw/cmd/versitygw"
SIDE_STUDY = {
    "cluster": "simulated",
    "operators": ["indexed_job"],
    "nodes": [2],
    "ranks_per_node": 2,
    "cluster_options": {"nodes": 4, "run_s": 150, "start_s": 0.5},
}


# Compose v2 is a part of `docker`; here its place is taken by what Debian has.
DOCKER = """\
#!/bin/sh
if [ "$1" != compose ]; then exec /usr/bin/docker "$@"; fi
shift
cd {root} && exec docker-compose {options} "$@"
"""


@dataclass
class Stack:
    """The services, and what was shown of their secrets."""

    FILES = ("--file=docker-compose.yaml", "--file=tests/deployment/side_cluster.yaml")
    OPTIONS = (*FILES, "--profile=object-store")

    docker: object
    variables: dict
    password: str = ""

    def compose(self, *words, limit_s=300):
        """Run docker-compose on the project."""
        words = ("docker-compose", *self.OPTIONS, *words)
        return self.docker.run(*words, variables=self.variables, limit_s=limit_s)

    def shell(self, script, folder, limit_s=300):
        """Run a script as an administrator does who has `docker compose`."""
        programs = self.docker.folder / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "docker").write_text(DOCKER.format(root=ROOT, options=" ".join(self.OPTIONS)))
        (programs / "docker").chmod(0o755)
        path = {"PATH": f"{programs}:{self.docker.environment['PATH']}"}
        words = ("bash", "-euo", "pipefail", "-c", script)
        more = {"variables": self.variables | path, "folder": folder, "limit_s": limit_s}
        return self.docker.run(*words, **more)

    def containers(self):
        """Names of the running containers, by service."""
        found = self.docker.run("docker", "ps", "--format", "{{.Names}}").split()
        return {re.fullmatch(rf"{PROJECT}[-_](.+)[-_]1", name)[1]: name for name in found}

    def health(self, service):
        """What the daemon says of a service: `healthy`, `starting`, `unhealthy`, or `none`."""
        shape = "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}"
        name = self.containers()[service]
        return self.docker.run("docker", "inspect", "--format", shape, name).strip()

    def inside(self, service, *words, user=None):
        """Output of a program in a service's container."""
        name = self.containers()[service]
        chosen = ["--user", user] if user else []
        return self.docker.run("docker", "exec", *chosen, name, *words)

    def until_healthy(self, *services, limit_s=300):
        """Wait until the services are healthy."""
        for service in services:
            wait(lambda one=service: self.health(one) == "healthy", limit_s=limit_s)

    def api(self):
        """Airflow's REST API for its administrator."""
        return Airflow(int(self.variables["UI_PORT"]), self.password)


def make_images(docker):
    """All images, from Debian's packages, the locked packages and programs built from sources."""
    docker.make_base(BASE)
    programs = {}
    if binaries.is_built() and not os.environ.get("COMPOSE_TEST_FROM_SOURCE"):
        docker.make_programs(PROGRAMS, cache_root())
        programs = {"PROGRAMS_IMAGE": PROGRAMS}
    docker.build(IMAGE, ROOT, BASE_IMAGE=BASE, VERSION="test", **programs)
    docker.build(POSTGRES, HERE / "postgres", BASE_IMAGE=BASE)
    context = docker.folder / "object_store"
    context.mkdir()
    _build_store(context)
    shutil.copyfile(HERE / "object_store" / "Dockerfile", context / "Dockerfile")
    docker.build(STORE, context, BASE_IMAGE=BASE)


def _build_store(folder):
    """Build the object store's program, of the version that docker-compose.yaml names."""
    version = re.search(r"versitygw:(v[\d.]+)", (ROOT / "docker-compose.yaml").read_text())[1]
    toolchain = go.toolchain()
    subprocess.run(
        ["nice", *toolchain.command("install", f"{STORE_MODULE}@{version}")],
        env=toolchain.environment() | {"GOBIN": str(folder)},
        check=True,
        timeout=BUILD_LIMIT_S,
    )


def bring_up(docker):
    """The stack as `docker compose up` makes it, with every service healthy."""
    credentials = docker.folder / "credentials"
    credentials.mkdir()
    os.chown(credentials, 50000, 50000)
    variables = {
        "COMPOSE_PROJECT_NAME": PROJECT,
        "IMAGE": IMAGE,
        "POSTGRES_IMAGE": POSTGRES,
        "OBJECT_STORE_IMAGE": STORE,
        "UI_PORT": str(free_port()),
        "CREDENTIALS": str(credentials),
        "SIDE_STUDY": json.dumps(SIDE_STUDY),
    }
    stack = Stack(docker, variables)
    stack.compose("up", "--detach")
    told = stack.compose("logs", "--no-color", "first-start")
    stack.password = re.search(r"user admin, password (\S+)", told)[1]
    stack.until_healthy("postgres", "api-server", "scheduler", "dag-processor", "object-store")
    stack.until_healthy("housekeeping")
    return stack
