"""A tape is that of one layer and of its parameters' present values, wherever one is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npseq as ns

T, B, D, H, V = 4, 2, 3, 4, 5
RNG = np.random.default_rng(0)
X, IDS = RNG.normal(size=(T, B, D)), RNG.integers(0, V, (T, B))


def of(seed: int) -> dict[str, Any]:
    return {"dtype": np.float64, "rng": seed}


def gru(seed: int) -> Any:
    return ns.GRU(D, H, **of(seed))


def tagger(seed: int) -> Any:
    return ns.models.Tagger(gru(seed), V, embedding=ns.Embedding(V, D, **of(seed)), rng=seed)


def encoder(seed: int) -> Any:
    return ns.models.Encoder(ns.Embedding(V, D, **of(seed)), gru(seed))


def decoder(seed: int) -> Any:
    out = ns.Linear(H, V, **of(seed))
    return ns.models.Decoder(ns.Embedding(V, D, **of(seed)), ns.GRU(D + H, H, **of(seed)), out)


def encoder_decoder(seed: int) -> Any:
    return ns.models.EncoderDecoder(encoder(seed), decoder(seed), ns.Linear(H, H, **of(seed)))


def captions(seed: int) -> Any:
    return ns.models.SequenceGenerator(2, ns.Embedding(V, D, **of(seed)), gru(seed), rng=seed)


Made = Callable[[int], Any]
READERS: dict[str, tuple[Made, Callable[[Any], Any], Callable[[Any, Any], Any]]] = {  # of a seed; forward; backward
    "RNN": (lambda seed: ns.RNN(D, H, **of(seed)), lambda m: m.forward(X)[2], lambda m, tape: m.backward(None, tape)),
    "GRU": (gru, lambda m: m.forward(X)[2], lambda m, tape: m.backward(None, tape)),
    "LSTM": (lambda seed: ns.LSTM(D, H, 2, bidirectional=True, **of(seed)), lambda m: m.forward(X)[2],
             lambda m, tape: m.backward(None, tape)),
    "Bidirectional": (lambda seed: ns.Bidirectional(gru(seed), gru(seed + 5)), lambda m: m.forward(X)[2],
                      lambda m, tape: m.backward(None, tape)),
    "Reversed": (lambda seed: ns.layers.Reversed(gru(seed)), lambda m: m.forward(X)[2],
                 lambda m, tape: m.backward(None, tape)),
    "Linear": (lambda seed: ns.Linear(D, H, **of(seed)), lambda m: m.forward(X)[1],
               lambda m, tape: m.backward(np.ones((T, B, H)), tape)),
    "Tagger": (tagger, lambda m: m.forward(IDS)[1], lambda m, tape: m.backward(np.ones((T, B, V)), tape)),
    "Classifier": (lambda seed: ns.models.Classifier(gru(seed), V, rng=seed), lambda m: m.forward(X)[1],
                   lambda m, tape: m.backward(np.ones((B, V)), tape)),
    "LanguageModel": (lambda seed: ns.LanguageModel(V, "lstm", H, **of(seed)), lambda m: m.forward(IDS)[1],
                      lambda m, tape: m.backward(np.ones((T, B, V)), tape)),
    "Encoder": (encoder, lambda m: m.forward(IDS)[1], lambda m, tape: m.backward(np.ones((B, H)), None, tape)),
    "Decoder": (decoder, lambda m: m.forward(IDS, np.ones((B, H)), None)[2],
                lambda m, tape: m.backward(np.ones((T, B, V)), tape)),
    "EncoderDecoder": (encoder_decoder, lambda m: m.forward(IDS, IDS)[1],
                       lambda m, tape: m.backward(np.ones((T, B, V)), tape)),
    "Seq2Seq": (lambda seed: ns.models.Seq2Seq(V, V, "gru", D, H, **of(seed)), lambda m: m.forward(IDS, IDS)[1],
                lambda m, tape: m.backward(np.ones((T, B, V)), tape)),
    "SequenceGenerator": (captions, lambda m: m.forward(np.ones((B, 2)), IDS)[1],
                          lambda m, tape: m.backward(np.ones((T, B, V)), tape)),
    **{
        name: (lambda seed: ns.LSTM(D, H, **of(seed)), lambda m: m.forward(X)[2], read)
        for name, read in {
            "ledger": lambda m, tape: ns.inspect.ledger(m, None, tape),
            "ghost_norms": lambda m, tape: ns.inspect.ghost_norms(m, None, tape),
            "pair_norms": lambda m, tape: ns.inspect.pair_norms(m, None, tape),
            "crossing_norms": lambda m, tape: ns.inspect.crossing_norms(m, None, tape),
            "path_split": ns.inspect.path_split,
            "state_jacobians": ns.inspect.state_jacobians,
            "jacobian_spectrum": ns.inspect.jacobian_spectrum,
            "lyapunov_exponents": ns.inspect.lyapunov_exponents,
            "vanishing_penalty": lambda m, tape: ns.inspect.vanishing_penalty(m, None, tape),
            "adjoints": lambda m, tape: m.adjoints(None, tape),
        }.items()
    },
}  # fmt: skip


def step(one: Any) -> None:
    ns.SGD(0.1).step(one.params, one.params.like(np.ones_like(one.params.flat)))


def flat(one: Any) -> None:
    one.params.flat = one.params.flat + 1


def in_place(one: Any) -> None:
    one.params.flat[...] += 1


def by_name(one: Any) -> None:
    for name in one.params:
        one.params[name] = one.params[name] + 1


def params(one: Any) -> None:
    one.params = one.params.like(one.params.flat + 1)


WRITES = [step, flat, in_place, by_name, params]


@pytest.mark.parametrize(("make", "forward", "read"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("write", WRITES)
def test_a_tape_of_parameters_that_have_been_written_since_is_refused(make, forward, read, write):
    one = make(0)
    tape = forward(one)
    read(one, tape)
    write(one)
    with pytest.raises(ValueError, match=r"written since, or it is another layer's: .*; run forward again"):
        read(one, tape)
    read(one, forward(one))


@pytest.mark.parametrize(("make", "forward", "read"), READERS.values(), ids=READERS)
def test_another_layers_tape_is_refused(make, forward, read):
    one, other = make(0), make(1)
    with pytest.raises(ValueError, match="it is another layer's"):
        read(one, forward(other))
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got NoneType"):
        read(one, None)


@pytest.mark.parametrize(("make", "forward", "read"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("write", WRITES)
def test_every_write_reaches_the_layers(make, forward, read, write):
    """The same as those of a layer that was made with these numbers."""
    one, other = make(0), make(1)
    write(one)
    other.params.flat = one.params.flat
    for ours, theirs in zip(numbers(read(one, forward(one))), numbers(read(other, forward(other))), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def numbers(value: Any) -> list[np.ndarray]:
    if hasattr(value, "values") and callable(value.values):
        value = list(value.values())
    if isinstance(value, tuple | list) and not type(value).__name__.endswith("Tape"):
        return [array for one in value for array in numbers(one)]
    return [value] if isinstance(value, np.ndarray) else []


@pytest.mark.parametrize("name", ["tagger.output", "tagger.recurrent", "encoder_decoder.bridge", "Reversed.layer"])
def test_a_part_of_a_layer_is_not_replaced(name):
    whole, part = name.split(".")
    one = ns.layers.Reversed(gru(0)) if whole == "Reversed" else globals()[whole](0)
    before = vars(one)[part]
    with pytest.raises(AttributeError, match=rf"{part} must stay what this .* was made of: .*; write {part}.params"):
        setattr(one, part, ns.Linear(H, V, **of(1)))
    assert vars(one)[part] is before
    with pytest.raises(AttributeError, match="layers must stay what this"):
        tagger(0).layers = {}


def test_only_parameters_like_its_own_are_taken():
    one = gru(0)
    before = one.params.flat.copy()
    for other, error in ((ns.RNN(D, H, **of(0)).params, ValueError), ({"W": X}, TypeError), (gru, TypeError)):
        with pytest.raises(
            error, match=r"params must be the parameters of a layer like this one; write params\[name\]"
        ):
            one.params = other
    with pytest.raises(TypeError, match="flat must be what float64 can hold, got complex128"):
        one.params = gru(1).astype(complex).params
    np.testing.assert_array_equal(one.params.flat, before)
    with pytest.raises(AttributeError, match="dropout must stay what this GRU was made of"):
        one.dropout = 0.5


def test_an_optimizer_trains_what_the_layers_read_after_a_replacement():
    one, targets = ns.LanguageModel(V, "gru", H, **of(0)), np.roll(IDS, -1, 0)
    optimizer = ns.Adam(0.05)
    one.params = ns.LanguageModel(V, "gru", H, **of(1)).params
    losses = [float(one.step(IDS, targets, None, optimizer)[0]) for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("write", [
    lambda params: ns.initializers.forget_bias(params, 3), lambda params: ns.initializers.chrono(params, 9, 0),
], ids=["forget_bias", "chrono"])  # fmt: skip
def test_an_initializer_writes_too(write):
    layer = ns.LSTM(D, 64, **of(0))
    tape = layer.forward(X)[2]
    write(layer.params)
    with pytest.raises(ValueError, match="run forward again"):
        layer.backward(None, tape)


def test_x_may_be_written_on_between_forward_and_backward():
    """Through a read-only view too."""
    for make, forward, read in [READERS[name] for name in ("GRU", "Linear", "Reversed", "Bidirectional", "Classifier")]:
        one, mine = make(0), X.copy()
        view = mine.view()
        view.flags.writeable = False
        tape = (one.forward(view)[1:])[-1]
        mine[...] = 0
        for ours, theirs in zip(numbers(read(one, tape)), numbers(read(one, forward(one))), strict=True):
            np.testing.assert_array_equal(ours, theirs)
