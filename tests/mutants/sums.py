"""S1 to S11: wrong in the sums over time and batch that make gradients of adjoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mutants.mutant import Mutant, Patch, edit, wrap

from npseq.bptt import gradients
from npseq.layers import embedding


def afterwards(change: Callable[..., None]) -> Patch:
    """The weight gradients right, and then changed: change(W's gradient, bias row, adjoints)."""

    def around(right: Any) -> Any:
        def wrong(cell, w, strand, adjoints, out, *more):
            right(cell, w, strand, adjoints, out, *more)
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


def overwrite(target, index, values):
    target[index] = values


SUMS = (
    Mutant("S1", "bias gradient summed over time only, one example's", "rnn",
           afterwards(bias_over_time_only)),
    Mutant("S2", "bias gradient a mean over the batch", "rnn",
           afterwards(bias_mean)),
    Mutant("S3", "weight gradients a mean over time", "rnn",
           afterwards(over_steps)),
    Mutant("S4", "dW_hh transposed", "rnn",
           afterwards(transposed)),
    Mutant("S5", "weight gradients rounded to half precision", "gru after",
           afterwards(half_precision)),
    Mutant("S6", "one entry of dW_ho off by a thousandth", "lstm",
           afterwards(one_entry)),
    Mutant("S7", "the second product's operand one step off", "lstm projection",
           edit(gradients._products, "side_by_side(strand.m -> side_by_side(np.roll(strand.m, 1, axis=0)")),
    Mutant("S8", "dx three times too large", "rnn",
           edit(gradients.input_gradient, "matmul(w.x -> matmul(3 * w.x")),
    Mutant("S9", "a repeated token's gradient overwritten, not added", "rnn token ids",
           wrap(gradients, "scatter_add", lambda right: overwrite)),
    Mutant("S10", "a repeated token's embedding gradient overwritten", "language model",
           wrap(embedding, "scatter_add", lambda right: overwrite)),
    Mutant("S11", "gradients of token rows one step early", "rnn token ids",
           edit(gradients._scatter_rows, "ids.reshape(-1) -> np.roll(ids, 1, axis=0).reshape(-1)")),
)
