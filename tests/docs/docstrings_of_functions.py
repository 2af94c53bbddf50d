"""These checks evaluate the docstrings of activations, losses, initializers and clipping."""

from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import holds, solve, value
from printed import assert_same, sigmoid

import npseq as ns
from npseq import activations, initializers, losses

RNG = np.random.default_rng(0)
X = RNG.normal(size=5)
LOGITS, IDS = RNG.normal(size=(6, 4)), np.array([0, 3, 1, 1, 2, 0])
TARGETS = RNG.uniform(size=6)


@check("npseq.activations.basic:dtanh")
def dtanh(printed: Docstring) -> None:
    printed.words("d tanh(x) / dx at")
    output, slope = printed("y = tanh(x)"), printed("1 - y^2")
    for x in X:
        names = {"x": x}
        y = solve(output, names)
        assert_same(y, activations.tanh(x), output.text)
        assert_same(activations.dtanh(y), value(slope.sides[0], names), slope.text)
        assert_same(np.tanh(x + 1e-30j).imag / 1e-30, value(slope.sides[0], names), slope.text)


@check("npseq.activations.basic:sigmoid")
def the_sigmoid(printed: Docstring) -> None:
    formula = printed("1 / (1 + exp(-x))")
    assert_same(value(formula.sides[0], {"x": X}), activations.sigmoid(X), formula.text)


@check("npseq.activations.basic:dsigmoid")
def dsigmoid(printed: Docstring) -> None:
    printed.words("d sigmoid(x) / dx at")
    output, slope = printed("y = sigmoid(x)"), printed("y (1 - y)")
    for x in X:
        names: Any = {"x": x, "sigmoid": sigmoid}
        y = np.array([solve(output, names)])
        assert_same(activations.dsigmoid(y)[0], value(slope.sides[0], names), slope.text)
        assert_same(sigmoid(x + 1e-30j).imag / 1e-30, value(slope.sides[0], names), slope.text)


@check("npseq.activations.basic:drelu")
def drelu(printed: Docstring) -> None:
    printed.words("d relu(x) / dx at")
    names: Any = {"x": X, "relu": lambda x: np.where(x > 0, x, 0)}
    y = solve(printed("y = relu(x)"), names)
    assert_same(activations.relu(X), y, "relu")
    assert_same(activations.drelu(y), (X > 0) * 1.0, "drelu")


def weighed_losses() -> dict[str, Any]:
    weights = np.array([1.0, 0, 2, 0.5, 0, 1])
    single, _ = ns.softmax_cross_entropy(LOGITS, IDS, reduction="none")
    return {"w": weights, "l": single, "sum": np.sum}


@check("npseq.losses:")
def reductions(printed: Docstring) -> None:
    mean, total, apart = printed("sum(w * l) / sum(w)"), printed("sum(w * l)"), printed("w * l")
    names = weighed_losses()
    for reduction, formula in (("mean", mean), ("sum", total), ("none", apart)):
        found, _ = ns.softmax_cross_entropy(LOGITS, IDS, weights=names["w"], reduction=reduction)
        assert_same(found, value(formula.sides[0], names), formula.text)


@check("npseq.losses.cross_entropy:softmax_cross_entropy")
def softmax_cross_entropy(printed: Docstring) -> None:
    printed.notation("s = label_smoothing", "an argument's letter")
    single = printed("l = (1 - s) * -log p[target] + s * -mean(log p)")
    probabilities = printed("p = softmax(logits)")
    derivative = printed("dl/dlogits = p - (1 - s) * onehot(target) - s / V")
    printed.notation("softmax(logits)", "a name, in the first line")
    of_distribution, slope = printed("l = -sum(q * log p)"), printed("dl/dlogits = p - q")

    def softmax(z: Any) -> Any:
        return np.exp(z) / np.exp(z).sum()

    for s in (0.0, 0.3):
        found, dlogits = ns.softmax_cross_entropy(LOGITS, IDS, label_smoothing=s, reduction="none")
        for n, target in enumerate(IDS):
            names = {"s": s, "V": 4, "logits": LOGITS[n], "target": target, "l": found[n], "@l/@logits": dlogits[n]}
            names |= {"softmax": softmax, "mean": np.mean, "onehot": lambda k: np.eye(4)[k]}
            solve(probabilities, names)
            holds(single, names)
            holds(derivative, names)
    q = np.random.default_rng(3).dirichlet(np.ones(4), len(IDS))
    found, dlogits = ns.softmax_cross_entropy(LOGITS, q, reduction="none")
    for n in range(len(IDS)):
        names = {"q": q[n], "p": softmax(LOGITS[n]), "sum": np.sum, "l": found[n], "@l/@logits": dlogits[n]}
        holds(of_distribution, names)
        holds(slope, names)


