"""The optimizers have the equations and default hyper-parameters of PyTorch's `torch.optim`.

`opt.step(params, grads)` takes two mappings {name: array} of the same names and shapes and writes params in place.
If both have a one-dimensional `flat` that holds all entries (npseq.parameters.Parameters), the step runs on that one
array, and the name in its state is "".

Letters: p a parameter, g its gradient, t the number of the step, from 1. With weight_decay, g <- g + weight_decay * p
comes first (AdamW: p <- (1 - lr * weight_decay) * p instead). All equations are analytic and run in complex128 as well.
"""

from npseq.optim.adagrad import Adagrad
from npseq.optim.adam import Adam, AdamW
from npseq.optim.optimizer import Optimizer
from npseq.optim.rmsprop import RMSprop
from npseq.optim.schedules import Cosine, Exponential, Warmup
from npseq.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Cosine", "Exponential", "Optimizer", "RMSprop", "Warmup"]
