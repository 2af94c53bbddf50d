"""Gradients that vanish and explode: products of Jacobians against theory (d2l, "Backpropagation Through Time").

A plain RNN's state depends on the one k steps before through a product of k Jacobians J_t = diag(1 - h_t^2) W_hh^T. For
W_hh = g Q with Q orthogonal and a state at rest every singular value of the product is g^k, exactly. An input pushes
the tanh into its flat parts; what is left of each step's squares, on average, is

    chi = g^2 E[tanh'(a)^2],    a ~ N(0, q),    q = g^2 E[tanh(a)^2] + (variance of the input's part)

(mean field: Poole et al. 2016, arXiv 1606.05340), so that the root mean square of the singular values is chi^(k/2).
"""

import numpy as np
from save_figure import new_figure, save
from scipy.stats import ortho_group

import npseq as ns
from npseq.inspect import jacobian_spectrum

UNITS, STEPS, INPUT = 200, 100, 0.3
SCALES = (0.5, 0.9, 1.0, 1.1, 1.5)
Q = ortho_group.rvs(UNITS, random_state=0)
nodes, weights = np.polynomial.hermite_e.hermegauss(101)
weights = weights / weights.sum()


def network(scale, dtype: type = np.float64):
    layer = ns.RNN(UNITS, UNITS, dtype=dtype, rng=0)
    layer.params["W_hh"][...] = scale * Q
    layer.params["W_xh"][...] = np.eye(UNITS)
    layer.params["b_h"][...] = 0
    return layer


def mean_field(scale):
    """chi, at the variance q that maps to itself."""
    q = INPUT**2
    for _ in range(500):
        q = scale**2 * weights @ np.tanh(np.sqrt(q) * nodes) ** 2 + INPUT**2
    return scale**2 * weights @ (1 - np.tanh(np.sqrt(q) * nodes) ** 2) ** 2


figure = new_figure(12, 4.5)
rest, driven, overflow = figure.subplots(1, 3)
lags = np.arange(1, STEPS + 1)
noise = INPUT * np.random.default_rng(1).standard_normal((2 * STEPS, 1, UNITS))
exact_error, field_errors = 0.0, []
for k, scale in enumerate(SCALES):
    layer = network(scale)
    values_at_rest = jacobian_spectrum(layer, layer.forward(np.zeros((STEPS, 1, UNITS)))[2]).singular_values[:, 0]
    exact_error = max(exact_error, abs(values_at_rest / scale ** lags[:, None] - 1).max())
    rest.semilogy(lags, values_at_rest[:, 0], color=f"C{k}", label=f"g = {scale}")
    rest.semilogy(lags[::8], scale ** lags[::8], "o", color=f"C{k}", markersize=4)

    state = layer.forward(noise[:STEPS])[1]
    values = jacobian_spectrum(layer, layer.forward(noise[STEPS:], state)[2]).singular_values[:, 0]
    typical, chi = np.sqrt((values**2).mean(axis=1)), mean_field(scale)
    field_errors.append(abs(np.log(typical[-1]) / STEPS - np.log(chi) / 2))
    driven.semilogy(lags, typical, color=f"C{k}", label=f"g = {scale}")
    driven.semilogy(lags[::8], chi ** (lags[::8] / 2), "o", color=f"C{k}", markersize=4)
    print(f"g = {scale}: at rest {values_at_rest[-1, 0]:.3g} over {STEPS} steps; with an input the rms goes "
          f"by {typical[-1] ** (1 / STEPS):.4f} a step, mean field says {chi**0.5:.4f}")  # fmt: skip
for axes, title in ((rest, "At rest: exactly g^k"), (driven, "With an input: the tanh holds back")):
    axes.set(xlabel="steps back k", ylabel="singular value (dots: theory)", ylim=(1e-32, 1e20), title=title)
    axes.legend(fontsize=8)

# float32 has an end at both sides: after how many steps is a gradient zero, or infinite?
LONGEST, one = 300, np.ones((1, 1, UNITS), np.float32)
largest, smallest = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal
reach = {}
for scale, color in ((0.5, "C0"), (1.5, "C4")):
    layer = network(scale, np.float32)
    layer.params["W_hh"][...] = scale * np.eye(UNITS)
    tape = layer.forward(np.zeros((LONGEST, 1, UNITS), np.float32))[2]
    with np.errstate(over="ignore", invalid="ignore"):
        parts = ns.inspect.ledger(layer, None, tape, one, max_lag=1, names=["b_h"], pairs=False)
    back = parts.adjoints["h"][::-1].max(axis=(1, 2))  # dL/dh, k steps before the last
    usable = np.isfinite(back) & (back > 0)
    reach[scale] = int(usable.sum()) - 1
    overflow.semilogy(np.where(usable, back, np.nan), color=color, label=f"g = {scale}")
    overflow.axvline(reach[scale], color=color, linestyle="--")
    print(f"g = {scale} in float32: {reach[scale] + 1} steps back the gradient is {back[reach[scale] + 1]}")
overflow.set(
    xlabel="steps back k", ylabel="largest entry of dL/dh", title=f"float32 ends at {reach[0.5]} and {reach[1.5]} steps"
)
overflow.legend()
save(figure, __file__)

expected = int(np.log(float(smallest)) / np.log(0.5)), int(np.log(float(largest)) / np.log(1.5))
print(f"float32 reaches: got {reach[0.5]} and {reach[1.5]} steps, expected {expected[0]} and {expected[1]}")
print(f"growth a step against mean field, as a logarithm: got {max(field_errors):.4f}, expected at most 0.02")
print(f"singular values at rest over g^k, less 1: got {exact_error:.1e}, expected at most 1e-12")
