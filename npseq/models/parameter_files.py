"""The parameters of any model as one safetensors file, to be read into a model that was built the same way.

A language model's own file (saving.py) also has what builds it; a tagger or a translator is built by its script, of
layers of any kind, and only what it has learnt is kept. The file is written and checked as that one is: replaced as a
whole, with the SHA-256 of all it holds, and no pickle.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from npseq.backend import array_module, to_host
from npseq.models.saving import VERSION, Content, read_content, write_content

if TYPE_CHECKING:
    from npseq.models.model import Model

FORMAT = "npseq parameters"


def save_params(model: Model, path: str | PathLike[str]) -> None:
    """Writes the parameters of a model, under the names of its params. Raises OSError where it cannot."""
    params = model.params.like(to_host(model.params.flat))
    write_content(Content(dict(params), {"format": FORMAT, "version": VERSION, "model": repr(model)}), path)


def load_params(model: Model, path: str | PathLike[str]) -> None:
    """Writes over the parameters of a model with those of a file, bit for bit.

    Raises FileNotFoundError where there is no file, ValueError for one that is damaged, or whose names, shapes or
    dtypes are not those of the model, which then is as it was.
    """
    content = read_content(path, FORMAT)
    held, wanted = _shapes(content.tensors), _shapes(model.params)
    if held != wanted:
        apart = [sorted(a.items() - b.items())[:3] for a, b in ((wanted, held), (held, wanted))]
        raise ValueError(
            f"{str(path)!r} must hold the parameters of {model}, {apart[0]} among them, it holds {apart[1]}, "
            f"of {content.metadata.get('model')}; build the model as it was when it was saved"
        )
    xp = array_module(model.params.flat)
    for name, tensor in content.tensors.items():
        model.params[name] = xp.asarray(tensor)


def _shapes(arrays: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (array.shape, np.dtype(array.dtype).name) for name, array in arrays.items()}
