"""The number of parameters of a configuration, counted without taking memory for them."""

from collections.abc import Mapping
from typing import Any

from npseq.arguments import integer
from npseq.bptt.layout import strand_layout
from npseq.cell import Cell
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell


def parameter_count(config: Mapping[str, Any], vocab_size: int) -> int:
    """The parameters of LanguageModel(vocab_size, **config), whose sizes may be anything: nothing is allocated.

    Raises:
        ValueError: if a size is no integer of at least 0.
        KeyError: if the configuration lacks an option.
    """
    for name in ("hidden_size", "num_layers", "embedding_size", "proj_size"):
        if name != "embedding_size" or config[name] is not None:
            config = {**config, name: integer(name, config[name], least=0)}
    hidden, directions = config["hidden_size"], 2 if config["bidirectional"] else 1
    state = config["proj_size"] or hidden
    inputs = vocab_size if config["embedding_size"] is None else config["embedding_size"]
    output = directions * state

    def layer(features: int) -> int:
        return directions * strand_layout(_cell(config), features, hidden, state, True, "").size

    recurrent = layer(inputs) + (config["num_layers"] - 1) * layer(output)
    own = 1 if config.get("tied") else output + 1
    count: int = vocab_size * (config["embedding_size"] or 0) + recurrent + own * vocab_size
    return count


def _cell(config: Mapping[str, Any]) -> Cell:
    cells: dict[str, Cell] = {
        "rnn": RNNCell(config["nonlinearity"]),
        "gru": GRUCell(config["reset"]),
        "lstm": LSTMCell(bool(config["peepholes"]), config["proj_size"] > 0),
    }
    return cells[config["cell"]]
