"""diagnose compares somebody's gradients of a layer's mathematics with those of every known mistake."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from npseq.arguments import array, mapping, number
from npseq.arrays import is_own
from npseq.backend import Array, to_host
from npseq.diagnosis.answer import Diagnosis
from npseq.diagnosis.given import DIGITS, RTOL, Given
from npseq.diagnosis.layout import placed
from npseq.diagnosis.problem import Problem
from npseq.diagnosis.search import Search
from npseq.gradcheck import Report, TensorReport
from npseq.layercheck.fault import fault
from npseq.layers.batch import check_array
from npseq.layers.bidirectional import Bidirectional, recurrent_layers
from npseq.layers.lengths import check_lengths
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.layers.states import map_state
from npseq.protocols import LayerLike

LARGEST = 1 << 15  # numbers of one kind of adjoint: about a second


def diagnose(
    layer: LayerLike,
    x: Array,
    dy: Array,
    grads: Mapping[str, Array],
    state: Any = None,
    lengths: Array | None = None,
    dx: Array | None = None,
    *,
    dstate: Any = None,
    rtol: float | None = None,
) -> Diagnosis:
    """Says which known mistake has exactly these gradients, one that is not npseq's included.

    The gradients are those of somebody else's backward pass of the same mathematics, at the layer's parameters. They
    are compared by their numbers with the bug zoo's, with single edits of the right backward (a factor or a term left
    out, a sign, a stale state, a transpose, a cut path, another sum), and with two mistakes at once. Nothing is named
    that does not have every number.

    Args:
        layer: a recurrent layer that holds the parameters at which the gradients were taken, a cell of one's own too.
        x: as layer.forward takes it. A small batch says as much as a large one.
        dy: (T, B, R*P), the upstream gradient, as layer.backward takes it.
        grads: {name: array}, all parameters or some; beside them "x", "h0" and "c0", the gradients of the inputs and
            initial states. Arrays with names of npseq may be transposed. Others, such as all gates beside each other,
            [x; h] in one or PyTorch's, are laid out as their numbers and shapes say.
        state: the initial state, as layer.forward takes it.
        lengths: (B,), the length of each sequence.
        dx: the gradient of x, (T, B, D); the same as grads["x"].
        dstate: the upstream gradient of the last state, as layer.backward takes it.
        rtol: how far an entry may be off, relative to its tensor's largest; None is 1e-9 for float64, 1e-5 for float32.

    Raises:
        TypeError, ValueError: if an argument does not fit, or x is too large.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> layer, x, dy = ns.RNN(3, 4, dtype=float, rng=0), rng.normal(size=(5, 2, 3)), rng.normal(size=(5, 2, 4))
        >>> y, _, tape = layer.forward(x)
        >>> dx, dstate, grads = layer.backward(dy, tape)
        >>> wrong = {"W_hh": grads["W_hh"].T, "W_xh": grads["W_xh"], "b_h": grads["b_h"]}
        >>> ns.diagnose(layer, x, dy, wrong).bug
        'S4'
    """
    if not isinstance(layer, Recurrent | Reversed | Bidirectional):
        raise TypeError(
            f"layer must be a recurrent layer of npseq, got {type(layer).__name__}; for others use gradcheck"
        )
    if layer.dtype.kind == "c":
        raise TypeError(f"layer must be real to be compared, got {layer.dtype}; use layer.astype(numpy.float64)")
    given = _given(grads, dx, rtol)
    layer = layer.bind(to_host(layer.params.flat).astype(np.float64))
    _require_small(layer, x)
    x, state, dstate = _float64(x), map_state(_float64, state), map_state(_float64, dstate)
    if lengths is not None and array("x", x).ndim > 1:
        lengths = check_lengths(lengths, *x.shape[:2])
    y, _, tape = layer.forward(x, state, lengths)
    if y.size == 0:
        raise ValueError(f"x must have a step and a sequence, got shape {x.shape}")
    problem = Problem(layer, tape, check_array("dy", _float64(dy), y.shape, layer.dtype, np), dstate)
    search = Search(problem, {})
    read = placed(problem, given, search.found)
    _require_known(problem, read.given, read.unplaced)
    search.compare(read.given)
    right = tuple(name for name, fits in zip(search.names, search.right, strict=True) if fits)
    wrong = tuple(name for name in search.names if name not in right)
    found = Diagnosis((), right, wrong, layout=read.notes, hypotheses=int(search.different.sum()))
    if not wrong:
        return found
    matches = tuple(search.matches())
    return replace(found, matches=matches, advice="" if matches else _advice(layer, search, lengths))


def _given(grads: Mapping[str, Array], dx: Array | None, rtol: float | None) -> dict[str, Given]:
    """Every gradient in float64, and how exact it is."""
    if rtol is not None and not 0 < number("rtol", rtol) < 1:
        raise ValueError(f"rtol must be a relative tolerance between 0 and 1, got {rtol!r}")
    given = {name: (f"grads[{name!r}]", value) for name, value in mapping("grads", grads).items()}
    if dx is not None and "x" in given:
        raise ValueError("dx must be None where grads holds 'x', got both; leave out one")
    given |= {} if dx is None else {"x": ("dx", dx)}
    if not given:
        raise ValueError("grads must hold a gradient or more, got none")
    found = {}
    for name, (label, value) in given.items():
        dtype = array(label, value).dtype
        if dtype.kind != "f" or dtype.itemsize not in RTOL:
            raise TypeError(f"{label} must be float32 or float64, got {dtype}; convert it")
        own, value = RTOL[dtype.itemsize] if rtol is None else rtol, to_host(value).astype(np.float64)
        found[name] = Given(value, own, label, DIGITS[dtype.itemsize])
    return found


def _float64(value: Any) -> Any:
    """An array on the host, a float one in float64; anything else as it is, for forward to judge."""
    if not is_own(value):
        return value
    on_host = to_host(value)
    return on_host.astype(np.float64) if on_host.dtype.kind == "f" else on_host


def _require_small(layer: Any, x: Any) -> None:
    """Raises ValueError where the comparison would take long, before anything is computed."""
    steps, batch = (*tuple(getattr(x, "shape", ())), 1, 1)[:2]
    parts = recurrent_layers(layer).values()
    units = sum(part.hidden_size * len(part.cell.gates) * part.num_layers * part.directions for part in parts)
    if steps * batch * units > LARGEST:
        raise ValueError(
            f"x must be small to be compared with thousands of mistakes, got {steps} steps of {batch} sequences "
            f"through {units} gates, where {LARGEST} numbers are the most; take the gradients of a few steps and "
            f"sequences, say of x[:6, :3], or of a layer with fewer units"
        )


def _require_known(problem: Problem, given: Mapping[str, Given], unplaced: tuple[str, ...]) -> None:
    if unplaced:
        raise ValueError(
            f"grads must have the names and shapes of {', '.join(problem.names)}, or be laid out so that their "
            f"numbers tell where they belong; "
            f"cannot place {', '.join(map(repr, unplaced))}: hand each gate over under its own name"
        )
    for name, one in given.items():
        if one.value.shape != problem.like(name):
            raise ValueError(f"{one.label} must have shape {problem.like(name)}, got {one.value.shape}")


def _advice(layer: Any, search: Search, lengths: Any) -> str:
    """Where in backward to look, by the sizes of the errors."""
    if "x" not in search.names:
        return "with dx too, the time step at which it starts could be named"
    rows = []
    for k, name in enumerate(search.names):
        given = search.given[name]
        errors = np.abs(search.found[name][0] - given.value) / (given.scale or 1.0)
        status = "pass" if search.right[k] else "fail"
        rows.append(TensorReport(name, given.value.shape, given.scale, 0.0, given.rtol, status, errors=errors))
    return fault(layer, Report("", tuple(rows), 0), lengths)
