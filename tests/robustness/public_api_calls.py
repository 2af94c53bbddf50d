"""Good arguments for everything public: a case is a function, and a maker of keyword arguments that it must take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from robustness.odd_arguments import Rng, pick

import npseq as ns
from npseq import data, initializers, interop
from npseq.models import counting

T, B, D, H, V = 4, 2, 3, 4, 5
CELLS: dict[str, Any] = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
Given = dict[str, Any]


class Case(NamedTuple):
    function: Callable[..., Any]
    good: Callable[[Rng], Given]
    writes: tuple[str, ...] = ()  # the arguments that a call may write on
    open: tuple[str, ...] = ()  # the arguments that may be of several kinds
    bounded: tuple[str, ...] = ()  # the arguments that say how much work there is: giant numbers would be obeyed
    seldom: bool = False  # it takes long
    title: str = ""
    covers: Any = None  # the public thing, if the function calls it
    left_out: tuple[str, ...] = ("path", "out", "directory", "name_or_path")  # never odd

    @property
    def name(self) -> str:
        return self.title or f"{self.function.__module__.removeprefix('npseq.')}.{self.function.__qualname__}"


def numbers(rng: Rng, *shape: int, dtype: Any = np.float32) -> np.ndarray:
    return rng.normal(size=shape).astype(dtype)


def ids(rng: Rng, *shape: int) -> np.ndarray:
    return rng.integers(0, V, shape)


class Function(NamedTuple):
    """A function that is an argument itself."""

    value: Callable[..., Any]


def fresh(**makers: Any) -> Callable[[Rng], Given]:
    """Makes each argument anew, if it is a function of the generator; all else stands for itself."""

    def made(maker: Any, rng: Rng) -> Any:
        if isinstance(maker, Function):
            return maker.value
        return maker(rng) if inspect.isfunction(maker) else maker

    return lambda rng: {name: made(maker, rng) for name, maker in makers.items()}


def some(rng: Rng, options: Given, share: float = 0.4) -> Given:
    return {name: value for name, value in options.items() if rng.random() < share}


# layers


def layer_of(rng: Rng, **options: Any) -> Any:
    return pick(rng, list(CELLS.values()))(D, H, rng=0, **options)


def both_of(rng: Rng) -> Any:
    return ns.Bidirectional(layer_of(rng, num_layers=2, dropout=0.5), layer_of(rng))


def state_of(rng: Rng, layer: Any) -> Any:
    if isinstance(layer, ns.Bidirectional):
        return tuple(state_of(rng, one) for one in layer.layers.values())
    if isinstance(layer, ns.layers.Reversed):
        return state_of(rng, layer.layer)
    h = numbers(rng, layer.num_layers * layer.directions, B, H)
    return (h, h.copy()) if isinstance(layer, ns.LSTM) else h


def _layer_options(rng: Rng) -> Given:
    options = {"num_layers": 1, "bidirectional": False, "bias": True, "dropout": 0.0, "dtype": np.float32}
    return {"input_size": D, "hidden_size": H, "rng": 0, **some(rng, options)}


def _forward(make: Callable[[Rng], Any]) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        layer = make(rng)
        x = pick(rng, [numbers(rng, T, B, D), numbers(rng, T, B, D), rng.integers(0, D, (T, B))])
        lengths = pick(rng, [None, np.array([T, 2])])
        return {"self": layer, "x": x, "state": pick(rng, [None, state_of(rng, layer)]), "lengths": lengths,
                "training": pick(rng, [True, False]), "tape": pick(rng, [None, layer.forward(x)[2]])}  # fmt: skip

    return good


def _backward(make: Callable[[Rng], Any], *names: str) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        layer = make(rng)
        x = numbers(rng, T, B, D)
        y, _, tape = layer.forward(x)
        grads = layer.backward(None, tape)[2]
        cut = pick(rng, [None, ns.Truncated(2), ns.RandomTruncation(0.5, 0), ns.RandomTruncation(np.full(T, 0.5), 0)])
        given = {"self": layer, "dy": numbers(rng, *y.shape), "tape": tape, "truncation": cut,
                 "dstate": pick(rng, [None, state_of(rng, layer)]), "grads": pick(rng, [None, grads]),
                 "workspace": pick(rng, [None, ns.bptt.workspace.Workspace()])}  # fmt: skip
        return {name: given[name] for name in names} if names else given

    return good


def _gradients(rng: Rng) -> Given:
    layer = layer_of(rng, num_layers=2)
    y, _, tape = layer.forward(numbers(rng, T, B, D))
    return {"self": layer, "rows": layer.adjoints(numbers(rng, *y.shape), tape), "tape": tape, "grads": None}


def _checked_state(rng: Rng) -> Given:
    layer = layer_of(rng)
    return {"self": layer, "name": "state", "state": state_of(rng, layer), "batch": B}


def stacked(rng: Rng) -> Any:
    return layer_of(rng, num_layers=2, dropout=0.5, bidirectional=pick(rng, [False, True]))


def reversed_of(rng: Rng) -> Any:
    return ns.layers.Reversed(layer_of(rng))


def linear(rng: Rng) -> Any:
    return ns.Linear(D, 2, rng=0)


def _linear_backward(rng: Rng) -> Given:
    layer = linear(rng)
    return {"self": layer, "dy": numbers(rng, T, B, 2), "tape": layer.forward(numbers(rng, T, B, D))[1],
            "grads": pick(rng, [None, layer.params.like(np.zeros(8, np.float32))])}  # fmt: skip


def _last_state(rng: Rng) -> Given:
    layer = pick(rng, [layer_of, both_of, reversed_of])(rng)
    return {"layer": layer, "state": layer.forward(numbers(rng, T, B, D))[1]}


def _last_gradient(rng: Rng) -> Given:
    layer = pick(rng, [layer_of, both_of, reversed_of])(rng)
    return {"layer": layer, "dlast": numbers(rng, B, layer.output_size)}


def layers() -> list[Case]:
    recurrent = ns.layers.recurrent.Recurrent
    return [
        Case(ns.Activation, fresh(name="hard_sigmoid", alpha=0.5, beta=0.25, clip=2.0)),
        Case(ns.Activation.derivative, fresh(self=lambda rng: ns.Activation("elu"), x=lambda rng: numbers(rng, 3))),
        Case(ns.gallery.InputForgetLSTMCell, fresh(peepholes=True, gate_activation="sigmoid", activation="relu",
                                                   output_activation=ns.Activation("elu")), seldom=True),
        Case(ns.layers.RNNOverUnitsCell, fresh(nonlinearity="softmax"), seldom=True),
        Case(ns.layers.GRUOverUnitsCell, fresh(reset="before", gate_activation="sigmoid", activation="sparsemax"),
             seldom=True),
        Case(ns.layers.LSTMOverUnitsCell, fresh(peepholes=True, projected=False, gate_activation="softmax",
                                                activation="relu", output_activation="log_softmax"), seldom=True),
        Case(ns.gallery.LeakyRNNCell, fresh(alpha=0.5), seldom=True),
        Case(ns.gallery.IndRNNCell, fresh(nonlinearity="tanh"), seldom=True),
        Case(ns.gallery.JANETCell, fresh(beta=0.5), seldom=True),
        Case(ns.gallery.LayerNormLSTMCell, fresh(epsilon=0.5), seldom=True),
        Case(ns.gallery.RecurrentDropoutLSTMCell, fresh(p=0.5), seldom=True),
        Case(ns.gallery.ZoneoutLSTMCell, fresh(keep_c=0.5, keep_h=0.25), seldom=True),
        Case(ns.Recurrent, lambda rng: {"cell": layer_of(rng).cell, **_layer_options(rng)},
             bounded=("input_size", "hidden_size", "num_layers", "state_size"), seldom=True),
        *(Case(kind, _layer_options, bounded=("input_size", "hidden_size", "num_layers")) for kind in CELLS.values()),
        Case(recurrent.forward, _forward(stacked), writes=("tape",), open=("x",)),
        Case(recurrent.backward, _backward(stacked), writes=("grads", "workspace")),
        Case(recurrent.adjoints, _backward(stacked, "self", "dy", "tape", "dstate", "truncation")),
        Case(recurrent.gradients, _gradients, writes=("grads",)),
        Case(recurrent.checked_state, _checked_state, open=("name", "batch")),
        Case(ns.layers.layer.Layer.bind,
             fresh(self=lambda rng: linear(rng), flat=lambda rng: numbers(rng, 8)), title="layer.bind"),
        Case(ns.layers.layer.Layer.bind, lambda rng: (lambda layer: {"self": layer, "flat": layer.params.flat + 1})(
            pick(rng, [both_of, reversed_of, model_of, encoder_decoder])(rng)), title="composite.bind"),
        Case(ns.layers.layer.Layer.astype, fresh(self=both_of, dtype=lambda rng: np.float64), open=("dtype",)),
        Case(ns.layers.layer.Layer.to, fresh(self=both_of, device="cpu")),
        Case(ns.layers.Reversed.to, fresh(self=reversed_of, device="cpu")),
        Case(ns.Bidirectional, fresh(forward=layer_of, backward=layer_of)),
        Case(ns.Bidirectional.forward, _forward(both_of), writes=("tape",), open=("x",)),
        Case(ns.Bidirectional.backward, _backward(both_of), writes=("grads", "workspace")),
        Case(ns.layers.Reversed, fresh(layer=layer_of)),
        Case(ns.layers.Reversed.forward, _forward(reversed_of), writes=("tape",), open=("x",)),
        Case(ns.layers.Reversed.backward, _backward(reversed_of), writes=("grads", "workspace")),
        Case(ns.Linear, fresh(in_features=3, out_features=2, bias=True, rng=0),
             bounded=("in_features", "out_features")),
        Case(ns.Linear.forward, fresh(self=linear, x=lambda rng: numbers(rng, T, B, D), copy=True)),
        Case(ns.Linear.backward, _linear_backward, writes=("grads",)),
        Case(ns.Embedding, fresh(num_embeddings=V, dim=3, padding_idx=0, rng=0), bounded=("num_embeddings", "dim")),
        Case(ns.Embedding.forward, fresh(self=lambda rng: ns.Embedding(V, 3, rng=0), ids=lambda rng: ids(rng, T, B))),
        Case(ns.Embedding.backward, fresh(self=lambda rng: ns.Embedding(V, 3, rng=0), grads=None,
                                          dy=lambda rng: numbers(rng, T, B, 3), tape=lambda rng: ids(rng, T, B))),
        Case(ns.Dropout, fresh(p=0.5, rng=0)),
        Case(ns.Dropout.forward, fresh(self=lambda rng: ns.Dropout(0.5, 0), x=lambda rng: numbers(rng, T, B),
                                       training=True)),
        Case(ns.Dropout.backward, fresh(self=lambda rng: ns.Dropout(0.5, 0), dy=lambda rng: numbers(rng, T, B),
                                        tape=lambda rng: numbers(rng, T, B))),
        Case(ns.Dropout.draw, fresh(self=lambda rng: ns.Dropout(0.5, 0), x=lambda rng: numbers(rng, T, B))),
        Case(ns.layers.last_output, _last_state),
        Case(ns.layers.last_output_gradient, _last_gradient),
        Case(set_entry, fresh(self=lambda rng: ns.RNN(D, H, rng=0).params, name="W_xh",
                              value=lambda rng: numbers(rng, D, H)), writes=("self",)),
        Case(set_flat, fresh(self=lambda rng: ns.RNN(D, H, rng=0).params, value=lambda rng: numbers(rng, 32)),
             writes=("self",)),
        Case(ns.Truncated, fresh(steps=2)),
        Case(ns.RandomTruncation, fresh(keep=lambda rng: pick(rng, [0.5, np.full(T, 0.5)]), rng=0), open=("keep",)),
        Case(ns.RouletteTruncation, fresh(survival=Function(halves), rng=0)),
        Case(ns.HDetach, fresh(probability=0.5, rng=0)),
        Case(ns.checkpointed, _checkpointed, open=("x", "dy"), bounded=("max_bytes",)),
    ]  # fmt: skip


def halves(lag: int) -> float:
    return 0.5**lag


def set_entry(self: Any, name: Any, value: Any) -> None:
    self[name] = value


def set_flat(self: Any, value: Any) -> None:
    self.flat = value


def _checkpointed(rng: Rng) -> Given:
    layer = layer_of(rng, num_layers=2)
    options = {"state": state_of(rng, layer), "lengths": np.array([T, 2]), "dstate": state_of(rng, layer),
               "max_bytes": 1 << 20, "schedule": ns.layers.checkpointing.Schedule(2, 1), "visit": len}  # fmt: skip
    options["visit"] = lambda first, rows: None
    return {"layer": layer, "x": numbers(rng, T, B, D), "dy": numbers(rng, T, B, H), **some(rng, options)}


# losses, optimizers, clipping


def _of_loss(rng: Rng) -> Given:
    return {"logits": numbers(rng, T, B, V), "targets": ids(rng, T, B), "ignore_index": pick(rng, [None, 0, -100]),
            "weights": pick(rng, [None, np.ones((T, B))]), "label_smoothing": pick(rng, [0.0, 0.1]),
            "reduction": pick(rng, ["mean", "sum", "none"])}  # fmt: skip


def _pair_loss(first: str, second: str) -> Callable[[Rng], Given]:
    return lambda rng: {first: numbers(rng, T, B), second: rng.random((T, B)).astype(np.float32),
                        "weights": pick(rng, [None, np.ones((T, B))]),
                        "reduction": pick(rng, ["mean", "sum"])}  # fmt: skip


def updates(rng: Rng) -> Given:
    params = {"W": numbers(rng, 2, 3), "b": numbers(rng, 3)}
    return {"params": params, "grads": {name: numbers(rng, *value.shape) for name, value in params.items()}}


def _step(kind: Any) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        optimizer = pick(rng, [kind(0.1), kind(0.1, weight_decay=0.1)])
        if rng.random() < 0.5:
            return {"self": optimizer, **updates(rng)}
        params = linear(rng).params
        return {"self": optimizer, "params": params, "grads": params.like(numbers(rng, 8))}

    return good


def _loaded(rng: Rng) -> Given:
    return {
        "self": ns.Adam(),
        "state": {"steps": 1, "lr": 0.1, "mean/W": numbers(rng, 2), "square/W": rng.random(2).astype(np.float32)},
    }


def training_parts() -> list[Case]:
    kinds = (ns.SGD, ns.RMSprop, ns.Adam, ns.AdamW, ns.Adagrad)
    adam: Given = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "amsgrad": True, "weight_decay": 0.1}
    return [
        Case(ns.softmax_cross_entropy, _of_loss),
        Case(ns.binary_cross_entropy, _pair_loss("logits", "targets")),
        Case(ns.mean_squared_error, _pair_loss("prediction", "target")),
        Case(ns.perplexity, fresh(mean_nll=lambda rng: pick(rng, [1.5, np.ones(2)])), open=("mean_nll",)),
        Case(ns.models.masked_softmax_cross_entropy, fresh(
            logits=lambda rng: numbers(rng, T, B, V), targets=lambda rng: ids(rng, T, B), lengths=np.array([T, 2]),
            reduction=lambda rng: pick(rng, ["valid", "sequence"]))),
        Case(ns.clip_grad_norm, lambda rng: {"grads": updates(rng)["grads"], "max_norm": 1.0}, writes=("grads",)),
        Case(ns.clip_grad_value, lambda rng: {"grads": updates(rng)["grads"], "limit": 1.0}, writes=("grads",)),
        Case(ns.SGD, fresh(lr=0.1, momentum=0.9, dampening=0.0, nesterov=True, weight_decay=0.1)),
        Case(ns.RMSprop, fresh(lr=0.1, alpha=0.9, momentum=0.5, centered=True, eps=1e-8, weight_decay=0.1)),
        Case(ns.Adam, fresh(**adam)),
        Case(ns.AdamW, fresh(**adam)),
        Case(ns.Adagrad, fresh(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.1, eps=1e-10)),
        Case(ns.optim.Warmup, fresh(lr=0.1, steps=4)),
        Case(ns.optim.Exponential, fresh(lr=0.1, factor=0.5, every=4, least=0.01)),
        Case(ns.optim.Cosine, fresh(lr=0.1, steps=4, last=0.01)),
        Case(ns.optim.Optimizer, fresh(lr=0.1, weight_decay=0.1)),
        *(Case(kind.step, _step(kind), writes=("params", "self"), title=f"{kind.__name__}.step") for kind in kinds),
        Case(ns.Adam.load_state_dict, _loaded, writes=("self",)),
        Case(ns.Adam.check, fresh(self=lambda rng: ns.Adam(), params=lambda rng: linear(rng).params)),
    ]  # fmt: skip


# models


def vocabulary(rng: Rng) -> Any:
    return data.Vocabulary("abcd")


def model_of(rng: Rng) -> Any:
    options = pick(rng, [{}, {"embedding_size": 3}, {"num_layers": 2, "dropout": 0.5}])
    return ns.LanguageModel(vocabulary(rng), pick(rng, list(CELLS)), H, rng=0, **options)


def _model_options(rng: Rng) -> Given:
    options = {"cell": "gru", "num_layers": 1, "embedding_size": 3, "bidirectional": False, "dropout": 0.0,
               "initializer": "normal", "dtype": np.float32}  # fmt: skip
    own = {"lstm": {"peepholes": True, "proj_size": 2}, "gru": {"reset": "after"}, "rnn": {"nonlinearity": "relu"}}
    chosen = some(rng, options)
    return {"vocab": V, "hidden_size": H, "rng": 0, **chosen, **some(rng, own[chosen.get("cell", "lstm")])}


def _batch(rng: Rng) -> Given:
    model = model_of(rng)
    state = None if rng.random() < 0.5 else model.logits(ids(rng, 1, B))[1]
    options = {"truncation": pick(rng, [ns.Truncated(2), ns.RandomTruncation(np.full(T, 0.5), 0)]), "state_at": 2}
    return {"self": model, "ids": ids(rng, T, B), "targets": ids(rng, T, B), "state": state, **some(rng, options, 0.2)}


def _train(rng: Rng) -> Given:
    given = _batch(rng)
    return {**given, "optimizer": pick(rng, [ns.SGD(0.1), ns.Adam(0.1)]), "clip": pick(rng, [None, 1.0])}


def _in_context(rng: Rng) -> Given:
    return {"self": model_of(rng), "ids": ids(rng, T, B), "targets": ids(rng, T - 1, B), "context": 1}


def tagger(rng: Rng, kind: str = "softmax") -> Any:
    return ns.models.Tagger(pick(rng, [stacked, both_of])(rng), V, loss=kind, rng=0)


def _labelled(rng: Rng) -> Given:
    kind = pick(rng, ["softmax", "binary"])
    if rng.random() < 0.5:
        model, shape = tagger(rng, kind), (T, B)
    else:
        model, shape = ns.models.Classifier(layer_of(rng, num_layers=2, dropout=0.5), V, loss=kind, rng=0), (B,)
    targets = ids(rng, *shape) if kind == "softmax" else rng.integers(0, 2, (*shape, V)).astype(np.float32)
    return {"self": model, "x": numbers(rng, T, B, D), "targets": targets, **some(rng, {
        "lengths": np.array([T, 2]), "weights": np.ones(shape, np.float32), "reduction": "sum"})}  # fmt: skip


def _labelled_step(rng: Rng) -> Given:
    return {**_labelled(rng), "optimizer": pick(rng, [ns.SGD(0.1), ns.Adam(0.1)]), "clip": pick(rng, [None, 1.0])}


def _sequence_backward(rng: Rng) -> Given:
    model = tagger(rng)
    logits, tape = model.forward(numbers(rng, T, B, D))
    return {"self": model, "dlogits": numbers(rng, *logits.shape), "tape": tape,
            "truncation": pick(rng, [None, ns.Truncated(2)]),
            "grads": pick(rng, [None, model.params.like(0 * model.params.flat)])}  # fmt: skip


def encoder(rng: Rng) -> Any:
    return ns.models.Encoder(ns.Embedding(V, D, rng=0), pick(rng, [layer_of, both_of])(rng))


def gru_encoder(rng: Rng) -> Any:
    return ns.models.Encoder(ns.Embedding(V, D, rng=0), ns.GRU(D, H, rng=0))


def decoder(rng: Rng) -> Any:
    return ns.models.Decoder(ns.Embedding(V, D, rng=0), ns.GRU(D + H, H, rng=0), ns.Linear(H, V, rng=0))


def encoder_decoder(rng: Rng) -> Any:
    return ns.models.EncoderDecoder(gru_encoder(rng), decoder(rng), pick(rng, [None, ns.Linear(H, H, rng=0)]))


def seq2seq(rng: Rng) -> Any:
    return ns.models.Seq2Seq(V, V, "gru", D, H, num_layers=2, dropout=0.5, rng=0)


def _encoder_backward(rng: Rng) -> Given:
    model = encoder(rng)
    encoded, tape = model.forward(ids(rng, T, B))
    return {"self": model, "dcontext": numbers(rng, *encoded.context.shape), "dstate": None, "tape": tape}


def _decoder_backward(rng: Rng) -> Given:
    model = decoder(rng)
    tape = model.forward(ids(rng, T, B), numbers(rng, B, H), None)[2]
    return {"self": model, "dlogits": numbers(rng, T, B, V), "tape": tape}


def _encoder_decoder_backward(rng: Rng) -> Given:
    model = encoder_decoder(rng)
    return {"self": model, "dlogits": numbers(rng, T, B, V), "tape": model.forward(ids(rng, T, B), ids(rng, T, B))[1]}


def _encoded(rng: Rng) -> Given:
    model = encoder_decoder(rng)
    return {"self": model, "encoded": model.encoder.forward(ids(rng, T, B))[0]}


def _translated(rng: Rng) -> Given:
    options = {"teacher_forcing": 0.5, "source_lengths": np.array([T, 2]), "target_lengths": np.array([2, T]),
               "reduction": "sequence", "training": True}  # fmt: skip
    return {"self": seq2seq(rng), "source": ids(rng, T, B), "target": ids(rng, T, B), "rng": 0, **some(rng, options)}


def translator(rng: Rng) -> Any:
    pairs = data.load_pairs("reversal", 5)
    return ns.models.Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", D, H, num_layers=1, rng=0)


def captions(rng: Rng) -> Any:
    return ns.models.SequenceGenerator(3, ns.Embedding(V, D, rng=0), layer_of(rng, num_layers=2, dropout=0.5), rng=0)


def fitted_captions(rng: Rng) -> Any:
    tokens = np.zeros((T, B), int)
    return captions(rng).fit((numbers(rng, B, 3), tokens, tokens), epochs=1)


def _captions_backward(rng: Rng) -> Given:
    model = captions(rng)
    tape = model.forward(numbers(rng, B, 3), ids(rng, T, B))[1]
    return {"self": model, "dlogits": numbers(rng, T, B, V), "tape": tape}


def forecaster(rng: Rng) -> Any:
    return ns.models.Forecaster(3, H, rng=0)


def latent(rng: Rng) -> Any:
    return ns.models.LatentForecaster(2, pick(rng, list(CELLS)), H, rng=0)


def _latent_backward(rng: Rng) -> Given:
    model = latent(rng)
    return {"self": model, "dprediction": numbers(rng, T, B, 2), "tape": model.forward(numbers(rng, T, B, 2))[2]}


def models() -> list[Case]:
    sequence, model = ns.models.sequence.SequenceModel, ns.models.model.Model
    two = {"source": lambda rng: ids(rng, T, B), "source_lengths": lambda rng: pick(rng, [None, np.array([T, 2])])}
    pairs = {"windows": lambda rng: numbers(rng, 6, 3), "targets": lambda rng: numbers(rng, 6)}
    seq: Given = {"source_vocab": V, "target_vocab": V, "cell": "gru", "embedding_size": D, "hidden_size": H,
                  "num_layers": 1, "decoder_layers": None, "bidirectional": False, "bridge": False, "dropout": 0.0,
                  "initializer": "xavier", "rng": 0}  # fmt: skip
    sizes = ("hidden_size", "embedding_size", "num_layers", "decoder_layers", "vocab", "source_vocab", "target_vocab")
    written = ("self", "optimizer")
    search: Given = {"beam_size": 2, "max_steps": 3, "alpha": 0.75}
    return [
        Case(ns.LanguageModel, _model_options, bounded=(*sizes, "proj_size"), open=("vocab",)),
        Case(ns.LanguageModel.logits, fresh(self=model_of, ids=lambda rng: ids(rng, T, B), state=None)),
        Case(ns.LanguageModel.loss, _batch),
        Case(ns.LanguageModel.loss, _in_context, title="LanguageModel.loss with a context"),
        Case(ns.LanguageModel.step, _train, writes=written),
        Case(ns.LanguageModel.generate, lambda rng: {
            "self": model_of(rng), "prefix": pick(rng, ["ab", [1, 2], np.array([1])]), "length": 3, "rng": 0,
            "stop": pick(rng, [None, "a", 2]), "whole": pick(rng, [False, True]),
            **pick(rng, [{"temperature": 0.0}, {"temperature": 0.7, "top_k": 2}, {"temperature": 2, "top_p": 0.9}])},
            bounded=("length",), open=("prefix", "stop")),
        Case(ns.LanguageModel.log_prob, fresh(
            self=model_of, tokens=lambda rng: pick(rng, ["ab", [1, 2], np.array([1])])), open=("tokens",)),
        Case(ns.LanguageModel.log_probs, fresh(self=model_of, sentences=lambda rng: ids(rng, T, B),
                                               lengths=lambda rng: pick(rng, [None, np.array([T, 2])]))),
        Case(ns.LanguageModel.beam_search, lambda rng: {
            "self": model_of(rng), "prefix": pick(rng, ["ab", [1, 2], np.array([1])]), **search,
            "stop": pick(rng, [None, "a", 2]), "whole": True},
            bounded=("max_steps", "beam_size"), open=("prefix", "stop")),
        Case(ns.LanguageModel.loss, lambda rng: {
            "self": model_of(rng), "ids": None, "targets": ids(rng, T, B), "state": None,
            "lengths": pick(rng, [None, np.array([T, 2])]), "weights": abs(numbers(rng, T, B)), "truncation": None,
            "context": 0, "state_at": None}, title="LanguageModel.loss of sentences"),
        Case(ns.LanguageModel.evaluate, fresh(self=model_of, ids=lambda rng: ids(rng, 9), steps=4)),
        Case(ns.LanguageModel.save, fresh(self=model_of, path="model.safetensors"), seldom=True),
        Case(ns.LanguageModel.load, lambda rng: {"path": saved(model_of(rng).save)}, seldom=True),
        Case(model.save_params, fresh(self=tagger, path="params.safetensors"), seldom=True),
        Case(model.load_params, lambda rng: (lambda one: {"self": one, "path": saved(one.save_params)})(decoder(rng)),
             writes=("self",), seldom=True),
        Case(ns.models.Tagger, fresh(cell=lambda rng: pick(rng, [layer_of, both_of])(rng), num_labels=3,
                                     loss="softmax", embedding=None, rng=0), bounded=("num_labels",),
             open=("num_labels",)),
        Case(ns.models.Classifier, fresh(cell=layer_of, num_labels=3, loss="binary", rng=0,
                                         embedding=lambda rng: ns.Embedding(V, D, rng=0)), bounded=("num_labels",),
             open=("num_labels",)),
        Case(sequence.forward, fresh(self=tagger, x=lambda rng: numbers(rng, T, B, D), lengths=np.array([T, 2]),
                                     training=True, tape=None), writes=("tape",), open=("x",)),
        Case(sequence.backward, _sequence_backward, writes=("grads", "workspace")),
        Case(sequence.loss, _labelled, open=("x",)),
        Case(sequence.predict, fresh(self=tagger, x=lambda rng: numbers(rng, T, B, D), lengths=np.array([T, 2])),
             open=("x",)),
        Case(model.step, _labelled_step, writes=written, open=("x",)),
        Case(ns.models.Encoder, fresh(embedding=lambda rng: ns.Embedding(V, D, rng=0), recurrent=layer_of,
                                      q=lambda rng: pick(rng, ["last", "mean", "max"])), open=("q",)),
        Case(ns.models.Encoder.forward, fresh(self=encoder, ids=lambda rng: ids(rng, T, B), lengths=np.array([T, 2]),
                                              training=True, tape=None), writes=("tape",)),
        Case(ns.models.Encoder.backward, _encoder_backward, open=("dstate",)),
        Case(ns.models.Decoder, fresh(embedding=lambda rng: ns.Embedding(V, D, rng=0),
                                      recurrent=lambda rng: ns.GRU(D + H, H, rng=0),
                                      output=lambda rng: ns.Linear(H, V, rng=0))),
        Case(ns.models.Decoder.forward, fresh(self=decoder, ids=lambda rng: ids(rng, T, B), training=True, tape=None,
                                              context=lambda rng: numbers(rng, B, H),
                                              state=lambda rng: numbers(rng, 1, B, H)), writes=("tape",)),
        Case(ns.models.Decoder.backward, _decoder_backward),
        Case(ns.models.EncoderDecoder, fresh(encoder=gru_encoder, decoder=decoder,
                                             bridge=lambda rng: pick(rng, [None, ns.Linear(H, H, rng=0)]))),
        Case(ns.models.EncoderDecoder.init_state, _encoded),
        Case(ns.models.EncoderDecoder.forward, fresh(self=encoder_decoder, inputs=lambda rng: ids(rng, T, B), **two,
                                                     training=True, tape=None), writes=("tape",)),
        Case(ns.models.EncoderDecoder.backward, _encoder_decoder_backward),
        Case(ns.models.Seq2Seq, fresh(**seq), bounded=sizes, open=("source_vocab", "target_vocab")),
        Case(ns.models.Seq2Seq.loss, _translated),
        Case(model.step, lambda rng: {**without(_translated(rng), "training"), "optimizer": ns.Adam(0.1)},
             writes=written, title="Seq2Seq.step"),
        Case(ns.models.Seq2Seq.greedy, fresh(self=seq2seq, **two, max_steps=3), bounded=("max_steps",)),
        Case(ns.models.Seq2Seq.beam_search, fresh(self=seq2seq, source=lambda rng: ids(rng, T), **search),
             bounded=("max_steps", "beam_size")),
        Case(ns.models.Seq2Seq.translate, fresh(self=translator, tokens=["a", "b"], **search),
             bounded=("max_steps", "beam_size")),
        Case(ns.models.Seq2Seq.exact_matches, fresh(self=seq2seq, target=lambda rng: ids(rng, T, B), **two,
                                                    target_lengths=np.array([T, 2]))),
        Case(ns.models.SequenceGenerator, fresh(vector_size=3, embedding=lambda rng: ns.Embedding(V, D, rng=0),
                                                cell=layer_of, rng=0), bounded=("vector_size",)),
        Case(ns.models.SequenceGenerator.forward, fresh(self=captions, v=lambda rng: numbers(rng, B, 3), training=True,
                                                        ids=lambda rng: ids(rng, T, B), tape=None), writes=("tape",)),
        Case(ns.models.SequenceGenerator.backward, _captions_backward),
        Case(ns.models.SequenceGenerator.loss, fresh(
            self=captions, v=lambda rng: numbers(rng, B, 3), ids=lambda rng: ids(rng, T, B), reduction="mean",
            targets=lambda rng: ids(rng, T, B), training=True,
            lengths=lambda rng: pick(rng, [None, np.array([T, 2])]))),
        Case(ns.models.SequenceGenerator.generate, fresh(
            self=captions, v=lambda rng: numbers(rng, B, 3), first=0, length=3, stop=lambda rng: pick(rng, [None, 2]),
            temperature=lambda rng: pick(rng, [0.0, 0.7]), rng=0), bounded=("length",)),
        Case(ns.models.SequenceGenerator.predict, fresh(self=fitted_captions, v=lambda rng: numbers(rng, B, 3))),
        Case(ns.models.Forecaster, fresh(lags=3, hidden_size=H, dtype=lambda rng: np.float32, rng=0),
             bounded=("lags", "hidden_size"), open=("dtype",)),
        Case(ns.models.Forecaster.predict, fresh(self=forecaster, windows=pairs["windows"])),
        Case(ns.models.Forecaster.loss, fresh(self=forecaster, **pairs, training=True)),
        Case(ns.models.Forecaster.fit, fresh(self=forecaster, data=pairs["windows"], targets=pairs["targets"], epochs=1,
                                             optimizer=lambda rng: ns.SGD(0.1), batch_size=4, rng=0),
             writes=written, bounded=("epochs",), open=("data",)),
        Case(ns.models.SeriesForecaster, fresh(cell="gru", hidden_size=H, num_layers=1, season=4, horizon=2, rng=0),
             bounded=("hidden_size", "num_layers", "season", "horizon")),
        Case(ns.models.SeriesForecaster.forecast, fresh(self=series_forecaster, steps=3, interval=0.5),
             bounded=("steps",)),
        Case(data.Labelled.majority, fresh(self=lambda rng: labelled(), learnt=lambda rng: None)),
        Case(data.Labelled.split, fresh(self=lambda rng: labelled(), share=0.5, rng=0)),
        Case(ns.models.Classifier.predict, fresh(self=classifier, x=lambda rng: numbers(rng, T, B, D),
                                                 lengths=lambda rng: pick(rng, [None, np.array([T, 2])]))),
        Case(ns.models.Classifier.predict_proba, fresh(self=classifier, x=lambda rng: numbers(rng, T, B, D),
                                                       lengths=lambda rng: pick(rng, [None, np.array([T, 2])]))),
        Case(ns.models.LatentForecaster, fresh(features=2, cell="gru", hidden_size=H, num_layers=1, rng=0),
             bounded=("features", "hidden_size", "num_layers")),
        Case(ns.models.LatentForecaster.forward, fresh(self=latent, x=lambda rng: numbers(rng, T, B, 2), state=None,
                                                       training=False)),
        Case(ns.models.LatentForecaster.backward, _latent_backward),
        Case(ns.models.LatentForecaster.predict, fresh(self=latent, x=lambda rng: numbers(rng, T, B, 2))),
        Case(ns.models.LatentForecaster.fit, fresh(self=latent, data=lambda rng: numbers(rng, T, B, 2), targets=None,
                                                   epochs=1, valid=0), writes=written, bounded=("epochs",),
             open=("data", "valid")),
        Case(ns.models.LatentForecaster.loss, fresh(self=latent, x=lambda rng: numbers(rng, T, B, 2), warm_up=1,
                                                    training=True)),
        Case(ns.models.LatentForecaster.forecast, fresh(self=latent, history=lambda rng: numbers(rng, T, B, 2),
                                                        steps=2), bounded=("steps",)),
        Case(ns.models.beam_search, fresh(step=Function(next_of), state=None, begin=0, **search,
                                          end=lambda rng: pick(rng, [None, 2])),
             bounded=("max_steps", "beam_size"), open=("state",)),
        Case(ns.models.d2l_bleu, fresh(prediction=lambda rng: pick(rng, ["a b c", ["a", "b"]]), label="a b d", k=2),
             open=("prediction", "label")),
    ]  # fmt: skip


def series_forecaster(rng: Rng) -> Any:
    return ns.models.SeriesForecaster("gru", H, horizon=2, rng=0).fit(np.sin(np.arange(40.0)), epochs=1)


def classifier(rng: Rng) -> Any:
    return ns.models.Classifier(ns.GRU(D, H, rng=0), 3, rng=0)


def labelled() -> Any:
    return data.load_labelled([("a", "x"), ("b", "y"), ("a b", "x")], min_freq=1)


TABLE = np.log([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2]])


def next_of(tokens: Any, states: Any) -> Any:
    return TABLE[[token % 3 for token in tokens]], states


def without(given: Given, *names: str) -> Given:
    return {name: value for name, value in given.items() if name not in names}


def saved(save: Callable[[str], None]) -> str:
    path = Path(f"{save.__name__}.safetensors")
    save(str(path))
    return str(path)


# counting


def ngrams(rng: Rng) -> Any:
    return counting.NGramModel([0, 1, 0, 2, 0, 1], V, 2, smoothing=0.5)


CHAIN = np.array([[0.5, 0.5], [1.0, 0.0]])


def last_value(windows: Any) -> Any:
    return windows[:, -1]


def counted() -> list[Case]:
    chain = {"initial": np.array([0.5, 0.5]), "transition": CHAIN}
    hidden = {
        "initial": np.log([0.5, 0.5]),
        "transition": np.log(CHAIN + 0.1),
        "emission": np.log(np.full((3, 2), 0.25)),
    }
    tokens = {"tokens": lambda rng: pick(rng, [[0, 1, 2], np.array([0, 1, 2])])}
    series = lambda rng: rng.normal(size=9)  # noqa: E731
    return [
        Case(counting.NGramModel, fresh(ids=lambda rng: [0, 1, 0, 2], vocab=V, order=2, smoothing=0.5),
             open=("ids", "vocab", "smoothing"), bounded=("order", "vocab")),
        Case(counting.NGramModel.with_smoothing, fresh(self=ngrams, smoothing=0.1), open=("smoothing",)),
        Case(counting.NGramModel.probability, fresh(self=ngrams, token=1, context=[0]), open=("context",)),
        Case(counting.NGramModel.distribution, fresh(self=ngrams, context=[0]), open=("context",)),
        Case(counting.NGramModel.log_prob, fresh(self=ngrams, **tokens), open=("tokens",)),
        Case(counting.NGramModel.perplexity, fresh(self=ngrams, **tokens), open=("tokens",)),
        Case(counting.NGramModel.generate, fresh(self=ngrams, prefix=lambda rng: [0], length=3, rng=0,
                                                 temperature=lambda rng: pick(rng, [0.0, 0.7])),
             bounded=("length",), open=("prefix",)),
        Case(counting.ngram_counts, fresh(**tokens, order=2), open=("tokens",)),
        Case(counting.table_size, fresh(vocab_size=28, order=3), bounded=("vocab_size", "order")),
        Case(counting.fit_zipf, fresh(counts=lambda rng: np.arange(1.0, 30.0), first=1, last=20), open=("counts",)),
        Case(counting.ZipfFit.count, fresh(self=lambda rng: counting.ZipfFit(1.0, 2.0), rank=2.0), open=("rank",)),
        Case(counting.transition_matrix, fresh(states=np.array([0, 1, 0, 0, 1]), num_states=2, smoothing=0.1),
             bounded=("num_states",)),
        Case(counting.log_prob, fresh(states=np.array([0, 1, 0]), **chain)),
        Case(counting.propagate, fresh(**chain, steps=2), bounded=("steps",)),
        Case(counting.forward_backward, fresh(**hidden)),
        Case(counting.viterbi, fresh(**hidden)),
        Case(counting.stationary, fresh(transition=CHAIN)),
        Case(counting.sample_states, fresh(**chain, length=4, rng=0), bounded=("length",)),
        Case(counting.one_step, fresh(predict=Function(last_value), series=series, lags=3)),
        Case(counting.multi_step, fresh(predict=Function(last_value), history=series, lags=3, steps=2),
             bounded=("steps",)),
        Case(counting.k_step, fresh(predict=Function(last_value), series=series, lags=3, steps=2), bounded=("steps",)),
        Case(counting.naive, fresh(history=series, steps=2, period=1), bounded=("steps",)),
        Case(counting.error_growth, fresh(step_error=0.5, gain=0.5, steps=3, start=0.0), bounded=("steps",)),
        Case(counting.root_mean_square, fresh(prediction=series, truth=series)),
    ]  # fmt: skip


# checking and inspecting


def _quadratic(rng: Rng) -> Given:
    x = rng.normal(size=3)
    return {"f": lambda at: (at["x"] ** 2).sum(), "at": {"x": x}, "gradient": {"x": 2 * x},
            "method": pick(rng, ["central", "complex", "directional", "taylor"]), "rtol": pick(rng, [None, 1e-4]),
            "rng": 0}  # fmt: skip


def _doubled(rng: Rng) -> Given:
    return {"forward": twice, "backward": lambda dy, x: 2 * dy, "at": rng.normal(size=3),
            "method": pick(rng, ["central", "complex"]), "rtol": pick(rng, [None, 1e-4]), "rng": 0}  # fmt: skip


def _checked(rng: Rng) -> Given:
    layer = pick(rng, list(CELLS.values()))(1, 1, rng=0)
    options = {"lengths": np.array([2]), "truncation": ns.Truncated(1), "method": "complex", "rng": 0}
    return {"layer": layer, "x": numbers(rng, 2, 1, 1, dtype=np.float64), **some(rng, options)}


def _diagnosed(rng: Rng) -> Given:
    layer = ns.RNN(1, 1, rng=0)
    x, h0, dh, lengths = numbers(rng, 2, 1, 1), *numbers(rng, 2, 1, 1, 1), pick(rng, [None, np.array([2])])
    y, _, tape = layer.forward(x, h0, lengths)
    dx, _, grads = layer.backward(y, tape, dh)
    return {"layer": layer, "x": x, "dy": y, "grads": dict(grads), "state": h0, "dx": dx, "dstate": dh,
            **some(rng, {"lengths": lengths, "rtol": 1e-4})}  # fmt: skip


def _of_tape(*names: str, kinds: tuple[Callable[[Rng], Any], ...] = (), **options: Any) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        layer = pick(rng, kinds or (layer_of, lambda rng: layer_of(rng, num_layers=2)))(rng)
        x = numbers(rng, T, B, D)
        y, _, tape = layer.forward(x, None, pick(rng, [None, np.array([T, 2])]))
        given = {"layer": layer, "dy": numbers(rng, *y.shape), "tape": tape,
                 "dstate": pick(rng, [None, state_of(rng, layer)])}  # fmt: skip
        return {**{name: given[name] for name in names}, **some(rng, options)}

    return good


def ledger_of(rng: Rng) -> Any:
    layer = layer_of(rng)
    y, _, tape = layer.forward(numbers(rng, T, B, D))
    return ns.inspect.ledger(layer, numbers(rng, *y.shape), tape)


def case_of(rng: Rng) -> Any:
    layer = layer_of(rng)
    y, _, tape = layer.forward(numbers(rng, T, B, D))
    return ns.inspect.Case(layer, tape, y)


def _stale(rng: Rng) -> Given:
    layer = layer_of(rng)
    x = numbers(rng, T, B, D)
    ones = state_of(rng, layer)
    return {"layer": layer, "gradient": lambda state: layer.backward(None, layer.forward(x, state)[2], ones)[2],
            "carried": layer.forward(x)[1], "x_before": x, "state_before": None,
            "lengths": pick(rng, [None, np.array([T, 2])])}  # fmt: skip


def _nonfinite(rng: Rng) -> Given:
    if rng.random() < 0.5:
        given = without(_train(rng), "state_at")
        given = {"model": given.pop("self"), "x": given.pop("ids"), **given}
        return {**given, "training": pick(rng, [True, False])}
    return {"model": layer_of(rng), "x": numbers(rng, T, B, D), "dy": numbers(rng, T, B, H),
            "lengths": np.array([T, 2])}  # fmt: skip


def _explained(rng: Rng) -> Given:
    layer = ns.LSTM(D, H, rng=0)
    return {"layer": layer, "x": numbers(rng, T, B, D), "dy": numbers(rng, T, B, H), **some(rng, {"title": "a title"})}


def inspecting() -> list[Case]:
    look = ns.inspect
    four = ("layer", "dy", "tape", "dstate")
    any_layer = (layer_of, both_of, reversed_of)
    ledger = {"ledger": ledger_of}
    vectors = {"at": lambda rng: rng.normal(size=3), "v": lambda rng: rng.normal(size=3)}
    return [
        Case(ns.gradcheck, _quadratic),
        Case(ns.testing.assert_gradients, _quadratic),
        Case(ns.check_vjp, _doubled, open=("at",)),
        Case(ns.gradcheck_layer, _checked),
        Case(ns.diagnose, _diagnosed, seldom=True),
        Case(ns.learn.exercise, fresh(topic="lstm", number=3, letters="ng")),
        Case(look.ledger, _of_tape(*four, kinds=any_layer, max_lag=2, pairs=True)),
        Case(look.ghost_norms, _of_tape(*four, kinds=any_layer)),
        Case(look.pair_norms, _of_tape(*four, kinds=any_layer)),
        Case(look.crossing_norms, _of_tape(*four, kinds=(layer_of,))),
        Case(look.path_split, _of_tape("layer", "tape", kinds=(lambda rng: ns.LSTM(D, H, 2, rng=0),))),
        Case(look.state_jacobians, _of_tape("layer", "tape")),
        Case(look.jacobian_spectrum, _of_tape("layer", "tape", max_lag=2)),
        Case(look.lyapunov_exponents, _of_tape("layer", "tape", count=2, warmup=1, rng=0)),
        Case(look.vanishing_penalty, _of_tape(*four)),
        Case(look.lag_norms, fresh(**ledger)),
        Case(look.page, _explained),
        Case(look.adjoint_norms, fresh(**ledger, name="h")),
        Case(look.truncation_bias, fresh(**ledger)),
        Case(look.tail_norms, fresh(**ledger)),
        Case(look.best_survival, fresh(**ledger, cost=2.0)),
        Case(look.expected_lags, fresh(survival=Function(halves), lags=3), bounded=("lags",)),
        Case(look.random_truncation_variance, fresh(**ledger, keep=0.5), open=("keep",)),
        Case(look.roulette_variance, fresh(**ledger, survival=Function(halves))),
        Case(look.truncation_certificate, fresh(**ledger, relative=0.1, tau=lambda rng: pick(rng, [None, 1]),
                                                beta=lambda rng: pick(rng, [None, 0.99]))),
        Case(look.alignment, fresh(approximate=lambda rng: {"W": numbers(rng, 3)},
                                   true=lambda rng: {"W": numbers(rng, 3)})),
        Case(look.stale_state_bias, _stale, open=("carried", "x_before")),
        Case(look.first_nonfinite, _nonfinite, open=("x",)),
        Case(look.hvp, fresh(gradient=Function(twice), **vectors)),
        Case(look.jvp, fresh(f=Function(twice), **vectors)),
        Case(look.gauss_newton_product, fresh(forward=Function(twice), backward=Function(second),
                                              curvature=Function(second), **vectors)),
        Case(look.softmax_curvature, fresh(logits=lambda rng: numbers(rng, 3, 4), u=lambda rng: numbers(rng, 3, 4))),
        Case(look.lanczos, fresh(product=Function(ramp), size=6, count=2, which="LA", rng=0), bounded=("size",),
             seldom=True),
        Case(look.report, lambda rng: {"cases": {"GRU": case_of(rng)}, "directory": "report", "max_lag": 2},
             seldom=True),
        Case(look.figures.gradient_by_lag, lambda rng: {"ledgers": {"GRU": ledger_of(rng)}, "extra": None},
             seldom=True),
        Case(look.figures.bias_by_length, lambda rng: {"ledgers": {"GRU": ledger_of(rng)}}, seldom=True),
        Case(look.figures.pair_triangle, fresh(**ledger, title="a"), seldom=True, open=("title",)),
        Case(look.figures.gates_over_time, lambda rng: {"ledger": ns.inspect.ledger(**_of_tape(
            "layer", "dy", "tape", kinds=(lambda rng: ns.GRU(D, H, rng=0),))(rng)), "example": 0, "title": ""},
            seldom=True, open=("title",)),
        Case(look.figures.singular_values_by_lag, lambda rng: {"spectra": {
            "GRU": look.jacobian_spectrum(**_of_tape("layer", "tape")(rng))}}, seldom=True),
        Case(look.figures.adjoints_over_training, fresh(norms=lambda rng: rng.random((3, 8)), title="a",
                                                        epochs=lambda rng: np.arange(3)), seldom=True, open=("title",)),
    ]  # fmt: skip


def twice(x: Any) -> Any:
    """Of an array, or of a tree of arrays."""
    return {name: twice(part) for name, part in x.items()} if isinstance(x, dict) else 2 * x


def second(first: Any, other: Any) -> Any:
    return 2 * other


def ramp(v: Any) -> Any:
    return np.arange(6) * v


# learning forward in time


def _online(*more: str) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        layer = ns.GRU(D, H, rng=0) if "gru" in more else layer_of(rng)
        x, dy = numbers(rng, T, B, D), numbers(rng, T, B, H)
        options = {"state": state_of(rng, layer), "lengths": np.array([T, 2]), "dstate": state_of(rng, layer)}
        if "uoro" in more:
            before = ns.uoro(layer, x, dy, rng=0).influence
            options |= {"influence": before, "signs": [np.ones((1, B, H), np.float32)] * T}
            if isinstance(layer, ns.LSTM):
                options["signs"] = [(sign, sign) for sign in options["signs"]]
        else:
            options |= {"influence": (ns.rflo if "gru" in more else ns.rtrl)(layer, x, dy).influence}
        options |= {"n": pick(rng, [1, 2])} if "n" in more else {}
        drawn = {"rng": 0} if "uoro" in more else {}  # always, so that the same arguments have the same result
        return {"layer": layer, "x": x, "dy": dy, **drawn, **some(rng, options)}

    return good


def _by_unit(method: Any) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        layer = ns.Recurrent(ns.gallery.LRUCell(), D, H, rng=0)
        x, dy = numbers(rng, T, B, D), numbers(rng, T, B, H)
        state, dstate = ((numbers(rng, 1, B, H), numbers(rng, 1, B, 2 * H)) for _ in range(2))
        options = {"state": state, "lengths": np.array([T, 2]), "dstate": dstate}
        options |= {"dc": numbers(rng, T, B, 2 * H), "influence": method(layer, x, dy).influence}
        return {"layer": layer, "x": x, "dy": dy, **some(rng, options)}

    return good


def _products(method: Any, rank: int) -> Callable[[Rng], Given]:
    def good(rng: Rng) -> Given:
        layer, own = ns.GRU(D, H, rng=0), {} if rank == 1 else {"rank": rank}
        x, dy = numbers(rng, T, B, D), numbers(rng, T, B, H)
        options = {"state": state_of(rng, layer), "lengths": np.array([T, 2]), "dstate": state_of(rng, layer)}
        options |= {"signs": np.ones((T, 1, B, rank + 1), np.float32)}
        options |= {"influence": method(layer, x, dy, rng=0, **own).influence}
        return {"layer": layer, "x": x, "dy": dy, "rng": 0, **own, **some(rng, options)}

    return good


def online() -> list[Case]:
    return [
        Case(ns.rtrl, _online(), open=("x", "dy")),
        Case(ns.snap, _online("n"), open=("x", "dy"), bounded=("n",)),
        Case(ns.rflo, _online("gru"), open=("x", "dy")),
        Case(ns.uoro, _online("uoro"), open=("x", "dy")),
        Case(ns.online.diagonal_rtrl, _by_unit(ns.online.diagonal_rtrl), open=("x", "dy")),
        Case(ns.online.eprop, _by_unit(ns.online.eprop), open=("x", "dy")),
        Case(ns.online.kf_rtrl, _products(ns.online.kf_rtrl, 1), open=("x", "dy")),
        Case(ns.online.ok, _products(ns.online.ok, 2), open=("x", "dy"), bounded=("rank",)),
    ]


# all steps at once


def _scan_forward(rng: Rng) -> Given:
    layer = stacked(rng)
    options = {"state": state_of(rng, layer), "lengths": np.array([T, 2]), "iterations": 2, "damping": 0.1,
               "jacobian": pick(rng, ["whole", "units", "diagonal"]), "tolerance": 1e-5,
               "max_bytes": 1 << 24}  # fmt: skip
    return {"layer": layer, "x": numbers(rng, T, B, D), **some(rng, options)}


def _scan_backward(rng: Rng) -> Given:
    layer = stacked(rng)
    x = numbers(rng, T, B, D)
    y, _, tape = layer.forward(x)
    given = {"dy": pick(rng, [None, numbers(rng, *y.shape)]), "dstate": pick(rng, [None, state_of(rng, layer)])}
    early = ns.scan.forward(layer, x, iterations=2).tape
    return {"layer": layer, "tape": pick(rng, [tape, early]), **given, **some(rng, {"max_bytes": 1 << 24})}


def scan() -> list[Case]:
    return [
        Case(ns.scan.forward, _scan_forward, open=("x",), bounded=("iterations", "max_bytes")),
        Case(ns.scan.backward, _scan_backward, bounded=("max_bytes",)),
        Case(ns.scan.affine, fresh(
            A=lambda rng: numbers(rng, T, B, 2, 2), b=lambda rng: numbers(rng, T, B, 2),
            start=lambda rng: pick(rng, [None, numbers(rng, B, 2)]))),
    ]  # fmt: skip


# data, initializers


def some_pairs(rng: Rng) -> Any:
    return data.load_pairs("reversal", 5)


def of_data() -> list[Case]:
    windows = {"ids": lambda rng: ids(rng, 40), "batch_size": 2, "steps": 3, "rng": 0}
    return [
        Case(data.Vocabulary, fresh(tokens=["a", "b", "a"], min_freq=0, max_size=9, reserved_tokens=("<pad>",),
                                    token="char"), open=("tokens", "min_freq")),
        Case(data.Vocabulary.tokenize, fresh(self=vocabulary, text="abc")),
        Case(data.Vocabulary.encode, fresh(self=vocabulary, text="abc")),
        Case(data.Vocabulary.decode, fresh(self=vocabulary, ids=[1, 2]), open=("ids",)),
        Case(data.Vocabulary.to_tokens, fresh(self=vocabulary, ids=lambda rng: pick(rng, [1, [1, 2], np.array([1])])),
             open=("ids",)),
        Case(data.Vocabulary.from_dict, lambda rng: {"content": data.Vocabulary("abca").to_dict()}),
        Case(data.tokenize, fresh(lines=["a b", "c"], token="word")),
        Case(data.clean_lines, fresh(text="A b\nc", clean="letters")),
        Case(data.read_lines, lambda rng: {"path": text_file(), "clean": "letters"}),
        Case(data.load_corpus, lambda rng: {"name_or_path": text_file(), "token": "char", "max_tokens": 9,
                                            "clean": "letters", "min_freq": 2, "max_size": 9, "end_of_line": "<eos>"},
             open=("min_freq",)),
        Case(data.sentence_batches, fresh(ids=lambda rng: ids(rng, 40), end=1, batch_size=2, rng=0)),
        Case(data.Epochs, fresh(draw=Function(len), rng=0)),
        Case(data.load_pairs, fresh(name_or_path="reversal", num_pairs=5, steps=4, min_freq=1, distinct_sources=False,
                                    rng=0), bounded=("num_pairs", "steps"), open=("min_freq",)),
        Case(data.Pairs.split, fresh(self=some_pairs, count=2)),
        Case(data.Pairs.batches, fresh(self=some_pairs, batch_size=2, rng=0)),
        Case(data.agreement_sentences, fresh(count=3, lag=2, rng=0), bounded=("count", "lag")),
        Case(data.one_hot, fresh(ids=lambda rng: ids(rng, T, B), num_classes=V, dtype=lambda rng: np.float32),
             bounded=("num_classes",), open=("ids", "dtype")),
        Case(data.pad_sequences, fresh(sequences=[[1, 2], [3], np.array([4, 5, 6])], value=0, length=3),
             bounded=("length",), open=("sequences", "value")),
        Case(data.sequence_mask, fresh(x=lambda rng: numbers(rng, B, T), lengths=np.array([2, T]), value=0.0, axis=1),
             open=("x", "value")),
        Case(data.random_windows, fresh(**windows)),
        Case(data.sequential_windows, fresh(**windows)),
        Case(data.lagged_windows, fresh(series=lambda rng: rng.normal(size=9), lags=3), open=("series",)),
        Case(data.noisy_sine, fresh(length=5, noise=0.1, rng=0, dtype=lambda rng: np.float32), bounded=("length",),
             open=("dtype",)),
        *(Case(getattr(initializers, name), fresh(shape=(3, 4), rng=0, dtype=lambda rng: np.float32, **more),
               open=("shape", "dtype"), bounded=("shape", "hidden_size"))
          for name, more in (("uniform_sqrt_hidden", {"hidden_size": 4}), ("normal", {"std": 0.1}),
                             ("xavier_uniform", {"gain": 1.0}), ("xavier_normal", {"gain": 1.0}),
                             ("orthogonal", {"gain": 1.0}), ("identity", {"gain": 1.0}), ("zeros", {}),
                             ("constant", {"value": 1.0}))),
        Case(initializers.forget_bias, fresh(params=lambda rng: ns.LSTM(D, H, rng=0).params, value=1.0),
             writes=("params",)),
        Case(initializers.keras, fresh(params=lambda rng: ns.LSTM(D, H, rng=0).params, rng=0), writes=("params",)),
        Case(initializers.chrono, fresh(params=lambda rng: ns.LSTM(D, H, rng=0).params, t_max=9.0, rng=0),
             writes=("params",)),
    ]  # fmt: skip


def text_file() -> str:
    path = Path("text.txt")
    if not path.exists():
        path.write_text("it was the best of times it was the worst of times\n" * 9, encoding="utf-8")
    return str(path)


# files of others, training, settings


def _torch(rng: Rng) -> Given:
    layer = layer_of(rng)
    return {"layer": layer, "state_dict": dict(interop.torch.export(layer))}


def _keras(rng: Rng) -> Given:
    layer = layer_of(rng)
    return {"layer": layer, "weights": interop.keras.export(layer)}


def _onnx(rng: Rng) -> Given:
    return {"op_type": "LSTM", "inputs": {"W": numbers(rng, 1, 4 * H, D), "R": numbers(rng, 1, 4 * H, H)},
            "attributes": {"hidden_size": H}}  # fmt: skip


def _config(rng: Rng) -> Given:
    options = {"cell": "lstm", "hidden_size": 8, "epochs": 2, "optimizer": "adam", "lr": 0.1, "clip": 1.0, "steps": 4,
               "truncation": "truncated:2", "sampling": "random", "dropout": 0.5, "num_layers": 2, "threads": 1,
               "sample_prefix": ("a",), "max_tokens": None, "peepholes": True, "dtype": "float64"}  # fmt: skip
    chosen = some(rng, options, 0.3)
    return {**chosen, **({"cell": "lstm"} if "peepholes" in chosen else {}),
            **({"num_layers": 2} if "dropout" in chosen else {})}  # fmt: skip


def config(rng: Rng) -> Any:
    return ns.training.TrainingConfig(corpus=text_file(), hidden_size=4, epochs=1, batch_size=2, steps=5, max_tokens=60)


def epoch(rng: Rng) -> Any:
    return ns.training.Epoch(batch_size=2, steps=5)


def _epoch_options(rng: Rng) -> Given:
    options = {"sampling": "random", "clip": 1.0, "bptt_every": 2, "truncation": ns.Truncated(2)}
    return {"batch_size": 2, "steps": 4, **some(rng, options)}


def _epoch_of(rng: Rng) -> Given:
    return {"model": model_of(rng), "ids": ids(rng, 60), "optimizer": ns.SGD(0.1), "epoch": epoch(rng), "rng": 0,
            "before": (), "position": None}  # fmt: skip


def position(rng: Rng) -> Any:
    return ns.training.Position(0, np.random.default_rng(0).bit_generator.state)


METRICS = (1, 1.0, 2.0, 1.0, 10.0)


def training() -> list[Case]:
    train = ns.training
    cases = [
        Case(interop.torch.load, _torch, writes=("layer",)),
        Case(interop.torch.export, fresh(layer=layer_of, values=None)),
        Case(interop.keras.load, _keras, writes=("layer",)),
        Case(interop.keras.export, fresh(layer=layer_of, values=None)),
        Case(interop.onnx.load, _onnx),
        *([Case(interop.onnx.export, fresh(model=layer_of, path="layer.onnx", lengths=False), seldom=True)]
          if find_spec("onnx") else []),
        Case(interop.onnx.outputs, fresh(y=lambda rng: numbers(rng, T, B, H), state=lambda rng: numbers(rng, 1, B, H),
                                         attributes=lambda rng: {"layout": 0})),
        Case(train.TrainingConfig, _config, bounded=("hidden_size",)),
        Case(train.TrainingConfig.from_dict, lambda rng: {"content": config(rng).to_dict()}),
        Case(train.TrainingConfig.one_epoch, fresh(self=config, rng=0)),
        Case(train.TrainingConfig.updates, fresh(self=config, tokens=100)),
        Case(train.Epoch, _epoch_options),
        Case(train.Epoch.windows, fresh(self=epoch, ids=lambda rng: ids(rng, 60),
                                        rng=lambda rng: np.random.default_rng(0))),
        Case(train.Position.windows, fresh(self=position, ids=lambda rng: ids(rng, 60), epoch=epoch,
                                           rng=lambda rng: np.random.default_rng(0))),
        Case(train.Position.with_state, fresh(self=position, change=Function(twice))),
        Case(train.train_epoch, _epoch_of, writes=("model", "optimizer"), seldom=True),
        Case(train.train, lambda rng: {"config": config(rng), "out": "run", "overwrite": True}, seldom=True),
        Case(train.Run.begin, lambda rng: {"config": config(rng), "out": "run", "overwrite": True}, seldom=True),
        Case(train.Run.resume, lambda rng: {"out": begun(rng), "changes": {"epochs": 2}}, seldom=True),
        Case(train.Run.epochs, lambda rng: {"self": train.Run.begin(config(rng), "run", overwrite=True),
                                            "on_step": None, "stop": None, "trace_nonfinite": False},
             writes=("self",), seldom=True),
        Case(train.Run.evaluate, lambda rng: {"self": train.Run.begin(config(rng), "run", overwrite=True),
                                              "ids": ids(rng, 60)}, seldom=True),
        Case(train.save_checkpoint, lambda rng: {"checkpoint": train.load_checkpoint(f"{begun(rng)}/model.safetensors"),
                                                 "path": "checkpoint.safetensors"}, seldom=True),
        Case(train.load_checkpoint, lambda rng: {"path": f"{begun(rng)}/model.safetensors"}, seldom=True),
        Case(ns.plot.training_curve, lambda rng: {"metrics": [train.EpochMetrics(*METRICS)], "path": "curve.png"},
             seldom=True),
        Case(ns.plot.live_curve, lambda rng: {"epochs": [train.EpochMetrics(*METRICS)], "every": 1,
                                              "show": len}, seldom=True),
        Case(set_back, fresh(compiled=False), covers=ns.settings),
        Case(entered, fresh(fused=True, graphs=None, tf32=None), covers=ns.gpu.settings),
        Case(ns.gpu.Settings, fresh(fused=True, graphs=True, tf32=False)),
    ]  # fmt: skip
    return cases


def entered(**given: Any) -> Any:
    with ns.gpu.settings(**given) as current:
        return vars(current)


def set_back(**given: Any) -> Any:
    with ns.settings(**given) as current:
        return vars(current)


def begun(rng: Rng) -> str:
    ns.training.Run.begin(config(rng), "begun", overwrite=True)
    return "begun"


def cases() -> list[Case]:
    return [
        *layers(),
        *training_parts(),
        *models(),
        *counted(),
        *inspecting(),
        *online(),
        *scan(),
        *of_data(),
        *training(),
    ]
