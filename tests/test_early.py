"""Ctrl-C while the command line is being loaded is one line, and anywhere else what it was."""

import os
import signal
import subprocess
import sys

import pytest

from npseq import early

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a signal to a process itself")

# what runs before npseq is loaded: Ctrl-C in the middle of that, when the first of its other modules is looked for
INTERRUPTING = """
import importlib.abc, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "npseq.data":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


def loaded(code, *flags):
    return subprocess.run(
        [sys.executable, *flags, "-c", INTERRUPTING + code], capture_output=True, text=True, check=False
    )


def test_ctrl_c_while_the_command_is_loaded_is_one_line_and_status_130():
    for code in ("sys.argv[0] = '/usr/bin/npseq'; import npseq.cli",
                 "sys.argv[0], sys.orig_argv = '-m', ['python', '-m', 'npseq']; import npseq"):  # fmt: skip
        run = loaded(code)
        assert (run.returncode, run.stdout, run.stderr) == (130, "", "npseq: interrupted\n")


@pytest.mark.parametrize("name", ["study.py", "-c", "-m", "/home/me/npseq/study", "npseq_study.py", ""])
def test_ctrl_c_in_the_program_of_another_is_its_own(name):
    run = loaded(f"sys.argv[0] = {name!r}; import npseq")
    assert run.returncode == -signal.SIGINT
    assert run.stderr.endswith("KeyboardInterrupt\n")


def test_who_handles_it_already_goes_on_handling_it():
    run = loaded("sys.argv[0] = 'npseq'; signal.signal(signal.SIGINT, lambda *given: print('mine')); import npseq")
    assert (run.returncode, run.stdout, run.stderr) == (0, "mine\n", "")


def test_it_is_an_exception_again_once_a_command_runs():
    before = signal.signal(signal.SIGINT, early._end)
    try:
        early.listen_no_longer()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        early.listen_no_longer()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
