"""Checkers that are told of a loss at the last step of a layer, and of a dx that is said to be its gradient.

A checker takes f (x (T,) -> scalar, real or complex) and x, and returns the function that says of a dx whether it is
satisfied. What does not depend on dx is done once. Checkers that return a gradient are judged as well as they can be:
relative to its largest entry, to what their method keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns

Function = Callable[[np.ndarray], Any]
Verdict = Callable[[np.ndarray], bool]


def npseq_whole(f: Function, x: np.ndarray) -> Verdict:
    return lambda dx: ns.gradcheck(lambda at: f(at["x"]), {"x": x}, {"x": dx}, method="complex").passed


def npseq_by_step(f: Function, x: np.ndarray) -> Verdict:
    return lambda dx: (
        ns.gradcheck(lambda at: f(at["x"]), {"x": x}, {"x": dx}, method="complex", time_axis={"x": 0}).passed
    )


def torch_gradcheck(f: Function, x: np.ndarray) -> Verdict:
    import torch

    def satisfied(dx: np.ndarray) -> bool:
        class Claimed(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return torch.tensor(f(x.numpy()), dtype=torch.float64)

            @staticmethod
            def backward(ctx: Any, dy: Any) -> Any:
                return dy * torch.from_numpy(dx)

        return bool(
            torch.autograd.gradcheck(Claimed.apply, torch.from_numpy(x).requires_grad_(), raise_exception=False)
        )

    return satisfied


def jax_check_grads(f: Function, x: np.ndarray) -> Verdict:
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    like = jax.ShapeDtypeStruct((), jnp.float64)

    def satisfied(dx: np.ndarray) -> bool:
        @jax.custom_vjp
        def g(x: Any) -> Any:
            return jax.pure_callback(lambda x: np.float64(f(np.array(x))), like, x)

        g.defvjp(lambda x: (g(x), None), lambda _, dy: (dy * dx,))
        try:
            check_grads(g, (jnp.asarray(x),), 1, modes=["rev"])
        except AssertionError:
            return False
        return True

    return satisfied


def _compared(numeric: np.ndarray, tolerance: float) -> Verdict:
    """To the largest entry of the numeric gradient."""
    return lambda dx: bool(np.max(np.abs(numeric - dx)) <= tolerance * np.max(np.abs(numeric)))


def numdifftools_complex(f: Function, x: np.ndarray) -> Verdict:
    import numdifftools

    return _compared(numdifftools.Gradient(f, method="complex")(x), 1e-12)


def numdifftools_central(f: Function, x: np.ndarray) -> Verdict:
    import numdifftools

    return _compared(numdifftools.Gradient(f)(x), 1e-9)


def statsmodels_complex(f: Function, x: np.ndarray) -> Verdict:
    from statsmodels.tools.numdiff import approx_fprime_cs

    return _compared(approx_fprime_cs(x, f), 1e-12)


def statsmodels_central(f: Function, x: np.ndarray) -> Verdict:
    from statsmodels.tools.numdiff import approx_fprime

    return _compared(approx_fprime(x, f, centered=True), 1e-8)


CHECKERS: dict[str, Callable[[Function, np.ndarray], Verdict]] = {
    'npseq.gradcheck, "complex", time_axis': npseq_by_step,
    'npseq.gradcheck, "complex"': npseq_whole,
    "torch.autograd.gradcheck": torch_gradcheck,
    "jax.test_util.check_grads": jax_check_grads,
    "numdifftools.Gradient, complex, 1e-12": numdifftools_complex,
    "numdifftools.Gradient, central, 1e-9": numdifftools_central,
    "statsmodels approx_fprime_cs, 1e-12": statsmodels_complex,
    "statsmodels approx_fprime, central, 1e-8": statsmodels_central,
}
