"""Writes what a guide's code prints into the ```text blocks below it: `python docs/_ext/printed_output.py PAGE ...`."""

import contextlib
import io
import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)```\n)?", re.MULTILINE | re.DOTALL)


def runs(text: str) -> list[tuple[str, str]]:
    """Returns (what the page shows, what was printed) of every Python block, run in order in one namespace."""
    names: dict[str, object] = {}
    found = []
    for block in BLOCK.finditer(text):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block["code"], "guide", "exec"), names)
        found.append((block["shown"] or "", "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())))
    return found


def renewed(text: str) -> str:
    printed = iter(runs(text))

    def block(match: re.Match[str]) -> str:
        _, now = next(printed)
        head = f"```python\n{match['code']}```\n"
        return f"{head}\n```text\n{now}```\n" if now else head

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
