"""Gradients that vanish or explode: products of Jacobians (d2l, "Backpropagation Through Time").

    dh_T/dh_t = J_T J_{T-1} .. J_{t+1},    J_t = diag(1 - h_t^2) W_hh^T,    |dh_T/dh_t| <= sigma_max(W_hh)^(T-t)

Each step multiplies: by less than 1, and what a loss says fades before it reaches the past; by more, and it explodes.
So a plain network suits sequences up to about a hundred steps. A GRU and an LSTM have a way back that multiplies by
gates, which may be 1. And as in d2l's exercises: M^k x turns into the direction of M's largest eigenvalue.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.initializers import orthogonal

T, h, F64, rng = 100, 32, {"dtype": np.float64, "rng": 1}, np.random.default_rng(0)
x = 0.3 * rng.normal(size=(T, 1, 4))
layers = {"GRU, b_z = 4": ns.GRU(4, h, **F64), "LSTM, b_f = 4": ns.LSTM(4, h, **F64)}
layers["GRU, b_z = 4"].params["b_z"][...] = 4
layers["LSTM, b_f = 4"].params["b_f"][...] = 4
for gain in (0.9, 1.0, 1.1, 1.5):
    layers[f"RNN, sigma_max = {gain}"] = layer = ns.RNN(4, h, **F64)
    layer.params["W_hh"][...] = orthogonal((h, h), rng=2, gain=gain, dtype=np.float64)
    layer.params["W_xh"][...] *= 0.2

(left, right), worst = (figure := new_figure(11, 4.8)).subplots(1, 2, width_ratios=(3, 2)), 0.0
for name, layer in layers.items():
    _, _, tape = layer.forward(x)
    spectrum = ns.inspect.jacobian_spectrum(layer, tape)
    largest = spectrum.singular_values[:, 0, 0]
    print(f"{name}: |ds_T/ds_(T-k)| is {largest[9]:.2g} at k = 10, {largest[-1]:.2g} at k = {T}")
    left.semilogy(range(1, T + 1), largest, "--" if spectrum.bound is None else "-", label=name)
    if spectrum.bound is not None:
        worst = max(worst, (largest / spectrum.bound).max())
left.set(xlabel="steps back k", ylabel="largest singular value of ds_T / ds_(T-k)")
left.set_title("Near 1 after 100 steps: a GRU, and one sigma_max of four")
left.legend(fontsize=8)

# a network in which nothing is negative: ReLU is linear there, and what goes back is a power of W_hh
linear = ns.RNN(4, h, nonlinearity="relu", bias=False, **F64)
np.abs(linear.params.flat, out=linear.params.flat)
_, _, tape = linear.forward(abs(x))
dh = ns.inspect.ledger(linear, None, tape, rng.normal(size=(1, 1, h)), pairs=False).adjoints["h"][::-1, 0]
values, vectors = np.linalg.eig(linear.params["W_hh"])
top = np.real(vectors[:, abs(values).argmax()])
angle = np.arccos(np.clip(abs(dh @ top) / np.linalg.norm(dh, axis=1) / np.linalg.norm(top), 0, 1))
growth = np.linalg.norm(dh[-1]) / np.linalg.norm(dh[-2])
print(f"7 steps back a linear network's gradient is {angle[7]:.1e} radians from the top eigenvector")
print(f"the gradient grows by {growth:.6f} a step; largest eigenvalue {abs(values).max():.6f}")
right.semilogy(range(8), angle[:8], "o-")
right.set(xlabel="steps back k", ylabel="angle to the top eigenvector (radians)")
right.set_title("M^k x turns into the top eigenvector")
save(figure, __file__)
print(f"largest singular value over its bound sigma_max^k: got {worst:.6f}, expected at most 1")
