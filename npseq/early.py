"""Ctrl-C ends the command line with one line also while Python is still loading it.

Loading takes a moment, and an exception in it would be a traceback of others' modules. So this module is loaded first,
and loads next to nothing itself.
"""

import os
import signal
import sys


def _end(number: int, frame: object) -> None:
    os.write(2, b"npseq: interrupted\n")
    os._exit(128 + number)


def listen() -> None:
    """Handles Ctrl-C, if this process runs the command line and nobody else handles it."""
    begun_as = "npseq" if sys.argv[0] == "-m" and "npseq" in sys.orig_argv else os.path.basename(sys.argv[0])
    if begun_as in ("npseq", "npseq.exe") and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def listen_no_longer() -> None:
    """Makes Ctrl-C an exception again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if getattr(sys, "argv", None):
    listen()
