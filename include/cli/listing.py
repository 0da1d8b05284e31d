"""`opbench ls` and `opbench show`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from include.cli.records import folder, root
from include.report.digest import FILE, Digest, read_digest
from include.results import Results

if TYPE_CHECKING:
    import argparse

_HEAD = ("STUDY", "WHEN (UTC)", "VALID", "CLUSTER", "NODES", "VERDICT", "ANSWER")
_MOST = 70  # characters of an answer in a line


def digests(place: str | None) -> list[tuple[str, Digest]]:
    """Folder name and digest of every study and import, newest first, undated ones last."""
    try:
        files = sorted(str(path) for path in root(place).glob(f"*/{FILE}"))
    except FileNotFoundError:
        files = []
    names = [path.rsplit("/", 2)[-2] for path in files]
    pairs = [(name, read_digest(Results(root(place) / name))) for name in names]
    known = [(name, digest) for name, digest in pairs if digest is not None]
    return sorted(known, key=lambda each: str(each[1].began_at or ""), reverse=True)


def ls(given: argparse.Namespace) -> int:
    """Print a line per study."""
    pairs = digests(given.results)
    if given.json:
        listed = [{"study": name, **digest.to_json()} for name, digest in pairs]
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
        return 0
    if not pairs:
        sys.stdout.write(f"no study in {root(given.results)} has a report yet\n")
        return 0
    lines = [_HEAD, *(_line(name, digest) for name, digest in pairs)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    return 0


def _line(name: str, digest: Digest) -> tuple[str, ...]:
    effect = digest.effect[0] if digest.effect else ""
    effect = effect.removeprefix("In these runs ")
    return (
        name,
        f"{digest.began_at:%Y-%m-%d %H:%M}" if digest.began_at else "-",
        f"{digest.valid}/{digest.planned}",
        digest.cluster or "-",
        ",".join(str(nodes) for nodes in digest.nodes),
        digest.verdict,
        effect if len(effect) <= _MOST else f"{effect[: _MOST - 1]}…",
    )


def show(given: argparse.Namespace) -> int:
    """Print the answer of one study, and a row per size and pair of operators."""
    results = folder(given.study, results=given.results)
    digest = read_digest(results)
    if given.json and digest is not None:
        sys.stdout.write(json.dumps(digest.to_json(), indent=2) + "\n")
        return 0
    if given.md:
        sys.stdout.write(results.read_text("summary.md"))
        return 0
    from include.cli.tables import size_table  # noqa: PLC0415  pandas takes a second to load

    lines = [*digest.effect, digest.cause, digest.cost, digest.settle] if digest else []
    sys.stdout.write("".join(f"{line}\n" for line in lines if line))
    sys.stdout.write(f"\n{size_table(results)}")
    return 0
