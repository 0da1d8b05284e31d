"""The output of a simulated MiniCluster's broker pod, in the form of today's Flux.

A test compares the form, line by line, with the log of a real run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from include.simulation.script import NOW, Line
from include.simulation.settings import Fault

if TYPE_CHECKING:
    from include.simulation.script import Run

JOB = "ƒSYNTHx"  # base58, as Flux writes job ids
START_SHARE = 0.5  # share of the broker's own time that precedes its job
BEFORE_SHARE = 0.8
ABORTED = 143  # Flux's code for a job that one rank has aborted
COMMAND = "(simulated)"
FAULT = "simulated fault"
# Shaped like a certificate, so that redaction is exercised on every simulated log.
CERTIFICATE = (
    "",
    "🌟️ Curve Certificate",
    "curve.cert",
    "metadata",
    '    name = "simulated"',
    "curve",
    '    public-key = "SYNTHETIC-PUBLIC-KEY-0000000000000000000"',
    '    secret-key = "SYNTHETIC-SECRET-KEY-0000000000000000000"',
    "",
)
GREETING = (
    *("", "Flux install root: /mnt/flux/view", ""),
    "Python version: /mnt/flux/view/bin/python3.0",
    "Python root: /mnt/flux/view/lib/python3.0",
    "PYTHONPATH is :/mnt/flux/view/lib/python3.0/site-packages",
    "PATH is /usr/bin:/bin:/mnt/flux/view/bin",
    "",
    "Hello user simulated",
)
VERSIONS = (
    f"BENCH start {NOW}",
    "commands:    \t\t0.0.0-simulated",
    "libflux-core:\t\t0.0.0-simulated",
    "build-options:\t\t+simulated",
)


def under_flux(run: Run) -> tuple[list[Line], int]:
    """Lines of a broker's log and its container's exit code, which is always 0."""
    drawn = run.drawn
    submit_s = _before_its_job_s(run)
    beside = max(0.0, drawn.launcher_time_s - run.application_s())
    printed = run.printed(submit_s + beside * BEFORE_SHARE)
    opening = [*_bootstrap(run, submit_s), *_first_events(run.nodes, submit_s)]
    if run.fault is Fault.TRUNCATED_LOG:
        return [*opening, *printed], 0
    failed = run.fault is Fault.LAUNCHER_FAILS
    launched_s = printed[-1].at_s - submit_s if failed else drawn.launcher_time_s
    closing = _failed_job(launched_s, note=FAULT) if failed else _finished_job(launched_s)
    ending = _broker_end(run, launched_s, code=ABORTED if failed else 0)
    end = submit_s + launched_s
    broker_s = launched_s + 2 * submit_s
    last = _last(broker_s, code=ABORTED if failed else 0)
    lines = [
        *(Line(at_s=end, text=text) for text in [*closing, *ending]),
        *(Line(at_s=end + submit_s, text=text) for text in last),
    ]
    return [*opening, *printed, *lines], 0


def when_a_host_is_gone(run: Run, at_s: float) -> tuple[list[str], int]:
    """Lines of a broker that loses the last of its hosts at that second, and its exit code."""
    host = f"simulated-{run.nodes - 1} (rank {run.nodes - 1})"
    launched_s = max(0.0, at_s - _before_its_job_s(run))
    note = f"node failure on {host}"
    return [
        f"<3>overlay.err[0]: {host} failed",
        f"<6>job-exec.info[0]: job-exception: id={JOB}: {note}",
        *_failed_job(launched_s, note=note),
        *_broker_end(run, launched_s, code=ABORTED, lost=host),
        *_last(launched_s + 2 * _before_its_job_s(run), code=ABORTED),
    ], 0


def _before_its_job_s(run: Run) -> float:
    return max(0.0, run.drawn.broker_time_s - run.drawn.launcher_time_s) * START_SHARE


def _bootstrap(run: Run, submit_s: float) -> list[Line]:
    last = f"[0-{run.nodes - 1}]"
    ranks = [{"rank": f"0-{run.nodes - 1}", "children": {"core": f"0-{_cores(run) - 1}"}}]
    execution = {"R_lite": ranks, "starttime": 0.0, "expiration": 0.0}
    execution["nodelist"] = [f"simulated-{last}"]
    flags = f"Flags for flux are -N {run.nodes} -n{run.ranks} -o cpu-affinity=off  -vvv"
    chatter = [
        *GREETING,
        *CERTIFICATE,
        "📦 Resources",
        f"flux R encode --hosts=simulated-{last} --local",
        json.dumps({"version": 1, "execution": execution}),
        "👋 Hello, I'm simulated-0",
        "The main host is simulated-0",
        "The working directory is /simulated, contents include:",
        "🚩️ Flux Option Flags defined",
        *VERSIONS,
        f"Command provided is: {COMMAND}",
        *(flags, "", f"🌀 Submit Mode: flux start  flux submit  --quiet --watch {COMMAND}", flags),
        "<6>broker.info[0]: builtins-success: load-builtins->join 8.18437ms",
        "<6>broker.info[0]: parent-none: join->config-sync 0.020164ms",
        "<6>broker.info[0]: sync-none: config-sync->init 0.023755ms",
    ]
    brokers = [
        (
            "<6>sched-simple.info[0]: ready: queue-depth=8 log-level=info pool-class=Rv1Pool Rv1 "
            f"rank{last}/core[0-{_cores(run) - 1}]"
        ),
        "<6>broker.info[0]: rc1.0: flux modprobe rc1 Exited (rc=0) 0.3s",
        "<6>broker.info[0]: rc1-success: init->quorum 0.326973s",
        f"<6>broker.info[0]: online: simulated-{last} (ranks 0-{run.nodes - 1})",
        f"<6>broker.info[0]: quorum-full: quorum->run {max(submit_s, 0.1):.5f}s",
    ]
    return [
        *(Line(at_s=0.0, text=text) for text in chatter),
        *(Line(at_s=submit_s, text=text) for text in brokers),
    ]


def _cores(run: Run) -> int:
    return run.ranks // run.nodes


def _event(at_s: float, name: str, **context: Any) -> str:
    """An event's line: without a context, a space remains after the name."""
    text = json.dumps(context, separators=(",", ":"), sort_keys=True) if context else ""
    return f"{JOB}: {at_s:.3f}s: {name} {text}"


