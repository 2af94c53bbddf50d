"""The exercises on long short-term memory: docs/derivations/lstm.md."""

from typing import Any

import numpy as np

from npseq.layers.lstm import LSTM
from npseq.learn.content import Arrays, Line, Task, drawn
from npseq.learn.expressions import sigmoid
from npseq.learn.wholes import forward_arrays, layer_of

STEP = (
    "i = sigmoid(x @ W_xi + h @ W_hi + b_i)",
    "f = sigmoid(x @ W_xf + h @ W_hf + b_f)",
    "g = tanh(x @ W_xg + h @ W_hg + b_g)",
    "c_new = f * c + i * g",
    "o = sigmoid(x @ W_xo + h @ W_ho + b_o)",
    "h_new = o * tanh(c_new)",
)
TWO = (
    "c_1 = f_1 * c_0 + i_1 * g_1",
    "h_1 = o_1 * tanh(c_1)",
    "c_2 = f_2 * c_1 + i_2 * g_2",
    "h_2 = o_2 * tanh(c_2)",
)
B, D, H = 5, 3, 4


def step() -> Arrays:
    """One step of five sequences, and the adjoints of a right backward pass."""
    matrices = {f"W_{k}{gate}": (D if k == "x" else H, H) for k in "xh" for gate in "ifog"}
    states = {name: (B, H) for name in ("h", "c", "dh_new", "dc_new")}
    w = drawn(8, x=(B, D), **states, **matrices, **{f"b_{gate}": (H,) for gate in "ifog"})
    x, h, c, dh_new = w["x"], w["h"], w["c"], w["dh_new"]
    a = {k: x @ w[f"W_x{k}"] + h @ w[f"W_h{k}"] + w[f"b_{k}"] for k in "ifog"}
    i, f, o, g = sigmoid(a["i"]), sigmoid(a["f"]), sigmoid(a["o"]), np.tanh(a["g"])
    c_new = f * c + i * g
    do, dc_all = dh_new * np.tanh(c_new), w["dc_new"] + dh_new * o * (1 - np.tanh(c_new) ** 2)
    di, df, dg = dc_all * g, dc_all * c, dc_all * i
    found = {"i": i, "f": f, "o": o, "g": g, "c_new": c_new, "h_new": o * np.tanh(c_new)}
    found |= {"do": do, "dc_all": dc_all, "di": di, "df": df, "dg": dg, "da_g": dg * (1 - g**2)}
    return w | found | {f"da_{k}": d * y * (1 - y) for k, d, y in (("i", di, i), ("f", df, f), ("o", do, o))}


def two_steps() -> Arrays:
    """Two steps with gates as they come, and what step 2 passes back by its gates."""
    gates = {f"a_{k}_{t}": (B, H) for k in "ifog" for t in (1, 2)}
    w = drawn(9, c_0=(B, H), dy_1=(B, H), dy_2=(B, H), passed=(B, H), **gates)
    found = {
        name.removeprefix("a_"): np.tanh(a) if name[2] == "g" else sigmoid(a) for name, a in w.items() if name in gates
    }
    for t in (1, 2):
        c = w["c_0"] if t == 1 else found["c_1"]
        found[f"c_{t}"] = found[f"f_{t}"] * c + found[f"i_{t}"] * found[f"g_{t}"]
    return {name: w[name] for name in ("c_0", "dy_1", "dy_2", "passed")} | found


def layer() -> tuple[Any, Any, Any, Any]:
    """A layer, x, dy and the initial state of the exercise with a loop."""
    return layer_of(LSTM, 10)


