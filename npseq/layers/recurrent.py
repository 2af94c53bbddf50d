"""Recurrent layers: stacks of strands in one or both directions, with padding, dropout and given states.

T steps, B sequences, D input features, H hidden units, P state features (H, or proj_size), L layers, R directions.
"""

from functools import partial
from typing import Any

import numpy as np

from npseq.arguments import DEEPEST, amount, flag, float_dtype, integer, probability
from npseq.backend import Array, MaybeArray, array_module, generator
from npseq.bptt import gradients, loop
from npseq.bptt.layout import stack_layout, strand_weights, suffix
from npseq.bptt.tape import Tape, Weights
from npseq.bptt.workspace import Workspace, check_workspace
from npseq.cell import Cell
from npseq.initializers import uniform_sqrt_hidden
from npseq.layers.adjoints import Rows, check_rows, stack_adjoints, stack_gradients
from npseq.layers.batch import check_batch, check_old, check_tape
from npseq.layers.contract import check_cell, initial_values
from npseq.layers.dropout import Dropout
from npseq.layers.features import batch_major, in_order, outputs
from npseq.layers.layer import Layer
from npseq.layers.segments import SegmentsTape, backward_segments, forward_segments
from npseq.layers.states import check_state
from npseq.layers.strands import last_state, run_strand
from npseq.magnitude import weighed
from npseq.parameters import Layout, Parameters


