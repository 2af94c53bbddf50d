"""Gradient checkers side by side: python -m benchmarks.gradcheck

The same functions and claimed gradients, right and wrong, at gradient scales from 1e-8 to 1e5, for every checker at its
defaults: wrong ones missed, right ones refused, time. Then every entry of an LSTM layer, beside PyTorch's gradcheck of
its own LSTM with the same shapes. Writes benchmarks/results/gradcheck.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import npseq as ns
from benchmarks import machine
from benchmarks.record import Settings, record
from benchmarks.rivals.checkers import CHECKERS, Claim
from benchmarks.timing import alternate, spread, summary

SCALES = (1e-8, 1e-4, 1.0, 1e5)
ROWS, COLUMNS = 6, 5
T, B, D, H = 5, 2, 3, 4


def one_entry(gradient: dict[str, np.ndarray]) -> None:
    W = gradient["W"]
    W[2, 3] += 1e-3 * np.abs(W).max()


def zeroed(gradient: dict[str, np.ndarray]) -> None:
    gradient["b"][...] = 0


def threefold(gradient: dict[str, np.ndarray]) -> None:
    for part in gradient.values():
        part *= 3


def one_sign(gradient: dict[str, np.ndarray]) -> None:
    b = gradient["b"]
    b[np.abs(b).argmin()] *= -1


def two_swapped(gradient: dict[str, np.ndarray]) -> None:
    W = gradient["W"]
    W[[0, 1]] = W[[1, 0]]


WRONG: dict[str, Callable[[dict[str, np.ndarray]], None]] = {
    "one entry wrong by 1e-3 of the scale": one_entry,
    "one tensor zero": zeroed,
    "three times too large": threefold,
    "one sign turned, of the smallest entry of b": one_sign,
    "two rows swapped": two_swapped,
}


def claim(seed: int, scale: float, wrong: Callable[[dict[str, np.ndarray]], None] | None = None) -> Claim:
    """A random function with a gradient of this scale, and its gradient, right or made wrong."""
    rng = np.random.default_rng(seed)
    W, b, x = rng.normal(size=(ROWS, COLUMNS)), rng.normal(size=ROWS), rng.normal(size=COLUMNS)
    w = rng.uniform(0.5, 1.5, ROWS)
    db = w / np.cosh(W @ x + b) ** 2
    size = np.abs(np.outer(db, x)).max()
    gradient = {"W": scale / size * np.outer(db, x), "b": scale / size * db}
    if wrong is not None:
        wrong(gradient)
    return Claim(W, b, x, w, scale / size, gradient)


def verdicts(seeds: int) -> dict[str, Any]:
    """For every checker: the claims that it judged wrongly, by kind and scale, and its time."""
    found: dict[str, Any] = {}
    for name, satisfied in CHECKERS.items():
        satisfied(claim(0, 1.0))  # what the first call loads and compiles is not counted
        missed = {kind: {f"{scale:g}": 0 for scale in SCALES} for kind in WRONG}
        refused, times = {f"{scale:g}": 0 for scale in SCALES}, []
        for seed in range(seeds):
            for scale in SCALES:
                start = perf_counter()
                refused[f"{scale:g}"] += not satisfied(claim(seed, scale))
                times.append(perf_counter() - start)
                for kind, wrong in WRONG.items():
                    missed[kind][f"{scale:g}"] += satisfied(claim(seed, scale, wrong))
        found[name] = {"missed": missed, "false_alarms": refused, "median_ms": 1e3 * median(times)}
        print(f"  {name} done", flush=True)
    return found


def lstm_checks() -> dict[str, Callable[[], object]]:
    """Per-entry checks of x, initial states and parameters of one LSTM layer, T=5, B=2, D=3, H=4, in float64."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x, h, c = rng.normal(size=(T, B, D)), rng.normal(size=(1, B, H)), rng.normal(size=(1, B, H))
    layer = ns.LSTM(D, H, dtype=np.float64, rng=0)
    twin = torch.nn.LSTM(D, H).double()
    names = [name for name, _ in twin.named_parameters()]
    weights = [torch.from_numpy(rng.choice([-1.0, 1.0], size)) for size in ((T, B, H), (1, B, H), (1, B, H))]

    def outputs(x: Any, h: Any, c: Any, *parameters: Any) -> Any:
        given = dict(zip(names, parameters, strict=True))
        y, (last_h, last_c) = torch.func.functional_call(twin, given, (x, (h, c)))
        return y, last_h, last_c

    def scalar(*inputs: Any) -> Any:
        return sum((w * out).sum() for w, out in zip(weights, outputs(*inputs), strict=True))

    inputs = [torch.from_numpy(array).requires_grad_() for array in (x, h, c)]
    inputs += [p.detach().clone().requires_grad_() for p in twin.parameters()]
    return {
        "npseq.gradcheck_layer, complex": lambda: _passed(ns.gradcheck_layer(layer, x, (h, c))),
        "npseq.gradcheck_layer, central": lambda: _passed(ns.gradcheck_layer(layer, x, (h, c), method="central")),
        "torch.autograd.gradcheck, all outputs": lambda: torch.autograd.gradcheck(outputs, inputs),
        "torch.autograd.gradcheck, one weighted sum": lambda: torch.autograd.gradcheck(scalar, inputs),
    }


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    """For the suite: the times alone, npseq's complex step against PyTorch's check."""
    with threadpool_limits(1):
        found = alternate(lstm_checks(), settings.budget, least=min(settings.least, 5), burst=1)
    names = {"npseq": "npseq.gradcheck_layer, complex", "npseq, central": "npseq.gradcheck_layer, central",
             "torch": "torch.autograd.gradcheck, one weighted sum",
             "torch, all outputs": "torch.autograd.gradcheck, all outputs"}  # fmt: skip
    measured = {name: spread(found[theirs], 1e3) for name, theirs in names.items()}
    yield record("gradient check", f"every entry of an LSTM layer ({T}, {B}, {D}, {H}) float64", "ms", measured)


