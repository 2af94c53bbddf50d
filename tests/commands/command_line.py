"""A text, the smallest flags of a run, and what a command prints: shared by the tests of the commands."""

import pytest

from npseq.cli import main

TEXT = "it was the best of times it was the worst of times it was the age of wisdom\n" * 4
TINY = ["--hidden-size", "8", "--epochs", "2", "--batch-size", "4", "--steps", "6", "--schedule", "constant"]


def refused(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """The one line on stderr of a command that must fail with this status."""
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("npseq: error: ")
    assert captured.out == ""
    return captured.err
