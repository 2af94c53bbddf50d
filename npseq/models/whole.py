"""This module saves a model whole, as one safetensors file: what it was made of, vocabularies, labels, parameters."""

import json
from os import PathLike
from typing import Any, Self

import numpy as np

from npseq.backend import to_host
from npseq.data import Vocabulary
from npseq.files import VERSION, Content, damage_in, read_content, write_content
from npseq.layers import GRU, LSTM, RNN, Bidirectional, Embedding
from npseq.layers.bidirectional import recurrent_layers
from npseq.models.model import Model, set_params

FORMAT = "npseq model"
LAYERS: dict[str, Any] = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}
OWN = {"RNN": "nonlinearity", "GRU": "reset", "LSTM": "peepholes"}  # the option that a cell keeps


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
            ValueError: for a layer of a cell of one's own, which a file cannot hold.
        """
        made = {name: _written(value) for name, value in self._made().items()}
        found = {name: getattr(self, name) for name in self.fitted if hasattr(self, name)}
        metadata = {"format": FORMAT, "version": VERSION, "model": type(self).__name__, "made": json.dumps(made)}
        params = self.params.like(to_host(self.params.flat))
        write_content(Content(dict(params), {**metadata, "fitted": json.dumps(found)}), path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Returns the model that `save` wrote, on the host, with the same bits.

        Args:
            path: of the file.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if it is damaged, or holds another model.
        """
        content = read_content(path, FORMAT, _check_size)
        if (kind := content.metadata.get("model")) != cls.__name__:
            raise ValueError(
                f"{str(path)!r} must hold a {cls.__name__}, it holds a {kind!r:.80}; load it by that class"
            )
        with damage_in(path):
            made = {name: _read(value) for name, value in json.loads(content.metadata["made"]).items()}
            model: Self = cls(**made, rng=0)  # type: ignore[call-arg]
            set_params(model.params, content.tensors)
            for name, value in json.loads(content.metadata["fitted"]).items():
                if name not in cls.fitted:
                    raise ValueError(f"it says of {name!r}, which a {cls.__name__} does not keep")
                setattr(model, name, value)
        return model


def _written(value: Any) -> Any:
    """A value as JSON: vocabularies and layers by what they are made of."""
    if isinstance(value, Vocabulary):
        return {"vocabulary": value.to_dict()}
    if isinstance(value, Embedding):
        return {"embedding": [value.num_embeddings, value.dim], "dtype": value.dtype.name}
    if isinstance(value, Bidirectional):
        forward, backward = recurrent_layers(value).values()
        return {"both": [_written(forward), _written(backward)]}
    if (kind := type(value).__name__) in LAYERS and type(value) is LAYERS[kind]:
        return {"layer": kind, **_layer_options(kind, value)}
    if value is None or isinstance(value, str | int | float | list):
        return value
    raise ValueError(
        f"a file can hold an RNN, a GRU or an LSTM, not {value!r:.80}; take save_params, and load_params into a model "
        "that is made the same way"
    )


def _layer_options(kind: str, layer: Any) -> dict[str, Any]:
    options = {
        "input_size": layer.input_size, "hidden_size": layer.hidden_size, "num_layers": layer.num_layers,
        "bidirectional": layer.directions == 2, "bias": layer.bias, "dropout": float(layer.dropout.p),
        "dtype": layer.dtype.name, OWN[kind]: getattr(layer.cell, OWN[kind]),
    }  # fmt: skip
    return options | ({"proj_size": layer.state_size} if kind == "LSTM" and layer.cell.projected else {})


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "vocabulary" in value:
        return Vocabulary.from_dict(value["vocabulary"])
    if "embedding" in value:
        return Embedding(*value["embedding"], dtype=value["dtype"], rng=0)
    if "both" in value:
        return Bidirectional(*map(_read, value["both"]))
    return LAYERS[value["layer"]](**{name: option for name, option in value.items() if name != "layer"}, rng=0)


def _check_size(content: Content) -> None:
    """Raises ValueError for a file whose model would have more parameters than it holds, before memory is taken."""
    held = sum(tensor.size for tensor in content.tensors.values())
    made = json.loads(content.metadata["made"])
    sizes = [size for size in _numbers(made) if size > held]
    if sizes:
        raise ValueError(f"it says of a size of {max(sizes)}, and holds {held} parameters")
    for layer in _layers(made):
        hidden, state = layer["hidden_size"], layer.get("proj_size") or layer["hidden_size"]
        if layer.get("num_layers", 1) * hidden * state > held:
            raise ValueError(f"its recurrent layer of {hidden} units has more parameters than the {held} that it holds")


def _numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return [size for name, part in value.items() if name != "vocabulary" for size in _numbers(part)]
    if isinstance(value, list):
        return [size for part in value for size in _numbers(part)]
    return [value] if isinstance(value, int) else []


def _layers(made: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [part for value in made.values() if isinstance(value, dict) for part in (value, *value.get("both", []))]
    return [part for part in parts if "hidden_size" in part] + ([made] if "hidden_size" in made else [])


def as_numbers(values: Any) -> Any:
    """Returns arrays and numbers of NumPy as JSON has them."""
    return values.tolist() if isinstance(values, np.ndarray | np.generic) else values
