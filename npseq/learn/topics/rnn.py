"""The exercises on the plain recurrent network: docs/derivations/rnn.md and time.md."""

from typing import Any

import numpy as np

from npseq.layers.rnn import RNN
from npseq.learn.content import Arrays, Line, Task, drawn
from npseq.learn.wholes import forward_arrays, layer_of

STEP = ("a = x @ W_xh + h @ W_hh + b_h", "h_new = tanh(a)")
B, D, H = 5, 3, 4


def step() -> Arrays:
    """One step of five sequences."""
    found = drawn(2, x=(B, D), h=(B, H), W_xh=(D, H), W_hh=(H, H), b_h=(H,), dh_new=(B, H))
    a = found["x"] @ found["W_xh"] + found["h"] @ found["W_hh"] + found["b_h"]
    h_new = np.tanh(a)
    return found | {"a": a, "h_new": h_new, "da": found["dh_new"] * (1 - h_new**2)}


def two_steps() -> Arrays:
    """Two steps of five sequences, with a loss at each."""
    shapes = {"x_1": (B, D), "x_2": (B, D), "h_0": (B, H), "dy_1": (B, H), "dy_2": (B, H)}
    found = drawn(3, **shapes, W_xh=(D, H), W_hh=(H, H), b_h=(H,))
    for t in (1, 2):
        a = found[f"x_{t}"] @ found["W_xh"] + found[f"h_{t - 1}"] @ found["W_hh"] + found["b_h"]
        found[f"h_{t}"] = np.tanh(a)
    return found


def layer() -> tuple[Any, Any, Any, Any]:
    """A layer, x, dy and the initial state of the exercise with a loop."""
    return layer_of(RNN, 4)


LOOP = """\
dW_xh, dW_hh, db_h = 0 * W_xh, 0 * W_hh, 0 * W_hh[0]
dx, dh = 0 * x, 0 * h0
for t in reversed(range(len(x))):
    h_before = h[t - 1] if t > 0 else h0
    da = (dy[t] + dh) * (1 - h[t] ** 2)
    dW_xh += x[t].T @ da
    dW_hh += h_before.T @ da
    db_h += da.sum(axis=0)
    dx[t] = da @ W_xh.T
    dh = da @ W_hh.T
dh0 = dh"""
LOOP_NG = """\
dWax, dWaa, dba = 0 * Wax, 0 * Waa, 0 * Waa[:, :1]
dx, da = 0 * x, 0 * a0
for t in reversed(range(x.shape[2])):
    a_prev = a[:, :, t - 1] if t > 0 else a0
    dtanh = (dy[:, :, t] + da) * (1 - a[:, :, t] ** 2)
    dWax += dtanh @ x[:, :, t].T
    dWaa += dtanh @ a_prev.T
    dba += dtanh.sum(axis=1, keepdims=True)
    dx[:, :, t] = Wax.T @ dtanh
    da = Waa.T @ dtanh
da0 = da"""

