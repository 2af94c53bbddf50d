"""Models: the loss of each and the gradient of all of its parameters, by `loss` or in a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz.arithmetic import Arithmetic
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.forecasters import forecaster, latent_forecaster
from benchmarks.fuzz.model_case import Made
from benchmarks.fuzz.pair_models import seq2seq, sequence_generator
from benchmarks.fuzz.sequence_models import language_model, sequence_model
from benchmarks.fuzz.stacks import leaves
from benchmarks.fuzz.verdict import Case

KINDS: dict[str, tuple[float, Callable[[Draw, Any], Made]]] = {  # how often, and what draws it
    "language model": (8, language_model),
    "tagger": (4, lambda d, dtype: sequence_model(d, dtype, ns.models.Tagger)),
    "classifier": (4, lambda d, dtype: sequence_model(d, dtype, ns.models.Classifier)),
    "seq2seq": (3, seq2seq),
    "forecaster": (1, forecaster),
    "latent forecaster": (1.5, latent_forecaster),
    "generator": (1, sequence_generator),
}


def case(d: Draw) -> Case:
    """One model's loss and gradients."""
    kind = d.of("model", tuple(KINDS), [often for often, _ in KINDS.values()])
    dtype = np.dtype(d.of("dtype", ("float32", "float64")))
    made = KINDS[kind][1](d, dtype)
    d.check_unwritten()
    params = {name: value.copy() for name, value in made.model.params.items()}
    lags = None if made.plan is None else made.plan.lags

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        m = new(lags=None if lags is None else len(lags))
        p = leaves(m, params)
        loss, more = made.right(m, p)
        m.backward([(loss, [[1]])])
        S = max(m.samples, 1)
        grads = {name: m.gradient(leaf, lags) for name, leaf in p.items()}
        out = {n: np.broadcast_to(g, (S, *g.shape[1:])).reshape(S, *params[n].shape) for n, g in grads.items()}
        return {**out, **more, "loss": np.broadcast_to(loss.value, (S, 1, 1))[:, 0, 0]}

    return Case(made.found, made.rows, right, dtype, 4 * (3 * made.steps + 8) + 12, made.rival)
