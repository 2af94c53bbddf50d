"""docs/coverage.md: every feature of the notes with its script, its test, what is expected and what came out.

NPSEQ_DATA=FOLDER python -m benchmarks.coverage            runs every example, then writes the table
python -m benchmarks.coverage --no-run                     writes it from the last lines that were kept
python -m benchmarks.coverage 10_rnn_from_scratch.py ...   runs these alone
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.features import FEATURES

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "examples.json"
PAGE = ROOT / "docs" / "coverage.md"
LAST_LINE = re.compile(r"(?P<name>.*): got (?P<got>\S+), expected (?P<expected>.*)")

HEAD = """# Every feature of the notes

One row for each id of the list of features that npseq was built from. *Expected* is what the tests assert, to the
digits that stand here. *Got* is the number with which the script ends and, in brackets, what it must be; a script that
several ids share has one number. The table is written, and every script run, by

    NPSEQ_DATA=FOLDER python -m benchmarks.coverage

with The Time Machine, the sunspots and the CO2 readings in that folder; the tests run by `python -m pytest -k A19`.

| id | what | expected | test | script | got |
|---|---|---|---|---|---|
"""


def run(script: str) -> str:
    """The last line of an example that runs by itself."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "examples" / script)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.splitlines()[-1]


def tests_of(name: str) -> list[str]:
    """The files under tests/ that hold a test named after an id."""
    pattern = re.compile(rf"^def test_{name}_", re.MULTILINE)
    files = (path for path in sorted((ROOT / "tests").rglob("test_*.py")))
    return [path.relative_to(ROOT).as_posix() for path in files if pattern.search(path.read_text(encoding="utf-8"))]


def row(name: str, what: str, expected: str, script: str, lines: dict[str, str]) -> str:
    tests = " ".join(f"[{Path(path).name}](../{path})" for path in tests_of(name))
    match = LAST_LINE.fullmatch(lines.get(script, ""))
    got = "{name}: **{got}** ({expected})".format(**match.groupdict()) if match else "not run yet"
    shown = f"[{script}](../examples/{script})"
    return " | ".join((f"| {name}", what, expected, tests, shown, got.replace("|", "\\|"))) + " |"


def write_page(lines: dict[str, str]) -> None:
    rows = [row(name, what, expected, script, lines) for name, what, expected, script in FEATURES]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def main() -> int:
    lines = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
    scripts = sorted(path.name for path in (ROOT / "examples").glob("[0-9][0-9]_*.py"))
    wanted = [] if "--no-run" in sys.argv else sys.argv[1:] or scripts
    for script in wanted:
        lines[script] = run(script)
        print(f"{script}: {lines[script]}", flush=True)
        KEPT.write_text(json.dumps(dict(sorted(lines.items())), indent=1) + "\n", encoding="utf-8")
    write_page({name: line for name, line in lines.items() if name in scripts})
    return 0


if __name__ == "__main__":
    sys.exit(main())
