"""Renews an inventory of docs/inventories: the addresses of another project's names, which Sphinx reads from disk.

`python docs/_ext/inventory.py docs/inventories/python.inv objects.inv` finds each name of the first file in the second,
a whole inventory (Debian's package python3.11-doc has one), and writes its address. The files are of the first version
of the format, which is text: a line has a name, its kind, and its page, where its place has the same name.
"""

import sys
import zlib
from pathlib import Path


def whole(data: bytes) -> dict[tuple[str, str], str]:
    """Returns {(name, kind): page} of the Python names of an inventory of the second version."""
    _, lines = data.split(b"zlib.\n", 1)
    found = {}
    for line in zlib.decompress(lines).decode().splitlines():
        name, kind, _, place, _ = line.split(" ", 4)
        if kind.startswith("py:") and place.endswith(("#$", f"#{name}")):
            found[name, kind.removeprefix("py:")] = place.partition("#")[0]
    return found


def renewed(kept: str, data: bytes) -> str:
    """Returns the text of the kept inventory with the pages of the whole one, which has all of its names."""
    pages = whole(data)
    head = [row for row in kept.splitlines() if row.startswith("#")]
    names = sorted(tuple(row.split()[:2]) for row in kept.splitlines() if not row.startswith("#"))
    return "\n".join([*head, *(f"{name} {kind} {pages[name, kind]}" for name, kind in names)]) + "\n"


if __name__ == "__main__":
    path, other = map(Path, sys.argv[1:])
    path.write_text(renewed(path.read_text(encoding="utf-8"), other.read_bytes()), encoding="utf-8")
