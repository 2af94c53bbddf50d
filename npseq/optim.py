"""Optimizers, with the equations and default hyper-parameters of PyTorch's `torch.optim`.

`opt.step(params, grads)` takes two mappings {name: array} of the same names and shapes and writes params in place.
Where both have a one-dimensional `flat` that holds all entries in one piece (npseq.parameters.Parameters), the step
runs on that one array; its state then goes by the name "".

Letters: p a parameter, g its gradient, t the number of the step, from 1. With weight_decay, g <- g + weight_decay * p
comes first (AdamW: p <- (1 - lr * weight_decay) * p instead). All equations are analytic and run in complex128 as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import signature
from math import inf
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import flag, is_array, mapping, number
from npseq.backend import Array, array_module
from npseq.parameters import Parameters

PIECE = 1 << 16  # numbers: an update reads and writes them several times, so they had better stay in a core's cache
Pairs = dict[str, tuple[Array, Array]]  # {name: (param, grad)}


class Optimizer:
    """What all optimizers share: state {"kind/name": array}, the count of steps, and lr, writable at any time."""

    decoupled = False  # whether weight decay stays out of the gradient

    def __init__(self, lr: float, weight_decay: float = 0.0):
        self.lr = _within("lr", lr)
        self.weight_decay = _within("weight_decay", weight_decay)
        self.steps = 0
        self.state: dict[str, Array] = {}
        self._scratch: dict[tuple, Array] = {}  # one for all arrays of a kind

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)}" for name in signature(type(self)).parameters)
        return f"{type(self).__name__}({options}), {self.steps} steps taken"

    def kinds(self) -> dict[str, float]:
        """The arrays kept for each parameter, and the number each entry starts with."""
        return {}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array]) -> None:
        """One update of params (written in place) along grads (left alone).

        Raises ValueError for names, shapes, dtypes or kept state that do not fit and for a bad lr, TypeError for arrays
        in different places; nothing has been written then.
        """
        lr = _within("lr", self.lr)
        xp, pairs = _matched(params, grads)
        kinds = self.kinds()
        if kinds or self.state:
            self._check_state(pairs)
        self.steps += 1
        for name, (param, grad) in pairs.items():
            if kinds and not self.state.keys() >= {f"{kind}/{name}" for kind in kinds}:
                self.state |= {f"{kind}/{name}": xp.full_like(param, start) for kind, start in kinds.items()}
            kept = {kind: self.state[f"{kind}/{name}"] for kind in kinds}
            for at in _pieces(xp, param):
                self._update_piece(xp, param[at], grad[at], lr, {kind: array[at] for kind, array in kept.items()})

    def _update_piece(self, xp: ModuleType, param: Array, grad: Array, lr: float, kept: dict[str, Array]) -> None:
        like = _kind(param)
        if like not in self._scratch:
            self._scratch[like] = xp.empty_like(param)
        if self.weight_decay and self.decoupled:
            param *= 1 - lr * self.weight_decay
        elif self.weight_decay:
            grad = grad + self.weight_decay * param
        self._update(xp, param, grad, lr, self._scratch[like], **kept)

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **kept: Array) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that a later load_state_dict needs: "steps", "lr", and the arrays "kind/name"."""
        return {"steps": self.steps, "lr": self.lr, **{key: array.copy() for key, array in self.state.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the state_dict of an optimizer of the same options; arrays are copied, and must live with params.

        Raises ValueError for entries that are missing or that this optimizer does not keep.
        """
        arrays = {key: array for key, array in mapping("state", state).items() if key.partition("/")[0] in self.kinds()}
        if state.keys() != {"steps", "lr", *arrays}:
            raise ValueError(
                f"state must hold 'steps', 'lr' and arrays of the kinds {list(self.kinds())} of {type(self).__name__}, "
                f"got {sorted(state)}; load it into an optimizer made with the same options"
            )
        self.lr, self.steps = _within("lr", state["lr"]), int(number("steps", state["steps"]))
        self.state = {key: an_array(key, array).copy() for key, array in arrays.items()}

    def _check_state(self, pairs: Pairs) -> None:
        expected = {f"{kind}/{name}": param for name, (param, _) in pairs.items() for kind in self.kinds()}
        if self.state and expected.keys() != self.state.keys():
            raise ValueError(f"params must match the state, {sorted(self.state)}, got {sorted(expected)}; start anew")
        for key, kept in self.state.items():
            if _kind(kept) != _kind(expected[key]):
                raise ValueError(f"state {key!r} must be as its parameter, {_kind(expected[key])}, got {_kind(kept)}")


class SGD(Optimizer):
    """Gradient descent, with momentum (Sutskever et al. 2013, in PyTorch's form).

    b_1 = g_1,  b_t = momentum * b_{t-1} + (1 - dampening) * g_t;  p <- p - lr * b_t, or with nesterov
    p <- p - lr * (g_t + momentum * b_t)
    """

    def __init__(
        self, lr: float, momentum: float = 0, dampening: float = 0, nesterov: bool = False, weight_decay: float = 0
    ):
        super().__init__(lr, weight_decay)
        self.momentum = _within("momentum", momentum)
        self.dampening, self.nesterov = number("dampening", dampening), flag("nesterov", nesterov)
        if nesterov and (not momentum or dampening):
            raise ValueError(f"nesterov needs momentum > 0 and dampening 0, got {momentum} and {dampening}")

    def kinds(self) -> dict[str, float]:
        return {"momentum": 0.0} if self.momentum else {}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **kept: Array) -> None:
        if self.momentum:
            kept["momentum"] *= self.momentum
            kept["momentum"] += grad if self.steps == 1 else xp.multiply(grad, 1 - self.dampening, out=scratch)
            param -= xp.multiply(kept["momentum"], lr * self.momentum if self.nesterov else lr, out=scratch)
        if self.nesterov or not self.momentum:
            param -= xp.multiply(grad, lr, out=scratch)


def _average(xp: ModuleType, mean: Array, value: Array, keep: float, scratch: Array) -> None:
    """mean <- keep * mean + (1 - keep) * value; value may be scratch."""
    mean *= keep
    mean += xp.multiply(value, 1 - keep, out=scratch)


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012, lecture 6e; centered: Graves 2013, arXiv 1308.0850).

    v <- alpha * v + (1 - alpha) * g^2,  m <- alpha * m + (1 - alpha) * g (centered only, else m = 0)
    u = g / (sqrt(v - m^2) + eps);  p <- p - lr * u, or with momentum  b <- momentum * b + u,  p <- p - lr * b
    """

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
    ):
        super().__init__(lr, weight_decay)
        self.alpha, self.eps = _within("alpha", alpha), _within("eps", eps)
        self.momentum, self.centered = _within("momentum", momentum), flag("centered", centered)

    def kinds(self) -> dict[str, float]:
        centered = {"mean": 0.0} if self.centered else {}
        return {"square": 0.0, **centered, **({"momentum": 0.0} if self.momentum else {})}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **kept: Array) -> None:
        _average(xp, kept["square"], xp.multiply(grad, grad, out=scratch), self.alpha, scratch)
        if self.centered:
            _average(xp, kept["mean"], grad, self.alpha, scratch)
            xp.subtract(kept["square"], xp.multiply(kept["mean"], kept["mean"], out=scratch), out=scratch)
        xp.sqrt(scratch if self.centered else kept["square"], out=scratch)
        scratch += self.eps
        xp.divide(grad, scratch, out=scratch)
        if self.momentum:
            kept["momentum"] *= self.momentum
            kept["momentum"] += scratch
        param -= xp.multiply(kept.get("momentum", scratch), lr, out=scratch)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1), with weight decay as part of the gradient.

    m <- b1 * m + (1 - b1) * g,  v <- b2 * v + (1 - b2) * g^2
    p <- p - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps);  amsgrad (Reddi et al. 2018): the largest v so far
    """

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ):
        super().__init__(lr, weight_decay)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"betas must be a pair of numbers, got {betas!r}")
        self.betas = _within("betas[0]", betas[0], below=1), _within("betas[1]", betas[1], below=1)
        self.eps, self.amsgrad = _within("eps", eps), flag("amsgrad", amsgrad)

    def kinds(self) -> dict[str, float]:
        return {"mean": 0.0, "square": 0.0, **({"largest": 0.0} if self.amsgrad else {})}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **kept: Array) -> None:
        _average(xp, kept["mean"], grad, self.betas[0], scratch)
        _average(xp, kept["square"], xp.multiply(grad, grad, out=scratch), self.betas[1], scratch)
        if self.amsgrad:
            xp.copyto(kept["largest"], kept["square"], where=kept["square"].real > kept["largest"].real)
        xp.sqrt(kept["largest" if self.amsgrad else "square"], out=scratch)
        scratch *= (1 - self.betas[1] ** self.steps) ** -0.5
        scratch += self.eps
        xp.divide(kept["mean"], scratch, out=scratch)
        param -= xp.multiply(scratch, lr / (1 - self.betas[0] ** self.steps), out=scratch)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101)."""

    decoupled = True

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ):
        super().__init__(lr, betas, eps, weight_decay, amsgrad)


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011), diagonal.

    s <- s + g^2,  p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps);  s starts at initial_accumulator_value
    """

    def __init__(
        self,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
    ):
        super().__init__(lr, weight_decay)
        self.lr_decay, self.eps = _within("lr_decay", lr_decay), _within("eps", eps)
        self.initial_accumulator_value = _within("initial_accumulator_value", initial_accumulator_value)

    def kinds(self) -> dict[str, float]:
        return {"sum": self.initial_accumulator_value}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **kept: Array) -> None:
        kept["sum"] += xp.multiply(grad, grad, out=scratch)
        xp.sqrt(kept["sum"], out=scratch)
        scratch += self.eps
        xp.divide(grad, scratch, out=scratch)
        param -= xp.multiply(scratch, lr / (1 + (self.steps - 1) * self.lr_decay), out=scratch)


def _matched(params: Mapping[str, Array], grads: Mapping[str, Array]) -> tuple[ModuleType, Pairs]:
    """The array module and {name: (param, grad)}, or {"": (flat, flat)}, checked."""
    if isinstance(params, Parameters) and isinstance(grads, Parameters) and params.layout is grads.layout:
        names = given = []  # one layout has one set of names
    else:
        names, given = list(mapping("params", params)), list(mapping("grads", grads))
    if names != given and set(names) != set(given):
        missing, unknown = sorted(set(names) - set(given)), sorted(set(given) - set(names))
        raise ValueError(f"grads must have the names of params: missing {missing}, unknown {unknown}")
    flat: tuple[Array, Array] = getattr(params, "flat", None), getattr(grads, "flat", None)
    whole = flat[0] is not None and flat[1] is not None and names == given
    pairs = {"": flat} if whole else {name: (params[name], grads[name]) for name in params}
    xp = array_module(*flat) if whole else array_module(*(array for pair in pairs.values() for array in pair))
    for name, (param, grad) in pairs.items():
        if _kind(grad) != _kind(param):
            raise ValueError(f"grads[{name!r}] must be as its parameter, {_kind(param)}, got {_kind(grad)}")
        if xp is np and not param.flags.writeable:
            raise ValueError(f"params[{name!r}] must be writable, it is read-only; take a copy of it")
    return xp, pairs


def _pieces(xp: ModuleType, param: Array) -> Iterator[Any]:
    """Where to cut a long vector on the host; anything else stays whole."""
    if xp is not np or param.ndim != 1 or param.size <= PIECE:
        return iter([...])
    return (slice(first, first + PIECE) for first in range(0, param.size, PIECE))


def _kind(array: Array) -> tuple[str, np.dtype, tuple[int, ...]]:
    if not is_array(array):
        raise TypeError(f"params and grads must hold arrays of numbers, got {type(array).__name__}")
    return type(array).__module__, array.dtype, array.shape


def _within(name: str, value: float, below: float = inf) -> float:
    if not 0 <= number(name, value) < below:
        raise ValueError(f"{name} must lie in [0, {below}), got {value}")
    return float(value)
