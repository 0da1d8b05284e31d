"""The Helm example on the local cluster's nodes: images, what it expects to be there, the chart."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from include.embedded import image, image_store
from include.embedded.credentials import ADMIN
from include.kube.client import Kube
from include.kube.kinds import POD
from tests.airflow_server import Airflow, wait
from tests.deployment.docker import ROOT
from tests.deployment.side_cluster import whole
from tests.deployment.stack import IMAGE, POSTGRES, STORE

HERE = Path(__file__).parent
VALUES = ROOT / "deploy" / "helm-values.yaml"
HOUSEKEEPING = ROOT / "deploy" / "housekeeping.yaml"
RELEASE = NAMESPACE = "airflow"
LIMIT_S = 1500
# Names that the pods ask for, by those that the images are built under.
NAMES = {
    IMAGE: "registry.example/operator-benchmark:0.1.0",
    POSTGRES: "registry.example/postgres:17",
    STORE: "registry.example/object-store:1",
}


def images_for_nodes(docker, folder):
    """A containerd folder with the application's image and those of the installation."""
    target, scratch = folder / "containerd", folder / "scratch"
    image_store.give(image.folder() / image_store.FOLDER, target)
    scratch.mkdir()
    with image_store.opened(target, scratch=scratch) as store:
        for built, name in NAMES.items():
            archive = scratch / "image.tar"
            docker.run("docker", "tag", built, name)
            docker.run("docker", "save", "--output", str(archive), name, limit_s=600)
            store.import_archive(archive)
            archive.unlink()
    shutil.rmtree(scratch)
    return target


class Installation:
    """A release of Airflow's chart with the project's values."""

    def __init__(self, layout):
        self.kubeconfig = layout.kubeconfig(ADMIN)
        self.kube = Kube.from_kubeconfig(self.kubeconfig, namespace=NAMESPACE)
        self.password = secrets.token_urlsafe(12)

    def prepare(self):
        """Make the namespace, the secrets that the values name, the database and the store."""
        self.kube.apply(_object("Namespace", NAMESPACE))
        for name, content in self._secrets().items():
            self.kube.apply(_object("Secret", name) | {"stringData": content})
        neighbours = (HERE / "helm_neighbours.yaml").read_text()
        for each in yaml.safe_load_all(neighbours):
            self.kube.apply(each)
        for name in ("postgres", "object-store"):
            wait(lambda one=name: is_ready(self.kube.get(POD, one)), 300)

    def _secrets(self):
        password, key = secrets.token_urlsafe(24), secrets.token_hex(20)
        host = f"postgres.{NAMESPACE}.svc.cluster.local"
        store = {
            "conn_type": "aws",
            "login": "installation",
            "password": key,
            "extra": {
                "endpoint_url": f"http://object-store.{NAMESPACE}.svc.cluster.local:7070",
                "region_name": "us-east-1",
            },
        }
        fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        return {
            "database-password": {"password": password},
            "store-keys": {"access_key": "installation", "secret_key": key},
            "airflow-database": {
                "connection": f"postgresql+psycopg2://airflow:{password}@{host}/airflow"
            },
            "airflow-fernet-key": {"fernet-key": fernet},
            "airflow-api-secret-key": {"api-secret-key": secrets.token_urlsafe(32)},
            "airflow-jwt-secret": {"jwt-secret": secrets.token_urlsafe(48)},
            "airflow-users": {"passwords.json": json.dumps({"admin": self.password})},
            "results-store": {"connection": json.dumps(store)},
            "benchmark-credentials": {"kubeconfig": whole(self.kubeconfig)},
        }

    def install(self, chart):
        """`helm install`, and the job that keeps the database small; waits until all is ready."""
        done = subprocess.run(
            [
                *("helm", "install", RELEASE, str(chart), "--namespace", NAMESPACE),
                *("--values", str(VALUES), "--post-renderer", str(HERE / "headless")),
                *("--wait", "--timeout", f"{LIMIT_S}s"),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
        )
        assert done.returncode == 0, f"{done.stderr[-3000:]}\n{self.described()}"
        self.kube.apply(yaml.safe_load(HOUSEKEEPING.read_text()))

    def uninstall(self):
        """`helm uninstall`; what it printed."""
        words = ["helm", "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait"]
        return subprocess.run(
            words, capture_output=True, text=True, check=True, env=self._environment()
        ).stdout

    def _environment(self):
        python = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return os.environ | python | {"KUBECONFIG": str(self.kubeconfig)}

    def pods(self):
        """The pods of the release, by name."""
        return {pod["metadata"]["name"]: pod for pod in self.kube.list(POD).items}

    def api(self):
        """Airflow's REST API, reached at its pod."""
        (pod,) = self.kube.list(POD, selector="component=api-server").items
        return Airflow(8080, self.password, host=pod["status"]["podIP"])

    def described(self):
        """The state of each pod, for a test that failed."""
        return "\n".join(
            f"{name}: {json.dumps(pod.get('status', {}).get('containerStatuses'))[:700]}"
            for name, pod in self.pods().items()
        )


def is_ready(pod):
    """True once every container of a pod is ready."""
    states = (pod or {}).get("status", {}).get("containerStatuses", [])
    return bool(states) and all(state["ready"] for state in states)


def _object(kind, name):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
