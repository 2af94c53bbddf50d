"""Stochastic gradient descent, with momentum (Polyak 1964; Nesterov: Sutskever et al. 2013)."""

from types import ModuleType

from npseq.arguments import finite_number, flag, within
from npseq.backend import Array
from npseq.optim.optimizer import Optimizer
from npseq.optim.schedules import Schedule


class SGD(Optimizer):
    """SGD is gradient descent, with momentum (Sutskever et al. 2013, in PyTorch's form).

        b_1 = g_1,  b_t = momentum * b_{t-1} + (1 - dampening) * g_t
        p <- p - lr * b_t, or with nesterov  p <- p - lr * (g_t + momentum * b_t)

    Args:
        lr: the learning rate, or a function from the step, counted from 1, to it.
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
        self,
        lr: float | Schedule,
        *,
        momentum: float = 0,
        dampening: float = 0,
        nesterov: bool = False,
        weight_decay: float = 0,
    ):
        super().__init__(lr, weight_decay)
        self.momentum = within("momentum", momentum)
        self.dampening, self.nesterov = finite_number("dampening", dampening), flag("nesterov", nesterov)
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
