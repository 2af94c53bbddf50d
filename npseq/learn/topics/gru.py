"""The exercises on the gated recurrent unit: docs/derivations/gru.md."""

from typing import Any

import numpy as np

from npseq.layers.gru import GRU
from npseq.learn.content import Arrays, Line, Task, drawn
from npseq.learn.expressions import sigmoid
from npseq.learn.wholes import forward_arrays, layer_of

GATES = ("r = sigmoid(x @ W_xr + h @ W_hr + b_r)", "z = sigmoid(x @ W_xz + h @ W_hz + b_z)")
BEFORE = (*GATES, "m = r * h", "n = tanh(x @ W_xn + m @ W_hn + b_n)", "h_new = z * h + (1 - z) * n")
AFTER = (*GATES, "v = h @ W_hn + b_hn", "n = tanh(x @ W_xn + b_n + r * v)", "h_new = z * h + (1 - z) * n")
B, D, H = 5, 3, 4


def step(after: bool = False) -> Arrays:
    """One step of five sequences, and the adjoints of a right backward pass."""
    matrices = {f"W_{k}{gate}": (D if k == "x" else H, H) for k in "xh" for gate in "rzn"}
    biases = {name: (H,) for name in ("b_r", "b_z", "b_n", "b_hn")}
    w = drawn(5, x=(B, D), h=(B, H), dh_new=(B, H), **matrices, **biases)
    x, h, dh_new = w["x"], w["h"], w["dh_new"]
    r, z = (sigmoid(x @ w[f"W_x{k}"] + h @ w[f"W_h{k}"] + w[f"b_{k}"]) for k in "rz")
    m, v = r * h, h @ w["W_hn"] + w["b_hn"]
    n = np.tanh(x @ w["W_xn"] + w["b_n"] + (r * v if after else m @ w["W_hn"]))
    dn, dz = dh_new * (1 - z), dh_new * (h - n)
    da_n, da_z = dn * (1 - n**2), dz * z * (1 - z)
    dm, dv = da_n @ w["W_hn"].T, da_n * r
    da_r = (da_n * v if after else dm * h) * r * (1 - r)
    found = {"r": r, "z": z, "n": n, "m": m, "v": v, "h_new": z * h + (1 - z) * n}
    return w | found | {"dn": dn, "dz": dz, "da_n": da_n, "da_z": da_z, "da_r": da_r, "dm": dm, "dv": dv}


def after() -> Arrays:
    """The same with the reset gate after the product."""
    return step(after=True)


def layer() -> tuple[Any, Any, Any, Any]:
    """A layer, x, dy and the initial state of the exercise with a loop."""
    return layer_of(GRU, 6, reset="before")


NAMES = [f"{k}{gate}" for gate in "rzn" for k in ("dW_x", "dW_h", "db_")]
WEIGHTS = "W_xr W_xz W_xn W_hr W_hz W_hn"
LOOP = """\
dW_xr, dW_xz, dW_xn = 0 * W_xr, 0 * W_xz, 0 * W_xn
dW_hr, dW_hz, dW_hn = 0 * W_hr, 0 * W_hz, 0 * W_hn
db_r, db_z, db_n = 0 * W_hr[0], 0 * W_hz[0], 0 * W_hn[0]
dx, dh = 0 * x, 0 * h0
for t in reversed(range(len(x))):
    h_before = h[t - 1] if t > 0 else h0
    total = dy[t] + dh
    da_n = total * (1 - z[t]) * (1 - n[t] ** 2)
    da_z = total * (h_before - n[t]) * z[t] * (1 - z[t])
    dm = da_n @ W_hn.T
    da_r = dm * h_before * r[t] * (1 - r[t])
    dW_xr, dW_xz, dW_xn = dW_xr + x[t].T @ da_r, dW_xz + x[t].T @ da_z, dW_xn + x[t].T @ da_n
    dW_hr, dW_hz = dW_hr + h_before.T @ da_r, dW_hz + h_before.T @ da_z
    dW_hn = dW_hn + (r[t] * h_before).T @ da_n
    db_r, db_z, db_n = db_r + da_r.sum(axis=0), db_z + da_z.sum(axis=0), db_n + da_n.sum(axis=0)
    dx[t] = da_r @ W_xr.T + da_z @ W_xz.T + da_n @ W_xn.T
    dh = total * z[t] + dm * r[t] + da_r @ W_hr.T + da_z @ W_hz.T
dh0 = dh"""
LABELS = {"dW_x": "G25", "dW_h": "G26", "db_": "G27"}

