"""A problem is what the checker runs on: a function of named arrays, a point, a gradient, from whatever was given."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from npseq.backend import Array
from npseq.gradcheck.callables.arguments import Arguments, arguments_of
from npseq.gradcheck.callables.framework import Framework
from npseq.gradcheck.callables.libraries import framework_of, libraries_of
from npseq.gradcheck.callables.trees import is_branch, leaves_of

Named = dict[str, Array]


class Problem(NamedTuple):
    """f: {name: array} -> scalar; at: {name: array}; gradient: {name: array}, or a function that makes one."""

    f: Callable[[Named], Any]
    at: Mapping[str, Array]
    gradient: Mapping[str, Array] | Callable[[Named], Mapping[str, Array]]


def problem_of(f: Any, at: Any, gradient: Any, rng: Any) -> Problem:
    """The problem of any function and point. Raises TypeError or ValueError for a gradient that is missing or odd."""
    at = list(at) if isinstance(at, Iterator) else at
    if "keras" in libraries_of(f):
        from npseq.gradcheck.callables.keras import function_of_layer

        f, at = function_of_layer(f, at)
    framework = None if _is_numpys(gradient) else framework_of(f, at)
    if framework is None and gradient is None:
        raise TypeError(
            "gradient must be arrays of the form of at, or a function that makes them, got None; only a function or a "
            "layer of PyTorch, JAX or Keras brings its own"
        )
    if framework is None and isinstance(at, Mapping) and not any(map(is_branch, at.values())):
        return Problem(f, at, gradient)
    return _converted(f, arguments_of(f, at), gradient) if framework is None else _in(framework, f, at, gradient, rng)


def _is_numpys(gradient: Any) -> bool:
    """Whether a gradient is given in NumPy's arrays, beside which another framework's are a mistake."""
    given = [] if callable(gradient) or gradient is None else leaves_of(gradient).values()
    return any(libraries_of(leaf) & {"numpy", "cupy"} for leaf in given)


def _converted(f: Callable[..., Any], arguments: Arguments, gradient: Any) -> Problem:
    """The problem of a function of NumPy arrays in any form."""

    def named_gradient(leaves: Named) -> Mapping[str, Array]:
        return arguments.like(arguments.call(gradient, leaves))

    found = named_gradient if callable(gradient) else arguments.like(gradient)
    return Problem(lambda leaves: arguments.call(f, leaves), arguments.leaves(), found)


def _in(framework: Framework, f: Any, at: Any, gradient: Any, rng: Any) -> Problem:
    """The problem of a function of a framework's arrays: they are NumPy's outside, and its own inside f."""
    f, at = framework.function(f, at)
    arguments = arguments_of(f, at)
    leaves = {path: leaf for path, leaf in arguments.leaves().items() if framework.moves(path, leaf)}
    scalar = framework.projected(lambda named: arguments.call(f, named), leaves, rng)
    if gradient is not None and _axes(arguments.call(f, leaves)):
        raise ValueError(
            "f must return a scalar where a gradient is given; check a pair with check_vjp(forward, backward, at)"
        )

    def inside(named: Named) -> dict[str, Any]:
        return {path: framework.array(value, leaves[path]) for path, value in named.items()}

    def outside(values: Mapping[str, Any]) -> dict[str, Any]:
        return {path: value if value is None else framework.numpy(value) for path, value in values.items()}

    def own_gradient(named: Named) -> Named:
        return outside(framework.gradient(scalar, inside(named)))

    def named_gradient(named: Named) -> Named:
        return outside(arguments.like(arguments.call(gradient, inside(named))))

    found: Any = own_gradient
    if gradient is not None:
        found = named_gradient if callable(gradient) else outside(arguments.like(gradient))
    return Problem(lambda named: _number(scalar(inside(named))), outside(leaves), found)


def _axes(value: Any) -> int:
    return getattr(value, "ndim", 1)


def _number(value: Any) -> Any:
    """A framework's array of no axes as a number."""
    return value.item() if hasattr(value, "item") else value
