"""The command line is npseq train | sample | evaluate | inspect | gradcheck.

The exit status is 0, 1 for a run that failed, 2 for bad input.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from npseq.commands import evaluate, gradcheck, inspect, sample, train
from npseq.commands.failure import INTERRUPTED, SIGNALLED, Failure
from npseq.commands.help import Columns, HelpAll, shown

COMMANDS = (train, sample, evaluate, inspect, gradcheck)


class Parser(argparse.ArgumentParser):
    """Reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message}; see {self.prog} --help", 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status; argv None takes the process's own arguments."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a character that a model writes
    try:
        arguments = vars(_parser().parse_args(argv))
        arguments.pop("command")(**arguments)
        sys.stdout.flush()
    except Failure as failure:
        print(f"npseq: {'' if failure.status > SIGNALLED else 'error: '}{failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        print("npseq: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout, say `head`, has ended
        _no_more_output()
        return 141
    except OSError as error:
        if error.filename is not None:  # so it is not stdout
            raise
        _no_more_output()
        print(f"npseq: error: the answer must find room where stdout goes: {error}", file=sys.stderr)
        return 1
    return 0


def _no_more_output() -> None:
    """Discards what stdout still buffers, which Python would try to write once more at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def completion(shell: str) -> None:
    """Prints a script by which a shell completes npseq's commands and flags."""
    try:
        import shtab
    except ImportError as error:
        wanted = "completion needs shtab, which is not installed; pip install 'npseq[completion]'"
        raise Failure(wanted, 2) from error
    print(shtab.complete(_parser(every_flag=True), shell))


def _parser(every_flag: bool = False) -> Parser:
    """Returns the parser of all commands; every_flag: whether --help shows every flag."""
    import npseq

    about = "Recurrent networks with hand-derived backpropagation through time."
    parser = Parser(prog="npseq", description=about, allow_abbrev=False, formatter_class=Columns)
    parser.add_argument("--version", action="version", version=f"npseq {npseq.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add(commands)
        command = list(commands.choices.values())[-1]
        command.formatter_class = Columns
        command.add_argument("--json", action="store_true", default=False, help="one line of JSON, for scripts")
        for action in command._actions if every_flag else ():
            shown(action.hidden if isinstance(action, HelpAll) else {})
    shells = commands.add_parser("completion", help="a script that completes npseq in a shell", allow_abbrev=False)
    shells.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    shells.set_defaults(command=completion)
    return parser
