"""Writes the tables of the README and of pages of docs (PAGES): python -m benchmarks.readme

It replaces the lines between <!-- NAME --> and the next empty line by a table of benchmarks/results, so that no number
in it is copied by hand; a test compares the two. Ratios are cut off, never rounded up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import cuts, hard_gradients, headline
from benchmarks.cases import TITLES
from benchmarks.machine import RESULTS
from benchmarks.parallel import paper
from benchmarks.record import geometric_mean, ratios
from benchmarks.table import cut, title

ROOT = Path(__file__).parent.parent
PAGES = (
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("performance", "promises", "ports")),
)


def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def mutants() -> Iterator[str]:
    yield from ("| judge | caught | of | score |", "|---|---:|---:|---:|")
    for judge, (n, of) in result("mutants")["scores"].items():
        yield f"| {judge} | {n} | {of} | {100 * n // of}% |"


def checkers() -> Iterator[str]:
    found = result("gradcheck")
    yield from ("| checker | wrong gradients missed | false alarms | median ms |", "|---|---:|---:|---:|")
    for name, row in found["checkers"].items():
        kinds, right = row["missed"].values(), len(row["false_alarms"]) * found["seeds"]
        missed = sum(sum(by_scale.values()) for by_scale in kinds)
        alarms = sum(row["false_alarms"].values())
        yield f"| {name} | {missed} of {len(kinds) * right} | {alarms} of {right} | {row['median_ms']:.0f} |"


def cut_backwards() -> Iterator[str]:
    yield cuts.table(result("cuts")["found"])


def names() -> Iterator[str]:
    yield from ("| what | named | of | seconds, median | longest | less than one |", "|---|---:|---:|---:|---:|---:|")
    for what, (named, of, seconds, longest, quick) in result("diagnose")["counts"].items():
        yield f"| {what} | {named} | {of} | {seconds:.2f} | {longest:.2f} | {quick} |"


def hard() -> Iterator[str]:
    yield hard_gradients.table(result("hard_gradients")["checkers"])


def book() -> Iterator[str]:
    yield headline.table(result("headline")["results"])


def notes() -> Iterator[str]:
    yield headline.notes_table(result("headline")["results"])


def steps() -> Iterator[str]:
    """The README's rows: each cell at one size, and the LSTM in float64."""
    names = ("npseq", "compiled", "torch", "jax")
    yield from ("| cell | npseq ms | compiled ms | PyTorch ms | JAX ms |", "|---|---:|---:|---:|---:|")
    for row in result("training_step")["records"]:
        case = row["case"]
        if [case[k] for k in "TBVH"] == [35, 32, 28, 256] and (case["dtype"] == "float32" or case["cell"] == "lstm"):
            cells = (f"{row['measured'][name]['median']:.2f}" for name in names)
            yield f"| {TITLES[case['cell']]}, {case['dtype']} | {' | '.join(cells)} |"


def speed() -> Iterator[str]:
    rivals = ("torch", "scratch", "jax")
    heads = ["cell", "T, B, V, H", "dtype", "npseq ms", "PyTorch ms", *(f"{title(name)} / npseq" for name in rivals)]
    heads.append("PyTorch nn / npseq compiled")
    yield f"| {' | '.join(heads)} |"
    yield "|---|---|---|" + "---:|" * (len(heads) - 3)
    for row in result("training_step")["records"]:
        case, ratio = row["case"], ratios(row)
        cells = [TITLES[case["cell"]], ", ".join(str(case[k]) for k in "TBVH"), case["dtype"]]
        cells += [f"{row['measured'][name]['median']:.2f}" for name in ("npseq", "torch")]
        cells += [cut(ratio[name]) if name in ratio else "" for name in rivals]
        cells.append(cut(ratio["torch"] / ratio["compiled"]))
        yield f"| {' | '.join(cells)} |"


