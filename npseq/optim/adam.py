"""Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019)."""

from types import ModuleType
from typing import Any

from npseq.arguments import flag, within
from npseq.backend import Array
from npseq.optim.optimizer import Optimizer, add_eps, average
from npseq.optim.schedules import Schedule


class Adam(Optimizer):
    """Adam is the method of Kingma & Ba 2015 (arXiv 1412.6980, algorithm 1); weight decay is part of the gradient.

        m <- b1 * m + (1 - b1) * g,  v <- b2 * v + (1 - b2) * g^2
        p <- p - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    Args:
        lr: the learning rate, or a function from the step, counted from 1, to it.
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
        lr: float | Schedule = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ):
        super().__init__(lr, weight_decay)
        pair: Any = betas
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"betas must be a pair of numbers, got {betas!r:.80}")
        self.betas = within("betas[0]", betas[0], below=1), within("betas[1]", betas[1], below=1)
        self.eps, self.amsgrad = within("eps", eps), flag("amsgrad", amsgrad)

    squares = True

    def kinds(self) -> dict[str, float]:
        return {"mean": 0.0, "square": 0.0, **({"largest": 0.0} if self.amsgrad else {})}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        average(xp, state["mean"], grad, self.betas[0], scratch)
        average(xp, state["square"], xp.square(grad, out=scratch), self.betas[1], scratch)
        if self.amsgrad:
            xp.copyto(state["largest"], state["square"], where=state["square"].real > state["largest"].real)
        xp.sqrt(state["largest" if self.amsgrad else "square"], out=scratch)
        scratch *= (1 - self.betas[1] ** self.steps) ** -0.5
        add_eps(scratch, self.eps)
        xp.divide(state["mean"], scratch, out=scratch)
        param -= xp.multiply(scratch, lr / (1 - self.betas[0] ** self.steps), out=scratch)


class AdamW(Adam):
    """AdamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101).

    Args:
        lr: the learning rate, or a function from the step, counted from 1, to it.
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
        lr: float | Schedule = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ):
        super().__init__(lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)
