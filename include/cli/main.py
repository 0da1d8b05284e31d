"""Parses the arguments of `opbench`; a command's own module is loaded when it runs.

Exit codes: 0 success; 1 when the answer is no (a point is not valid, something became slower, a
check failed, something is left); 2 for invalid input.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from include.cli import commands
from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

WELL, BAD_INPUT, STOPPED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except (BenchmarkError, FileNotFoundError) as err:
        return _refuse(err, as_json="--json" in given)
    except BrokenPipeError:  # reader gone, as in `opbench ls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    except KeyboardInterrupt:
        return STOPPED


def _run(given: list[str]) -> int:
    if given[:1] and (program := commands.PROGRAMS.get(given[0])):
        commands.load(program.parser)().parse_args(given[1:])  # ends here for --help and a slip
        return int(commands.load(program.main)(given[1:]))
    chosen = _parser().parse_args(given)
    return int(commands.load(commands.BY_NAME[chosen.command].run)(chosen))


def _refuse(err: Exception, *, as_json: bool) -> int:
    if as_json:
        problem: dict[str, Any] = {"problems": str(err).splitlines()}
        sys.stdout.write(json.dumps(problem, indent=2) + "\n")
    else:
        sys.stderr.write("".join(f"error: {line}\n" for line in str(err).splitlines()))
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="opbench",
        description="Which Kubernetes operator runs my MPI program faster, and what does it cost?",
        epilog="opbench COMMAND --help for more; opbench completion bash for the Tab key.",
    )
    below = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in commands.BY_NAME.items():
        own = below.add_parser(name, help=command.help, description=command.text)
        for argument in command.arguments:
            own.add_argument(*argument.names, **argument.settings)
    for name, program in commands.PROGRAMS.items():
        below.add_parser(name, help=program.help, add_help=False)
    return parser
