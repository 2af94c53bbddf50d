"""The configurations in which mutants are judged: small, in float64, with nothing left at zero.

A problem is fresh for every mutant and every judge, since some mutants leave something behind. Its gradient runs on one
layer object, as a user's does; upstream gradients, initial states and inputs are random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from npseq import losses
from npseq.layers import GRU, LSTM, RNN, Bidirectional, Embedding, Linear, strands
from npseq.parameters import Parameters

T, B, D, H = 3, 2, 2, 2
LENGTHS = np.array([2, 0, 3])
TOKENS = np.array([[0, 1], [1, 1], [3, 0], [2, 3]])  # some come again, in the same step and later
Values = dict[str, np.ndarray]


class Problem(NamedTuple):
    at: Values  # parameters, x and initial states
    loss: Callable[[Values], Any]  # every output, each entry with a random weight
    gradient: Callable[[Values], Values]  # of loss
    lesson: Callable[[Values], tuple[float, Values]]  # a loss for training, at least 0, and its gradient
    parameters: tuple[str, ...]  # what training moves
    rate: float  # of learning, by half of which the true gradient takes well over a tenth off the lesson's loss


def random(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Of size 0.3 to 1, so that nothing goes untested by being small."""
    return rng.uniform(0.3, 1.0, shape) * rng.choice([-1.0, 1.0], shape)


def parts(state: Any) -> tuple:
    return state if isinstance(state, tuple) else (state,)


def whole(like: Any, arrays: Any) -> Any:
    arrays = tuple(arrays)
    return arrays if isinstance(like, tuple) else arrays[0]


def blocks(params: Parameters) -> Values:
    """A layer's parameters in as few arrays as it keeps them: all gates beside each other, quicker than by name."""
    return {name: params.block(name) for name in params.layout.blocks}


def layer_problem(
    make: Callable[..., Any], lengths: np.ndarray | None = None, ids: bool = False, training: bool = False
) -> Problem:
    """One recurrent layer; lengths, token ids in place of x, and dropout as given."""
    rng = np.random.default_rng(0)
    layer = make()
    layer.params.flat[:] = random(rng, layer.params.flat.shape)
    twins = {"f": layer, "c": layer.astype(np.complex128)}
    views = {kind: blocks(twin.params) for kind, twin in twins.items()}
    batch = B if lengths is None else len(lengths)
    x = TOKENS[:T] if ids else random(rng, (T, batch, layer.input_size))
    y, state, _ = layer.forward(x, lengths=lengths)
    names = [f"state {k}" for k in range(len(parts(state)))]
    at = {name: value.copy() for name, value in views["f"].items()} | ({} if ids else {"x": x})
    at |= {name: random(rng, part.shape) for name, part in zip(names, parts(state), strict=True)}
    dy, dstate = random(rng, y.shape), tuple(random(rng, part.shape) for part in parts(state))
    target = rng.uniform(-0.5, 0.5, y.shape)

    def forward(values: Values, layer: Any) -> tuple[Any, Any, Any]:
        for name, value in views[layer.dtype.kind].items():
            value[...] = values[name]
        if training:
            layer.dropout.rng = np.random.default_rng(2)
        first = whole(state, (values[name] for name in names))
        if not ids:
            return layer.forward(values["x"], first, lengths, training=training)
        with mock.patch.object(strands, "LOOK_UP_ABOVE", 0):
            return layer.forward(x, first)

    def loss(values: Values) -> Any:
        y, last, _ = forward(values, twins[values[names[0]].dtype.kind])
        return (dy * y).sum() + sum((d * part).sum() for d, part in zip(dstate, parts(last), strict=True))

    def gradient(values: Values) -> Values:
        dx, dfirst, grads = layer.backward(dy, forward(values, layer)[2], whole(state, dstate))
        first = dict(zip(names, parts(dfirst), strict=True))
        return blocks(grads) | ({} if ids else {"x": dx}) | first

    def lesson(values: Values) -> tuple[float, Values]:
        y, _, tape = forward(values, layer)
        error = np.where(y == 0, 0, y - target)
        return 0.5 * float((error**2).sum()), blocks(layer.backward(error, tape)[2])

    return Problem(at, loss, gradient, lesson, tuple(views["f"]), 0.1)


