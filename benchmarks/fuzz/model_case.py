"""What the cases of all models share: parts, a training step that changes nothing, look-ups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.fuzz.arithmetic import Arithmetic, Node
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.stacks import Plan, one_hot


class Recorder:
    """An optimizer that keeps the gradients of its last step and changes nothing."""

    def step(self, params: Any, grads: Any) -> None:
        self.grads = {name: np.array(value) for name, value in grads.items()}


class Made(NamedTuple):
    """A case's parts: what the kinds below return."""

    model: Any
    found: dict[str, np.ndarray]
    right: Callable[[Arithmetic, dict[str, Node]], tuple[Node, dict[str, np.ndarray]]]
    steps: int
    plan: Plan | None = None
    rival: Callable[[], dict[str, np.ndarray]] | None = None
    rows: dict[str, int] = {}  # noqa: RUF012


def taken(d: Draw, model: Any, batch: tuple, options: dict[str, Any], other: tuple, state: bool = False) -> dict:
    """Loss and gradients by `loss`, or by a training step after one of another batch; a language model's state too."""
    d.watch("params", model.params.flat)
    if not d.maybe("in a step", 0.4):
        loss, grads, *last = model.loss(*batch, **options)
        return {"loss": np.array(loss), **{n: np.array(g) for n, g in grads.items()}, **states(last)}
    recorder = Recorder()
    for one, own in ((other, {}), (batch, options)):
        made = model.step(*one, recorder, **own) if state else model.step(*one, optimizer=recorder, **own)
    return {"loss": np.array(made[0]), **recorder.grads, **states(made[2:])}


def states(last: Any) -> dict[str, np.ndarray]:
    """{"h": ..., "c": ...} of a list that holds one state, None or nothing."""
    parts = () if not last or last[0] is None else last[0] if isinstance(last[0], tuple) else (last[0],)
    return {name: np.array(part) for name, part in zip("hc", parts, strict=False)}


def ids(d: Draw, steps: int, batch: int, below: int) -> np.ndarray:
    return d.rng.integers(0, below, (steps, batch))


def stacked(m: Arithmetic, nodes: list[Node]) -> np.ndarray:
    """(S, nodes, rows, columns)."""
    S = max(m.samples, 1)
    return np.stack([np.broadcast_to(n.value, (S, *n.value.shape[1:])) for n in nodes], axis=1)


def looked_up(m: Arithmetic, table: Node | None, row: np.ndarray, size: int) -> Any:
    """Rows of a table, or one-hot rows where there is none."""
    one = one_hot(row, size)[None]
    return one if table is None else m.affine([(one, table)])


def zeros(m: Arithmetic, rows: int, columns: int, count: int) -> list[Node]:
    """First states of zero."""
    return [m.leaf(np.zeros((rows, columns))) for _ in range(count)]


def inner(p: dict[str, Node], prefix: str) -> dict[str, Node]:
    """The parameters of one part of a model."""
    return {name.removeprefix(prefix): leaf for name, leaf in p.items() if name.startswith(prefix)}
