"""F1 to F20: wrong backward passes that were published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
from mutants.mutant import Mutant, edit, wrap

from npseq import layers, losses
from npseq.bptt import gradients, loop
from npseq.gradcheck import check
from npseq.layers import adjoints
from npseq.layers import lstm as lstm_module
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent


def started_from_parameters(right: Any) -> Any:
    def wrong(cell, w, strand, adjoints, out, *more):
        right(cell, w, strand, adjoints, out, *more)
        out.W[...] += w.W

    return wrong


def bias_of_the_next_gate(right: Any) -> Any:
    def wrong(cell, w, strand, adjoints, out, *more):
        right(cell, w, strand, adjoints, out, *more)
        out.W[w.state] = np.roll(out.W[w.state], adjoints.da.shape[1])

    return wrong


def reset_to_a_list(right: Any) -> Any:
    def wrong(self, *arguments, **options):
        self.steps_seen = getattr(self, "steps_seen", 0)
        self.steps_seen += 1
        found = right(self, *arguments, **options)
        self.steps_seen = []
        return found

    return wrong


def dx_over_dy(layer, l, d, row, dfeatures):
    """dfeatures, in which the first direction's dx now lies where the second's dy was."""
    if d == 1 and 0 < l < layer.num_layers - 1:
        dx = gradients.input_gradient(layer.cell, layer.weights(l, 0), row[0])
        dfeatures[1][...] = dx[:, layer.state_size :]
    return dfeatures


def with_the_other_reset(right: Any) -> Any:
    """The gradients of the network whose reset gate acts before the product, at the same weights."""

    def wrong(self, dy, tape, dstate=None):
        s, P = tape.strands[0][0].s, self.state_size
        twin = layers.GRU(self.input_size, P, reset="before", dtype=self.dtype)
        for name in twin.params:
            twin.params[name] = self.params[name]
        x, h = s[:-1, P + self.bias :].swapaxes(1, 2), s[0, :P].T[None]
        dx, dfirst, found = right(twin, dy, twin.forward(x, h)[2], dstate)
        grads = self.params.like(np.zeros_like(self.params.flat))
        grads.update(found)
        return dx, dfirst, grads

    return wrong


def forward_order(cell, w, strand, dy, dh, *more):
    """The RNN's adjoints as sums of J'_{t+1} ... J'_k dy_k, each product taken from its other end."""
    P, steps = w.state, strand.steps
    slope = 1 - strand.s[1:, :P] ** 2

    def adjoint(t):
        total = np.zeros_like(dh)
        for k in range(max(t, 0), steps):
            term = dy[k] + dh if k == steps - 1 else dy[k]
            for j in range(t + 1, k + 1):
                term = w.W[:P] @ (slope[j] * term)
            total += term
        return total

    da = np.stack([slope[t] * adjoint(t) for t in range(steps)], axis=1)[None]
    return loop.Adjoints(da, None, adjoint(-1), None)


def slope_one_input_early(w, strand, t):
    a = w.W.T @ np.concatenate([strand.s[t, : w.state], strand.s[max(t - 1, 0), w.state :]])
    return 1 - np.tanh(a[None]) ** 2


def dx_every_time(rows):
    dx = next(row for row in rows if row.name == "x")
    return tuple(replace(dx, name=row.name) for row in rows)


def exp_over_square(y, out):
    e = np.exp(np.log(y) - np.log(1 - y))
    out[...] = e / (1 + e) ** 2


def summed_over_time(right):
    def wrong(logits, targets):
        loss, dlogits = right(logits, targets)
        return loss, dlogits * len(targets)

    return wrong


