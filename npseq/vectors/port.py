"""Runs the program that is checked: once for each case, or once for all of them."""

import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import Any, NoReturn


class PortError(Exception):
    """The program gave no answer."""


class Port:
    """A program that reads questions on its stdin and answers on its stdout.

    Args:
        command: the program and its arguments, as a shell splits them.
        stream: whether one process answers all questions; otherwise each gets a process of its own, and its stdin ends.
        by_line: whether an answer is one line; otherwise it ends with the line "end".
        timeout: the seconds that an answer may take.

    Raises:
        ValueError: if there is no such program.
    """

    def __init__(self, command: str, stream: bool = False, by_line: bool = False, timeout: float = 60.0):
        self.words, self.stream, self.by_line, self.timeout = shlex.split(command), stream, by_line, timeout
        if not self.words or shutil.which(self.words[0]) is None:
            raise ValueError(f"COMMAND must be a program that can be run, got {command!r}; check its path")
        self.process: Any = None
        self.lines: Queue[str | None] = Queue()
        self.errors: Any = None

    def ask(self, question: str) -> str:
        """Returns the answer. Raises PortError if there is none in time, or the program fails."""
        process = self.process if self.stream and self.process is not None else self._start()
        Thread(target=self._write, args=(process, question), daemon=True).start()
        answer, deadline = [], monotonic() + self.timeout
        while (line := self._line(deadline)) is not None:
            answer.append(line)
            if self.stream and (self.by_line or line.split()[-1:] == ["end"]):
                return "".join(answer)
        status = self._ended(process)
        if status or self.stream:
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines()[-1:]
            self.close()
            raise PortError(": ".join([f"it ended with status {status}", *said]))
        return "".join(answer)

    def close(self) -> None:
        """Ends the program."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            with suppress(OSError):  # what it has not read is lost with it
                self.process.stdin.close()
            self.errors.close()
            self.process = None

    def _ended(self, process: Any) -> int:
        """Its status, once it has closed its stdout."""
        try:
            status: int = process.wait(self.timeout)
            return status
        except subprocess.TimeoutExpired:
            return self._late("ended")

    def _late(self, what: str) -> NoReturn:
        self.close()
        hint = "; it must flush its output behind each answer" if self.stream else ""
        raise PortError(f"it has not {what} in {self.timeout:g} seconds{hint}")

    def _start(self) -> Any:
        self.close()
        self.errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  closed with the process
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(
                self.words, stdin=pipe, stdout=pipe, stderr=self.errors, text=True, errors="replace"
            )
        except OSError as error:
            self.errors.close()
            raise PortError(f"it cannot be started: {error.strerror}") from error
        self.lines = Queue()
        Thread(target=self._read, args=(self.process, self.lines), daemon=True).start()
        return self.process

    def _write(self, process: Any, question: str) -> None:
        with suppress(OSError, ValueError):  # it has ended without reading all: its answer, or its status, says why
            process.stdin.write(question)
            process.stdin.flush()
            if not self.stream:
                process.stdin.close()

    @staticmethod
    def _read(process: Any, lines: "Queue[str | None]") -> None:
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put(None)

    def _line(self, deadline: float) -> str | None:
        """The next line of the answer; None is the end of its stdout."""
        try:
            return self.lines.get(timeout=max(deadline - monotonic(), 0.0))
        except Empty:
            self._late("answered")
