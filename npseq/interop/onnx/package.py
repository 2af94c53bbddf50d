"""Reading and writing files needs the onnx package, which is loaded here."""

from typing import Any

LIMIT = 2**31 - 1  # bytes: the most that one protobuf message, and so one ONNX file, can have


def onnx_for(what: str) -> Any:
    """The module onnx. Raises ImportError, naming the extra, if it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(f"{what} needs onnx, which is not installed; pip install 'npseq[onnx]'") from error
    return onnx
