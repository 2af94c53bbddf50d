"""This module reads and writes the safetensors files in which npseq keeps arrays.

A file carries the SHA-256 of all it holds, so a damaged one is noticed. There is no pickle: reading a file runs
nothing. Anybody can write a SHA-256 that fits, so a reader checks what a file says before it takes memory for it.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from npseq.files.finding import existing
from npseq.files.header import DTYPES, Header, header_bytes, parsed
from npseq.files.writing import Ours, as_path, replace_file

VERSION = "1"
OURS = re.compile(rb'"format" ?: ?"npseq ')  # in the header of a file of npseq's


class Content(NamedTuple):
    """What a file of arrays holds: tensors {name: array} and metadata {name: text}, "format" and "version" in it."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def is_ours(path: Path) -> bool:
    """Whether npseq has written this file of arrays."""
    with open(path, "rb") as file:
        try:
            return OURS.search(header_bytes(file) or b"") is not None
        except ValueError:
            return False


def write_content(content: Content, path: str | PathLike[str], ours: Ours = is_ours, *, follow: bool = True) -> None:
    """Writes a file of arrays; a file of npseq's that was there is replaced as a whole.

    Raises OSError if it cannot be written, or as `replaceable` does, and ValueError for a dtype that the format lacks.
    """
    from safetensors.numpy import save

    path = as_path(path)
    for name, tensor in content.tensors.items():
        if tensor.dtype not in map(np.dtype, DTYPES.values()):
            raise ValueError(f"a file of arrays holds no {tensor.dtype}, got it as {name!r}; convert it with astype")
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in content.tensors.items()}
    payload = save(tensors, {**content.metadata, "sha256": digest(Content(tensors, content.metadata))})
    replace_file(path, payload, ours, follow=follow)


def read_content(path: str | PathLike[str], form: str, check: Callable[[Content], object] | None = None) -> Content:
    """Reads the content that `write_content` wrote in this format, and checks it against its SHA-256.

    check: raises ValueError for a content that cannot be right; it is called with arrays of the right dtypes and shapes
    before those of the file are read.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if the file is damaged, or of another format or version.
    """
    path = existing(path, "a model", of_a_folder="name the file in it, of a run best.safetensors")
    with open(path, "rb") as file:
        header = _judged(file, path, form)
        metadata = {name: value for name, value in header.metadata.items() if name != "sha256"}
        with damage_in(path):
            if check is not None:
                check(Content(header.outlines(), metadata))
            content = Content(header.tensors(file), metadata)
    if digest(content) != header.metadata.get("sha256"):
        raise _damaged(path, "its content does not match its SHA-256")
    return content


def _judged(file: BufferedReader, path: Path, form: str) -> Header:
    """Returns the header of a file. Raises ValueError unless it is one of npseq's, of this format."""
    with damage_in(path):
        raw = header_bytes(file)
        header = None if raw is None else parsed(raw, os.fstat(file.fileno()).st_size)
    if header is None:
        raise ValueError(
            f"{str(path)!r} is no model of npseq, it does not begin as a safetensors file does; name the folder of a "
            "run, or a file that npseq has saved"
        )
    for name, entry in header.entries.items():
        if entry.dtype not in DTYPES:
            raise ValueError(
                f"{str(path)!r} is no model of npseq, its tensor {name[:80]!r} has the dtype {entry.dtype[:80]!r}, "
                "which NumPy lacks and npseq never writes; load it with the library that wrote it, copy it into the "
                "params of a model as float32, or give it to npseq.interop.torch.load"
            )
    given, version = header.metadata.get("format"), header.metadata.get("version")
    if given != form:
        other = "; weights of another library load by npseq.interop" if given is None else ""
        if kind := re.fullmatch(r"npseq ([A-Z]\w*)", given or ""):
            other = f"; in Python, ns.models.{kind[1]}.load takes it"
        raise ValueError(
            f"{str(path)!r} must be in the format {form!r} that npseq saved, its format is {given!r:.80}{other}"
        )
    if version != VERSION:
        raise ValueError(
            f"{str(path)!r} must have version {VERSION} of the format, it has {version!r:.80}; "
            "load it with the npseq that wrote it"
        )
    return header


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


def _damaged(path: str | PathLike[str], reason: str) -> ValueError:
    return ValueError(f"{str(path)!r} is damaged ({reason}); restore it from a copy, or train again")