@check("npseq.losses.pointwise:binary_cross_entropy")
def binary_cross_entropy(printed: Docstring) -> None:
    printed.notation("cross-entropy of sigmoid(logits)", "a name, in the first line")
    printed.notation("exp(-|z|)", "what the code takes the exponential of: (E12)")
    single, p, slope = (printed(t) for t in ("l = -y log p - (1 - y) log(1 - p)", "p = sigmoid(z)", "dl/dz = p - y"))
    found, dlogits = ns.binary_cross_entropy(LOGITS[:, 0], TARGETS, reduction="none")
    for n, y in enumerate(TARGETS):
        names = {"y": y, "z": LOGITS[n, 0], "l": found[n], "sigmoid": sigmoid, "@l/@z": dlogits[n]}
        solve(p, names)
        holds(single, names)
        holds(slope, names)


@check("npseq.losses.pointwise:mean_squared_error")
def mean_squared_error(printed: Docstring) -> None:
    single = printed("l = (prediction - target)^2")
    prediction, target = RNG.normal(size=(2, 3))
    found, _ = ns.mean_squared_error(prediction, target, reduction="none")
    holds(single, {"prediction": prediction, "target": target, "l": found})


@check("npseq.losses.cross_entropy:perplexity")
def perplexity(printed: Docstring) -> None:
    formula, inverse = printed("exp(mean_nll)"), printed("1 / P(token)")
    nll, _ = ns.softmax_cross_entropy(LOGITS, IDS, reduction="none")
    found = losses.perplexity(nll.mean())
    assert_same(value(formula.sides[0], {"mean_nll": nll.mean()}), found, formula.text)
    one = [value(inverse.sides[0], {"P": lambda k: np.exp(-nll[k]), "token": k}) for k in range(6)]
    assert_same(np.exp(np.mean(np.log(one))), found, "the geometric mean")


def drawing(shape: Any = (3, 4)) -> dict[str, Any]:
    """U and N by the same random numbers as the initializers'."""
    uniform = lambda low, high: np.random.default_rng(0).uniform(low, high, shape)  # noqa: E731
    gaussian = lambda mean, variance: np.random.default_rng(0).normal(mean, variance**0.5, shape)  # noqa: E731
    return {"U": uniform, "N": gaussian}


@check("npseq.initializers.values:uniform_sqrt_hidden")
def uniform_sqrt_hidden(printed: Docstring) -> None:
    formula = printed("U(-1/sqrt(h), 1/sqrt(h))")
    found = initializers.uniform_sqrt_hidden((3, 4), 0, np.float64)
    assert_same(value(formula.sides[0], drawing() | {"h": 4}), found, formula.text)


@check("npseq.initializers.values:normal")
def normal(printed: Docstring) -> None:
    formula = printed("N(0, std^2)")
    found = initializers.normal((3, 4), 0, np.float64, std=0.3)
    assert_same(value(formula.sides[0], drawing() | {"std": 0.3}), found, formula.text)


@check("npseq.initializers.values:xavier_uniform")
def xavier_uniform(printed: Docstring) -> None:
    names = drawing() | {"gain": 1.5, "fan_in": 3, "fan_out": 4}
    solve(printed("a = gain sqrt(6 / (fan_in + fan_out))"), names)
    found = initializers.xavier_uniform((3, 4), 0, np.float64, gain=1.5)
    assert_same(value(printed("U(-a, a)").sides[0], names), found, "xavier_uniform")


@check("npseq.initializers.values:xavier_normal")
def xavier_normal(printed: Docstring) -> None:
    names = drawing() | {"gain": 1.5, "fan_in": 3, "fan_out": 4}
    solve(printed("s = gain sqrt(2 / (fan_in + fan_out))"), names)
    found = initializers.xavier_normal((3, 4), 0, np.float64, gain=1.5)
    assert_same(np.random.default_rng(0).normal(0, names["s"], (3, 4)), found, "xavier_normal")
    assert_same(value(printed("N(0, s^2)").sides[0], names), found, "xavier_normal")


@check("npseq.initializers.values:chrono")
def chrono(printed: Docstring) -> None:
    params = {"b_f": np.ones(5), "b_i": np.ones(5)}
    initializers.chrono(params, 9, 0)
    names = drawing(5) | {"t_max": 9, **params}
    holds(printed("b_f ~ log U(1, t_max - 1)"), names)
    holds(printed("b_i = -b_f"), names)


@check("npseq.clipping:clip_grad_norm")
def clip_grad_norm(printed: Docstring) -> None:
    factor, analytic = printed("min(1, max_norm / norm)"), printed("sqrt(sum_i g_i^2)")
    for dtype, max_norm in ((float, 0.3), (float, 100.0), (complex, 0.3)):
        g = X.astype(dtype) + (0.1j if dtype is complex else 0)
        clipped = {"a": g[:2].copy(), "b": g[2:].copy()}
        norm = ns.clip_grad_norm(clipped, max_norm)
        assert_same(value(analytic.sides[0], {"g": g, "domains": {"i": range(5)}}), norm, analytic.text)
        if dtype is float:
            scale = value(factor.sides[0], {"max_norm": max_norm, "norm": norm})
            assert_same(np.concatenate(list(clipped.values())), scale * g, factor.text)
