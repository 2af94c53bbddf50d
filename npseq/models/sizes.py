"""How many numbers the parameters of a configuration take, found without taking any memory for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from npseq.bptt.layout import strand_layout
from npseq.cell import Cell
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

COUNTS = ("hidden_size", "num_layers", "embedding_size", "proj_size")


def parameter_count(config: Mapping[str, Any], vocab_size: int) -> int:
    """The parameters of LanguageModel(vocab_size, **config), whose sizes may be anything: nothing is allocated.

    Raises ValueError for sizes that are no integers of at least 0, KeyError for a configuration that lacks an option.
    """
    for name in COUNTS:
        size = 0 if name == "embedding_size" and config[name] is None else config[name]
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ValueError(f"{name} must be an integer of at least 0, got {size!r}")
    hidden, directions = config["hidden_size"], 2 if config["bidirectional"] else 1
    state = config["proj_size"] or hidden
    inputs = vocab_size if config["embedding_size"] is None else config["embedding_size"]
    output = directions * state

    def layer(features: int) -> int:
        return directions * strand_layout(_cell(config), features, hidden, state, True, "").size

    recurrent = layer(inputs) + (config["num_layers"] - 1) * layer(output)
    return vocab_size * (config["embedding_size"] or 0) + recurrent + (output + 1) * vocab_size


def _cell(config: Mapping[str, Any]) -> Cell:
    return {
        "rnn": RNNCell(config["nonlinearity"]),
        "gru": GRUCell(config["reset"]),
        "lstm": LSTMCell(bool(config["peepholes"]), config["proj_size"] > 0),
    }[config["cell"]]
