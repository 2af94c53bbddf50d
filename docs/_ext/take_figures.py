"""Figures of the examples, made small for the site: `python docs/_ext/take_figures.py [NAME ...]`.

Run the examples first. They are committed, since running all examples takes longer than a site may take to build.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
COLOURS = 64


def take(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def main(names: list[str]) -> None:
    for source in sorted((ROOT / "examples" / "figures").glob("[0-9][0-9]_*.png")):
        if not names or source.stem in names:
            take(source, ROOT / "docs" / "figures" / source.name)


if __name__ == "__main__":
    main(sys.argv[1:])
