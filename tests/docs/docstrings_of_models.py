"""What evaluates the docstrings of models."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import every, holds, solve, value
from printed import assert_same

import npseq as ns
from npseq.models import encoder_decoder
from npseq.models.counting import forecasting
from npseq.models.decoding.beam_search import Hypothesis, beam_search
from npseq.models.decoding.bleu import bleu, ngram_matches
from npseq.models.decoding.generation import sample

RNG = np.random.default_rng(0)
FLOAT: dict[str, Any] = {"dtype": np.float64, "rng": 0}


class Recorder:
    """In the place of a generator: keeps the probabilities that it is asked to draw from."""

    def choice(self, size: int, p: Any) -> int:
        self.p = p
        return 0


def drawn_from(scores: Any, temperature: float) -> Any:
    recorder = Recorder()
    sample(scores, temperature, recorder)
    return recorder.p


@check("npseq.models.decoding.generation:sample")
def sampled(printed: Docstring) -> None:
    formula, scores = printed("softmax(scores / temperature)"), RNG.normal(size=5)
    softmax = lambda z: np.exp(z) / np.exp(z).sum()  # noqa: E731
    names = {"softmax": softmax, "scores": scores, "temperature": 0.7}
    assert_same(value(formula.sides[0], names), drawn_from(scores, 0.7), formula.text)


@check(
    "npseq.models.counting.ngrams:NGramModel.generate",
    "npseq.models.language_model:LanguageModel.generate",
    "npseq.models.sequence_generator:SequenceGenerator.generate",
)
def tempered(printed: Docstring) -> None:
    formula, scores = printed("P^(1 / temperature)"), RNG.normal(size=5)
    P = np.exp(scores) / np.exp(scores).sum()
    powers = value(formula.sides[0], {"P": P, "temperature": 0.7})
    assert np.all(powers > 0)
    assert_same(powers / powers.sum(), drawn_from(scores, 0.7), formula.text)


@check("npseq.models.decoding.beam_search:Hypothesis.score")
def score(printed: Docstring) -> None:
    formula, P = printed("log P(y_1 .. y_L) / L^alpha"), {"a": 0.3}
    found = Hypothesis((4, 2, 7), np.log(0.3), None).score(0.75)
    names = {"P": lambda first, last: P[first + last], "y_1": "a", "y_L": "", "L": 3, "alpha": 0.75}
    assert_same(value(formula.sides[0], names), found, formula.text)


@check("npseq.models.decoding.beam_search:beam_search")
def exhaustive(printed: Docstring) -> None:
    printed.notation("log P (K, V)", "what is returned, with its shape")
    wide = printed("V^(max_steps)")
    table = np.log(RNG.dirichlet(np.ones(3), size=3))
    step = lambda tokens, states: (table[list(tokens)], states)  # noqa: E731
    size = value(wide.sides[0], {"V": 3, "max_steps": 4})
    found = beam_search(step, None, 0, None, 4, beam_size=size)
    every_one = list(itertools.product(range(3), repeat=4))
    assert sorted(h.tokens for h in found.ranked) == every_one
    assert len(found.ranked) == size


@check("npseq.models.decoding.bleu:bleu")
def bleu_score(printed: Docstring) -> None:
    formula = printed("exp(min(0, 1 - len(label) / len(prediction))) * prod_{n=1..k} p_n^(1 / 2^n)")
    for prediction, label in (("A B B C D", "A B C D E F"), ("A B C D E F G", "A B C D E F")):
        prediction, label = prediction.split(), label.split()
        for k in (1, 2, 3):
            p = {n: np.divide(*ngram_matches(prediction, label, n)) for n in range(1, k + 1)}
            names = {"len": len, "label": label, "prediction": prediction, "p": p, "k": k, "domains": {}}
            assert_same(value(formula.sides[0], names), bleu(prediction, label, k), formula.text)


def columns(model: Any) -> dict[str, Any]:
    """The output layer in columns, as the docstring of a reader has it."""
    return {"W_y": model.output.params["W"].T, "b_y": model.output.params["b"][:, None]}


@check("npseq.models.classifier:Classifier")
def classifier(printed: Docstring) -> None:
    model, x = ns.models.Classifier(ns.GRU(2, 3, **FLOAT), 4), RNG.normal(size=(5, 2, 2))
    y, _, _ = model.recurrent.forward(x)
    logits, _ = model.forward(x)
    holds(printed("y = W_y h_T + b_y"), columns(model) | {"h_T": y[-1].T, "y": logits.T})


@check("npseq.models.tagger:Tagger")
def tagger(printed: Docstring) -> None:
    model, x = ns.models.Tagger(ns.GRU(2, 3, **FLOAT), 4), RNG.normal(size=(5, 2, 2))
    y, _, _ = model.recurrent.forward(x)
    logits, _ = model.forward(x)
    steps = {"h": dict(enumerate(y.swapaxes(1, 2), 1)), "y": dict(enumerate(logits.swapaxes(1, 2), 1))}
    holds(printed("y_t = W_y h_t + b_y"), columns(model) | steps, every(t=range(1, 6)))


@check("npseq.models.sequence:SequenceModel.loss")
def summed(printed: Docstring) -> None:
    """L_t is the loss of the same model where only step t counts."""
    model, x = ns.models.Tagger(ns.GRU(2, 3, **FLOAT), 4), RNG.normal(size=(5, 2, 2))
    targets, only = RNG.integers(0, 4, (5, 2)), np.eye(5)[:, :, None] * np.ones(2)
    J, _ = model.loss(x, targets, reduction="sum")
    L = [model.loss(x, targets, weights=only[t], reduction="sum")[0] for t in range(5)]
    holds(printed("J = sum_t L_t"), {"J": J, "L": L, "domains": {"t": range(5)}})


@check("npseq.models.encoder_decoder:")
def both_halves(printed: Docstring) -> None:
    read, write = printed("c = h_S"), printed("logits_t = s_t W_out + b_out")
    bridge, handed = printed("h = c W_bridge + b_bridge"), printed("s_0 = state")
    printed.words("h_1 .. h_S, state = encoder(embedding of source)")
    printed.words("s_t = decoder([embedding of y_{t-1}, c], s_{t-1})")
    encoder = encoder_decoder.Encoder(ns.Embedding(5, 2, **FLOAT), ns.GRU(2, 3, **FLOAT))
    decoder = encoder_decoder.Decoder(ns.Embedding(6, 2, **FLOAT), ns.GRU(5, 3, **FLOAT), ns.Linear(3, 6, **FLOAT))
    model = encoder_decoder.EncoderDecoder(encoder, decoder, ns.Linear(3, 3, **FLOAT))
    source, ids = RNG.integers(0, 5, (4, 2)), RNG.integers(0, 6, (3, 2))
    encoded, _ = model.encoder.forward(source)
    h, last, _ = model.encoder.recurrent.forward(model.encoder.embedding.forward(source)[0])
    assert_same(encoded.outputs, h, "h_1 .. h_S")
    assert_same(encoded.state, last, "state")
    holds(read, {"c": encoded.context, "h_S": h[-1]})
    weights = {"W_bridge": model.bridge.params["W"], "b_bridge": model.bridge.params["b"]}
    holds(bridge, weights | {"c": encoded.context, "h": model.init_state(encoded)[0][0]})
    direct = encoder_decoder.EncoderDecoder(encoder, decoder)
    holds(handed, {"s_0": direct.init_state(encoded)[0], "state": encoded.state})
    state = model.init_state(encoded)[0]
    words = model.decoder.embedding.forward(ids)[0]
    s, _, _ = model.decoder.recurrent.forward(np.concatenate([words, np.stack([encoded.context] * 3)], axis=2), state)
    out = {"W_out": model.decoder.output.params["W"], "b_out": model.decoder.output.params["b"]}
    holds(write, out | {"logits": model.forward(source, ids)[0], "s": s}, every(t=range(3)))


@check("npseq.models.sequence_generator:SequenceGenerator")
def sequence_generator(printed: Docstring) -> None:
    printed.words("x_t = embedding of y_{t-1}")
    start, out = printed("h_0 = v W_start + b_start"), printed("logits y_t = h_t W_out + b_out".removeprefix("logits "))
    model = ns.models.SequenceGenerator(4, ns.Embedding(5, 2, **FLOAT), ns.GRU(2, 3, **FLOAT), rng=0)
    v, ids = RNG.normal(size=(2, 4)), RNG.integers(0, 5, (3, 2))
    names = {"v": v, "W_start": model.start.params["W"], "b_start": model.start.params["b"]}
    first = solve(start, names)
    h, _, _ = model.recurrent.forward(model.embedding.forward(ids)[0], first[None])
    names |= {"W_out": model.output.params["W"], "b_out": model.output.params["b"], "h": h}
    holds(out, names | {"y": model.forward(v, ids)[0]}, every(t=range(3)))


@check("npseq.models.seq2seq:Seq2Seq")
def xavier(printed: Docstring) -> None:
    interval, a = printed("U(-a, a)"), printed("a = sqrt(6 / (in + out))")
    model = ns.models.Seq2Seq(9, 9, "gru", 40, 50, initializer="xavier", **FLOAT)
    names: dict[str, Any] = {"in": 50, "out": 150, "U": lambda low, high: (low, high)}
    solve(a, names)
    low, high = value(interval.sides[0], names)
    drawn = model.encoder.recurrent.params["W_hz"]
    assert low <= drawn.min() <= low + 0.01 * (high - low) < high - 0.01 * (high - low) <= drawn.max() <= high


@check("npseq.models.forecaster:Forecaster")
def forecaster(printed: Docstring) -> None:
    printed.notation("x_t = f(x_{t-lags}, ..., x_{t-1})", "what kind of model it is")
    hidden, output = printed("h = relu(x W_1 + b_1)"), printed("f(x) = h W_2 + b_2")
    model, x = ns.models.Forecaster(4, 5, **FLOAT), RNG.normal(size=(3, 4))
    names = {"W_1": model.hidden.params["W"], "b_1": model.hidden.params["b"], "relu": lambda z: np.maximum(z, 0)}
    names |= {"W_2": model.output.params["W"], "b_2": model.output.params["b"], "x": x}
    solve(hidden, names)
    holds(output, names | {"f": lambda at: model.predict(at)[:, None]})


@check("npseq.models.forecaster:LatentForecaster")
def latent(printed: Docstring) -> None:
    state, output = printed("h_t = g(h_{t-1}, x_{t-1})"), printed("x_t = h_t W + b")
    model, x = ns.models.LatentForecaster(2, "rnn", 3, **FLOAT), RNG.normal(size=(4, 1, 2))
    p = model.recurrent.params
    g = lambda h, x_: np.tanh(x_ @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])  # noqa: E731
    names: dict[str, Any] = {"h": {0: np.zeros((1, 3))}, "x": dict(enumerate(x)), "g": g, **model.output.params}
    following = model.predict(x)[0]
    for t in range(1, 5):
        solve(state, names | {"t": t})
        assert_same(value(output.sides[1], names | {"t": t}), following[t - 1], output.text)
        holds(output, names | {"t": t, "x": {t: following[t - 1]}})


@check("npseq.models.counting.forecasting:error_growth")
def error_growth(printed: Docstring) -> None:
    printed.notation("k = 1 to `steps`", "what an index runs over")
    eps = {0: 0.4, **dict(enumerate(forecasting.error_growth(0.1, 1.2, 3, start=0.4), 1))}
    holds(printed("eps_k = e + c eps_{k-1}"), {"eps": eps, "e": 0.1, "c": 1.2}, every(k=range(1, 4)))


@check("npseq.models.counting.forecasting:root_mean_square")
def root_mean_square(printed: Docstring) -> None:
    formula = printed("(prediction - truth)^2")
    prediction, truth = RNG.normal(size=(2, 3))
    squares = value(formula.sides[0], {"prediction": prediction, "truth": truth})
    assert_same(np.sqrt(np.mean(squares)), forecasting.root_mean_square(prediction, truth), formula.text)


@check("npseq.models.language_model:LanguageModel")
def language_model(printed: Docstring) -> None:
    formula = printed("N(0, 0.01^2)")
    mean, variance = value(formula.sides[0], {"N": lambda mean, variance: (mean, variance)})
    drawn = ns.LanguageModel(50, "rnn", 60, initializer="normal", **FLOAT).params["recurrent.W_hh"]
    assert abs(drawn.mean() - mean) < 0.05 * variance**0.5
    assert abs(drawn.var() - variance) < 0.05 * variance


@check("npseq.models.language_model:LanguageModel.log_prob")
def log_prob(printed: Docstring) -> None:
    """The probabilities of all texts of two tokens add up to 1."""
    formula = printed("log P(y_1 .. y_n)")
    model = ns.LanguageModel(3, "rnn", 4, **FLOAT)
    chance = {(a, b): np.exp(model.log_prob(np.array([a, b]))) for a in range(3) for b in range(3)}
    assert_same(sum(chance.values()), 1.0, "all texts")
    names = {"P": lambda a, b: chance[a, b], "y_1": 2, "y_n": 1}
    assert_same(value(formula.sides[0], names), model.log_prob(np.array([2, 1])), formula.text)
