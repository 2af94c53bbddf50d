"""Gradient checkers told of f, a point and a claimed gradient: each at its defaults and at settings of a grid.

A checker is a function (f, x, claimed, **settings) -> whether it is satisfied. What only estimates a gradient is
compared as its users do, with np.allclose.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

Function = Callable[[np.ndarray], Any]
Satisfied = Callable[..., bool]


def torch_gradcheck(f: Function, x: np.ndarray, claimed: np.ndarray, **settings: float) -> bool:
    import torch

    class Claimed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, at: Any) -> Any:
            return torch.tensor(float(f(at.detach().numpy())), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            return dy * torch.from_numpy(claimed)

    at = torch.from_numpy(x.copy()).requires_grad_()
    return bool(torch.autograd.gradcheck(Claimed.apply, [at], raise_exception=False, nondet_tol=0.0, **settings))


def jax_check_vjp(f: Function, x: np.ndarray, claimed: np.ndarray, **settings: float) -> bool:
    import jax
    from jax.test_util import check_vjp

    jax.config.update("jax_enable_x64", True)

    def with_backward(at: Any) -> Any:
        return np.float64(f(np.asarray(at))), lambda dy: (dy * claimed,)

    return _no_assertion(lambda: check_vjp(lambda at: np.float64(f(np.asarray(at))), with_backward, (x,), **settings))


def autograd_check_grads(f: Function, x: np.ndarray, claimed: np.ndarray) -> bool:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    known = primitive(lambda at: np.float64(f(at)))
    defvjp(known, lambda ans, at: lambda dy: dy * claimed)
    return _no_assertion(lambda: check_grads(known, modes=["rev"], order=1)(x))


def scipy_check_grad(
    f: Function, x: np.ndarray, claimed: np.ndarray, epsilon: float = 1.4901161193847656e-08, bound: float = 1e-6
) -> bool:
    from scipy.optimize import check_grad

    flat = claimed.reshape(-1)
    error = check_grad(lambda v: float(f(v.reshape(x.shape))), lambda v: flat, x.reshape(-1), epsilon=epsilon)
    return bool(error < bound)


def scipy_derivative(
    f: Function, x: np.ndarray, claimed: np.ndarray, initial_step: float = 0.5, **close: float
) -> bool:
    from scipy.differentiate import derivative

    found = np.empty(x.size)
    for k, (entry, start) in enumerate(zip(np.eye(x.size), x.reshape(-1), strict=True)):
        along = np.vectorize(lambda t, entry=entry, start=start: float(f(x + (entry * (t - start)).reshape(x.shape))))
        found[k] = derivative(along, start, initial_step=initial_step).df
    return bool(np.allclose(claimed.reshape(-1), found, **close))


def numdifftools_gradient(f: Function, x: np.ndarray, claimed: np.ndarray, **settings: Any) -> bool:
    import numdifftools

    close = {name: settings.pop(name) for name in ("rtol", "atol") if name in settings}
    found = numdifftools.Gradient(lambda v: f(v.reshape(x.shape)), **settings)(x.reshape(-1))
    return bool(np.allclose(claimed.reshape(-1), found, **close))


def statsmodels_fprime(f: Function, x: np.ndarray, claimed: np.ndarray, step: str = "forward", **close: float) -> bool:
    from statsmodels.tools.numdiff import approx_fprime, approx_fprime_cs

    def flat(v: np.ndarray) -> Any:
        return f(v.reshape(x.shape))

    v = x.reshape(-1)
    found = approx_fprime_cs(v, flat) if step == "complex" else approx_fprime(v, flat, centered=step == "centered")
    return bool(np.allclose(claimed.reshape(-1), np.reshape(found, -1), **close))


def _no_assertion(check: Callable[[], object]) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True


def grid(**values: tuple) -> list[dict[str, Any]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


CLOSE = {"rtol": (1e-2, 1e-3, 1e-5), "atol": (0.0, 1e-8)}
CHECKERS: dict[str, tuple[Satisfied, list[dict[str, Any]]]] = {  # with the settings that are tried beside the defaults
    "torch.autograd.gradcheck": (
        torch_gradcheck,
        grid(eps=(1e-3, 1e-5, 1e-6, 1e-8), rtol=(1e-2, 1e-3, 1e-5), atol=(0.0, 1e-8, 1e-5)),
    ),
    "jax.test_util.check_vjp": (jax_check_vjp, grid(eps=(1e-3, 1e-5, 1e-7), rtol=(1e-2, 1e-4), atol=(0.0, 1e-8, 1e-4))),
    "autograd.test_util.check_grads": (autograd_check_grads, []),
    "scipy.optimize.check_grad": (
        scipy_check_grad,
        grid(epsilon=(1e-4, 1e-6, 1e-8, 1e-10), bound=(1e-2, 1e-4, 1e-6, 1e-8)),
    ),
    "scipy.differentiate.derivative": (scipy_derivative, grid(initial_step=(0.5, 1e-3, 1e-6), **CLOSE)),
    "numdifftools.Gradient": (
        numdifftools_gradient,
        grid(method=("central", "complex", "forward"), order=(2, 4), **CLOSE),
    ),
    "statsmodels approx_fprime": (statsmodels_fprime, grid(step=("forward", "centered", "complex"), **CLOSE)),
}


def verdict(satisfied: Satisfied, f: Function, x: np.ndarray, claimed: np.ndarray, settings: dict[str, Any]) -> bool:
    """Whether a checker is satisfied; one that raises anything is not."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return satisfied(f, x.copy(), claimed, **settings)
        except Exception:
            return False