PUBLISHED = (
    Mutant("F1", "gate gradients never stored", "lstm",
           edit(loop.backward, "times(columns_t) -> times(columns_t); da[t] = 0"),
           where="thinc, Ops.backprop_lstm"),
    Mutant("F2", "gradient buffers start from the parameters", "lstm",
           wrap(gradients, "weight_gradients", started_from_parameters), where="thinc, NumpyOps"),
    Mutant("F3", "step 0 never back-propagated", "lstm",
           edit(loop.backward, "vectors, project) -> vectors, project); da[t] *= t > 0"), where="thinc"),
    Mutant("F4", "dW_h from h_t instead of h_{t-1}", "lstm",
           edit(gradients._products,
                "strand.s[: strand.steps] -> np.concatenate([strand.s[1:, :P], strand.s[:-1, P:]], axis=1)"),
           where="thinc; zero_to_gpt #9"),
    Mutant("F5", "recurrent bias gradient dropped", "gru after",
           edit(gradients._products, "yield ones, da[block -> yield 0 * ones, da[block"), where="thinc; mxnet #17818"),
    Mutant("F6a", "the layer cannot be built: a property without a setter", "lstm",
           lambda: mock.patch.object(Recurrent, "params", property(lambda self: None), create=True),
           where="numpy-ml, RNN and LSTM", raises=True),
    Mutant("F6b", "the second backward crashes: a counter reset to []", "lstm",
           wrap(Recurrent, "backward", reset_to_a_list), where="numpy-ml, flush_gradients", raises=True),
    Mutant("F7", "no recurrent dh at all", "rnn",
           edit(loop.backward, "times(columns_t) -> np.zeros_like(dh)"),
           where="AiDotNet PR #722; qixianbiao/RNN #2"),
    Mutant("F8", "tanh applied twice in dc", "lstm",
           edit(LSTMCell.local_derivatives, "dtanh(tanh_c, -> dtanh(tanh(tanh_c),"),
           where="nicklashansen/rnn_lstm_from_scratch #1"),
    Mutant("F9", "dc overwritten instead of added to", "lstm",
           edit(LSTMCell.backward, "dc_all = dc_new + dm * s_c -> dc_all = dm * s_c"), where="mxnet #4057"),
    Mutant("F10", "bias gradients taken from the wrong gate", "lstm",
           wrap(gradients, "weight_gradients", bias_of_the_next_gate), where="hanbt/learn_dl #53"),
    Mutant("F11", "dy overwritten by dx before the reverse direction reads it", "rnn three layers, bidirectional",
           edit(adjoints.row_adjoints, "in_order(dfeatures[d], d) -> in_order(over(layer, l, d, row, dfeatures)[d], d)",
                over=dx_over_dy), where="mxnet PR #18203"),
    Mutant("F12", "another layer's weights above the second layer", "gru three layers",
           edit(adjoints.row_adjoints, "layer.weights(l, d) -> layer.weights(min(l, 1), d)"),
           where="mxnet PR #18203"),
    Mutant("F13", "Jacobians multiplied in forward order", "rnn",
           wrap(loop, "backward", lambda right: forward_order), where="axon #646"),
    Mutant("F14", "reset gate before and after the product swapped", "gru after",
           wrap(Recurrent, "backward", with_the_other_reset),
           where="pytorch #189225; onnxscript #2852; MIOpen #716"),
    Mutant("F15", "input one step early in the step's Jacobian", "rnn",
           edit(loop.backward, "a_t, s_t, -> a_t, early(w, strand, t),", early=slope_one_input_early),
           where="a set of lecture notes"),
    Mutant("F16", "sigmoid' as exp / (1 + exp)^2: inf / inf", "lstm saturated",
           wrap(lstm_module, "dsigmoid", lambda right: exp_over_square), where="snntorch PR #433; ocropy #79"),
    Mutant("F17", "the check compares dx once for every tensor", "gru after",
           edit(check.checked, "tuple(rows) -> dx_every_time(rows)", dx_every_time=dx_every_time),
           where="CS231n 2016, LSTM_Captioning", lets_pass="F5"),
    Mutant("F18", "the loss a mean over time, its gradient a sum", "language model",
           wrap(losses, "softmax_cross_entropy", summed_over_time),
           where="pytorch #635"),
    Mutant("F19", "the caller's upstream gradient edited in place", "lstm",
           edit(loop.backward, "dh = dh + dy_t -> dy_t += dh; dh = dy_t"), where="thinc"),
    Mutant("F20", "gradient of padded steps leaks into the weights", "lstm ragged",
           edit(loop.backward, "_where(mask[t], over, (0, 0)) -> over"),
           where="the class of tensorflow #36139"),
)
