"""Pictures of a result. A title says what is to be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cases import CELLS, TITLES
from benchmarks.record import geometric_mean, ratios
from benchmarks.table import cut

COLOURS = {"npseq": "black", "torch": "tab:red", "scratch": "tab:orange", "jax": "tab:blue", "autograd": "tab:green",
           "textbook": "tab:purple", "compiled": "tab:cyan",
           "rnn": "tab:green", "gru": "tab:blue", "lstm": "tab:red"}  # fmt: skip
MARKS = {"rnn": "o", "gru": "s", "lstm": "^"}


def figure(width: float = 9.0, height: float = 5.0, columns: int = 1, rows: int = 1) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False)


def finish(made: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt

    made.savefig(path, dpi=120)
    plt.close(made)
    return path


def all_of(report: dict[str, Any], stem: Path) -> list[Path]:
    """One picture a part, STEM_PART.png."""
    parts = list(dict.fromkeys(row["part"] for row in report["records"]))
    return [
        rows_beside([row for row in report["records"] if row["part"] == part], part, Path(f"{stem}_{_file(part)}.png"))
        for part in parts
    ]


def _file(part: str) -> str:
    return part.replace(" ", "_").replace(",", "")


def rows_beside(rows: list[dict[str, Any]], part: str, path: Path) -> Path:
    """Each rival's number over npseq's, a row a case; the bars are the quartiles of both."""
    made, axes = figure(10, 1.6 + 0.34 * len(rows))
    plot = axes[0, 0]
    names = list(dict.fromkeys(name for row in rows for name in ratios(row)))
    for k, name in enumerate(names):
        for at, row in enumerate(rows):
            if name not in row["measured"]:
                continue
            own, theirs = row["measured"]["npseq"], row["measured"][name]
            y = at + 0.6 * (k + 0.5) / len(names) - 0.3
            colour = COLOURS.get(name, f"C{k}")
            plot.plot([theirs["low"] / own["high"], theirs["high"] / own["low"]], [y, y], color=colour, lw=1)
            label = f"{name} {cut(_mean(rows, name))}" if row is _first(rows, name) else None
            plot.plot(theirs["median"] / own["median"], y, "o", ms=4, color=colour, label=label)
    plot.axvline(1, color="black", lw=1)
    _log_axis(plot.xaxis, plot.set_xscale)
    plot.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=7)
    plot.invert_yaxis()
    plot.set_xlabel("the rival's number over npseq's (log scale, medians and quartiles)")
    plot.set_title(f"{part}: right of the line npseq is ahead")
    plot.set_ylabel("case, sizes as (T, B, V, H)")
    plot.legend(fontsize=8, title="geometric means", loc="upper left", bbox_to_anchor=(1, 1))
    return finish(made, path)


def grid(rows: list[dict[str, Any]], path: Path, rival: str = "torch") -> Path:
    """Every case's ratio against the operations of its step, a colour a kind of cell."""
    made, axes = figure()
    plot = axes[0, 0]
    for cell in CELLS:
        for dtype, fill in (("float32", COLOURS[cell]), ("float64", "none")):
            some = [r for r in rows if r["case"]["cell"] == cell and r["case"]["dtype"] == dtype]
            plot.plot([r["operations"] / 1e9 for r in some], [ratios(r)[rival] for r in some], MARKS[cell],
                      color=COLOURS[cell], markerfacecolor=fill, label=f"{TITLES[cell]} {dtype}")  # fmt: skip
    found = [ratios(row)[rival] for row in rows]
    lost = sum(ratio < 1 for ratio in found)
    plot.axhline(1, color="black", lw=1)
    plot.set_xscale("log")
    _log_axis(plot.yaxis, plot.set_yscale)
    plot.set_xlabel("operations of the step's matrix products (10⁹)")
    plot.set_ylabel("PyTorch's time over npseq's")
    plot.set_title(
        f"Above the line npseq is ahead of PyTorch: geometric mean {cut(geometric_mean(found))}, "
        f"{lost} of {len(found)} cases below"
    )
    plot.legend(fontsize=8, loc="upper right")
    return finish(made, path)


def _log_axis(axis: Any, set_scale: Any) -> None:
    """Powers of two, written as plain numbers."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    set_scale("log", base=2)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _first(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in rows if name in row["measured"])


def _mean(rows: list[dict[str, Any]], name: str) -> float:
    return geometric_mean(ratios(row)[name] for row in rows if name in row["measured"])
