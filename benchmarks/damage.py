"""Random damages of a checkpoint, a vocabulary and a text: what a disk, a network or an enemy can do to a file.

A kind is a function of (bytes of a good file, bytes of another good file, a Generator) that returns the bytes of a bad
one. The forged kinds write a SHA-256 that fits what they changed, so that only what the file says can give it away.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from npseq.files import Content, digest

Damage = Callable[[bytes, bytes, np.random.Generator], bytes]
GIANT = (2**31, 2**40, 2**62, 2**63 - 1, 2**64, 10**30, 10**400)
ODD = (None, True, -1, 0, 1.5, "", "x", [], {}, [[]], *GIANT, float("nan"), float("inf"), "\ud800", "a\0b")


def split(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, and its data."""
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def joined(header: Any, data: bytes, size: int | None = None) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text) if size is None else size % 2**64) + text + data


def content_of(raw: bytes) -> Content:
    return Content(dict(load(raw)), split(raw)[0]["__metadata__"])


def forged(content: Content) -> bytes:
    """A file with a SHA-256 that fits."""
    content = content._replace(metadata={k: v for k, v in content.metadata.items() if k != "sha256"})
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in content.tensors.items()}
    content = content._replace(tensors=tensors)
    return save(tensors, {**content.metadata, "sha256": digest(content)})


# bytes ---------------------------------------------------------------------------------------------------------------


