"""The gradients of a training step at the sizes and by the paths that training takes, for `npseq gradcheck`.

A layer is run in the buffers that two steps of other numbers have left, as a training loop runs it. Its gradient by
each tensor is compared along one random direction with a complex step of the loss, which is exact to rounding and costs
one forward pass: an error e of the gradient shows as e times a normal number, so one of 1e-9 of its size passes about
once in a thousand times.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array
from npseq.bptt.workspace import Workspace
from npseq.layercheck.matrix import RECURRENT, aligned
from npseq.layers.states import as_state, map_state, state_arrays

STEP = 1e-30
TOLERANCE = 1e-12  # of the gradient's norm


class Size(NamedTuple):
    """What differs between the paths through a step."""

    steps: int
    batch: int
    features: int
    hidden: int
    ids: bool
    ragged: bool = False
    layers: int = 1
    directions: int = 1
    bias: bool = True
    every_y: bool = True  # whether the loss reads y; else the last state alone, as a classifier does


SIZES = {
    "a batch of ids": Size(35, 32, 28, 64, ids=True),
    "ids looked up": Size(35, 16, 200, 48, ids=True, layers=2),
    "one sequence": Size(25, 1, 80, 100, ids=True),
    "one long sequence": Size(300, 1, 6, 24, ids=False, every_y=False),
    "ragged features": Size(35, 32, 20, 64, ids=False, ragged=True),
    "a ragged stack": Size(20, 16, 150, 32, ids=True, ragged=True, layers=2, directions=2, bias=False),
}


class SizeCase(NamedTuple):
    """One check; size is a name in SIZES."""

    cell: str
    variant: str
    size: str

    def __str__(self) -> str:
        return f"{self.cell} {self.variant}, {self.size}"


class SizeReport(NamedTuple):
    """errors: {tensor: the error along its direction, relative to the gradient's norm}."""

    errors: dict[str, float]

    def __bool__(self) -> bool:
        return self.max_error <= TOLERANCE

    @property
    def max_error(self) -> float:
        return max(self.errors.values())

    def __str__(self) -> str:
        lines = [f"  {name}: {error:.1e} of its norm" for name, error in self.errors.items() if not error <= TOLERANCE]
        return "\n".join(lines or [f"  largest error {self.max_error:.1e}"])


def size_table(results: dict[SizeCase, SizeReport]) -> str:
    """One row a variant, one column a size: the largest error, or FAIL."""
    found = (((case.cell, case.variant), case.size, report) for case, report in results.items())
    return aligned(("cell", "variant"), SIZES, found)


def size_cases(cells: Iterable[str]) -> list[SizeCase]:
    """The cases of these cells; those without time have none."""
    recurrent = [cell for cell in cells if cell in RECURRENT]
    return [SizeCase(cell, variant, size) for cell in recurrent for variant in RECURRENT[cell] for size in SIZES]


def check_size(case: SizeCase) -> SizeReport:
    """Checks every tensor of one case along a direction."""
    size, rng = SIZES[case.size], np.random.default_rng(0)
    kind, _, options = RECURRENT[case.cell][case.variant]
    options = {**options, "proj_size": 2 * size.hidden // 3} if "proj_size" in options else options
    shape = {"num_layers": size.layers, "bidirectional": size.directions == 2, "bias": size.bias}
    layer = kind(size.features, size.hidden, **options, **shape, dtype=np.float64, rng=rng)
    lengths = rng.integers(0, size.steps + 1, size.batch) if size.ragged else None
    inputs, upstream = [_inputs(layer, size, rng) for _ in range(3)], _upstream(layer, size, rng)
    x, state = inputs[-1]
    dx, dstate, grads = _trained(layer, inputs, lengths, upstream)
    at = {**({} if dx is None else {"x": x}), **_named(state), **layer.params}
    found = {**({} if dx is None else {"x": dx}), **_named(dstate), **grads}
    if lengths is not None and dx is not None:  # nothing past a length moves anything
        assert not dx[np.arange(size.steps)[:, None] >= lengths].any()
    copy, errors = layer.astype(np.complex128), {}
    for name, value in at.items():
        direction = rng.standard_normal(value.shape)
        moved = {**at, name: value + 1j * STEP * direction}
        derivative = _loss(copy, moved, x, lengths, upstream).imag / STEP
        scale = np.linalg.norm(found[name]) or 1.0
        errors[name] = float(abs((found[name] * direction).sum() - derivative) / scale)
    return SizeReport(errors)


def _inputs(layer: Any, size: Size, rng: np.random.Generator) -> tuple[Array, Any]:
    shape = size.steps, size.batch
    x = rng.integers(0, size.features, shape) if size.ids else rng.standard_normal((*shape, size.features))
    start = layer.forward(x[:1])[1]
    return x, map_state(lambda part: 0.5 * rng.standard_normal(part.shape), start)


def _upstream(layer: Any, size: Size, rng: np.random.Generator) -> tuple[Array | None, Any]:
    """dy and dstate."""
    dy = rng.standard_normal((size.steps, size.batch, layer.output_size)) if size.every_y else None
    return dy, _inputs(layer, size, rng)[1]


def _trained(layer: Any, inputs: list[Any], lengths: Any, upstream: tuple[Array | None, Any]) -> tuple[Any, Any, Any]:
    """What backward returns for the last inputs, in the buffers of those before, where lengths differed too."""
    tape = grads = None
    workspace, (dy, dstate) = Workspace(), upstream
    for k, (x, state) in enumerate(inputs):
        ends = lengths if k == len(inputs) - 1 else None
        _, _, tape = layer.forward(x, state, ends, training=True, tape=tape)
        dx, dfirst, grads = layer.backward(dy, tape, dstate, grads=grads, workspace=workspace)
    return dx, dfirst, grads


def _loss(layer: Any, values: dict[str, Array], x: Array, lengths: Any, upstream: tuple[Array | None, Any]) -> Any:
    """The sum of the outputs times dy and of the last state times dstate."""
    for name in layer.params:
        layer.params[name] = values[name]
    parts = [values[name].astype(complex) for name in ("h", "c") if name in values]
    x = values["x"].astype(complex) if "x" in values else x
    y, last, _ = layer.forward(x, as_state(parts), lengths, training=True)
    dy, dstate = upstream
    pairs = zip([y, *state_arrays(last)], [dy, *state_arrays(dstate)], strict=True)
    return sum((output * weight).sum() for output, weight in pairs if weight is not None)


def _named(state: Any) -> dict[str, Array]:
    return dict(zip(("h", "c"), state_arrays(state), strict=False))
