"""`bin/apt-install`: waits for another apt, and for nothing else."""

import os
import subprocess

import pytest

from include.project import ROOT

LOCKED = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
BROKEN = "E: Unable to read the list of sources"


@pytest.fixture
def apt(tmp_path):
    """Plays an apt-get whose updates say the given lines and fail; then they succeed."""

    def play(*failures, packages=("runc",)):
        (tmp_path / "failures").write_text("".join(f"{line}\n" for line in failures))
        _program(
            tmp_path / "apt-get",
            'echo "$*" >> calls; [[ "$*" == *update* ]] || exit 0',
            "line=$(head -1 failures); sed -i 1d failures",
            '[[ -z "$line" ]] || { echo "$line" >&2; exit 100; }',
        )
        _program(tmp_path / "sleep", 'echo "sleep $*" >> calls')
        path = f"{tmp_path}:{os.environ['PATH']}"
        ended = subprocess.run(
            [ROOT / "bin" / "apt-install", *packages],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return ended, (tmp_path / "calls").read_text().splitlines()

    return play


def _program(path, *lines):
    path.write_text("\n".join(("#!/usr/bin/env bash", *lines, "")))
    path.chmod(0o755)


def test_packages_are_installed_after_an_update(apt):
    ended, calls = apt(packages=("runc", "containerd"))
    assert ended.returncode == 0
    assert calls[0].endswith("update")
    assert calls[1].endswith("install --no-install-recommends runc containerd")
    assert len(calls) == 2


def test_another_apt_is_waited_for(apt):
    ended, calls = apt(LOCKED, LOCKED)
    assert ended.returncode == 0
    assert [call for call in calls if call.startswith("sleep")] == ["sleep 5"] * 2
    assert "DPkg::Lock::Timeout=300" in calls[-1]
    assert LOCKED in ended.stderr


def test_the_wait_for_another_apt_has_an_end(apt):
    ended, calls = apt(*[LOCKED] * 100)
    assert ended.returncode == 1
    assert calls.count("sleep 5") == 60


def test_any_other_failure_of_an_update_is_told_at_once(apt):
    ended, calls = apt(BROKEN)
    assert ended.returncode == 1
    assert BROKEN in ended.stderr
    assert len(calls) == 1
