"""Chainer's NStepRNNTanh, NStepRNNReLU, NStepGRU and NStepLSTM and their two-way forms; lengths by a list of arrays."""

import chainer
import numpy as np
from answering import serve, skip_truncated, skip_unless
from chainer import functions as F

chainer.config.dtype = np.dtype("f8")
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def answer(case):
    skip_truncated(case)
    skip_unless(
        (case.hidden_size == case.state_size, "no projection"),
        (case.bias, "always biases"),
        (case.lengths.min() > 0, "no empty sequence"),
    )
    function = getattr(F, f"n_step_{'bi' * (case.directions == 2)}{case.cell}")
    options = {"activation": "relu" if case.relu else "tanh"} if case.cell == "rnn" else {}
    G, lstm = GATES[case.cell], case.cell == "lstm"
    v = lambda array: chainer.Variable(np.ascontiguousarray(array))  # noqa: E731
    order = np.argsort(-case.lengths, kind="stable")
    live = [order[case.lengths[order] > t] for t in range(case.T) if (case.lengths > t).any()]
    xs = [v(case.x[t, active]) for t, active in enumerate(live)]
    first = [v(getattr(case, name)[:, order]) for name in ("h0", "c0")[: 1 + lstm]]
    endings = [f"_l{layer}" + "_reverse" * d for layer in range(case.layers) for d in range(case.directions)]
    ws = [[v(m) for kind in ("ih", "hh") for m in np.split(case.w[f"weight_{kind}{end}"], G)] for end in endings]
    bs = [[v(m) for kind in ("ih", "hh") for m in np.split(case.w[f"bias_{kind}{end}"], G)] for end in endings]
    *last, ys = function(case.layers, 0.0, *first, ws, bs, xs, **options)
    y, dx = np.zeros_like(case.dy), np.zeros_like(case.x)
    loss = sum(F.sum(one * case.dy[t, active]) for t, (one, active) in enumerate(zip(ys, live, strict=True)))
    for part, up in zip(last, ("dh", "dc"), strict=False):
        loss += F.sum(part * getattr(case, up)[:, order])
    loss.backward()
    back = np.argsort(order)
    for t, (one, row, active) in enumerate(zip(xs, ys, live, strict=True)):
        y[t, active], dx[t, active] = row.array, one.grad
    found = {"y": y, "dx": dx} | {n: one.array[:, back] for n, one in zip("hc", last, strict=False)}
    found |= {f"d{n}": one.grad[:, back] for n, one in zip(("h0", "c0"), first, strict=False)}
    for end, w, b in zip(endings, ws, bs, strict=True):
        for kind, parts in (("weight", w), ("bias", b)):
            for side, own in (("ih", parts[:G]), ("hh", parts[G:])):
                found[f"d{kind}_{side}{end}"] = np.concatenate([one.grad for one in own])
    return found


serve(answer)
