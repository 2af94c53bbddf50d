"""Mistakes in time, of any cell: cut paths, steps left out, stale tapes, the gates' adjoints in another order."""

from collections.abc import Iterator
from functools import cache, partial
from itertools import chain, permutations
from typing import Any

import numpy as np

from npseq.bptt.truncation import Truncated
from npseq.diagnosis.alternatives import LIKELY, ODD, USUAL
from npseq.diagnosis.equations import Equations
from npseq.diagnosis.mistake import Mistake, Rewrites, SumChange
from npseq.diagnosis.words import SHIFTS, written
from npseq.layers.states import state_arrays

MANY = 40  # of more steps, not every place for a cut is tried
LIMITS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
Priced = tuple[Mistake, float]
ARRIVES, PASSED = "dh_t = dy_t + what step t + 1 passes back", "what step t passes back reaches step t - 1, at every t"


@cache
def mistakes_in_time(T: int, B: int, gates: tuple[str, ...], h_blocks: tuple[str, ...]) -> tuple[Priced, ...]:
    """All of them, with prices; T steps of B sequences of a cell."""
    of_paths = _upstream(), _cuts(T), _scaled(T, B), _steps_left_out(T), _from_other_passes(T)
    return tuple(chain(*of_paths, _stale_tapes(), _clipped(), _orders(gates, h_blocks)))


def _upstream() -> Iterator[Priced]:
    for variant, words in SHIFTS.items():
        yield Mistake(f"dy.{variant}", f"dy of {words}", ARRIVES, "T2", step=(f"dh_total = dy.{variant} + p",)), LIKELY
    for kind, k, words in (
        ("t == k", 0, "only the first step's dy counts"),
        ("t != k", 0, "the first step's dy is left out"),
        ("t != k", -1, "the last step's dy is left out"),
    ):
        yield Mistake(words, words, ARRIVES, "T2", step=(f"dh_total = when({kind!r}, {k}, dy) + p",)), LIKELY
    for end, state in (("p", "h"), ("dc_next", "c")):
        step, words = (
            (f"{end} = {end} + when('t == k', -1, dy)",),
            f"the last step's dy comes in as dstate of {state} too",
        )
        yield Mistake(words, words, ARRIVES, "T2", step=step), ODD
    words = "the first step's dy is added to the gradient by the first state"
    yield Mistake("dy in h0", words, "dh_0 is what the first step passes back, alone", "T9",
                  sums={"h0": SumChange(after=_with_first_dy)}), LIKELY  # fmt: skip
    both = ("p = when('t != k', -1, p)", "dc_next = when('t != k', -1, dc_next)")
    words = "the last state's upstream gradient is ignored"
    yield Mistake("dstate ignored", words, "at the last step dh = dy + dh_last", "T2", step=both), USUAL


def _with_first_dy(value: np.ndarray, of: Any) -> np.ndarray:
    dy: np.ndarray = of.problem.dy[0]
    return value + dy if value.shape[1:] == (1, *dy.shape) else value


def _cuts(T: int) -> Iterator[Priced]:
    """What is passed back is dropped at one step, or at every k-th."""
    places = [(f"t = {k}", ("t != k", k), f"from step {k} to step {k - 1}") for k in range(1, min(T, MANY))]
    for k in range(2, min(T, MANY)):
        places.append((f"t % {k} = 0", ("t % k != 0", k), f"at every multiple of {k} steps from the first"))
        places.append((f"(T - t) % {k} = 0", ("(T - t) % k != 0", k), f"at every multiple of {k} steps from the last"))
        places.append((f"t % {k} > 0", ("t % k == 0", k), f"but at every multiple of {k} steps from the first"))
        places.append((f"t <= {k}", ("t > k", k), f"at step {k} and at all steps before it"))
    for label, (kind, k), words in places:
        for states, price in ((("dh", "dc"), USUAL), (("dh",), LIKELY), (("dc",), LIKELY)):
            step = tuple(f"{state} = when({kind!r}, {k}, {state})" for state in states)
            name = "nothing" if len(states) == 2 else f"no {states[0]}"
            what = f"{name} is passed back {words}"
            yield Mistake(f"{name} passed back at {label}", what, PASSED, "T2", step=step), price


def _scaled(T: int, B: int) -> Iterator[Priced]:
    """What is passed back is a mean, or counted more than once."""
    for c in dict.fromkeys((2, 0.5, 1 / B, 1 / T, B, T)):
        for name in ("dh", "dc") if c != 1 else ():
            what = f"what is passed back as {name} is {c:.6g} times what it should be"
            yield Mistake(f"{name} times {c:.6g}", what, PASSED, "T2", step=(f"{name} = {c!r} * {name}",)), LIKELY


def _steps_left_out(T: int) -> Iterator[Priced]:
    right = "every step adds its term, from the last to the first"
    for k in range(1, min(T, MANY)):
        words = f"only the last {k} steps are back-propagated"
        step = (f"da_* = when('t > k', {T - 1 - k}, da_*)",)
        yield Mistake(f"last {k} steps only", words, right, "T7", step=step), USUAL
    for which, k in (("last", -1), ("first", 0)):
        around = {"da_*": "", "dh": f" + when('t == k', {k}, p)", "dc": f" + when('t == k', {k}, dc_next)"}
        left_out = tuple(f"{name} = when('t != k', {k}, {name}){rest}" for name, rest in around.items())
        words = f"the {which} step is never back-propagated"
        yield Mistake(f"{which} step left out", words, right, "T7", step=left_out), USUAL


