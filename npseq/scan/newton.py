"""Forward in parallel: all states at once by Newton's method, from any guess of them.

Of the equations s_t = f_t(s_{t-1}) a guess misses by e_t; to first order, the steps' changes d_t must satisfy (P5):

    (P4)  e_t = f_t(s_{t-1}) - s_t
    (P5)  d_t = J_t d_{t-1} + e_t,  d_0 = 0
    (P6)  s'_t = f_t(s_{t-1}) + J_t d_{t-1}

which is an affine recurrence: a scan, that leads to the next guess s'. After k iterations the first k states are exact,
whatever stands for J_t, so that T iterations are always enough (DEER: Lim et al. 2023, arXiv 2309.12252; with diagonals
alone: 2407.19115; with the blocks of the units: ParaRNN, 2510.21450).
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, one_of, within
from npseq.backend import Array, array_module, to_host
from npseq.bptt import loop
from npseq.bptt.tape import Strand, Tape
from npseq.bptt.workspace import MAX_BYTES, check_max_bytes
from npseq.layers.batch import Batch, check_batch
from npseq.layers.features import batch_major, outputs
from npseq.layers.recurrent import Recurrent
from npseq.layers.segments import forward_segments
from npseq.layers.strands import filled_strand, last_state, write_state
from npseq.scan.adjoints import check_layer
from npseq.scan.associative import solve, times
from npseq.scan.damped import smoothed
from npseq.scan.jacobians import Steps, jacobians, of_blocks
from npseq.scan.steps import StepsTape, side_by_side, write_back
from npseq.shown import by_fields


class NoConvergence(ArithmeticError):
    """Newton's method has not found the states within the iterations it may take."""


@by_fields
class Newton(NamedTuple):
    """The result of `forward`: what layer.forward returns, and how it was found."""

    y: Array  # (T, B, R*P)
    state: Any  # after the last step
    tape: Any  # for layer.backward and ns.inspect where it has converged; for ns.scan.backward always
    iterations: np.ndarray  # (L, R): of each layer and direction
    residuals: tuple[tuple[np.ndarray, ...], ...]  # [layer][direction]: (iterations + 1,) of (P4) over the states
    converged: bool  # whether the last of each is at most the tolerance


class _Options(NamedTuple):
    iterations: int | None
    jacobian: str
    damping: float
    tolerance: float
    max_bytes: int | None


