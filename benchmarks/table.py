"""The tables of a result, as markdown: python -m benchmarks.table RESULT.json

Ratios and shares are cut off, never rounded up; a rival's ratio is its number over npseq's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.record import geometric_mean, ratios
from benchmarks.rivals import RIVALS


def cut(value: float, digits: int = 2) -> str:
    """A number cut off behind so many digits."""
    scale = 10**digits
    return f"{int(value * scale) / scale:.{digits}f}"


def table(report: dict[str, Any]) -> str:
    """One table a part."""
    parts = list(dict.fromkeys(row["part"] for row in report["records"]))
    peaks = report["machine"].get("matrix_peak_gflops", {})
    return "\n\n".join(_part(part, [row for row in report["records"] if row["part"] == part], peaks) for part in parts)


def _part(part: str, rows: list[dict[str, Any]], peaks: dict[str, float]) -> str:
    rivals = list(dict.fromkeys(name for row in rows for name in row["measured"] if name != "npseq"))
    unit, with_peak = rows[0]["unit"], "operations" in rows[0]
    heads = [part, f"npseq {unit} (quartiles)", *(["share of the matrix peak"] if with_peak else [])]
    for name in rivals:
        heads += [f"{title(name)} {unit}", "ratio"]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in rows:
        own = row["measured"]["npseq"]
        cells = [row["name"], f"{own['median']:.3g} ({own['low']:.3g} to {own['high']:.3g})"]
        if with_peak:
            cells.append(cut(row["operations"] / own["median"] / 1e6 / peaks[row["case"]["dtype"]]))
        found = ratios(row)
        for name in rivals:
            cells += [f"{row['measured'][name]['median']:.3g}", cut(found[name])] if name in found else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    means = [_mean(name, rows) for name in rivals]
    blank = [""] * (1 + with_peak)
    lines.append(f"| geometric mean | {' | '.join([*blank, *(cell for mean in means for cell in ('', mean))])} |")
    return "\n".join(lines)


def _mean(rival: str, rows: list[dict[str, Any]]) -> str:
    return cut(geometric_mean(ratios(row)[rival] for row in rows if rival in row["measured"]))


def title(name: str) -> str:
    return RIVALS[name].title if name in RIVALS else name


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())))
