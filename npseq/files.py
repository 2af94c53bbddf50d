"""Files that are replaced as a whole, and the safetensors files in which npseq keeps arrays.

A file of arrays carries the SHA-256 of all it holds, so a damaged one is noticed. There is no pickle: reading a file
runs nothing. Anybody can write a SHA-256 that fits, so a reader checks what a file says before it takes memory for it.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

VERSION = "1"


class Content(NamedTuple):
    """What a file of arrays holds: tensors {name: array} and metadata {name: text}, "format" and "version" in it."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def write_content(content: Content, path: str | PathLike[str]) -> None:
    """Writes a file of arrays; a file that was there is replaced as a whole. Raises OSError if it cannot be written."""
    from safetensors.numpy import save

    path = _path(path)
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in content.tensors.items()}
    payload = save(tensors, {**content.metadata, "sha256": digest(Content(tensors, content.metadata))})
    replace_file(path, payload)


def read_content(path: str | PathLike[str], form: str) -> Content:
    """Reads the content that `write_content` wrote in this format, and checks it against its SHA-256.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if the file is damaged, or of another format or version.
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
    given, version = metadata.get("format"), metadata.get("version")
    if given != form:
        raise ValueError(f"{str(path)!r} must be in the format {form!r} that npseq saved, its format is {given!r}")
    if version != VERSION:
        raise ValueError(
            f"{str(path)!r} must have version {VERSION} of the format, it has {version!r}; "
            "load it with the npseq that wrote it"
        )
    content = Content(tensors, {name: value for name, value in metadata.items() if name != "sha256"})
    if digest(content) != metadata.get("sha256"):
        raise _damaged(path, "its content does not match its SHA-256")
    return content


@contextmanager
def damage_in(path: str | PathLike[str]) -> Iterator[None]:
    """Turns an error that the content of a file causes inside into one ValueError that names the file."""
    try:
        yield
    except KeyError as error:
        raise _damaged(path, f"it lacks {error}") from error
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _damaged(path, " ".join(str(error).split())) from error


def digest(content: Content) -> str:
    """Returns the SHA-256 of metadata and tensors, names, dtypes and shapes among them."""
    tensors = dict(sorted(content.tensors.items()))
    shapes = [[name, tensor.dtype.str, tensor.shape] for name, tensor in tensors.items()]
    found = hashlib.sha256(json.dumps([sorted(content.metadata.items()), shapes]).encode())
    for tensor in tensors.values():
        found.update(tensor.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


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


def make_folder(out: Path) -> None:
    """Makes a folder and tries to write in it, before work starts that would have nowhere to go.

    Raises:
        OSError: if the folder cannot be made, or nothing can be written in it.
    """
    probe = out / ".npseq.partial"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OSError(f"the output folder {str(out)!r} must be writable: {error}; name another one") from error


def _path(path: str | PathLike[str]) -> Path:
    if not isinstance(path, str | PathLike):
        raise TypeError(f"path must be that of a file, got {path!r}")
    return Path(path)


def _damaged(path: str | PathLike[str], reason: str) -> ValueError:
    return ValueError(f"{str(path)!r} is damaged ({reason}); restore it from a copy, or train again")
