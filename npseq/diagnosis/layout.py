"""How somebody's gradients are laid out: transposed, gates beside each other in some order, [x; h] or [h; x] in one."""

from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import numpy as np

from npseq.diagnosis.given import Given
from npseq.diagnosis.passes import Gradients
from npseq.diagnosis.problem import Problem, Strand

KINDS = {"x": "W_x", "h": "W_h", "b": "b_"}


class Placed(NamedTuple):
    """Gradients under npseq's names, and how they were read."""

    given: dict[str, Given]
    notes: tuple[str, ...]  # one an array that was not laid out as npseq's
    unplaced: tuple[str, ...]


class Block(NamedTuple):
    """A gate's part of an array: its kind, "x", "h" or "b", and which column of gates it stands in."""

    kind: str
    column: int
    given: Given


class Reading(NamedTuple):
    """One way to cut an array into blocks."""

    array: str
    strand: Strand
    turned: bool
    kinds: tuple[str, ...]
    blocks: list[Block]
    fits: dict[tuple[int, str], np.ndarray]  # {(block, parameter): which hypotheses have it there}

    @property
    def columns(self) -> int:
        return len(self.blocks) // len(self.kinds)

    def shares(self) -> np.ndarray:
        """(K,): the share of blocks that each hypothesis has, at any parameter."""
        found = [np.any([f for (j, _), f in self.fits.items() if j == k], axis=0) for k in range(len(self.blocks))]
        shares: np.ndarray = np.mean(found, axis=0)
        return shares


def placed(problem: Problem, given: dict[str, Given], found: Gradients) -> Placed:
    """Everything under npseq's names.

    Args:
        problem: whose gradients they are.
        given: what somebody gave, under any names.
        found: the gradients of many hypotheses: the layout is the one in which one of them has the most blocks.
    """
    known, rest, notes = by_name(problem, given)
    readings = {name: list(_readings(problem, name, one, found)) for name, one in rest.items()}
    possible = {name: some for name, some in readings.items() if some}
    if not possible:
        return Placed(known, tuple(notes), tuple(rest))
    possible = _one_way(possible)
    fit = [one.fits(found[name]) * 1.0 for name, one in known.items() if one.value.shape == problem.like(name)]
    row = int(np.argmax(sum(fit) + sum(np.max([r.shares() for r in some], axis=0) for some in possible.values())))
    chosen = {name: max(some, key=lambda reading: reading.shares()[row]) for name, some in possible.items()}
    orders = Counter(_order(reading, row) for reading in chosen.values())
    places: dict[str, tuple[str, ...]] = {}  # the gates of each array that has been placed
    left = []
    for name, reading in sorted(chosen.items(), key=lambda pair: (pair[1].kinds == ("b",), -pair[1].shares()[row])):
        parts = _named(reading, _possible_orders(reading, row, orders, places, known), known, found)
        if parts is None:
            left.append(name)
            continue
        places[name] = tuple(dict.fromkeys(gate_of(reading.strand, own) for own in parts))
        known |= parts
        notes.append(f"{name} as {_described(reading, places[name])}")
    return Placed(known, tuple(notes), (*(name for name in rest if name not in possible), *left))


def _one_way(possible: dict[str, list[Reading]]) -> dict[str, list[Reading]]:
    """The readings that are transposed, or not, as most arrays that can be read in one way only have to be."""
    ways = [{reading.turned for reading in some} for some in possible.values() if some[0].kinds != ("b",)]
    votes = Counter(way for both in ways if len(both) == 1 for way in both)
    if votes[True] == votes[False]:
        return possible
    usual = votes[True] > votes[False]
    return {name: [r for r in some if r.turned == usual] or some for name, some in possible.items()}


def by_name(problem: Problem, given: dict[str, Given]) -> tuple[dict[str, Given], dict[str, Given], list[str]]:
    """What has npseq's names, turned where all that can be told is transposed; the rest; and notes."""
    known = {name: one for name, one in given.items() if name in problem.names}
    turned = {n for n, one in known.items() if one.value.shape != problem.like(n) == one.value.shape[::-1]}
    plain = {n for n, one in known.items() if one.value.ndim == 2 and one.value.shape == problem.like(n)}
    square = {n for n in plain if len(set(problem.like(n))) == 1}
    if turned and plain <= square:
        turned |= square
    for name in turned:
        known[name] = known[name]._replace(value=known[name].value.T)
    notes = [f"{', '.join(sorted(turned))} as transposed"] if turned else []
    return known, {name: one for name, one in given.items() if name not in known}, notes