def _stale_tapes() -> Iterator[Priced]:
    right = "step t's adjoints meet step t's gates, states and inputs"
    for variant in ("before", "after", "wrapped_before", "wrapped_after", "first", "last"):

        def rewrites(equations: Equations, variant: str = variant) -> Rewrites:
            leaf = equations.graph.leaf
            return {leaf(name): leaf(name, variant) for name in equations.taped}

        words = f"gates and states of {SHIFTS[variant]}, in all local derivatives"
        yield Mistake(f"slopes.{variant}", words, right, "T3", rewrites=rewrites), LIKELY
        sums = {"W_*": SumChange(operand=f"{{}}.{variant} for {{}}")}
        words = f"everything that was saved for backward is that of {SHIFTS[variant]}"
        yield Mistake(f"tape.{variant}", words, right, "T3", rewrites=rewrites, sums=sums), LIKELY
    for state in ("h", "c", "r"):
        for variant in ("_new", ".before", ".first", ".from_zero", ".wrapped_before", ".last"):
            other = f"{state}{variant}"
            operands = {"h": f"r*{other}", "r": f"{other}*h"}
            sums = {"W_hn": SumChange(operand=f"{operands[state]} for m")} if state in operands else {}
            sums |= {"W_h*": SumChange(operand=f"{other} for h")} if state == "h" else {}
            if other == "r_new":
                continue
            words = f"{written(other)} in place of {written(state)}, wherever it is read"
            step = (f"{state} = {other}",)
            yield Mistake(f"{other} for {state} everywhere", words, right, "T3", step=step, sums=sums), LIKELY


def _clipped() -> Iterator[Priced]:
    for name, words in (("kept_*", "da"), ("da_*", "da, also where it is passed back,"), ("dh", "what is passed back")):
        for limit in LIMITS:
            step = (f"{name} = clip({limit}, {name})",)
            text = f"{words} is clipped to {limit:g} inside the loop"
            yield (
                Mistake(f"{name} clipped to {limit:g}", text, "clip the finished gradient, once", "T3", step=step),
                ODD,
            )


def _orders(gates: tuple[str, ...], h_blocks: tuple[str, ...]) -> Iterator[Priced]:
    """da of the gates put together in another order than that of W's columns, for x, for h or for both."""
    of_h = {gate: next((block for block in h_blocks if block in (gate, f"h{gate}")), gate) for gate in gates}
    right = "da has the order of the columns of W"
    orders = permutations(gates) if len(gates) <= 4 else ()
    exchanged = [{a: b for a, b in zip(gates, order, strict=True) if a != b} for order in orders]
    for pairs in (*exchanged, *({a: b} for a, b in permutations(gates, 2))):
        words = ", ".join(f"{b} for {a}" for a, b in pairs.items())
        of_x = {f"{kind}{a}": SumChange(adjoint=f"da_{b}") for kind in ("W_x", "b_") for a, b in pairs.items()}
        below_h = {f"W_h{a}": SumChange(adjoint=f"da_{of_h[b]}") for a, b in pairs.items()}
        for side, sums in (("", of_x | below_h), ("x", of_x), ("h", below_h)) if pairs else ():
            where = f", for {side} alone" if side else ""
            what = f"the gates' adjoints are in another order than forward's{where}: {words}"
            if len(pairs) == 1:
                what = f"another gate's adjoint wherever it is read{where}: da_{words.replace(' for ', ' for da_')}"
            rewrites = partial(_in_order, pairs, side)
            yield Mistake(f"da in order{where}: {words}", what, right, "T4", rewrites=rewrites, sums=sums), LIKELY
    for gate, block in of_h.items():
        if block != gate:
            of_x = {f"{kind}{gate}": SumChange(adjoint=f"da_{block}") for kind in ("W_x", "b_")}
            what, right = f"da_{block} in place of da_{gate} wherever x is", f"x meets da_{gate}, h meets da_{block}"
            rewrites = partial(_in_order, {gate: block}, "x")
            yield Mistake(f"da_{block} for da_{gate}, for x", what, right, "T4", rewrites=rewrites, sums=of_x), LIKELY


def _in_order(order: dict[str, str], side: str, equations: Equations) -> Rewrites:
    """Every product with another gate's adjoint; side: of x, of h or both."""
    graph, names, found = equations.graph, equations.graph.names, {}
    for root in [name for name in ("dx", "dh") if name[1] == side or not side]:
        for node in graph.reached([names[root]], into_named=False):
            op, args = graph.nodes[node]
            gate = args[0][3:] if op == "times" else ""
            if gate in order:
                other = order[gate]
                adjoint = names.get(f"da_h{other}", names[f"da_{other}"]) if root == "dh" else names[f"da_{other}"]
                found[node] = graph.add("times", args[0], adjoint)
    return found


def _from_other_passes(T: int) -> Iterator[Priced]:
    words = "the steps are taken from the first to the last"
    yield Mistake("forward in time", words, "backward begins at the last step", "T2", forward_in_time=True), LIKELY
    for k in range(1, min(T, MANY)):
        yield Mistake(
            f"truncated to {k}", f"every path longer than {k - 1} steps is cut: truncated to {k} steps",
            "the gradient has the paths of every length; or truncate on purpose, with ns.Truncated", "T24",
            elsewhere=partial(_truncated, k),
        ), USUAL  # fmt: skip


def _truncated(k: int, problem: Any) -> dict[str, np.ndarray] | None:
    if len(problem.parts) > 1:
        return None
    layer, (tape,) = problem.layer, problem.tapes
    dx, dfirst, grads = layer.backward(problem.dy, tape, problem.dstate, Truncated(k))
    found = dict(grads) | ({} if dx is None else {"x": dx})
    found |= dict(zip(("h0", "c0"), state_arrays(dfirst), strict=False))
    return {name: value[None] for name, value in found.items()}