TASKS = (
    Task(
        "gru",
        1,
        "The new state is a mixture",
        "Write what `h_new` passes to the candidate `n`, to the gate `z`, and straight to `h`.",
        BEFORE[-1:],
        "h z n dh_new",
        (
            Line("dn", "dh_new * (1 - z)", "G13"),
            Line("dz", "dh_new * (h - n)", "G12"),
            Line("dh", "dh_new * z", "G17"),
        ),
        (
            "Hold everything but one name fixed, and look at what it is multiplied by.",
            "The gate stands in both terms, once with a minus sign.",
            "`dn` is `dh_new` times what `n` is multiplied by, `dh` is `dh_new` times what `h` is multiplied by; `dz` "
            "has the difference of the two that are mixed.",
        ),
        step,
        ng=(
            Line("dcct_new", "dc_next * Gu", "G13"),
            Line("dGu", "dc_next * (cct - c_prev)", "G12"),
            Line("dc_prev", "dc_next * (1 - Gu)", "G17"),
        ),
    ),
    Task(
        "gru",
        2,
        "Through the candidate's tanh and the gate's sigmoid",
        "`dn` and `dz` are the gradients by the candidate and by the gate. Write those by their pre-activations.",
        BEFORE[1:4],
        "dn dz n z",
        (Line("da_n", "dn * (1 - n**2)", "G13"), Line("da_z", "dz * z * (1 - z)", "G12")),
        (
            "The derivative of each function can be read off its own output.",
            "tanh' = 1 - tanh^2, and sigmoid' = sigmoid (1 - sigmoid).",
            "`da_n` is `dn` times 1 - `n`^2; the gate has y (1 - y), y the gate itself.",
        ),
        step,
        ng=(
            Line("dcct", "dcct_new * (1 - cct**2)", "G13"),
            Line("dau", "dGu * Gu * (1 - Gu)", "G12"),
        ),
        ng_given="dcct_new dGu cct Gu",
    ),
    Task(
        "gru",
        3,
        "The reset gate, before the product",
        "`da_n` is the gradient by the candidate's pre-activation. Go back through the product, to the reset gate and "
        "to its pre-activation.",
        BEFORE[2:4],
        "da_n h r W_hn",
        (
            Line("dm", "da_n @ W_hn.T", "G15"),
            Line("dr", "dm * h", "G16"),
            Line("da_r", "dr * r * (1 - r)", "G16"),
        ),
        (
            "`m` is what the matrix is multiplied with. First write the gradient by `m`.",
            "Then `m` is a product entry by entry: each factor gets the gradient times the other factor.",
            "`dm` is `da_n` times the transpose of `W_hn`; `dr` is `dm` times `h`; then the sigmoid's derivative.",
        ),
        step,
    ),
    Task(
        "gru",
        4,
        "All paths to the old state",
        "The old state is used in four places. Write the gradient by `h`, and the one by `x`.",
        BEFORE,
        "dh_new z r dm da_r da_z da_n W_hr W_hz W_xr W_xz W_xn",
        (
            Line("dh", "dh_new * z + dm * r + da_r @ W_hr.T + da_z @ W_hz.T", "G17"),
            Line("dx", "da_r @ W_xr.T + da_z @ W_xz.T + da_n @ W_xn.T", "G24"),
        ),
        (
            "Find every place where `h` stands in the forward lines. Each passes something back, and they add up.",
            "They are: the mixture itself, `m`, and the products inside both gates.",
            "`dh_new` times what multiplies `h` in the mixture; `dm` times `r`; `da_r` and `da_z` each with the "
            "transpose of its matrix.",
        ),
        step,
    ),
    Task(
        "gru",
        5,
        "The weights",
        "Write the gradients of the matrices of the reset gate and of the candidate, and of a bias.",
        BEFORE,
        "x h m da_r da_n",
        (
            Line("dW_xr", "x.T @ da_r", "G25"),
            Line("dW_hr", "h.T @ da_r", "G26"),
            Line("dW_hn", "m.T @ da_n", "G18"),
            Line("db_n", "da_n.sum(axis=0)", "G27"),
        ),
        (
            "A matrix's gradient is made of what it is multiplied with, and of the gradient by the product.",
            "What is `W_hn` multiplied with? It is not `h`.",
            "The transpose of the operand, times the adjoint: `x`, `h` and `m`. The bias's is a sum over the batch.",
        ),
        step,
        ng=(
            Line("dWr", "dar @ concat.T", "G26"),
            Line("dWc", "dcct @ concat_r.T", "G18"),
            Line("dbc", "dcct.sum(axis=1, keepdims=True)", "G27"),
        ),
        ng_given="concat concat_r dar dcct",
    ),
    Task(
        "gru",
        6,
        "The other network: the reset gate after the product",
        "PyTorch and cuDNN let the reset gate act after the product, and have a bias inside. Write the gradient by "
        "`v`, by the gate's pre-activation, by `h`, and by the parameters inside.",
        AFTER,
        "da_n da_z r v h z dh_new W_hr W_hz W_hn",
        (
            Line("dv", "da_n * r", "G19"),
            Line("da_r", "da_n * v * r * (1 - r)", "G20"),
            Line("dh", "dh_new * z + dv @ W_hn.T + da_r @ W_hr.T + da_z @ W_hz.T", "G21"),
            Line("dW_hn", "h.T @ dv", "G22"),
            Line("db_hn", "dv.sum(axis=0)", "G23"),
        ),
        (
            "Now `r` multiplies `v` entry by entry, after the product. The gate's gradient needs no matrix.",
            "`dv` is what goes back through the product: to `h` by the transpose, to `W_hn`, and to the bias inside.",
            "`dv` is `da_n` times `r`; `da_r` is `da_n` times `v` times the sigmoid's derivative.",
        ),
        after,
        ng=(
            Line("dv", "dcct * Gr", "G19"),
            Line("dar", "dcct * v * Gr * (1 - Gr)", "G20"),
            Line(
                "dc_prev",
                "dc_next * (1 - Gu) + Wc[:, :n_c].T @ dv + Wr[:, :n_c].T @ dar + Wu[:, :n_c].T @ dau",
                "G21",
            ),
            Line("dWcc", "dv @ c_prev.T", "G22"),
            Line("dbcc", "dv.sum(axis=1, keepdims=True)", "G23"),
        ),
        ng_given="dcct dau Gr v c_prev Gu dc_next Wr Wu Wc",
    ),
    Task(
        "gru",
        7,
        "All steps",
        "Write the loop, with the reset gate before the product. `r`, `z`, `n`, `h` hold all steps, after each of "
        "them; `h0` is the state before the first. In Ng's course the GRU has no backward pass; take the letters of "
        "d2l.",
        BEFORE,
        f"x h h0 r z n dy {WEIGHTS}",
        (
            *(Line(name, "", LABELS[name[:-1]]) for name in NAMES if name != "dW_hn"),
            Line("dW_hn", "", "G18"),
            Line("dx", "", "G24"),
            Line("dh0", "", "G17"),
        ),
        (
            "It is the RNN's loop; only what stands inside one step is new, and you have written all of it.",
            "What arrives from the next step is added to `dy` of this one before anything else.",
            "`m` of a step is `r` times the state before it.",
        ),
        lambda: forward_arrays(*layer()),
        layer,
        (("d2l", LOOP),),
    ),
)