NAMES = [f"{k}{gate}" for gate in "ifog" for k in ("dW_x", "dW_h", "db_")]
LABELS = {"dW_x": "L22", "dW_h": "L23", "db_": "L24"}
WEIGHTS = " ".join(f"W_{k}{gate}" for k in "xh" for gate in "ifog")
LOOP = """\
dW_xi, dW_xf, dW_xo, dW_xg = 0 * W_xi, 0 * W_xf, 0 * W_xo, 0 * W_xg
dW_hi, dW_hf, dW_ho, dW_hg = 0 * W_hi, 0 * W_hf, 0 * W_ho, 0 * W_hg
db_i, db_f, db_o, db_g = 0 * W_hi[0], 0 * W_hf[0], 0 * W_ho[0], 0 * W_hg[0]
dx, dh, dc = 0 * x, 0 * h0, 0 * c0
for t in reversed(range(len(x))):
    h_before, c_before = (h[t - 1], c[t - 1]) if t > 0 else (h0, c0)
    dh = dy[t] + dh
    da_o = dh * np.tanh(c[t]) * o[t] * (1 - o[t])
    dc = dc + dh * o[t] * (1 - np.tanh(c[t]) ** 2)
    da_i = dc * g[t] * i[t] * (1 - i[t])
    da_f = dc * c_before * f[t] * (1 - f[t])
    da_g = dc * i[t] * (1 - g[t] ** 2)
    dW_xi, dW_xf = dW_xi + x[t].T @ da_i, dW_xf + x[t].T @ da_f
    dW_xo, dW_xg = dW_xo + x[t].T @ da_o, dW_xg + x[t].T @ da_g
    dW_hi, dW_hf = dW_hi + h_before.T @ da_i, dW_hf + h_before.T @ da_f
    dW_ho, dW_hg = dW_ho + h_before.T @ da_o, dW_hg + h_before.T @ da_g
    db_i, db_f = db_i + da_i.sum(axis=0), db_f + da_f.sum(axis=0)
    db_o, db_g = db_o + da_o.sum(axis=0), db_g + da_g.sum(axis=0)
    dx[t] = da_i @ W_xi.T + da_f @ W_xf.T + da_o @ W_xo.T + da_g @ W_xg.T
    dh = da_i @ W_hi.T + da_f @ W_hf.T + da_o @ W_ho.T + da_g @ W_hg.T
    dc = dc * f[t]
dh0, dc0 = dh, dc"""
LOOP_NG = """\
n_a = a0.shape[0]
dWi, dWf, dWo, dWc = 0 * Wi, 0 * Wf, 0 * Wo, 0 * Wc
dbi, dbf, dbo, dbc = 0 * Wi[:, :1], 0 * Wf[:, :1], 0 * Wo[:, :1], 0 * Wc[:, :1]
dx, da, dc = 0 * x, 0 * a0, 0 * c0
for t in reversed(range(x.shape[2])):
    a_prev, c_prev = (a[:, :, t - 1], c[:, :, t - 1]) if t > 0 else (a0, c0)
    concat = np.concatenate([a_prev, x[:, :, t]])
    it, ft, ot, cct, c_next = i[:, :, t], f[:, :, t], o[:, :, t], cc[:, :, t], c[:, :, t]
    da = dy[:, :, t] + da
    dot = da * np.tanh(c_next) * ot * (1 - ot)
    dc = dc + da * ot * (1 - np.tanh(c_next) ** 2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    dcct = dc * it * (1 - cct**2)
    dWi, dWf, dWo, dWc = dWi + dit @ concat.T, dWf + dft @ concat.T, dWo + dot @ concat.T, dWc + dcct @ concat.T
    dbi, dbf = dbi + dit.sum(axis=1, keepdims=True), dbf + dft.sum(axis=1, keepdims=True)
    dbo, dbc = dbo + dot.sum(axis=1, keepdims=True), dbc + dcct.sum(axis=1, keepdims=True)
    both = Wi.T @ dit + Wf.T @ dft + Wo.T @ dot + Wc.T @ dcct
    da, dx[:, :, t] = both[:n_a], both[n_a:]
    dc = dc * ft
da0, dc0 = da, dc"""
PASSED = "`passed` is what the gates of step 2 pass back to `h_1` through their matrices"

