"""Adagrad (Duchi et al. 2011)."""

from types import ModuleType

from npseq.arguments import within
from npseq.backend import Array
from npseq.optim.optimizer import Optimizer, add_eps
from npseq.optim.schedules import Schedule


class Adagrad(Optimizer):
    """Adagrad is the diagonal method of Duchi, Hazan & Singer 2011.

        s <- s + g^2,  p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Args:
        lr: the learning rate, or a function from the step, counted from 1, to it.
        lr_decay: how fast the learning rate falls with t.
        weight_decay: the factor of p that is added to the gradient.
        initial_accumulator_value: the first value of s.
        eps: what is added to the root.

    Example:
        >>> params = {"w": np.array([1.0])}
        >>> ns.Adagrad(0.5, eps=0.0).step(params, {"w": np.array([3.0])})
        >>> params["w"].tolist()
        [0.5]
    """

    def __init__(
        self,
        lr: float | Schedule = 1e-2,
        *,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
    ):
        super().__init__(lr, weight_decay)
        self.lr_decay, self.eps = within("lr_decay", lr_decay), within("eps", eps)
        self.initial_accumulator_value = within("initial_accumulator_value", initial_accumulator_value)

    squares = True

    def kinds(self) -> dict[str, float]:
        return {"sum": self.initial_accumulator_value}

    def _update(self, xp: ModuleType, param: Array, grad: Array, lr: float, scratch: Array, **state: Array) -> None:
        state["sum"] += xp.square(grad, out=scratch)
        add_eps(xp.sqrt(state["sum"], out=scratch), self.eps)
        xp.divide(grad, scratch, out=scratch)
        param -= xp.multiply(scratch, lr / (1 + (self.steps - 1) * self.lr_decay), out=scratch)
