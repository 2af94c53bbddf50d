"""A worked example on one A4 page, drawn by Matplotlib."""

from io import BytesIO
from typing import Any

from npseq.explain.sheet import Row, Sheet
from npseq.explain.text import number, subtitle

A4 = (8.27, 11.69)  # inches
LEFT, EQUATION, NUMBERS, RIGHT = 0.05, 0.10, 0.46, 0.97  # of the page's width
LARGEST, SMALLEST = 8.5, 4.5  # points


def as_pdf(sheet: Sheet) -> bytes:
    """The bytes of a PDF of one page."""
    buffer = BytesIO()
    figure(sheet).savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def figure(sheet: Sheet) -> Any:
    """The page as a Matplotlib figure, its lines as large as fit."""
    from matplotlib.figure import Figure

    page = Figure(figsize=A4)
    steps = sorted(sheet.inputs[0].steps)
    tables = (sheet.inputs, steps), (sheet.forward, steps), (sheet.backward, steps[::-1])
    blocks = tuple((title, *its) for title, its in zip(("Inputs", "Forward", "Backward"), tables, strict=True))
    gradients = list(sheet.gradients.values())
    given, rows_of = _given(sheet), [len(rows) + 2.3 for _, rows, _ in blocks]
    lines = 4 + 1.15 * len(given) + 2 + sum(rows_of) + 1.15 * len(gradients)
    pitch = min(0.94 / lines, 0.0165)
    size = min(LARGEST, pitch * A4[1] * 72 * 0.72, _widest(sheet, given))
    pen = _Pen(page, pitch, size)
    pen.write(LEFT, sheet.title, size=1.5 * size, weight="bold")
    pen.down(1.5)
    pen.write(LEFT, f"{subtitle(sheet)[0].upper()}{subtitle(sheet)[1:]}.")
    pen.down(1.5)
    for left, right in given:
        pen.write(LEFT, left, family="monospace")
        pen.write(0.5, right, family="monospace")
        pen.down(1.15)
    for title, rows, order in blocks:
        _table(pen, title, rows, order)
    pen.down(0.8)
    pen.write(LEFT, "Gradients", weight="bold")
    pen.down(1.2)
    for label, _, latex, value in gradients:
        pen.write(LEFT, f"({label})" if label else "")
        pen.write(EQUATION, f"${latex}$")
        pen.write(NUMBERS, _matrix(value), family="monospace")
        pen.down(1.15)
    return page


def _widest(sheet: Sheet, given: list[tuple[str, str]]) -> float:
    """The size at which the longest lines fit. Raises ValueError if nobody could read it."""
    steps, units = len(sheet.inputs[0].steps), len(sheet.forward[0].steps[1])
    longest = {
        NUMBERS: max(8 * units * steps + steps, *(len(_matrix(value)) for *_, value in sheet.gradients.values())),
        0.55: max(len(text) for pair in given for text in pair),  # half of the page
    }
    size = min((RIGHT - x) * A4[0] * 72 / (0.61 * chars) for x, chars in longest.items())
    if size < SMALLEST:
        raise ValueError(f"units and steps must be fewer for a page, got {sheet.title}; text or html have room")
    return size


class _Pen:
    """Writes texts from the top of a page to its bottom."""

    def __init__(self, page: Any, pitch: float, size: float):
        self.page, self.pitch, self.size, self.y = page, pitch, size, 0.965

    def down(self, lines: float) -> None:
        self.y -= lines * self.pitch

    def write(self, x: float, text: str, **style: Any) -> None:
        baseline = self.y - 0.35 * self.size / (72 * A4[1])
        self.page.text(x, baseline, text, **{"size": self.size, "va": "baseline", **style})


def _table(pen: _Pen, title: str, rows: tuple[Row, ...], order: list[int]) -> None:
    pen.down(0.8)
    pen.write(LEFT, title, weight="bold")
    width = (RIGHT - NUMBERS) / len(order)
    for k, t in enumerate(order):
        pen.write(NUMBERS + (k + 1) * width, f"$t = {t}$", ha="right")
    pen.down(1.2)
    for row in rows:
        pen.write(LEFT, f"({row.label})" if row.label else "")
        pen.write(EQUATION, f"${row.latex}$")
        for k, t in enumerate(order):
            cells = " ".join(f"{number(x):>7}" for x in row.steps[t])
            pen.write(NUMBERS + (k + 1) * width, cells, family="monospace", ha="right", size=0.94 * pen.size)
        pen.down(1)


def _matrix(value: Any) -> str:
    rows = value if isinstance(value[0], list) else [value]
    return "[" + " ; ".join(" ".join(f"{number(x):>7}" for x in row) for row in rows) + "]"


def _given(sheet: Sheet) -> list[tuple[str, str]]:
    """The given numbers, two in a line."""
    shown = []
    for name, value in sheet.given.items():
        rows = value if isinstance(value[0], list) else [value]
        inner = " ; ".join(" ".join(f"{number(x):>4}" for x in row) for row in rows)
        shown.append(f"{name:<5} = [{inner}]")
    half = (len(shown) + 1) // 2
    return list(zip(shown[:half], [*shown[half:], *[""] * (2 * half - len(shown))], strict=True))