def model_problem() -> Problem:
    """From token ids to the mean cross-entropy: embedding, RNN, linear, loss."""
    rng = np.random.default_rng(1)
    ids, targets = TOKENS[:-1], TOKENS[1:]
    layers = {"embedding": Embedding(4, 2), "rnn": RNN(2, H), "output": Linear(H, 4)}
    stack = {name: part.astype(float) for name, part in layers.items()}
    stacks = {"f": stack, "c": {name: part.astype(complex) for name, part in stack.items()}}
    at = {f"{part} {name}": random(rng, a.shape) for part in stack for name, a in blocks(stack[part].params).items()}
    state = random(rng, (1, B, H))

    def forward(values: Values, stack: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        for part, layer in stack.items():
            for name, value in blocks(layer.params).items():
                value[...] = values[f"{part} {name}"]
        tapes = {}
        x, tapes["embedding"] = stack["embedding"].forward(ids)
        y, _, tapes["rnn"] = stack["rnn"].forward(x, state.astype(x.dtype))
        logits, tapes["output"] = stack["output"].forward(y)
        return *losses.softmax_cross_entropy(logits, targets), tapes

    def lesson(values: Values) -> tuple[float, Values]:
        value, dlogits, tapes = forward(values, stack)
        grads = {}
        dy, grads["output"] = stack["output"].backward(dlogits, tapes["output"])
        dx, _, grads["rnn"] = stack["rnn"].backward(dy, tapes["rnn"])
        _, grads["embedding"] = stack["embedding"].backward(dx, tapes["embedding"])
        return float(value), {f"{part} {name}": a for part in stack for name, a in blocks(grads[part]).items()}

    def loss(values: Values) -> Any:
        return forward(values, stacks[values["rnn W"].dtype.kind])[0]

    return Problem(at, loss, lambda values: lesson(values)[1], lesson, tuple(at), 0.5)


def saturated() -> Problem:
    """An LSTM with one unit's gates at exactly 1 in float64, as trained ones have them."""
    problem = layer(LSTM)()
    problem.at["W"][H, : 3 * H : H] = 45.0  # the biases of o, i and f
    return problem


def layer(kind: Any, inputs: int = D, hidden: int = H, **options: Any) -> Callable[[], Problem]:
    """A case of one layer; options are layer_problem's, and the layer's own."""
    given = {name: options.pop(name) for name in ("lengths", "ids", "training") if name in options}
    return lambda: layer_problem(lambda: kind(inputs, hidden, dtype=np.float64, **options), **given)


def two_kinds() -> Problem:
    """An RNN one way and a GRU the other."""
    return layer_problem(lambda: Bidirectional(RNN(D, H, dtype=np.float64), GRU(D, 1, dtype=np.float64)), LENGTHS)


CASES: dict[str, Callable[[], Problem]] = {
    "rnn": layer(RNN),
    "rnn relu": layer(RNN, nonlinearity="relu"),
    "rnn bidirectional": layer(RNN, bidirectional=True, lengths=LENGTHS),
    "rnn two layers": layer(RNN, num_layers=2),
    "rnn dropout": layer(RNN, num_layers=2, dropout=0.4, training=True),
    "rnn three layers, bidirectional": layer(RNN, D, 1, num_layers=3, bidirectional=True),
    "rnn token ids": layer(RNN, 4, ids=True),
    "gru after": layer(GRU),
    "gru before": layer(GRU, reset="before"),
    "gru ragged": layer(GRU, lengths=LENGTHS),
    "gru three layers": layer(GRU, D, 1, num_layers=3),
    "lstm": layer(LSTM),
    "lstm ragged": layer(LSTM, lengths=LENGTHS),
    "lstm peepholes": layer(LSTM, peepholes=True),
    "lstm projection": layer(LSTM, D, 3, proj_size=2),
    "lstm saturated": saturated,
    "two kinds": two_kinds,
    "language model": model_problem,
}
