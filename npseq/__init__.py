"""npseq: recurrent networks with hand-derived backpropagation through time, on NumPy and CuPy.

Public are the names in `__all__` and, where one of them is a module, the names in its own `__all__`. All other modules
are the engine's, and may change with any version.
"""

from npseq import early  # noqa: F401  # isort: skip
from importlib import import_module
from typing import TYPE_CHECKING

from npseq import data, initializers, layers, losses, models, optim
from npseq.activations import Activation
from npseq.bptt.truncation import CarouselTruncation, HDetach, RandomTruncation, RouletteTruncation, Truncated
from npseq.cell import Cell
from npseq.clipping import clip_grad_norm, clip_grad_value
from npseq.cpu import settings
from npseq.gradcheck import NotAnalyticError, check_vjp, gradcheck
from npseq.layers import GRU, LSTM, RNN, Bidirectional, Dropout, Embedding, Linear, Recurrent
from npseq.losses import binary_cross_entropy, mean_squared_error, perplexity, softmax_cross_entropy
from npseq.models import LanguageModel
from npseq.optim import SGD, Adagrad, Adam, AdamW, RMSprop

if TYPE_CHECKING:
    from npseq import gallery, gpu, inspect, interop, learn, online, plot, scan, testing, training
    from npseq.diagnosis import diagnose
    from npseq.layercheck import gradcheck_layer
    from npseq.layers.checkpointing import checkpointed
    from npseq.online import rflo, rtrl, snap, uoro

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "Bidirectional",
    "CarouselTruncation",
    "Cell",
    "Dropout",
    "Embedding",
    "HDetach",
    "LanguageModel",
    "Linear",
    "NotAnalyticError",
    "RMSprop",
    "RandomTruncation",
    "Recurrent",
    "RouletteTruncation",
    "Truncated",
    "binary_cross_entropy",
    "check_vjp",
    "checkpointed",
    "clip_grad_norm",
    "clip_grad_value",
    "data",
    "diagnose",
    "gallery",
    "gpu",
    "gradcheck",
    "gradcheck_layer",
    "initializers",
    "inspect",
    "interop",
    "layers",
    "learn",
    "losses",
    "mean_squared_error",
    "models",
    "online",
    "optim",
    "perplexity",
    "plot",
    "rflo",
    "rtrl",
    "scan",
    "settings",
    "snap",
    "softmax_cross_entropy",
    "testing",
    "training",
    "uoro",
]

_LAZY = {  # loaded when asked for: the module that holds the name, or None where the name is the module
    "checkpointed": "npseq.layers.checkpointing",
    "diagnose": "npseq.diagnosis",
    "gallery": None,
    "gpu": None,
    "gradcheck_layer": "npseq.layercheck",
    "inspect": None,
    "interop": None,
    "learn": None,
    "online": None,
    "plot": None,
    "rflo": "npseq.online",
    "rtrl": "npseq.online",
    "scan": None,
    "snap": "npseq.online",
    "testing": None,
    "training": None,
    "uoro": "npseq.online",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'npseq' has no attribute {name!r}")
    module = _LAZY[name]
    return getattr(import_module(module), name) if module else import_module(f"npseq.{name}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