def compiled() -> Iterator[str]:
    """Lower quartiles: other work on the machine moves them less than medians."""
    rivals = "npseq / compiled | PyTorch nn / compiled | JAX lax.scan / compiled"
    yield f"| cell | T, B, V, H | dtype | npseq ms | compiled ms | {rivals} |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    for row in result("compiled")["records"]:
        case, low = row["case"], {name: found["low"] for name, found in row["measured"].items()}
        cells = [TITLES[case["cell"]], ", ".join(str(case[k]) for k in "TBVH"), case["dtype"]]
        cells += [f"{low[name]:.3f}" for name in ("npseq", "compiled")]
        cells += [cut(low[name] / low["compiled"]) if name in low else "" for name in ("npseq", "torch", "jax")]
        yield f"| {' | '.join(cells)} |"


def generation() -> Iterator[str]:
    heads = "| cell | sequences | npseq characters/s | PyTorch characters/s | ratio | npseq compiled | ratio |"
    yield from (heads, "|---|---:|---:|---:|---:|---:|---:|")
    for row in result("generation")["records"]:
        rates, (cell, batch) = row["characters_per_second"], re.findall(r"^\w+|(?<=batch )\d+", row["name"])
        cells = [cell, batch, f"{rates['npseq']:,.0f}", f"{rates['torch']:,.0f}", cut(ratios(row)["torch"])]
        loops = rates.get("compiled")
        cells += ["", ""] if loops is None else [f"{loops:,.0f}", cut(loops / rates["torch"])]
        yield f"| {' | '.join(cells)} |"


def grid() -> Iterator[str]:
    yield "| machine | npseq | cases | geometric mean of PyTorch's time over npseq's | least | npseq loses |"
    yield "|---|---|---:|---:|---:|---:|"
    for name in ("grid", "grid_intel"):
        measured = {row["name"]: row["measured"] for row in result(name)["records"]}
        processor = re.sub(r"\(R\)| Processor|,.*", "", result(name)["machine"]["processor"])
        for own, path in (("npseq", "as ever"), ("compiled", "in compiled loops")):
            found = {case: each["torch"]["median"] / each[own]["median"] for case, each in measured.items()}
            least, lost = min(found, key=found.__getitem__), sum(ratio < 1 for ratio in found.values())
            cells = [processor, path, str(len(found)), cut(geometric_mean(found.values()))]
            yield f"| {' | '.join(cells)} | {cut(found[least])}, {least} | {lost} |"


def faults() -> Iterator[str]:
    found = result("faults")
    killed = found["killed"]
    yield from ("| done to a run | times | result |", "|---|---:|---|")
    same = killed["kills"] - len(killed["differ"])
    yield (
        f"| `kill -9` at a random moment, {killed['after an interrupt']} of them after a Ctrl-C | {killed['kills']} | "
        f"{same} resumed to the same bits |"
    )
    what = {"damaged checkpoints": "its checkpoint damaged", "forged checkpoints": "forged, with a SHA-256 that fits",
            "damaged texts": "the text that it learns, damaged"}  # fmt: skip
    for name, done in what.items():
        row = found[name]
        kept = {"lawful": "lawful", "the same tokens": "of the same tokens"}
        rest = "".join(f", {row[key]} {told}" for key, told in kept.items() if row.get(key))
        yield f"| {done} | {row['damages']:,} | {row['refused']:,} refused with one line{rest} |"


def fuzz() -> Iterator[str]:
    yield ("| drawn | cases | entries | tensors | judged by what rounding alone does | beside PyTorch, both off by "
           "rounding | error over PyTorch's, geometric mean | wrong |")  # fmt: skip
    yield "|---|" + "---:|" * 7
    for kind, seen in result("fuzz")["kinds"].items():
        counts = [seen[name] for name in ("cases", "entries", "tensors", "ill-conditioned tensors", "both differ")]
        ratio = seen["error over PyTorch's, geometric mean"]
        yield f"| {kind} | {' | '.join(f'{n:,}' for n in counts)} | {ratio:.2f} | {seen['findings']} |"


def losses() -> Iterator[str]:
    """The cases that npseq loses without compiled loops."""
    yield from losses_of(row for row in result("grid")["records"] if ratios(row)["torch"] < 1)


