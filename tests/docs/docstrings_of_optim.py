"""These checks evaluate the docstrings of the optimizers."""

from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import solve
from printed import assert_same

import npseq as ns

KEPT = {"v": "square", "m": "mean", "b": "momentum", "s": "sum"}

RNG = np.random.default_rng(0)


class Optimized:
    """A parameter led through some steps by an optimizer, and beside it by its printed equations."""

    def __init__(self, optimizer: Any, **names: Any) -> None:
        self.optimizer, self.params = optimizer, {"W": RNG.normal(size=3)}
        self.names = {"p": self.params["W"].copy(), "lr": optimizer.lr, **names}

    def follow(self, *equations: Any, steps: int = 3) -> None:
        for t in range(1, steps + 1):
            g = np.random.default_rng(t).normal(size=3)
            self.optimizer.step(self.params, {"W": g})
            self.names |= {"g": g, "t": t}
            for equation in equations:
                solve(equation, self.names)
            assert_same(self.params["W"], self.names["p"], f"{type(self.optimizer).__name__} after step {t}")
            for letter, kind in KEPT.items():
                if f"{kind}/W" in self.optimizer.state and letter in self.names:
                    assert_same(self.optimizer.state[f"{kind}/W"], self.names[letter], letter)


@check("npseq.optim:")
def weight_decay(printed: Docstring) -> None:
    coupled, decoupled = printed("g <- g + weight_decay * p"), printed("p <- (1 - lr * weight_decay) * p")
    plain = {"lr": 0.1, "weight_decay": 0.2}
    run = Optimized(ns.SGD(**plain), weight_decay=0.2)
    g = RNG.normal(size=3)
    run.optimizer.step(run.params, {"W": g})
    names = run.names | {"g": g}
    solve(coupled, names)
    assert_same(run.params["W"], names["p"] - 0.1 * names["g"], "coupled")
    run, bare = Optimized(ns.AdamW(**plain), weight_decay=0.2), {}
    solve(decoupled, run.names)
    bare["W"] = run.names["p"].copy()
    ns.Adam(lr=0.1).step(bare, {"W": g})
    run.optimizer.step(run.params, {"W": g})
    assert_same(run.params["W"], bare["W"], "decoupled")


@check("npseq.optim.sgd:SGD")
def sgd(printed: Docstring) -> None:
    first, later = printed("b_1 = g_1"), printed("b_t = momentum * b_{t-1} + (1 - dampening) * g_t")
    heavy, nesterov = printed("p <- p - lr * b_t"), printed("p <- p - lr * (g_t + momentum * b_t)")
    for options, update in (
        ({"momentum": 0.7, "dampening": 0.2}, heavy),
        ({"momentum": 0.7, "nesterov": True}, nesterov),
    ):
        options = {"momentum": 0.7, "dampening": 0.0} | options
        optimizer, params = ns.SGD(0.1, **options), {"W": RNG.normal(size=3)}
        names = {"p": params["W"].copy(), "lr": 0.1, "b": {}, "g": {}, **options}
        for t in (1, 2, 3):
            g = np.random.default_rng(t).normal(size=3)
            optimizer.step(params, {"W": g})
            names["g"][t], names["t"] = g, t
            solve(first if t == 1 else later, names)
            solve(update, names)
            assert_same(params["W"], names["p"], f"SGD after step {t}")


@check("npseq.optim.rmsprop:RMSprop")
def rmsprop(printed: Docstring) -> None:
    square, mean = printed("v <- alpha * v + (1 - alpha) * g^2"), printed("m <- alpha * m + (1 - alpha) * g")
    apart = printed("v <- alpha * (v + (1 - alpha) * (g - m)^2)")
    step, plain = printed("u = g / (sqrt(v) + eps)"), printed("p <- p - lr * u")
    momentum, heavy = printed("b <- momentum * b + u"), printed("p <- p - lr * b")
    start = {"v": np.zeros(3), "m": np.zeros(3), "b": np.zeros(3), "alpha": 0.7, "eps": 0.1, "momentum": 0.6}
    options = {"lr": 0.1, "alpha": 0.7, "eps": 0.1}
    Optimized(ns.RMSprop(**options), **start).follow(square, step, plain)
    Optimized(ns.RMSprop(**options, centered=True), **start).follow(apart, mean, step, plain)
    heavily = ns.RMSprop(**options, centered=True, momentum=0.6)
    Optimized(heavily, **start).follow(apart, mean, step, momentum, heavy)


@check("npseq.optim.adam:Adam")
def adam(printed: Docstring) -> None:
    mean, square = printed("m <- b1 * m + (1 - b1) * g"), printed("v <- b2 * v + (1 - b2) * g^2")
    update = printed("p <- p - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)")
    optimizer = ns.Adam(lr=0.1, betas=(0.7, 0.8), eps=0.1)
    Optimized(optimizer, m=np.zeros(3), v=np.zeros(3), b1=0.7, b2=0.8, eps=0.1).follow(mean, square, update)


@check("npseq.optim.adagrad:Adagrad")
def adagrad(printed: Docstring) -> None:
    total = printed("s <- s + g^2")
    update = printed("p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)")
    optimizer = ns.Adagrad(lr=0.1, lr_decay=0.3, initial_accumulator_value=0.5, eps=0.1)
    Optimized(optimizer, s=np.full(3, 0.5), lr_decay=0.3, eps=0.1).follow(total, update)