def flip_bits(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(raw)
    for place in rng.choice(len(raw), rng.integers(1, 9), replace=False):
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def flip_header(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(raw)
    changed[rng.integers(len(raw) - len(split(raw)[1]))] ^= 1 << rng.integers(8)
    return bytes(changed)


def truncate(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return raw[: rng.integers(len(raw))]


def extend(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return raw + rng.bytes(rng.integers(1, 1000))


def _span(raw: bytes, rng: np.random.Generator) -> tuple[int, int]:
    first, last = sorted(rng.choice(len(raw), 2, replace=False))
    return first, last + 1


def swap_pieces(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    a, b, c, d = np.sort(rng.choice(len(raw), 4, replace=False))
    return raw[:a] + raw[c:d] + raw[b:c] + raw[a:b] + raw[d:]


def overwrite(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    first, last = _span(raw, rng)
    filling = bytes(last - first) if rng.random() < 0.5 else rng.bytes(last - first)
    return raw[:first] + filling + raw[last:]


def drop_piece(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    first, last = _span(raw, rng)
    return raw[:first] + raw[last:]


def piece_of_another(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    first, last = _span(raw[: len(other)], rng)
    return raw[:first] + other[first:last] + raw[last:]


def foreign(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    npz = io.BytesIO()
    np.savez(npz, a=np.zeros(3))
    files = [
        b"", b"\0" * 100, rng.bytes(1000), b"PK\3\4" + rng.bytes(99), b"\x89PNG\r\n\x1a\n" + rng.bytes(50),
        b"It was the best of times.\n" * 9, b'{"a": 1}', gzip.compress(raw), npz.getvalue(), pickle.dumps({"a": 1}),
        save({"a": np.zeros(3)}), save({"a": np.zeros(3)}, {"format": "pt"}), raw[8:], raw[::-1],
    ]  # fmt: skip
    return files[rng.integers(len(files))]


# the header ----------------------------------------------------------------------------------------------------------


def header_length(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    sizes = [0, 1, 7, len(raw), len(raw) - 8, 99_999_999, 2**31, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
    return struct.pack("<Q", sizes[rng.integers(len(sizes))]) + raw[8:]


def header_edit(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A tensor renamed, taken away or given another shape, dtype or place; the data stay."""
    header, data = split(raw)
    name = str(rng.choice([key for key in header if key != "__metadata__"]))
    entry = header[name]
    edits: list[Callable[[], object]] = [
        lambda: header.pop(name),
        lambda: header.update({f"{name}x": header.pop(name)}),
        lambda: entry.update(shape=[ODD[rng.integers(len(ODD))]]),
        lambda: entry.update(shape=[int(rng.choice([2**31, 2**40, 2**62]))] * int(rng.integers(1, 4))),
        lambda: entry.update(shape=[*entry["shape"], 1]),
        lambda: entry.update(dtype=str(rng.choice(["F64", "F16", "BF16", "I8", "BOOL", "C64", "F8_E4M3", "Q7", ""]))),
        lambda: entry.update(data_offsets=[ODD[rng.integers(len(ODD))], ODD[rng.integers(len(ODD))]]),
        lambda: entry.update(data_offsets=[0, int(rng.choice([0, len(data), 2**40, 2**62]))]),
        lambda: header.update({name: ODD[rng.integers(len(ODD))]}),
        lambda: header.pop("__metadata__"),
        lambda: header.update(__metadata__=ODD[rng.integers(len(ODD))]),
        lambda: header["__metadata__"].update(made=ODD[rng.integers(len(ODD))]),
        lambda: header["__metadata__"].pop(str(rng.choice(list(header["__metadata__"])))),
    ]
    edits[rng.integers(len(edits))]()
    return joined(header, data)


def deep_header(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    depth = int(rng.choice([200, 5_000, 100_000]))
    return joined("[" * depth + "]" * depth, b"")


# what a fitting SHA-256 hides ----------------------------------------------------------------------------------------


def forged_tensor(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A tensor missing, renamed, of another shape or dtype, or one too many."""
    content = content_of(raw)
    tensors = content.tensors
    name = str(rng.choice(sorted(tensors)))
    wide = np.float64 if tensors[name].dtype != np.float64 else np.float32
    edits: list[Callable[[], object]] = [
        lambda: tensors.pop(name),
        lambda: tensors.update({f"{name}x": tensors.pop(name)}),
        lambda: tensors.update({name: tensors[name][None]}),
        lambda: tensors.update({name: np.repeat(tensors[name], 2, axis=0)}),
        lambda: tensors.update({name: tensors[name][:0]}),
        lambda: tensors.update({name: tensors[name].astype(wide)}),
        lambda: tensors.update({name: tensors[name].view(np.uint8)}),
        lambda: tensors.update(extra=np.zeros(3, np.float32)),
        lambda: tensors.update({"optimizer/extra/": np.zeros(3, np.float32)}),
    ]
    edits[rng.integers(len(edits))]()
    return forged(content)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON tree."""
    pairs = list(tree.items() if isinstance(tree, dict) else enumerate(tree)) if isinstance(tree, dict | list) else []
    return [place for key, value in pairs for place in [(tree, key), *_places(value)]]


def _worsen(tree: Any, rng: np.random.Generator) -> None:
    """Somewhere in a JSON tree, a value becomes another, odd one, or goes away."""
    places = _places(tree)
    container, key = places[rng.integers(len(places))]
    if rng.random() < 0.2:
        del container[key]
    else:
        value = ODD[rng.integers(len(ODD))]
        container[key] = value if value != container[key] or type(value) is not type(container[key]) else ["odd"]


def _forged_json(raw: bytes, name: str, rng: np.random.Generator) -> bytes:
    content = content_of(raw)
    tree = json.loads(content.metadata[name])
    if name == "training":
        for free in ("text_digest", "rng"):  # any digest is one of some text, and any state one of a generator
            tree.pop(free) if rng.random() < 0.02 else None
        tree = {**tree, "config": {**tree["config"]}}
    vocabulary = {"vocab": tree.pop("vocab")} if name == "made" else {}
    _worsen(tree, rng)
    tree = {**tree, **vocabulary}
    return forged(content._replace(metadata={**content.metadata, name: json.dumps(tree)}))


def forged_config(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return _forged_json(raw, "made", rng)


def forged_sizes(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A giant size, for which there must be no attempt to take memory."""
    content = content_of(raw)
    made = json.loads(content.metadata["made"])
    made[str(rng.choice(["hidden_size", "num_layers", "embedding_size", "proj_size"]))] = GIANT[
        rng.integers(len(GIANT) - 1)
    ]
    if rng.random() < 0.3:
        made["vocab"] = GIANT[rng.integers(len(GIANT) - 1)]
    return forged(content._replace(metadata={**content.metadata, "made": json.dumps(made)}))


def forged_training(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return _forged_json(raw, "training", rng)


def forged_vocabulary(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    content = content_of(raw)
    made = json.loads(content.metadata["made"])
    _worsen(made["vocab"]["vocabulary"], rng)
    return forged(content._replace(metadata={**content.metadata, "made": json.dumps(made)}))


def forged_metadata(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A whole entry of the metadata missing, or no JSON, or JSON that is nested 100,000 deep."""
    content = content_of(raw)
    name = str(rng.choice(["format", "version", "made", "fitted", "training"]))
    metadata = dict(content.metadata)
    odd = ["", "[", "nul", "NaN", "null", "[]", "{}", "7", '"x"', "[" * 100_000 + "]" * 100_000, "1" + "0" * 5000]
    if rng.random() < 0.2:
        del metadata[name]
    else:
        metadata[name] = odd[rng.integers(len(odd))]
    return forged(content._replace(metadata=metadata))


CHECKPOINT: tuple[Damage, ...] = (
    flip_bits, flip_header, truncate, extend, swap_pieces, overwrite, drop_piece, piece_of_another, foreign,
    header_length, header_edit, deep_header, forged_tensor, forged_config, forged_sizes, forged_training,
    forged_vocabulary, forged_metadata,
)  # fmt: skip
TEXT: tuple[Damage, ...] = (flip_bits, truncate, extend, swap_pieces, overwrite, drop_piece, piece_of_another)