TASKS = (
    Task(
        "rnn",
        1,
        "Through the nonlinearity",
        "A recurrent network reads a sequence step by step. Each step makes a new state `h_new` of the input `x` and "
        "of the state `h` that the step before has left: it adds up, into the pre-activation `a`, and takes the tanh. "
        "`dh_new` is the gradient of the loss by the new state. Write `da`, the gradient of the loss by `a`.",
        STEP,
        "h_new dh_new",
        (Line("da", "dh_new * (1 - h_new**2)", "R5"),),
        (
            "Each entry of `h_new` depends on the same entry of `a` alone.",
            "The derivative of tanh(a) is 1 - tanh(a)^2, and tanh(a) is at hand.",
            "`da` is `dh_new` times 1 less the square of `h_new`, entry by entry.",
        ),
        step,
    ),
    Task(
        "rnn",
        2,
        "Back to the old state and to the input",
        "`da` is the gradient by the pre-activation. Write what it passes back to the old state `h` and to `x`.",
        STEP,
        "da W_xh W_hh",
        (Line("dh", "da @ W_hh.T", "R6"), Line("dx", "da @ W_xh.T", "R7")),
        (
            "Write one entry of `a` as a sum: which entries of `h` are in it, and with which weight?",
            "A unit of `h` enters every unit of `a`, each with the weight between the two. So it receives `da` of "
            "every unit, times that weight, summed.",
            "Forward sums over the one index of `W_hh`, backward over the other: it is a product of `da` with its "
            "transpose. `dx` is the same with `W_xh`.",
        ),
        step,
    ),
    Task(
        "rnn",
        3,
        "The weights and the bias",
        "`da` is the gradient by the pre-activation. Write the gradients of the parameters; the batch is summed.",
        STEP,
        "da x h h_new",
        (
            Line("dW_xh", "x.T @ da", "R8"),
            Line("dW_hh", "h.T @ da", "R9"),
            Line("db_h", "da.sum(axis=0)", "R10"),
        ),
        (
            "One weight of `W_xh` multiplies one unit of `x` in every sequence, and lands in one unit of `a`.",
            "So its gradient is the sum over the sequences of that unit of `x` times that unit of `da`. Which shape "
            "has the whole?",
            "`dW_xh` is a product of `x` and `da`, one of them transposed: its shape is that of `W_xh`. The bias is "
            "added in every sequence, so its gradient is a sum over the sequences.",
        ),
        step,
    ),
    Task(
        "rnn",
        4,
        "Two steps: the loss now and the loss later",
        "The loss is a sum of two: one is a function of `h_1`, with the gradient `dy_1` by it, the other of `h_2`, "
        "with the gradient `dy_2`. Go back from step 2 to step 1. `dh_1` is the gradient of the whole loss by `h_1`, "
        "by all paths.",
        ("h_1 = tanh(x_1 @ W_xh + h_0 @ W_hh + b_h)", "h_2 = tanh(x_2 @ W_xh + h_1 @ W_hh + b_h)"),
        "dy_1 dy_2 x_1 x_2 h_0 h_1 h_2 W_hh",
        (
            Line("da_2", "dy_2 * (1 - h_2**2)", "R5"),
            Line("dh_1", "dy_1 + da_2 @ W_hh.T", "T2"),
            Line("da_1", "dh_1 * (1 - h_1**2)", "R5"),
            Line("dW_hh", "h_0.T @ da_1 + h_1.T @ da_2", "T7"),
            Line("dW_xh", "x_1.T @ da_1 + x_2.T @ da_2", "T6"),
            Line("dh_0", "da_1 @ W_hh.T", "R6"),
        ),
        (
            "`h_1` is used twice: by the output of step 1, and by step 2. A name used in several places receives the "
            "sum of what each place passes back.",
            "The weights are used at both steps too, so their gradient is a sum of two, each with the state that "
            "step has read.",
            "`dh_1` is `dy_1` plus what `da_2` passes through the transpose of `W_hh`; step 1 has read `h_0`, step 2 "
            "has read `h_1`.",
        ),
        two_steps,
    ),
    Task(
        "rnn",
        5,
        "All steps: backpropagation through time",
        "Write the loop. `x` and `h` hold all steps, `h0` is the state before the first. At each step a part of the "
        "loss is a function of that step's state alone, and `dy` holds these gradients: what comes by later steps is "
        "not in it.",
        ("for each t: h[t] = tanh(x[t] @ W_xh + h[t - 1] @ W_hh + b_h)",),
        "x h h0 dy W_xh W_hh",
        tuple(
            Line(name, "", label)
            for name, label in (("dW_xh", "R8"), ("dW_hh", "R9"), ("db_h", "R10"), ("dx", "R7"), ("dh0", "R6"))
        ),
        (
            "Begin at the last step, with nothing that arrives from later, and go back.",
            "Carry one array from step to step: what the step passes back to the state before it. Add it to `dy` of "
            "that step before the nonlinearity is reversed.",
            "In each step: the total adjoint, then `da`, then what it adds to each parameter with the state before "
            "the step, then what it passes back.",
        ),
        lambda: forward_arrays(*layer()),
        layer,
        (("d2l", LOOP), ("ng", LOOP_NG)),
    ),
)