def losses_compiled() -> Iterator[str]:
    """On the other machine, those that it loses in compiled loops."""
    rows = result("grid_intel")["records"]
    yield from losses_of(row for row in rows if ratios(row)["torch"] < ratios(row)["compiled"])


def losses_of(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    heads = "| case | products at the matrix peak, ms | npseq ms | PyTorch ms | ratio | in compiled loops, ms | ratio |"
    yield from (heads, "|---|---:|---:|---:|---:|---:|---:|")
    for row in sorted(rows, key=lambda row: ratios(row)["torch"]):
        own, loops, theirs = (row["measured"][name]["median"] for name in ("npseq", "compiled", "torch"))
        cells = [row["name"], f"{row['operations'] / row['peak'] / 1e6:.2f}", f"{own:.2f}", f"{theirs:.2f}"]
        yield f"| {' | '.join(cells)} | {cut(theirs / own)} | {loops:.2f} | {cut(theirs / loops)} |"


def growth() -> Iterator[str]:
    yield from ("| exponent of | cell | npseq | PyTorch |", "|---|---|---:|---:|")
    for entry in result("scaling")["exponents"]:
        slopes = (f"{entry['exponents'][name]:.3f}" for name in ("npseq", "torch"))
        yield f"| {entry['part']} | {TITLES[entry['cell']]} | {' | '.join(slopes)} |"


def peaks() -> Iterator[str]:
    yield from ("| peak of a training step | npseq MiB | PyTorch MiB | ratio |", "|---|---:|---:|---:|")
    for row in result("scaling")["records"]:
        if row["unit"] == "MiB":
            own, theirs = (row["measured"][name]["median"] for name in ("npseq", "torch"))
            yield f"| {row['name']} | {own:.1f} | {theirs:.1f} | {cut(ratios(row)['torch'])} |"


def ranks() -> Iterator[str]:
    yield "| case | one process, tokens/s | `mpiexec -n 2`, tokens/s | times | ms of it in the sum | losses apart |"
    yield "|---|---:|---:|---:|---:|---:|"
    for row in result("parallel")["records"]:
        both, one = (row["measured"][name]["median"] for name in ("npseq", "one process"))
        tokens = 1e3 * row["case"]["T"] * row["case"]["B"]
        cells = [row["name"], f"{tokens / one:,.0f}", f"{tokens / both:,.0f}", cut(one / both)]
        yield f"| {' | '.join(cells)} | {row['reduce_ms']:.2f} | {row['losses_apart']:.1e} |"


def ports() -> Iterator[str]:
    yield from ("| library | version | right | wrong | cannot have | worst |", "|---|---|---:|---:|---:|---:|")
    for row in result("ports")["libraries"]:
        right, *wrong, skipped = (row["statuses"].get(name, 0) for name in ("pass", "fail", "error", "skip"))
        yield f"| {row['title']} | {row['version']} | {right} | {sum(wrong)} | {skipped} | {row['worst']:.1e} |"


def machines() -> Iterator[str]:
    yield paper(result("parallel")["records"]).partition("\n\n")[2]


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "steps": steps, "mutants": mutants, "checkers": checkers, "cuts": cut_backwards, "diagnose": names,
    "hard": hard,
    "headline": book, "notes": notes, "speed": speed, "compiled": compiled,
    "grid": grid, "generation": generation, "faults": faults, "fuzz": fuzz, "losses": losses,
    "losses_compiled": losses_compiled,
    "growth": growth, "peaks": peaks, "ranks": ranks, "machines": machines, "ports": ports,
}  # fmt: skip


def renewed(text: str) -> str:
    """Returns the text with every table made again. Raises KeyError for an unknown marker."""
    return re.sub(
        r"(?<=<!-- )(\w+)( -->\n)(?:.+\n)*", lambda m: f"{m[1]}{m[2]}" + "\n".join(TABLES[m[1]]()) + "\n", text
    )


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
