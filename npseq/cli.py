"""The command line is npseq train | sample | evaluate | inspect | gradcheck | diagnose | learn | explain |
vectors.

The exit status is 0, 1 for a run that failed, 2 for bad input.
"""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from npseq import early
from npseq.commands import diagnose, evaluate, explain, gradcheck, inspect, learn, sample, train, vectors
from npseq.commands.failure import INTERRUPTED, SIGNALLED, Failure, in_flags
from npseq.commands.flags import MOST_SHOWN, without_flag
from npseq.commands.help import Columns, HelpAll, shown

COMMANDS = (train, sample, evaluate, inspect, gradcheck, diagnose, learn, explain, vectors)


class Parser(argparse.ArgumentParser):
    """Reports an error in one line, and hides none in printing its help."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("required: COMMAND"):
            message = f"a command is required, one of {', '.join(_commands(self))}"
        raise Failure(f"{message}{self._meant(message)}; see {self.prog} --help", 2)

    def _meant(self, message: str) -> str:
        """Returns the flag, or the command, that is spelt much like one that is not known."""
        from difflib import get_close_matches

        words = re.findall(r"(?:unrecognized arguments: |invalid choice: ')(-?-?[\w-]+)", message)
        known = [*self._option_string_actions, *(c for a in self._actions for c in map(str, a.choices or ()))]
        begun = [name for name in known if words and len(words[0]) > 3 and name.startswith(words[0])]
        near = begun or (get_close_matches(words[0], known, 1, 0.7) if words else [])
        return f"; did you mean {near[0]}?" if near and near[0] not in words else ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reports what a command does not know by the command's own name."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._subparsers is None:
            more = f" and {len(rest) - MOST_SHOWN} more" if len(rest) > MOST_SHOWN else ""
            flag = without_flag(rest, self._option_string_actions, getattr(found, "text", None))
            self.error(f"unrecognized arguments: {' '.join(rest[:MOST_SHOWN])}{more}{flag}")
        return found, rest

    def _print_message(self, message: str, file: Any = None) -> None:
        print(message, end="", file=file)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status; argv None takes the process's own arguments."""
    early.listen_no_longer()
    try:
        _run(argv)
    except Failure as failure:
        _tell(f"{'' if failure.status > SIGNALLED else 'error: '}{in_flags(str(failure), _flags())}")
        return failure.status
    except KeyboardInterrupt:
        _tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout, say `head`, has ended
        _no_more(sys.stdout)
        return 141
    except OSError as error:
        if error.filename is not None:  # so it is not stdout
            raise
        _no_more(sys.stdout)
        _tell(f"error: the answer must find room where stdout goes: {error.strerror}")
        return 1
    return 0


def _run(argv: Sequence[str] | None) -> None:
    """Runs a command. Raises Failure for an error, and OSError if stdout cannot take the answer."""
    if closed := [name for name in ("stdout", "stderr") if getattr(sys, name) is None]:
        raise Failure(f"{' and '.join(closed)} must be open, even if nobody reads: redirect it to {os.devnull}", 1)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a character that a model writes
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *where: _tell(f"warning: {message}")
        try:
            arguments = vars(_parser().parse_args(argv))
            arguments.pop("command")(**arguments)
        finally:
            sys.stdout.flush()


def _tell(line: str) -> None:
    """Prints a line on stderr, or, if that is closed, on stdout; where neither takes it, there is the exit status."""
    try:
        print(f"npseq: {' '.join(line.split())}", file=sys.stderr, flush=True)
    except OSError:
        _no_more(sys.stderr)


def _no_more(stream: Any) -> None:
    """Discards what a stream still buffers, which Python would try to write once more at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def completion(shell: str) -> None:
    """Prints a script by which a shell completes npseq's commands and flags."""
    try:
        import shtab
    except ImportError as error:
        wanted = "completion needs shtab, which is not installed; pip install 'npseq[completion]'"
        raise Failure(wanted, 2) from error
    print(shtab.complete(_parser(every_flag=True), shell))


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {name: one for action in parser._actions if isinstance(action.choices, dict)
            for name, one in action.choices.items()}  # fmt: skip


def _flags() -> set[str]:
    """The long flags of all commands."""
    return {flag for one in _commands(_parser()).values() for flag in one._option_string_actions if flag[:2] == "--"}


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
