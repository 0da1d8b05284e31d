"""A Docker daemon for one test: started by hand in a folder of its own, gone with it.

It changes nothing of the machine's network: no bridge of its own, no packet filter, no forwarding.
So containers reach each other and this machine reaches their published ports, and builds use the
network of this machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = ("dockerd", "docker-compose", "debootstrap")
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # Debian's own, before what else may be called docker
START_LIMIT_S = 60
BUILD_LIMIT_S = 3600
OFFLINE = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")
# How this machine's clients reach their package sources; a base image carries them along.
CLIENT_VARIABLES = ("PIP_INDEX_URL", "UV_INDEX_URL", "GOPROXY", "GOSUMDB", "HTTPS_PROXY")
CLIENT_FILES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/auth.conf.d")
CERTIFICATES = "/usr/local/share/ca-certificates"


class CannotRun(Exception):
    """No Docker daemon can run here; says why."""


class Docker:
    """A daemon, and the programs that talk to it."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "dockerd.log"
        self.socket = folder / "sock"
        self.process = None
        self.environment = {
            "PATH": SYSTEM_PATH,
            "HOME": str(folder),
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_BUILDKIT": "1",
        }

    def start(self):
        """Start the daemon; CannotRun with the end of its log when it does not answer."""
        if os.geteuid() != 0:
            raise CannotRun("a Docker daemon needs root")
        missing = [name for name in PROGRAMS if not shutil.which(name, path=SYSTEM_PATH)]
        if missing:
            raise CannotRun(f"not installed: {', '.join(missing)}; `make compose-test` does that")
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        options = [f"--{option}={self.folder / name}" for option, name in places.items()]
        words = ["dockerd", *options, *OFFLINE, f"--host=unix://{self.socket}"]
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                words, stdout=out, stderr=out, env=self.environment, start_new_session=True
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise CannotRun(f"dockerd does not run here:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.2)

    def _answers(self):
        words = ["docker", "version"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(words, env=self.environment, check=False, **quiet).returncode == 0

    def stop(self):
        """End the daemon and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        for mount in reversed(mounts_below(self.folder)):
            subprocess.run(["umount", "--lazy", mount], check=True, timeout=30)
        shutil.rmtree(self.folder)

    def run(self, *words, limit_s=120, **more):
        """Standard output of a program; fails with its error output."""
        environment = self.environment | more.pop("variables", {})
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",  # results hold binary files too
            timeout=limit_s,
            check=False,
            env=environment,
            cwd=more.pop("folder", ROOT),
            **more,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def build(self, tag, folder, **arguments):
        """Build an image with this machine's network, as the registries are reached from there."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        words = ["docker", "build", "--network=host", "--progress=plain", *given, "--tag", tag]
        self.run("nice", *words, str(folder), limit_s=BUILD_LIMIT_S)

    def make_base(self, tag):
        """A Debian from Debian's packages, with this machine's way to its package sources."""
        system = self.folder / "debian"
        self.run(
            "nice",
            "debootstrap",
            "--variant=minbase",
            "bookworm",
            str(system),
            limit_s=BUILD_LIMIT_S,
        )
        for path in map(Path, (*CLIENT_FILES, CERTIFICATES)):
            copy = system / path.relative_to("/")
            if path.is_dir():
                shutil.copytree(path, copy, dirs_exist_ok=True)
            elif path.exists():
                shutil.copyfile(path, copy)
            else:
                copy.unlink(missing_ok=True)
        kept = {name: os.environ[name] for name in CLIENT_VARIABLES if name in os.environ}
        changes = [word for name, value in kept.items() for word in ("-c", f"ENV {name}={value}")]
        self._import(tag, ["tar", "-C", str(system), "-c", "."], changes)
        shutil.rmtree(system)

    def make_programs(self, tag, cache):
        """An image with programs that this project has built on this machine."""
        words = ["tar", "-C", str(cache), "--transform", "s,^bin,programs/bin,", "-c", "bin"]
        self._import(tag, words, [])

    def _import(self, tag, tar, changes):
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as source:
            self.run("docker", "import", *changes, "-", tag, stdin=source.stdout, limit_s=600)
        assert source.returncode == 0


def mounts_below(folder):
    """Mount points in a folder, the outer ones first."""
    mounted = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    return sorted(path for path in mounted if path.startswith(f"{folder}/"))
