"""Programs that answer, end, fail, hang, or cannot be started."""

import shlex
import sys

import pytest

from npseq.vectors.port import Port, PortError


def port(program, **given):
    return Port(shlex.join([sys.executable, "-c", program]), **given)


ONCE = "import sys; text = sys.stdin.read(); print(len(text)); print('end')"
LINES = "import sys\nfor n, line in enumerate(sys.stdin): print(n, len(line), flush=True)"


def test_a_process_for_each_question():
    one = port(ONCE)
    assert [one.ask("abc"), one.ask("x" * 300_000)] == ["3\nend\n", "300000\nend\n"]
    one.close()


def test_one_process_for_all():
    one = port(LINES, stream=True, by_line=True)
    assert [one.ask("abc\n"), one.ask("x" * 300_000 + "\n")] == ["0 4\n", "1 300001\n"]
    one.close()
    assert one.process is None


def test_an_answer_of_a_stream_ends_with_end():
    one = port("for _ in range(2): input(); print('y 0 1'); print('end', flush=True)", stream=True)
    assert one.ask("a\n") == one.ask("b\n") == "y 0 1\nend\n"
    one.close()


def test_a_program_that_fails_says_why():
    for stream in (False, True):
        one = port("import sys; print('half'); sys.exit('no such gate')", stream=stream)
        with pytest.raises(PortError, match="it ended with status 1: no such gate"):
            one.ask("a\n")


def test_a_stream_that_ends_is_started_again():
    one = port("print(input(), flush=True)", stream=True, by_line=True)
    assert one.ask("a\n") == "a\n"
    with pytest.raises(PortError, match="it ended with status 0"):
        one.ask("b\n")
    assert one.ask("c\n") == "c\n"
    one.close()


@pytest.mark.parametrize(("stream", "hint"), [(False, r"seconds$"), (True, "it must flush its output")])
def test_a_program_that_hangs_is_ended(stream, hint):
    one = port("import time; time.sleep(60)", stream=stream, timeout=0.2)
    with pytest.raises(PortError, match=f"it has not answered in 0.2 seconds.*{hint}|{hint}"):
        one.ask("a\n")
    assert one.process is None


def test_a_program_that_closes_its_stdout_and_hangs_is_ended():
    one = port("import os, time; os.close(1); time.sleep(60)", timeout=1.0)
    with pytest.raises(PortError, match="it has not ended in 1 seconds"):
        one.ask("a\n")


def test_a_program_that_does_not_read_is_no_error():
    one = port("print('end')")
    assert one.ask("x" * 300_000) == "end\n"
    one.close()


@pytest.mark.parametrize("command", ["", "/no/such/program", "no-such-program --flag"])
def test_there_must_be_a_program(command):
    with pytest.raises(ValueError, match="COMMAND must be a program that can be run"):
        Port(command)


def test_a_file_that_is_no_program(tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)
    with pytest.raises(PortError, match="it cannot be started: Exec format error"):
        Port(str(path)).ask("a\n")
