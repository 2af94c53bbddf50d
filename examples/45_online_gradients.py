"""Gradients worked out while going forward, on one grid (Marschall, Cho & Savin 2020, JMLR 21:135).

    RTRL        the whole influence of all parameters on the state: exact, and far too much to carry
    SnAp-n      of that matrix, the entries that a path of fewer than n carries reaches (Menick et al. 2021)
    RFLO        what each unit keeps by itself, a GRU's z (Murray 2019), which is e-prop here (Bellec et al. 2020)
    UORO        two random vectors whose product has the right mean (Tallec & Ollivier 2018)
    KF-RTRL     one random Kronecker product of the right mean (Mujika et al. 2018)
    OK-4        four of them, chosen such that they vary least (Benzing et al. 2019)
    lag 0       nothing is carried: Truncated(1)

A GRU of which four recurrent weights in five are zero, so that the steps of SnAp-n make a difference. First the angle
between each gradient and the true one, by how far back the loss depends; then what each of them teaches: a bit that was
heard four steps before.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.inspect import alignment

UNITS, BATCH, STEPS, DELAY, UPDATES = 20, 8, 16, 4, 150
COLOURS = {"RTRL": "k", "SnAp-3": "C0", "SnAp-2": "C1", "SnAp-1": "C2", "RFLO": "C4", "UORO": "C3",
           "KF-RTRL": "C5", "OK-4": "C6", "lag 0": "C7"}  # fmt: skip


def network(seed=0):
    """A GRU and which of its weights there are."""
    layer, rng = ns.GRU(2, UNITS, dtype=np.float64, rng=seed), np.random.default_rng(seed)
    there = layer.params.like(np.ones(layer.params.flat.size))
    for name in ("W_hr", "W_hz", "W_hn"):
        there[name] = (rng.random((UNITS, UNITS)) < 0.2) * 1.0
        layer.params[name] = 2 * layer.params[name] * there[name]
    return layer, there.flat


def gradient(method, layer, x, dy, rng):
    """The gradient of one batch by the method of this name."""
    if method == "lag 0":
        return layer.backward(dy, layer.forward(x)[2], truncation=ns.Truncated(1))[2]
    if method == "UORO":
        return ns.uoro(layer, x, dy, rng=rng).grads
    if method == "KF-RTRL":
        return ns.online.kf_rtrl(layer, x, dy, rng=rng).grads
    if method == "OK-4":
        return ns.online.ok(layer, x, dy, rank=4, rng=rng).grads
    if method.startswith("SnAp"):
        return ns.snap(layer, x, dy, n=int(method[-1])).grads
    return {"RTRL": ns.rtrl, "RFLO": ns.rflo}[method](layer, x, dy).grads


def bits(rng):
    """x (T, B, 2): a random sign and a one; the sign of four steps before (T, B, 1), 0 where there was none yet."""
    sign = rng.choice([-1.0, 1.0], (STEPS, BATCH, 1))
    target = np.concatenate([np.zeros((DELAY, BATCH, 1)), sign[:-DELAY]])
    return np.concatenate([sign, np.ones_like(sign)], axis=2), target


def teach(method):
    """The losses of a GRU and a linear readout, whose own gradient is whole."""
    (layer, there), rng = network(), np.random.default_rng(1)
    readout, optimizer, losses = ns.Linear(UNITS, 1, dtype=np.float64, rng=0), ns.Adam(0.01), []
    for update in range(UPDATES):
        x, target = bits(rng)
        y = layer.forward(x)[0]
        prediction, tape = readout.forward(y)
        loss, dprediction = ns.mean_squared_error(prediction[DELAY:], target[DELAY:])
        dprediction = np.concatenate([0 * prediction[:DELAY], dprediction])
        dy, dreadout = readout.backward(dprediction, tape)
        own = gradient(method, layer, x, dy, update)
        params = {"recurrent": layer.params.flat, "readout": readout.params.flat}
        optimizer.step(params, {"recurrent": there * own.flat, "readout": dreadout.flat})
        losses.append(loss)
    return np.array(losses)


figure = new_figure(11, 4.5)
left, right = figure.subplots(1, 2)
lengths, (layer, _) = (1, 2, 3, 4, 6, 8, 12, 16), network()
rng = np.random.default_rng(2)
x, last = rng.normal(size=(max(lengths), BATCH, 2)), rng.normal(size=(BATCH, UNITS))
worst = 0.0
for method, color in COLOURS.items():
    angles = []
    for steps in lengths:
        dy = np.zeros((steps, BATCH, UNITS))
        dy[-1] = last
        true = layer.backward(dy, layer.forward(x[:steps])[2])[2]
        draws = 10 if method in ("UORO", "KF-RTRL", "OK-4") else 1
        found = [alignment(gradient(method, layer, x[:steps], dy, k), true)["all"] for k in range(draws)]
        angles.append(np.mean(found))
    worst = max(worst, max(angles)) if method == "RTRL" else worst
    style = {"color": color, "label": method, "linewidth": 5 if method == "RTRL" else 1.5}  # under the others
    left.plot(lengths, angles, "o-", markersize=3, **style)
    losses = teach(method)
    right.plot(np.convolve(losses, np.ones(10) / 10, "valid"), **style)
    print(f"{method}: {angles[-1]:.1f} degrees from the true gradient over {lengths[-1]} steps; "
          f"loss {losses[-20:].mean():.3f} after {UPDATES} updates")  # fmt: skip
left.set(xlabel="steps of the sequence, the loss at its end", ylabel="angle to the true gradient (degrees)")
left.set_title("The more is carried, the nearer to the true gradient")
left.legend(fontsize=8, ncols=2, loc=(0.5, 0.62))
right.set(xlabel="updates", ylabel="squared error (mean of 10 updates; a guess: 1)")
right.set_title(f"A bit heard {DELAY} steps before")
right.legend(fontsize=8)
save(figure, __file__)
full = alignment(gradient("SnAp-9", layer, x, np.ones((16, BATCH, UNITS)), 0),
                 layer.backward(np.ones((16, BATCH, UNITS)), layer.forward(x)[2])[2])["all"]  # fmt: skip
print(f"SnAp-9, which leaves nothing out here, in degrees: got {full:.1e}, expected at most 1e-10")
print(f"RTRL from the true gradient, in degrees: got {worst:.1e}, expected at most 1e-10")
