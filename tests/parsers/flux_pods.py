"""Logs of real Flux in real pods, and the form of a broker's log without what differs by run."""

import re
from pathlib import Path

from include.parsers import kubelet_log
from include.parsers.lines import lines_of

RECORDED = Path(__file__).parents[1] / "golden" / "flux"  # runs of `local` with Flux 0.88.0
EVENT = re.compile(r"ƒ\w+: [\d.]+s: ([a-z.-]+:?) ?(\{.*\})?")
KEYS = re.compile(r'"([\w-]+)":')
LOGGED = re.compile(r"(<\d>[a-z-]+\.[a-z]+\[0\]: [a-z0-9-]+[.:])")
OTHERS = re.compile(
    r"FLUXTIME \w+ wall time|BENCH \w+|job\.exception: type=\w+ severity=0|Command exited with"
    r"|commands:\s+|libflux-core:\s+|Flags for flux are|🌀 Submit Mode: flux start|📦 Resources"
    r"|\{\"version\": 1, \"execution\"|🌟️ Curve Certificate|Flux install root:|👋 Hello, I'm"
)


def stamped_lines_of(path):
    """The lines of a log as the kubelet gives it, each with its stamp."""
    return [kubelet_log.split_stamp(line) for line in lines_of(path.read_bytes())]


def texts_of(path):
    """The same without the stamps."""
    return [text for _, text in stamped_lines_of(path)]


def form_of(lines):
    """The kinds of lines that Flux and the operator's script print, in their order."""
    return [kind for line in lines if (kind := _kind(line))]


def _kind(line):
    if match := EVENT.match(line):
        return f"{match[1]} {','.join(KEYS.findall(match[2] or ''))}"
    match = LOGGED.match(line) or OTHERS.match(line)
    return match and match[0]
