"""The recurrent layer of a model: of a cell by its name, of an ns.Cell, or one that is handed in."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from npseq.arguments import instance, one_of
from npseq.cell import Cell
from npseq.layers import GRU, LSTM, RNN, Bidirectional
from npseq.layers.bidirectional import recurrent_layers
from npseq.layers.contract import initial_values
from npseq.layers.recurrent import Recurrent

LAYERS: dict[str, Any] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
CELL = "lstm"  # of every model whose cell is not named
CELL_OF = {  # whose option it is
    "nonlinearity": ("rnn",),
    "reset": ("gru",),
    "peepholes": ("lstm",),
    "proj_size": ("lstm",),
    "gate_activation": ("gru", "lstm"),
    "activation": ("gru", "lstm"),
    "output_activation": ("lstm",),
}
DEFAULTS = {name: signature(LAYERS[owners[0]]).parameters[name].default for name, owners in CELL_OF.items()}


def check_cell_options(cell: Any, given: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """Returns the cell's own options of `given`, a model's arguments.

    Raises:
        TypeError, ValueError: for what is no cell, or an option of something else that is not left at its default.
    """
    if isinstance(cell, Recurrent | Bidirectional):
        defaults = signature(model).parameters
        for name in given.keys() & {"hidden_size", "num_layers", "bidirectional", "dropout", "dtype", *CELL_OF}:
            if not _left(given[name], defaults[name].default):
                raise ValueError(f"{name} belongs to the layer that is given, got {given[name]!r}; leave it out")
        return {}
    if not isinstance(cell, Cell):
        kind = "'rnn', 'gru', 'lstm', an ns.Cell or a recurrent layer"
        one_of("cell", instance("cell", cell, str, kind), tuple(LAYERS))
    options = {name: given[name] for name in CELL_OF if name in given}
    check_own_options(cell, options)
    return {name: value for name, value in options.items() if cell in CELL_OF[name]}


def check_own_options(cell: Any, given: Mapping[str, Any]) -> None:
    """Raises ValueError for an option of another cell that is not left at its default."""
    for name, value in given.items():
        if cell not in CELL_OF[name] and not _left(value, DEFAULTS[name]):
            raise ValueError(
                f"{name} belongs to cell {' or '.join(CELL_OF[name])}, got {name} {value!r} with cell {cell}; "
                "leave it out or change the cell"
            )


def _left(value: Any, default: Any) -> bool:
    return type(value) is type(default) and value == default


def layer_of(cell: Any, inputs: int, hidden_size: int, num_layers: int, **options: Any) -> Any:
    """Returns the layer of a cell by its name or of an ns.Cell; a layer is returned as it is, less all options.

    Raises:
        ValueError: if a layer reads other inputs than so many features.
    """
    if isinstance(cell, Cell):
        return Recurrent(cell, inputs, hidden_size, num_layers=num_layers, **options)
    if isinstance(cell, str):
        return LAYERS[cell](inputs, hidden_size, num_layers, **options)
    if cell.input_size != inputs:
        raise ValueError(f"cell must read the model's {inputs} inputs, got a layer that reads {cell.input_size}")
    return cell


def recurrent_of(kind: type[Recurrent], **options: Any) -> Recurrent:
    """Returns an RNN, a GRU, an LSTM or a Recurrent with the options of a Recurrent, the cell among them."""
    layer = object.__new__(kind)
    Recurrent.__init__(layer, **options)
    return layer


def draw_own(recurrent: Any, rng: np.random.Generator) -> None:
    """Writes the values that cells themselves begin with over others."""
    for layer in recurrent_layers(recurrent).values():
        initial_values(layer.cell, layer.params, rng)
