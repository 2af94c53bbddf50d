"""P1 to P..: wrong between the steps, layers and directions, and in the sums over time and batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mutants.mutant import Mutant, Patch, edit, wrap
from npseq.bptt import gradients, loop
from npseq.layers import Bidirectional, Embedding
from npseq.layers.recurrent import Recurrent


def afterwards(change: Callable[..., None]) -> Patch:
    """The weight gradients right, and then changed: change(W's gradient, bias row, adjoints)."""

    def around(right: Any) -> Any:
        def wrong(cell, w, strand, adjoints, out):
            right(cell, w, strand, adjoints, out)
            change(out.W, w.state, adjoints)

        return wrong

    return wrap(gradients, "weight_gradients", around)


def bias_over_time_only(W, bias, adjoints):
    W[bias] = adjoints.da[..., 0].sum(axis=2).reshape(-1)


def bias_mean(W, bias, adjoints):
    W[bias] /= adjoints.da.shape[-1]


def transposed(W, bias, adjoints):
    W[:bias] = W[:bias].T.copy()


def over_steps(W, bias, adjoints):
    W /= adjoints.da.shape[2]


def half_precision(W, bias, adjoints):
    W[...] = W.astype(np.float16)


def one_entry(W, bias, adjoints):
    W[0, 0] *= 1.001


TIME = (
    Mutant("P1", "dh from the next step overwritten by dy", "", "rnn", edit(loop.backward, "dh = dh + dy[t] -> dh = dy[t]")),
    Mutant(
        "P2", "only the last step's dy counts", "", "rnn",
        edit(loop.backward, "dh + dy[t] -> dh + dy[t] * (t == strand.steps - 1)"),
    ),
    Mutant("P3", "dy one step late", "", "rnn", edit(loop.backward, "dh + dy[t] -> dh + dy[max(t - 1, 0)]")),
    Mutant(
        "P4", "local derivatives of the step before", "", "lstm",
        edit(loop.backward, "k = t - first -> k = max(t - first - 1, 0)"),
    ),
    Mutant("P5", "gates of the step before", "", "lstm", edit(loop.backward, "taped(gates[t]) -> taped(gates[max(t - 1, 0)])")),
    Mutant("P6", "W_hh transposed on the way back", "", "rnn", edit(loop.backward, "np.matmul(W, columns) -> np.matmul(W.T, columns)")),
    Mutant("P7", "the path around the product dropped", "", "gru after", edit(loop.backward, "dh_before += dh_passed -> pass")),
    Mutant(
        "P8", "cut after two steps, silently", "", "rnn",
        edit(loop.backward, "dh, dc = dh_before, dc_before -> dh, dc = dh_before * (t != 2), dc_before"),
    ),
    Mutant("P9", "adjoints clipped inside backward", "", "rnn", edit(loop.backward, "da[:, :, t] = da_t -> da[:, :, t] = da_t.clip(-0.5, 0.5)")),
    Mutant(
        "P10", "the final state's upstream gradient ignored", "", "rnn",
        edit(Recurrent._adjoints, "at_lag_zero(down.dh[k].T, down.lags) -> at_lag_zero(0 * down.dh[k].T, down.lags)"),
    ),
    Mutant(
        "P11", "the final cell state's upstream gradient ignored", "", "lstm",
        edit(Recurrent._adjoints, "at_lag_zero(down.dc[k].T, down.lags) -> at_lag_zero(0 * down.dc[k].T, down.lags)"),
    ),
    Mutant(
        "P12", "the initial state's gradient dropped", "", "lstm",
        edit(Recurrent._backward, "[lag_sum(adjoints.dh, weights) -> [0 * lag_sum(adjoints.dh, weights)"),
    ),
    Mutant(
        "P13", "the mask forgotten where the state stands still", "", "gru ragged",
        edit(loop.backward, "dh_before = np.where(mask[t], dh_before, dh) -> pass"),
    ),
    Mutant(
        "P14", "the mask forgotten where the cell state stands still", "", "lstm ragged",
        edit(loop.backward, "dc_before = None if dc is None else np.where(mask[t], dc_before, dc) -> pass"),
    ),
    Mutant(
        "P15", "dy of padded steps counted", "", "lstm ragged",
        edit(Recurrent._split, "dy = np.where(mask, dy, 0) -> pass"),
    ),
)

LAYERS = (
    Mutant(
        "P16", "dy not turned for the reverse direction", "", "rnn bidirectional",
        edit(Recurrent._adjoints, "in_order(dfeatures[d], d) -> dfeatures[d]"),
    ),
    Mutant(
        "P17", "dx of the reverse direction not turned back", "", "rnn bidirectional",
        edit(Recurrent._hand_down, "in_order(gradients.input_gradient(self._weights(self.params, layer, d), adjoints), d) -> "
             "in_order(gradients.input_gradient(self._weights(self.params, layer, d), adjoints), 0)"),
    ),
    Mutant(
        "P18", "dx of the reverse direction not added", "", "rnn bidirectional",
        edit(Recurrent._hand_down, "dx[0] + dx[1] -> dx[0]"),
    ),
    Mutant(
        "P19", "dx through the forward direction's weights in both", "", "rnn bidirectional",
        edit(Recurrent._hand_down, "self._weights(self.params, layer, d) -> self._weights(self.params, layer, 0)"),
    ),
    Mutant(
        "P20", "weight gradients under the other direction's name", "", "rnn bidirectional",
        edit(Recurrent._adjoints, "self._weights(down.grads, layer, d) -> self._weights(down.grads, layer, self.directions - 1 - d)"),
    ),
    Mutant(
        "P21", "directions swapped on the way to the layer below", "", "rnn three layers, bidirectional",
        edit(Recurrent._hand_down, "for d in range(self.directions)] -> for d in reversed(range(self.directions))]"),
    ),
    Mutant(
        "P22", "the reverse layer's dy turned at T, not at each length", "", "two kinds",
        edit(Bidirectional.backward, "_turn(dy[..., forward.output_size :], tape.turned) -> dy[::-1, :, forward.output_size :]"),
    ),
    Mutant(
        "P23", "nothing handed to the layer below", "", "rnn two layers",
        edit(Recurrent._hand_down, "return parts -> return [0 * p for p in parts]"),
    ),
    Mutant(
        "P24", "a new dropout mask in backward", "", "rnn dropout",
        edit(Recurrent._hand_down, "zip(parts, drop, strict=True) -> zip(parts, map(self.between.draw, parts), strict=True)"),
    ),
    Mutant(
        "P25", "dropout's mask without its scale in backward", "", "rnn dropout",
        edit(Recurrent._hand_down, "p * (k if -> p * (k != 0 if"),
    ),
    Mutant("P26", "dropout's mask left out of backward", "", "rnn dropout", edit(Recurrent._hand_down, "if drop is not None -> if False")),
)

SUMS = (
    Mutant("P27", "bias gradient summed over time only, one example's", "", "rnn", afterwards(bias_over_time_only)),
    Mutant("P28", "bias gradient a mean over the batch", "", "rnn", afterwards(bias_mean)),
    Mutant("P29", "weight gradients a mean over time", "", "rnn", afterwards(over_steps)),
    Mutant("P30", "dW_hh transposed", "", "rnn", afterwards(transposed)),
    Mutant("P31", "weight gradients rounded to half precision", "", "gru after", afterwards(half_precision)),
    Mutant("P32", "one entry of dW_hh off by a thousandth", "", "lstm", afterwards(one_entry)),
    Mutant(
        "P33", "the second product's operand one step off", "", "lstm projection",
        edit(gradients.weight_gradients, "columns(strand.m) -> columns(np.roll(strand.m, 1, axis=0))"),
    ),
    Mutant(
        "P34", "dx three times too large", "", "rnn",
        edit(gradients.input_gradient, "dx = np.matmul( -> dx = 3 * np.matmul("),
    ),
    Mutant(
        "P35", "a repeated token's gradient overwritten, not added", "", "rnn token ids",
        edit(gradients._scatter_rows, "scatter_add(out, ids.reshape(-1), np.ascontiguousarray(da.T)) -> out[ids.reshape(-1)] = da.T"),
    ),
    Mutant(
        "P36", "a repeated token's embedding gradient overwritten", "", "language model",
        edit(Embedding.backward, 'scatter_add(grads["W"], tape.reshape(-1), dy.reshape(-1, self.dim)) -> '
             'grads["W"][tape.reshape(-1)] = dy.reshape(-1, self.dim)'),
    ),
    Mutant(
        "P37", "gradients of token rows one step early", "", "rnn token ids",
        edit(gradients._scatter_rows, "ids.reshape(-1) -> np.roll(ids, 1, axis=0).reshape(-1)"),
    ),
)
PATHS = TIME + LAYERS + SUMS