def forward(
    layer: Recurrent,
    x: Array,
    state: Any = None,
    lengths: Array | None = None,
    *,
    resets: Array | None = None,
    iterations: int | None = None,
    jacobian: str = "whole",
    damping: float = 0.0,
    tolerance: float | None = None,
    max_bytes: int | None = MAX_BYTES,
) -> Newton:
    """Computes layer.forward by Newton's method over all steps at once, layer by layer, from a guess of zeros.

    Dropout does not act.

    Args:
        layer: any recurrent layer but Bidirectional and Reversed, which have layers of their own to give.
        x: (T, B, D), or token ids (T, B), as forward takes them.
        state: the initial state; None is zeros.
        lengths: (B,), the length of each sequence, or a mask (T, B), as forward takes them; None is T for all.
        resets: (T, B) bool, the steps before which a sequence starts anew, as forward takes them.
        iterations: how many; None is as many as are needed, T at most, and 100 T with damping.
        jacobian: what stands for J_t: the "whole" of it (DEER), the block of each of its "units" (ParaRNN), or its
            "diagonal" (quasi-DEER). A cell whose units are apart has no other J_t than its units'.
        damping: k > 0 keeps each iteration near the one before, by (P10) in place of (P5) and (P6).
        tolerance: the largest part of (P4) that is left, over the largest state; None is 16 of the dtype's epsilon. 0
            asks for the last bit.
        max_bytes: the memory allowed for Jacobians; None is no limit.

    Returns:
        y, state, tape, and what each layer and direction took; see `Newton`.

    Raises:
        TypeError, ValueError: before anything is computed, if an argument does not fit.
        MemoryError: before it takes more than max_bytes.
        NoConvergence: if iterations is None and they do not suffice.

    Example:
        >>> layer, x = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((100, 1, 2))
        >>> found = ns.scan.forward(layer, x)
        >>> np.allclose(found.y, layer.forward(x)[0], rtol=0, atol=1e-14), found.iterations < 20
        (True, array([[ True]]))
    """
    check_layer(layer)
    if resets is not None:
        own: Any = {"iterations": iterations, "jacobian": jacobian, "damping": damping, "tolerance": tolerance}
        run = partial(forward, layer, max_bytes=max_bytes, **own)
        return Newton(*forward_segments(layer, run, x, state, lengths, resets, None))
    options = _checked(layer, iterations, jacobian, damping, tolerance, max_bytes)
    xp = array_module(layer.params.flat)
    batch = check_batch(x, lengths, layer.input_size, layer.dtype, xp)
    steps, size = batch.x.shape[:2]
    h, c = layer.checked_state("state", state, size)
    if not steps * size:
        none = ((np.zeros(1),) * layer.directions,) * layer.num_layers
        count = np.zeros((layer.num_layers, layer.directions), int)
        return Newton(*layer.forward(x, state, lengths), count, none, True)
    features: list[Array] = [] if batch.is_ids else [batch.x.swapaxes(1, 2)]
    rows = []
    for l in range(layer.num_layers):
        row = [_run(layer, l, d, features, batch, h, c, options) for d in range(layer.directions)]
        features = [outputs(one.strand, layer.state_size, d, batch.mask) for d, one in enumerate(row)]
        rows.append(row)
    strands = [one.strand for row in rows for one in row]
    converged = all(one.converged for row in rows for one in row)
    kept = tuple(tuple(one.strand if converged else one.side_by_side for one in row) for row in rows)
    tape = Tape(kept, (None,) * layer.num_layers, batch.is_ids, layer.signature, layer.params.mark())
    return Newton(
        batch_major(features, xp),
        last_state(strands, layer.state_size, h, c, batch.started),
        tape if converged else StepsTape(tape, steps, size),
        np.array([[len(one.residuals) - 1 for one in row] for row in rows]),
        tuple(tuple(np.array(one.residuals) for one in row) for row in rows),
        converged,
    )


def _checked(
    layer: Recurrent, iterations: Any, jacobian: Any, damping: Any, tolerance: Any, max_bytes: Any
) -> _Options:
    one_of("jacobian", jacobian, ("whole", "units", "diagonal"))
    if jacobian == "units" and layer.state_size != layer.hidden_size:
        raise ValueError(
            f'jacobian="units" needs an h with a feature for each of the {layer.hidden_size} units, got '
            f'{layer.state_size}; take "whole" or "diagonal"'
        )
    return _Options(
        None if iterations is None else amount("iterations", iterations, least=0),
        jacobian,
        within("damping", damping),
        16 * float(np.finfo(layer.dtype).eps) if tolerance is None else within("tolerance", tolerance),
        None if max_bytes is None else check_max_bytes(max_bytes),
    )


class _Run(NamedTuple):
    """A strand whose states have been found, or nearly."""

    strand: Strand
    side_by_side: Strand  # its steps: before each the state found, after each what the step makes of it
    residuals: list[float]
    converged: bool


