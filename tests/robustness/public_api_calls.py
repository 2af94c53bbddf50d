"""Random calls of the public API have good arguments, some of which are then made odd.

A case is (name, function, a maker of good arguments). A call may return, with its arguments unchanged, or raise an
error of npseq's own, with a text. An error that NumPy or Python raises in the middle of npseq's work is a mistake.
"""

from __future__ import annotations

import copy
import linecache
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import npseq as ns
from npseq import data, initializers, interop
from npseq.training import TrainingConfig

T, B, D, H, V = 4, 2, 3, 4, 5
CELLS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
OWN = (ValueError, TypeError, KeyError, ImportError, OSError, MemoryError, RuntimeError)
ROOT = str(Path(ns.__file__).parent)
WRITES = {"SGD.step", "RMSprop.step", "Adam.step", "AdamW.step", "Adagrad.step", "clip_grad_norm", "clip_grad_value",
          "LanguageModel.step", "interop.torch.load", "initializers.forget_bias", "initializers.chrono",
          "params[...] = ..."}  # fmt: skip

ABSENT = ("LanguageModel.load", "data.load_corpus")  # whose good arguments name a file that is not there
Rng = np.random.Generator


class Case(NamedTuple):
    name: str
    function: Callable[..., Any]
    good: Callable[[Rng], dict[str, Any]]
    bounded: tuple[str, ...] = ()  # how much work there is: giant numbers would be obeyed


