"""What the broker pod of a simulated MiniCluster prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.simulation.script import FAILED, Line
from include.simulation.settings import Fault

if TYPE_CHECKING:
    from include.simulation.script import Run

JOB = "ƒSYNTHx"  # base58, as Flux writes job ids
START_SHARE = 0.5  # of what the broker takes beside its job comes before it
BEFORE_SHARE = 0.8
# Shaped like a certificate, so that redaction is tried on every simulated log.
CERTIFICATE = (
    "🌟️ Curve Certificate",
    "metadata",
    '    name = "simulated"',
    "curve",
    '    public-key = "SYNTHETIC-PUBLIC-KEY-0000000000000000000"',
    '    secret-key = "SYNTHETIC-SECRET-KEY-0000000000000000000"',
)
RESOURCES = '{{"version": 1, "execution": {{"R_lite": [{{"rank": "0-{last}"}}]}}}}'


def under_flux(run: Run) -> tuple[list[Line], int]:
    """Lines of a broker's log and its container's exit code, which is 0 whatever happened."""
    drawn = run.drawn
    submit_s = max(0.0, drawn.broker_time_s - drawn.launcher_time_s) * START_SHARE
    beside = max(0.0, drawn.launcher_time_s - run.application_s())
    printed = run.printed(submit_s + beside * BEFORE_SHARE)
    opening = [*_bootstrap(run.nodes, submit_s), *_events(submit_s, _FIRST_EVENTS)]
    if run.fault is Fault.TRUNCATED_LOG:
        return _on_terminal([*opening, *printed]), 0
    failed = run.fault is Fault.LAUNCHER_FAILS
    launched_s = printed[-1].at_s - submit_s if failed else drawn.launcher_time_s
    end = submit_s + launched_s
    closing = _closing(
        end, launched_s=launched_s, broker_s=launched_s + 2 * submit_s, failed=failed
    )
    return _on_terminal([*opening, *printed, *closing]), 0


_FIRST_EVENTS = (
    (0.000, "submit"),
    (0.012, "validate"),
    (0.023, "depend"),
    (0.023, "priority"),
    (0.060, "alloc"),
    (0.061, "exec.init"),
    (0.061, "exec.starting"),
    (0.082, "start"),
    (0.141, "exec.shell.init"),
)


def _bootstrap(nodes: int, submit_s: float) -> list[Line]:
    last = nodes - 1
    chatter = [*CERTIFICATE, "📦 Resources", RESOURCES.format(last=last)]
    brokers = [
        "<6>broker.info[0]: rc1-success: init->quorum 0.326973s",
        f"<6>broker.info[0]: online: simulated-[0-{last}] (ranks 0-{last})",
        f"<6>broker.info[0]: quorum-full: quorum->run {max(submit_s, 0.1):.5f}s",
    ]
    return [
        *(Line(at_s=0.0, text=text) for text in chatter),
        *(Line(at_s=submit_s, text=text) for text in brokers),
    ]


def _events(submit_s: float, events: tuple[tuple[float, str], ...]) -> list[Line]:
    return [
        Line(at_s=submit_s + after, text=f"{JOB}: {after:.3f}s {name}") for after, name in events
    ]


def _closing(end_s: float, *, launched_s: float, broker_s: float, failed: bool) -> list[Line]:
    status = FAILED * 256 if failed else 0  # a wait status, as Flux prints it
    code = FAILED if failed else 0
    before = [f"{JOB}: exception type=exec severity=0 simulated fault"] if failed else []
    texts = [
        *(f"{JOB}: {launched_s:.3f}s {text.partition(': ')[2]}" for text in before),
        f"{JOB}: {launched_s:.3f}s finish",
        f"{JOB}: complete: status={status}",
        f"{JOB}: {launched_s:.3f}s release",
        f"{JOB}: {launched_s:.3f}s free",
        f"{JOB}: {launched_s:.3f}s clean",
        *(["Command exited with non-zero status 1"] if failed else []),
        f"FLUXTIME fluxsubmit wall time {_elapsed(launched_s)}",
        f"<6>broker.info[0]: rc2.0: flux submit … Exited (rc={code}) {launched_s:.1f}s",
        f"<6>broker.info[0]: rc2-success: run->cleanup {launched_s:.5f}s",
    ]
    last = (f"FLUXTIME fluxstart wall time {_elapsed(broker_s)}", f"BENCH post {code}")
    return [
        *(Line(at_s=end_s, text=text) for text in texts),
        *(Line(at_s=end_s + broker_s - launched_s, text=text) for text in last),
    ]


def _elapsed(seconds: float) -> str:
    """As GNU time's `%E` writes it below one hour: cut off, not rounded."""
    hundredths = int(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def _on_terminal(lines: list[Line]) -> list[Line]:
    """The containers have a terminal, so lines end in CR LF."""
    return [Line(at_s=line.at_s, text=f"{line.text}\r") for line in lines]
