"""This module saves a model whole, as one safetensors file: what it was made of, vocabularies, labels, parameters."""

import json
from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from typing import Any, Self, TypeVar

import numpy as np

from npseq import gallery, layers
from npseq.backend import to_host
from npseq.cell import Cell
from npseq.data import Vocabulary
from npseq.files import VERSION, Content, read_content, write_content
from npseq.layers import GRU, LSTM, RNN, Bidirectional, Embedding
from npseq.layers.bidirectional import recurrent_layers
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell
from npseq.models.cells import recurrent_of
from npseq.models.model import Model, check_params, set_params
from npseq.parameters import at_most

LAYERS: dict[str, Any] = {kind.__name__: kind for kind in (RNN, GRU, LSTM, Recurrent)}
OVER_UNITS = (layers.RNNOverUnitsCell, layers.GRUOverUnitsCell, layers.LSTMOverUnitsCell)
CELLS: dict[str, Any] = {cell.__name__: cell for cell in (RNNCell, GRUCell, LSTMCell, *OVER_UNITS)}
CELLS |= {name: getattr(gallery, name) for name in gallery.__all__}


class Whole(Model):
    """A model that `save` writes so that `load` needs nothing else.

    A class of these says by `_made` what its constructor takes, and keeps in `fitted` what `fit` has found.
    """

    fitted: tuple[str, ...] = ()  # attributes, numbers or lists of them, that are saved

    def _made(self) -> dict[str, Any]:
        """The arguments of the constructor, of JSON, vocabularies and layers."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the whole model as one safetensors file.

        Args:
            path: of the file, or a link to it; one of npseq's that was there is replaced as a whole.

        Raises:
            OSError: if it cannot be written, or a file is there that npseq did not write.
            ValueError: for complex128, or a layer of a cell of one's own, which a file cannot hold; for the latter
                `save_params` writes the parameters.
        """
        write_content(content_of(self), path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Returns the model that `save`, or of a LanguageModel a training run, wrote, on the host, with the same bits.

        Args:
            path: of the file.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if it is damaged, or holds another model.
        """
        return read_model(cls, path)[0]


W = TypeVar("W", bound=Whole)


def content_of(model: Whole) -> Content:
    """The content of a model's file. The names of its tensors are those of its params, "recurrent.W_xh"."""
    made = {name: _written(value) for name, value in model._made().items()}
    found = {name: getattr(model, name) for name in model.fitted if hasattr(model, name)}
    metadata = {"format": _format(type(model)), "version": VERSION}
    params = model.params.like(to_host(model.params.flat))
    return Content(dict(params), {**metadata, "made": json.dumps(made), "fitted": json.dumps(found)})


def read_model(kind: type[W], path: str | PathLike[str], rng: Any = 0) -> tuple[W, Content]:
    """Returns the model of a file, on the host, and all that the file holds.

    What a file says is checked before memory is taken for it. Tensors whose names hold a "/" are no parameters. rng:
    for what the model draws later. Raises as Whole.load does.
    """
    built: list[W] = []
    content = read_content(path, _format(kind), lambda outline: built.append(_built(kind, outline, rng)))
    set_params(built[0].params, _parameters(content))
    return built[0], content


def _format(kind: type) -> str:
    return f"npseq {kind.__name__}"


def _parameters(content: Content) -> dict[str, np.ndarray]:
    return {name: tensor for name, tensor in content.tensors.items() if "/" not in name}


def _built(kind: type[W], content: Content, rng: Any) -> W:
    """The model that a file describes, with other parameters. Raises for one that has not those of the file."""
    given = _parameters(content)
    made, found = (json.loads(content.metadata[name]) for name in ("made", "fitted"))
    with at_most(sum(tensor.size for tensor in given.values())):
        model = kind(**{name: _read(value) for name, value in made.items()}, rng=rng)  # type: ignore[call-arg]
    check_params(model.params, given)
    for name, value in found.items():
        if name not in kind.fitted:
            raise ValueError(f"it says of {name!r}, which a {kind.__name__} does not keep")
        setattr(model, name, value)
    return model


def _written(value: Any) -> Any:
    """A value as JSON: vocabularies, layers and cells by what they are made of."""
    if isinstance(value, Vocabulary):
        return {"vocabulary": value.to_dict()}
    if isinstance(value, Embedding):
        return {"embedding": [value.num_embeddings, value.dim, value.padding_idx], "dtype": value.dtype.name}
    if isinstance(value, Bidirectional):
        return {"both": [_written(layer) for layer in recurrent_layers(value).values()]}
    if LAYERS.get(type(value).__name__) is type(value):
        return {"layer": type(value).__name__, **_layer_options(value)}
    if CELLS.get(type(value).__name__) is type(value):
        return {"kind": type(value).__name__, **{field.name: getattr(value, field.name) for field in fields(value)}}
    if value is None or isinstance(value, str | int | float | list):
        return value
    raise ValueError(
        f"a file can hold npseq's own cells and layers, not {value!r:.80}; take save_params, and load_params into a "
        "model that is made the same way"
    )


def _layer_options(layer: Recurrent) -> dict[str, Any]:
    return {
        "cell": _written(layer.cell), "input_size": layer.input_size, "hidden_size": layer.hidden_size,
        "state_size": layer.state_size, "num_layers": layer.num_layers, "bidirectional": layer.directions == 2,
        "bias": layer.bias, "dropout": float(layer.dropout.p), "dtype": layer.dtype.name,
    }  # fmt: skip


def _read(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if "vocabulary" in value:
        return Vocabulary.from_dict(value["vocabulary"])
    if "embedding" in value:
        count, dim, padding_idx = value["embedding"]
        return Embedding(count, dim, padding_idx=padding_idx, dtype=value["dtype"], rng=0)
    if "both" in value:
        return Bidirectional(*map(_read, value["both"]))
    options = {name: _read(option) for name, option in value.items() if name not in ("kind", "layer")}
    if "kind" in value:
        cell: Cell = CELLS[value["kind"]](**options)
        return cell
    return recurrent_of(LAYERS[value["layer"]], **options, rng=0)
