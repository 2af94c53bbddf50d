"""`python -m npseq` is the command line."""

import subprocess
import sys

import npseq


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "npseq", *arguments], capture_output=True, text=True)


def test_the_module_runs_as_a_command_with_its_status():
    failed = run("sample", "/no/model")
    assert failed.returncode == 2
    assert (
        failed.stderr == "npseq: error: a model must be an existing file, found none at '/no/model'; check the path\n"
    )
    assert failed.stdout == ""


def test_the_module_prints_the_version_of_the_package():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"npseq {npseq.__version__}\n")
