"""Writes docs/command_line.md from the parser of the command line: `python docs/_ext/command_line.py`."""

import argparse
from pathlib import Path

from npseq.cli import _parser
from npseq.commands.help import HelpAll

HEAD = """# The command line

This page is made from the parser, by `python docs/_ext/command_line.py`; `npseq COMMAND --help` prints the same.
[Train on
your own text](guides/own_text.md) shows how the first three are used.

"""


def flag_of(action: argparse.Action) -> str:
    """Returns a flag, or an argument, with the name of its value."""
    value = "" if action.nargs == 0 else str(action.metavar or (action.dest if not action.option_strings else "VALUE"))
    if action.choices and not action.metavar:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    return " ".join(part for part in (", ".join(action.option_strings), value) if part).replace("|", "\\|")


def cell(text: object) -> str:
    """Returns a text as a cell of a table."""
    return str(text or "").replace("|", "\\|").replace("<", "&lt;")


def section(name: str, parser: argparse.ArgumentParser, about: str) -> str:
    rows = [
        f"| `{flag_of(action)}` | {cell(action.help)} |"
        for action in parser._actions
        if not isinstance(action, HelpAll) and action.help != argparse.SUPPRESS
    ]
    return "\n".join([f"## npseq {name}", "", f"{about[:1].upper()}{about[1:]}.", "", "| | |", "|---|---|", *rows, ""])


def page() -> str:
    """Returns the text of the page."""
    (commands,) = [a for a in _parser(every_flag=True)._actions if isinstance(a, argparse._SubParsersAction)]
    abouts = {choice.dest: str(choice.help) for choice in commands._choices_actions}
    return HEAD + "\n".join(section(name, parser, abouts[name]) for name, parser in commands.choices.items())


if __name__ == "__main__":
    Path(__file__).parents[1].joinpath("command_line.md").write_text(page(), encoding="utf-8")
