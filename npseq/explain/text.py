"""A worked example as plain text, LaTeX or HTML."""

from decimal import Decimal
from html import escape
from typing import Any

from npseq.diagnosis.graph import Graph
from npseq.explain.sheet import Row, Sheet
from npseq.explain.words import Words

BY_HAND = "every number is computed from numbers printed above it and rounded to {} digits after the point"


def number(x: Decimal) -> str:
    """A number with a minus that is one."""
    return f"{x:f}"


def matrix(value: Any) -> str:
    """[1 2; 3 4], a row for each operand."""
    rows = value if isinstance(value[0], list) else [value]
    return "[" + "; ".join(" ".join(map(number, row)) for row in rows) + "]"


def subtitle(sheet: Sheet) -> str:
    """What holds for all numbers."""
    angles = any("cos(" in row.text for row in sheet.forward)
    return BY_HAND.format(sheet.digits) + (", angles in radians" if angles else "")


def as_text(sheet: Sheet) -> str:
    """The whole sheet for a terminal."""
    steps = sorted(sheet.inputs[0].steps)
    lines = [f"{sheet.title}: {subtitle(sheet)}", "", "Given"]
    lines += [f"  {name} = {matrix(value)}" for name, value in sheet.given.items()]
    lines += ["", *_table("Inputs, and the loss's derivative by the outputs", sheet.inputs, steps)]
    lines += ["", *_table("Forward", sheet.forward, steps)]
    lines += ["", *_table("Backward: dh and dc are what a step passes back", sheet.backward, steps[::-1])]
    lines += ["", "Gradients"]
    for label, text, _, value in sheet.gradients.values():
        lines.append(f"  {f'({label})' if label else '':<6} {text} = {matrix(value)}")
    return "\n".join(lines)


def _table(title: str, rows: tuple[Row, ...], steps: list[int]) -> list[str]:
    width = max(len(row.text) for row in rows)
    cells = [[" ".join(f"{number(x):>8}" for x in row.steps[t]) for t in steps] for row in rows]
    columns = [max(len(row[k]) for row in cells) for k in range(len(steps))]
    head = "   ".join(f"{f't = {t}':>{w}}" for t, w in zip(steps, columns, strict=True))
    lines = [title, f"{'':<{width + 9}}   {head}"]
    for row, values in zip(rows, cells, strict=True):
        label = f"({row.label})" if row.label else ""
        shown = "   ".join(f"{value:>{w}}" for value, w in zip(values, columns, strict=True))
        lines.append(f"  {label:<6} {row.text:<{width}}   {shown}")
    return lines


PREAMBLE = r"""\documentclass[8pt,a4paper]{extarticle}
\usepackage[margin=12mm]{geometry}
\usepackage{amsmath,graphicx}
\pagestyle{empty}\setlength{\parindent}{0pt}\setlength{\tabcolsep}{3pt}\raggedright\lineskiplimit3pt\lineskip4pt
\newsavebox{\numbers}
\newcommand{\fitted}{\ifdim\wd\numbers>\linewidth\resizebox{\linewidth}{!}{\usebox{\numbers}}\else\usebox{\numbers}\fi}
\begin{document}"""


def as_latex(sheet: Sheet) -> str:
    """A document for pdflatex; a table that is wider than the page is made as wide."""
    steps, letters = sorted(sheet.inputs[0].steps), Words(Graph(), latex=True)
    lines = [PREAMBLE, rf"\textbf{{{sheet.title}}}: {subtitle(sheet)}.\par\medskip"]
    for name, value in sheet.given.items():
        lines.append(rf"\mbox{{${letters.name(name)} = {_latex_matrix(value)}$}}\quad")
    for title, rows, order in (
        ("Inputs", sheet.inputs, steps),
        ("Forward", sheet.forward, steps),
        ("Backward", sheet.backward, steps[::-1]),
    ):
        lines += [rf"\par\medskip\textbf{{{title}}}\par", *_latex_table(rows, order)]
    lines.append(r"\par\medskip\textbf{Gradients}\par")
    for label, _, latex, value in sheet.gradients.values():
        lines.append(rf"\mbox{{{f'({label})' if label else ''} ${latex} = {_latex_matrix(value)}$}}\quad")
    return "\n".join([*lines, r"\end{document}"])


def _latex_table(rows: tuple[Row, ...], order: list[int]) -> list[str]:
    """A column a number, as a minus between two would subtract them."""
    width = max(len(row.steps[t]) for row in rows for t in order)
    lines = [rf"\begin{{lrbox}}{{\numbers}}\begin{{tabular}}{{ll*{{{len(order)}}}{{@{{\qquad}}*{{{width}}}{{r}}}}}}"]
    lines.append(" & & " + " & ".join(rf"\multicolumn{{{width}}}{{r}}{{$t = {t}$}}" for t in order) + r" \\")
    for row in rows:
        cells = [[""] * (width - len(row.steps[t])) + [f"${number(x)}$" for x in row.steps[t]] for t in order]
        numbers = " & ".join(cell for step in cells for cell in step)
        lines.append(rf"{f'({row.label})' if row.label else ''} & ${row.latex}$ & {numbers} \\")
    return [*lines, r"\end{tabular}\end{lrbox}\fitted"]


def _latex_matrix(value: Any) -> str:
    rows = value if isinstance(value[0], list) else [value]
    inner = r" \\ ".join(" & ".join(map(number, row)) for row in rows)
    return rf"\begin{{bmatrix}} {inner} \end{{bmatrix}}"


STYLE = (
    "body{font:14px/1.35 system-ui,sans-serif;margin:1.5em;color:#222;background:#fff}table{border-collapse:collapse}"
    "td,th{padding:.1em .7em;text-align:right;font-variant-numeric:tabular-nums}td.e,td.l{text-align:left;"
    "font-family:ui-monospace,monospace}tr:hover{background:#8882}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}"
)


def as_html(sheet: Sheet) -> str:
    """A page that needs nothing else."""
    steps = sorted(sheet.inputs[0].steps)
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(sheet.title)}</title>'
    parts = [f"{head}<style>{STYLE}</style><h1>{escape(sheet.title)}</h1>", f"<p>{escape(subtitle(sheet))}.</p>"]
    parts.append("<h2>Given</h2>")
    rows = "".join(f"<tr><td class=e>{escape(n)}<td class=e>{matrix(value)}" for n, value in sheet.given.items())
    parts.append(f"<table>{rows}</table>")
    for title, its, order in (
        ("Inputs", sheet.inputs, steps),
        ("Forward", sheet.forward, steps),
        ("Backward", sheet.backward, steps[::-1]),
    ):
        heads = "".join(f"<th scope=col>t = {t}" for t in order)
        rows = "".join(
            f"<tr><td class=l>{f'({row.label})' if row.label else ''}<td class=e>{escape(row.text)}"
            + "".join(f"<td>{' '.join(map(number, row.steps[t]))}" for t in order)
            for row in its
        )
        parts.append(f"<h2>{title}</h2><table><tr><th><th>{heads}{rows}</table>")
    rows = "".join(
        f"<tr><td class=l>{f'({label})' if label else ''}<td class=e>{escape(text)}<td class=e>{matrix(value)}"
        for label, text, _, value in sheet.gradients.values()
    )
    return "\n".join([*parts, f"<h2>Gradients</h2><table>{rows}</table></html>"])
