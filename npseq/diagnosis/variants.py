"""Other sums in a parameter's place: other operands, adjoints, steps, sequences, and what is done to a sum."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from npseq.diagnosis.alternatives import LIKELY, ODD, USUAL
from npseq.diagnosis.equations import Sum
from npseq.diagnosis.hypotheses import edits_of
from npseq.diagnosis.mistake import SumChange
from npseq.diagnosis.passes import Kept, SumOf
from npseq.diagnosis.timing import LIMITS
from npseq.diagnosis.words import SHIFTS, written


class Variant(NamedTuple):
    """One way to be wrong: the same key for every parameter that is wrong in this way."""

    key: str
    words: str
    change: SumChange
    price: float


NAMES = {"h": "h_{t-1}", "h_new": "h_t", "x": "x_t", "m": "m_t", "c": "c_{t-1}", "c_new": "c_t"}
COLUMNS = {  # which columns count: (T, B) -> (T, B)
    "the last step's alone": lambda T, B: (np.arange(T) == T - 1)[:, None] & np.ones((T, B), bool),
    "the first step's alone": lambda T, B: (np.arange(T) == 0)[:, None] & np.ones((T, B), bool),
    "without the first step's": lambda T, B: (np.arange(T) > 0)[:, None] & np.ones((T, B), bool),
    "without the last step's": lambda T, B: (np.arange(T) < T - 1)[:, None] & np.ones((T, B), bool),
    "the first sequence's alone": lambda T, B: np.ones((T, B), bool) & (np.arange(B) == 0),
    "the last sequence's alone": lambda T, B: np.ones((T, B), bool) & (np.arange(B) == B - 1),
}


def sum_variants(kept: Kept, name: str) -> Iterator[Variant]:
    """The variants of one parameter's sum; adjoints are those that the pass has kept."""
    operand, adjoint = kept.strand.equations.sums[name]
    if operand is not None:
        for other in _other_operands(kept, operand):
            words = f"multiplied with {NAMES.get(other, other)} in place of {NAMES[operand]}"
            price = USUAL if other in ("h", "h_new") else LIKELY
            yield Variant(f"{other} for {operand}", words, SumChange(operand=f"{other} for {operand}"), price)
        for variant, words in SHIFTS.items():
            text = f"multiplied with {operand} of {words}"
            yield Variant(f"{operand}.{variant}", text, SumChange(operand=f"{operand}.{variant} for {operand}"), LIKELY)
    if operand == "h":
        last = SumChange(operand="h_new.wrapped_before for h")
        words = (
            "multiplied at the first step with the last state, which an index of -1 reads, in place of the given one"
        )
        yield Variant("h_new.wrapped_before for h", words, last, USUAL)
    for text, weights in COLUMNS.items():
        yield Variant(text, f"the sum is {text}", SumChange(weights=weights), LIKELY)
    yield from _other_adjoints(kept, Sum(operand, adjoint))


def _other_operands(kept: Kept, operand: str) -> list[str]:
    """Leaves of the same size, and h seen through a gate."""
    strand = kept.strand
    states = [name for name in ("h_new", "h", "c", "c_new", "m") if name in strand.sizes]
    alike_h = [gate for gate in strand.equations.gates if strand.sizes[gate] == strand.sizes["h"]]
    gated = [f"{gate}*{state}" for gate in alike_h for state in ("h", "h_new")]
    alike = [name for name in states if strand.sizes[name] == strand.sizes[operand] and name != operand]
    return alike + (gated if operand != "x" and strand.sizes["h"] == strand.sizes[operand] else [])


def _other_adjoints(kept: Kept, own: Sum) -> Iterator[Variant]:
    mine = own.adjoint.replace("kept_", "da_")
    side = edits_of(kept.strand)[1]
    others = {name for adjoint, names in side.items() if adjoint != mine for name in names} | {own.adjoint, mine}
    for other, value in kept.roots.items():
        if value.shape == kept.roots[own.adjoint].shape and other not in others and not other.startswith("kept_"):
            words = f"made of {written(other)} in place of {mine}"
            yield Variant(f"{other} for {mine}", words, SumChange(adjoint=other), LIKELY if other[:3] == "da_" else ODD)


