"""The optimizers have the equations and default hyper-parameters of PyTorch's `torch.optim`.

`opt.step(params, grads)` takes two mappings {name: array} of the same names and shapes and writes params in place.
If both have a one-dimensional `flat` that holds all entries (npseq.parameters.Parameters), the step runs on that one
array, and the name in its state is "".

Letters: p a parameter, g its gradient, t the number of the step, from 1. With weight_decay, g <- g + weight_decay * p
comes first (AdamW: p <- (1 - lr * weight_decay) * p instead). All equations are analytic and run in complex128 as well.
"""

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

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]

PIECE = 1 << 16  # entries updated at a time: an update reads and writes them several times, so they should fit a cache
Pairs = dict[str, tuple[Array, Array]]  # {name: (param, grad)}


class Optimizer:
    """The base class of the optimizers: it holds lr, the count of steps and the state {"kind/name": array}.

    A subclass says in `kinds` which arrays it keeps for each parameter, and in `_update` what one step does.

    Args:
        lr: the learning rate, at least 0; `opt.lr` may be written at any time.
        weight_decay: at least 0; 0 is none.

    Example:
        >>> opt = ns.SGD(0.1, momentum=0.9)
        >>> opt.step({"w": np.zeros(2)}, {"w": np.ones(2)})
        >>> opt.steps, list(opt.state)
        (1, ['momentum/w'])
    """

    decoupled = False  # whether weight decay stays out of the gradient

    def __init__(self, lr: float, weight_decay: float = 0.0):
        self.lr = _within("lr", lr)
        self.weight_decay = _within("weight_decay", weight_decay)
        self.steps = 0
        self.state: dict[str, Array] = {}
        self._scratch: dict[tuple, Array] = {}  # one for all arrays of one shape and dtype

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)}" for name in signature(type(self)).parameters)
        return f"{type(self).__name__}({options}), {self.steps} steps taken"

    def kinds(self) -> dict[str, float]:
        """Returns {kind: first value} of the arrays that the optimizer keeps for each parameter."""
        return {}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array]) -> None:
        """Updates params in place; grads are not written.

        Args:
            params: {name: array}, floating or complex, writable.
            grads: {name: array}, of the same names, shapes and dtypes.

        Raises:
            ValueError: for names, shapes, dtypes or state that do not fit, and for a bad lr; nothing has been written.
            TypeError: for arrays on different devices; nothing has been written.
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
            state = {kind: self.state[f"{kind}/{name}"] for kind in kinds}
            for at in _pieces(xp, param):
                self._update_piece(xp, param[at], grad[at], lr, {kind: array[at] for kind, array in state.items()})

    def _update_piece(self, xp: ModuleType, param: Array, grad: Array, lr: float, state: dict[str, Array]) -> None:
        like = _kind(param)
        if like not in self._scratch:
            self._scratch[like] = xp.empty_like(param)
        if self.weight_decay and self.decoupled:
            param *= 1 - lr * self.weight_decay
        elif self.weight_decay:
            grad = grad + self.weight_decay * param
        self._update(xp, param, grad, lr, self._scratch[like], **state)

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of all that load_state_dict needs: "steps", "lr" and the arrays "kind/name"."""
        return {"steps": self.steps, "lr": self.lr, **{key: array.copy() for key, array in self.state.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from the state_dict of an optimizer with the same options; copies its arrays.

        Args:
            state: what state_dict returned; its arrays must be on the device of the parameters.

        Raises:
            ValueError: for entries that are missing or that this optimizer does not keep.
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
        for key, array in self.state.items():
            if _kind(array) != _kind(expected[key]):
                raise ValueError(f"state {key!r} must be as its parameter, {_kind(expected[key])}, got {_kind(array)}")


class SGD(Optimizer):
    """SGD is gradient descent, with momentum (Sutskever et al. 2013, in PyTorch's form).

        b_1 = g_1,  b_t = momentum * b_{t-1} + (1 - dampening) * g_t
        p <- p - lr * b_t, or with nesterov  p <- p - lr * (g_t + momentum * b_t)

    Args:
        lr: the learning rate.
        momentum: the share of the last step's b that stays; 0 keeps no b.
        dampening: the share of the gradient that does not enter b.
        nesterov: whether the step looks ahead; it needs momentum above 0 and dampening 0.
        weight_decay: the factor of p that is added to the gradient.

    Example:
        >>> params = {"w": np.array([1.0, 2.0])}
        >>> ns.SGD(0.5).step(params, {"w": np.array([2.0, 0.0])})
        >>> params["w"].tolist()
        [0.0, 2.0]
    """

    def __init__(
        self, lr: float, *, momentum: float = 0, dampening: float = 0, nesterov: bool = False, weight_decay: float = 0
    ):
        super().__init__(lr, weight_decay)
        self.momentum = _within("momentum", momentum)
        self.dampening, self.nesterov = number("dampening", dampening), flag("nesterov", nesterov)
        if nesterov and (not momentum or dampening):
            raise ValueError(f"nesterov needs momentum > 0 and dampening 0, got {momentum} and {dampening}")

    def kinds(self) -> dict[str, float]:
        return {"momentum": 0.0} if self.momentum else {}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        if self.momentum:
            state["momentum"] *= self.momentum
            state["momentum"] += grad if self.steps == 1 else xp.multiply(grad, 1 - self.dampening, out=scratch)
            param -= xp.multiply(state["momentum"], lr * self.momentum if self.nesterov else lr, out=scratch)
        if self.nesterov or not self.momentum:
            param -= xp.multiply(grad, lr, out=scratch)


def _average(xp: ModuleType, mean: Array, value: Array, keep: float, scratch: Array) -> None:
    """Sets mean <- keep * mean + (1 - keep) * value; value may be scratch."""
    mean *= keep
    mean += xp.multiply(value, 1 - keep, out=scratch)


class RMSprop(Optimizer):
    """RMSprop divides each gradient by the root of its running square (Hinton 2012, lecture 6e).

        v <- alpha * v + (1 - alpha) * g^2,  m <- alpha * m + (1 - alpha) * g (centered only, else m = 0)
        u = g / (sqrt(v - m^2) + eps)
        p <- p - lr * u, or with momentum  b <- momentum * b + u,  p <- p - lr * b

    Args:
        lr: the learning rate.
        alpha: the share of the running averages that stays at each step.
        eps: what is added to the root.
        weight_decay: the factor of p that is added to the gradient.
        momentum: the share of the last step's b that stays.
        centered: whether the running mean is subtracted (Graves 2013, arXiv 1308.0850).

    Example:
        >>> params = {"w": np.array([1.0])}
        >>> ns.RMSprop(0.1, alpha=0.0, eps=0.0).step(params, {"w": np.array([7.0])})
        >>> params["w"].tolist()
        [0.9]
    """

    def __init__(
        self,
        lr: float = 1e-2,
        *,
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

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        _average(xp, state["square"], xp.multiply(grad, grad, out=scratch), self.alpha, scratch)
        if self.centered:
            _average(xp, state["mean"], grad, self.alpha, scratch)
            xp.subtract(state["square"], xp.multiply(state["mean"], state["mean"], out=scratch), out=scratch)
        xp.sqrt(scratch if self.centered else state["square"], out=scratch)
        scratch += self.eps
        xp.divide(grad, scratch, out=scratch)
        if self.momentum:
            state["momentum"] *= self.momentum
            state["momentum"] += scratch
        param -= xp.multiply(state.get("momentum", scratch), lr, out=scratch)


class Adam(Optimizer):
    """Adam is the method of Kingma & Ba 2015 (arXiv 1412.6980, algorithm 1); weight decay is part of the gradient.

        m <- b1 * m + (1 - b1) * g,  v <- b2 * v + (1 - b2) * g^2
        p <- p - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    Args:
        lr: the learning rate.
        betas: (b1, b2), each in [0, 1).
        eps: what is added to the root.
        weight_decay: the factor of p that is added to the gradient.
        amsgrad: whether the largest v so far replaces v (Reddi et al. 2018).

    Example:
        >>> params = {"w": np.array([1.0, -1.0])}
        >>> ns.Adam(0.25).step(params, {"w": np.array([1e-3, 1e3])})
        >>> params["w"].round(4).tolist()  # the first step is lr times the gradient's sign
        [0.75, -1.25]
    """

    def __init__(
        self,
        lr: float = 1e-3,
        *,
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

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        _average(xp, state["mean"], grad, self.betas[0], scratch)
        _average(xp, state["square"], xp.multiply(grad, grad, out=scratch), self.betas[1], scratch)
        if self.amsgrad:
            xp.copyto(state["largest"], state["square"], where=state["square"].real > state["largest"].real)
        xp.sqrt(state["largest" if self.amsgrad else "square"], out=scratch)
        scratch *= (1 - self.betas[1] ** self.steps) ** -0.5
        scratch += self.eps
        xp.divide(state["mean"], scratch, out=scratch)
        param -= xp.multiply(scratch, lr / (1 - self.betas[0] ** self.steps), out=scratch)


class AdamW(Adam):
    """AdamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101).

    Args:
        lr: the learning rate.
        betas: (b1, b2), each in [0, 1).
        eps: what is added to the root.
        weight_decay: the factor of p in the step, which lr multiplies.
        amsgrad: whether the largest v so far replaces v.

    Example:
        >>> params = {"w": np.array([1.0])}
        >>> ns.AdamW(0.1, weight_decay=0.5).step(params, {"w": np.zeros(1)})
        >>> params["w"].tolist()
        [0.95]
    """

    decoupled = True

    def __init__(
        self,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ):
        super().__init__(lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)


class Adagrad(Optimizer):
    """Adagrad is the diagonal method of Duchi, Hazan & Singer 2011.

        s <- s + g^2,  p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Args:
        lr: the learning rate.
        lr_decay: how fast the learning rate falls with t.
        weight_decay: the factor of p that is added to the gradient.
        initial_accumulator_value: the first value of s.
        eps: what is added to the root.

    Example:
        >>> params = {"w": np.array([1.0])}
        >>> ns.Adagrad(0.5, eps=0.0).step(params, {"w": np.array([3.0])})
        >>> params["w"].tolist()
        [0.5]
    """

    def __init__(
        self,
        lr: float = 1e-2,
        *,
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

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        state["sum"] += xp.multiply(grad, grad, out=scratch)
        xp.sqrt(state["sum"], out=scratch)
        scratch += self.eps
        xp.divide(grad, scratch, out=scratch)
        param -= xp.multiply(scratch, lr / (1 + (self.steps - 1) * self.lr_decay), out=scratch)


def _matched(params: Mapping[str, Array], grads: Mapping[str, Array]) -> tuple[ModuleType, Pairs]:
    """Checks that params and grads fit; returns the array module and {name: (param, grad)}, or {"": (flat, flat)}."""
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
    """Yields the slices into which a long vector on the host is cut; anything else stays whole."""
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