def _run(
    layer: Recurrent, l: int, d: int, features: list[Array], batch: Batch, h: Array, c: Any, options: _Options
) -> _Run:
    """Direction d of layer l, from its row of the states h and c."""
    w, k = layer.weights(l, d), l * layer.directions + d
    strand = filled_strand(layer, w, l, d, features, batch, None)
    write_state(strand, layer.state_size, h[k], None if c is None else c[k], batch.started)
    strand.s[1:, : w.state] = 0
    if strand.c is not None:
        strand.c[1:] = 0
    steps = Steps(layer.cell, w, side_by_side(strand, d), strand.steps, d)
    states, residuals = _iterate(steps, options)
    rows = steps.blocks(states, steps.n)[:, :, 0].swapaxes(1, 2)  # (T, n, B)
    strand.s[1:, : w.state] = rows[:, : w.state]
    if strand.c is not None:
        strand.c[1:] = rows[:, w.state :]
    write_back(steps.strand, strand, d)
    return _Run(strand, steps.strand, residuals, residuals[-1] <= options.tolerance)


def _iterate(steps: Steps, options: _Options) -> tuple[Array, list[float]]:
    """The states after each step (n, T*B), and the residual before each iteration and after the last."""
    start = steps.blocks(steps.state(0), steps.n)[:1]
    states, residuals, first = np.zeros_like(steps.state(1)), [], 0
    most = (100 if options.damping else 1) * steps.steps if options.iterations is None else options.iterations
    while True:
        before = np.concatenate([start, steps.blocks(states, steps.n)[:-1]])
        _write(steps, steps.rows(before))
        with np.errstate(all="ignore"):  # of states that a guess is far from
            loop.forward(steps.cell, steps.w, steps.strand)
        found = steps.state(1)
        states[:first] = found[:first]
        residuals.append(_relative(found - states, found))
        if len(residuals) > most or (options.iterations is None and residuals[-1] <= options.tolerance):
            break
        with np.errstate(all="ignore"):
            states, first = _improved(steps, states, found, options)
    if options.iterations is None and not residuals[-1] <= options.tolerance:
        raise NoConvergence(
            f"the states were not found in {most} iterations: the residual is {residuals[-1]:.2g} of the largest, "
            f"more than {options.tolerance:.2g}; without damping it is so only where the loop's own states are not "
            "finite, or the tolerance is below rounding; give iterations=n to see how far n of them lead"
        )
    return found if residuals[-1] <= options.tolerance else states, residuals  # found: what gradients at kinks read


def _write(steps: Steps, before: Array) -> None:
    """Lets each step begin at these states (n, T*B)."""
    P = steps.w.state
    steps.strand.s[0, :P] = before[:P]
    if steps.strand.c is not None:
        steps.strand.c[0] = before[P:]


def _relative(residual: Array, states: Array) -> float:
    """The largest number of one over the largest of the other, of real and imaginary parts apart."""
    found = 0.0
    for part in ("real", "imag") if states.dtype.kind == "c" else ("real",):
        missing, size = (float(abs(getattr(x, part)).max()) for x in (residual, states))
        found = max(found, missing / size if size else np.inf) if missing else found
        if np.isnan(missing):
            return np.nan
    return found


def _improved(steps: Steps, states: Array, found: Array, options: _Options) -> tuple[Array, int]:
    """The next states (n, T*B), from what the steps have made of these, and the first row that a step reads."""
    J, first = jacobians(steps, options.max_bytes)
    if options.jacobian != "whole":
        apart = J.shape[2] > 1
        m = J.shape[-1] if apart else len(steps.cell.state)
        J = of_blocks(J, m if options.jacobian == "units" else 1)
    m = J.shape[-1]
    missing = steps.blocks((found - states)[first:], m)  # (P4)
    wrong = to_host((missing != 0).any(axis=(1, 2, 3)))
    if not wrong.any():
        return states, first
    begin = int(wrong.argmax())  # all before it is exact, and stays so
    change, J, e = np.zeros_like(missing), J[begin:], missing[begin:]
    if options.damping:
        change[begin:] = smoothed(J, e, options.damping)  # (P10)
        found[first:] = states[first:]
    else:
        change[begin + 1 :] = times(J[1:], solve(J, e)[:-1])  # (P5) (P6)
    found[first:] += steps.rows(change)
    return np.where(np.isfinite(found), found, 0), first