TASKS = (
    Task(
        "lstm",
        1,
        "The output gate",
        "`dh_new` is the gradient by the new state. Write the gradient by the output gate `o`, and the one by its "
        "pre-activation.",
        STEP[-2:],
        "dh_new o c_new",
        (Line("do", "dh_new * tanh(c_new)", "L14"), Line("da_o", "do * o * (1 - o)", "L14")),
        (
            "`h_new` is a product of two factors. What does the factor `o` get?",
            "The gradient times the other factor, tanh(`c_new`). Then the sigmoid is reversed.",
            "`do` is `dh_new` times tanh(`c_new`); `da_o` is `do` times `o` times 1 - `o`.",
        ),
        step,
    ),
    Task(
        "lstm",
        2,
        "Two ways into the cell",
        "The new cell state is used twice: by `h_new`, and by the next step, whose gradient `dc_new` is given. Write "
        "the gradient `dc_all` by `c_new` with everything in it.",
        STEP[-1:],
        "dh_new dc_new o c_new",
        (
            Line(
                "dc_all",
                "dc_new + dh_new * o * (1 - tanh(c_new)**2)",
                "L15",
                (
                    (
                        "dc_new + dh_new * tanh(c_new) * o * (1 - o)",
                        "that is the path through `o` to its gate; through tanh(`c_new`) the cell itself is reached",
                    ),
                ),
            ),
        ),
        (
            "A name used in two places gets the sum of what both pass back.",
            "What comes through `h_new` passes the gate `o` and one tanh, of `c_new`.",
            "`dc_new` plus `dh_new` times `o` times 1 less the square of tanh(`c_new`).",
        ),
        step,
    ),
    Task(
        "lstm",
        3,
        "The new cell is a sum of two products",
        "`dc_all` is the whole gradient by `c_new`. Write those by the input gate, the forget gate, the candidate and "
        "the old cell state.",
        STEP[3:4],
        "dc_all i f g c c_new",
        (
            Line("di", "dc_all * g", "L16"),
            Line("df", "dc_all * c", "L17"),
            Line("dg", "dc_all * i", "L18"),
            Line("dc", "dc_all * f", "L19"),
        ),
        (
            "Each factor of a product gets the gradient times the other factor.",
            "The forget gate multiplies the *old* cell state.",
            "`di` has `g`, `dg` has `i`, `df` has `c`, `dc` has `f`; each times `dc_all`.",
        ),
        step,
    ),
    Task(
        "lstm",
        4,
        "Through the gates",
        "Write the gradients by the pre-activations of the input gate, the forget gate and the candidate.",
        STEP[:3],
        "di df dg i f g",
        (
            Line("da_i", "di * i * (1 - i)", "L16"),
            Line("da_f", "df * f * (1 - f)", "L17"),
            Line("da_g", "dg * (1 - g**2)", "L18"),
        ),
        (
            "Which function made each of them?",
            "`i` and `f` come from a sigmoid, whose derivative is y (1 - y); `g` comes from a tanh.",
            "`da_g` is `dg` times 1 - `g`^2; the other two have y (1 - y).",
        ),
        step,
    ),
    Task(
        "lstm",
        5,
        "Back to the old state and to the input",
        "Write the gradients by `h` and by `x`, from those by the four pre-activations.",
        STEP,
        "da_i da_f da_o da_g W_hi W_hf W_ho W_hg W_xi W_xf W_xo W_xg",
        (
            Line("dh", "da_i @ W_hi.T + da_f @ W_hf.T + da_o @ W_ho.T + da_g @ W_hg.T", "L20"),
            Line("dx", "da_i @ W_xi.T + da_f @ W_xf.T + da_o @ W_xo.T + da_g @ W_xg.T", "L21"),
        ),
        (
            "`h` stands in four of the forward lines.",
            "Each gate passes back its gradient times the transpose of its own matrix; they add up.",
            "Four terms each: gate by gate, `da` times the transpose of `W_h` or `W_x` of that gate.",
        ),
        step,
    ),
    Task(
        "lstm",
        6,
        "The weights",
        "Write the gradients of the forget gate's parameters, and of the candidate's recurrent matrix.",
        STEP,
        "x h h_new da_f da_g",
        (
            Line("dW_xf", "x.T @ da_f", "L22"),
            Line("dW_hf", "h.T @ da_f", "L23"),
            Line("db_f", "da_f.sum(axis=0)", "L24"),
            Line("dW_hg", "h.T @ da_g", "L23"),
        ),
        (
            "It is the RNN's rule, gate by gate.",
            "What the matrix was multiplied with, transposed, times the gradient by the pre-activation.",
            "The matrices `W_h` have read the state *before* the step, `h`. The bias's gradient is a sum.",
        ),
        step,
        ng=(
            Line("dWf", "dft @ concat.T", "L23"),
            Line("dbf", "dft.sum(axis=1, keepdims=True)", "L24"),
            Line("dWc", "dcct @ concat.T", "L23"),
        ),
        ng_given="concat dft dcct",
    ),
    Task(
        "lstm",
        7,
        "Two steps: what is carried along the cell",
        "The loss has a part at each step, a function of `h_1` and one of `h_2`, with the gradients `dy_1` and "
        f"`dy_2`. {PASSED}. Go back: the cell at step 2, the state and the cell at step 1, the cell before it.",
        TWO,
        "dy_1 dy_2 passed o_1 o_2 f_1 f_2 c_0 c_1 c_2",
        (
            Line("dc_2", "dy_2 * o_2 * (1 - tanh(c_2)**2)", "L15"),
            Line("dh_1", "dy_1 + passed", "T2"),
            Line("dc_1", "dc_2 * f_2 + dh_1 * o_1 * (1 - tanh(c_1)**2)", "L15"),
            Line("dc_0", "dc_1 * f_1", "L19"),
            Line("da_f_1", "dc_1 * c_0 * f_1 * (1 - f_1)", "L17"),
        ),
        (
            "At the last step nothing arrives from later: the cell's gradient comes through `h_2` alone.",
            "`c_1` is used twice: by `h_1`, and by `c_2`, where it is multiplied by a forget gate. Which one?",
            "`dc_1` is `dc_2` times `f_2`, plus `dh_1` times `o_1` times 1 less the square of tanh(`c_1`).",
        ),
        two_steps,
    ),
    Task(
        "lstm",
        8,
        "All steps",
        "Write the loop. `i`, `f`, `o`, `g`, `c`, `h` hold all steps, after each of them; `h0` and `c0` come before "
        "the first. `dy` holds the gradients of each step's own part of the loss: what comes by later steps is not in "
        "it.",
        STEP,
        f"x h h0 c c0 i f o g dy {WEIGHTS}",
        (
            *(Line(name, "", LABELS[name[:-1]]) for name in NAMES),
            Line("dx", "", "L21"),
            Line("dh0", "", "L20"),
            Line("dc0", "", "L19"),
        ),
        (
            "Two arrays are carried from step to step: what goes back along `h`, and what goes back along `c`.",
            "In each step: `dh` has `dy` added to it, then `da_o`, then `dc` grows, then the other three gates.",
            "At the end of a step `dc` is multiplied by `f`, and `dh` becomes the sum over four gates: it is written "
            "anew, not added to.",
        ),
        lambda: forward_arrays(*layer()),
        layer,
        (("d2l", LOOP), ("ng", LOOP_NG)),
        ng=(
            *(Line(f"d{k}{gate}", "", label) for k, label in (("W", "L23"), ("b", "L24")) for gate in "ifoc"),
            Line("dx", "", "L21"),
            Line("da0", "", "L20"),
            Line("dc0", "", "L19"),
        ),
        ng_given="x a a0 c c0 i f o cc dy Wi Wf Wo Wc",
    ),
)
