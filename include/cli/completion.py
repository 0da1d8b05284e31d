"""`opbench completion`: the shell's own words for the Tab key, made from the commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from include.cli.commands import BY_NAME, PASSED_ON_HELP

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


def _names() -> list[str]:
    return [*BY_NAME, *PASSED_ON_HELP]


def _options(command: Command) -> list[str]:
    names = [name for argument in command.arguments for name in argument.names]
    return [name for name in (*names, "--help") if name.startswith("--")]


def _for_bash(*, is_zsh: bool) -> str:
    cases = "\n".join(
        f'    {name}) local options="{" ".join(_options(command))}" ;;'
        for name, command in BY_NAME.items()
    )
    before = "autoload -U +X bashcompinit && bashcompinit\n" if is_zsh else ""
    return before + _BASH.format(commands=" ".join(_names()), cases=cases)


def _fish() -> str:
    helps = {name: command.help for name, command in BY_NAME.items()} | PASSED_ON_HELP
    lines = [
        f"complete -c opbench -n __fish_use_subcommand -f -a {name} -d {text!r}"
        for name, text in helps.items()
    ]
    lines += [
        f"complete -c opbench -n '__fish_seen_subcommand_from {name}' -l {option[2:]}"
        for name, command in BY_NAME.items()
        for option in _options(command)
    ]
    return "\n".join(lines) + "\n"
