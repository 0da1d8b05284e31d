"""Every secret that a run on this machine makes, collected while it runs, and the files with one.

By hand, beside a run: `python -m tests.system.secrets_made FOLDER ...` collects until Ctrl-C and
then names each file below the folders that holds a secret.
"""

from __future__ import annotations

import base64
import contextlib
import re
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from kubernetes.client.exceptions import ApiException

from include import k8s_operators
from include.embedded import credentials, paths
from include.errors import BenchmarkError
from include.kube.client import Kube
from include.kube.kinds import CONFIG_MAP, SECRET

EACH_S = 0.2  # an MPIJob's keys are there for seconds
PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)-----END", re.DOTALL)
CURVE = re.compile(r'secret-key = "([^"]{40})"')
IN_KUBECONFIG = re.compile(r"^\s*(?:client-key-data|token): (\S{16,})$", re.MULTILINE)
PUBLIC = ("ecdsa-", "ssh-")
SHORTEST = 32  # characters of a key's line: fewer could stand anywhere


class Collector(threading.Thread):
    """Looks again and again at the cluster of a state folder, wherever it keeps keys."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self._root = Path(root)
        self._ended = threading.Event()
        self.secrets = {}  # each text, with what it is
        self._public = set()  # public keys of pairs

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()

    @property
    def kinds(self):
        return set(self.secrets.values())

    def run(self):
        while not self._ended.wait(EACH_S):
            with contextlib.suppress(OSError, BenchmarkError, ApiException, ValueError):
                self._look_at_files()
                self._look_at_objects()

    def take(self, text, what):
        """Note the secrets in a text, in each form in which it may be written down."""
        for key in PEM.findall(text):
            lines = [line.strip() for line in re.split(r"\\n|\n", key)]
            self._note([line for line in lines if len(line) >= SHORTEST], what)
        self._note(CURVE.findall(text), what)
        self._note(IN_KUBECONFIG.findall(text), what)

    def _note(self, texts, what):
        """Note all texts but those in a public key, with which a private one of a curve ends."""
        secret = [text for text in texts if not any(text in public for public in self._public)]
        self.secrets |= dict.fromkeys(secret, what)

    def _look_at_files(self):
        folders = [self._root / "pki", self._root / "kubeconfig", *self._root.glob("*/pki")]
        for folder in folders:
            for path in folder.glob("*"):
                self.take(path.read_text(errors="replace"), "the cluster's own keys")

    def _look_at_objects(self):
        kube = Kube.from_kubeconfig(
            self._root / "kubeconfig" / f"{credentials.ADMIN}.yaml", namespace="default"
        )
        try:
            for secret in kube.list(replace(SECRET, namespaced=False)).items:
                values = secret.get("data", {}).values()
                texts = [base64.b64decode(value).decode(errors="replace") for value in values]
                self._public |= {text for text in texts if text.startswith(PUBLIC)}
                for value, text in zip(values, texts, strict=True):
                    self.take(text, "keys of an MPIJob")
                    if PEM.search(text):  # as it stands in the object; its head is everybody's
                        self._note([value[60:124]], "keys of an MPIJob")
            for kind in (CONFIG_MAP, k8s_operators.load("flux_operator").resource):
                with contextlib.suppress(ApiException):  # not defined yet
                    for obj in kube.list(replace(kind, namespaced=False)).items:
                        self.take(str(obj).replace("\\n", "\n"), "certificate of a MiniCluster")
        finally:
            kube.close()


def files_with_a_secret(folders, secrets):
    """Each file below the folders that holds one, with what it is; no secret itself is told."""
    needles = {secret.encode(): what for secret, what in secrets.items()}
    return [
        f"{path}: {what}"
        for folder in folders
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not path.is_symlink()
        for what in texts_with_a_secret(path.read_bytes(), needles)
    ]


def texts_with_a_secret(data, needles):
    """Kinds of secrets in the bytes."""
    return sorted({what for needle, what in needles.items() if needle in data})


def main(folders):
    with (
        Collector(paths.state_root()) as local,
        Collector(paths.simulated_root()) as simulated,
        contextlib.suppress(KeyboardInterrupt),
    ):
        signal.pause()
    made = local.secrets | simulated.secrets
    found = files_with_a_secret(folders, made)
    lines = [f"{len(made)} secrets of {len(set(made.values()))} kinds", *found]
    sys.stdout.write("\n".join([*lines, f"{len(found)} files hold one", ""]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
