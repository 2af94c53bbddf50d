"""The function check_vjp checks a pair (forward, backward) of arrays, whose loss it makes itself."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npseq.arguments import array_or_lists
from npseq.arguments import function as callable_function
from npseq.backend import Array, array_module, drawing
from npseq.gradcheck.callables.arguments import arguments_of
from npseq.gradcheck.callables.trees import leaves_of, rebuilt
from npseq.gradcheck.check import checked
from npseq.gradcheck.report import Report


def check_vjp(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    at: Any,
    *,
    method: str = "central",
    rtol: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> Report:
    """Checks a backward pass against its forward pass: the gradient of sum(dy * y), with a random dy.

    Args:
        forward: f(*at) -> y, or (y, saved); y is an array, or a tree of arrays.
        backward: backward(dy, saved) -> the gradient by each argument, in a tuple if there are several; without saved,
            backward(dy, *at). dy has the form of y. It must not write on what it is given.
        at: the arguments: an array, a tuple of them, or trees of arrays.
        method, rtol, rng: as `gradcheck` takes them; rng draws dy too.

    Returns:
        The report of `gradcheck`, a row an argument.

    Raises:
        TypeError, ValueError: as `gradcheck`, or if forward returns no arrays.

    Example:
        >>> forward, backward = lambda x: (np.tanh(x), x), lambda dy, x: dy * (1 - np.tanh(x) ** 2)
        >>> ns.check_vjp(forward, backward, np.array([0.1, 2.0])).passed
        True
    """
    callable_function("forward", forward)
    callable_function("backward", backward)
    arguments = arguments_of(forward, at if type(at) is tuple else (at,))
    given = {path: array_or_lists(path, leaf) for path, leaf in arguments.leaves().items()}
    y, _ = _outputs(arguments.call(forward, given))

    def loss(named: dict[str, Array]) -> Any:
        found = leaves_of(_outputs(arguments.call(forward, named))[0])
        return sum((weight * found[path]).sum() for path, weight in dy.items())

    def gradient(named: dict[str, Array]) -> Mapping[str, Array]:
        y, saved = _outputs(arguments.call(forward, named))
        upstream = rebuilt(y, lambda path: dy[path].astype(leaves_of(y)[path].real.dtype))
        before = {path: one.copy() for path, one in leaves_of(upstream).items()}
        found = backward(upstream, *(saved or rebuilt(dict(arguments.tree), named.__getitem__).values()))
        if any((before[path] != one).any() for path, one in leaves_of(upstream).items()):
            raise ValueError("backward must not write on dy, it changed it in place; copy first")
        return arguments.like(found)

    with drawing(0 if rng is None else rng) as draw:
        dy = {path: array_module(one).asarray(draw.standard_normal(one.shape)) for path, one in leaves_of(y).items()}
        return checked(loss, given, gradient, method, rtol, draw)


def _outputs(value: Any) -> tuple[Any, tuple[Any, ...]]:
    """(y, what else backward takes). Raises TypeError where y holds anything but arrays."""
    y, saved = (value[0], (value[1],)) if type(value) is tuple and len(value) == 2 else (value, ())
    for path, one in leaves_of(y).items():
        array_or_lists(f"forward's y{path}", one)
    return y, saved