def _passed(report: Any) -> None:
    if not report:
        raise RuntimeError(f"a right gradient must pass:\n{report}")


def lstm_times(budget: float) -> dict[str, Any]:
    times = alternate(lstm_checks(), budget, least=5, burst=1)
    return {name: summary(seconds) for name, seconds in times.items()}


def table(found: dict[str, Any], seeds: int) -> str:
    """Of every kind of claim, how many of all scales were judged wrongly; at which scales; as markdown."""
    total = seeds * len(SCALES)
    lines = [
        f"| checker | {' | '.join(f'missed: {kind}' for kind in WRONG)} | false alarms | ms a check |",
        f"|---|{'---|' * (len(WRONG) + 2)}",
    ]
    for name, row in found.items():
        cells = [_count(row["missed"][kind], total) for kind in WRONG]
        alarms = _count(row["false_alarms"], total)
        lines.append(f"| {name} | {' | '.join(cells)} | {alarms} | {row['median_ms']:.1f} |")
    return "\n".join(lines)


def _count(by_scale: dict[str, int], total: int) -> str:
    where = ", ".join(scale for scale, count in by_scale.items() if count)
    return f"{sum(by_scale.values())} of {total}" + (f" (scale {where})" if where else "")


def lstm_table(times: dict[str, Any]) -> str:
    best = times["torch.autograd.gradcheck, one weighted sum"]["median_ms"]
    lines = ["| every entry of an LSTM layer | ms | PyTorch's time, one weighted sum, over it |", "|---|---|---|"]
    lines += [f"| {name} | {row['median_ms']:.0f} | {best / row['median_ms']:.2f} |" for name, row in times.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="functions at each scale")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for the LSTM layer")
    options = parser.parse_args()
    with threadpool_limits(1):
        found, times = verdicts(options.seeds), lstm_times(options.budget)
    report = {"machine": machine.describe(1), "seeds": options.seeds, "checkers": found, "lstm": times}
    machine.save("gradcheck", report)
    print(f"\n{table(found, options.seeds)}\n\n{lstm_table(times)}")


if __name__ == "__main__":
    main()
