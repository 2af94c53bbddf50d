"""The base class of the optimizers: parameters matched with gradients, state, and pieces that fit a cache."""

from collections.abc import Iterator, Mapping
from inspect import signature
from math import inf, sqrt
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import finite, floating, instance, integer, mapping, within
from npseq.arrays import is_own
from npseq.backend import HOST, Array, array_module
from npseq.optim.schedules import Schedule, rate
from npseq.parameters import Parameters
from npseq.protocols import OptimizerLike

PIECE = 1 << 16  # entries updated at a time: an update reads and writes them several times, so they should fit a cache
PAIR = ("params", "grads")
SQUARES = ("square", "sum", "largest")  # kinds that are never negative
SMALL = 1e-15  # an eps below it may be small beside the root of a square that vanishes in float32
Pairs = dict[str, tuple[Array, Array]]  # {name: (param, grad)}


class SquareOverflow(ValueError, ArithmeticError):
    """A gradient's square is beyond its dtype: an optimizer that keeps it could take no further step."""


class Optimizer:
    """The base class of the optimizers: it holds lr, the count of steps and the state {"kind/name": array}.

    A subclass says in `kinds` which arrays it keeps for each parameter, and in `_update` what one step does.

    Args:
        lr: the learning rate, at least 0, or a function from the step, counted from 1, to it; `opt.lr` may be written
            at any time.
        weight_decay: at least 0; 0 is none.

    Example:
        >>> opt = ns.SGD(0.1, momentum=0.9)
        >>> opt.step({"w": np.zeros(2)}, {"w": np.ones(2)})
        >>> opt.steps, list(opt.state)
        (1, ['momentum/w'])
    """

    decoupled = False  # whether weight decay stays out of the gradient
    squares = False  # whether it keeps squares of gradients

    def __init__(self, lr: float | Schedule, weight_decay: float = 0.0):
        self.lr = lr if callable(lr) else within("lr", lr)
        self.weight_decay = within("weight_decay", weight_decay)
        self.steps = 0
        self.state: dict[str, Array] = {}
        self._scratch: dict[tuple[Any, ...], Array] = {}  # one for all arrays of one shape and dtype

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
            ArithmeticError: and ValueError in one, for gradients whose squares their dtype cannot hold, where the
                optimizer keeps those; nothing has been written. A GPU is not asked.
        """
        lr, kinds = rate(self.lr, self.steps + 1), self.kinds()
        xp, pairs = _matched(params, grads)
        if kinds or self.state:
            self._check_state(pairs)
        if self.squares and xp is np:
            for name, (_, grad) in pairs.items():
                _check_squares(f"grads[{name!r}]" if name else "grads", grad, self.state.get(f"sum/{name}"))
        self.steps += 1
        for name, (param, grad) in pairs.items():
            if kinds and not self.state.keys() >= {f"{kind}/{name}" for kind in kinds}:
                self.state |= {f"{kind}/{name}": xp.full_like(param, start) for kind, start in kinds.items()}
            state = {kind: self.state[f"{kind}/{name}"] for kind in kinds}
            for at in _pieces(xp, param):
                self._update_piece(xp, param[at], grad[at], lr, {kind: array[at] for kind, array in state.items()})
        if isinstance(params, Parameters):
            params.written()

    def check(self, params: Parameters) -> None:
        """Raises TypeError or ValueError unless `step` can update a layer's or a model's parameters; writes nothing.

        Args:
            params: those of a layer or a model.
        """
        rate(self.lr, self.steps + 1)
        _check_writable("", instance("params", params, Parameters, "those of a layer or a model").flat)
        if self.state:
            self._check_state({"": (params.flat, params.flat)})

    def _update_piece(self, xp: ModuleType, param: Array, grad: Array, lr: float, state: dict[str, Array]) -> None:
        like = _kind(param)
        if like not in self._scratch:
            self._scratch[like] = xp.empty_like(param)
        if self.weight_decay and self.decoupled:
            param *= 1 - lr * self.weight_decay
        elif self.weight_decay:
            grad = grad + self.weight_decay * param
        written = param if lr else param.copy()  # a rate of 0 leaves what is learnt alone, also where 0 * inf is nan
        self._update(xp, written, grad, lr, self._scratch[like], **state)

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of all that load_state_dict needs: "steps", "lr" of the next, and the arrays "kind/name"."""
        lr = rate(self.lr, self.steps + 1)
        return {"steps": self.steps, "lr": lr, **{key: array.copy() for key, array in self.state.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from the state_dict of an optimizer with the same options; copies its arrays.

        A learning rate that is a function stays, and continues from the steps taken.

        Args:
            state: what state_dict returned; its arrays must be on the device of the parameters.

        Raises:
            TypeError, ValueError: for entries that are missing, that this optimizer does not keep, or that cannot be;
                nothing has been loaded.
        """
        kinds = self.kinds()
        arrays = {key: array for key, array in mapping("state", state).items() if key.partition("/")[0] in kinds}
        if state.keys() != {"steps", "lr", *arrays}:
            raise ValueError(
                f"state must hold 'steps', 'lr' and arrays of the kinds {list(kinds)} of {type(self).__name__}, "
                f"got {sorted(state)!s:.400}; load it into an optimizer made with the same options"
            )
        steps = state["steps"]
        steps = steps.item() if is_own(steps) and steps.size == 1 else steps  # of a file of arrays
        lr, steps = within("lr", state["lr"]), integer("steps", steps, least=0)
        _check_arrays(arrays, list(kinds), steps)
        self.lr, self.steps = self.lr if callable(self.lr) else lr, steps
        self.state = {key: array.copy() for key, array in arrays.items()}

    def _check_state(self, pairs: Pairs) -> None:
        expected = {f"{kind}/{name}": _kind(param) for name, (param, _) in pairs.items() for kind in self.kinds()}
        held = {key: _kind(array) for key, array in self.state.items()}
        if held and held != expected:
            wrong = min(key for key in {**held, **expected} if held.get(key) != expected.get(key))
            raise ValueError(
                f"params must be those of the steps before: the state {wrong!r} is {held.get(wrong, 'missing')} and "
                f"should be {expected.get(wrong, 'missing')}; make one optimizer for each layer or model, or give all "
                "layers at each step: step({**a.params, **b.params}, {**a_grads, **b_grads})"
            )


def _matched(params: Mapping[str, Array], grads: Mapping[str, Array]) -> tuple[ModuleType, Pairs]:
    """Checks that params and grads fit; returns the array module and {name: (param, grad)}, or {"": (flat, flat)}."""
    if isinstance(params, Parameters) and isinstance(grads, Parameters) and params.layout is grads.layout:
        names = given = []  # one layout has one set of names
    else:
        names, given = list(mapping("params", params)), list(mapping("grads", grads))
    if names != given and set(names) != set(given):
        missing, unknown = sorted(set(names) - set(given)), sorted(set(given) - set(names))
        raise ValueError(f"grads must have the names of params: missing {missing!s:.400}, unknown {unknown!s:.400}")
    flat: tuple[Any, Any] = getattr(params, "flat", None), getattr(grads, "flat", None)
    whole = flat[0] is not None and flat[1] is not None and names == given
    pairs = {"": flat} if whole else {name: (params[name], grads[name]) for name in params}
    xp = array_module(*flat) if whole else array_module(**_named(pairs))
    for name, (param, grad) in pairs.items():
        alike = type(grad) is type(param) is np.ndarray and grad.dtype is param.dtype and grad.dtype.char in "fdFD"
        if not (alike and grad.shape == param.shape):
            kind = _kind(floating(f"params[{name!r}]" if name else "params", param))
            if _kind(grad) != kind:
                raise ValueError(f"grads[{name!r}] must be as its parameter, {kind}, got {_kind(grad)}")
        _check_writable(name, param)
    return xp, pairs


def _check_writable(name: str, param: Array) -> None:
    if isinstance(param, HOST) and not param.flags.writeable:
        raise ValueError(f"params[{name!r}] must be writable, it is read-only; take a copy of it")


def _check_squares(name: str, grad: np.ndarray, total: np.ndarray | None) -> None:
    """Raises SquareOverflow where a finite entry's square, or Adagrad's total with it, would be inf for good."""
    most, flat = float(np.finfo(grad.dtype).max), grad.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        if abs(np.dot(flat, flat).real) < 1e-9 * most:  # no square comes near it, nor do they in a billion steps
            return
    largest = max(flat.real.max(), -flat.real.min())
    limit = sqrt(max(most - (0.0 if total is None else float(total.real.max())), 0.0))
    if limit < largest < inf:
        raise SquareOverflow(
            f"{name} must have entries whose squares {grad.dtype} can hold, below {limit:.3g}, got {largest:.3g}; "
            "clip them with clip_grad_norm, or use float64"
        )


def _named(pairs: Pairs) -> dict[str, Array]:
    """{what an error calls it: array}."""
    return {f"{what}[{name!r}]": one for name, pair in pairs.items() for what, one in zip(PAIR, pair, strict=True)}


def _pieces(xp: ModuleType, param: Array) -> Iterator[Any]:
    """Yields the slices into which a long vector on the host is cut; anything else stays whole."""
    if xp is not np or param.ndim != 1 or param.size <= PIECE:
        return iter([...])
    return (slice(first, first + PIECE) for first in range(0, param.size, PIECE))


def _check_arrays(arrays: Mapping[str, Array], kinds: list[str], steps: int) -> None:
    """Raises unless there is one array of each kind for every parameter, after a step, and none before."""
    names = {key.partition("/")[2] for key in arrays}
    wanted = {f"{kind}/{name}" for kind in kinds for name in names}
    if arrays.keys() != wanted or (kinds and bool(names) != bool(steps)):
        raise ValueError(
            f"state must hold an array of each kind, {kinds}, for every parameter once a step was taken, got "
            f"{sorted(arrays)[:5]} after {steps} steps; load what state_dict returned"
        )
    for key, array in arrays.items():
        like = arrays[f"{kinds[0]}/{key.partition('/')[2]}"]
        if an_array(key, array).dtype.kind not in "fc" or _kind(array) != _kind(like):
            raise TypeError(f"{key} must be floating and as the other kinds of its parameter, got {_kind(array)}")
        of_squares = key.partition("/")[0] in SQUARES and array.dtype.kind == "f" and isinstance(array, np.ndarray)
        if finite(key, array).size and of_squares and array.min() < 0:
            raise ValueError(
                f"{key} must not be negative, as squares are, got {array.min()}; load what state_dict gave"
            )


def check_optimizer(optimizer: Any, params: Parameters) -> OptimizerLike:
    """Returns what can update the parameters: one of npseq's, or another with a step. Raises TypeError, ValueError."""
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        given = (
            f"the class {optimizer.__name__}; make one of it" if isinstance(optimizer, type) else f"{optimizer!r:.80}"
        )
        raise TypeError(f"optimizer must be one of npseq.optim, or have a step(params, grads), got {given}")
    if isinstance(optimizer, Optimizer):
        optimizer.check(params)
    stepping: OptimizerLike = optimizer
    return stepping


def _kind(array: Array) -> tuple[str, np.dtype, tuple[int, ...]]:
    an_array("an entry of params or grads", array)
    return type(array).__module__, array.dtype, array.shape


def add_eps(root: Array, eps: float) -> None:
    """Adds eps to a root, in place. Where that could leave 0, squares have vanished: 1 in its place makes no step."""
    if eps < SMALL:
        root += root == 0
    root += eps


def average(xp: ModuleType, mean: Array, value: Array, keep: float, scratch: Array) -> None:
    """Keeps the share `keep` of the mean and fills the rest with the value, in place; value may be scratch."""
    mean *= keep
    mean += xp.multiply(value, 1 - keep, out=scratch)
