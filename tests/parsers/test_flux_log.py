import pytest

from include.parsers import flux_log

EXCEPTION = 'ƒA1: 0.027s: exception {"note":"no node","severity":0,"type":"alloc","userid":0}'


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ((), None),
        (("all is well", "<6>broker.info[0]: rc1-success: init->quorum 0.3s"), None),
        ((EXCEPTION, "flux-shell[0]: FATAL: later"), "Flux says 'type=alloc no node'"),
        (
            ("job.exception: type=exec severity=0 lost worker-1",),  # `quiet`: no events at all
            "the broker's log says 'job.exception: type=exec severity=0 lost worker-1'",
        ),
        (
            ("/usr/bin/time is required to use logging.timed true", "bash: x: command not found"),
            "the broker's log says '/usr/bin/time is required to use logging.timed true'",
        ),
        (
            (
                "<3>broker.err[0]: rc1.0: flux: modprobe is not a flux command.",
                "<3>broker.err[0]: rc1.0: flux modprobe rc1 Exited (rc=1) 0.6s",
            ),
            (
                "the broker's log says "
                "'<3>broker.err[0]: rc1.0: flux: modprobe is not a flux command.'"
            ),
        ),
        (
            ("flux-shell[1]: FATAL: lmp: No such file or directory",),
            "the broker's log says 'flux-shell[1]: FATAL: lmp: No such file or directory'",
        ),
        (
            ("flux-submit: ERROR: [Errno 22] Unsatisfiable request",),
            "the broker's log says 'flux-submit: ERROR: [Errno 22] Unsatisfiable request'",
        ),
        (
            (
                "<3>broker.err[0]: rc2.0: flux submit … Exited (rc=1) 0.5s",
                "<3>overlay.err[0]: Error loading certificate: Invalid argument",
            ),
            (
                "the broker's log says '<3>overlay.err[0]: Error loading certificate: "
                "Invalid argument'"
            ),
        ),
        (
            ("/mnt/flux/view/bin/flux: /lib/libc.so.6: version `GLIBC_2.38' not found (required",),
            (
                "the broker's log says \"/mnt/flux/view/bin/flux: /lib/libc.so.6: "
                "version `GLIBC_2.38' not found (required\""
            ),
        ),
    ],
)
def test_the_reason_nearest_to_the_cause_is_told(lines, complaint):
    assert flux_log.complaint(lines) == complaint


def test_events_that_cannot_be_read_do_not_hide_the_rest():
    lines = ("12.5ƒA1: 0.027s: submit ", "flux-shell[0]: ERROR: no such plugin")
    assert flux_log.complaint(lines) == (
        "the broker's log says 'flux-shell[0]: ERROR: no such plugin'"
    )


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        (("commands:    \t\t0.88.0",), "flux-core 0.88.0"),
        (
            (
                "commands:    \t\t0.67.0",
                "<6>sched-fluxion-resource.info[0]: version 0.38.0-22-g1a2b",
                "<6>sched-fluxion-qmanager.info[0]: version 0.38.0-22-g1a2b",
            ),
            (
                "flux-core 0.67.0, sched-fluxion-resource 0.38.0-22-g1a2b, "
                "sched-fluxion-qmanager 0.38.0-22-g1a2b"
            ),
        ),
        (
            ("commands: 0.50.0", "sched-simple.info[0]: ready: 2 of 2 cores"),
            ("flux-core 0.50.0, sched-simple"),
        ),
        (("libflux-core: 0.88.0",), None),
    ],
)
def test_versions_of_flux_and_its_scheduler_are_told(lines, version):
    assert flux_log.version(lines) == version
