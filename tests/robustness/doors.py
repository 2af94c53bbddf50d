"""Every door of npseq through which arrays come in: a call, and the arrays of it by the names that errors call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

import npseq as ns

Given = Mapping[str, Any]
T, B, D, H, V = 3, 2, 3, 4, 5
IDS = np.array([[0, 1], [4, 2], [3, 1]])
LENGTHS = np.array([3, 2])
SERIES = np.sin(np.arange(9.0))
INITIAL, CHAIN = np.array([0.5, 0.5]), np.array([[0.5, 0.5], [1.0, 0.0]])
counting, interop, inspect = ns.models.counting, ns.interop, ns.inspect


class Door(NamedTuple):
    call: Callable[[Given], Any]
    arrays: dict[str, np.ndarray]


def real(*shape: int) -> np.ndarray:
    size = int(np.prod(shape))
    return np.linspace(-1.0, 1.0, max(size, 1))[:size].reshape(shape)


X, DY, STATE = real(T, B, D), real(T, B, H), real(1, B, H)
WIDE = {"dtype": np.float64, "rng": 0}


def gru(**options: Any) -> Any:
    return ns.GRU(D, H, **WIDE, **options)


def units() -> Any:
    """A layer whose units do not read each other."""
    return ns.Recurrent(ns.gallery.LRUCell(), D, H, **WIDE)


def tape_of(layer: Any, x: np.ndarray = X) -> Any:
    return layer.forward(x)[-1]


def both() -> Any:
    return ns.Bidirectional(gru(), gru())


def model() -> Any:
    return ns.LanguageModel(ns.data.Vocabulary("abcd"), "gru", H, embedding_size=D, **WIDE)


def tagger() -> Any:
    return ns.models.Tagger(gru(), V, rng=0)


def classifier() -> Any:
    return ns.models.Classifier(gru(), V, rng=0)


def seq2seq() -> Any:
    return ns.models.Seq2Seq(V, V, "gru", embedding_size=D, hidden_size=H, num_layers=1, **WIDE)


def captions() -> Any:
    return ns.models.SequenceGenerator(2, ns.Embedding(V, D, **WIDE), gru(), rng=0)


def forecaster() -> Any:
    return ns.models.Forecaster(2, H, **WIDE)


def latent() -> Any:
    return ns.models.LatentForecaster(1, "gru", H, **WIDE)


def stepped(kind: Any, g: Given) -> Any:
    params = {"W": g["params['W']"]}
    kind(0.1).step(params, {"W": g["grads['W']"]})
    return params


def changed(call: Callable[[Any], Any], value: Any) -> Any:
    call(value)
    return value


def fitted(g: Given) -> Any:
    one = forecaster()
    return one.fit(g["windows"], g["targets"], epochs=1, optimizer=ns.SGD(0.1)).params.flat


def written(g: Given) -> Any:
    params = gru().params
    params["W_xr"] = g["W_xr"]
    return params.flat


def loaded(layer: Any, load: Callable[[Any], Any]) -> Any:
    load(layer)
    return layer.params.flat


def restored(g: Given) -> Any:
    one = ns.Adam()
    one.load_state_dict({"steps": 1, "lr": 0.1, "mean/W": g["mean/W"], "square/W": np.ones(3)})
    return one.state


ONES = np.ones(2)
WINDOWS, NEXT = ns.data.lagged_windows(SERIES, 2)
W, R = np.ones((1, 4 * H, D)), np.ones((1, 4 * H, H))
QUADRATIC = {"x": np.array([1.0, 2.0])}


TEXT, EPOCH = np.arange(60) % V, ns.training.Epoch(batch_size=2, steps=10)


def check(g: Given) -> Any:
    return ns.gradcheck(lambda at: (at["x"] ** 2).sum(), {"x": g["at['x']"]}, {"x": g["gradient['x']"]}).max_error


def doors() -> dict[str, Door]:
    found = {
        "Recurrent.forward": Door(
            lambda g: gru().forward(g["x"], g["state (h)"], g["lengths"])[:2],
            {"x": X, "state (h)": STATE, "lengths": LENGTHS},
        ),
        "Recurrent.forward of ids": Door(lambda g: gru().forward(g["x"])[0], {"x": IDS % D}),
        "Recurrent.forward of an LSTM": Door(
            lambda g: ns.LSTM(D, H, **WIDE).forward(X, (g["state[0] (h)"], g["state[1] (c)"]))[:2],
            {"state[0] (h)": STATE, "state[1] (c)": STATE},
        ),
        "Recurrent.backward": Door(
            lambda g: gru().backward(g["dy"], tape_of(gru()), g["dstate (h)"]), {"dy": DY, "dstate (h)": STATE}
        ),
        "Bidirectional.forward": Door(
            lambda g: both().forward(g["x"], (g["state[0] (h)"], None), g["lengths"])[:2],
            {"x": X, "state[0] (h)": STATE, "lengths": LENGTHS},
        ),
        "Bidirectional.backward": Door(
            lambda g: (lambda layer: layer.backward(g["dy"], tape_of(layer), (g["dstate[0] (h)"], None)))(both()),
            {"dy": real(T, B, 2 * H), "dstate[0] (h)": STATE},
        ),
        "Reversed.forward": Door(
            lambda g: ns.layers.Reversed(gru()).forward(g["x"], g["state (h)"], g["lengths"])[:2],
            {"x": X, "state (h)": STATE, "lengths": LENGTHS},
        ),
        "Reversed.backward": Door(
            lambda g: (lambda layer: layer.backward(g["dy"], tape_of(layer), g["dstate (h)"]))(
                ns.layers.Reversed(gru())
            ),
            {"dy": DY, "dstate (h)": STATE},
        ),
        "Layer.bind": Door(lambda g: ns.Linear(2, 1, **WIDE).bind(g["flat"]).params.flat, {"flat": real(3)}),
        "Composite.bind": Door(lambda g: both().bind(g["flat"]).params.flat, {"flat": both().params.flat}),
        "Reversed.bind": Door(
            lambda g: ns.layers.Reversed(gru()).bind(g["flat"]).params.flat, {"flat": gru().params.flat}
        ),
        "Linear.forward": Door(lambda g: ns.Linear(D, 2, **WIDE).forward(g["x"])[0], {"x": X}),
        "Linear.backward": Door(
            lambda g: (lambda layer: layer.backward(g["dy"], tape_of(layer)))(ns.Linear(D, H, **WIDE)), {"dy": DY}
        ),
        "Embedding.forward": Door(lambda g: ns.Embedding(V, 2, rng=0).forward(g["ids"]), {"ids": IDS}),
        "Embedding.backward": Door(lambda g: ns.Embedding(V, D, **WIDE).backward(g["dy"], IDS), {"dy": X}),
        "Dropout.forward": Door(lambda g: ns.Dropout(0.5, 0).forward(g["x"], training=True), {"x": X}),
        "Dropout.backward": Door(lambda g: ns.Dropout(0.5, 0).backward(g["dy"], np.ones_like(X))[0], {"dy": X}),
        "Dropout.draw": Door(lambda g: ns.Dropout(0.5, 0).draw(g["x"]), {"x": X}),
        "last_output": Door(lambda g: ns.layers.last_output(gru(), g["state"]), {"state": STATE}),
        "last_output_gradient": Door(
            lambda g: ns.layers.last_output_gradient(gru(), g["dlast"]), {"dlast": real(B, H)}
        ),
        "checkpointed": Door(
            lambda g: ns.checkpointed(gru(), g["x"], g["dy"], g["state (h)"], g["lengths"], g["dstate (h)"])[:3],
            {"x": X, "dy": DY, "state (h)": STATE, "lengths": LENGTHS, "dstate (h)": STATE},
        ),
        "checkpointed, by a function": Door(
            lambda g: ns.checkpointed(gru(), X, lambda first, y: g["dy"], max_bytes=1 << 20)[:3], {"dy": DY}
        ),
        "Parameters": Door(written, {"W_xr": real(D, H)}),
        "RandomTruncation": Door(lambda g: ns.RandomTruncation(g["keep"], 0).keep, {"keep": np.full(T, 0.5)}),
        "softmax_cross_entropy": Door(
            lambda g: ns.softmax_cross_entropy(g["logits"], g["targets"], weights=g["weights"]),
            {"logits": real(T, B, V), "targets": IDS, "weights": real(T, B) + 2},
        ),
        "binary_cross_entropy": Door(
            lambda g: ns.binary_cross_entropy(g["logits"], g["targets"], weights=g["weights"]),
            {"logits": X, "targets": X > 0, "weights": X + 2},
        ),
        "mean_squared_error": Door(
            lambda g: ns.mean_squared_error(g["prediction"], g["target"], weights=g["weights"]),
            {"prediction": X, "target": X**2, "weights": X + 2},
        ),
        "perplexity": Door(lambda g: ns.perplexity(g["mean_nll"]), {"mean_nll": real(3)}),
        "masked_softmax_cross_entropy": Door(
            lambda g: ns.models.masked_softmax_cross_entropy(g["logits"], g["targets"], g["lengths"]),
            {"logits": real(T, B, V), "targets": IDS, "lengths": LENGTHS},
        ),
        "Activation.derivative": Door(lambda g: ns.Activation("elu").derivative(g["x"]), {"x": real(3)}),
        "Activation.__call__": Door(lambda g: ns.Activation("elu")(g["x"]), {"x": real(3)}),
        "clip_grad_norm": Door(
            lambda g: changed(lambda grads: ns.clip_grad_norm(grads, 1.0), {"W": g["grads['W']"]}),
            {"grads['W']": real(2, 3)},
        ),
        "clip_grad_value": Door(
            lambda g: changed(lambda grads: ns.clip_grad_value(grads, 0.5), {"W": g["grads['W']"]}),
            {"grads['W']": real(2, 3)},
        ),
        "Optimizer.load_state_dict": Door(restored, {"mean/W": real(3)}),
        "random_windows": Door(lambda g: list(ns.data.random_windows(g["ids"], 2, 2, 0)), {"ids": np.arange(9)}),
        "sentence_batches": Door(lambda g: list(ns.data.sentence_batches(g["ids"], 1, 2, 0)), {"ids": np.arange(9)}),
        "sequential_windows": Door(
            lambda g: list(ns.data.sequential_windows(g["ids"], 2, 2, 0)), {"ids": np.arange(9)}
        ),
        "one_hot": Door(lambda g: ns.data.one_hot(g["ids"], V), {"ids": IDS}),
        "pad_sequences": Door(lambda g: ns.data.pad_sequences(g["sequences"]), {"sequences": IDS}),
        "pad_sequences, one by one": Door(
            lambda g: ns.data.pad_sequences([[1], g["sequences[1]"]]), {"sequences[1]": np.arange(3)}
        ),
        "sequence_mask": Door(lambda g: ns.data.sequence_mask(g["x"], g["lengths"]), {"x": IDS.T, "lengths": LENGTHS}),
        "lagged_windows": Door(lambda g: ns.data.lagged_windows(g["series"], 2), {"series": SERIES}),
        "Vocabulary.decode": Door(lambda g: ns.data.Vocabulary("abcd").decode(g["ids"]), {"ids": IDS[0]}),
        "Vocabulary.to_tokens": Door(lambda g: ns.data.Vocabulary("abcd").to_tokens(g["ids"]), {"ids": IDS}),
        "LanguageModel.logits": Door(
            lambda g: model().logits(g["ids"], g["state (h)"]), {"ids": IDS, "state (h)": STATE}
        ),
        "LanguageModel.loss": Door(
            lambda g: model().loss(g["ids"], g["targets"], g["state (h)"]),
            {"ids": IDS, "targets": IDS, "state (h)": STATE},
        ),
        "LanguageModel.step": Door(
            lambda g: model().step(g["ids"], g["targets"], g["state (h)"], ns.SGD(0.1)),
            {"ids": IDS, "targets": IDS, "state (h)": STATE},
        ),
        "LanguageModel.loss, of sentences": Door(
            lambda g: model().loss(None, g["targets"], lengths=g["lengths"], weights=g["weights"]),
            {"targets": IDS, "lengths": LENGTHS, "weights": np.ones((T, B))},
        ),
        "LanguageModel.log_probs": Door(
            lambda g: model().log_probs(g["sentences"], g["lengths"]), {"sentences": IDS, "lengths": LENGTHS}
        ),
        "LanguageModel.beam_search": Door(
            lambda g: model().beam_search(g["tokens"]).best.tokens, {"tokens": IDS[:, 0]}
        ),
        "LanguageModel.evaluate": Door(lambda g: model().evaluate(g["ids"]), {"ids": IDS[:, 0]}),
        "LanguageModel.log_prob": Door(lambda g: model().log_prob(g["tokens"]), {"tokens": IDS[:, 0]}),
        "LanguageModel.generate": Door(lambda g: model().generate(g["tokens"], 2), {"tokens": IDS[:, 0]}),
        "SequenceModel.forward": Door(
            lambda g: tagger().forward(g["x"], g["lengths"])[0], {"x": X, "lengths": LENGTHS}
        ),
        "SequenceModel.backward": Door(
            lambda g: (lambda one: one.backward(g["dy"], one.forward(X)[1]))(tagger()), {"dy": real(T, B, V)}
        ),
        "SequenceModel.loss": Door(
            lambda g: tagger().loss(g["x"], g["targets"], g["lengths"], weights=g["weights"]),
            {"x": X, "targets": IDS, "lengths": LENGTHS, "weights": real(T, B) + 2},
        ),
        "SequenceModel.loss of a Classifier": Door(
            lambda g: classifier().loss(g["x"], g["targets"], g["lengths"], weights=g["weights"]),
            {"x": X, "targets": IDS[0], "lengths": LENGTHS, "weights": real(B) + 2},
        ),
        "SequenceModel.predict": Door(
            lambda g: classifier().predict(g["x"], g["lengths"]), {"x": X, "lengths": LENGTHS}
        ),
        "LabelModel.predict_proba": Door(
            lambda g: classifier().predict_proba(g["x"], g["lengths"]), {"x": X, "lengths": LENGTHS}
        ),
        "Model.step": Door(
            lambda g: classifier().step(g["x"], g["targets"], optimizer=ns.SGD(0.1)), {"x": X, "targets": IDS[0]}
        ),
        "Encoder.forward": Door(
            lambda g: seq2seq().encoder.forward(g["ids"], g["lengths"])[0], {"ids": IDS, "lengths": LENGTHS}
        ),
        "Encoder.backward": Door(
            lambda g: (lambda one: one.backward(g["dcontext"], g["dstate (h)"], one.forward(IDS)[1]))(
                seq2seq().encoder
            ),
            {"dcontext": real(B, H), "dstate (h)": STATE},
        ),
        "Decoder.forward": Door(
            lambda g: seq2seq().decoder.forward(g["ids"], g["context"], g["state (h)"])[:2],
            {"ids": IDS, "context": real(B, H), "state (h)": STATE},
        ),
        "Decoder.backward": Door(
            lambda g: (lambda one: one.backward(g["dy"], one.forward(IDS, real(B, H), STATE)[2]))(seq2seq().decoder),
            {"dy": real(T, B, V)},
        ),
        "EncoderDecoder.forward": Door(
            lambda g: seq2seq().forward(g["source"], IDS, g["lengths"])[0], {"source": IDS, "lengths": LENGTHS}
        ),
        "EncoderDecoder.forward of inputs": Door(lambda g: seq2seq().forward(IDS, g["inputs"])[0], {"inputs": IDS}),
        "EncoderDecoder.backward": Door(
            lambda g: (lambda one: one.backward(g["dy"], one.forward(IDS, IDS)[1]))(seq2seq()), {"dy": real(T, B, V)}
        ),
        "Seq2Seq.loss": Door(
            lambda g: seq2seq().loss(g["source"], g["target"], LENGTHS, g["lengths"]),
            {"source": IDS, "target": IDS, "lengths": LENGTHS},
        ),
        "Seq2Seq.greedy": Door(
            lambda g: seq2seq().greedy(g["source"], g["lengths"]), {"source": IDS, "lengths": LENGTHS}
        ),
        "Seq2Seq.beam_search": Door(lambda g: seq2seq().beam_search(g["source"]).best.tokens, {"source": IDS[:, 0]}),
        "Seq2Seq.exact_matches": Door(
            lambda g: seq2seq().exact_matches(g["source"], g["target"], None, g["lengths"]),
            {"source": IDS, "target": IDS, "lengths": LENGTHS},
        ),
        "SequenceGenerator.forward": Door(
            lambda g: captions().forward(g["v"], g["ids"])[0], {"v": real(B, 2), "ids": IDS}
        ),
        "SequenceGenerator.backward": Door(
            lambda g: (lambda one: one.backward(g["dy"], one.forward(real(B, 2), IDS)[1]))(captions()),
            {"dy": real(T, B, V)},
        ),
        "SequenceGenerator.loss": Door(
            lambda g: captions().loss(g["v"], g["ids"], g["targets"], g["lengths"]),
            {"v": real(B, 2), "ids": IDS, "targets": IDS, "lengths": LENGTHS},
        ),
        "SequenceGenerator.generate": Door(lambda g: captions().generate(g["v"], 0, 3), {"v": real(B, 2)}),
        "SequenceGenerator.predict": Door(
            lambda g: captions().fit((real(B, 2), 0 * IDS, IDS), epochs=1, valid=0).predict(g["v"]), {"v": real(B, 2)}
        ),
        "Forecaster.predict": Door(lambda g: forecaster().predict(g["windows"]), {"windows": WINDOWS}),
        "Forecaster.loss": Door(
            lambda g: forecaster().loss(g["windows"], g["targets"]), {"windows": WINDOWS, "targets": NEXT}
        ),
        "Forecaster.fit": Door(fitted, {"windows": WINDOWS, "targets": NEXT}),
        "LatentForecaster.forward": Door(
            lambda g: latent().forward(g["x"], g["state (h)"])[:2], {"x": X[..., :1], "state (h)": STATE}
        ),
        "LatentForecaster.backward": Door(
            lambda g: (lambda one: one.backward(g["dy"], one.forward(X[..., :1])[2]))(latent()), {"dy": X[..., :1]}
        ),
        "LatentForecaster.predict": Door(lambda g: latent().predict(g["x"]), {"x": X[..., :1]}),
        "LatentForecaster.loss": Door(lambda g: latent().loss(g["x"]), {"x": X[..., :1]}),
        "LatentForecaster.forecast": Door(lambda g: latent().forecast(g["history"], 2), {"history": X[..., :1]}),
        "ngram_counts": Door(lambda g: counting.ngram_counts(g["tokens"], 2), {"tokens": IDS[:, 0]}),
        "fit_zipf": Door(lambda g: counting.fit_zipf(g["counts"], first=1), {"counts": np.arange(1, 9)}),
        "NGramModel": Door(
            lambda g: counting.NGramModel(g["tokens"], V, smoothing=g["smoothing"]).counts,
            {"tokens": IDS[:, 0], "smoothing": ONES},
        ),
        "NGramModel.log_prob": Door(
            lambda g: counting.NGramModel(IDS[:, 0], V, smoothing=1.0).log_prob(g["tokens"]), {"tokens": IDS[:, 1]}
        ),
        "transition_matrix": Door(
            lambda g: counting.transition_matrix(g["states"], 2), {"states": np.array([0, 1, 0])}
        ),
        "log_prob": Door(
            lambda g: counting.log_prob(g["states"], g["initial"], g["transition"]),
            {"states": np.array([0, 1]), "initial": INITIAL, "transition": CHAIN},
        ),
        "propagate": Door(
            lambda g: counting.propagate(g["initial"], g["transition"], 2), {"initial": INITIAL, "transition": CHAIN}
        ),
        "stationary": Door(lambda g: counting.stationary(g["transition"]), {"transition": CHAIN}),
        "sample_states": Door(
            lambda g: counting.sample_states(g["initial"], g["transition"], 4, rng=0),
            {"initial": INITIAL, "transition": CHAIN},
        ),
        "one_step": Door(lambda g: counting.one_step(lambda w: w[:, -1], g["series"], 2), {"series": SERIES}),
        "multi_step": Door(lambda g: counting.multi_step(lambda w: w[:, -1], g["history"], 2, 2), {"history": SERIES}),
        "k_step": Door(lambda g: counting.k_step(lambda w: w[:, -1], g["series"], 2, 2), {"series": SERIES}),
        "naive": Door(lambda g: counting.naive(g["history"], 2), {"history": SERIES}),
        "root_mean_square": Door(
            lambda g: counting.root_mean_square(g["prediction"], g["truth"]), {"prediction": SERIES, "truth": SERIES}
        ),
        "gradcheck": Door(check, {"at['x']": QUADRATIC["x"], "gradient['x']": 2 * QUADRATIC["x"]}),
        "gradcheck, by a function": Door(
            lambda g: ns.gradcheck(lambda at: (at["x"] ** 2).sum(), QUADRATIC, lambda at: {"x": g["gradient['x']"]}),
            {"gradient['x']": 2 * QUADRATIC["x"]},
        ),
        "assert_gradients": Door(
            lambda g: ns.testing.assert_gradients(
                lambda at: (at["x"] ** 2).sum(), {"x": g["at['x']"]}, {"x": g["gradient['x']"]}
            ),
            {"at['x']": QUADRATIC["x"], "gradient['x']": 2 * QUADRATIC["x"]},
        ),
        "gradcheck_layer": Door(
            lambda g: ns.gradcheck_layer(ns.RNN(1, 1, rng=0), g["x"], g["state (h)"], g["lengths"]).max_error,
            {"x": real(2, 2, 1), "state (h)": real(1, 2, 1), "lengths": np.array([2, 1])},
        ),
        "diagnose": Door(
            lambda g: (
                ns.diagnose(
                    ns.RNN(1, 1, rng=0),
                    g["x"],
                    g["dy"],
                    {"b_h": g["grads['b_h']"]},
                    g["state (h)"],
                    g["lengths"],
                    g["dx"],
                    dstate=g["dstate (h)"],
                ).text
            ),
            {
                "x": real(2, 2, 1),
                "dy": real(2, 2, 1),
                "grads['b_h']": real(1),
                "state (h)": real(1, 2, 1),
                "lengths": np.array([2, 1]),
                "dx": real(2, 2, 1),
                "dstate (h)": real(1, 2, 1),
            },
        ),
        "ledger": Door(
            lambda g: inspect.ledger(gru(), g["dy"], tape_of(gru()), g["dstate (h)"]).gradient,
            {"dy": DY, "dstate (h)": STATE},
        ),
        "page": Door(
            lambda g: inspect.page(gru(), g["x"], g["dy"], state=g["state (h)"]).html,
            {"x": X, "dy": DY, "state (h)": STATE},
        ),
        "ghost_norms": Door(lambda g: inspect.ghost_norms(gru(), g["dy"], tape_of(gru())), {"dy": DY}),
        "pair_norms": Door(lambda g: inspect.pair_norms(gru(), g["dy"], tape_of(gru())), {"dy": DY}),
        "crossing_norms": Door(lambda g: inspect.crossing_norms(gru(), g["dy"], tape_of(gru())), {"dy": DY}),
        "vanishing_penalty": Door(lambda g: inspect.vanishing_penalty(gru(), g["dy"], tape_of(gru())), {"dy": DY}),
        "random_truncation_variance": Door(
            lambda g: inspect.random_truncation_variance(inspect.ledger(gru(), DY, tape_of(gru())), g["keep"]),
            {"keep": np.full(T, 0.5)},
        ),
        "first_nonfinite": Door(
            lambda g: inspect.first_nonfinite(gru(), g["x"], state=g["state (h)"], lengths=g["lengths"], dy=g["dy"]),
            {"x": X, "state (h)": STATE, "lengths": LENGTHS, "dy": DY},
        ),
        "first_nonfinite of a model": Door(
            lambda g: inspect.first_nonfinite(model(), g["x"], g["targets"]), {"x": IDS, "targets": IDS}
        ),
        "stale_state_bias": Door(
            lambda g: inspect.stale_state_bias(
                gru(), lambda h: gru().backward(None, gru().forward(X, h)[2], STATE)[2], STATE, g["x"], g["state (h)"]
            ),
            {"x": X, "state (h)": STATE},
        ),
        "keras": Door(
            lambda g: changed(lambda params: ns.initializers.keras(params, 0), {"W_xh": g["params['W_xh']"]}),
            {"params['W_xh']": real(D, H)},
        ),
        "forget_bias": Door(
            lambda g: changed(lambda params: ns.initializers.forget_bias(params, 2.0), {"b_f": g["params['b_f']"]}),
            {"params['b_f']": real(H)},
        ),
        "chrono": Door(
            lambda g: changed(
                lambda params: ns.initializers.chrono(params, 9, 0),
                {"b_f": g["params['b_f']"], "b_i": g["params['b_i']"]},
            ),
            {"params['b_f']": real(H), "params['b_i']": real(H)},
        ),
        "lanczos": Door(
            lambda g: inspect.lanczos(lambda v: g["product(v)"], 9, 1, rng=0).values.size, {"product(v)": SERIES}
        ),
        "jvp": Door(lambda g: inspect.jvp(lambda x: x**2, g["at"], g["v"]), {"at": SERIES, "v": SERIES}),
        "hvp": Door(
            lambda g: inspect.hvp(lambda p: {"x": p["x"] ** 2}, {"x": g["at['x']"]}, {"x": g["v['x']"]}),
            {"at['x']": SERIES, "v['x']": SERIES},
        ),
        "gauss_newton_product": Door(
            lambda g: inspect.gauss_newton_product(
                lambda x: x**2, lambda x, d: 2 * x * d, lambda outputs, u: u, g["at"], g["v"]
            ),
            {"at": SERIES, "v": SERIES},
        ),
        "softmax_curvature": Door(
            lambda g: inspect.softmax_curvature(g["logits"], g["u"]), {"logits": real(B, V), "u": real(B, V)}
        ),
        "alignment": Door(
            lambda g: inspect.alignment({"W": g["approximate['W']"]}, {"W": g["true['W']"]}),
            {"approximate['W']": SERIES, "true['W']": SERIES},
        ),
        "adjoints_over_training": Door(
            lambda g: len(inspect.figures.adjoints_over_training(g["norms"], g["epochs"]).axes),
            {"norms": np.ones((3, 8)), "epochs": np.arange(3)},
        ),
        "rtrl": Door(
            lambda g: ns.rtrl(gru(), g["x"], g["dy"], g["state (h)"], g["lengths"], g["dstate (h)"]).grads,
            {"x": X, "dy": DY, "state (h)": STATE, "lengths": LENGTHS, "dstate (h)": STATE},
        ),
        "rtrl, by a function": Door(lambda g: ns.rtrl(gru(), X, lambda t, y: g["dy"]).grads, {"dy": real(B, H)}),
        "uoro": Door(
            lambda g: ns.uoro(gru(), g["x"], g["dy"], g["state (h)"], g["lengths"], g["dstate (h)"], rng=0).grads,
            {"x": X, "dy": DY, "state (h)": STATE, "lengths": LENGTHS, "dstate (h)": STATE},
        ),
        "uoro of signs": Door(
            lambda g: ns.uoro(gru(), X, DY, signs=[g["signs[0] (h)"], np.sign(STATE), np.sign(STATE)], rng=0).grads,
            {"signs[0] (h)": np.sign(STATE)},
        ),
        "snap": Door(lambda g: ns.snap(gru(), g["x"], g["dy"], n=1).grads, {"x": X, "dy": DY}),
        "diagonal_rtrl": Door(lambda g: ns.online.diagonal_rtrl(units(), g["x"], g["dy"]).grads, {"x": X, "dy": DY}),
        "eprop": Door(lambda g: ns.online.eprop(units(), g["x"], g["dy"]).grads, {"x": X, "dy": DY}),
        "kf_rtrl": Door(lambda g: ns.online.kf_rtrl(gru(), g["x"], g["dy"], rng=0).grads, {"x": X, "dy": DY}),
        "ok": Door(lambda g: ns.online.ok(gru(), g["x"], g["dy"], rng=0).grads, {"x": X, "dy": DY}),
        "rflo": Door(lambda g: ns.rflo(gru(), g["x"], g["dy"]).grads, {"x": X, "dy": DY}),
        "scan.forward": Door(
            lambda g: ns.scan.forward(gru(), g["x"], g["state (h)"], g["lengths"])[:2],
            {"x": X, "state (h)": STATE, "lengths": LENGTHS},
        ),
        "scan.backward": Door(
            lambda g: ns.scan.backward(gru(), g["dy"], tape_of(gru()), g["dstate (h)"]),
            {"dy": DY, "dstate (h)": STATE},
        ),
        "scan.affine": Door(
            lambda g: ns.scan.affine(g["A"], g["b"], g["start"]),
            {"A": real(T, H, H), "b": real(T, H), "start": real(H)},
        ),
        "torch.export": Door(
            lambda g: interop.torch.export(ns.Linear(3, 2, rng=0), {"W": g["values['W']"], "b": ONES}),
            {"values['W']": real(3, 2)},
        ),
        "keras.load": Door(
            lambda g: loaded(ns.Linear(3, 2, **WIDE), lambda layer: interop.keras.load(layer, [g["weights[0]"], ONES])),
            {"weights[0]": real(3, 2)},
        ),
        "keras.export": Door(
            lambda g: interop.keras.export(ns.Linear(3, 2, rng=0), {"W": g["values['W']"], "b": ONES}),
            {"values['W']": real(3, 2)},
        ),
        "onnx.load": Door(
            lambda g: interop.onnx.load("LSTM", {"W": g["W"], "R": g["R"]})[0].params.flat, {"W": W, "R": R}
        ),
        "onnx.outputs": Door(
            lambda g: interop.onnx.outputs(g["y"], g["state"]), {"y": real(4, 1, 3), "state": real(1, 1, 3)}
        ),
        "train_epoch": Door(
            lambda g: ns.training.train_epoch(model(), g["ids"], ns.SGD(0.1), EPOCH, rng=0).loss, {"ids": TEXT}
        ),
        "Epoch.windows": Door(lambda g: list(EPOCH.windows(g["ids"], np.random.default_rng(0))), {"ids": TEXT}),
    }
    for kind in (ns.SGD, ns.RMSprop, ns.Adam, ns.AdamW, ns.Adagrad):
        door = Door(lambda g, kind=kind: stepped(kind, g), {"params['W']": real(2, 3), "grads['W']": real(2, 3) + 1})
        found[f"{kind.__name__}.step"] = door
    return found


DOORS = doors()