def _readings(problem: Problem, name: str, given: Given, found: Gradients) -> Iterator[Reading]:
    """The ways to cut an array into gates' blocks."""
    value = given.value
    for strand in problem.strands:
        sizes = {"x": strand.sizes["x"], "h": strand.sizes["h"], "b": 1}
        units, gates = strand.part.layer.hidden_size, len(strand.part.layer.cell.gates)
        for turned in (False, True)[: value.ndim if value.ndim < 3 else 0]:
            array = (value.T if turned else value).reshape(-1, value.shape[0 if turned else -1])
            many, left = divmod(array.shape[1], units)
            if left or not 1 <= many <= gates:
                continue
            for kinds in (order for number in (1, 2, 3) for order in permutations("xhb", number)):
                if sum(sizes[kind] for kind in kinds) == array.shape[0]:
                    edges = np.cumsum([sizes[kind] for kind in kinds])[:-1]
                    blocks = _blocks(zip(kinds, np.split(array, edges), strict=True), many, given.rtol)
                    fits = _fits(strand, blocks, found)
                    if len({k for k, _ in fits}) == len(blocks):  # each may be a parameter's
                        yield Reading(name, strand, turned, kinds, blocks, fits)


def _blocks(rows: Iterator[tuple[str, np.ndarray]], many: int, rtol: float) -> list[Block]:
    return [
        Block(kind, k, Given(part[0] if kind == "b" else part, rtol))
        for kind, array in rows
        for k, part in enumerate(np.split(array, many, axis=1))
    ]


def _fits(strand: Strand, blocks: list[Block], found: Gradients) -> dict[tuple[int, str], np.ndarray]:
    """Which hypotheses have a block at which parameter, by its values or a multiple of them."""
    fits = {}
    for k, (kind, _, given) in enumerate(blocks):
        for name, own in strand.parameters.items():
            if name.startswith(KINDS[kind]) and found[own].shape[1:] == given.value.shape:
                fits[k, own] = given.fits(found[own]) | np.isfinite(given.factor(found[own]))
    return fits


def _order(reading: Reading, row: int) -> tuple[str, ...] | None:
    """The gate of each column where that can be told, also of one that fits nowhere."""
    gates = reading.strand.part.layer.cell.gates
    fitting: dict[int, list[str]] = {column: [] for column in range(reading.columns)}
    for (k, own), fit in reading.fits.items():
        if fit[row]:
            fitting[reading.blocks[k].column].append(gate_of(reading.strand, own))
    found: dict[int, str] = {}
    for column in sorted(fitting, key=lambda column: len(set(fitting[column])) or len(gates)):
        free = [gate for gate in fitting[column] or gates if gate not in found.values()]
        if not free or (not fitting[column] and len(free) > 1):
            return None
        found[column] = free[0]
    return tuple(found[column] for column in range(reading.columns))


def _possible_orders(
    reading: Reading,
    row: int,
    orders: Counter[tuple[str, ...] | None],
    places: dict[str, tuple[str, ...]],
    known: dict[str, Given],
) -> list[tuple[str, ...]]:
    """The likeliest order of gates first: a bias has that of the weights of its name."""
    gates = reading.strand.part.layer.cell.gates
    same_name = [places.get(reading.array.replace("b", letter)) for letter in "WU"] if reading.kinds == ("b",) else []
    own = _order(reading, row)
    usual = [order for order, _ in orders.most_common() if order is not None]
    names = [f"{reading.strand.part.prefix}{KINDS[reading.kinds[0]]}{gate}{reading.strand.ending}" for gate in gates]
    free = tuple(gate for gate, name in zip(gates, names, strict=True) if name not in known)
    return [order for order in (*same_name, own, *usual, free) if order is not None and len(order) == reading.columns]


def _named(
    reading: Reading, orders: list[tuple[str, ...]], known: dict[str, Given], found: Gradients
) -> dict[str, Given] | None:
    """The blocks under parameters' names; None where one has been given before, in every order."""
    strand = reading.strand
    for order in orders:
        parts = {}
        for kind, column, given in reading.blocks:
            own = f"{strand.part.prefix}{KINDS[kind]}{order[column]}{strand.ending}"
            second = f"{strand.part.prefix}b_h{order[column]}{strand.ending}"  # of a gate that has two biases
            own = second if own in known and second in found and second not in known else own
            if own in found and (own not in known or not known[own].fits(given.value[None])[0]):
                parts[own] = given
        if not parts.keys() & known.keys():
            return parts
    return None


def gate_of(strand: Strand, own: str) -> str:
    """The gate of a parameter: that of b_hn is n."""
    name = own.removeprefix(strand.part.prefix).removesuffix(strand.ending)
    gate = name.removeprefix("W_x").removeprefix("W_h").removeprefix("b_")
    gates = strand.part.layer.cell.gates
    return gate if gate in gates else gate.removeprefix("h")


def _described(reading: Reading, gates: tuple[str, ...]) -> str:
    if reading.kinds == ("b",):
        rows = "biases"
    else:
        rows = f"[{'; '.join(reading.kinds)}]" if len(reading.kinds) > 1 else f"W_{reading.kinds[0]}"
        rows = f"transposed {rows}" if reading.turned else rows
    return rows + (f", gates {', '.join(gates)}" if reading.columns > 1 and gates else "")
