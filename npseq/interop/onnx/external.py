"""Numbers of an ONNX file that lie in another file beside it, as PyTorch's exporter writes them."""

from os.path import isfile, realpath
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any


def external_data(tensor: Any, what: str, folder: Path, size: int) -> bytes:
    """The `size` bytes of a tensor, from a file in the folder of the ONNX file or below it.

    Raises ValueError, before anything is read, for another place, a file that is not there, and one that is too short.
    """
    entries = {one.key: one.value for one in tensor.external_data}
    if len(entries) < len(tensor.external_data):
        raise ValueError(f"{what} lies in another file, whose place it gives twice")
    path = _inside(entries.get("location", ""), what, folder)
    held, start = path.stat().st_size, _number(entries.get("offset") or "0", what)
    claimed = held - start if "length" not in entries else _number(entries["length"], what)
    if claimed != size or start + size > held:
        raise ValueError(
            f"{what} must have {size} bytes in {path.name!r:.80}, it says {claimed} from byte {start} of {held}"
        )
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(size)


def _inside(location: str, what: str, folder: Path) -> Path:
    """The file, links resolved; no link and no path leads out of the folder."""
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    path = Path(realpath(folder / location.replace("\0", "")))
    if not location or absolute or ".." in parts or not path.is_relative_to(realpath(folder)):
        raise ValueError(
            f"{what} lies in another file, which must be in the folder of the model and no link out of it, "
            f"got {location!r:.80}; put a copy there"
        )
    if not isfile(path):
        raise ValueError(f"{what} lies in {location!r:.80}, which is not beside the model; put it there")
    return path


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(f"{what} must have its place in another file in bytes, got {text!r:.80}")
    return int(text)
