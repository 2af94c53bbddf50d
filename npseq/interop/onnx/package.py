"""The onnx package, which reading and writing files needs and nothing else."""

from __future__ import annotations

from typing import Any

LIMIT = 2**31 - 1  # bytes: the most that one protobuf message, and so an ONNX file by itself, can have


def onnx_for(what: str) -> Any:
    """The module onnx. Raises ImportError, naming the extra, where it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(f"{what} needs onnx, which is not installed; pip install 'npseq[onnx]'") from error
    return onnx
