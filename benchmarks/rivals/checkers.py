"""Gradient checkers, each told of the same function and the same claimed gradient, with its own defaults.

A checker takes a Claim and says whether it is satisfied. The function is written in the checker's own library where
that needs it; the claimed gradient enters as the backward pass of a custom function, as a user's hand-written one does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import npseq as ns

SCIPY_BOUND = 1e-6  # check_grad returns a norm, and its users compare that with a bound of about this size


class Claim(NamedTuple):
    """f(W, b) = scale * sum(w * tanh(W x + b)), and what somebody says is its gradient."""

    W: np.ndarray
    b: np.ndarray
    x: np.ndarray
    w: np.ndarray
    scale: float
    gradient: dict[str, np.ndarray]


def value(claim: Claim, W: Any, b: Any, xp: Any = np) -> Any:
    return claim.scale * (claim.w * xp.tanh(W @ claim.x + b)).sum()


def npseq(method: str) -> Callable[[Claim], bool]:
    def satisfied(claim: Claim) -> bool:
        at = {"W": claim.W, "b": claim.b}
        return ns.gradcheck(lambda v: value(claim, v["W"], v["b"]), at, claim.gradient, method=method).passed

    return satisfied


def torch_gradcheck(claim: Claim) -> bool:
    import torch

    class Claimed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, W: Any, b: Any) -> Any:
            return torch.tensor(value(claim, W.numpy(), b.numpy()), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            return tuple(dy * torch.from_numpy(claim.gradient[name]) for name in ("W", "b"))

    inputs = [torch.from_numpy(array.copy()).requires_grad_() for array in (claim.W, claim.b)]
    return bool(torch.autograd.gradcheck(Claimed.apply, inputs, raise_exception=False))


def jax_check_grads(claim: Claim) -> bool:
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def f(W: Any, b: Any) -> Any:
        return value(claim, W, b, jnp)

    f.defvjp(lambda W, b: (f(W, b), None), lambda _, dy: tuple(dy * claim.gradient[name] for name in ("W", "b")))
    return _no_assertion(lambda: check_grads(f, (jnp.asarray(claim.W), jnp.asarray(claim.b)), 1, modes=["rev"]))


def scipy_check_grad(claim: Claim) -> bool:
    from scipy.optimize import check_grad

    split, shape = claim.W.size, claim.W.shape
    at = np.concatenate([claim.W.ravel(), claim.b])
    gradient = np.concatenate([claim.gradient["W"].ravel(), claim.gradient["b"]])
    error = check_grad(lambda v: value(claim, v[:split].reshape(shape), v[split:]), lambda v: gradient, at)
    return bool(error < SCIPY_BOUND)


def autograd_check_grads(claim: Claim) -> bool:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    @primitive
    def f(W: Any, b: Any) -> Any:
        return value(claim, W, b)

    defvjp(f, *(lambda ans, W, b, name=name: lambda dy: dy * claim.gradient[name] for name in ("W", "b")))
    return _no_assertion(lambda: check_grads(f, (0, 1), modes=["rev"], order=1)(claim.W, claim.b))


def _no_assertion(check: Callable[[], object]) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True


CHECKERS: dict[str, Callable[[Claim], bool]] = {
    "npseq, complex": npseq("complex"),
    "npseq, central": npseq("central"),
    "torch.autograd.gradcheck": torch_gradcheck,
    "jax.test_util.check_grads": jax_check_grads,
    f"scipy.optimize.check_grad < {SCIPY_BOUND:g}": scipy_check_grad,
    "autograd.test_util.check_grads": autograd_check_grads,
}
