"""The help of a command fits a screen: it lists the most common flags, and --help-all lists the rest."""

import argparse
from collections.abc import Iterable
from typing import Any, NoReturn

WIDTH = 80


class Columns(argparse.HelpFormatter):
    """Prints each flag's help beside it, on a terminal of 80 columns."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=26, width=WIDTH - 1)


class HelpAll(argparse.Action):
    """Prints the help of every flag."""

    def __init__(self, option_strings: list[str], hidden: dict[argparse.Action, str], **given: Any):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="show every flag")
        self.hidden = hidden

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> NoReturn:
        shown(self.hidden)
        parser.print_help()
        parser.exit()


def shown(hidden: dict[argparse.Action, str]) -> None:
    """Restores the help of the flags that `brief` hides."""
    for action, text in hidden.items():
        action.help = text


def brief(parser: argparse.ArgumentParser, common: Iterable[str], usage: str) -> None:
    """Hides all flags but these from --help, and adds --help-all."""
    wanted = {f"--{name}" for name in common} | {"--help"}
    flags = [action for action in parser._actions if action.option_strings]
    hidden = {action: str(action.help) for action in flags if not wanted.intersection(action.option_strings)}
    for action in hidden:
        action.help = argparse.SUPPRESS
    parser.usage = usage
    parser.add_argument("--help-all", action=HelpAll, hidden=hidden)
