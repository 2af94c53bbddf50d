"""Writes docs/coverage.md: every feature of the lecture notes with its script, its test, and the number that it gives.

The pictures of the examples are kept in docs/figures/, with few colours, for examples/README.md and the site.

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
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.features import FEATURES

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "examples.json"
PRINTED = ROOT / "benchmarks" / "results" / "printed.json"
TRANSLATION = ROOT / "benchmarks" / "results" / "translation.json"
PAGE = ROOT / "docs" / "coverage.md"
FIGURES = ROOT / "docs" / "figures"
COLOURS = 48
LAST_LINE = re.compile(r"(?P<name>.*): got (?P<got>\S+), expected (?P<expected>.*)")

HEAD = """# Every feature of the notes

The table has one row, with an id, for each feature of the five lecture notes that npseq started from;
[Errors in the notes](errors_in_the_notes.md) names their public sources. *Expected* is what the tests assert, to the
digits printed here. *Got* is the last number that the script prints and, in brackets, what it must be; a script that
several ids share has one number. With The Time Machine, the sunspots and the CO2 readings in a folder,

    NPSEQ_DATA=FOLDER python -m benchmarks.coverage

runs every script and writes the table. `python -m pytest -k A19` runs the tests of an id.

| id | what | expected | test | script | got |
|---|---|---|---|---|---|
"""

COMPARED = {
    "32_comparing_cells.py": "LSTM, GRU and RNN: parameters, time of 35 steps of 32 sequences, range (A49)",
    "33_deep_against_shallow.py": "Deep against shallow (A50)",
    "29_bidirectional_tagger.py": "A tagger that reads both ways against a forward one (A51)",
}
COMPARISONS = """
## Measured side by side

The scripts print these lines, with one seed each. The milliseconds are of a machine with other work on it.
[Performance](performance.md) compares the cells with PyTorch and JAX; 38_long_range.py has the range up to 500 words.
"""
PAIRS = """
## Sequence to sequence with d2l's settings (A54, A57)

GRU, 2 layers of 32, embedding 32, dropout 0.1, Xavier, batch 64, sentences of 10 tokens, Adam 0.005, clip 1, 300
epochs, 600 of the 5,000 pairs at hand, words seen once are `<unk>`: `python -m benchmarks.translation --save
translation`. The loss is that of Dive into Deep Learning, 10.7: each sentence's cross-entropies divided by the padded
length of 10, added up over the last epoch, with dropout, and divided by the target tokens. Over 70 builds the book has
0.018 to 0.020, on another file.

The book takes the first 600 lines. In the file at hand these are 213 English sentences, one of them with 24
translations, and no fixed model gets below the entropy of the pairs: the least loss in the table, which for those lines
is above 0.021. So **the first 600 lines cannot reach 0.021 with any network**. 600 lines drawn from the whole file can,
and so can 600 sentences with the first translation of each.

| 600 pairs | sources, rare words `<unk>` | least loss there is | loss | translated exactly, of the pairs |
|---|---:|---:|---:|---:|
"""


def run(script: str) -> list[str]:
    """The lines of an example that runs by itself. Its picture is kept."""
    command = [sys.executable, str(ROOT / "examples" / script)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NPSEQ_FIGURES": folder}
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        keep_picture(Path(folder, script).with_suffix(".png"))
    return found.stdout.splitlines()


def keep_picture(path: Path) -> None:
    """The same picture in few colours, a third of the bytes."""
    FIGURES.mkdir(exist_ok=True)
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(FIGURES / path.name, optimize=True)


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


def comparisons(printed: dict[str, list[str]]) -> str:
    shown = {title: printed[script] for script, title in COMPARED.items() if script in printed}
    return COMPARISONS + "".join(f"\n**{title}**\n\n" + block(lines) for title, lines in shown.items())


def block(lines: list[str]) -> str:
    return "\n".join(["```text", *lines, "```"]) + "\n"


def translation(kept: dict[str, dict[str, float]]) -> str:
    rows = [
        f"| {name} | {r['sources']} | {r['least']:.4f} | **{r['loss']:.4f}** | {r['exact']:.1%} |"
        for name, r in kept.items()
    ]
    return PAIRS + "\n".join(rows) + "\n"


def write_page(lines: dict[str, str], printed: dict[str, list[str]]) -> None:
    rows = [row(name, what, expected, script, lines) for name, what, expected, script in FEATURES]
    page = HEAD + "\n".join(rows) + "\n" + comparisons(printed)
    if TRANSLATION.is_file():
        page += translation(read(TRANSLATION)["results"])
    PAGE.write_text(page, encoding="utf-8")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def keep(path: Path, what: dict) -> None:
    path.write_text(json.dumps(dict(sorted(what.items())), indent=1) + "\n", encoding="utf-8")


def main() -> int:
    lines, printed = read(KEPT), read(PRINTED)
    scripts = sorted(path.name for path in (ROOT / "examples").glob("[0-9][0-9]_*.py"))
    wanted = [] if "--no-run" in sys.argv else sys.argv[1:] or scripts
    for script in wanted:
        output = run(script)
        lines[script] = output[-1]
        print(f"{script}: {lines[script]}", flush=True)
        keep(KEPT, lines)
        if script in COMPARED:
            printed[script] = output
            keep(PRINTED, printed)
    write_page({name: line for name, line in lines.items() if name in scripts}, printed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