class Recurrent(Layer):
    """A stack of one cell, any that fulfils the contract of ns.Cell; RNN, GRU and LSTM are this layer with theirs.

    Args:
        cell: the mathematics of a step, such as MyCell() of a class MyCell(ns.Cell).
        input_size, hidden_size, num_layers, bidirectional, bias, dropout, dtype: as those of ns.RNN.
        state_size: P, the features of h where the cell's second product makes it; None is H.
        rng: seed or Generator of the initial values, of dropout and of the cell's masks.

    Raises:
        TypeError, ValueError: if the cell does not fulfil its contract, or an option does not hold.

    Example:
        >>> layer = ns.Recurrent(ns.gallery.MGUCell(), 3, 4, num_layers=2, rng=0)
        >>> y, state, tape = layer.forward(np.ones((5, 2, 3), np.float32))
        >>> y.shape, state.shape
        ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        state_size: int | None = None,
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        self.input_size = integer("input_size", input_size)
        self.hidden_size = integer("hidden_size", hidden_size)
        self.state_size = self.hidden_size if state_size is None else integer("state_size", state_size)
        self.cell = check_cell(cell, self.state_size == self.hidden_size)
        self.c_size = (len(cell.state) - 1) * self.hidden_size  # of all parts of the state but h
        self.num_layers = amount("num_layers", num_layers, most=DEEPEST)
        self.directions = 2 if flag("bidirectional", bidirectional) else 1
        self.bias = flag("bias", bias)
        rng = generator(rng)
        self.dropout = Dropout(probability("dropout", dropout), rng)
        layout = self._layout()
        flat = uniform_sqrt_hidden((layout.size,), rng, hidden_size=hidden_size, dtype=float_dtype(dtype))
        self._bind(initial_values(cell, Parameters(layout, flat), rng))

    def _bind(self, params: Parameters) -> None:
        super()._bind(params)
        sizes = (self.input_size, self.hidden_size, self.state_size)
        # all that a layer is but its parameters: layers of one signature have tapes of one shape
        self.signature = (self.cell, *sizes, self.num_layers, self.directions, self.bias, self.dtype)

    @property
    def output_size(self) -> int:
        """R*P: the features of y."""
        return self.directions * self.state_size

    def forward(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        *,
        resets: Array | None = None,
        training: bool = False,
        tape: Any = None,
    ) -> tuple[Array, Any, Any]:
        """Runs the layer; returns y, the last state, and the tape that backward reads.

        Args:
            x: (T, B, D), or integer ids (T, B), which mean one-hot vectors of size D.
            state: h (L*R, B, P), an LSTM's (h, c) with c (L*R, B, H); None is zeros.
            lengths: (B,) integers in [0, T] in any order, or a mask (T, B), True at the steps that a sequence has, for
                padding on the left and for gaps; elsewhere its state stays what it was and its y is zero.
            resets: (T, B) bool, the steps before which a sequence starts anew, from zeros; no gradient crosses them.
            training: whether dropout acts.
            tape: an old one, to be written over.

        Returns:
            y (T, B, R*P), which may be a read-only view of the tape; the state after each sequence's last step; the
            tape.

        Raises:
            TypeError, ValueError: before anything is computed, if an argument does not fit.
        """
        xp, training = array_module(self.params.flat), flag("training", training)
        if resets is not None:
            return forward_segments(self, partial(self.forward, training=training), x, state, lengths, resets, tape)
        check_old(tape, Tape)
        batch = check_batch(x, lengths, self.input_size, self.dtype, xp)
        h, c = self.checked_state("state", state, batch.x.shape[1])
        features: list[Array] = [] if batch.is_ids else [batch.x.swapaxes(1, 2)]
        old = None if tape is None or tape.signature != self.signature else tape.strands
        views = None if tape is None else tape.views or Workspace()
        strands, masks = [], []
        for l in range(self.num_layers):
            mask = [self.dropout.draw(f) for f in features] if training and l and self.dropout.p else None
            if mask is not None:
                features = [weighed(xp, f, m) for f, m in zip(features, mask, strict=True)]
            row = [run_strand(self, l, d, features, batch, h, c, old, training, views) for d in range(self.directions)]
            features = [outputs(strand, self.state_size, d, batch.mask) for d, strand in enumerate(row)]
            strands.append(tuple(row))
            masks.append(mask)
        return (
            batch_major(features, xp),
            last_state([strand for row in strands for strand in row], self.state_size, h, c, batch.started),
            Tape(tuple(strands), tuple(masks), batch.is_ids, self.signature, self.params.mark(), views),
        )

    def backward(
        self,
        dy: Array | None,
        tape: Any,
        dstate: Any = None,
        truncation: Any = None,
        *,
        dc: Any = None,
        clip_adjoint: float | None = None,
        input_gradient: bool = True,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[MaybeArray, Any, Parameters]:
        """Returns dx, the initial state's gradient, and the gradients of all parameters.

        Args:
            dy: (T, B, R*P), the loss's derivative by y; None is zeros.
            tape: what forward returned.
            dstate: the loss's derivative by the last state, shaped as the state; None is zeros.
            truncation: Truncated, RandomTruncation, RouletteTruncation, HDetach or CarouselTruncation; None is the
                whole gradient.
            dc: (T, B, R*C), the loss's derivative by what the last layer's state has beside h, an LSTM's c_t, C = H;
                or a list of these, one a layer, None for zeros.
            clip_adjoint: a limit to which the derivative by each pre-activation of each step is clamped before it goes
                on, to x, to h or to a sum (Graves 2013, arXiv 1308.0850): docs/derivations/time.md.
            input_gradient: False where nobody reads dx, as of a training step's features: it saves the product.
            grads: a training loop's own, written over.
            workspace: a training loop's own buffers.

        Returns:
            dx (T, B, D), None for ids or if nobody reads it; dstate as the state; grads, named and shaped as params.

        Raises:
            TypeError, ValueError: before anything is computed, if an argument does not fit.
        """
        if isinstance(tape, SegmentsTape):
            options = {"truncation": truncation, "clip_adjoint": clip_adjoint, "input_gradient": input_gradient}
            options |= {"grads": grads, "workspace": workspace}
            return backward_segments(self, partial(self.backward, **options), dy, tape, dstate, dc)
        grads, with_dx = self._buffers_of(grads, workspace), flag("input_gradient", input_gradient)
        rows = stack_adjoints(self, dy, tape, dstate, truncation, dc, clip_adjoint, workspace)
        return stack_gradients(self, rows, tape, grads, workspace, with_dx)

    def adjoints(
        self,
        dy: Array | None,
        tape: Tape,
        dstate: Any = None,
        truncation: Any = None,
        *,
        dc: Any = None,
        clip_adjoint: float | None = None,
        workspace: Workspace | None = None,
    ) -> Rows:
        """Returns the adjoints of every step, rows[layer][direction]: the first half of backward.

        Args:
            dy, tape, dstate, truncation, dc, clip_adjoint, workspace: as `backward` takes them.
        """
        check_workspace(workspace)
        return stack_adjoints(self, dy, tape, dstate, truncation, dc, clip_adjoint, workspace)

    def gradients(
        self, rows: Rows, tape: Tape, *, grads: Parameters | None = None, workspace: Workspace | None = None
    ) -> tuple[MaybeArray, Any, Parameters]:
        """Returns what backward returns, from the adjoints of every step: its second half.

        Args:
            rows: what `adjoints` returned.
            tape, grads, workspace: as `backward` takes them.

        Raises:
            TypeError, ValueError: before anything is computed, if an argument does not fit.
        """
        check_rows(rows, self, check_tape(tape, self))
        return stack_gradients(self, rows, tape, self._buffers_of(grads, workspace), workspace)

    def weights(self, layer: int, direction: int, params: Parameters | None = None) -> Weights:
        """Returns one strand's parameters as the loop multiplies with them: views.

        Args:
            layer, direction: which strand, from 0.
            params: values of the same names, such as gradients; None are the layer's parameters.
        """
        params = self.params if params is None else params
        return params.once(("strand", layer, direction), self._cut_weights, params, layer, direction)

    def _cut_weights(self, params: Parameters, layer: int, direction: int) -> Weights:
        ending = suffix(layer, direction)
        return strand_weights(self.cell, params, self.hidden_size, self.state_size, self.bias, ending)

    def checked_state(self, name: str, state: Any, batch: int) -> tuple[Array, Array | None]:
        """Returns (h, c) of a user's state, c None where the cell has none; None is zeros.

        Args:
            name: what an error calls it.
            state: h (L*R, B, P), or (h, c) with c (L*R, B, c_size), an LSTM's (L*R, B, H).
            batch: B.

        Raises:
            TypeError, ValueError: if it does not fit.
        """
        batch = batch if type(batch) is int else integer("batch", batch, least=0)
        rows, xp = self.num_layers * self.directions, array_module(self.params.flat)
        shapes = {"h": (rows, batch, self.state_size), "c": (rows, batch, self.c_size)}
        return check_state(name, state, self.cell, shapes, self.dtype, xp)

    def input_adjoints(self, layer: int, row: tuple[loop.Adjoints, ...], tape: Tape) -> list[Array]:
        """Returns the adjoints (T, ., [K,] B) of the layer below, one a direction, or at layer 0 those of x.

        Args:
            layer: which one, from 0.
            row: its adjoints, one a direction.
            tape: what forward returned.
        """
        dx = [
            in_order(gradients.input_gradient(self.cell, self.weights(layer, d), adjoints), d)
            for d, adjoints in enumerate(row)
        ]
        total = dx[0] if len(dx) == 1 else dx[0] + dx[1]
        if layer == 0:
            return [total]
        size, masks = self.state_size, tape.dropout[layer]
        below = [total[:, d * size : (d + 1) * size] for d in range(self.directions)]
        if masks is not None:
            masks = [m if total.ndim == m.ndim else m[:, :, None] for m in masks]
            below = [weighed(array_module(p), p, m) for p, m in zip(below, masks, strict=True)]
        return below

    def _layout(self) -> Layout:
        inputs = [self.input_size, *[self.output_size] * (self.num_layers - 1)]
        return stack_layout(self.cell, inputs, self.hidden_size, self.state_size, self.directions, self.bias)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bidirectional={self.directions == 2}, {self.cell}, {self.params.flat.size} parameters, {self.dtype})"
        )
