"""F1 to F25: wrong backward passes that were published."""

from typing import Any

import numpy as np

from npseq.diagnosis.mistake import Mistake, SumChange, every
from npseq.diagnosis.zoo.elsewhere import forward_order, with_the_other_reset
from npseq.diagnosis.zoo.steps import without_products

ALL_STEPS = "every step adds its term, from t = 1 to T"


def dx_over_dy(dy: np.ndarray, strand: Any, done: list[Any]) -> np.ndarray:
    """dy, in which the forward direction's dx lies where the reverse direction's dy was, in a middle layer."""
    if strand.d == 0 or not 0 < strand.l < strand.part.layers - 1:
        return dy
    of_dx: np.ndarray = strand.part.split(done[0].roots["dx"])[1][::-1]
    return of_dx


def plus_parameter(value: np.ndarray, of: Any) -> np.ndarray:
    total: np.ndarray = value + of.problem.layer.params[of.name]
    return total


def other_layers_matrices(equations: Any) -> dict[int, int]:
    """dh through layer 1's matrices."""
    graph, node = equations.graph, equations.graph.names["dh"]
    found = {}
    for part in graph.reached([node], into_named=False):
        op, args = graph.nodes[part]
        if op == "times":
            found[part] = graph.add("times", f"{args[0]}@1", *args[1:])
    return found


PUBLISHED = (
    Mistake("F1", "gate gradients never stored: all of them zero", "da is what every sum and dx are made of", "T6",
            where="thinc, Ops.backprop_lstm", step=("kept_* = 0",)),
    Mistake("F2", "gradient buffers start from the parameters, not from zero", ALL_STEPS, "T10",
            where="thinc, NumpyOps", sums={name: SumChange(after=plus_parameter) for name in ("W_*", "b_*")}),
    Mistake("F3", "step 0 never back-propagated", ALL_STEPS, "T2",
            where="thinc", step=("da_* = when('t != k', 0, da_*)",)),
    Mistake("F4", "dW_h from h_t in place of h_{t-1}", "dW_h = h_{t-1}^T da_t", "T7",
            where="thinc; zero_to_gpt #9", sums={"W_h*": SumChange(operand="h_new for h")}),
    Mistake("F5", "the recurrent bias has no gradient", "db_hn = sum of dv", "G23",
            where="thinc; mxnet #17818", sums={"b_hn": SumChange(after=lambda value, of: 0 * value)}),
    Mistake("F6a", "the layer cannot be built: a property without a setter", where="numpy-ml, RNN and LSTM"),
    Mistake("F6b", "the second backward crashes: a counter reset to []", where="numpy-ml, flush_gradients"),
    Mistake("F7", "no recurrent dh at all", "what step t passes back is W_h da_t", "T4",
            where="AiDotNet PR #722; qixianbiao/RNN #2", rewrites=without_products),
    Mistake("F8", "tanh applied twice in dc", "s_c = o (1 - tanh(c')^2)", "L12",
            where="nicklashansen/rnn_lstm_from_scratch #1",
            step=("dc_all = dc_new + dm * o * dtanh(tanh(tanh(c_new))) [+ da_o * p_o]",)),
    Mistake("F9", "dc overwritten instead of added to", "dc_all = dc' + dm s_c", "L15",
            where="mxnet #4057", step=("dc_all = dm * o * dtanh(tanh(c_new)) [+ da_o * p_o]",)),
    Mistake("F10", "bias gradients taken from the wrong gate", "db_k = sum of da_k", "L24",
            where="hanbt/learn_dl #53",
            sums={f"b_{own}": SumChange(adjoint=f"kept_{other}") for own, other in ("og", "io", "fi", "gf")}),
    Mistake("F11", "dy overwritten by dx before the reverse direction reads it", "both directions read the same dy",
            "T13", where="mxnet PR #18203", site=("dy", dx_over_dy)),
    Mistake("F12", "another layer's weights above the second layer", "each layer's dh goes through its own W_h", "T12",
            where="mxnet PR #18203", rewrites=other_layers_matrices, strands=lambda strand: strand.l > 1),
    Mistake("F13", "Jacobians multiplied in forward order", "from step k to t: the Jacobian of step k first", "T24",
            where="axon #646", elsewhere=forward_order),
    Mistake("F14", "reset gate before and after its product swapped", "after it: (G5), (G6); before it: (G3), (G4)",
            "G6", where="pytorch #189225; onnxscript #2852; MIOpen #716", elsewhere=with_the_other_reset),
    Mistake("F15", "input one step early in the step's Jacobian", "step t's slope is that of its own input", "T3",
            where="a set of lecture notes", step=("da_h = dh_new * dtanh(h_early)",)),
    Mistake("F16", "sigmoid' as exp / (1 + exp)^2: inf / inf", "s (1 - s), which has no exp", "L8",
            where="snntorch PR #433; ocropy #79", rewrites=every("dsigmoid", "steep(_)")),
    Mistake("F17", "the check compares dx once for every tensor", where="CS231n 2016, LSTM_Captioning"),
    Mistake("F18", "the loss a mean over time, its gradient a sum", "dy is the gradient of the loss itself", "T2",
            where="pytorch #635", sums={"*": SumChange(after=lambda value, of: value * of.problem.T)}),
    Mistake("F19", "the caller's upstream gradient edited in place", where="thinc"),
    Mistake("F20", "gradient of padded steps leaks into the weights", "da is zero past a sequence's length", "T18",
            where="the class of tensorflow #36139", step=("dh_new = dh_total", "dc_new = dc_next")),
)  # fmt: skip
