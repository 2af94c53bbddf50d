"""All steps at once: how many Newton iterations a sequence takes, beside its largest Lyapunov exponent.

    DEER        states by Newton's method, a scan an iteration (Lim et al. 2023, arXiv 2309.12252)
    quasi-DEER  the same with the diagonals of the Jacobians (Gonzalez et al. 2024, arXiv 2407.19115)
    ParaGRU     a GRU whose recurrent weights are diagonal, so that a Jacobian is a number a unit (Danieli et al. 2025,
                arXiv 2510.21450)

Three published claims are counted out. That the sign of the exponent decides how iterations grow with T (Gonzalez et
al. 2025, arXiv 2508.16817): tanh networks of growing gain, at 64 and at 256 steps. That quasi-DEER takes about as many:
the same networks. And that three iterations are enough for a ParaGRU: how far the gradient is off after k of them.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns

UNITS, LENGTHS, GAINS, SEEDS, LIMIT = 16, (64, 256), np.geomspace(0.4, 6, 12), 2, 0.05


class ParaGRU(ns.Cell):
    """r, z = sigmoid(x W + a h + b), n = tanh(x W_xn + a_n (r h) + b_n), h' = h + z (n - h); a_r, a_z, a_n vectors."""

    gates, h_blocks, vectors = ("r", "z", "n"), (), ("a_r", "a_z", "a_n")

    def forward(self, a, old, new, p, project):
        (h,), (r, z, n) = old, a
        r[...], z[...] = (1 / (1 + np.exp(-(a[k] + p[k] * h))) for k in range(2))
        np.tanh(n + p[2] * r * h, out=n)
        new[0][...] = h + z * (n - h)

    def backward(self, dnew, a, s, da, p, project):
        (dh,), ((h,), _), (r, z, n) = dnew, s, a
        da[2], da[1] = dh * z * (1 - n**2), dh * (n - h) * z * (1 - z)
        da[0] = da[2] * p[2] * h * r * (1 - r)
        da[3], da[4], da[5] = da[0] * h, da[1] * h, da[2] * r * h
        return (dh * (1 - z) + da[0] * p[0] + da[1] * p[1] + da[2] * p[2] * r,)


def exponent(layer, x, state):
    tape = layer.forward(x, state)[2]
    return float(ns.inspect.lyapunov_exponents(layer, tape, 1, warmup=len(x) // 4).max())


def network(gain, seed):
    """A tanh network with weights N(0, gain^2 / H), its first state and a weak input."""
    rng = np.random.default_rng(seed)
    layer = ns.RNN(1, UNITS, bias=False, dtype=np.float64, rng=0)
    layer.params["W_hh"] = gain * rng.normal(size=(UNITS, UNITS)) / np.sqrt(UNITS)
    layer.params["W_xh"] = rng.normal(size=(1, UNITS))
    return layer, 0.1 * rng.normal(size=(max(LENGTHS), 1, 1)), 0.5 * rng.normal(size=(1, 1, UNITS))


def para_gru(scale, steps=256):
    """Diagonal recurrent weights U(-scale, scale); at scale 0.25 they are what PyTorch's rule draws for 16 units."""
    layer = ns.Recurrent(ParaGRU(), 2, UNITS, dtype=np.float64, rng=0)
    rng = np.random.default_rng(1)
    for name in ("a_r", "a_z", "a_n"):
        layer.params[name] = scale * rng.uniform(-1, 1, UNITS)
    return layer, rng.normal(size=(steps, 4, 2))


def off(layer, x, state=None, counts=range(1, 11)):
    """How far the gradient of sum y^2 / 2 is off after k iterations, relative to it."""
    y, _, tape = layer.forward(x, state)
    true, errors = layer.backward(y, tape)[2].flat, []
    for k in counts:
        found = ns.scan.forward(layer, x, state, iterations=k)
        errors.append(np.linalg.norm(ns.scan.backward(layer, found.y, found.tape)[2].flat - true))
    return np.array(errors) / np.linalg.norm(true)


figure = new_figure(13, 4.8)
left, right = figure.subplots(1, 2)
counts = {(steps, kind): [] for steps in LENGTHS for kind in ("whole", "diagonal")}
exponents = []
for seed in range(SEEDS):
    for gain in GAINS:
        layer, x, first = network(gain, seed)
        exponents.append(exponent(layer, x, first))
        for (steps, kind), row in counts.items():
            row.append(ns.scan.forward(layer, x[:steps], first, jacobian=kind).iterations.max())
exponents = np.array(exponents)
for (steps, kind), row in counts.items():
    name = {"whole": "DEER", "diagonal": "quasi-DEER"}[kind]
    style = {"marker": "o" if steps == 256 else "s", "color": "C0" if kind == "whole" else "C1", "linestyle": ""}
    left.plot(exponents, row, label=f"{name}, T = {steps}", markerfacecolor=None if steps == 256 else "none", **style)
for steps in LENGTHS:
    left.axhline(steps, color="grey", linewidth=0.6, linestyle=":")
left.axvline(0, color="grey", linewidth=0.6)
left.set(xlabel="largest Lyapunov exponent (per step)", ylabel="iterations to a residual of rounding", yscale="log")
left.set_title("Below 0 DEER takes a few, whatever T is; above 0 nearly T")
left.legend(fontsize=8)

growth = np.array(counts[256, "whole"]) / np.array(counts[64, "whole"])
stable, chaotic = growth[exponents < -LIMIT], growth[exponents > LIMIT]
worst = 0.0
for color, scale in zip(("C0", "C2", "C4", "C3"), (0.25, 1, 2, 4), strict=True):
    layer, x = para_gru(scale)
    errors = off(layer, x)
    label = f"ParaGRU, weights to {scale}: exponent {exponent(layer, x, None):.2f}"
    right.plot(range(1, 11), np.maximum(errors, 1e-17), "o-", color=color, label=label)
    print(f"{label}, gradient off by {errors[2]:.1e} after 3 iterations")
    worst = max(worst, errors[2]) if scale == 0.25 else worst
layer, x, first = network(3.0, 0)
errors = off(layer, x, first)
right.plot(range(1, 11), errors, "s-", color="k", label=f"tanh network: exponent {exponent(layer, x, first):.2f}")
print(f"tanh network of exponent {exponent(layer, x, first):.2f}: gradient off by {errors[2]:.1e} after 3 iterations")
right.axvline(3, color="grey", linewidth=0.6, linestyle=":")
right.set(xlabel="iterations", ylabel="gradient's error over the gradient", yscale="log", ylim=(1e-17, 1e16))
right.set_title("What an early stop does to the gradient of 256 steps")
right.legend(fontsize=8)
save(figure, __file__)
quasi = np.array(counts[256, "diagonal"]) / np.array(counts[256, "whole"])
quasi = np.median(quasi[exponents < -LIMIT])
print(f"quasi-DEER's iterations over DEER's, 256 steps, exponents below -{LIMIT}: {quasi:.1f}")
print(f"ParaGRU as it is drawn, gradient off after 3 iterations: got {worst:.1e}, expected at most 1e-6")
print(f"iterations of 256 steps over those of 64, {len(chaotic)} exponents above {LIMIT}: "
      f"got {np.median(chaotic):.2f}, expected 3 to 4.1")  # fmt: skip
print(f"iterations of 256 steps over those of 64, {len(stable)} exponents below -{LIMIT}: "
      f"got {np.median(stable):.2f}, expected 0.9 to 1.2")  # fmt: skip
