"""npseq: recurrent networks with hand-derived backpropagation through time, on NumPy and CuPy."""

from importlib import import_module
from typing import TYPE_CHECKING

from npseq import data, initializers
from npseq.bptt.truncation import CarouselTruncation, HDetach, RandomTruncation, RouletteTruncation, Truncated
from npseq.clipping import clip_grad_norm, clip_grad_value
from npseq.gradcheck import gradcheck
from npseq.layers import GRU, LSTM, RNN, Bidirectional, Dropout, Embedding, Linear
from npseq.losses import binary_cross_entropy, mean_squared_error, perplexity, softmax_cross_entropy
from npseq.models import LanguageModel
from npseq.optim import SGD, Adagrad, Adam, AdamW, RMSprop

if TYPE_CHECKING:
    from npseq import inspect, interop, testing
    from npseq.layercheck.check import gradcheck_layer
    from npseq.layers.checkpointing import checkpointed
    from npseq.online.rtrl import rtrl, uoro
    from npseq.online.snap import rflo, snap

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Bidirectional",
    "CarouselTruncation",
    "Dropout",
    "Embedding",
    "HDetach",
    "LanguageModel",
    "Linear",
    "RMSprop",
    "RandomTruncation",
    "RouletteTruncation",
    "Truncated",
    "binary_cross_entropy",
    "checkpointed",
    "clip_grad_norm",
    "clip_grad_value",
    "data",
    "gradcheck",
    "gradcheck_layer",
    "initializers",
    "inspect",
    "interop",
    "mean_squared_error",
    "perplexity",
    "rflo",
    "rtrl",
    "snap",
    "softmax_cross_entropy",
    "testing",
    "uoro",
]

_ON_DEMAND = {
    "checkpointed": "npseq.layers.checkpointing",
    "gradcheck_layer": "npseq.layercheck.check",
    "inspect": "",
    "interop": "",
    "rflo": "npseq.online.snap",
    "rtrl": "npseq.online.rtrl",
    "snap": "npseq.online.snap",
    "testing": "",
    "uoro": "npseq.online.rtrl",
}


def __getattr__(name: str) -> object:
    """What a training script does not need is loaded when it is asked for."""
    if name not in _ON_DEMAND:
        raise AttributeError(f"module 'npseq' has no attribute {name!r}")
    module = _ON_DEMAND[name]
    return getattr(import_module(module), name) if module else import_module(f"npseq.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
