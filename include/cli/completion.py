"""`opbench completion`: completion scripts for the shells, made from the commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from include.cli.commands import BY_NAME, PROGRAMS, load

if TYPE_CHECKING:
    import argparse

    from include.cli.commands import Command

_BASH = """\
_opbench() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}"
  if [[ $COMP_CWORD == 1 ]]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}}
complete -o filenames -F _opbench opbench
"""


def run(given: argparse.Namespace) -> int:
    """Print the completion of one shell."""
    sys.stdout.write(_fish() if given.shell == "fish" else _for_bash(is_zsh=given.shell == "zsh"))
    return 0


def _helps() -> dict[str, str]:
    return {name: command.help for name, command in (BY_NAME | PROGRAMS).items()}


def _options() -> dict[str, list[str]]:
    """The options of each command, by its name."""
    own = {name: _own_options(command) for name, command in BY_NAME.items()}
    return own | {name: _options_of(load(each.parser)()) for name, each in PROGRAMS.items()}


def _own_options(command: Command) -> list[str]:
    names = [name for argument in command.arguments for name in argument.names]
    return [name for name in (*names, "--help") if name.startswith("--")]


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    """The options of a program and of its own commands."""
    parsers = [parser]
    for action in parser._actions:  # noqa: SLF001  argparse has no other list of them
        if isinstance(action.choices, dict):
            parsers += action.choices.values()
    names = [name for each in parsers for name in each._option_string_actions]  # noqa: SLF001
    return [*dict.fromkeys(name for name in names if name.startswith("--"))]


def _for_bash(*, is_zsh: bool) -> str:
    cases = "\n".join(
        f'    {name}) local options="{" ".join(options)}" ;;'
        for name, options in _options().items()
    )
    before = "autoload -U +X bashcompinit && bashcompinit\n" if is_zsh else ""
    return before + _BASH.format(commands=" ".join(_helps()), cases=cases)


def _fish() -> str:
    lines = [
        f"complete -c opbench -n __fish_use_subcommand -f -a {name} -d {text!r}"
        for name, text in _helps().items()
    ]
    lines += [
        f"complete -c opbench -n '__fish_seen_subcommand_from {name}' -l {option[2:]}"
        for name, options in _options().items()
        for option in options
    ]
    return "\n".join(lines) + "\n"
