"""Backpropagation through time three ways: the engine's, d2l's recursion, and a closed form (d2l, same title).

    recursion     dh_t/dw = df(x_t, h_{t-1}, w)/dw + df(x_t, h_{t-1}, w)/dh dh_{t-1}/dw       forward in time
    closed form   dL/dh_t = sum_{i=t}^T (W_hh^T)^{T-i} W_qh^T dL/do_{T+t-i}                    of a linear network

d2l's chapter has no code: here its equations run. Columns as there: h_t = W_hx x_t + W_hh h_{t-1}, o_t = W_qh h_t.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns

(T, d, h, q), rng = (10, 3, 4, 2), np.random.default_rng(0)

# the recursion, for every weight of a tanh network at once: dh is dh_t/dw, (h, number of weights)
layer = ns.RNN(d, h, dtype=np.float64, rng=rng)
layer.params["W_hh"][...] *= 1.5
x, dy = rng.normal(size=(T, 1, d)), rng.normal(size=(T, 1, h))
y, _, tape = layer.forward(x)
grads = layer.backward(dy, tape)[2]
names, H, dh, total = ("W_xh", "W_hh", "b_h"), np.zeros(h), np.zeros((h, (d + h + 1) * h)), 0.0
for t in range(T):
    operand = np.concatenate([x[t, 0], H, [1.0]])
    H = np.tanh(operand @ np.concatenate([np.atleast_2d(layer.params[name]) for name in names]))
    slope = np.diag(1 - H**2)  # of tanh
    df_dw, df_dh = slope @ np.kron(operand, np.eye(h)), slope @ layer.params["W_hh"].T
    dh = df_dw + df_dh @ dh
    total = total + dy[t, 0] @ dh
engine = np.concatenate([grads[name].ravel() for name in names])
recursion = abs(total - engine).max() / abs(engine).max()
print(f"d2l's recursion and the engine's backward differ by {recursion:.0e} of the largest entry")

# a linear network: ReLU is one as long as nothing is negative
linear = ns.RNN(d, h, nonlinearity="relu", bias=False, dtype=np.float64, rng=rng)
np.abs(linear.params.flat, out=linear.params.flat)
x, W_qh, do = rng.random((T, 1, d)), rng.normal(size=(q, h)), rng.normal(size=(T, q))
hs, _, linear_tape = linear.forward(x)
book = ns.inspect.ledger(linear, (do @ W_qh)[:, None], linear_tape)
W_hh = linear.params["W_hh"].T  # columns
power = np.linalg.matrix_power
dL_dh = [sum(power(W_hh.T, T - i) @ W_qh.T @ do[T + t - i - 1] for i in range(t, T + 1)) for t in range(1, T + 1)]
before = np.concatenate([np.zeros((1, h)), hs[:-1, 0]])
pairs = [
    (np.array(dL_dh), book.adjoints["h"][:, 0]),
    (sum(np.outer(a, b) for a, b in zip(dL_dh, x[:, 0], strict=True)), book.gradient["W_xh"].T),
    (sum(np.outer(a, b) for a, b in zip(dL_dh, before, strict=True)), book.gradient["W_hh"].T),
]
closed = max(abs(ours - its).max() / abs(its).max() for ours, its in pairs)
print(f"the closed form and the engine's backward differ by {closed:.0e} of the largest entry")

book = ns.inspect.ledger(layer, dy, tape)
axes = (figure := new_figure(6.5, 5)).subplots()
shown = np.where(np.tri(T, dtype=bool), book.pair_norms, np.nan)  # a loss says nothing to later uses
image = axes.imshow(shown, cmap="viridis", origin="lower", extent=(0.5, T + 0.5, 0.5, T + 0.5))
axes.set(xlabel="step s at which the weights are used", ylabel="step t of the loss")
axes.set_title("Each loss speaks mostly to the last few uses before it")
figure.colorbar(image, ax=axes, label="norm of that part of the gradient")
save(figure, __file__)
print(f"largest relative difference: got {max(recursion, closed):.1e}, expected at most 1e-13")