def after_variants(name: str, problem: Any, given: np.ndarray) -> Iterator[Variant]:
    """What is done to a finished gradient, of x and the states too, to give what was given."""
    yield from _clipped(given)
    yield Variant("zero", "never computed: it is zero", SumChange(after=lambda value, of: 0 * value), USUAL)
    if name.split(".")[-1] in ("h0", "c0"):
        return
    if name == "x":
        yield from _of_x(problem.T, problem.B)
        return
    shape = problem.like(name)
    if len(shape) == 2 and shape[0] == shape[1]:
        turned = SumChange(after=lambda value, of: value.swapaxes(1, 2))
        yield Variant("transposed", "transposed", turned, USUAL)
    half = SumChange(after=lambda value, of: value.astype(np.float16).astype(float))
    yield Variant("half precision", "rounded to half precision", half, LIKELY)
    plus = SumChange(after=lambda value, of: value + problem.layer.params[of.name])
    yield Variant("plus the parameter", "the parameter itself is added", plus, USUAL)
    if np.prod(shape) > 2:
        decay = SumChange(after=partial(_with_decay, problem.layer.params[name], given))
        yield Variant("weight decay", "a multiple of the parameter is added: weight decay", decay, LIKELY)
    for other in problem.layer.params:
        if other != name and problem.like(other) == shape:
            swapped = SumChange(after=partial(_gradient_of, other))
            yield Variant(f"{other}'s", f"it is the gradient of {other}", swapped, LIKELY)


def _gradient_of(other: str, value: np.ndarray, of: SumOf) -> np.ndarray:
    return of.gradient(other, np.nan * value)


def _with_decay(parameter: np.ndarray, given: np.ndarray, value: np.ndarray, of: SumOf) -> np.ndarray:
    """Each gradient (K, *shape) plus the multiple of the parameter that brings it closest."""
    axes = tuple(range(1, value.ndim))
    c = ((given - value) * parameter).sum(axis=axes, keepdims=True) / (parameter * parameter).sum()
    decayed: np.ndarray = value + c * parameter
    return decayed


def _clipped(given: np.ndarray) -> Iterator[Variant]:
    """Cut to the largest entry that was given, if that is a round number or comes more than once."""
    limit = float(np.max(np.abs(given), initial=0.0))
    if limit and (np.sum(np.abs(given) == limit) > 1 or limit in LIMITS):
        change = SumChange(after=lambda value, of: value.clip(-limit, limit))
        yield Variant(f"clipped to {limit:.6g}", f"its entries are clipped to {limit:.6g}", change, LIKELY)


def _of_x(T: int, B: int) -> Iterator[Variant]:
    def moved(index: np.ndarray, weight: np.ndarray | float = 1.0) -> SumChange:
        scale = np.broadcast_to(weight, (T,))[:, None, None]
        return SumChange(after=lambda value, of: value[:, index] * scale)

    t = np.arange(T)
    yield Variant("turned", "its steps are in reversed order", moved(t[::-1]), USUAL)
    for by, words in ((1, "one step late"), (-1, "one step early")):
        yield Variant(words, f"it is {words}", moved(np.roll(t, by), (t + 0 != (0 if by > 0 else T - 1)) * 1.0), LIKELY)
        yield Variant(f"{words}, wrapped", f"it is {words}, wrapped around", moved(np.roll(t, by)), LIKELY)
    for k, words in ((T - 1, "the last step's"), (0, "the first step's")):
        yield Variant(f"{words} alone", f"{words} alone is there", moved(t, (t == k) * 1.0), LIKELY)
        yield Variant(f"without {words}", f"{words} is missing", moved(t, (t != k) * 1.0), LIKELY)
    later = SumChange(after=lambda value, of: value[:, ::-1].cumsum(axis=1)[:, ::-1])
    yield Variant("running sum", "it is added up over the steps", later, LIKELY)
    if T == B:
        both = SumChange(after=lambda value, of: value.swapaxes(1, 2))
        yield Variant("T and B swapped", "steps and sequences are swapped", both, USUAL)


def factors(problem: Any) -> dict[float, str]:
    """The factors that a gradient is off by, usual ones first: {factor: its name}."""
    T, B = problem.T, problem.B
    tokens = T * B if problem.lengths is None else int(problem.lengths.sum())
    H = problem.parts[0].layer.hidden_size
    sizes = {
        "2": 2.0,
        "B": B,
        "T": T,
        "T B": T * B,
        "the number of tokens": tokens,
        "3": 3.0,
        "H": H,
        "sqrt(H)": H**0.5,
    }
    found: dict[float, str] = {-1.0: "-1"}
    for name, size in sizes.items():
        for value, text in ((size, name), (1 / max(size, 1), f"1 / ({name})" if " " in name else f"1/{name}")):
            shown = text if name.isdigit() else f"{text} = {value:.6g}"
            for sign, minus in ((1, ""), (-1, "-")):
                if sign * value not in (1.0, *found):
                    found[sign * value] = minus + shown
    return found
