"""RMSprop (Tieleman & Hinton 2012)."""

from types import ModuleType

from npseq.arguments import flag, share, within
from npseq.backend import Array
from npseq.optim.optimizer import Optimizer, add_eps, average
from npseq.optim.schedules import Schedule


class RMSprop(Optimizer):
    """RMSprop divides each gradient by the root of its running square (Hinton 2012, lecture 6e).

        v <- alpha * v + (1 - alpha) * g^2
        u = g / (sqrt(v) + eps)
        p <- p - lr * u, or with momentum  b <- momentum * b + u,  p <- p - lr * b

    Centered, v is the running square less that of the running mean m (Graves 2013, arXiv 1308.0850), in a form that
    rounding cannot bring below 0, which a difference of two squares can (West 1979):

        v <- alpha * (v + (1 - alpha) * (g - m)^2),  m <- alpha * m + (1 - alpha) * g

    Args:
        lr: the learning rate, or a function from the step, counted from 1, to it.
        alpha: the share of the running averages that stays at each step.
        eps: what is added to the root.
        weight_decay: the factor of p that is added to the gradient.
        momentum: the share of the last step's b that stays.
        centered: whether the running mean is subtracted.

    Example:
        >>> params = {"w": np.array([1.0])}
        >>> ns.RMSprop(0.1, alpha=0.0, eps=0.0).step(params, {"w": np.array([7.0])})
        >>> params["w"].tolist()
        [0.9]
    """

    def __init__(
        self,
        lr: float | Schedule = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
    ):
        super().__init__(lr, weight_decay)
        self.alpha, self.eps = share("alpha", alpha), within("eps", eps)
        self.momentum, self.centered = within("momentum", momentum), flag("centered", centered)

    squares = True

    def kinds(self) -> dict[str, float]:
        centered = {"mean": 0.0} if self.centered else {}
        return {"square": 0.0, **centered, **({"momentum": 0.0} if self.momentum else {})}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        if self.centered:
            apart = xp.subtract(grad, state["mean"], out=scratch)
            state["mean"] += (1 - self.alpha) * apart
            state["square"] += xp.multiply(xp.square(apart, out=scratch), 1 - self.alpha, out=scratch)
            state["square"] *= self.alpha
        else:
            average(xp, state["square"], xp.square(grad, out=scratch), self.alpha, scratch)
        add_eps(xp.sqrt(state["square"], out=scratch), self.eps)
        xp.divide(grad, scratch, out=scratch)
        if self.momentum:
            state["momentum"] *= self.momentum
            state["momentum"] += scratch
        param -= xp.multiply(state.get("momentum", scratch), lr, out=scratch)
