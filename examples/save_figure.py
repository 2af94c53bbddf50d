"""Where the figures of the examples go: the folder figures/ beside them, or the one that NPSEQ_FIGURES names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FOLDER = Path(os.environ.get("NPSEQ_FIGURES") or Path(__file__).parent / "figures")


def new_figure(width: float = 7, height: float = 4.5) -> Figure:
    """A figure of this size in inches, which needs no display and leaves Matplotlib's global state alone."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, script: str) -> None:
    """Writes a figure as PNG under the name of the script that made it, and says where: save(figure, __file__)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{Path(script).stem}.png"
    figure.savefig(path, dpi=110)
    print(f"figure: {path}", file=sys.stderr)
