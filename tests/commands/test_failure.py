"""A failure is one line and a status, and the errors of the library become one."""

import pytest

from npseq.commands.failure import INTERRUPTED, Failure, bad_input, in_flags


def test_a_failure_is_one_line_whatever_its_message():
    failure = Failure("a text\n  of two lines", 2)
    assert str(failure) == "a text of two lines"
    assert failure.status == 2
    assert INTERRUPTED == 130


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "batch_size * steps + 1 tokens; a smaller batch_size.",
            "--batch-size * steps + 1 tokens; a smaller --batch-size.",
        ),
        ("use clean='none' for it", "use --clean none for it"),
        ("replace it (overwrite=True), or not", "replace it (--overwrite), or not"),
        ("lr=0.5, batch_size=3", "--lr 0.5, --batch-size 3"),
        ("'batch_size.txt', a/batch_size, my_batch_size", "'batch_size.txt', a/batch_size, my_batch_size"),
    ],
)
def test_arguments_of_python_become_flags(message, shown):
    assert in_flags(message, ["--batch-size", "--clean", "--overwrite", "--lr"]) == shown


@pytest.mark.parametrize("kind", [ValueError, TypeError, FileNotFoundError, ImportError, RuntimeError, MemoryError])
def test_an_error_of_the_library_becomes_a_failure_with_status_2(kind):
    with pytest.raises(Failure, match="hidden must be positive") as caught, bad_input():
        raise kind("hidden must be positive")
    assert caught.value.status == 2
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("kind", [AttributeError, KeyboardInterrupt, ArithmeticError])
def test_a_bug_and_an_interrupt_pass(kind):
    with pytest.raises(kind), bad_input():
        raise kind