def _first_events(nodes: int, submit_s: float) -> list[Line]:
    shell = {"leader-rank": 0, "service": f"0-shell-f{JOB[1:]}", "size": nodes}
    granted = {"sched": {"resource_summary": f"rank[0-{nodes - 1}]"}}
    events: tuple[tuple[float, str, dict[str, Any]], ...] = (
        (0.000, "submit", {"flags": 0, "urgency": 16, "userid": 0, "version": 1}),
        (0.012, "validate", {}),
        (0.023, "depend", {}),
        (0.023, "priority", {"priority": 16}),
        (0.060, "alloc", {"annotations": granted}),
        (0.061, "start", {}),
        (0.061, "exec.init", {}),
        (0.082, "exec.starting", {}),
        (0.141, "exec.shell.init", shell),
    )
    return [
        Line(at_s=submit_s + at_s, text=_event(at_s, name, **context))
        for at_s, name, context in events
    ]


def _finished_job(at_s: float) -> list[str]:
    return [
        _event(at_s, "finish", status=0),
        f"{JOB}: {at_s:.3f}s: complete: status=0",
        *_released(at_s),
    ]


def _failed_job(at_s: float, *, note: str) -> list[str]:
    status = ABORTED << 8  # a wait status, as Flux prints it
    return [
        _event(at_s, "exception", note=note, severity=0, type="exec", userid=0),
        f"job.exception: type=exec severity=0 {note}",
        _event(at_s, "finish", status=status),
        f"{JOB}: {at_s:.3f}s: failed: status={status}",
        *_released(at_s),
    ]


def _released(at_s: float) -> list[str]:
    release = _event(at_s, "release", final=True, ranks="all")
    return [release, _event(at_s, "free"), _event(at_s, "clean")]


def _broker_end(run: Run, launched_s: float, *, code: int, lost: str | None = None) -> list[str]:
    timed = "/usr/bin/time -f FLUXTIME fluxsubmit wall time %E flux submit"
    priority, result = ("<3>broker.err", "fail") if code else ("<6>broker.info", "success")
    return [
        *_exited(code),
        f"FLUXTIME fluxsubmit wall time {_elapsed(launched_s)}",
        (
            f"{priority}[0]: rc2.0: {timed} -N {run.nodes} -n{run.ranks} -o cpu-affinity=off -vvv "
            f"--quiet --watch {COMMAND} Exited (rc={code}) {launched_s:.1f}s"
        ),
        f"<6>broker.info[0]: rc2-{result}: run->cleanup {launched_s:.5f}s",
        *([f"<3>broker.err[0]: dead to Flux: {lost}"] if lost else []),
        (
            "<6>broker.info[0]: cleanup.0: flux queue stop --quiet --all --nocheckpoint "
            "Exited (rc=0) 0.2s"
        ),
        "<6>broker.info[0]: cleanup.1: flux resource acquire-mute Exited (rc=0) 0.2s",
        (
            "<6>broker.info[0]: cleanup.2: flux cancel --user=all --quiet --states RUN "
            "Exited (rc=0) 0.2s"
        ),
        "<6>broker.info[0]: cleanup.3: flux queue idle --quiet Exited (rc=0) 0.2s",
        "<6>broker.info[0]: cleanup-success: cleanup->shutdown 0.944598s",
        f"<6>broker.info[0]: children-{'none' if lost else 'complete'}: shutdown->finalize 0.27s",
        "<6>broker.info[0]: rc3.0: flux modprobe rc3 Exited (rc=0) 0.3s",
        "<6>broker.info[0]: rc3-success: finalize->goodbye 0.348083s",
        "<6>broker.info[0]: goodbye: goodbye->unload-builtins 0.083241ms",
        "<6>broker.info[0]: builtins-done: unload-builtins->exit 4.77486ms",
    ]


def _last(broker_s: float, *, code: int) -> list[str]:
    wall_time = f"FLUXTIME fluxstart wall time {_elapsed(broker_s)}"
    return [*_exited(code), wall_time, f"BENCH post {code} {NOW}"]


def _exited(code: int) -> list[str]:
    return [f"Command exited with non-zero status {code}"] if code else []


def _elapsed(seconds: float) -> str:
    """Duration as GNU time's `%E` writes it below one hour: truncated, not rounded."""
    hundredths = int(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"