def pick(rng: Rng, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def numbers(rng: Rng, *shape: int, dtype: Any = np.float32) -> np.ndarray:
    return rng.normal(size=shape).astype(dtype)


def ids(rng: Rng, *shape: int) -> np.ndarray:
    return rng.integers(0, V, shape)


# odd arguments -------------------------------------------------------------------------------------------------------


class Nothing:
    """No array, no number, no text."""


def odd(rng: Rng, small: bool) -> Any:
    """Something that hardly anyone would hand in."""
    plain = [
        None, True, False, 0, -1, 1.5, -0.0, float("nan"), float("inf"), -float("inf"), "", "x", b"x", [], (), {},
        [1, 2], [[1], [1, 2]], {"W": 1}, (1, "a"), Nothing(), Nothing, len, 1j, range(3), slice(None), set(),
    ]  # fmt: skip
    scalars = [np.float32(1), np.int8(-1), np.bool_(True), np.array(3), np.array(1.5), np.datetime64("2020"), np.nan]
    arrays = [
              np.zeros(0), np.zeros((0, 2)), np.zeros(3), np.zeros((2, 3), int), np.array(["a", "b"]),
              np.zeros(2, bool), np.array([None, 1], object), np.zeros((2, 2), complex), np.zeros((1, 1, 1, 1)),
              np.full((2, 2), np.nan),
              np.ma.masked_array([1.0, 2.0], [True, False]), np.zeros(2, [("a", int)]), np.array([2**63], np.uint64),
              np.arange(6).reshape(2, 3)[:, ::-1], np.zeros((T, B, D), ">f4"), np.zeros((T, B), np.int8)]  # fmt: skip
    giant = [] if small else [10**30, -(10**30), 2**63]
    return pick(rng, [*plain, *scalars, *arrays, *giant])


def near(rng: Rng, value: Any, small: bool) -> Any:
    """Almost what it was: another dtype, shape, order, sign or entry."""
    if isinstance(value, np.ndarray) and value.ndim:
        return _near_array(rng, value)
    if isinstance(value, dict) and value:
        key = pick(rng, sorted(value, key=str))
        entry = near(rng, value[key], small)
        return pick(rng, [{k: v for k, v in value.items() if k != key}, {**value, key: entry}, {**value, "odd": entry}])
    if type(value) in (list, tuple) and value:
        changed = list(value)
        changed[int(rng.integers(len(changed)))] = odd(rng, small)
        return pick(rng, [type(value)(changed), type(value)(value[:-1]), list(value), [*value, value[0]]])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return odd(rng, small)
    return pick(rng, [-value, value + 1, float(value), str(value), np.int64(value), np.float32(value), [value], 0])


def _linear_backward(rng: Rng) -> dict[str, Any]:
    layer = ns.Linear(3, 2, rng=0)
    return {"self": layer, "dy": numbers(rng, T, B, 2), "tape": layer.forward(numbers(rng, T, B, 3))[1]}


def _near_array(rng: Rng, value: np.ndarray) -> Any:
    if value.size and rng.random() < 0.2:
        changed = value.copy()
        entries = [0, -1, V, 100] if value.dtype.kind in "iu" else [np.nan, np.inf, 1e30, -1e30, 1e-42]
        changed.flat[int(rng.integers(value.size))] = pick(rng, entries)
        return changed
    same = np.array(value, order="F")
    frozen = value.copy()
    frozen.flags.writeable = False
    spread = np.repeat(value, 2, axis=0)[::2]
    dtypes = ["f2", "f4", "f8", "c8", "c16", "i1", "i8", "u8", "?", ">f4", "O", "U3", "g"]
    return pick(rng, [
        same, frozen, spread, value.tolist(), value[:-1], value[..., :-1], value[None], value[..., None], value.T,
        np.concatenate([value, value]), value[:0], value.reshape(-1), _cast(value, pick(rng, dtypes)),
        _cast(value, pick(rng, dtypes)), value.view(np.ma.MaskedArray),
    ])  # fmt: skip


def _cast(value: np.ndarray, dtype: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return value.astype(dtype)


# the API -------------------------------------------------------------------------------------------------------------


def _layer_options(rng: Rng) -> dict[str, Any]:
    options = {"num_layers": 1, "bidirectional": False, "bias": True, "dropout": 0.0, "dtype": np.float32, "rng": 0}
    return {"input_size": D, "hidden_size": H, **{k: v for k, v in options.items() if rng.random() < 0.5}}


def _layer(rng: Rng, **options: Any) -> Any:
    return pick(rng, list(CELLS.values()))(D, H, rng=0, **options)


def _state(rng: Rng, layer: Any) -> Any:
    h = numbers(rng, layer.num_layers * layer.directions, B, H)
    return (h, h.copy()) if isinstance(layer, ns.LSTM) else h


def _forward(rng: Rng) -> dict[str, Any]:
    layer = _layer(rng, num_layers=pick(rng, [1, 2]), bidirectional=pick(rng, [False, True]))
    x = pick(rng, [numbers(rng, T, B, D), rng.integers(0, D, (T, B))])
    lengths = pick(rng, [None, np.array([T, 2])])
    return {"self": layer, "x": x, "state": pick(rng, [None, _state(rng, layer)]), "lengths": lengths,
            "training": pick(rng, [True, False]), "tape": pick(rng, [None, layer.forward(x)[2]])}  # fmt: skip


def _backward(rng: Rng) -> dict[str, Any]:
    layer = _layer(rng, num_layers=pick(rng, [1, 2]))
    tape = layer.forward(numbers(rng, T, B, D))[2]
    cut = pick(rng, [None, ns.Truncated(2), ns.RandomTruncation(0.5, 0)])
    return {"self": layer, "dy": numbers(rng, T, B, H), "tape": tape, "dstate": pick(rng, [None, _state(rng, layer)]),
            "truncation": cut}  # fmt: skip


def _of_loss(rng: Rng) -> dict[str, Any]:
    return {"logits": numbers(rng, T, B, V), "targets": ids(rng, T, B), "ignore_index": pick(rng, [None, 0, -100]),
            "weights": pick(rng, [None, np.ones((T, B))]), "label_smoothing": pick(rng, [0.0, 0.1]),
            "reduction": pick(rng, ["mean", "sum", "none"])}  # fmt: skip


def _pair_loss(first: str, second: str) -> Callable[[Rng], dict[str, Any]]:
    return lambda rng: {first: numbers(rng, T, B), second: rng.random((T, B)).astype(np.float32),
                        "weights": pick(rng, [None, np.ones((T, B))]),
                        "reduction": pick(rng, ["mean", "sum"])}  # fmt: skip


def _updates(rng: Rng) -> dict[str, Any]:
    params = {"W": numbers(rng, 2, 3), "b": numbers(rng, 3)}
    return {"params": params, "grads": {name: numbers(rng, *value.shape) for name, value in params.items()}}


def _step(kind: Any) -> Callable[[Rng], dict[str, Any]]:
    return lambda rng: {"self": kind(0.1), **_updates(rng)}


def _model(rng: Rng) -> Any:
    return ns.LanguageModel(data.Vocabulary("abcd"), pick(rng, list(CELLS)), H, rng=0)


def _model_options(rng: Rng) -> dict[str, Any]:
    options = {"cell": "gru", "num_layers": 1, "embedding_size": 3, "bidirectional": False, "dropout": 0.0,
               "initializer": "normal", "nonlinearity": "tanh", "reset": "after", "peepholes": False, "proj_size": 0,
               "dtype": np.float32, "rng": 0}  # fmt: skip
    return {"vocab": V, "hidden_size": H, **{k: v for k, v in options.items() if rng.random() < 0.3}}


def _batch(rng: Rng) -> dict[str, Any]:
    model = _model(rng)
    state = None if rng.random() < 0.5 else model.logits(ids(rng, 1, B))[1]
    return {"self": model, "ids": ids(rng, T, B), "targets": ids(rng, T, B), "state": state}


def _train(rng: Rng) -> dict[str, Any]:
    return {**_batch(rng), "optimizer": ns.SGD(0.1), "clip": pick(rng, [None, 1.0])}


def _ledger(rng: Rng) -> dict[str, Any]:
    layer = _layer(rng)
    return {"layer": layer, "dy": numbers(rng, T, B, H), "tape": layer.forward(numbers(rng, T, B, D))[2]}


def _tape(rng: Rng) -> dict[str, Any]:
    return {name: value for name, value in _ledger(rng).items() if name != "dy"}


def _quadratic(rng: Rng) -> dict[str, Any]:
    x = rng.normal(size=3)
    return {"f": lambda at: (at["x"] ** 2).sum(), "at": {"x": x}, "gradient": {"x": 2 * x},
            "method": pick(rng, ["central", "complex", "directional", "taylor"]), "rtol": pick(rng, [None, 1e-4]),
            "rng": 0}  # fmt: skip


def _shape(rng: Rng) -> dict[str, Any]:
    return {"shape": (3, 4), "rng": 0, "dtype": np.float32}


def _config(rng: Rng) -> dict[str, Any]:
    options = {"cell": "lstm", "hidden": 8, "epochs": 2, "optimizer": "adam", "lr": 0.1, "clip": 1.0, "steps": 4,
               "truncation": "truncated:2", "sampling": "random", "dropout": 0.5, "layers": 2, "threads": 1,
               "sample_prefix": ("a",), "max_tokens": None, "peepholes": True, "dtype": "float64"}  # fmt: skip
    chosen = {k: v for k, v in options.items() if rng.random() < 0.3}
    return {**chosen, **({"cell": "lstm"} if "peepholes" in chosen else {}),
            **({"layers": 2} if "dropout" in chosen else {})}  # fmt: skip


def _checked(rng: Rng) -> dict[str, Any]:
    return {"layer": pick(rng, list(CELLS.values()))(1, 1, rng=0), "x": numbers(rng, 2, 1, 1, dtype=np.float64),
            "method": "complex", "rng": 0}  # fmt: skip


def _torch(rng: Rng) -> dict[str, Any]:
    layer = _layer(rng)
    return {"layer": layer, "state_dict": dict(interop.torch.export(layer))}


def _set(self: Any, name: Any, value: Any) -> None:
    self[name] = value


def _pieces(rng: Rng) -> dict[str, Any]:
    return {"layer": _layer(rng), "x": numbers(rng, T, B, D), "dy": numbers(rng, T, B, H), "max_bytes": None}


def cases() -> list[Case]:
    found = [Case(kind.__name__, kind, _layer_options) for kind in CELLS.values()]
    found += [
        Case("layer.forward", lambda self, **given: self.forward(**given), _forward),
        Case("layer.backward", lambda self, **given: self.backward(**given), _backward),
        Case("layer.astype", lambda self, dtype: self.astype(dtype),
             lambda rng: {"self": _layer(rng), "dtype": np.float64}),
        Case("layer.to", lambda self, device: self.to(device), lambda rng: {"self": _layer(rng), "device": "cpu"}),
        Case("params[...] = ...", _set, lambda rng: {"self": ns.RNN(D, H, rng=0).params, "name": "W_xh",
                                                     "value": numbers(rng, D, H)}),
        Case("Bidirectional", ns.Bidirectional, lambda rng: {"forward": _layer(rng), "backward": _layer(rng)}),
        Case("Linear", ns.Linear, lambda rng: {"in_features": 3, "out_features": 2, "bias": True, "rng": 0}),
        Case("Linear.forward", lambda self, x: self.forward(x),
             lambda rng: {"self": ns.Linear(3, 2, rng=0), "x": numbers(rng, T, B, 3)}),
        Case("Linear.backward", lambda self, dy, tape: self.backward(dy, tape), _linear_backward),
        Case("Embedding", ns.Embedding, lambda rng: {"num_embeddings": V, "dim": 3, "padding_idx": 0, "rng": 0}),
        Case("Embedding.forward", lambda self, ids: self.forward(ids),
             lambda rng: {"self": ns.Embedding(V, 3, rng=0), "ids": ids(rng, T, B)}),
        Case("Embedding.backward", lambda self, dy, tape: self.backward(dy, tape),
             lambda rng: {"self": ns.Embedding(V, 3, rng=0), "dy": numbers(rng, T, B, 3), "tape": ids(rng, T, B)}),
        Case("Dropout", ns.Dropout, lambda rng: {"p": 0.5, "rng": 0}),
        Case("Dropout.forward", lambda self, x, training: self.forward(x, training=training),
             lambda rng: {"self": ns.Dropout(0.5, 0), "x": numbers(rng, T, B), "training": True}),
        Case("softmax_cross_entropy", ns.softmax_cross_entropy, _of_loss),
        Case("binary_cross_entropy", ns.binary_cross_entropy, _pair_loss("logits", "targets")),
        Case("mean_squared_error", ns.mean_squared_error, _pair_loss("prediction", "target")),
        Case("perplexity", ns.perplexity, lambda rng: {"mean_nll": pick(rng, [1.5, np.ones(2)])}),
        Case("clip_grad_norm", ns.clip_grad_norm, lambda rng: {"grads": _updates(rng)["grads"], "max_norm": 1.0}),
        Case("clip_grad_value", ns.clip_grad_value, lambda rng: {"grads": _updates(rng)["grads"], "limit": 1.0}),
        Case("Truncated", ns.Truncated, lambda rng: {"steps": 2}),
        Case("RandomTruncation", ns.RandomTruncation,
             lambda rng: {"keep": pick(rng, [0.5, np.full(T, 0.5)]), "rng": 0}),
        Case("RouletteTruncation", ns.RouletteTruncation, lambda rng: {"survival": lambda k: 0.5**k, "rng": 0}),
        Case("HDetach", ns.HDetach, lambda rng: {"probability": 0.5, "rng": 0}),
        Case("SGD", ns.SGD, lambda rng: {"lr": 0.1, "momentum": 0.9, "dampening": 0, "nesterov": True}),
        Case("RMSprop", ns.RMSprop, lambda rng: {"lr": 0.1, "alpha": 0.9, "momentum": 0.5, "centered": True}),
        Case("Adam", ns.Adam, lambda rng: {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "amsgrad": True}),
        Case("Adagrad", ns.Adagrad, lambda rng: {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
        *(Case(f"{kind.__name__}.step", lambda self, params, grads: self.step(params, grads), _step(kind))
          for kind in (ns.SGD, ns.RMSprop, ns.Adam, ns.AdamW, ns.Adagrad)),
        Case("Adam.load_state_dict", lambda self, state: self.load_state_dict(state),
             lambda rng: {"self": ns.Adam(), "state": {"steps": 1, "lr": 0.1, "mean/W": numbers(rng, 2),
                                                       "square/W": numbers(rng, 2)}}),
        Case("gradcheck", ns.gradcheck, _quadratic),
        Case("gradcheck_layer", ns.gradcheck_layer, _checked),
        Case("testing.assert_gradients", ns.testing.assert_gradients, _quadratic),
        Case("inspect.ledger", ns.inspect.ledger, _ledger),
        Case("inspect.jacobian_spectrum", ns.inspect.jacobian_spectrum, _tape),
        Case("inspect.lyapunov_exponents", ns.inspect.lyapunov_exponents, _tape),
        Case("inspect.first_nonfinite", ns.inspect.first_nonfinite,
             lambda rng: {"model": _layer(rng), "x": numbers(rng, T, B, D), "dy": numbers(rng, T, B, H)}),
        Case("inspect.truncation_bias", ns.inspect.truncation_bias,
             lambda rng: {"ledger": ns.inspect.ledger(**_ledger(rng), pairs=False)}),
        Case("inspect.vanishing_penalty", ns.inspect.vanishing_penalty, _ledger),
        Case("inspect.truncation_certificate", ns.inspect.truncation_certificate,
             lambda rng: {"ledger": ns.inspect.ledger(**_ledger(rng), pairs=False), "relative": 0.1,
                          "tau": pick(rng, [None, 1]), "beta": pick(rng, [None, 0.99])}),
        Case("inspect.hvp", ns.inspect.hvp,
             lambda rng: {"gradient": lambda at: 2 * at, "at": rng.normal(size=3), "v": rng.normal(size=3)}),
        Case("inspect.jvp", ns.inspect.jvp,
             lambda rng: {"f": lambda at: at**2, "at": rng.normal(size=3), "v": rng.normal(size=3)}),
        Case("checkpointed", ns.checkpointed, _pieces),
        Case("LanguageModel", ns.LanguageModel, _model_options),
        Case("LanguageModel.loss", lambda self, **given: self.loss(**given), _batch),
        Case("LanguageModel.step", lambda self, **given: self.step(**given), _train),
        Case("LanguageModel.generate", lambda self, **given: self.generate(**given),
             lambda rng: {"self": _model(rng), "prefix": pick(rng, ["ab", [1, 2], np.array([1])]), "length": 3,
                          "temperature": pick(rng, [0, 0.7]), "rng": 0}, ("length",)),
        Case("LanguageModel.log_prob", lambda self, tokens: self.log_prob(tokens),
             lambda rng: {"self": _model(rng), "tokens": pick(rng, ["ab", [1, 2], np.array([1])])}),
        Case("LanguageModel.evaluate", lambda self, **given: self.evaluate(**given),
             lambda rng: {"self": _model(rng), "ids": ids(rng, 9), "steps": 4}),
        Case("LanguageModel.load", ns.LanguageModel.load, lambda rng: {"path": "/no/file"}),
        Case("interop.torch.load", interop.torch.load, _torch),
        Case("interop.torch.export", interop.torch.export, lambda rng: {"layer": _layer(rng), "values": None}),
        Case("TrainingConfig", TrainingConfig, _config),
        Case("data.Vocabulary", data.Vocabulary,
             lambda rng: {"tokens": ["a", "b", "a"], "min_freq": 0, "reserved_tokens": ("<pad>",), "token": "char"}),
        Case("data.Vocabulary.encode", lambda self, text: self.encode(text),
             lambda rng: {"self": data.Vocabulary("abcd"), "text": "abc"}),
        Case("data.Vocabulary.decode", lambda self, ids: self.decode(ids),
             lambda rng: {"self": data.Vocabulary("abcd"), "ids": [1, 2]}),
        Case("data.Vocabulary.from_dict", data.Vocabulary.from_dict,
             lambda rng: {"content": data.Vocabulary("abca").to_dict()}),
        Case("data.tokenize", data.tokenize, lambda rng: {"lines": ["a b", "c"], "token": "word"}),
        Case("data.clean_lines", data.clean_lines, lambda rng: {"text": "A b\nc", "clean": "letters"}),
        Case("data.load_corpus", data.load_corpus, lambda rng: {"name_or_path": "/no/file", "token": "char"}),
        Case("data.one_hot", data.one_hot, lambda rng: {"ids": ids(rng, T, B), "num_classes": V}),
        Case("data.pad_sequences", data.pad_sequences,
             lambda rng: {"sequences": [[1, 2], [3], np.array([4, 5, 6])], "value": 0, "length": 3}),
        Case("data.sequence_mask", data.sequence_mask,
             lambda rng: {"x": numbers(rng, B, T), "lengths": np.array([2, T]), "value": 0, "axis": 1}),
        Case("data.random_windows", lambda **given: list(data.random_windows(**given)),
             lambda rng: {"ids": ids(rng, 40), "batch_size": 2, "steps": 3, "rng": 0}),
        Case("data.sequential_windows", lambda **given: list(data.sequential_windows(**given)),
             lambda rng: {"ids": ids(rng, 40), "batch_size": 2, "steps": 3, "rng": 0}),
        Case("data.lagged_windows", data.lagged_windows, lambda rng: {"series": rng.normal(size=9), "lags": 3}),
        Case("data.noisy_sine", data.noisy_sine, lambda rng: {}),
        *(Case(f"initializers.{name}", getattr(initializers, name), _shape)
          for name in ("uniform_sqrt_hidden", "normal", "xavier_uniform", "xavier_normal", "orthogonal", "identity",
                       "zeros", "constant")),
        Case("initializers.forget_bias", initializers.forget_bias,
             lambda rng: {"params": ns.LSTM(D, H, rng=0).params, "value": 1.0}),
        Case("initializers.chrono", initializers.chrono,
             lambda rng: {"params": ns.LSTM(D, H, rng=0).params, "t_max": 9.0, "rng": 0}),
        Case("rtrl", ns.rtrl, lambda rng: {"layer": _layer(rng), "x": numbers(rng, T, B, D),
                                           "dy": numbers(rng, T, B, H)}),
        Case("snap", ns.snap, lambda rng: {"layer": _layer(rng), "x": numbers(rng, T, B, D),
                                           "dy": numbers(rng, T, B, H), "n": pick(rng, [1, 2])}, ("n",)),
        Case("rflo", ns.rflo, lambda rng: {"layer": ns.GRU(D, H, rng=0), "x": numbers(rng, T, B, D),
                                           "dy": numbers(rng, T, B, H)}),
        Case("inspect.alignment", ns.inspect.alignment,
             lambda rng: {"approximate": {"W": numbers(rng, 3)}, "true": {"W": numbers(rng, 3)}}),
        Case("uoro", ns.uoro, lambda rng: {"layer": _layer(rng), "x": numbers(rng, T, B, D),
                                           "dy": numbers(rng, T, B, H), "rng": 0}),
    ]  # fmt: skip
    return found


# the judgement -------------------------------------------------------------------------------------------------------


def arguments(case: Case, rng: Rng) -> tuple[dict[str, Any], bool]:
    """Arguments of a call, and whether any is odd."""
    given = case.good(rng)
    names = [name for name in given if name != "self"]
    count = int(rng.integers(0, 3)) if names else 0
    for name in rng.permutation(names)[:count]:
        small = name in case.bounded
        value = near(rng, given[name], small) if rng.random() < 0.6 else odd(rng, small)
        if not callable(value):  # what a function that is handed in does is its own affair
            given[str(name)] = value
    return given, count > 0


def judge(case: Case, given: dict[str, Any], is_odd: bool) -> str:
    """ "" where the call did what it may, else what it did."""
    arrays = {name: copy.deepcopy(value) for name, value in given.items() if isinstance(value, np.ndarray)}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", RuntimeWarning)
            case.function(**given)
    except AssertionError as error:
        return "" if case.name == "testing.assert_gradients" else f"asserts: {error}"
    except Exception as error:
        return _meant(error) if is_odd or case.name in ABSENT else f"good arguments: {type(error).__name__}: {error}"
    for name, value in arrays.items():
        if case.name not in WRITES and not _same(value, given[name]):
            return f"{name} was written on"
    return ""


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes() if a.dtype != object else True


def _meant(error: Exception) -> str:
    """ "" for an error that npseq raises, with a text."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
    text = linecache.getline(file, line).strip()
    what = f"{type(error).__name__}: {error} at {Path(file).name}:{line}: {text}"
    raised = text.startswith("raise ") or "raise " in linecache.getline(file, line - 1)
    if not str(error) or not isinstance(error, OWN) or not file.startswith(ROOT) or not raised:
        return what
    return ""
