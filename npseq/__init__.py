"""npseq: recurrent networks with hand-derived backpropagation through time, on NumPy and CuPy."""

from npseq import data, initializers, testing
from npseq.bptt.truncation import RandomTruncation, RouletteTruncation, Truncated
from npseq.gradcheck import gradcheck
from npseq.layers import GRU, LSTM, RNN, Bidirectional, Dropout, Embedding, Linear
from npseq.layers.checking import gradcheck_layer
from npseq.losses import binary_cross_entropy, mean_squared_error, perplexity, softmax_cross_entropy
from npseq.models import LanguageModel
from npseq.optim import SGD, Adagrad, Adam, AdamW, RMSprop, clip_grad_norm, clip_grad_value

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
    "Dropout",
    "Embedding",
    "LanguageModel",
    "Linear",
    "RMSprop",
    "RandomTruncation",
    "RouletteTruncation",
    "Truncated",
    "binary_cross_entropy",
    "clip_grad_norm",
    "clip_grad_value",
    "data",
    "gradcheck",
    "gradcheck_layer",
    "initializers",
    "mean_squared_error",
    "perplexity",
    "softmax_cross_entropy",
    "testing",
]
