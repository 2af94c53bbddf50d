"""The header of a safetensors file, which is judged against the file's size before anything else is read.

The file begins with the length of the header, 8 bytes, little-endian. The header is JSON: {tensor's name: its dtype,
shape and place}, and "__metadata__". The tensors follow, one after the other.
"""

import json
import os
from collections.abc import Mapping
from io import BufferedReader
from math import prod
from typing import Any, NamedTuple

import numpy as np

LONGEST = 100_000_000  # bytes of a header, a limit of the format
DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8",
}  # fmt: skip


class Entry(NamedTuple):
    """What a header says of a tensor, whose bytes are [begin, end) after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """What a file says that it holds."""

    metadata: dict[str, str]
    entries: dict[str, Entry]
    start: int  # of the tensors in the file

    def outlines(self) -> dict[str, np.ndarray]:
        """Returns arrays of the tensors' dtypes and shapes that take no memory."""
        return {name: np.broadcast_to(np.zeros((), DTYPES[e.dtype]), e.shape) for name, e in self.entries.items()}

    def tensors(self, file: BufferedReader) -> dict[str, np.ndarray]:
        """Reads the tensors. Raises ValueError if the file has become shorter."""
        found = {}
        for name, entry in self.entries.items():
            found[name] = np.empty(entry.shape, DTYPES[entry.dtype])
            file.seek(self.start + entry.begin)
            if file.readinto(found[name].reshape(-1).view(np.uint8).data) != entry.end - entry.begin:
                raise ValueError(f"it ends within tensor {name!r}")
        return found


def header_bytes(file: BufferedReader) -> bytes | None:
    """Returns the header of a file, None for a file that does not begin as safetensors files do.

    Raises ValueError if the header reaches past the end of the file.
    """
    head = file.read(9)
    length = int.from_bytes(head[:8], "little")
    if head[8:] != b"{" or length > LONGEST:
        return None
    if 8 + length > os.fstat(file.fileno()).st_size:
        raise ValueError(f"its header has {length} bytes, which reach past its end")
    return head[8:] + file.read(length - 1)


def parsed(raw: bytes, size: int) -> Header:
    """Returns the header of a file of this size, if the tensors are as large as it says and fill the file.

    Raises ValueError or TypeError otherwise.
    """
    tree = json.loads(raw.decode())
    metadata = tree.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata must map names to texts")
    start = 8 + len(raw)
    entries = {name: _entry(name, given, size - start) for name, given in tree.items()}
    place = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.begin != place:
            raise ValueError(f"its tensor {name[:80]!r} must begin at byte {place}, it begins at {entry.begin}")
        place = entry.end
    if place != size - start:
        raise ValueError(f"its tensors must end with the file at byte {size - start}, they end at {place}")
    return Header(metadata, entries, start)


def _entry(name: str, given: Any, room: int) -> Entry:
    if not isinstance(given, Mapping) or given.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"its tensor {name[:80]!r} must have a dtype, a shape and data_offsets")
    dtype, shape, places = given["dtype"], given["shape"], given["data_offsets"]
    whole = all(isinstance(part, list) and all(type(n) is int and n >= 0 for n in part) for part in (shape, places))
    if not isinstance(dtype, str) or not whole or len(places) != 2 or len(shape) > 32:
        raise ValueError(f"its tensor {name[:80]!r} must have a name for dtype, and whole numbers for the others")
    entry = Entry(dtype, tuple(shape), *places)
    if max(entry.end, *shape, 0) > room or entry.begin > entry.end:
        raise ValueError(f"its tensor {name[:80]!r} must lie in the {room} bytes of the file, it has {given!r:.200}")
    if dtype in DTYPES and prod(shape) * np.dtype(DTYPES[dtype]).itemsize != entry.end - entry.begin:
        raise ValueError(f"its tensor {name[:80]!r} has another size than its dtype and shape, {given!r:.200}")
    return entry
