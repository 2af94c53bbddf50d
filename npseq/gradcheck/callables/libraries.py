"""Which library a function, a layer or an array is of; none is imported unless it is one of these."""

from typing import Any

from npseq.gradcheck.callables.framework import Framework
from npseq.gradcheck.callables.trees import leaves_of


def framework_of(f: Any, at: Any) -> Framework | None:
    """The framework whose layer or function f is, or whose arrays the point holds; None for NumPy's."""
    found = libraries_of(f).union(*map(libraries_of, leaves_of(at).values()))
    if "torch" in found:
        from npseq.gradcheck.callables.torch import Torch, TorchClosure, is_closure

        return TorchClosure() if is_closure(f) else Torch()
    if found & {"jax", "jaxlib"}:
        from npseq.gradcheck.callables.jax import Jax

        return Jax()
    return None


def libraries_of(value: Any) -> set[str]:
    """The packages that an object's classes, or a class itself, come from."""
    kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return {kind.__module__.split(".")[0] for kind in kinds}
