"""A model as one safetensors file: the parameters under the notes' names, configuration and vocabulary as JSON.

A file carries the SHA-256 of all it holds and is replaced as a whole, so that at any moment there is either the old one
or the new one, and a damaged one is noticed. No pickle: reading a file runs nothing. Anybody can write a SHA-256 that
fits, so what a file says is checked before it is believed, and a size before memory is taken for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from npseq.backend import to_host
from npseq.data import Vocabulary
from npseq.models.sizes import parameter_count

if TYPE_CHECKING:
    from npseq.models.language_model import LanguageModel

FORMAT, VERSION = "npseq language model", "1"


class Content(NamedTuple):
    """What a file holds: tensors {name: array} and metadata {name: text}."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def save_model(model: LanguageModel, path: str | PathLike[str]) -> None:
    """Writes a model to this file; a file that was there is replaced as a whole. Raises OSError where it cannot."""
    write_content(model_content(model), path)


def load_model(path: str | PathLike[str]) -> LanguageModel:
    """The model that `save_model`, or a training checkpoint, wrote, on the host; the bits are the same.

    Raises FileNotFoundError where there is no file, ValueError for one that is damaged or of another kind.
    """
    return model_from(read_content(path), path)


def model_content(model: LanguageModel) -> Content:
    """All that makes a model. The names of its tensors are those of its params, "recurrent.W_xh"."""
    params = model.params.like(to_host(model.params.flat))
    vocabulary = model.vocab_size if model.vocab is None else model.vocab.to_dict()
    metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(model.config)}
    return Content(dict(params), {**metadata, "vocabulary": json.dumps(vocabulary)})


def model_from(content: Content, path: str | PathLike[str], rng: Any = 0) -> LanguageModel:
    """The model of `model_content`; tensors whose names hold a "/" are none of its parameters. path: for the errors.

    rng: a seed or a Generator for what the model draws later, the dropout.
    """
    with believed(path):
        config, vocabulary = (json.loads(content.metadata[name]) for name in ("config", "vocabulary"))
        vocab = vocabulary if isinstance(vocabulary, int) else Vocabulary.from_dict(vocabulary)
        return _model(config, vocab, content.tensors, rng)


def _model(config: dict[str, Any], vocab: Vocabulary | int, tensors: dict[str, np.ndarray], rng: Any) -> LanguageModel:
    from npseq.models.language_model import LanguageModel

    given = {name: (tensor.shape, tensor.dtype.name) for name, tensor in tensors.items() if "/" not in name}
    count = parameter_count(config, vocab if isinstance(vocab, int) else len(vocab))
    if count != (held := sum(prod(shape) for shape, _ in given.values())):
        raise ValueError(f"its configuration has {count} parameters, it holds {held}")
    model = LanguageModel(vocab, **config, rng=rng)
    expected = {name: (view.shape, view.dtype.name) for name, view in model.params.items()}
    if given != expected:
        wanted, there = (sorted(a.items() - b.items())[:3] for a, b in ((expected, given), (given, expected)))
        raise ValueError(f"its parameters must be those of its configuration, {wanted} first, it holds {there}")
    for name in expected:
        model.params[name] = tensors[name]
    return model


@contextmanager
def believed(path: str | PathLike[str]) -> Iterator[None]:
    """What goes wrong while the content of a file is taken for what it says becomes one ValueError that names it."""
    try:
        yield
    except KeyError as error:
        raise _damaged(path, f"it lacks {error}") from error
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _damaged(path, " ".join(str(error).split())) from error


def write_content(content: Content, path: str | PathLike[str]) -> None:
    """Writes a file beside this path, forces it to the disk, and puts it in the place of what was there."""
    from safetensors.numpy import save

    path = _path(path)
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in content.tensors.items()}
    payload = save(tensors, {**content.metadata, "sha256": _digest(Content(tensors, content.metadata))})
    replace_file(path, payload)


def replace_file(path: Path, payload: bytes) -> None:
    """Puts a file with these bytes at path; a crash at any moment leaves either the old file or the new one, whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened, and the rename is durable without
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_content(path: str | PathLike[str], form: str = FORMAT) -> Content:
    """What `write_content` wrote in this form, checked against its SHA-256.

    Raises FileNotFoundError where there is no file, ValueError for one that is damaged or that npseq did not write.
    """
    from safetensors import SafetensorError, safe_open

    path = _path(path)
    if not path.is_file():
        raise FileNotFoundError(f"a model must be an existing file, found none at {str(path)!r}; check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            names, metadata = file.keys(), file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    if metadata.get("format") != form:
        wanted = "a model" if form == FORMAT else f"in the format {form!r}"
        raise ValueError(f"{str(path)!r} must be {wanted} that npseq saved, its format is {metadata.get('format')!r}")
    if metadata.get("version") != VERSION:
        raise ValueError(
            f"{str(path)!r} must have version {VERSION} of the format, it has {metadata.get('version')!r}; "
            "load it with the npseq that wrote it"
        )
    content = Content(tensors, {name: value for name, value in metadata.items() if name != "sha256"})
    if _digest(content) != metadata.get("sha256"):
        raise _damaged(path, "its content does not match its SHA-256")
    return content


def _path(path: str | PathLike[str]) -> Path:
    if not isinstance(path, str | PathLike):
        raise TypeError(f"path must be that of a file, got {path!r}")
    return Path(path)


def _damaged(path: str | PathLike[str], reason: str) -> ValueError:
    return ValueError(f"{str(path)!r} is damaged ({reason}); restore it from a copy, or train again")


def _digest(content: Content) -> str:
    tensors = dict(sorted(content.tensors.items()))
    shapes = [[name, tensor.dtype.str, tensor.shape] for name, tensor in tensors.items()]
    digest = hashlib.sha256(json.dumps([sorted(content.metadata.items()), shapes]).encode())
    for tensor in tensors.values():
        digest.update(tensor.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
