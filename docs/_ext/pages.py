"""Pages that are made, not written: they lie beside the written ones while the site is built, and are not committed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_changed(folder: Path, pages: Mapping[str, str]) -> None:
    """{file name: text} into the folder, which then holds no other page; Sphinx need not read again what stayed."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.rst"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
