"""Recurrent layers: stacks of strands in one or both directions, with padding, dropout and given states.

T steps, B sequences, D input features, H hidden units, P state features (H, or proj_size), L layers, R directions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import flag, float_dtype, integer, probability
from npseq.backend import Array, array_module, generator
from npseq.bptt import gradients, loop
from npseq.bptt.layout import strand_layout, strand_weights, suffix
from npseq.bptt.tape import Strand, Tape, Weights, new_strand
from npseq.bptt.truncation import Plan, carry_of, check_truncation
from npseq.bptt.workspace import Workspace, child
from npseq.cells import Cell
from npseq.initializers import uniform_sqrt_hidden
from npseq.layers.batch import Batch, check_array, check_batch, check_tape
from npseq.layers.dropout import Dropout
from npseq.layers.features import (
    at_lag_zero,
    batch_major,
    by_direction,
    in_order,
    lag_sum,
    lag_sums,
    outputs,
    write_inputs,
)
from npseq.layers.layer import Layer
from npseq.layers.states import check_state, stack_state
from npseq.layers.sweep import Rows, sweep
from npseq.parameters import Layout, Parameters

LOOK_UP_ABOVE = 128  # one-hot inputs wider than this are rows looked up; below, one product with the state is faster


class Descent(NamedTuple):
    """What goes down the stack of layers in backward."""

    tape: Tape
    dh: Array  # (L*R, B, P): of the last state
    dc: Array | None
    plan: Plan | None
    lag_weights: Array | None  # (lags,), None where lags are not told apart
    workspace: Workspace | None
    grads: Parameters  # written

    @property
    def lags(self) -> int | None:
        return None if self.lag_weights is None else len(self.lag_weights)


class Recurrent(Layer):
    """The part that RNN, GRU and LSTM share. Use those; this class holds no mathematics."""

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        state_size: int,
        num_layers: int,
        bidirectional: bool,
        bias: bool,
        dropout: float,
        dtype: Any,
        rng: Any,
    ):
        self.cell = cell
        self.input_size = integer("input_size", input_size)
        self.hidden_size = integer("hidden_size", hidden_size)
        self.state_size = state_size
        self.num_layers = integer("num_layers", num_layers)
        self.directions = 2 if flag("bidirectional", bidirectional) else 1
        self.bias = flag("bias", bias)
        rng = generator(rng)
        self.between = Dropout(probability("dropout", dropout), rng)
        layout = self._layout()
        flat = uniform_sqrt_hidden((layout.size,), rng, hidden_size=hidden_size, dtype=float_dtype(dtype))
        self.params = Parameters(layout, flat)

    @property
    def output_size(self) -> int:
        """R*P: the features of y."""
        return self.directions * self.state_size

    @property
    def kind(self) -> tuple:
        """What this layer is, but for its parameters: two layers of one kind can read each other's tapes."""
        sizes = (self.input_size, self.hidden_size, self.state_size)
        return (self.cell, *sizes, self.num_layers, self.directions, self.bias, self.dtype)

    def forward(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        training: bool = False,
        tape: Tape | None = None,
    ) -> tuple[Array, Any, Tape]:
        """y, the last state, and the tape that backward reads.

        x: (T, B, D), or integer ids (T, B), which mean one-hot vectors of size D. state: h (L*R, B, P), an LSTM's
        (h, c) with c (L*R, B, H); None is zeros. lengths (B,): integers in [0, T] in any order; past its length a
        sequence's state stands still and its y is zero. training: whether dropout acts. tape: an old one, to be
        written over. Returns y (T, B, R*P), which may be a read-only view of the tape, and the state after each
        sequence's last step.
        Raises TypeError or ValueError, before anything is computed, where an argument does not fit.
        """
        xp, training = array_module(self.params.flat), flag("training", training)
        if tape is not None and not isinstance(tape, Tape):
            raise TypeError(f"tape must be an old one that forward returned, or None, got {type(tape).__name__}")
        batch = check_batch(x, lengths, self.input_size, self.dtype, xp)
        h, c = self._check_state("state", state, batch.x.shape[1], xp)
        features: list[Array] = [] if batch.is_ids else [batch.x.swapaxes(1, 2)]
        old = None if tape is None or tape.made_by != self.kind else tape.strands
        strands, kept = [], []
        for layer in range(self.num_layers):
            drop = [self.between.draw(f) for f in features] if training and layer and self.between.p else None
            if drop is not None:
                features = [f * k for f, k in zip(features, drop, strict=True)]
            row = tuple(
                self._run(layer, d, features, batch, h, c, None if old is None else old[layer][d], xp)
                for d in range(self.directions)
            )
            features = [outputs(strand, self.state_size, d, batch.mask) for d, strand in enumerate(row)]
            strands.append(row)
            kept.append(drop)
        tape = Tape(tuple(strands), tuple(kept), batch.is_ids, self.kind)
        flat = [strand for row in strands for strand in row]
        last_c = [None if strand.c is None else strand.c[-1] for strand in flat]
        return (
            batch_major(features, xp),
            stack_state([strand.s[-1, : self.state_size] for strand in flat], last_c, xp),
            tape,
        )

    def backward(
        self,
        dy: Array | None,
        tape: Tape,
        dstate: Any = None,
        truncation: Any = None,
        *,
        workspace: Workspace | None = None,
        grads: Parameters | None = None,
    ) -> tuple[Array | None, Any, Parameters]:
        """dx, the initial state's gradient, and the gradients of all parameters.

        dy (T, B, R*P) and dstate (shaped as the state) are the loss's derivatives by what forward returned; None is
        zeros. truncation: Truncated, RandomTruncation, RouletteTruncation, HDetach or CarouselTruncation; None is the
        whole gradient.
        Returns dx (T, B, D), None for ids; dstate as the state; grads, named and shaped as params. No argument is
        written on but workspace and grads, a training loop's own buffers. Raises TypeError or ValueError on a misfit.
        """
        return self._backward(dy, tape, dstate, truncation, workspace, grads)[:3]

    def _backward(
        self,
        dy: Array | None,
        tape: Tape,
        dstate: Any = None,
        truncation: Any = None,
        workspace: Workspace | None = None,
        grads: Parameters | None = None,
    ) -> tuple[Array | None, Any, Parameters, list[tuple[loop.Adjoints, ...]]]:
        """As backward, and the adjoints of every step, rows[layer][direction]."""
        xp = array_module(self.params.flat)
        steps, batch = check_tape(tape, self.kind)
        if dy is not None:
            dy = check_array("dy", dy, (steps, batch, self.output_size), self.dtype, xp)
        dh, dc = self._check_state("dstate", dstate, batch, xp)
        plan = self._plan(truncation, steps)
        weights = None if plan is None or plan.lag_weights is None else xp.asarray(plan.lag_weights)
        grads = Parameters(self.params.layout, xp.empty_like(self.params.flat)) if grads is None else grads
        down = Descent(tape, dh, dc, plan, weights, workspace, grads)
        dfeatures = None if dy is None else by_direction(dy, tape, self.directions, down.lags, workspace)
        rows: list[tuple[loop.Adjoints, ...]] = []
        for layer in reversed(range(self.num_layers)):
            rows.insert(0, tuple(self._adjoints(layer, d, dfeatures, down) for d in range(self.directions)))
            dfeatures = None if layer == 0 and tape.token_ids else self._hand_down(layer, rows[0], tape)
        dx = None if dfeatures is None else lag_sum(dfeatures[0], weights).swapaxes(1, 2)
        first_h = [lag_sum(adjoints.dh, weights) for row in rows for adjoints in row]
        first_c = [None if adjoints.dc is None else lag_sum(adjoints.dc, weights) for row in rows for adjoints in row]
        return dx, stack_state(first_h, first_c, xp), grads, rows

    def _adjoints(self, layer: int, d: int, dfeatures: list[Array] | None, down: Descent) -> loop.Adjoints:
        """One strand's adjoints; its weight gradients are written."""
        k = layer * self.directions + d
        strand, w = down.tape.strands[layer][d], self._weights(self.params, layer, d)
        workspace = child(down.workspace, (layer, d))
        adjoints = loop.backward(
            self.cell,
            w,
            strand,
            None if dfeatures is None else in_order(dfeatures[d], d),
            at_lag_zero(down.dh[k].T, down.lags),
            None if down.dc is None else at_lag_zero(down.dc[k].T, down.lags),
            carry_of(down.plan, k),
            workspace,
        )
        summed = lag_sums(adjoints, down.lag_weights)
        gradients.weight_gradients(self.cell, w, strand, summed, self._weights(down.grads, layer, d), workspace)
        return adjoints

    def _sweep(self, *args: Any, **hooks: Any) -> Rows:
        return sweep(self, *args, **hooks)

    def _layout(self) -> Layout:
        blocks, names = {}, {}
        for layer in range(self.num_layers):
            for d in range(self.directions):
                part = strand_layout(
                    self.cell, self._inputs(layer), self.hidden_size, self.state_size, self.bias, suffix(layer, d == 1)
                )
                blocks.update(part.blocks)
                names.update(part.names)
        return Layout(blocks, names)

    def _inputs(self, layer: int) -> int:
        return self.input_size if layer == 0 else self.output_size

    def _weights(self, params: Parameters, layer: int, d: int) -> Weights:
        sizes = self.hidden_size, self.state_size, self.bias
        return params.once(
            ("strand", layer, d), lambda: strand_weights(self.cell, params, *sizes, suffix(layer, d == 1))
        )

    def _check_state(self, name: str, state: Any, batch: int, xp: Any) -> tuple[Array, Array | None]:
        rows = self.num_layers * self.directions
        shapes = {"h": (rows, batch, self.state_size), "c": (rows, batch, self.hidden_size)}
        return check_state(name, state, self.cell, shapes, self.dtype, xp)

    def _plan(self, truncation: Any, steps: int) -> Plan | None:
        check_truncation(truncation, self)
        if truncation is None:
            return None
        strands = self.num_layers * self.directions
        longest = steps * (self.num_layers if self.directions == 2 else 1)
        return truncation.plan(strands, steps, longest)

    def _run(
        self,
        layer: int,
        d: int,
        features: list[Array],
        batch: Batch,
        h: Array,
        c: Array | None,
        old: Strand | None,
        xp: Any,
    ) -> Strand:
        steps, size = batch.x.shape[:2]
        w = self._weights(self.params, layer, d)
        look_up = not features and self.input_size > LOOK_UP_ABOVE
        strand = new_strand(xp, self.cell, w, steps, size, look_up, old)
        if batch.mask is not None:
            ragged = tuple((batch.lengths < step + 1).any().item() for step in range(steps))
            strand = strand._replace(mask=in_order(batch.mask, d)[:, None], ragged=in_order(ragged, d))
        looks_up = not features and strand.ahead and (look_up or size == 1)
        if looks_up or strand.ids is not None:
            strand = strand._replace(ids=in_order(batch.x, d).copy() if looks_up else None)
        if not look_up:
            strand.s[:, self.state_size : self.state_size + self.bias] = 1
            rows = strand.s[:steps, self.state_size + self.bias :]
            write_inputs(rows, features, batch.x, d, xp)
            if strand.mask is not None and features and layer == 0:
                np.copyto(rows, 0, where=~strand.mask)
        k = layer * self.directions + d
        strand.s[0, : self.state_size] = h[k].T
        if c is not None:
            strand.c[0] = c[k].T
        loop.forward(self.cell, w, strand)
        return strand

    def _hand_down(self, layer: int, row: tuple[loop.Adjoints, ...], tape: Tape) -> list[Array]:
        """What a layer's strands pass to the outputs of the layer below, one a direction; at layer 0, to x."""
        dx = [
            in_order(gradients.input_gradient(self.cell, self._weights(self.params, layer, d), adjoints), d)
            for d, adjoints in enumerate(row)
        ]
        total = dx[0] if len(dx) == 1 else dx[0] + dx[1]
        if layer == 0:
            return [total]
        size, drop = self.state_size, tape.kept[layer]
        parts = [total[:, d * size : (d + 1) * size] for d in range(self.directions)]
        if drop is not None:
            parts = [p * (k if p.ndim == k.ndim else k[:, :, None]) for p, k in zip(parts, drop, strict=True)]
        return parts

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bidirectional={self.directions == 2}, {self.cell}, {self.params.flat.size} parameters, {self.dtype})"
        )
