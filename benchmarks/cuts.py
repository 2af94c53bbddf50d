"""A backward that is silently cut after k of T steps, put to gradient checkers: python -m benchmarks.cuts

RNN, GRU and LSTM, one unit in and two hidden, a loss at the last step. A checker that is satisfied by a cut dx has
missed it, one that is not by the right dx raises a false alarm. npseq.gradcheck_layer takes losses of its own, and is
also given backward passes that are cut in the gradients of parameters alone. Every k is tried where the checker's
differences serve them all, else five of them. --save writes benchmarks/results/cuts.json.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import npseq as ns
from benchmarks import machine
from benchmarks.rivals.cuts import CHECKERS
from npseq.layercheck.check import elsewhere, layer_problem
from npseq.layercheck.memory import Memory, long_memory
from npseq.layercheck.over_time import is_state, judged, measured
from npseq.layercheck.paths import judged_there, measured_there

CELLS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
STEPS = [20, 50, 100, 300]
OWN = "npseq.gradcheck_layer"
ALONE = "npseq.gradcheck_layer, parameters alone"  # dx is right
ANEW = tuple(CHECKERS)[:4]  # these take their differences again for each dx
FEW = 5


class Case:
    """A layer, its x, the loss at its last step, and dx by a backward that is cut."""

    def __init__(self, cell: str, steps: int):
        self.layer = CELLS[cell](1, 2, dtype=np.float64, rng=0)
        self.x = np.random.default_rng(steps).standard_normal((steps, 1, 1))
        self.dy = np.zeros((steps, 1, 2))
        self.dy[-1] = 1.0, -0.7
        self.copies = {np.dtype(dtype): self.layer.astype(dtype) for dtype in (np.float64, np.complex128)}

    def f(self, x: np.ndarray) -> Any:
        y = self.copies[x.dtype].forward(x.reshape(self.x.shape))[0]
        return (y[-1] * self.dy[-1]).sum()

    def gradient(self, dy: np.ndarray, cut: int | None = None) -> dict[str, np.ndarray]:
        return gradient_of(self.layer, self.x, dy, cut)

    def dx(self, cut: int | None = None) -> np.ndarray:
        return self.gradient(self.dy, cut)["x"].ravel()


def gradient_of(layer: Any, x: np.ndarray, dy: np.ndarray, cut: int | None) -> dict[str, np.ndarray]:
    tape = layer.forward(x)[2]
    dx, dstate, grads = layer.backward(dy, tape, None, None if cut is None else ns.Truncated(cut))
    states = dstate if isinstance(dstate, tuple) else (dstate,)
    return {"x": dx, **dict(zip(("h0", "c0"), states, strict=False)), **{k: v.copy() for k, v in grads.items()}}


def cuts_of(steps: int, name: str) -> list[int]:
    if name not in ANEW:
        return list(range(1, steps))
    return sorted({max(1, round(k)) for k in np.linspace(1, steps - 1, FEW)})


def verdicts(case: Case, name: str) -> dict[str, Any]:
    steps = len(case.x)
    if name == ALONE:
        problem = layer_problem(case.layer, case.x)
        states = [key for key in problem.at if is_state(key)]
        point = long_memory(Memory(problem.time.outputs, problem.at, states, problem.time.there), problem.at)
        there = elsewhere(case.layer, case.x, None, None)(point.at)
        numeric = measured_there(there, list(case.layer.params))
        none = {name: 0 * v for name, v in numeric.known.directions.items()}

        def passed(cut: int | None) -> bool:
            def gradient(dy: np.ndarray) -> dict[str, np.ndarray]:
                return gradient_of(there.layer, there.x, dy, cut)

            found = judged_there(there.time._replace(gradient=gradient, rounding=lambda dy: none), numeric)
            return not any(each.wrong.any() for judgements in found.values() for each in judgements)

    elif name == OWN:
        problem = layer_problem(case.layer, case.x)
        known = measured(problem.time, problem.at, np.random.default_rng(0))
        nothing = {name: 0 * v for name, v in known.directions.items()}  # no unit is saturated

        def passed(cut: int | None) -> bool:
            time = problem.time._replace(gradient=lambda dy: case.gradient(dy, cut), rounding=lambda dy: nothing)
            return not any(found.wrong.any() for each in judged(time, known).values() for found in each)

    else:
        satisfied = CHECKERS[name](case.f, case.x.ravel())

        def passed(cut: int | None) -> bool:
            return satisfied(case.dx(cut))

    cuts = cuts_of(steps, name)
    return {"missed": sum(passed(cut) for cut in cuts), "cuts": len(cuts), "false_alarms": int(not passed(None))}


def table(found: dict[str, dict[str, Any]]) -> str:
    steps = list(next(iter(found.values())))
    heads = " | ".join(f"T = {each}" for each in steps)
    lines = [f"| checker | {heads} | false alarms |", f"|---|{'---:|' * (len(steps) + 1)}"]
    for name, by_steps in found.items():
        cells = [f"{row['missed']} of {row['cuts']}" for row in by_steps.values()]
        alarms = sum(row["false_alarms"] for row in by_steps.values())
        lines.append(f"| {name} | {' | '.join(cells)} | {alarms} of {len(CELLS) * len(by_steps)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="lengths T")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/cuts.json")
    options = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for name in (OWN, ALONE, *CHECKERS):
        for steps in options.steps:
            rows = [verdicts(Case(cell, steps), name) for cell in CELLS]
            found.setdefault(name, {})[str(steps)] = {key: sum(row[key] for row in rows) for key in rows[0]}
        print(f"  {name}: {found[name]}", flush=True)
    print(table(found))
    if options.save:
        print(machine.save("cuts", {"machine": machine.describe(1), "found": found}))


if __name__ == "__main__":
    main()
