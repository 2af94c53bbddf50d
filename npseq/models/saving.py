"""The content of a language model's file: parameters by name, configuration and vocabulary as JSON."""

import json
from collections.abc import Callable
from os import PathLike
from typing import Any, TypeVar

import numpy as np

from npseq.backend import to_host
from npseq.data import Vocabulary
from npseq.files import VERSION, Content, damage_in
from npseq.models.model import Model, set_params
from npseq.models.sizes import parameter_count

M = TypeVar("M", bound=Model)
FORMAT = "npseq language model"


def content_of(model: Any) -> Content:
    """The content of a LanguageModel's file. The names of its tensors are those of its params, "recurrent.W_xh"."""
    if model.config is None:
        raise ValueError(
            "a model over a layer that was given cannot say how it was made; take save_params, and load_params into a "
            "model that is made the same way"
        )
    vocabulary = model.vocab_size if model.vocab is None else model.vocab.to_dict()
    config = {**model.config, "dtype": model.params.flat.dtype.name}  # astype changes it
    metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(config)}
    params = model.params.like(to_host(model.params.flat))
    return Content(dict(params), {**metadata, "vocabulary": json.dumps(vocabulary)})


def model_from(kind: Callable[..., M], content: Content, path: str | PathLike[str], rng: Any = 0) -> M:
    """The model of `content_of`, on the host; tensors whose names hold a "/" are none of its parameters.

    Args:
        kind: LanguageModel.
        path: of the file, for the errors.
        rng: for what the model draws later, the dropout.

    Raises:
        ValueError: if the content is none of a model, before memory is taken for it.
    """
    with damage_in(path):
        config, vocab = check_size(content)
        model = kind(vocab, **config, rng=rng)
        set_params(model.params, parameters_of(content))
        return model


def check_size(content: Content) -> tuple[dict[str, Any], Vocabulary | int]:
    """Returns the configuration and the vocabulary. Raises unless the content has as many parameters as they say."""
    config, vocabulary = (json.loads(content.metadata[name]) for name in ("config", "vocabulary"))
    vocab = vocabulary if isinstance(vocabulary, int) else Vocabulary.from_dict(vocabulary)
    count = parameter_count(config, vocab if isinstance(vocab, int) else len(vocab))
    if count != (held := sum(tensor.size for tensor in parameters_of(content).values())):
        raise ValueError(f"its configuration has {count} parameters, it holds {held}")
    return config, vocab


def parameters_of(content: Content) -> dict[str, np.ndarray]:
    return {name: tensor for name, tensor in content.tensors.items() if "/" not in name}
