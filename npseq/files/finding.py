"""This module finds a file that must be there, and says of one that is not which name may have been meant."""

import os
from difflib import get_close_matches
from pathlib import Path

from npseq.files.writing import as_path


def existing(
    path: str | os.PathLike[str],
    what: str,
    *,
    pipe: bool = False,
    others: tuple[str, ...] = (),
    of_a_folder: str = "name a file in it",
) -> Path:
    """Returns the path of a file. Raises FileNotFoundError where there is none, with the name that is most like it.

    what: the file is, for the error. pipe: whether it may be a pipe. others: names that were possible in its place.
    of_a_folder: what to do about a folder.
    """
    found = as_path(path)
    if found.is_file() or (pipe and found.is_fifo()):
        return found
    if found.is_dir():
        raise FileNotFoundError(f"{what} must be a file, {str(found)!r} is a folder; {of_a_folder}")
    raise FileNotFoundError(f"{what} must be an existing file, found none at {str(path)!r}; {_remedy(found, others)}")


def _remedy(path: Path, others: tuple[str, ...]) -> str:
    if path.parts[0] in ("http:", "https:"):
        return "download it first"
    if path.parts[0] == "~":
        return f"did you mean {str(path.expanduser())!r}?"
    near = get_close_matches(str(path), others, 1) or get_close_matches(path.name, _names(path.parent), 1)
    return f"did you mean {near[0]!r}?" if near else "check the path"


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
