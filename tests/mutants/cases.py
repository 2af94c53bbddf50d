"""The configurations in which mutants are judged: small, in float64, with nothing left at zero.

A problem is fresh for every mutant and every judge, since some mutants leave something behind. Its gradient runs on one
layer object, as a user's does; upstream gradients, initial states and inputs are random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from npseq.layers import GRU, LSTM, RNN, Bidirectional, recurrent
from npseq.models import LanguageModel

T, B, D, H = 4, 2, 2, 3
LENGTHS = np.array([2, 4, 0, 3])
Values = dict[str, np.ndarray]


class Problem(NamedTuple):
    at: Values  # parameters, x and initial states
    loss: Callable[[Values], Any]  # every output, each entry with a random weight
    gradient: Callable[[Values], Values]  # of loss
    lesson: Callable[[Values], tuple[float, Values]]  # a loss for training, at least 0, and its gradient
    parameters: tuple[str, ...]  # what training moves


def random(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Of size 0.3 to 1, so that nothing goes untested by being small."""
    return rng.uniform(0.3, 1.0, shape) * rng.choice([-1.0, 1.0], shape)


def parts(state: Any) -> tuple:
    return state if isinstance(state, tuple) else (state,)


def whole(like: Any, arrays: Any) -> Any:
    arrays = tuple(arrays)
    return arrays if isinstance(like, tuple) else arrays[0]


def layer_problem(
    make: Callable[..., Any], lengths: np.ndarray | None = None, ids: bool = False, training: bool = False
) -> Problem:
    """One recurrent layer; lengths, token ids in place of x, and dropout as given."""
    rng = np.random.default_rng(0)
    layer = make()
    layer.params.flat[:] = random(rng, layer.params.flat.shape)
    twins = {"f": layer, "c": layer.astype(np.complex128)}
    batch = B if lengths is None else len(lengths)
    tokens = np.array([[0, 1], [1, 1], [3, 0], [1, 4]])
    x = tokens if ids else random(rng, (T, batch, layer.input_size))
    y, state, _ = layer.forward(x, lengths=lengths)
    names = [f"state {k}" for k in range(len(parts(state)))]
    at = {name: value.copy() for name, value in layer.params.items()} | ({} if ids else {"x": x})
    at |= {name: random(rng, part.shape) for name, part in zip(names, parts(state), strict=True)}
    dy, dstate = random(rng, y.shape), tuple(random(rng, part.shape) for part in parts(state))
    target = rng.uniform(-0.5, 0.5, y.shape)

    def forward(values: Values, layer: Any) -> tuple[Any, Any, Any]:
        for name, value in layer.params.items():
            value[...] = values[name]
        if training:
            layer.between.rng = np.random.default_rng(2)
        with mock.patch.object(recurrent, "LOOK_UP_ABOVE", 0 if ids else 128):
            return layer.forward(values.get("x", x), whole(state, (values[n] for n in names)), lengths, training)

    def loss(values: Values) -> Any:
        y, last, _ = forward(values, twins[values[names[0]].dtype.kind])
        return (dy * y).sum() + sum((d * part).sum() for d, part in zip(dstate, parts(last), strict=True))

    def gradient(values: Values) -> Values:
        dx, dfirst, grads = layer.backward(dy, forward(values, layer)[2], whole(state, dstate))
        first = dict(zip(names, parts(dfirst), strict=True))
        return dict(grads) | ({} if ids else {"x": dx}) | first

    def lesson(values: Values) -> tuple[float, Values]:
        y, _, tape = forward(values, layer)
        error = np.where(y == 0, 0, y - target)
        return 0.5 * float((error**2).sum()), dict(layer.backward(error, tape)[2])

    return Problem(at, loss, gradient, lesson, tuple(layer.params))


def model_problem() -> Problem:
    """A language model: embedding, layer, output and the mean cross-entropy."""
    rng = np.random.default_rng(1)
    twins = {
        kind: LanguageModel(5, "gru", H, embedding_size=2, dtype=dtype, rng=0)
        for kind, dtype in (("f", np.float64), ("c", np.complex128))
    }
    model = twins["f"]
    ids, targets = np.array([[0, 1], [1, 1], [3, 0], [1, 4]]), np.array([[1, 1], [3, 0], [1, 4], [2, 2]])
    state = random(rng, (1, B, H))

    def run(values: Values, model: Any) -> tuple[Any, Any, Any]:
        for name, value in model.params.items():
            value[...] = values[name]
        return model.loss(ids, targets, state.astype(model.recurrent.dtype))

    def loss(values: Values) -> Any:
        return run(values, twins[values["output.b"].dtype.kind])[0]

    def lesson(values: Values) -> tuple[float, Values]:
        value, grads, _ = run(values, model)
        return float(value), dict(grads)

    at = {name: random(rng, value.shape) for name, value in model.params.items()}
    return Problem(at, loss, lambda values: lesson(values)[1], lesson, tuple(at))


def saturated() -> Problem:
    """An LSTM with one unit's gates at exactly 1 in float64, as trained ones have them."""
    problem = layer_problem(lambda: LSTM(D, H, dtype=np.float64))
    for gate in "ifo":
        problem.at[f"b_{gate}"][0] = 45.0
    return problem


def layer(kind: Any, *sizes: int, lengths: Any = None, ids: bool = False, training: bool = False, **options: Any) -> Any:
    sizes = sizes or (5 if ids else D, H)
    return lambda: layer_problem(lambda: kind(*sizes, dtype=np.float64, **options), lengths, ids, training)


def two_kinds() -> Any:
    return Bidirectional(RNN(D, H, dtype=np.float64), GRU(D, 2, dtype=np.float64))


CASES: dict[str, Callable[[], Problem]] = {
    "rnn": layer(RNN),
    "rnn relu": layer(RNN, nonlinearity="relu"),
    "rnn bidirectional": layer(RNN, bidirectional=True, lengths=LENGTHS),
    "rnn two layers": layer(RNN, num_layers=2),
    "rnn dropout": layer(RNN, num_layers=2, dropout=0.4, training=True),
    "rnn three layers, bidirectional": layer(RNN, D, 2, num_layers=3, bidirectional=True),
    "rnn token ids": layer(RNN, ids=True),
    "gru after": layer(GRU),
    "gru before": layer(GRU, reset="before"),
    "gru ragged": layer(GRU, lengths=LENGTHS),
    "gru three layers": layer(GRU, D, 2, num_layers=3),
    "lstm": layer(LSTM),
    "lstm ragged": layer(LSTM, lengths=LENGTHS),
    "lstm peepholes": layer(LSTM, peepholes=True),
    "lstm projection": layer(LSTM, proj_size=2),
    "lstm saturated": saturated,
    "two kinds": lambda: layer_problem(two_kinds, LENGTHS),
    "language model": model_problem,
}
