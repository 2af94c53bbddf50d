"""All single mistakes that a layer can have, with what they cost in a ranking, the simplest least."""

from collections.abc import Iterator
from typing import Any

from npseq.diagnosis.edits import Editor
from npseq.diagnosis.mistake import Mistake
from npseq.diagnosis.others import other_mathematics
from npseq.diagnosis.problem import Problem, Strand
from npseq.diagnosis.timing import mistakes_in_time
from npseq.diagnosis.zoo import CATALOGUE

Priced = tuple[Mistake, float]
STRANDS = 4  # of more, a mistake is looked for in all at once only
EDITS: dict[tuple[Any, ...], tuple[list[Priced], dict[str, dict[str, int]]]] = {}  # a cell's edits, made once


def single_mistakes(problem: Problem) -> list[Priced]:
    """Those of the catalogue first, then edits of the right backward, in time, and other mathematics."""
    found = [(mistake, 1.0) for mistake in CATALOGUE if mistake.has_numbers]
    cell = problem.parts[0].layer.cell
    found += mistakes_in_time(problem.T, problem.B, cell.gates, cell.h_blocks)
    for strand in {id(strand.equations): strand for strand in problem.strands}.values():
        found += edits_of(strand)[0]
    found += other_mathematics(problem.layer)
    strands = problem.strands
    one_by_one = strands if 1 < len(strands) <= STRANDS else []
    return [*found, *(pair for strand in one_by_one for pair in _in(strand, found))]


def edits_of(strand: Strand) -> tuple[list[Priced], dict[str, dict[str, int]]]:
    """The edits of a strand's cell, and what its sums may be made of in the place of an adjoint."""
    key = (id(strand.equations), *strand.sizes.items(), *strand.shapes.items())
    if key not in EDITS:
        editor = Editor(strand)
        EDITS[key] = list(editor.mistakes()), editor.side_adjoints()
    return EDITS[key]


def _in(strand: Strand, found: list[Priced]) -> Iterator[Priced]:
    """The mistakes of a step in one strand alone."""
    l, d, layer = strand.l, strand.d, strand.part.layer
    where = strand.part.prefix.rstrip(".")
    where = where or " ".join(
        [f"layer {l}"] * (layer.num_layers > 1)
        + [("reverse" if d else "forward") + " direction"] * (layer.directions > 1)
    )

    def here(at: Any) -> bool:
        return at is strand

    for mistake, price in found:
        if (mistake.step or mistake.rewrites) and mistake.strands is None:
            what = f"{mistake.what} (in the {where} alone)"
            yield mistake._replace(id=f"{mistake.id} in the {where}", what=what, strands=here), price + 0.2
