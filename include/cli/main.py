"""Reads the arguments of `opbench`; a command's own module is loaded when it runs.

Exit codes: 0 well; 1 when the answer is no (a point is not valid, something became slower, a check
failed, something is left); 2 for input that cannot be used.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from include.cli import commands
from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WELL, NO, BAD_INPUT, STOPPED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] and (passed_on := commands.PASSED_ON.get(given[0])):
        return _pass_on(passed_on, given[1:])
    chosen = _parser().parse_args(given)
    try:
        code: int = _load(commands.BY_NAME[chosen.command].run)(chosen)
    except (BenchmarkError, FileNotFoundError) as err:
        return _refuse(err, as_json=getattr(chosen, "json", False))
    except BrokenPipeError:  # reader gone, as in `opbench ls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    except KeyboardInterrupt:
        return STOPPED
    return code


def _pass_on(module: str, arguments: list[str]) -> int:
    """A program with arguments of its own, under this command's name."""
    command: Callable[[Sequence[str]], int] = importlib.import_module(module).main
    return command(arguments)


def _load(place: str) -> Callable[[argparse.Namespace], int]:
    module, _, name = place.partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(module), name)
    return command


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
        epilog="opbench COMMAND --help tells more; opbench completion bash, for the Tab key.",
    )
    below = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in commands.BY_NAME.items():
        own = below.add_parser(name, help=command.help, description=command.text)
        for argument in command.arguments:
            own.add_argument(*argument.names, **argument.settings)
    for name, text in commands.PASSED_ON_HELP.items():
        below.add_parser(name, help=text, add_help=False)
    return parser
