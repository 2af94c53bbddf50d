"""What evaluates the docstrings of inspect: Jacobians, curvature, examples, paths."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import Any

import numpy as np
from cell_pages import by_entry
from docstrings import Docstring, check
from docstrings_of_time import H, T, jacobian, online_names
from evaluation import every, holds, solve, value
from printed import assert_same
from truncation_page import case

import npseq as ns
from npseq import inspect

RNG = np.random.default_rng(0)
STEPS = range(1, T + 1)


def smooth(at: Any) -> Any:
    return np.array([np.sum(np.sin(at)), at[0] * at[1], np.exp(at[2])])


@check("npseq.inspect.curvature:")
def by_a_complex_step(printed: Docstring) -> None:
    printed.notation("+ O(h^2)", "an order")
    expansion, product = printed("f(x + i h v) = f(x) + i h (J v)"), printed("J v = Im f(x + i h v) / h")
    x, v = RNG.normal(size=(2, 3))
    J = np.array([by_entry(lambda at, k=k: smooth(at)[k], x) for k in range(3)])
    names = {"f": smooth, "x": x, "v": v, "i": 1j, "J": J, "Im": np.imag}
    holds(expansion, names | {"h": 1e-7})
    holds(product, names | {"h": 1e-20})
    assert_same(inspect.jvp(smooth, x, v), J @ v, product.text)


@check("npseq.inspect.curvature:hvp")
def hvp(printed: Docstring) -> None:
    """The example is run, and the product held against differences of its gradient."""
    for line_of_code in ("bound = layer.bind(flat)", "y, _, tape = bound.forward(x)"):
        printed.notation(line_of_code, "code, which is run")
    printed.notation("loss, dy = mean_squared_error(y, target)", "code, which is run")
    example = textwrap.dedent(printed.lines[printed.lines.index("    def ") : printed.lines.index("Raises")])
    layer = ns.RNN(2, 2, dtype=np.float64, rng=0)
    names = {"layer": layer, "x": RNG.normal(size=(3, 1, 2)), "target": RNG.normal(size=(3, 1, 2)), "hvp": inspect.hvp}
    names |= {"mean_squared_error": ns.mean_squared_error, "v": RNG.normal(size=layer.params.flat.shape)}
    program, _, call = example.strip().rpartition("\n")
    exec(program, names)
    flat, v, h = layer.params.flat, names["v"], 1e-4
    twice = [(names["gradient"](flat + k * v) - names["gradient"](flat - k * v)) / (2 * k) for k in (h, 2 * h)]
    expected = (4 * twice[0] - twice[1]) / 3
    assert np.abs(eval(call, names) - expected).max() < 1e-9 * np.abs(expected).max()


@check("npseq.inspect.curvature:gauss_newton_product")
def gauss_newton(printed: Docstring) -> None:
    product = printed("G v = J^T H_out J v")
    pulled, of = printed("J^T d"), printed("sum(d * outputs)")
    x, v, d = RNG.normal(size=(3, 3))
    J = np.array([by_entry(lambda at, k=k: smooth(at)[k], x) for k in range(3)])
    H_out = np.diag([1.0, 2.0, 3.0])
    curvature = lambda outputs, u: H_out @ u  # noqa: E731
    Gv = inspect.gauss_newton_product(smooth, lambda at, d: J.T @ d, curvature, x, v)
    names = {"J": J, "H_out": H_out, "v": v, "d": d, "sum": np.sum}
    assert_same(value(product.sides[1], names), Gv, product.text)
    G = np.array([value(product.sides[1], names | {"v": e}) for e in np.eye(3)]).T
    holds(product, names | {"G": G})
    gradient = by_entry(lambda at: value(of.sides[0], names | {"outputs": smooth(at)}), x)
    assert_same(value(pulled.sides[0], names), gradient, pulled.text)


@check("npseq.inspect.curvature:softmax_curvature")
def softmax_curvature(printed: Docstring) -> None:
    formula = printed("(diag(p) - p p^T) u")
    logits, u = RNG.normal(size=(2, 5, 4))
    found = inspect.softmax_curvature(logits, u)
    for n in range(5):
        p = (np.exp(logits[n]) / np.exp(logits[n]).sum())[:, None]
        names = {"diag": lambda column: np.diag(column[:, 0]), "p": p, "u": u[n][:, None]}
        assert_same(value(formula.sides[0], names)[:, 0] / 5, found[n], formula.text)


@check("npseq.inspect.examples:ghost_norms")
def ghost_norms(printed: Docstring) -> None:
    identity = printed("|sum_t a_t d_t^T|^2 = sum_{t,s} <a_t, a_s> <d_t, d_s>")
    layer, x, dy, _, tape = case()
    adjoint = ns.inspect.ledger(layer, dy, tape).adjoints["h"]
    y = layer.forward(x, case()[3])[0]
    found = inspect.ghost_norms(layer, dy, tape)["W_xh"]
    steps = range(len(x))
    for b in range(2):
        da = adjoint[:, b] * (1 - y[:, b] ** 2)
        names = {"a": x[:, b, :, None], "d": da[:, :, None], "domains": {"t": steps, "s": steps}}
        holds(identity, names)
        assert_same(found[b] ** 2, value(identity.sides[1], names), identity.text)


@check("npseq.inspect.jacobians:JacobianSpectrum")
def spectrum(printed: Docstring) -> None:
    printed.notation("k = 1 to K", "what an index runs over")
    ratio = printed("ds_T/ds_{T-k}")
    names = online_names()
    found = inspect.jacobian_spectrum(names["layer"], names["tape"]).singular_values
    product = np.eye(H)
    for k in STEPS:
        by = {"@s/@s": lambda last, before: products()[last, before]}
        expected = value(ratio.sides[0], by | {"T": T, "k": k})
        product = product @ names["J"][T - k + 1]
        assert_same(product, expected, ratio.text)
        assert_same(found[k - 1, 0], np.linalg.svd(expected, compute_uv=False), ratio.text)


@cache
def products() -> dict[tuple[int, int], Any]:
    """ds_T/ds_t by a complex step through the layer."""
    names = online_names()
    layer, x = names["layer"].astype(complex), names["x"]
    y = names["layer"].forward(x, names["first"])[0]
    before = {0: names["first"][0, 0], **{t: y[t - 1, 0] for t in STEPS}}
    last = lambda t: lambda h: layer.forward(x[t:], h[None, None])[0][-1, 0]  # noqa: E731
    return {(T, t): jacobian(last(t), before[t]) for t in range(T)}


@check("npseq.inspect.jacobians:state_jacobians")
def state_jacobians(printed: Docstring) -> None:
    names = online_names()
    J = dict(enumerate(inspect.state_jacobians(names["layer"], names["tape"])[:, 0], 1))
    holds(printed("J_t = ds_t / ds_{t-1}"), names | {"J": J}, every(t=STEPS))


@check("npseq.inspect.jacobians:jacobian_spectrum")
def bound(printed: Docstring) -> None:
    """gamma is 1 for both activations; with another one the bound would be this many times larger."""
    formula = printed("(gamma sigma_max(W_hh))^k")
    names = online_names()
    found = inspect.jacobian_spectrum(names["layer"], names["tape"]).bound
    at = {"sigma_max": lambda W: np.linalg.norm(W, 2), "W_hh": names["layer"].params["W_hh"]}
    for k in STEPS:
        for gamma in (1.0, 0.25):
            assert_same(value(formula.sides[0], at | {"gamma": gamma, "k": k}), gamma**k * found[k - 1], formula.text)


@check("npseq.inspect.jacobians:lyapunov_exponents")
def lyapunov_exponents(printed: Docstring) -> None:
    factors, mean = printed("Q_t R_t = J_t Q_{t-1}"), printed("lambda_i = (sum_t log |R_{t,ii}|) / n")
    names = online_names()
    layer, tape, J = names["layer"], names["tape"], names["J"]
    orthogonal, R = {0: np.linalg.qr(np.random.default_rng(0).standard_normal((1, H, H)))[0][0]}, {}
    for t in STEPS:
        orthogonal[t], R[t] = np.linalg.qr(J[t] @ orthogonal[t - 1])
    at = {"Q": orthogonal, "R": R, "J": J}
    holds(factors, at, every(t=STEPS))
    found = inspect.lyapunov_exponents(layer, tape, rng=0)[0]
    entry = lambda t, i, j: R[t][i, j]  # noqa: E731
    holds(mean, {"R": entry, "lambda": found, "n": T, "domains": {"t": STEPS}}, every(i=range(H)))


@check("npseq.inspect.paths:path_split")
def path_split(printed: Docstring) -> None:
    """Where nothing returns through h, the product of the forget gates is all there is."""
    printed.notation("+ (paths through h)", "the rest, by definition")
    carousel = printed("dc_T/dc_t = prod_{t < u <= T} f_u")
    layer = ns.LSTM(2, 3, dtype=np.float64, rng=0)
    for gate in "ifog":
        layer.params[f"W_h{gate}"][...] = 0
    x = RNG.normal(size=(4, 1, 2))
    forget = 1 / (1 + np.exp(-(x @ layer.params["W_xf"] + layer.params["b_f"])))[:, 0]
    by_state = {t: by_cell_state(layer, x, t) for t in range(1, 5)}
    names = {"T": 4, "f": {u: np.diag(forget[u - 1]) for u in range(1, 5)}, "domains": {"u": range(1, 5)}}
    holds(carousel, names | {"@c/@c": lambda last, t: {4: by_state}[last][t]}, every(t=range(1, 4)))
    found = inspect.path_split(layer, layer.forward(x)[2])["c"]
    for t in (1, 2, 3):
        assert_same(found.carousel[t - 1, 0], np.linalg.norm(value(carousel.sides[1], names | {"t": t})), carousel.text)


def by_cell_state(layer: Any, x: Any, t: int) -> Any:
    """dc_T/dc_t, by a complex step."""
    twin, (_, (h, c), _) = layer.astype(complex), layer.forward(x[:t])
    if t == len(x):
        return np.eye(3)
    last = lambda at: twin.forward(x[t:], (h.astype(complex), at[None, None]))[1][1][0, 0]  # noqa: E731
    return jacobian(last, c[0, 0])


@check("npseq.inspect.vanishing:vanishing_penalty")
def vanishing_penalty(printed: Docstring) -> None:
    """One sequence of a stack's single layer: delta_t from the ledger, J_t by a complex step."""
    step, total = printed("p_t = delta_t J_t"), printed("Omega = sum_{t>1} (|p_t| / |delta_t| - 1)^2")
    adjoint, by_state = printed("delta_t = dL/ds_t"), printed("J_t = ds_t/ds_{t-1}")
    printed.notation("v_t = dOmega/dp_t", "what a letter stands for; (T28) is evaluated")
    names = online_names()
    found = inspect.vanishing_penalty(names["layer"], names["dy"], names["tape"])
    delta = dict(enumerate(inspect.ledger(names["layer"], names["dy"], names["tape"]).adjoints["h"][:, 0], 1))
    by = {t: sum(names["q"][u] @ np.linalg.multi_dot([np.eye(H), *between(t, u), np.eye(H)]) for u in STEPS if u >= t)
          for t in STEPS}  # fmt: skip
    at = names | {"delta": delta, "p": {}, "Omega": found.value, "@L/@s": by}
    holds(adjoint, at, every(t=STEPS))
    holds(by_state, at, every(t=STEPS))
    for t in STEPS:
        solve(step, at | {"t": t})
        if t > 1:
            assert_same(at["p"][t], delta[t - 1] - names["q"][t - 1], step.text)
            assert_same(np.linalg.norm(at["p"][t]) / np.linalg.norm(delta[t]), found.ratios[t - 1, 0], step.text)
    holds(total, at)


def between(t: int, u: int) -> list[Any]:
    """J_u, ..., J_{t+1}: what takes dl_u/ds_u to dl_u/ds_t."""
    return [online_names()["J"][k] for k in range(u, t, -1)]
