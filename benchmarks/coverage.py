"""Writes docs/coverage.md: every feature of the lecture notes, and every example, with the number that it gives.

The pictures of the examples are kept in docs/figures/, with few colours, for examples/README.md and the site.

NPSEQ_DATA=FOLDER python -m benchmarks.coverage            runs every example, then writes the table
python -m benchmarks.coverage --no-run                     writes it from the last lines that were kept
python -m benchmarks.coverage 10_rnn_from_scratch.py ...   runs these alone
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.features import BOOK, Section, rows, sections

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "examples.json"
PRINTED = ROOT / "benchmarks" / "results" / "printed.json"
TRANSLATION = ROOT / "benchmarks" / "results" / "translation.json"
PAGE = ROOT / "docs" / "coverage.md"
NOTES = ROOT / "docs" / "from_the_notes.md"
FIGURES = ROOT / "docs" / "figures"
COLOURS = 48
LAST_LINE = re.compile(r"(?P<name>.*): got (?P<got>\S+), expected (?P<expected>.*)")

HEAD = """# Every feature of the notes

npseq grew from five lecture notes; [From the notes to npseq](from_the_notes.md) goes through them, with a call for each
thing. These are its commented lines, each with what it prints: `python -m pytest tests/docs/test_from_the_notes.py`
runs them all. (0.0, 1.5) is a difference, to 12 digits, of numbers the largest of which is 1.5; or, where "how many" is
said, the largest error of so many derivatives. A perplexity of 500 epochs is from [a real
book](performance.md#a-real-book).

"""
SCRIPTS = """
## The examples

Each script ends with its number, which must be as expected; `tests/examples` runs them all. 53 stands here with its
500 epochs (`--book`). With The Time Machine, the sunspots, the CO2 readings and Tatoeba's pairs in a folder, this page
is written by

    NPSEQ_DATA=FOLDER python -m benchmarks.coverage

Numbers of long trainings move with the BLAS, whose kernels differ in last digits. Over five of OpenBLAS's
(`OPENBLAS_CORETYPE=` Haswell, Zen, SkylakeX, Sandybridge, Prescott) 21 has 0.93 to 0.95, and 40 has 0.17 to 0.19; here
stand those of the first two.

| script | what | got | expected |
|---|---|---|---|
"""
COMPARED = {
    "32_comparing_cells.py": "LSTM, GRU and RNN: parameters, time of 35 steps of 32 sequences, range",
    "33_deep_against_shallow.py": "Deep against shallow",
    "29_bidirectional_tagger.py": "A tagger that reads both ways against a forward one",
    "48_names_and_blanks.py": "王刚 and 王府, and the blank in 我___饿了: five seeds, one direction against two",
    "46_chinese_sentences.py": "历史总是不断重演 against 力使总事不断虫眼; what is unknown by characters and by words",
    "54_sentences_from_nothing.py": "Sentences from nothing: held-out ones, and drawn ones",
}
FULL = {"53_the_chapters_script.py": ["--book"]}  # of which the page has the number at full size
ANSWERS = (
    "55_exercises_data.py",
    "56_exercises_models.py",
    "57_scan.py",
)  # of which docs/exercises.md, or a guide, quotes more than the last line
COMPARISONS = """
## Measured side by side

The scripts print these lines, with one seed each where they name no more. The milliseconds are of a machine with other
work on it. [Performance](performance.md) compares the cells with PyTorch and JAX; 38_long_range.py has the range up to
500 words.
"""
PAIRS = """
## Sequence to sequence with d2l's settings

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
    command = [sys.executable, str(ROOT / "examples" / script), *FULL.get(script, [])]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NPSEQ_FIGURES": folder}
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        keep_picture(Path(folder, script).with_suffix(".png"))
        for animation in Path(folder).glob("*.svg"):
            shutil.copyfile(animation, FIGURES / animation.name)
    return found.stdout.splitlines()


def keep_picture(path: Path) -> None:
    """The same picture in few colours, a third of the bytes."""
    FIGURES.mkdir(exist_ok=True)
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(FIGURES / path.name, optimize=True)


def cell(text: str) -> str:
    """Text in a table's cell."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def section_rows(section: Section) -> list[str]:
    """The section's rows of the table: what its blocks print, and what 500 epochs gave."""
    link = f"[{cell(section.title)}](from_the_notes.md#{section.anchor})"
    found = [
        f"| {link} | {cell(row.what)} | `{row.printed.replace('|', chr(92) + '|')}` |" for row in rows(section.text)
    ]
    return found + [
        f"| {link} | {model}, {cell(what)} | **{number}** |" for model, what, number in BOOK.findall(section.text)
    ]


def notes() -> str:
    """A table for each note."""
    page, note = "", ""
    for section in sections(NOTES.read_text(encoding="utf-8")):
        if section.note != note:
            note = section.note
            page += f"\n## {note}\n\n| section | what | it prints |\n|---|---|---|\n"
        page += "".join(f"{row}\n" for row in section_rows(section))
    return page.lstrip("\n")


def scripts(lines: dict[str, str]) -> str:
    found = ((script, LAST_LINE.fullmatch(line)) for script, line in sorted(lines.items()))
    return "".join(
        f"| [{script}](../examples/{script}) | {cell(m['name'])} | **{m['got']}** | {m['expected']} |\n"
        for script, m in found
        if m
    )


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
    page = HEAD + notes() + SCRIPTS + scripts(lines) + comparisons(printed)
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
        if script in COMPARED or script in ANSWERS:
            printed[script] = output
            keep(PRINTED, printed)
    write_page({name: line for name, line in lines.items() if name in scripts}, printed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
