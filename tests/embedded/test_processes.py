from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from include.embedded import commands, processes
from include.errors import ClusterError


@pytest.fixture
def sleeper(tmp_path):
    process = processes.start("sleeper", ["sleep", "60"], log_file=tmp_path / "log")
    yield process
    processes.kill((process,))


@pytest.fixture
def never(tmp_path):
    """A pipe that nobody writes to: a shell waits there without a child of its own."""
    os.mkfifo(tmp_path / "never")
    return tmp_path / "never"


def test_a_process_runs_in_its_own_session_without_the_callers_secrets(
    tmp_path, never, monkeypatch
):
    monkeypatch.setenv("SECRET", "x")
    found = processes.start(
        "env",
        ["sh", "-c", f"env; read line < {never}"],
        log_file=tmp_path / "log",
        environment={"GOGC": "1"},
    )
    processes.wait_for(
        "its output",
        lambda: "GOGC=1" in (tmp_path / "log").read_text(),
        timeout_s=10,
    )
    assert os.getsid(found.pid) == found.pid
    assert "SECRET" not in (tmp_path / "log").read_text()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    processes.stop((found,))
    assert not processes.is_alive(found)


@pytest.mark.parametrize(
    "secret",
    [
        'secret-key = "[key]"',
        r'{"data":{"curve.cert":"metadata\n    secret-key = \"[key]\"\n"}}',
        r"INFO map[curve.cert:metadata\n secret-key = \"[key]\" wait-0:...]",
        "-----BEGIN RSA PRIVATE KEY-----\n[key]\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_is_quoted_of_a_log_holds_no_secret(tmp_path, sleeper, secret):
    key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    key = "Zm9vYmFyZm9vYmFyZm9vYmFy" if "BEGIN" in secret else key
    log = tmp_path / "controller.log"
    log.write_text(f"started\n{secret.replace('[key]', key)}\npanic: no more\n")
    told = processes.died(sleeper.model_copy(update={"log": str(log)}))
    assert "panic: no more" in told
    assert key not in told


def test_a_pid_that_is_used_again_is_somebody_else(sleeper):
    assert processes.is_alive(sleeper)
    assert not processes.is_alive(sleeper.model_copy(update={"start_ticks": 1}))
    assert not processes.is_alive(sleeper.model_copy(update={"boot_id": "another boot"}))
    processes.kill((sleeper.model_copy(update={"start_ticks": 1}),))
    assert processes.is_alive(sleeper)


def test_a_process_that_is_stopped_lives_and_is_not_at_work(sleeper):
    assert processes.is_at_work(sleeper)
    assert not processes.is_stopped(sleeper)
    os.kill(sleeper.pid, signal.SIGSTOP)
    processes.wait_for("the stop", lambda: processes.is_stopped(sleeper), timeout_s=10)
    assert processes.is_alive(sleeper)
    assert not processes.is_at_work(sleeper)
    processes.kill((sleeper,))
    assert not processes.is_stopped(sleeper)


def test_what_ignores_a_request_is_killed(tmp_path, never):
    stubborn = processes.start(
        "stubborn", ["sh", "-c", f"trap '' TERM; read line < {never}"], log_file=tmp_path / "log"
    )
    processes.stop((stubborn,), grace_s=0.2)
    assert not processes.is_alive(stubborn)


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(ClusterError, match=r"etcd cannot be started from /no/etcd.*make setup"):
        processes.start("etcd", ["/no/etcd"], log_file=tmp_path / "log")


def test_a_death_while_waiting_is_told_with_the_end_of_the_log(tmp_path):
    dying = processes.start(
        "etcd", ["sh", "-c", "echo no space left; sleep 0.1"], log_file=tmp_path / "log"
    )
    with pytest.raises(ClusterError, match=r"(?s)etcd \(pid \d+\) has died.*no space left"):
        processes.wait_for("the database", lambda: False, needs=(dying,), timeout_s=20)


def test_a_wait_has_an_end(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(ClusterError, match="the database was not ready within 3 s"):
        processes.wait_for("the database", lambda: False, timeout_s=3)


def test_a_process_is_identified_by_its_pid(sleeper):
    found = processes.identify(sleeper.pid, name="sleeper")
    assert found.start_ticks == sleeper.start_ticks
    os.kill(sleeper.pid, signal.SIGKILL)
    processes.kill((sleeper,))
    assert processes.identify(sleeper.pid, name="sleeper") is None


def test_a_missing_log_is_no_error(tmp_path):
    assert "no log" in processes.log_tail(tmp_path / "none")


def test_a_failed_command_tells_the_end_of_what_it_said():
    with pytest.raises(ClusterError, match=r"failed \(3\): 49\n50"):
        commands.run(["sh", "-c", "seq 49 50 >&2; exit 3"])


def test_a_command_behind_a_closed_folder_is_an_error(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(commands.subprocess, "Popen", refuse)
    with pytest.raises(ClusterError, match="crictl is not installed or may not be run"):
        commands.run(["crictl"])


def test_a_command_that_is_not_there_or_takes_too_long_is_an_error():
    with pytest.raises(ClusterError, match="no-such-program is not installed"):
        commands.run(["no-such-program"])
    with pytest.raises(ClusterError, match="did not end within 0 s"):
        commands.run(["sleep", "5"], timeout_s=0.1)


def test_system_programs_are_found_without_a_path(monkeypatch):
    monkeypatch.delenv("PATH")
    assert commands.find("sh") is not None
    assert commands.run(["sh", "-c", "echo $PATH"]).strip() == commands.SYSTEM_PATH


LEADER_ENDS_FIRST = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).syscall(60, 0)  # `exit` on x86-64: ends this thread alone
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of a system call of x86-64")
def test_a_process_lives_until_its_last_thread_has_let_go_of_its_sockets(tmp_path):
    started = processes.start(
        "threads", [sys.executable, "-c", LEADER_ENDS_FIRST], log_file=tmp_path / "log"
    )
    stat = Path(f"/proc/{started.pid}/stat")
    try:
        processes.wait_for("its end", lambda: ") Z " in stat.read_text(), timeout_s=30)
        assert processes.is_alive(started)
    finally:
        processes.kill([started])
    assert not processes.is_alive(started)


def test_a_program_that_takes_too_long_ends_with_all_that_it_started(tmp_path):
    note = tmp_path / "pid"
    with pytest.raises(ClusterError, match="did not end within"):
        commands.run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], timeout_s=0.5)
    assert processes.start_ticks(int(note.read_text())) is None


def test_a_program_ends_with_all_that_it_started_when_its_caller_is_asked_to_end(tmp_path):
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}.part; mv {note}.part {note}; wait"
    code = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3));"
        "from include.embedded.commands import run; run(['sh', '-c', sys.argv[1]], timeout_s=50)"
    )
    with subprocess.Popen([sys.executable, "-c", code, script]) as caller:
        while not note.exists():
            assert caller.poll() is None
            time.sleep(0.02)
        caller.terminate()
        assert caller.wait(timeout=20) == 3
    assert processes.start_ticks(int(note.read_text())) is None
